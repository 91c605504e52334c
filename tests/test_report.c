/* tests/test_report.c - the page of an evaluation: well-formed, escaped, with nothing from outside. */
#include "tests/util.h"
#include "eval/report.h"
#include "eval/report_text.h"
#include "glint/status.h"
#include <unistd.h>

static char *page(struct glint_report *r)
{
    char folder[512], path[600];
    snprintf(folder, sizeof folder, "%s/test_report/deep", GLINT_BUILD_DIR);
    snprintf(path, sizeof path, "%s/index.html", folder);
    assert_int_equal(glint_report_write(r, folder), 0);
    assert_null(r->html.data);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = calloc(1, 1 << 20);
    assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
    fclose(f);
    remove(path);
    rmdir(folder);
    return text;
}

/* Every element is closed by its own name, except those that HTML leaves open. */
static void check_balanced(const char *html)
{
    char open[64][16];
    int depth = 0;
    for (const char *p = strchr(html, '<'); p; p = strchr(p + 1, '<')) {
        char name[16] = "";
        const bool closes = p[1] == '/';
        sscanf(p + 1 + closes, "%15[a-z0-9]", name);
        const char *stop = strchr(p, '>');
        assert_non_null(stop);
        if (name[0] == '\0' || stop[-1] == '/' || strcmp(name, "meta") == 0 || strcmp(name, "img") == 0 ||
            strcmp(name, "tr") == 0)
            continue;
        if (!closes) {
            assert_true(depth < 64);
            memcpy(open[depth++], name, sizeof name);
        } else {
            assert_true(depth > 0);
            assert_string_equal(open[--depth], name);
        }
    }
    assert_int_equal(depth, 0);
}

static void base64_of_known_texts(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""},        {"f", "Zg=="},          {"fo", "Zm8="},
                                           {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}, {"\xff\xfe\xfd", "//79"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct glint_buffer b = {0};
        glint_report_base64(&b, (const uint8_t *)pairs[i][0], strlen(pairs[i][0]));
        assert_int_equal(b.size, strlen(pairs[i][1]));
        assert_true(b.size == 0 || memcmp(b.data, pairs[i][1], b.size) == 0);
        glint_buffer_fini(&b);
    }
}

static void a_page_with_everything(void **state)
{
    (void)state;
    static const char *const columns[] = {"R11", "R40"}, *const groups[] = {"0-10 m", "10-20 m", ">20 m"};
    static const double x[] = {0, 0.5, 1, 1}, y[] = {1, 0.5, NAN, 0.25}, recall[] = {0.5, NAN, 2};
    static const int64_t count[] = {10, 0, 3};
    const struct glint_report_line lines[] = {{"car <3", x, y, 4}, {"bus", x, y, 2}};
    const struct glint_report_set set = {"recall", recall, count};
    struct glint_report r = {0};
    glint_report_begin(&r, "A <title> & \"more\"", "sub\ntitle");
    glint_report_heading(&r, "Heading");
    glint_report_words(&r, "1 < 2");
    glint_report_table_begin(&r, "AP", columns, 2);
    glint_report_row(&r, "Car");
    glint_report_cell(&r, 61.675420, 2);
    glint_report_cell(&r, NAN, 2);
    glint_report_row(&r, "Tram");
    glint_report_cell_i64(&r, -7);
    glint_report_cell_text(&r, "<none>");
    glint_report_table_end(&r);
    glint_report_figures_begin(&r);
    const struct glint_report_curves curves = {"PR", "recall", "precision", {0, 1}, {0, 1}, lines, 2};
    const struct glint_report_bars bars = {"Recall", "distance", "recall", groups, 3, 1, 1, &set};
    glint_report_curves(&r, &curves);
    glint_report_bars(&r, &bars);
    glint_report_picture(&r, "frame", (const uint8_t *)"foo", 3);
    glint_report_figures_end(&r);
    char *html = page(&r);
    check_balanced(html);
    static const char *const inside[] = {
        "<title>A &lt;title&gt; &amp; &quot;more&quot;</title>",
        "<p>1 &lt; 2</p>",
        "<tr><th>Car</th><td>61.68</td><td>&ndash;</td>",
        "<td>-7</td><td>&lt;none&gt;</td>",
        "M52.0 14.0L259.0 132.0M466.0 191.0\"><title>car &lt;3</title>", /* broken at the NaN */
        "recall, 0-10 m: 0.500 of 10",
        "recall, &gt;20 m: 2.000 of 3",
        ">n=10</text>",
        "src=\"data:image/png;base64,Zm9v\"",
    };
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
        if (!strstr(html, inside[i]))
            fail_msg("not in the page: %s", inside[i]);
    assert_null(strstr(html, "recall, 10-20 m")); /* a NaN has no bar */
    assert_null(strstr(html, "http"));
    assert_null(strstr(html, "nan"));
    free(html);
}

static void a_page_that_cannot_be_written_is_told(void **state)
{
    (void)state;
    struct glint_report r = {0};
    glint_report_begin(&r, "t", "s");
    assert_int_equal(glint_report_write(&r, "/dev/null/folder"), GLINT_E_IO);
    assert_null(r.html.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_of_known_texts),
        cmocka_unit_test(a_page_with_everything),
        cmocka_unit_test(a_page_that_cannot_be_written_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
