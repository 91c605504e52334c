/* tests/test_guard.c */
#include "tests/util.h"
#include "serve/guard.h"
#include "core/status.h"

static void addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        uint16_t port;
        bool loopback, ipv6;
    } good[] = {{"127.0.0.1:80", "127.0.0.1", 80, true, false},
                {"http://127.0.0.1:80/", "127.0.0.1", 80, true, false},
                {"", "127.0.0.1", GLINT_SERVE_PORT, true, false},
                {"http://", "127.0.0.1", GLINT_SERVE_PORT, true, false},
                {":0", "127.0.0.1", 0, true, false},
                {"localhost:1", "127.0.0.1", 1, true, false},
                {"127.3.4.5", "127.3.4.5", GLINT_SERVE_PORT, true, false},
                {"0.0.0.0", "0.0.0.0", GLINT_SERVE_PORT, false, false},
                {"10.0.0.7:65535", "10.0.0.7", 65535, false, false},
                {"[::1]:9", "::1", 9, true, true},
                {"::1", "::1", GLINT_SERVE_PORT, true, true},
                {"[::]:9", "::", 9, false, true}};
    static const char *const bad[] = {
        "example.org",  "example.org:80",
        "127.0.0.1:",   "127.0.0.1:65536",
        "127.0.0.1:-1", "127.0.0.1:+1",
        "127.0.0.1:8x", "[::1",
        "[::1]9",       "127.0.0.1/page",
        "1.2.3",        "http://[::1]:99999999999999999999/",
        "[]:1x",        "1111111111111111111111111111111111111111111111111111111111111111111111111"};
    struct glint_serve_address a;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(glint_serve_address_parse(good[i].text, &a), GLINT_OK);
        assert_string_equal(a.host, good[i].host);
        assert_int_equal(a.port, good[i].port);
        assert_int_equal(a.is_loopback, good[i].loopback);
        assert_int_equal(a.is_ipv6, good[i].ipv6);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(glint_serve_address_parse(bad[i], &a), GLINT_E_ARG);
}

static void tokens(void **state)
{
    (void)state;
    char a[GLINT_TOKEN_BYTES], b[GLINT_TOKEN_BYTES];
    assert_int_equal(glint_token_make(a), GLINT_OK);
    assert_int_equal(glint_token_make(b), GLINT_OK);
    assert_int_equal(strlen(a), GLINT_TOKEN_BYTES - 1);
    assert_string_not_equal(a, b);
    assert_true(glint_token_equal(a, a));
    assert_false(glint_token_equal(a, b));
    assert_false(glint_token_equal("abc", "ab"));
    assert_false(glint_token_equal("abc", "abca"));
    assert_false(glint_token_equal("abc", "abcabc"));
    assert_false(glint_token_equal("abc", ""));
    assert_false(glint_token_equal("", "")); /* no token lets nobody in */
    assert_false(glint_token_equal("", "a"));
}

/* A web page from anywhere may open a WebSocket to this machine: it must not get in. */
static void pages_from_elsewhere(void **state)
{
    (void)state;
    static const char *const welcome[] = {"",
                                          "http://localhost:8765",
                                          "http://127.0.0.1",
                                          "http://[::1]:80",
                                          "https://app.foxglove.dev",
                                          "https://foxglove.dev",
                                          "file://",
                                          "https://studio.foxglove.dev"};
    static const char *const not [] = {"null",
                                       "http://evil.example",
                                       "https://evil.example:8765",
                                       "http://localhost.evil.example",
                                       "https://evilfoxglove.dev",
                                       "http://app.foxglove.dev",
                                       "https://foxglove.dev.evil.example",
                                       "https://app.foxglove.dev:444",
                                       "chrome-extension://x",
                                       "http://",
                                       "x",
                                       "http://[::1"};
    for (size_t i = 0; i < sizeof welcome / sizeof welcome[0]; i++)
        assert_true(glint_origin_is_welcome(welcome[i]));
    assert_true(glint_origin_is_welcome(NULL));
    for (size_t i = 0; i < sizeof not / sizeof not [0]; i++)
        assert_false(glint_origin_is_welcome(not [i]));
    assert_true(glint_host_is_local("localhost:8765"));
    assert_true(glint_host_is_local("LOCALHOST"));
    assert_true(glint_host_is_local("127.0.0.1:1"));
    assert_true(glint_host_is_local("[::1]:1"));
    assert_false(glint_host_is_local("evil.example:8765"));
    assert_false(glint_host_is_local(""));
    assert_false(glint_host_is_local("127.0.0.1.evil.example"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(addresses), cmocka_unit_test(tokens),
                                       cmocka_unit_test(pages_from_elsewhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
