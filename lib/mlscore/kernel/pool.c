/* SPDX-License-Identifier: Apache-2.0 */
/* Pooling: every window is walked by definition, since windows are small; the
 * largest float, which networks ask for, line by line. */

#include "kernel/pool.h"

#include <math.h>

/* What part of window `o` lies inside: first and end element of each
 * dimension, and the place of element 0. */
struct part {
    int64_t first[3], end[3], start[3];
};

static struct part part_of(const mlscore_window *w, const int64_t *o)
{
    struct part part;

    for (int d = 0; d < MLSCORE_SPATIAL; d++) {
        const int64_t start = o[d] * w->stride[d] - w->before[d];
        const int64_t step = w->dilation[d];
        int64_t first = start < 0 ? (-start + step - 1) / step : 0;
        int64_t end = start >= w->in[d]
                          ? 0 : (w->in[d] - 1 - start) / step + 1;

        part.start[d] = start;
        part.first[d] = first;
        part.end[d] = end > w->size[d] ? w->size[d] : end;
    }
    return part;
}

/* Run STEP for the place of each element of every window. */
#define EACH_WINDOW(BEFORE, STEP, AFTER) \
    size_t window_number = 0; \
    int64_t o[3]; \
    for (o[0] = 0; o[0] < w->out[0]; o[0]++) { \
        for (o[1] = 0; o[1] < w->out[1]; o[1]++) { \
            for (o[2] = 0; o[2] < w->out[2]; o[2]++, window_number++) { \
                const struct part part = part_of(w, o); \
                BEFORE; \
                for (int64_t i = part.first[0]; i < part.end[0]; i++) { \
                    const int64_t z = part.start[0] + i * w->dilation[0]; \
                    for (int64_t j = part.first[1]; j < part.end[1]; j++) { \
                        const int64_t y = \
                            part.start[1] + j * w->dilation[1]; \
                        const int64_t line = (z * w->in[1] + y) * w->in[2] + \
                                             part.start[2]; \
                        for (int64_t k = part.first[2]; k < part.end[2]; \
                             k++) { \
                            const int64_t at = line + k * w->dilation[2]; \
                            STEP; \
                        } \
                    } \
                } \
                AFTER; \
            } \
        } \
    }

/* The same place counted columns first. */
static int64_t by_columns(const mlscore_window *w, int64_t at)
{
    const int64_t x = at % w->in[2], y = at / w->in[2] % w->in[1],
                  z = at / w->in[2] / w->in[1];

    return (x * w->in[1] + y) * w->in[0] + z;
}

#define MAX_POOL(NAME, T, LOWEST) \
    static void NAME(const mlscore_window *w, const T *in, T *out, \
                     int64_t *places, int by_column) \
    { \
        EACH_WINDOW( \
            T best = (LOWEST); int64_t where = -1, \
            if (where < 0 || in[at] > best || in[at] != in[at]) { \
                best = in[at]; \
                where = at; \
            }, \
            out[window_number] = best; \
            if (places) { \
                places[window_number] = \
                    by_column && where >= 0 ? by_columns(w, where) : where; \
            }) \
    }

MAX_POOL(max_any_float, float, -INFINITY)

/* One line of results from one line of the input: element k of the windows
 * that have it inside. Not a number stays. */
static void max_of_line(const mlscore_window *w, const float *line, int64_t k,
                        float *out)
{
    const int64_t stride = w->stride[2];
    const int64_t shift = k * w->dilation[2] - w->before[2];
    const int64_t first = shift < 0 ? (-shift + stride - 1) / stride : 0;
    int64_t end = w->in[2] > shift ? (w->in[2] - 1 - shift) / stride + 1 : 0;

    end = end > w->out[2] ? w->out[2] : end;
    for (int64_t x = first; x < end; x++) {
        const float value = line[x * stride + shift];

        out[x] = value > out[x] || value != value ? value : out[x];
    }
}

