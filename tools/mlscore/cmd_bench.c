/* SPDX-License-Identifier: Apache-2.0 */
/* mlscore bench: how fast a model scores, one thread, parsing left out. */

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "files.h"

static double now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void copy_cell(mlscore_column *to, size_t to_row,
                      const mlscore_column *from, size_t row)
{
    switch (from->field->type) {
    case MLSCORE_NUMERIC:
        to->values.numeric[to_row] = from->values.numeric[row];
        break;
    case MLSCORE_INTEGER:
        to->values.integer[to_row] = from->values.integer[row];
        break;
    case MLSCORE_LOGICAL:
        to->values.logical[to_row] = from->values.logical[row];
        break;
    case MLSCORE_CHARACTER:
        to->values.character[to_row] = from->values.character[row];
        break;
    }
    to->missing[to_row] = from->missing[row];
}

/* Fill `to` with `rows` rows of `from`, beginning at `first`, around. */
static int fill(mlscore_frame *to, const mlscore_frame *from, size_t first,
                size_t rows)
{
    mlscore_error err;

    if (mlscore_frame_reserve(to, rows, &err) != MLSCORE_OK) {
        return report("rows", &err);
    }
    for (uint32_t i = 0; i < to->schema->field_count; i++) {
        to->columns[i].present = 1;
        for (size_t row = 0; row < rows; row++) {
            copy_cell(&to->columns[i], row, &from->columns[i],
                      (first + row) % from->rows);
        }
    }
    to->rows = rows;
    return EXIT_OK;
}

/* One call for `rows` rows, timed by a clock. */
static int call(mlscore_context *context, const mlscore_frame *data,
                size_t first, size_t rows, clockid_t clock, double *took)
{
    mlscore_error err;
    const int status = fill(mlscore_context_input(context), data, first, rows);

    if (status != EXIT_OK) {
        return status;
    }
    const double before = now(clock);
    if (mlscore_score(context, &err) != MLSCORE_OK) {
        return report("score", &err);
    }
    *took += now(clock) - before;
    return EXIT_OK;
}

/* Seconds of the fastest of several calls with `rows` rows each. Slow calls
 * are timed by what the thread used, so that other work on the machine does
 * not count; for fast ones asking for that takes too long. */
static int measure(mlscore_context *context, const mlscore_frame *data,
                   size_t rows, double seconds, double *best, double *mean)
{
    const double start = now(CLOCK_MONOTONIC);
    double first = 0;
    double sum = 0;
    size_t calls = 0;
    int status = call(context, data, 0, rows, CLOCK_MONOTONIC, &first);
    const int slow = first > 1e-3;
    const clockid_t clock = slow ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    const size_t group = slow || rows > 1 ? 1 : 16;

    *best = 1e30;
    do {
        double took = 0;

        for (size_t i = 0; i < group && status == EXIT_OK; i++) {
            status = call(context, data, calls++, rows, clock, &took);
        }
        sum += took;
        took /= (double)group;
        *best = took < *best ? took : *best;
    } while (status == EXIT_OK && now(CLOCK_MONOTONIC) - start < seconds);
    *mean = sum / (double)calls;
    return status;
}

static int bench(const mlscore_model *model, mlscore_frame *data,
                 mlscore_context *context, size_t rows, double seconds)
{
    mlscore_error err;
    double best;
    double mean;

    if (mlscore_context_bind(context, model, &err) != MLSCORE_OK) {
        return report("model", &err);
    }
    int status = measure(context, data, rows, seconds, &best, &mean);
    if (status != EXIT_OK) {
        return status;
    }
    printf("batch-rows: %zu\nrows-per-s: %.0f\nrows-per-s-best: %.0f\n", rows,
           (double)rows / mean, (double)rows / best);
    status = measure(context, data, 1, seconds, &best, &mean);
    if (status == EXIT_OK) {
        printf("single-row-us: %.3f\nsingle-row-us-best: %.3f\n", mean * 1e6,
               best * 1e6);
    }
    return status;
}

/* What opening an image takes: time, and memory beside the image, which
 * processes share. A model that is no image is not opened as it lies. */
static void bench_open(const char *path)
{
    mlscore_model *model;
    mlscore_error err;
    double best = 1e30;
    size_t heap = 0;

    for (int i = 0; i < 5; i++) {
        const struct mallinfo2 before = mallinfo2();
        const double start = now(CLOCK_MONOTONIC);

        if (mlscore_model_open(&model, path, &err) != MLSCORE_OK) {
            return;
        }
        const double took = now(CLOCK_MONOTONIC) - start;
        const struct mallinfo2 after = mallinfo2();

        best = took < best ? took : best;
        heap = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
        mlscore_model_close(model);
    }
    printf("open-ms: %.3f\nopen-heap-bytes: %zu\n", best * 1e3, heap);
}

static int run(const mlscore_model *model, const file_bytes *file,
               const char *input, size_t rows, double seconds)
{
    mlscore_error err;
    mlscore_frame *data = NULL;
    mlscore_context *context = NULL;
    int status;

    if (mlscore_frame_create(&data, mlscore_model_inputs(model), &err) !=
            MLSCORE_OK ||
        mlscore_context_create(&context, &err) != MLSCORE_OK ||
        mlscore_read_csv(data, (const char *)file->bytes, file->size, NULL,
                         &err) != MLSCORE_OK) {
        status = report(input, &err);
    }
    else if (data->rows == 0) {
        fprintf(stderr, "mlscore: %s has no rows\n", input);
        status = EXIT_REFUSED;
    }
    else {
        status = bench(model, data, context, rows, seconds);
    }
    mlscore_context_free(context);
    mlscore_frame_free(data);
    return status;
}

int cmd_bench(int argc, char **argv)
{
    const char *files[2] = {NULL, NULL};
    int count = 0;
    size_t rows = 10000;
    double seconds = 1;
    int wrong = 0;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--rows") == 0 && i + 1 < argc) {
            rows = strtoul(argv[++i], NULL, 10);
        }
        else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
            seconds = strtod(argv[++i], NULL);
        }
        else if (count < 2) {
            files[count++] = argv[i];
        }
        else {
            wrong = 1;
        }
    }
    if (wrong || count != 2 || rows == 0 || rows > 100000000 ||
        !(seconds >= 0)) {
        fputs("usage: mlscore bench MODEL|IMAGE INPUT.csv [--rows N] "
              "[--seconds S]\n",
              stderr);
        return EXIT_USAGE;
    }
    mlscore_model *model;
    file_bytes image;
    file_bytes file;
    int status = model_load(&model, &image, files[0]);
    if (status != EXIT_OK) {
        return status;
    }
    bench_open(files[0]);
    status = file_read(&file, files[1]);
    if (status == EXIT_OK) {
        status = run(model, &file, files[1], rows, seconds);
        file_free(&file);
    }
    mlscore_model_close(model);
    file_free(&image);
    return status;
}
