/* convert/numbers.c - see numbers.h. */
#include "convert/numbers.h"
#include "core/bytes.h"

int64_t glint_numbers_count(const struct glint_numbers *t)
{
    int64_t n = 1;
    for (int32_t i = 0; i < t->n_dims; i++)
        n *= t->shape[i];
    return n;
}

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE 754 binary16. Subnormal ones are m * 2^-24, exact in float. */
static float from_half(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, m = h & 0x3ff;
    if (exponent == 31)
        return from_bits(sign | 0x7f800000 | m << 13);
    if (exponent)
        return from_bits(sign | (exponent + 112) << 23 | m << 13);
    return from_bits(sign | 0x3f800000) * ((float)m / 16777216.0f);
}

static float read_one(enum glint_dtype dtype, const uint8_t *p)
{
    switch (dtype) {
    case GLINT_DTYPE_F64:
        return (float)glint_le_f64(p);
    case GLINT_DTYPE_F32:
        return glint_le_f32(p);
    case GLINT_DTYPE_F16:
        return from_half(glint_le16(p));
    case GLINT_DTYPE_BF16:
        return from_bits((uint32_t)glint_le16(p) << 16);
    case GLINT_DTYPE_I64:
        return (float)(int64_t)glint_le64(p);
    case GLINT_DTYPE_I32:
        return (float)(int32_t)glint_le32(p);
    case GLINT_DTYPE_U32:
        return (float)glint_le32(p);
    case GLINT_DTYPE_I16:
        return (float)(int16_t)glint_le16(p);
    case GLINT_DTYPE_U16:
        return (float)glint_le16(p);
    case GLINT_DTYPE_I8:
        return (float)(int8_t)p[0];
    default:
        return (float)p[0];
    }
}

/* Whether its elements lie one after another, as floats. */
static bool is_plain(const struct glint_numbers *t)
{
    int64_t step = 1;
    for (int32_t i = t->n_dims - 1; i >= 0; i--) {
        if (t->shape[i] > 1 && t->stride[i] != step)
            return false;
        step *= t->shape[i];
    }
    return t->dtype == GLINT_DTYPE_F32;
}

/* A counter per dimension; the place of the next element moves with it. */
void glint_numbers_f32(const struct glint_numbers *t, int64_t first, int64_t n, float *out)
{
    const int64_t width = (int64_t)glint_dtype_size(t->dtype);
    int64_t index[GLINT_TENSOR_DIMS] = {0}, at = t->offset;
    if (n > 0 && is_plain(t)) { /* little-endian, as this machine */
        memcpy(out, t->bytes + (t->offset + first) * width, (size_t)n * sizeof *out);
        return;
    }
    for (int32_t i = t->n_dims - 1; i >= 0 && n > 0; i--) {
        index[i] = first % t->shape[i];
        first /= t->shape[i];
        at += index[i] * t->stride[i];
    }
    for (int64_t k = 0; k < n; k++) {
        out[k] = read_one(t->dtype, t->bytes + at * width);
        for (int32_t i = t->n_dims - 1; i >= 0; i--) {
            at += t->stride[i];
            if (++index[i] < t->shape[i])
                break;
            at -= t->shape[i] * t->stride[i];
            index[i] = 0;
        }
    }
}

void glint_numbers_permute(const struct glint_numbers *t, const int32_t *order, struct glint_numbers *out)
{
    struct glint_numbers turned = *t;
    for (int32_t i = 0; i < t->n_dims; i++) {
        turned.shape[i] = t->shape[order[i]];
        turned.stride[i] = t->stride[order[i]];
    }
    *out = turned;
}
