/* SPDX-License-Identifier: Apache-2.0 */
/* Windows as panels; see conv_panels.h. */

#include "kernel/conv_panels.h"

#include <string.h>

#include "kernel/gemm.h"
#include "kernel/gemm_micro.h"

#define PANEL MLSCORE_GEMM_PANEL

/* A padded picture of up to so many times the picture is no waste. */
enum { MOST_TIMES = 4, SMALL_PICTURE = 1 << 16 };

/* --- the padded picture
 * -------------------------------------------------------------- */

/* How far windows reach in a dimension. */
static size_t reach(const mlscore_window *w, int d)
{
    return (size_t)((w->out[d] - 1) * w->stride[d] +
                    (w->size[d] - 1) * w->dilation[d] + 1);
}

int mlscore_padded_make(mlscore_padded *padded, const mlscore_conv *conv)
{
    const mlscore_window *w = &conv->window;
    const size_t stride = (size_t)w->stride[2];
    const size_t most = MOST_TIMES * mlscore_volume(w->in) + SMALL_PICTURE;

    for (int d = 0; d < MLSCORE_SPATIAL; d++) {
        if (w->out[d] < 1 || reach(w, d) > most) {
            return 0;
        }
    }
    padded->phase = (reach(w, 2) + stride - 1) / stride;
    padded->line = padded->phase * stride;
    padded->lines = reach(w, 1);
    padded->slices = reach(w, 0);
    padded->channels = conv->channels / conv->groups;
    if (padded->line > most / padded->lines ||
        padded->line * padded->lines > most / padded->slices) {
        return 0;
    }
    padded->floats =
        padded->line * padded->lines * padded->slices * padded->channels +
        PANEL;
    return 1;
}

static void fill_line(const mlscore_padded *padded, const mlscore_window *w,
                      const float *line, float *out)
{
    const int64_t stride = w->stride[2];

    for (int64_t phase = 0; phase < stride; phase++, out += padded->phase) {
        /* Element i of this part is element i * stride + shift of line. */
        const int64_t shift = phase - w->before[2];
        const int64_t end = (int64_t)padded->phase;
        int64_t i = 0, inside;

        for (; i < end && i * stride + shift < 0; i++) {
            out[i] = 0;
        }
        inside = w->in[2] > shift ? (w->in[2] - 1 - shift) / stride + 1 : 0;
        inside = inside < i ? i : inside > end ? end : inside;
        if (stride == 1) {
            memcpy(out + i, line + i + shift,
                   (size_t)(inside - i) * sizeof(*out));
            i = inside;
        }
        for (; i < inside; i++) {
            out[i] = line[i * stride + shift];
        }
        memset(out + i, 0, (size_t)(end - i) * sizeof(*out));
    }
}

void mlscore_padded_fill(const mlscore_padded *padded, const mlscore_conv *conv,
                         const float *x, float *out)
{
    const mlscore_window *w = &conv->window;

    for (size_t c = 0; c < padded->channels; c++) {
        for (size_t i = 0; i < padded->slices; i++) {
            const int64_t z = (int64_t)i - w->before[0];

            for (size_t j = 0; j < padded->lines; j++, out += padded->line) {
                const int64_t y = (int64_t)j - w->before[1];

                if (z < 0 || z >= w->in[0] || y < 0 || y >= w->in[1]) {
                    memset(out, 0, padded->line * sizeof(*out));
                    continue;
                }
                fill_line(padded, w, x + (z * w->in[1] + y) * w->in[2], out);
            }
        }
        x += mlscore_volume(w->in);
    }
    memset(out, 0, PANEL * sizeof(*out));
}

void mlscore_padded_taps(const mlscore_padded *padded, const mlscore_conv *conv,
                         size_t *taps)
{
    const mlscore_window *w = &conv->window;

    for (int64_t a = 0; a < w->size[0]; a++) {
        for (int64_t b = 0; b < w->size[1]; b++) {
            for (int64_t c = 0; c < w->size[2]; c++) {
                const size_t z = (size_t)(a * w->dilation[0]);
                const size_t y = (size_t)(b * w->dilation[1]);
                const size_t x = (size_t)(c * w->dilation[2]);
                const size_t stride = (size_t)w->stride[2];

                *taps++ = (z * padded->lines + y) * padded->line +
                          x % stride * padded->phase + x / stride;
            }
        }
    }
}

/* --- panels
 * -------------------------------------------------------------------------- */

/* A stretch of one line among a panel's places. */
typedef struct stretch {
    size_t start; /* within the panel */
    size_t from;  /* within a channel of the padded picture */
} stretch;

static size_t find_stretches(const mlscore_padded *padded,
                             const mlscore_window *w, size_t place,
                             size_t count, stretch *stretches)
{
    const size_t width = (size_t)w->out[2], height = (size_t)w->out[1];
    size_t found = 0;

    for (size_t start = 0; start < count;) {
        const size_t x = (place + start) % width;
        const size_t y = (place + start) / width % height;
        const size_t z = (place + start) / width / height;

        stretches[found++] =
            (stretch){start, (z * (size_t)w->stride[0] * padded->lines +
                              y * (size_t)w->stride[1]) *
                                     padded->line +
                                 x};
        start += width - x;
    }
    return found;
}

/* Every stretch is copied as a whole panel row; what was too much is written
 * over by the next stretch, or the next row. */
static inline __attribute__((always_inline)) void
fill_panel(const float *channel, size_t channel_step, const size_t *taps,
           size_t volume, size_t tap, size_t k, const stretch *stretches,
           const size_t count, float *out)
{
    for (size_t p = 0; p < k; p++, out += PANEL) {
        const float *from = channel + taps[tap];

        for (size_t s = 0; s < count; s++) {
            memcpy(out + stretches[s].start, from + stretches[s].from,
                   PANEL * sizeof(*out));
        }
        if (++tap == volume) {
            tap = 0;
            channel += channel_step;
        }
    }
}

void mlscore_padded_panels(const mlscore_padded *padded,
                           const mlscore_conv *conv, const float *picture,
                           const size_t *taps, size_t place, size_t count,
                           size_t first, size_t k, float *panels)
{
    const size_t volume = mlscore_volume(conv->window.size);
    const size_t step = padded->line * padded->lines * padded->slices;
    const float *channel = picture + first / volume * step;
    const size_t tap = first % volume;

    for (size_t done = 0; done < count; done += PANEL, panels += PANEL * k) {
        const size_t left = count - done;
        stretch s[PANEL];
        const size_t found = find_stretches(padded, &conv->window, place + done,
                                            left < PANEL ? left : PANEL, s);

        switch (found) {
        case 1:
            fill_panel(channel, step, taps, volume, tap, k, s, 1, panels);
            break;
        case 2:
            fill_panel(channel, step, taps, volume, tap, k, s, 2, panels);
            break;
        default:
            fill_panel(channel, step, taps, volume, tap, k, s, found, panels);
            break;
        }
    }
}
