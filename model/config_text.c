/* model/config_text.c - see config_text.h. */
#include "model/config_text.h"
#include "core/status.h"

void glint_add_numbers(struct glint_text *text, const char *key, const double *values, int32_t n,
                       const char *end)
{
    glint_text_add(text, "\"%s\": [", key);
    for (int32_t i = 0; i < n; i++)
        glint_text_add(text, "%s%.12g", i ? ", " : "", values[i]);
    glint_text_add(text, "]%s", end);
}

int glint_copy_numbers(struct glint_text *text, const char *key, struct glint_json from, const char *member,
                       int32_t n, const char *end)
{
    double values[GLINT_CLASSES_MAX];
    int32_t count;
    GLINT_TRY(glint_json_f64s(from, member, n, GLINT_CLASSES_MAX, values, &count));
    glint_add_numbers(text, key, values, count, end);
    return GLINT_OK;
}

int glint_copy_number(struct glint_text *text, const char *key, struct glint_json from, const char *member,
                      const char *end)
{
    double value;
    GLINT_TRY(glint_json_f64(from, member, -1e9, 1e9, &value));
    glint_text_add(text, "\"%s\": %.12g%s", key, value, end);
    return GLINT_OK;
}

void glint_add_string(struct glint_text *text, const char *string)
{
    glint_text_add(text, "\"");
    for (; *string; string++)
        if ((unsigned char)*string >= 32 && *string != '"' && *string != '\\')
            glint_text_add(text, "%c", *string);
    glint_text_add(text, "\"");
}