/* The same by lines, which go faster than windows. */
static void max_float(const mlscore_window *w, const float *in, float *out,
                      int64_t *places, int by_column)
{
    int64_t o[2];

    if (places) {
        max_any_float(w, in, out, places, by_column);
        return;
    }
    for (o[0] = 0; o[0] < w->out[0]; o[0]++) {
        for (o[1] = 0; o[1] < w->out[1]; o[1]++, out += w->out[2]) {
            for (int64_t x = 0; x < w->out[2]; x++) {
                out[x] = -INFINITY;
            }
            for (int64_t e = 0; e < w->size[0] * w->size[1]; e++) {
                const int64_t z = o[0] * w->stride[0] - w->before[0] +
                                  e / w->size[1] * w->dilation[0];
                const int64_t y = o[1] * w->stride[1] - w->before[1] +
                                  e % w->size[1] * w->dilation[1];

                if (z < 0 || z >= w->in[0] || y < 0 || y >= w->in[1]) {
                    continue;
                }
                for (int64_t k = 0; k < w->size[2]; k++) {
                    max_of_line(w, in + (z * w->in[1] + y) * w->in[2], k, out);
                }
            }
        }
    }
}

MAX_POOL(max_double, double, -INFINITY)
MAX_POOL(max_int8, int8_t, INT8_MIN)
MAX_POOL(max_uint8, uint8_t, 0)

void mlscore_max_pool(const mlscore_window *window, mlscore_dtype type,
                      const void *in, void *out, int64_t *places,
                      int by_column)
{
    switch (type) {
    case MLSCORE_DT_FLOAT:
        max_float(window, in, out, places, by_column);
        break;
    case MLSCORE_DT_DOUBLE:
        max_double(window, in, out, places, by_column);
        break;
    case MLSCORE_DT_INT8:
        max_int8(window, in, out, places, by_column);
        break;
    default: max_uint8(window, in, out, places, by_column); break;
    }
}

/* Elements of a window that lie in the padded input. */
static double padded_count(const mlscore_window *w, const int64_t *o)
{
    double count = 1;

    for (int d = 0; d < MLSCORE_SPATIAL; d++) {
        const int64_t start = o[d] * w->stride[d] - w->before[d];
        const int64_t room = w->in[d] + w->after[d] - start;
        int64_t inside = (room - 1) / w->dilation[d] + 1;

        inside = inside > w->size[d] ? w->size[d] : inside;
        count *= (double)inside;
    }
    return count;
}

#define AVERAGE_POOL(NAME, T) \
    static void NAME(const mlscore_window *w, const T *in, T *out, \
                     int with_padding) \
    { \
        EACH_WINDOW(double sum = 0; double count = 0, sum += (double)in[at]; \
                    count++, \
                    if (with_padding) { count = padded_count(w, o); } \
                    out[window_number] = \
                        count > 0 ? (T)(sum / count) : 0) \
    }

AVERAGE_POOL(average_float, float)
AVERAGE_POOL(average_double, double)

void mlscore_average_pool(const mlscore_window *window, mlscore_dtype type,
                          const void *in, void *out, int with_padding)
{
    if (type == MLSCORE_DT_FLOAT) {
        average_float(window, in, out, with_padding);
    }
    else {
        average_double(window, in, out, with_padding);
    }
}

#define NORM_POOL(NAME, T) \
    static void NAME(const mlscore_window *w, const T *in, T *out, double p) \
    { \
        EACH_WINDOW(double sum = 0, \
                    sum += pow(fabs((double)in[at]), p), \
                    out[window_number] = (T)pow(sum, 1 / p)) \
    }

NORM_POOL(norm_float, float)
NORM_POOL(norm_double, double)

void mlscore_norm_pool(const mlscore_window *window, mlscore_dtype type,
                       const void *in, void *out, double p)
{
    if (type == MLSCORE_DT_FLOAT) {
        norm_float(window, in, out, p);
    }
    else {
        norm_double(window, in, out, p);
    }
}
