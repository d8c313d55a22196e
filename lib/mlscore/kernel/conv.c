/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions; see conv.h. */

#include "kernel/conv.h"

#include <string.h>

#include "kernel/conv_panels.h"
#include "kernel/gemm.h"
#include "kernel/gemm_micro.h"

enum {
    TILE_PANELS = 16, /* of MLSCORE_GEMM_DEPTH rows: 256 KB, half a cache */
    /* Columns that lie as a matrix: written once, read once. */
    TILE_BYTES = 256 * 1024,
    LEAST_TILE = 48
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Rows of the column matrix: elements of a window over a group's channels. */
static size_t depth_of(const mlscore_conv *conv)
{
    return conv->channels / conv->groups * mlscore_volume(conv->window.size);
}

static size_t tile_of(const mlscore_conv *conv)
{
    const size_t depth = depth_of(conv);
    size_t tile = TILE_BYTES / sizeof(float) / (depth ? depth : 1);

    tile = tile < LEAST_TILE ? LEAST_TILE : tile / 16 * 16;
    return smaller(tile, mlscore_volume(conv->window.out));
}

/* Windows of one element that take every place: x is the column matrix. */
static int is_pointwise(const mlscore_window *w)
{
    for (int d = 0; d < MLSCORE_SPATIAL; d++) {
        if (w->size[d] != 1 || w->stride[d] != 1 || w->before[d] ||
            w->after[d]) {
            return 0;
        }
    }
    return 1;
}

static int is_depthwise(const mlscore_conv *conv)
{
    return conv->groups == conv->channels && conv->filters == conv->channels;
}

/* --- tiles of panels
 * ------------------------------------------------------------------- */

/* What scratch holds: a padded picture and its taps (neither for pointwise
 * ones), and a tile's panels. */
struct tiles {
    mlscore_padded padded;
    size_t taps, panels, total; /* offsets in bytes */
    size_t places;              /* of a tile, whole panels but the last */
};

static size_t round_up(size_t x, size_t to)
{
    return (x + to - 1) / to * to;
}

/* Returns 0 when the picture cannot be padded. */
static int make_tiles(struct tiles *tiles, const mlscore_conv *conv)
{
    const mlscore_window *w = &conv->window;
    const size_t all =
        (mlscore_volume(w->out) + MLSCORE_GEMM_PANEL - 1) / MLSCORE_GEMM_PANEL;
    const size_t count = all ? (all + TILE_PANELS - 1) / TILE_PANELS : 1;
    const size_t deep = smaller(depth_of(conv), MLSCORE_GEMM_DEPTH);

    memset(tiles, 0, sizeof(*tiles));
    if (!is_pointwise(w)) {
        if (!mlscore_padded_make(&tiles->padded, conv)) {
            return 0;
        }
        tiles->taps = round_up(tiles->padded.floats * sizeof(float), 64);
        tiles->panels = tiles->taps +
                        round_up(mlscore_volume(w->size) * sizeof(size_t), 64);
    }
    /* Tiles of about the same size. */
    tiles->places = (all + count - 1) / count * MLSCORE_GEMM_PANEL;
    tiles->total = tiles->panels +
                   (tiles->places * deep + MLSCORE_GEMM_PANEL) * sizeof(float);
    return 1;
}

/* The work of whole pictures that cannot be padded. */
static size_t columns_work(const mlscore_conv *conv)
{
    return round_up(depth_of(conv) * tile_of(conv) * sizeof(float), 64) +
           mlscore_gemm_work(conv->filters / conv->groups, tile_of(conv),
                             depth_of(conv));
}

size_t mlscore_conv_work(const mlscore_conv *conv)
{
    struct tiles tiles;

    if (is_depthwise(conv)) {
        return 0;
    }
    return make_tiles(&tiles, conv) ? tiles.total : columns_work(conv);
}

/* --- columns
 * ---------------------------------------------------------------------- */

/* Elements k of the windows at places from..from+count-1 in one output line
 * (fixed first two coordinates): a stretch of one input line. */
static void copy_line(const mlscore_window *w, const float *line, int64_t x,
                      int64_t count, float *out)
{
    const int64_t stride = w->stride[2];

    if (!line) {
        memset(out, 0, (size_t)count * sizeof(*out));
        return;
    }
    if (stride == 1) {
        const int64_t skip = x < 0 ? (-x < count ? -x : count) : 0;
        int64_t end = w->in[2] - x;

        end = end > count ? count : end < skip ? skip : end;
        memset(out, 0, (size_t)skip * sizeof(*out));
        memcpy(out + skip, line + x + skip,
               (size_t)(end - skip) * sizeof(*out));
        memset(out + end, 0, (size_t)(count - end) * sizeof(*out));
        return;
    }
    for (int64_t i = 0; i < count; i++, x += stride) {
        out[i] = x >= 0 && x < w->in[2] ? line[x] : 0;
    }
}

/* One row of the column matrix: window element (a, b, c) of a channel, for
 * `count` output places from `from` on. */
static void fill_row(const mlscore_window *w, const float *channel, int64_t a,
                     int64_t b, int64_t c, size_t from, size_t count,
                     float *out)
{
    while (count) {
        const int64_t place = (int64_t)from;
        const int64_t ox = place % w->out[2];
        const int64_t oy = place / w->out[2] % w->out[1];
        const int64_t oz = place / w->out[2] / w->out[1];
        const int64_t z = oz * w->stride[0] - w->before[0] + a * w->dilation[0];
        const int64_t y = oy * w->stride[1] - w->before[1] + b * w->dilation[1];
        const int64_t x = ox * w->stride[2] - w->before[2] + c * w->dilation[2];
        const size_t run = smaller(count, (size_t)(w->out[2] - ox));
        const int inside = z >= 0 && z < w->in[0] && y >= 0 && y < w->in[1];

        copy_line(w, inside ? channel + (z * w->in[1] + y) * w->in[2] : NULL,
                  x, (int64_t)run, out);
        out += run;
        from += run;
        count -= run;
    }
}

static void fill_columns(const mlscore_conv *conv, const float *x, size_t from,
                         size_t count, float *out)
{
    const mlscore_window *w = &conv->window;
    const size_t in_volume = mlscore_volume(w->in);

    for (size_t c = 0; c < conv->channels / conv->groups; c++) {
        for (int64_t i = 0; i < w->size[0]; i++) {
            for (int64_t j = 0; j < w->size[1]; j++) {
                for (int64_t k = 0; k < w->size[2]; k++) {
                    fill_row(w, x + c * in_volume, i, j, k, from, count, out);
                    out += count;
                }
            }
        }
    }
}

/* --- one channel each
 * ------------------------------------------------------------------ */

static void depthwise_channel(const mlscore_window *w, const float *x,
                              const float *weights, float *y)
{
    for (int64_t oz = 0; oz < w->out[0]; oz++) {
        for (int64_t oy = 0; oy < w->out[1]; oy++) {
            float *line = y + (oz * w->out[1] + oy) * w->out[2];

            for (int64_t e = 0; e < (int64_t)mlscore_volume(w->size); e++) {
                const int64_t c = e % w->size[2];
                const int64_t b = e / w->size[2] % w->size[1];
                const int64_t a = e / w->size[2] / w->size[1];
                const int64_t z =
                    oz * w->stride[0] - w->before[0] + a * w->dilation[0];
                const int64_t row =
                    oy * w->stride[1] - w->before[1] + b * w->dilation[1];
                const int64_t shift = c * w->dilation[2] - w->before[2];

                if (z < 0 || z >= w->in[0] || row < 0 || row >= w->in[1]) {
                    continue;
                }
                const float *from = x + (z * w->in[1] + row) * w->in[2];
                const float weight = weights[e];
                int64_t first = 0, end = w->out[2];
                while (first < end && first * w->stride[2] + shift < 0) {
                    first++;
                }
                while (end > first &&
                       (end - 1) * w->stride[2] + shift >= w->in[2]) {
                    end--;
                }
                for (int64_t ox = first; ox < end; ox++) {
                    line[ox] += weight * from[ox * w->stride[2] + shift];
                }
            }
        }
    }
}

/* Results before the product, and after it; places of a line lie apart. */
static void set_bias(float *y, size_t filters, size_t places, size_t step,
                     const float *bias)
{
    for (size_t f = 0; f < filters; f++) {
        const float value = bias ? bias[f] : 0;

        for (size_t i = 0; i < places; i++) {
            y[f * step + i] = value;
        }
    }
}

static void finish(const mlscore_conv *conv, float *y, size_t filters,
                   size_t places, size_t step)
{
    for (size_t f = 0; conv->relu && f < filters; f++) {
        float *line = y + f * step;

        for (size_t i = 0; i < places; i++) {
            line[i] = line[i] < 0 ? 0 : line[i];
        }
    }
}

/* --- the whole
 * ---------------------------------------------------------------------------
 */

/* Rows first.. of the panels of places from.. on. */
static void make_panels(const mlscore_conv *conv, const struct tiles *tiles,
                        const float *x, const char *work, size_t from,
                        size_t count, size_t first, size_t k, float *panels)
{
    const size_t places = mlscore_volume(conv->window.out);

    if (tiles->taps) {
        mlscore_padded_panels(&tiles->padded, conv,
                              (const float *)(const void *)work,
                              (const void *)(work + tiles->taps), from, count,
                              first, k, panels);
        return;
    }
    mlscore_gemm_pack(count, k,
                      (mlscore_matrix){x + first * places + from, places, 1},
                      panels);
}

static void run_tiles(const mlscore_conv *conv, const struct tiles *tiles,
                      const float *x, const float *weights, const float *bias,
                      float *y, void *work)
{
    const mlscore_cpu level = mlscore_cpu_level();
    const size_t filters = conv->filters / conv->groups;
    const size_t depth = depth_of(conv);
    const size_t places = mlscore_volume(conv->window.out);
    float *panels = (void *)((char *)work + tiles->panels);

    if (tiles->taps) {
        mlscore_padded_fill(&tiles->padded, conv, x, work);
        mlscore_padded_taps(&tiles->padded, conv,
                            (void *)((char *)work + tiles->taps));
    }
    for (size_t from = 0; from < places; from += tiles->places) {
        const size_t count = smaller(tiles->places, places - from);

        set_bias(y + from, filters, count, places, bias);
        for (size_t p = 0; p < depth; p += MLSCORE_GEMM_DEPTH) {
            const size_t k = smaller(MLSCORE_GEMM_DEPTH, depth - p);

            make_panels(conv, tiles, x, work, from, count, p, k, panels);
            mlscore_gemm_panels(level, filters, count, k, weights + p, depth,
                                panels, y + from, places);
        }
        finish(conv, y + from, filters, count, places);
    }
}

static void run_columns(const mlscore_conv *conv, const float *x,
                        const float *weights, const float *bias, float *y,
                        void *work)
{
    const size_t filters = conv->filters / conv->groups;
    const size_t depth = depth_of(conv);
    const size_t places = mlscore_volume(conv->window.out);
    const size_t tile = tile_of(conv);
    float *columns = work;
    char *rest = (char *)work + round_up(depth * tile * sizeof(float), 64);

    set_bias(y, filters, places, places, bias);
    for (size_t from = 0; from < places; from += tile) {
        const size_t count = smaller(tile, places - from);

        fill_columns(conv, x, from, count, columns);
        mlscore_gemm(filters, count, depth, (mlscore_matrix){weights, depth, 1},
                     (mlscore_matrix){columns, count, 1}, y + from, places,
                     rest);
    }
    finish(conv, y, filters, places, places);
}

void mlscore_conv_run(const mlscore_conv *conv, const float *x,
                      const float *weights, const float *bias, float *y,
                      void *work)
{
    const size_t in = conv->channels / conv->groups *
                      mlscore_volume(conv->window.in);
    const size_t places = mlscore_volume(conv->window.out);
    const size_t filters = conv->filters / conv->groups;
    struct tiles tiles;
    const int padded = !is_depthwise(conv) && make_tiles(&tiles, conv);

    for (size_t g = 0; g < conv->groups; g++) {
        const float *group_bias = bias ? bias + g * filters : NULL;

        if (is_depthwise(conv)) {
            set_bias(y, 1, places, places, group_bias);
            depthwise_channel(&conv->window, x, weights, y);
            finish(conv, y, 1, places, places);
        }
        else if (padded) {
            run_tiles(conv, &tiles, x, weights, group_bias, y, work);
        }
        else {
            run_columns(conv, x, weights, group_bias, y, work);
        }
        x += in;
        weights += filters * depth_of(conv);
        y += filters * places;
    }
}

/* By definition: for every output element the sum over its window. */
#define BY_DEFINITION(T) \
    const mlscore_window *w = &conv->window; \
    const size_t own = conv->channels / conv->groups; \
    const size_t filters = conv->filters / conv->groups; \
    const size_t in_volume = mlscore_volume(w->in); \
    const size_t volume = mlscore_volume(w->size); \
    const size_t places = mlscore_volume(w->out); \
    for (size_t f = 0; f < conv->filters; f++) { \
        const T *in = x + f / filters * own * in_volume; \
        for (size_t p = 0; p < places; p++) { \
            T sum = bias ? bias[f] : 0; \
            for (size_t e = 0; e < own * volume; e++) { \
                const int64_t at = (int64_t)(e % volume); \
                const int64_t k[3] = {at / w->size[2] / w->size[1], \
                                      at / w->size[2] % w->size[1], \
                                      at % w->size[2]}; \
                const int64_t o[3] = { \
                    (int64_t)p / w->out[2] / w->out[1], \
                    (int64_t)p / w->out[2] % w->out[1], \
                    (int64_t)p % w->out[2]}; \
                int64_t place = 0; \
                int inside = 1; \
                for (int d = 0; d < 3; d++) { \
                    const int64_t i = o[d] * w->stride[d] - w->before[d] + \
                                      k[d] * w->dilation[d]; \
                    inside &= i >= 0 && i < w->in[d]; \
                    place = place * w->in[d] + i; \
                } \
                if (inside) { \
                    sum += in[e / volume * in_volume + (size_t)place] * \
                           weights[f * own * volume + e]; \
                } \
            } \
            y[f * places + p] = sum; \
        } \
    }

void mlscore_conv_reference(const mlscore_conv *conv, const float *x,
                            const float *weights, const float *bias, float *y)
{
    BY_DEFINITION(float)
}

void mlscore_conv_double(const mlscore_conv *conv, const double *x,
                         const double *weights, const double *bias, double *y)
{
    BY_DEFINITION(double)
}

/* Every input element is spread over its window. */
static void spread(const mlscore_window *w, float value, const int64_t *o,
                   const float *weights, float *y)
{
    for (int64_t e = 0; e < (int64_t)mlscore_volume(w->size); e++) {
        const int64_t k[3] = {e / w->size[2] / w->size[1],
                              e / w->size[2] % w->size[1], e % w->size[2]};
        int64_t place = 0;
        int inside = 1;

        for (int d = 0; d < MLSCORE_SPATIAL; d++) {
            const int64_t i = o[d] * w->stride[d] - w->before[d] +
                              k[d] * w->dilation[d];

            inside &= i >= 0 && i < w->in[d];
            place = place * w->in[d] + i;
        }
        if (inside) {
            y[place] += value * weights[e];
        }
    }
}

void mlscore_conv_transpose(const mlscore_conv *conv, const float *x,
                            const float *weights, const float *bias, float *y)
{
    const mlscore_window *w = &conv->window;
    const size_t own = conv->channels / conv->groups;
    const size_t filters = conv->filters / conv->groups;
    const size_t in_volume = mlscore_volume(w->in);
    const size_t places = mlscore_volume(w->out);
    const size_t volume = mlscore_volume(w->size);

    set_bias(y, conv->channels, in_volume, in_volume, bias);
    for (size_t f = 0; f < conv->filters; f++) {
        for (size_t c = 0; c < own; c++) {
            float *out = y + (f / filters * own + c) * in_volume;

            for (size_t p = 0; p < places; p++) {
                const int64_t o[3] = {(int64_t)p / w->out[2] / w->out[1],
                                      (int64_t)p / w->out[2] % w->out[1],
                                      (int64_t)p % w->out[2]};

                spread(w, x[f * places + p], o,
                       weights + (f * own + c) * volume, out);
            }
        }
    }
}
