/* tests/test_server.c - the server in this process, its clients at plain sockets. */
#define _GNU_SOURCE
#include "tests/util.h"
#include "core/clock.h"
#include "core/frame.h"
#include "serve/page_frame.h"
#include "serve/server.h"
#include <arpa/inet.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define POINTS 20000

static const char *const classes[] = {"car", "a \"quoted\\ one"};
static const struct glint_sink_context context = {
    .n_classes = 2, .classes = classes, .n_point_classes = 2, .point_classes = classes};

struct test {
    struct glint_server *server;
    struct glint_frame_pool *pool;
    struct glint_frame *frame;
};

static int open_server(void **state)
{
    struct test *t = calloc(1, sizeof *t);
    struct glint_server_settings s = {.context = &context, .title = "test"};
    assert_int_equal(glint_serve_address_parse("127.0.0.1:0", &s.address), GLINT_OK);
    assert_int_equal(glint_server_open(&s, &t->server), GLINT_OK);
    assert_int_equal(glint_frame_pool_open(1, POINTS, 8, &t->pool), GLINT_OK);
    t->frame = glint_frame_get(t->pool, false);
    uint64_t seed = 3;
    for (int i = 0; i < POINTS; i++)
        glint_frame_add_point(t->frame, glint_test_uniform(&seed, -50, 50),
                              glint_test_uniform(&seed, -50, 50), glint_test_uniform(&seed, -2, 3),
                              glint_test_uniform(&seed, 0, 1), (uint16_t)(i % 32), 0, (uint32_t)i * 1000u);
    t->frame->n_boxes = 2;
    t->frame->boxes[0] =
        (struct glint_box){.center = {1, 2, 3}, .size = {4, 2, 1.5f}, .score = 0.9f, .id = 7};
    t->frame->boxes[1] =
        (struct glint_box){.center = {9, 2, 3}, .size = {4, 2, 1.5f}, .score = 0.5f, .label = 1, .id = -1};
    t->frame->stamp_ns = INT64_C(1700000000123456789);
    snprintf(t->frame->source, sizeof t->frame->source, "made \"up\"");
    *state = t;
    return 0;
}

static int close_server(void **state)
{
    struct test *t = *state;
    glint_server_close(t->server);
    glint_frame_unref(t->frame);
    glint_frame_pool_close(t->pool);
    free(t);
    assert_int_equal(glint_message_sum(), 0);
    return 0;
}

/* ---- a client ---- */

struct client {
    int fd;
    size_t n, cap; /* bytes of a message */
    uint8_t *bytes;
};

static void receive_all(int fd, void *out, size_t n)
{
    for (size_t got = 0; got < n;) {
        const ssize_t r = recv(fd, (char *)out + got, n - got, 0);
        assert_true(r > 0);
        got += (size_t)r;
    }
}

