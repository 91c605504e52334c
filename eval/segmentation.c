/* eval/segmentation.c - see segmentation.h. */
#include "eval/segmentation.h"
#include <math.h>

void glint_confusion_add(uint64_t *matrix, int32_t n, const uint8_t *truth, const uint8_t *found,
                         size_t n_points)
{
    for (size_t i = 0; i < n_points; i++)
        matrix[truth[i] * n + found[i]]++;
}

void glint_confusion_ignore(uint64_t *matrix, int32_t n, int32_t c)
{
    for (int32_t i = 0; i < n; i++)
        matrix[c * n + i] = matrix[i * n + c] = 0;
}

void glint_confusion_merge(uint64_t *matrix, int32_t n, const uint64_t *other)
{
    for (int32_t i = 0; i < n * n; i++)
        matrix[i] += other[i];
}

static uint64_t row_sum(const uint64_t *matrix, int32_t n, int32_t c)
{
    uint64_t sum = 0;
    for (int32_t i = 0; i < n; i++)
        sum += matrix[c * n + i];
    return sum;
}

double glint_confusion_iou(const uint64_t *matrix, int32_t n, int32_t c)
{
    uint64_t column = 0;
    for (int32_t i = 0; i < n; i++)
        column += matrix[i * n + c];
    const uint64_t both = matrix[c * n + c], either = row_sum(matrix, n, c) + column - both;
    return either ? (double)both / (double)either : NAN;
}

double glint_confusion_mean_iou(const uint64_t *matrix, int32_t n)
{
    double sum = 0;
    int32_t n_defined = 0;
    for (int32_t c = 0; c < n; c++) {
        const double iou = glint_confusion_iou(matrix, n, c);
        if (!isnan(iou)) {
            sum += iou;
            n_defined++;
        }
    }
    return n_defined ? sum / n_defined : NAN;
}

double glint_confusion_weighted_iou(const uint64_t *matrix, int32_t n)
{
    double sum = 0;
    uint64_t all = 0;
    for (int32_t c = 0; c < n; c++) {
        const uint64_t row = row_sum(matrix, n, c);
        const double iou = glint_confusion_iou(matrix, n, c);
        all += row;
        sum += isnan(iou) ? 0 : (double)row * iou;
    }
    return all ? sum / (double)all : NAN;
}
