/* tests/test_notify.c - words to a service manager: a socket that this program listens at itself. */
#define _GNU_SOURCE
#include "tests/files.h"
#include "tools/notify.h"
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un at;

/* Listens at path, "@..." in the abstract namespace. */
static int listen_at(const char *path)
{
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    memset(&at, 0, sizeof at);
    at.sun_family = AF_UNIX;
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    const socklen_t size =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] == '/'));
    if (path[0] == '@')
        at.sun_path[0] = 0;
    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    setenv("NOTIFY_SOCKET", path, 1);
    return fd;
}

static void assert_says(int fd, const char *want)
{
    char text[100];
    const ssize_t n = recv(fd, text, sizeof text - 1, 0);
    assert_true(n > 0);
    text[n] = 0;
    assert_string_equal(text, want);
}

static void words_arrive(void **state)
{
    (void)state;
    char abstract[64];
    snprintf(abstract, sizeof abstract, "@glint-test-%ld", (long)getpid());
    const char *const paths[] = {glint_test_path("notify"), abstract};
    for (int i = 0; i < 2; i++) {
        struct glint_notify n;
        const int fd = listen_at(paths[i]);
        assert_true(glint_notify_open(&n));
        assert_true(n.fd >= 0 && n.watchdog_ns == 0);
        glint_notify_send(&n, "READY=1\nSTATUS=good");
        assert_says(fd, "READY=1\nSTATUS=good");
        close(fd);
        for (int k = 0; k < 1000; k++) /* nobody listens any more: neither waits nor ends */
            glint_notify_send(&n, "WATCHDOG=1");
        glint_notify_close(&n);
    }
}

static void the_watchdog_is_for_this_process(void **state)
{
    (void)state;
    char pid[24];
    struct glint_notify n;
    const int fd = listen_at(glint_test_path("dog"));
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    const struct {
        const char *usec, *pid;
        int64_t want_ns;
    } cases[] = {{"3000000", NULL, 3000000000},
                 {"3000000", pid, 3000000000},
                 {"3000000", "1", 0},
                 {"-1", NULL, 0},
                 {"soon", NULL, 0},
                 {NULL, NULL, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsetenv("WATCHDOG_USEC");
        unsetenv("WATCHDOG_PID");
        if (cases[i].usec)
            setenv("WATCHDOG_USEC", cases[i].usec, 1);
        if (cases[i].pid)
            setenv("WATCHDOG_PID", cases[i].pid, 1);
        assert_true(glint_notify_open(&n));
        assert_true(n.watchdog_ns == cases[i].want_ns);
        glint_notify_close(&n);
    }
    close(fd);
}

static void without_a_manager_nothing_happens(void **state)
{
    (void)state;
    struct glint_notify n;
    unsetenv("NOTIFY_SOCKET");
    assert_true(glint_notify_open(&n));
    assert_int_equal(n.fd, -1);
    glint_notify_send(&n, "READY=1");
    glint_notify_close(&n);
    static const char *const wrong[] = {"", "x", "relative/path", "/nowhere/at/all"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        setenv("NOTIFY_SOCKET", wrong[i], 1);
        assert_false(glint_notify_open(&n));
        glint_notify_send(&n, "READY=1");
    }
    char lengthy[300];
    memset(lengthy, '/', sizeof lengthy);
    lengthy[299] = 0;
    setenv("NOTIFY_SOCKET", lengthy, 1);
    assert_false(glint_notify_open(&n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_arrive),
        cmocka_unit_test(the_watchdog_is_for_this_process),
        cmocka_unit_test(without_a_manager_nothing_happens),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
