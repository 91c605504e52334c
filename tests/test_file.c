/* tests/test_file.c */
#define _GNU_SOURCE
#include "tests/util.h"
#include "core/file.h"
#include "core/status.h"
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static char folder[] = "/tmp/glint_file_XXXXXX", path[64], part[80];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/out", folder);
    snprintf(part, sizeof part, "%s.part", path);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder); /* fails when a part is left */
}

static void assert_content(const char *text)
{
    struct glint_file f;
    assert_int_equal(glint_file_open(&f, path), GLINT_OK);
    assert_int_equal(f.size, strlen(text));
    assert_true(f.size == 0 ? f.data == NULL : memcmp(f.data, text, f.size) == 0);
    assert_string_equal(f.path, path);
    glint_file_close(&f);
    assert_null(f.data);
}

static void put(const char *text)
{
    struct glint_file_out out;
    assert_int_equal(glint_file_create(&out, path), GLINT_OK);
    fputs(text, out.stream);
    assert_int_equal(glint_file_commit(&out), GLINT_OK);
    assert_int_equal(access(part, F_OK), -1);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    put("first");
    assert_content("first");
    put("");
    assert_content("");
}

static void until_commit_the_old_file_stays(void **state)
{
    (void)state;
    struct glint_file_out out;
    put("old");
    assert_int_equal(glint_file_create(&out, path), GLINT_OK);
    fputs("new", out.stream);
    fflush(out.stream);
    assert_content("old");
    glint_file_discard(&out);
    glint_file_discard(&out);
    assert_content("old");
    assert_int_equal(access(part, F_OK), -1);
}

static void a_full_disk_is_reported_and_leaves_the_old_file(void **state)
{
    (void)state;
    struct glint_file_out out;
    struct rlimit limit, old;
    put("old");
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = 10000;
    for (int n = 1; n < 200000; n *= 20) { /* fails at close, or while writing */
        assert_int_equal(glint_file_create(&out, path), GLINT_OK);
        setrlimit(RLIMIT_FSIZE, &limit);
        for (int i = 0; i < 10100 + n; i++)
            fputc('x', out.stream);
        const int status = glint_file_commit(&out);
        setrlimit(RLIMIT_FSIZE, &old);
        assert_int_equal(status, GLINT_E_IO);
        assert_non_null(strstr(glint_error_text(), path));
        assert_content("old");
        assert_int_equal(access(part, F_OK), -1);
    }
}

static void devices_are_written_not_replaced(void **state)
{
    (void)state;
    struct glint_file_out out;
    struct stat st;
    assert_int_equal(glint_file_create(&out, "/dev/null"), GLINT_OK);
    fputs("x", out.stream);
    assert_int_equal(glint_file_commit(&out), GLINT_OK);
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
    assert_int_equal(glint_file_create(&out, "/dev/full"), GLINT_OK);
    fputs("x", out.stream);
    assert_int_equal(glint_file_commit(&out), GLINT_E_IO);
    assert_non_null(strstr(glint_error_text(), "/dev/full: cannot write: No space left"));
    assert_int_equal(stat("/dev/full", &st), 0);
}

static void what_cannot_be_opened_says_why(void **state)
{
    (void)state;
    struct glint_file f;
    struct glint_file_out out;
    char longest[2000];
    assert_int_equal(glint_file_open(&f, "no/such/file"), GLINT_E_NOTFOUND);
    assert_non_null(strstr(glint_error_text(), "no/such/file"));
    assert_int_equal(glint_file_open(&f, folder), GLINT_E_IO);
    assert_null(f.data);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    assert_int_equal(glint_file_open(&f, longest), GLINT_E_ARG);
    assert_int_equal(glint_file_create(&out, longest), GLINT_E_ARG);
    assert_int_equal(glint_file_create(&out, "no/such/file"), GLINT_E_IO);
    assert_null(out.stream);
    glint_file_discard(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(until_commit_the_old_file_stays),
        cmocka_unit_test(a_full_disk_is_reported_and_leaves_the_old_file),
        cmocka_unit_test(devices_are_written_not_replaced),
        cmocka_unit_test(what_cannot_be_opened_says_why),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