static void dial(struct test *t, const char *protocol, struct client *c)
{
    char text[512], answer[2048] = "";
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(glint_server_port(t->server))};
    const struct timeval limit = {10, 0};
    *c = (struct client){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&a, sizeof a), 0);
    snprintf(text, sizeof text,
             "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: "
             "Upgrade\r\nSec-WebSocket-Key: "
             "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
             protocol);
    assert_int_equal(send(c->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    for (size_t n = 0; n < sizeof answer - 1 && !strstr(answer, "\r\n\r\n"); n++)
        receive_all(c->fd, answer + n, 1);
    assert_non_null(strstr(answer, "101 "));
    assert_non_null(strstr(answer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")); /* RFC 6455, 1.3 */
}

static void hang_up(struct client *c)
{
    close(c->fd);
    free(c->bytes);
}

static void say(struct client *c, const char *text)
{
    uint8_t head[8] = {0x81, 0x80, 0, 0, 0, 0}; /* a mask of zeros changes nothing */
    const size_t n = strlen(text);
    assert_true(n < 126);
    head[1] |= (uint8_t)n;
    assert_int_equal(send(c->fd, head, 6, MSG_NOSIGNAL), 6);
    assert_int_equal(send(c->fd, text, n, MSG_NOSIGNAL), n);
}

/* The next message, in however many pieces; returns its opcode. */
static int hear(struct client *c)
{
    int op = 0;
    c->n = 0;
    for (bool last = false; !last;) {
        uint8_t head[2], more[8];
        receive_all(c->fd, head, 2);
        last = head[0] & 0x80;
        op = head[0] & 15 ? head[0] & 15 : op;
        size_t n = head[1] & 127;
        const int k = n == 126 ? 2 : n == 127 ? 8 : 0;
        receive_all(c->fd, more, (size_t)k);
        for (int i = 0; i < k; i++)
            n = (i ? n << 8 : 0) | more[i];
        if (c->n + n + 1 > c->cap)
            assert_non_null(c->bytes = realloc(c->bytes, c->cap = 2 * (c->n + n + 1)));
        receive_all(c->fd, c->bytes + c->n, n);
        c->n += n;
    }
    c->bytes[c->n] = 0;
    return op;
}

static bool says(const struct client *c, const char *text)
{
    return strstr((const char *)c->bytes, text) != NULL;
}

/* Publishes until the client has a binary message. */
static void publish_until_heard(struct test *t, struct client *c)
{
    const struct timespec moment = {0, 5000000};
    struct timeval limit = {0, 20000};
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    uint8_t first;
    for (int i = 0; i < 500; i++) {
        glint_server_publish(t->server, t->frame);
        t->frame->index++;
        if (recv(c->fd, &first, 1, MSG_PEEK) == 1 && (first & 15) == 2)
            break;
        if (recv(c->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1) {
            limit.tv_sec = 10;
            setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
            hear(c);
            limit.tv_sec = 0;
            setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        }
        nanosleep(&moment, NULL);
    }
    limit.tv_sec = 10;
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    for (int i = 0; i < 10 && hear(c) != 2; i++) /* a word may be before it */
        ;
    assert_true(c->n > 13);
}

/* ---- tests ---- */

static void the_page_gets_frames(void **state)
{
    struct test *t = *state;
    struct client c;
    dial(t, "glint.v1", &c);
    assert_int_equal(hear(&c), 1);
    assert_true(says(&c, "\"hello\"") && says(&c, "a \\\"quoted\\\\ one"));
    assert_int_equal(hear(&c), 1);
    assert_true(says(&c, "\"state\""));
    say(&c, "{\"op\":\"frames\",\"on\":true}");
    publish_until_heard(t, &c);
    uint32_t head[4];
    memcpy(head, c.bytes, sizeof head);
    assert_int_equal(head[0], GLINT_PAGE_FRAME_MAGIC);
    assert_int_equal(head[2], POINTS);
    assert_int_equal(head[1] % 4, 0);
    assert_int_equal(c.n, 16 + head[1] + POINTS * (4 * 4 + 3 * 2 + 1));
    assert_memory_equal(c.bytes + 16 + head[1], t->frame->points.x, POINTS * 4);
    assert_memory_equal(c.bytes + 16 + head[1] + 8 * POINTS, t->frame->points.z, POINTS * 4);
    c.bytes[16 + head[1]] = 0;
    assert_non_null(strstr((char *)c.bytes + 16, "\"id\": 7"));
    assert_non_null(strstr((char *)c.bytes + 16, "made \\\"up\\\""));
    hang_up(&c);
}

static void foxglove_gets_messages(void **state)
{
    struct test *t = *state;
    struct client c;
    dial(t, "foxglove.websocket.v1", &c);
    assert_int_equal(hear(&c), 1);
    assert_true(says(&c, "\"serverInfo\""));
    assert_int_equal(hear(&c), 1);
    assert_true(says(&c, "\"advertise\"") && says(&c, "sensor_msgs/msg/PointCloud2"));
    say(&c, "{\"op\":\"subscribe\",\"subscriptions\":[{\"id\":305419896,\"channelId\":0}]}");
    publish_until_heard(t, &c);
    static const uint8_t want[5] = {1, 0x78, 0x56, 0x34, 0x12};
    assert_memory_equal(c.bytes, want, 5);
    int64_t stamp;
    memcpy(&stamp, c.bytes + 5, 8);
    assert_int_equal(stamp, t->frame->stamp_ns);
    assert_true(c.n > 13 + 16 * POINTS);
    say(&c, "{\"op\":\"unsubscribe\",\"subscriptionIds\":[305419896]}");
    hang_up(&c);
}

/* Clients that never read cost the publisher nothing but the copy, and a bounded amount of memory. */
static void slow_clients_lose(void **state)
{
    struct test *t = *state;
    struct client slow[6];
    const struct timespec moment = {0, 2000000};
    struct glint_metrics_server counts = {0};
    int64_t longest = 0, sum = 0;
    for (int i = 0; i < 6; i++) {
        dial(t, i % 2 ? "glint.v1" : "foxglove.websocket.v1", &slow[i]);
        say(&slow[i], i % 2 ? "{\"op\":\"frames\",\"on\":true}"
                            : "{\"op\":\"subscribe\",\"subscriptions\":[{\"id\":1,\"channelId\":0}]}");
    }
    for (int i = 0; i < 400; i++) {
        const int64_t begun = glint_clock_monotonic_ns();
        glint_server_publish(t->server, t->frame);
        const int64_t ns = glint_clock_monotonic_ns() - begun;
        longest = ns > longest ? ns : longest;
        sum += ns;
        t->frame->index++;
        nanosleep(&moment, NULL);
    }
    for (int i = 0; i < 60 && counts.frames_dropped_slow < 600; i++) {
        const struct timespec while_ = {0, 50000000};
        nanosleep(&while_, NULL);
        glint_server_counts(t->server, &counts);
    }
    print_message("publish: %.3f ms each, %.3f ms the longest\n", (double)sum / 400e6,
                  (double)longest * 1e-6);
    assert_true(sum / 400 < INT64_C(20000000)); /* machines are shared */
    assert_true(counts.frames_dropped_slow + counts.frames_dropped_busy >= 600);
    assert_true(glint_message_sum() < 6 * 3 * (16 * POINTS * 2 + 65536));
    for (int i = 0; i < 6; i++)
        hang_up(&slow[i]);
}

/* Larger frames than the first ones, and more boxes, come through. */
static void frames_may_grow(void **state)
{
    struct test *t = *state;
    struct client c;
    struct glint_frame_pool *pool;
    dial(t, "glint.v1", &c);
    hear(&c);
    hear(&c);
    say(&c, "{\"op\":\"frames\",\"on\":true}");
    publish_until_heard(t, &c);
    assert_int_equal(glint_frame_pool_open(1, 1 << 18, 4000, &pool), GLINT_OK);
    struct glint_frame *large = glint_frame_get(pool, false), *small = t->frame;
    for (int i = 0; i < 200000; i++)
        glint_frame_add_point(large, 1, 2, 3, 0.5f, 0, 0, 0);
    large->n_boxes = 3000;
    memset(large->boxes, 0, 3000 * sizeof *large->boxes);
    t->frame = large;
    uint32_t head[4];
    for (int i = 0; i < 20; i++) {
        publish_until_heard(t, &c);
        memcpy(head, c.bytes, sizeof head);
        if (head[2] == 200000)
            break;
    }
    assert_int_equal(head[2], 200000);
    t->frame = small;
    glint_frame_unref(large);
    hang_up(&c);
    glint_frame_pool_close(pool);
}

static void what_cannot_be_opened(void **state)
{
    struct test *t = *state;
    struct glint_server *server;
    struct glint_server_settings s = {.context = &context};
    char port[32];
    snprintf(port, sizeof port, "127.0.0.1:%u", glint_server_port(t->server));
    assert_int_equal(glint_serve_address_parse(port, &s.address), GLINT_OK);
    assert_int_equal(glint_server_open(&s, &server), GLINT_E_IO);
    assert_null(server);
    assert_int_equal(glint_serve_address_parse("0.0.0.0:0", &s.address), GLINT_OK);
    assert_int_equal(glint_server_open(&s, &server), GLINT_E_ARG); /* without a token */
    assert_null(server);
    s.token = "word";
    assert_int_equal(glint_server_open(&s, &server), GLINT_OK);
    glint_server_url(server, port, sizeof port);
    glint_server_close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_page_gets_frames, open_server, close_server),
        cmocka_unit_test_setup_teardown(foxglove_gets_messages, open_server, close_server),
        cmocka_unit_test_setup_teardown(slow_clients_lose, open_server, close_server),
        cmocka_unit_test_setup_teardown(frames_may_grow, open_server, close_server),
        cmocka_unit_test_setup_teardown(what_cannot_be_opened, open_server, close_server)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
