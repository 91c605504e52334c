/* eval/report.c - see report.h; report_chart.c draws curves and bars. */
#include "eval/report.h"
#include "eval/report_text.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Colours of lines and bars: told apart also by the colour-blind, on white and on black (after Okabe and
 * Ito). */
static const char style[] =
    ":root{color-scheme:light dark;--page:#fff;--card:#f6f7f9;--ink:#1c2128;--soft:#5b6470;--rule:#d9dde3;"
    "--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#cc79a7;--c4:#b8860b;--c5:#56b4e9;--c6:#7a5195;--c7:#5b6470;"
    "--c8:#8b5a2b;--c9:#2f4b7c}\n"
    "@media(prefers-color-scheme:dark){:root{--page:#14171b;--card:#1d2127;--ink:#e6e9ed;--soft:#9aa4b0;"
    "--rule:#353b44;--c0:#4aa8e0;--c1:#f08a4b;--c2:#35c79a;--c3:#e39cc4;--c4:#e0b23c;--c5:#8fd0f5;--c6:#"
    "b394d6;"
    "--c7:#9aa4b0;--c8:#c99a6b;--c9:#8aa5d8}}\n"
    "*{box-sizing:border-box}body{margin:0 auto;max-width:1180px;padding:28px 24px "
    "60px;background:var(--page);"
    "color:var(--ink);font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica "
    "Neue',Arial,sans-serif}\n"
    "h1{font-size:26px;line-height:1.2;margin:0 0 4px}h2{font-size:18px;margin:36px 0 10px;padding-top:14px;"
    "border-top:1px solid var(--rule)}p{margin:8px 0;max-width:80ch}.sub{color:var(--soft);margin:0 0 8px}\n"
    ".wide{overflow-x:auto;margin:12px 0}table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "caption{text-align:left;color:var(--soft);padding:0 0 6px}th,td{padding:4px 12px;text-align:right;"
    "white-space:nowrap;border-bottom:1px solid var(--rule)}th{font-weight:600}thead th{color:var(--soft);"
    "border-bottom:2px solid var(--rule)}th:first-child{text-align:left;padding-left:4px}"
    "tbody tr:hover{background:var(--card)}\n"
    ".figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,480px),1fr));gap:18px;"
    "margin:14px 0}figure{margin:0;padding:14px 16px;background:var(--card);border-radius:8px;min-width:0}"
    "figcaption{font-weight:600;margin-bottom:6px}figure img{display:block;width:100%;height:auto;"
    "border-radius:4px}svg{display:block;width:100%;height:auto}svg text{fill:var(--soft);font-size:12px}"
    ".grid{stroke:var(--rule);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1}"
    "svg .count{font-size:10px;opacity:.8}.line{fill:none;stroke-width:2;stroke-linejoin:round}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:2px 16px;margin-top:6px;font-size:13px}"
    ".legend i{display:inline-block;width:14px;height:4px;border-radius:2px;margin-right:6px;"
    "vertical-align:middle}\n"
    "@media print{body{max-width:none}figure{break-inside:avoid}}\n";

void glint_report_begin(struct glint_report *r, const char *title, const char *subtitle)
{
    struct glint_buffer *b = &r->html;
    glint_buffer_text(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                         "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>");
    glint_report_escape(b, title);
    glint_buffer_text(b, "</title>\n<style>\n");
    glint_buffer_text(b, style);
    glint_buffer_text(b, "</style>\n</head>\n<body>\n<h1>");
    glint_report_escape(b, title);
    glint_buffer_text(b, "</h1>\n<p class=\"sub\">");
    glint_report_escape(b, subtitle);
    glint_buffer_text(b, "</p>\n");
}

static void element(struct glint_report *r, const char *open, const char *text, const char *close)
{
    glint_buffer_text(&r->html, open);
    glint_report_escape(&r->html, text);
    glint_buffer_text(&r->html, close);
}

void glint_report_heading(struct glint_report *r, const char *text)
{
    element(r, "<h2>", text, "</h2>\n");
}

void glint_report_words(struct glint_report *r, const char *text)
{
    element(r, "<p>", text, "</p>\n");
}

void glint_report_table_begin(struct glint_report *r, const char *caption, const char *const *columns,
                              int32_t n_columns)
{
    element(r, "<div class=\"wide\"><table>\n<caption>", caption, "</caption>\n<thead><tr><th></th>");
    for (int32_t i = 0; i < n_columns; i++)
        element(r, "<th>", columns[i], "</th>");
    glint_buffer_text(&r->html, "</tr></thead>\n<tbody>"); /* a row ends where the next one begins */
}

void glint_report_row(struct glint_report *r, const char *name)
{
    element(r, "\n<tr><th>", name, "</th>");
}

void glint_report_cell(struct glint_report *r, double value, int decimals)
{
    if (isnan(value))
        glint_buffer_text(&r->html, "<td>&ndash;</td>");
    else
        glint_report_put(&r->html, "<td>%.*f</td>", decimals, value);
}

void glint_report_cell_i64(struct glint_report *r, int64_t value)
{
    glint_report_put(&r->html, "<td>%lld</td>", (long long)value);
}

void glint_report_cell_text(struct glint_report *r, const char *text)
{
    element(r, "<td>", text, "</td>");
}

void glint_report_table_end(struct glint_report *r)
{
    glint_buffer_text(&r->html, "\n</tbody></table></div>\n");
}

void glint_report_figures_begin(struct glint_report *r)
{
    glint_buffer_text(&r->html, "<div class=\"figures\">\n");
}

void glint_report_figures_end(struct glint_report *r)
{
    glint_buffer_text(&r->html, "</div>\n");
}

void glint_report_picture(struct glint_report *r, const char *caption, const uint8_t *png, size_t size)
{
    element(r, "<figure><figcaption>", caption, "</figcaption><img alt=\"");
    glint_report_escape(&r->html, caption);
    glint_buffer_text(&r->html, "\" src=\"data:image/png;base64,");
    glint_report_base64(&r->html, png, size);
    glint_buffer_text(&r->html, "\"></figure>\n");
}

int glint_report_write(struct glint_report *r, const char *folder)
{
    char path[1024];
    const int n = snprintf(path, sizeof path, "%s/index.html", folder);
    glint_buffer_text(&r->html, "</body>\n</html>\n");
    int status = n > 0 && (size_t)n < sizeof path
                     ? glint_output_parents(path)
                     : glint_fail(GLINT_E_ARG, "%s: a name of this length is not supported", folder);
    if (status >= 0)
        status = glint_output_write(path, &r->html);
    glint_buffer_fini(&r->html);
    return status;
}
