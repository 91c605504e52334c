/* tests/fuzz/fuzz_serve.c - what clients of the server say: words of both protocols, one after the other to a
 * client whose answers go out in pieces of any size, with frames in between; and texts of headers and
 * options. The first byte chooses, 0x1e parts words, as 0x1d does after which a frame comes. */
#include "tests/fuzz/fuzz.h"
#include "core/frame.h"
#include "serve/hub.h"

static const char *const classes[] = {"car"};
static const struct glint_sink_context context = {.n_classes = 1, .classes = classes};
static struct glint_frame *frame;

static void make_frame(void)
{
    static struct glint_frame_pool *pool;
    if (pool)
        return;
    if (glint_frame_pool_open(1, 8, 2, &pool) < 0)
        abort();
    frame = glint_frame_get(pool, false);
    for (int i = 0; i < 5; i++)
        glint_frame_add_point(frame, 1, 2, (float)i, 0.5f, 0, 0, 0);
    frame->n_boxes = 1;
    frame->boxes[0] = (struct glint_box){.size = {1, 1, 1}, .id = -1};
    frame->stamp_ns = 1;
}

/* As the network would: everything that waits, in pieces. */
static void drain(struct glint_client *c, size_t cap)
{
    struct glint_outbox_piece piece;
    uint8_t out[512];
    size_t n = 0;
    while (glint_outbox_take(&c->out, out, cap, &piece)) {
        if (piece.is_first != (n == 0) || piece.size > cap)
            abort();
        n = piece.is_last ? 0 : n + piece.size;
    }
}

static void converse(const struct glint_client_ops *ops, struct glint_shelf *shelf, const uint8_t *data,
                     size_t size)
{
    struct glint_server *s = calloc(1, sizeof *s);
    struct glint_client c = {.server = s, .ops = ops};
    if (!s)
        abort();
    s->classes = &context;
    s->settings.shelf = shelf;
    s->clients = &c;
    ops->open(&c);
    for (size_t i = 0; i < size && !c.is_closing;) {
        size_t n = 0;
        while (i + n < size && data[i + n] != 0x1e && data[i + n] != 0x1d)
            n++;
        uint8_t *word = glint_fuzz_block(data + i, n);
        const bool good = ops->word(&c, (const char *)word, n, n == 0 || word[0] != 0x80);
        free(word);
        if (i + n < size && data[i + n] == 0x1d)
            ops->frame(s, frame);
        if (!good)
            break;
        if (n % 3)
            drain(&c, 17 + n % 400);
        i += n + 1;
    }
    drain(&c, 17);
    glint_outbox_fini(&c.out);
    glint_buffer_fini(&s->encoded);
    free(s);
}

static void texts(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct glint_serve_address a;
    if (!text)
        abort();
    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    if (glint_serve_address_parse(text, &a) == 0 && strlen(a.host) >= sizeof a.host)
        abort();
    glint_host_is_local(text);
    glint_origin_is_welcome(text);
    glint_token_equal("0123456789abcdef", text);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct glint_shelf *shelf;
    if (size == 0)
        return 0;
    make_frame();
    switch (data[0] % 4) {
    case 0:
        converse(&glint_client_page, NULL, data + 1, size - 1);
        break;
    case 1:
        if (glint_shelf_open(1 << 20, &shelf) < 0)
            abort();
        converse(&glint_client_page, shelf, data + 1, size - 1);
        glint_shelf_close(shelf);
        break;
    case 2:
        converse(&glint_client_foxglove, NULL, data + 1, size - 1);
        break;
    default:
        texts(data + 1, size - 1);
    }
    return 0;
}
