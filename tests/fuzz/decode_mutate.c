/* tests/fuzz/decode_mutate.c - changes inputs of fuzz_decode by packets: bytes inside one (heads and tails
 * more often), whole ones doubled, dropped, swapped, cut, lengthened, all zeros, all ones, or another good
 * one put in. libFuzzer's own way would shift all packets behind an insertion. */
#include "tests/fuzz/decode_input.h"

#define CAP_PACKETS 64

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

struct place { /* of a packet: control byte, its bytes, the next one */
    size_t begin, body, size, end;
};

static uint32_t draw(uint32_t *state, uint32_t n)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % n;
}

static int32_t find_packets(const uint8_t *data, size_t size, int32_t sensor, struct place *places)
{
    int32_t n = 0;
    for (size_t at = INPUT_HEAD; at < size && n < CAP_PACKETS; n++) {
        struct place *p = &places[n];
        p->begin = at;
        at = p->end = input_next(data, size, at, sensor, &p->body, &p->size);
    }
    return n;
}

/* Puts `n` bytes where `gone` bytes were; the new size, or the old one when it does not fit. */
static size_t splice(uint8_t *data, size_t size, size_t max_size, size_t at, size_t gone,
                     const uint8_t *bytes, size_t n)
{
    if (size - gone + n > max_size)
        return size;
    memmove(data + at + n, data + at + gone, size - at - gone);
    memcpy(data + at, bytes, n);
    return size - gone + n;
}

/* A packet with its size before it. */
static size_t put_sized(uint8_t *data, size_t size, size_t max_size, const struct place *p, size_t n,
                        uint8_t fill)
{
    static uint8_t bytes[65536 + 3];
    memset(bytes, fill, sizeof bytes);
    bytes[0] = (uint8_t)((data[p->begin] & ~7u) | INPUT_SIZED);
    bytes[1] = (uint8_t)n;
    bytes[2] = (uint8_t)(n >> 8);
    memcpy(bytes + 3, data + p->body, p->size < n ? p->size : n);
    return splice(data, size, max_size, p->begin, p->end - p->begin, bytes, 3 + n);
}

static size_t put_good(uint8_t *data, size_t size, size_t max_size, const struct place *p, int32_t sensor,
                       uint32_t *state)
{
    static uint8_t bytes[1 + GLINT_MADE_BYTES];
    struct glint_packet made;
    const bool other =
        draw(state, 4) == 0 && glint_made_accessory(sensor, draw(state, 100), bytes + 1, &made);
    if (!other)
        glint_made_packet(sensor, draw(state, 2000), bytes + 1, &made);
    bytes[0] = (uint8_t)((data[p->begin] & ~7u) | (other ? INPUT_ACCESSORY : INPUT_NOMINAL));
    return splice(data, size, max_size, draw(state, 2) ? p->begin : p->end, 0, bytes, 1 + made.size);
}

/* libFuzzer's change of a few bytes in place: at the packet's head, its tail, or anywhere. */
static void change_inside(uint8_t *data, const struct place *p, uint32_t *state)
{
    const size_t most = p->size < 64 ? p->size : 64, where = draw(state, 3);
    if (p->size == 0)
        return;
    const size_t n = 1 + draw(state, (uint32_t)most), room = p->size - n;
    const size_t at = where == 0   ? draw(state, (uint32_t)(room < 64 ? room + 1 : 64))
                      : where == 1 ? room - draw(state, (uint32_t)(room < 64 ? room + 1 : 64))
                                   : draw(state, (uint32_t)room + 1);
    LLVMFuzzerMutate(data + p->body + at, n, n);
}

/* With another packet of the input, its bytes or both whole. */
static size_t mix(uint8_t *data, size_t size, size_t max_size, const struct place *p, const struct place *q)
{
    static uint8_t bytes[65536 + 3];
    const size_t n = q->end - q->begin;
    if (n > sizeof bytes)
        return size;
    memcpy(bytes, data + q->begin, n);
    return splice(data, size, max_size, p->begin, 0, bytes, n);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct place places[CAP_PACKETS];
    uint32_t state = seed;
    if (size <= INPUT_HEAD || draw(&state, 16) == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    const int32_t sensor = input_sensor(data[0] % input_n_sensors());
    const int32_t n = find_packets(data, size, sensor, places);
    const struct place *p = &places[draw(&state, (uint32_t)n)], *q = &places[draw(&state, (uint32_t)n)];
    const uint32_t lengths[] = {
        0, 1, 2, (uint32_t)p->size - (p->size > 0), (uint32_t)p->size + 1, draw(&state, 2000)};
    switch (draw(&state, 16)) {
    case 0:
        data[draw(&state, INPUT_HEAD)] = (uint8_t)draw(&state, 256);
        return size;
    case 1:
        data[p->begin] = (uint8_t)draw(&state, 256);
        return size;
    case 2:
        return mix(data, size, max_size, p, q);
    case 3:
        return n > 1 ? splice(data, size, max_size, p->begin, p->end - p->begin, data, 0) : size;
    case 4:
        return put_sized(data, size, max_size, p, lengths[draw(&state, 6)], 0);
    case 5:
        memset(data + p->body, draw(&state, 2) ? 0 : 0xff, p->size);
        return size;
    case 6:
    case 7:
        return put_good(data, size, max_size, p, sensor, &state);
    default:
        change_inside(data, p, &state);
        return size;
    }
}
