/* tests/fuzz/make_seeds.c - seeds for fuzz_decode: make_seeds FOLDER [CAPTURE.pcap ...]
 *
 * For each sensor of the family packets of our own encoder, good ones and an accessory, then one all zeros,
 * one all ones, a short and a long one; and of each capture whose packets are of the family's sizes the first
 * ones. */
#include "tests/fuzz/decode_input.h"
#include "io/source_pcap.h"

#define CAP_SEED   20000
#define OF_CAPTURE 6
#define LOOKED_AT  100 /* packets */

struct seed {
    uint8_t bytes[CAP_SEED];
    size_t n;
};

static void add(struct seed *s, uint8_t control, const uint8_t *bytes, size_t size)
{
    const bool sized = (control & 7) == INPUT_SIZED;
    if (s->n + 3 + size > sizeof s->bytes)
        return;
    s->bytes[s->n++] = control;
    if (sized) {
        s->bytes[s->n++] = (uint8_t)size;
        s->bytes[s->n++] = (uint8_t)(size >> 8);
    }
    memcpy(s->bytes + s->n, bytes, size);
    s->n += size;
}

static int save(const struct seed *s, const char *folder, const char *name)
{
    char path[1200];
    snprintf(path, sizeof path, "%.1000s/%.150s", folder, name);
    for (char *p = path + strlen(folder) + 1; *p; p++)
        *p = *p == ' ' || *p == '/' ? '_' : *p;
    FILE *f = fopen(path, "wb");
    const bool written = f && fwrite(s->bytes, 1, s->n, f) == s->n;
    if ((f && fclose(f) != 0) || !written) {
        fprintf(stderr, "%s: cannot write\n", path);
        return 1;
    }
    return 0;
}

/* blind: the decoder is opened by a packet without points. */
static int made_seed(int32_t n, bool blind, const char *folder)
{
    static struct seed s;
    static uint8_t bytes[GLINT_MADE_BYTES + 1];
    const int32_t sensor = input_sensor(n);
    struct glint_packet p = {0};
    s.n = 0;
    const int more = n % 4 == 1 ? INPUT_SECTORS : n % 4 == 2 ? INPUT_SENSORS : 0;
    s.bytes[s.n++] = (uint8_t)n;
    s.bytes[s.n++] = (uint8_t)(INPUT_VEHICLE | INPUT_MEND | more | (blind ? INPUT_BLIND | INPUT_AUTO : 0));
    for (uint32_t k = 0; k < 3; k++) {
        glint_made_packet(sensor, k, bytes, &p);
        add(&s, INPUT_NOMINAL | 1 << 3, bytes, p.size);
        if (k == 0 && glint_made_accessory(sensor, k, bytes, &p))
            add(&s, INPUT_ACCESSORY, bytes, p.size);
    }
    add(&s, INPUT_SIZED, bytes, p.size - 1);
    add(&s, INPUT_SIZED, bytes, p.size + 1);
    memset(bytes, 0, p.size);
    add(&s, INPUT_NOMINAL, bytes, p.size);
    memset(bytes, 0xff, p.size);
    add(&s, INPUT_NOMINAL, bytes, p.size);
    char name[100];
    snprintf(name, sizeof name, "%s%s", glint_made_name(sensor), blind ? " blind" : "");
    return save(&s, folder, name);
}

/* The sensor of the family whose packets have this size and, of a Velodyne, this product; -1: none. */
static int32_t sensor_of(const struct glint_packet *p)
{
    static uint8_t bytes[GLINT_MADE_BYTES];
    struct glint_packet made;
    uint32_t sizes[2];
    for (int32_t n = 0; n < input_n_sensors(); n++) {
        input_sizes(input_sensor(n), sizes);
        if (sizes[0] != p->size)
            continue;
        glint_made_packet(input_sensor(n), 0, bytes, &made);
        if (p->size != 1206 || bytes[1205] == p->data[1205])
            return n;
    }
    return -1;
}

static int capture_seed(const char *path, const char *folder)
{
    static struct seed s;
    struct glint_source *source;
    struct glint_packet p;
    int32_t n = 0, looked = 0;
    const char *name = strrchr(path, '/');
    if (glint_source_pcap_open(path, NULL, &source) != GLINT_OK)
        return 0;
    s.n = INPUT_HEAD;
    s.bytes[1] = INPUT_VEHICLE;
    while (n < OF_CAPTURE && looked++ < LOOKED_AT && source->ops->next_packet(source, &p) == GLINT_OK) {
        const int32_t sensor = sensor_of(&p);
        if (sensor < 0 && n == 0)
            continue;
        s.bytes[0] = n == 0 ? (uint8_t)sensor : s.bytes[0];
        add(&s, INPUT_SIZED | 1 << 3, p.data, p.size);
        n++;
    }
    source->ops->close(source);
    return n ? save(&s, folder, name ? name + 1 : path) : 0;
}

int main(int argc, char **argv)
{
    int bad = argc < 2;
    for (int32_t n = 0; argc >= 2 && n < input_n_sensors(); n++)
        bad |= made_seed(n, false, argv[1]);
    bad |= argc >= 2 && made_seed(0, true, argv[1]);
    for (int i = 2; i < argc; i++)
        bad |= capture_seed(argv[i], argv[1]);
    return bad;
}
