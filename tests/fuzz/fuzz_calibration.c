/* tests/fuzz/fuzz_calibration.c - any calibration file: the first byte says which vendor's. */
#include "tests/fuzz/fuzz.h"
#include "calib/at_correction.h"
#include "calib/beam_load.h"
#include "calib/beam_robosense.h"
#include "calib/ouster_meta.h"
#include <math.h>

static void check_beams(const struct glint_beams *b)
{
    for (int32_t i = 0; i < b->n; i++)
        for (int k = 0; k < 3; k++)
            if (!isfinite(b->dir[k][i]) || !isfinite(b->off[k][i]) || b->ring[i] >= b->n)
                abort();
}

static void check_meta(const struct glint_ouster_meta *m)
{
    if (m->pixels < 1 || m->pixels > GLINT_BEAMS_CAP || m->columns_per_frame < 1 ||
        m->columns_per_frame > GLINT_OUSTER_COLUMNS_CAP || m->columns_per_packet < 1 || m->window[0] < 0 ||
        m->window[1] >= m->columns_per_frame)
        abort();
}

/* The file has one size: what the input has of it, zeros for the rest. */
static void check_at(const uint8_t *data, size_t n)
{
    static uint8_t whole[47176];
    static struct glint_at_correction c;
    memset(whole, 0, sizeof whole);
    memcpy(whole, data, n < sizeof whole ? n : sizeof whole);
    if (glint_at_correction_parse("input", whole, sizeof whole, &c) != GLINT_OK)
        return;
    for (int32_t e = 0; e < GLINT_AT_TURN; e += 99991)
        if (glint_at_field(&c, e) >= c.n_fields)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct glint_beams beams;
    static struct glint_ouster_meta meta;
    if (size < 1)
        return 0;
    const size_t n = size - 1;
    char *text = (char *)glint_fuzz_block(data + 1, n);
    if (data[0] == 'v' && glint_beams_parse_velodyne("input", text, n, 2, &beams) == GLINT_OK)
        check_beams(&beams);
    if (data[0] == 'h' && glint_beams_parse_hesai("input", text, n, 2, &beams) == GLINT_OK)
        check_beams(&beams);
    if (data[0] == 'r' && glint_beams_parse_robosense("input", text, n, 2, &beams) == GLINT_OK)
        check_beams(&beams);
    if (data[0] == 'o' && glint_ouster_meta_parse("input", text, n, &meta) == GLINT_OK)
        check_meta(&meta);
    if (data[0] == 'a')
        check_at((const uint8_t *)text, n);
    free(text);
    return 0;
}
