/* tests/test_stems.c - frames of a folder, and of a list. */
#include "tests/util.h"
#include "glint/status.h"
#include "io/stems.h"
#include <unistd.h>

static char folder[512], file[600];

static void touch(const char *name)
{
    char path[700];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
}

static void in_order_of_names(void **state)
{
    (void)state;
    static const char *const names[] = {"000010.txt", "000002.txt", ".hidden.txt", "notes.md", "a.txt"};
    struct glint_stems s;
    snprintf(folder, sizeof folder, "%s/test_stems.d", GLINT_BUILD_DIR);
    mkdir(folder, 0777);
    assert_int_equal(glint_stems_of_folder(folder, ".txt", &s), GLINT_E_FORMAT);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        touch(names[i]);
    assert_int_equal(glint_stems_of_folder(folder, ".txt", &s), 0);
    assert_int_equal(s.n, 3);
    assert_string_equal(s.name[0], "000002");
    assert_string_equal(s.name[1], "000010");
    assert_string_equal(s.name[2], "a");
    glint_stems_fini(&s);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(file, sizeof file, "%s/%s", folder, names[i]);
        remove(file);
    }
    rmdir(folder);
    assert_int_equal(glint_stems_of_folder(folder, ".txt", &s), GLINT_E_NOTFOUND);
}

static int of_text(const char *text, struct glint_stems *s)
{
    snprintf(file, sizeof file, "%s/test_stems.list", GLINT_BUILD_DIR);
    FILE *f = fopen(file, "w");
    fputs(text, f);
    fclose(f);
    const int status = glint_stems_of_file(file, s);
    remove(file);
    return status;
}

static void a_list_keeps_its_order(void **state)
{
    (void)state;
    struct glint_stems s;
    assert_int_equal(of_text("000007\r\n\n000003  \n1", &s), 0);
    assert_int_equal(s.n, 3);
    assert_string_equal(s.name[0], "000007");
    assert_string_equal(s.name[1], "000003");
    assert_string_equal(s.name[2], "1");
    glint_stems_fini(&s);
}

static void bad_lists_are_named(void **state)
{
    (void)state;
    static const char *const bad[][2] = {{"", "expected a frame's name per line"},
                                         {"a\n\n../b\n", "list:3: expected a frame's name"},
                                         {"a\nb\na\n", "frame a is there twice"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct glint_stems s;
        assert_int_equal(of_text(bad[i][0], &s), GLINT_E_FORMAT);
        assert_non_null(strstr(glint_error_text(), bad[i][1]));
        assert_null(s.name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_of_names),
        cmocka_unit_test(a_list_keeps_its_order),
        cmocka_unit_test(bad_lists_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
