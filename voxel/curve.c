/* voxel/curve.c - reference version, choice of version and the sort; see curve.h. */
#include "voxel/curve.h"
#include "voxel/sort.h"
#include <stdbool.h>
#include <string.h>

#define PART_BITS 30 /* of a code, per sort of 32-bit keys */

static const char *const names[GLINT_CURVE_COUNT] = {"z", "z-trans", "hilbert", "hilbert-trans"};

const char *glint_curve_name(enum glint_curve curve)
{
    return names[curve];
}

enum glint_curve glint_curve_find(const char *name)
{
    int i = 0;
    while (i < GLINT_CURVE_COUNT && strcmp(names[i], name))
        i++;
    return (enum glint_curve)i;
}

/* Bits of v[0], v[1], v[2] in turns, the highest first. */
static int64_t interleave(const uint32_t v[3], int32_t depth)
{
    int64_t code = 0;
    for (int32_t b = depth - 1; b >= 0; b--)
        for (int k = 0; k < 3; k++)
            code = code << 1 | (v[k] >> b & 1);
    return code;
}

/* Skilling's transform: coordinates to the transposed Gray code of the place on the curve. */
static void to_gray(uint32_t v[3], int32_t depth)
{
    for (int32_t b = depth - 1; b >= 0; b--) {
        const uint32_t below = (1u << b) - 1;
        for (int k = 0; k < 3; k++) {
            const uint32_t t = (v[0] ^ v[k]) & below;
            if (v[k] >> b & 1) {
                v[0] ^= below;
            } else {
                v[0] ^= t;
                v[k] ^= t;
            }
        }
    }
}

static int64_t from_gray(int64_t gray)
{
    for (int shift = 1; shift < 64; shift *= 2)
        gray ^= gray >> shift;
    return gray;
}

void glint_curve_c(enum glint_curve curve, int32_t depth, int64_t prefix, const int32_t *coord, int32_t n,
                   int64_t *code_out)
{
    const bool trans = curve == GLINT_CURVE_Z_TRANS || curve == GLINT_CURVE_HILBERT_TRANS;
    const bool hilbert = curve == GLINT_CURVE_HILBERT || curve == GLINT_CURVE_HILBERT_TRANS;
    for (int32_t i = 0; i < n; i++, coord += 3) {
        uint32_t v[3] = {(uint32_t)coord[trans], (uint32_t)coord[!trans], (uint32_t)coord[2]};
        if (hilbert)
            to_gray(v, depth);
        const int64_t code = interleave(v, depth);
        code_out[i] = prefix << (3 * depth) | (hilbert ? from_gray(code) : code);
    }
}

glint_curve_fn *glint_curve_get(unsigned isa)
{
    glint_curve_fn *fn = glint_curve_c;
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX2)
        fn = glint_curve_avx2;
    if (isa & GLINT_ISA_AVX512)
        fn = glint_curve_avx512;
#endif
    (void)isa; /* unused in a build without */
    return fn;
}

/* Sorting by parts of 30 bits, the lowest first: each part's sort is stable, so it keeps what those below it
 * have settled. */

struct parts {
    uint32_t *key[2];
    int32_t *order, *before, *scratch;
};

size_t glint_curve_sort_bytes(int32_t n)
{
    return 5 * (size_t)n * sizeof(int32_t);
}

static struct parts carve(void *scratch, int32_t n)
{
    int32_t *at = scratch;
    return (struct parts){
        {(uint32_t *)at, (uint32_t *)at + n}, at + 2 * (size_t)n, at + 3 * (size_t)n, at + 4 * (size_t)n};
}

void glint_curve_sort(struct glint_exec *x, const int64_t *code, int32_t n, int32_t bits, int32_t *order_out,
                      void *scratch)
{
    struct parts p = carve(scratch, n);
    for (int32_t shift = 0; shift == 0 || shift < bits; shift += PART_BITS) {
        const int32_t width = bits - shift < PART_BITS ? bits - shift : PART_BITS;
        const uint32_t mask = (1u << width) - 1;
        for (int32_t i = 0; i < n; i++)
            p.key[0][i] = (uint32_t)(code[shift ? order_out[i] : i] >> shift) & mask;
        if (shift)
            memcpy(p.before, order_out, (size_t)n * sizeof *p.before);
        glint_sort(x, p.key, n, width, shift ? p.order : order_out, p.scratch, false);
        for (int32_t i = 0; shift && i < n; i++)
            order_out[i] = p.before[p.order[i]];
    }
}
