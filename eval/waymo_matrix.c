/* eval/waymo_matrix.c - see waymo_matrix.h. */
#include "eval/waymo_matrix.h"
#include <stdio.h>
#include <stdlib.h>

#define CAP_INFLATED (64u << 20) /* a real one has some hundred kilobytes */
#define LAST_CLASS   22

struct shape {
    uint64_t dim[3];
    int n;
};

static int add_value(struct glint_waymo_matrix *m, uint64_t value)
{
    if (m->n == m->cap) {
        const size_t cap = m->cap ? 2 * m->cap : 1 << 16;
        void *grown = realloc(m->value, cap);
        if (!grown)
            return glint_fail(GLINT_E_NOMEM, "out of memory for the classes of a range image");
        m->value = grown;
        m->cap = cap;
    }
    m->value[m->n++] = value <= LAST_CLASS ? (uint8_t)value : GLINT_WAYMO_OTHER;
    return GLINT_OK;
}

static int add_dim(struct shape *s, uint64_t value)
{
    if (s->n < 3)
        s->dim[s->n] = value;
    s->n += s->n <= 3;
    return GLINT_OK;
}

/* A repeated number, packed or not: calls one of the two for each. */
static int take_numbers(const struct glint_wire *w, const struct glint_wire_field *f,
                        struct glint_waymo_matrix *m, struct shape *s)
{
    if (f->type == GLINT_WIRE_VARINT)
        return m ? add_value(m, f->value) : add_dim(s, f->value);
    const uint8_t *at = f->data, *end = f->data + f->size;
    uint64_t value;
    while (at < end) {
        if (!glint_wire_varint(&at, end, &value))
            return glint_wire_fail(w, f->at, "a number is cut off or longer than 10 bytes");
        GLINT_TRY(m ? add_value(m, value) : add_dim(s, value));
    }
    return GLINT_OK;
}

static bool is_repeated(const struct glint_wire_field *f, uint32_t number)
{
    return f->number == number && (f->type == GLINT_WIRE_BYTES || f->type == GLINT_WIRE_VARINT);
}

static int read_shape(struct glint_wire w, struct shape *s)
{
    struct glint_wire_field f;
    int status;
    while ((status = glint_wire_next(&w, &f)) == GLINT_OK)
        if (is_repeated(&f, 1))
            GLINT_TRY(take_numbers(&w, &f, NULL, s));
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int read_matrix(struct glint_wire w, struct glint_waymo_matrix *m, struct shape *s)
{
    struct glint_wire_field f;
    int status;
    while ((status = glint_wire_next(&w, &f)) == GLINT_OK) {
        if (is_repeated(&f, 1))
            GLINT_TRY(take_numbers(&w, &f, m, NULL));
        else if (f.number == 2 && f.type == GLINT_WIRE_BYTES)
            GLINT_TRY(read_shape(glint_wire_inside(&w, &f), s));
    }
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static bool fits(const struct shape *s, size_t n)
{
    if (s->n == 0)
        return true;
    uint64_t product = 1;
    for (int i = 0; i < s->n && i < 3; i++) {
        if (s->dim[i] > n)
            return false;
        product *= s->dim[i]; /* n fits 26 bits: no overflow before the check */
        if (product > n)
            return false;
    }
    return s->n <= 3 && product == n;
}

int glint_waymo_matrix_read(struct glint_waymo_matrix *m, struct glint_inflate *inflate,
                            struct glint_wire stream)
{
    struct shape shape = {{0}, 0};
    const uint8_t *data;
    size_t size;
    char what[1200];
    m->n = 0;
    snprintf(what, sizeof what, "%.1000s: byte %zu: segmentation labels", stream.name,
             (size_t)(stream.at - stream.base));
    GLINT_TRY(glint_inflate_run(inflate, what, stream.at, (size_t)(stream.end - stream.at), CAP_INFLATED,
                                &data, &size));
    snprintf(what, sizeof what, "%.1000s: byte %zu: segmentation labels, inflated", stream.name,
             (size_t)(stream.at - stream.base));
    GLINT_TRY(read_matrix((struct glint_wire){what, data, data, data + size}, m, &shape));
    if (!fits(&shape, m->n))
        return glint_wire_fail(&stream, stream.at, "segmentation labels: the shape does not fit the numbers");
    if (shape.n == 3 && shape.dim[2] == 2) {
        m->n /= 2;
        for (size_t i = 0; i < m->n; i++)
            m->value[i] = m->value[2 * i + 1];
    }
    return GLINT_OK;
}
