/* SPDX-License-Identifier: Apache-2.0 */
/* How fast bodies are read and written, beside json-c in the same run: a body
 * of about 10 MB with 10 numeric columns, one thread, the best of several
 * passes. Prints `name: value` lines. */

#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mlscore/body.h"
#include "mlscore/frame.h"

enum { COLUMNS = 10, ROWS = 95000, PASSES = 9 };

static const char names[COLUMNS][3] = {"x0", "x1", "x2", "x3", "x4",
                                       "x5", "x6", "x7", "x8", "x9"};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void stop(const char *what, const mlscore_error *err)
{
    fprintf(stderr, "bench_body: %s: %s\n", what, err->message);
    exit(1);
}

/* Numbers as data has them: counts, amounts with two places, measurements
 * with six, and doubles with all of their digits. */
static double value_at(uint64_t *state, size_t column)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    const double uniform = (double)(*state >> 11) / 9007199254740992.0;

    switch (column % 4) {
    case 0:
        return (double)(int)(uniform * 5000);
    case 1:
        return (double)(int)(uniform * 1000000) / 100;
    case 2:
        return (double)(int64_t)(uniform * 2e9 - 1e9) / 1e6;
    default:
        return uniform;
    }
}

static void fill(mlscore_frame *frame)
{
    mlscore_error err;
    uint64_t state = 42;

    if (mlscore_frame_reserve(frame, ROWS, &err) != MLSCORE_OK) {
        stop("reserve", &err);
    }
    frame->rows = ROWS;
    for (size_t row = 0; row < ROWS; row++) {
        for (size_t i = 0; i < COLUMNS; i++) {
            frame->columns[i].values.numeric[row] = value_at(&state, i);
            frame->columns[i].missing[row] = 0;
        }
    }
}

/* {"inputData": <columns>} */
static void wrap(mlscore_buffer *body, const mlscore_frame *frame)
{
    mlscore_error err;

    mlscore_buffer_append(body, "{\"inputData\":", 13);
    if (mlscore_write_json(body, frame, &err) != MLSCORE_OK) {
        stop("write", &err);
    }
    mlscore_buffer_append(body, "}", 1);
}

/* The same rows as objects, which is how many callers send them. */
static void wrap_rows(mlscore_buffer *body, const mlscore_frame *frame)
{
    char number[32];

    mlscore_buffer_append(body, "{\"inputData\":[", 14);
    for (size_t row = 0; row < frame->rows; row++) {
        mlscore_buffer_append(body, row ? ",{" : "{", row ? 2 : 1);
        for (size_t i = 0; i < COLUMNS; i++) {
            mlscore_buffer_append(body, i ? ",\"" : "\"", i ? 2 : 1);
            mlscore_buffer_append(body, names[i], 2);
            mlscore_buffer_append(body, "\":", 2);
            mlscore_buffer_append(
                body, number,
                mlscore_format_double(number,
                                      frame->columns[i].values.numeric[row]));
        }
        mlscore_buffer_append(body, "}", 1);
    }
    mlscore_buffer_append(body, "]}", 2);
}

typedef void work(mlscore_frame *frame, mlscore_buffer *body);

static void read_json(mlscore_frame *frame, mlscore_buffer *body)
{
    mlscore_error err;

    if (mlscore_read_json(frame, body->bytes, body->length, NULL, &err) !=
            MLSCORE_OK ||
        frame->rows != ROWS) {
        stop("read JSON", &err);
    }
}

static void read_csv(mlscore_frame *frame, mlscore_buffer *body)
{
    mlscore_error err;

    if (mlscore_read_csv(frame, body->bytes, body->length, NULL, &err) !=
            MLSCORE_OK ||
        frame->rows != ROWS) {
        stop("read CSV", &err);
    }
}

static void write_json(mlscore_frame *frame, mlscore_buffer *body)
{
    mlscore_error err;

    body->length = 0;
    if (mlscore_write_json(body, frame, &err) != MLSCORE_OK) {
        stop("write JSON", &err);
    }
}

static void write_csv(mlscore_frame *frame, mlscore_buffer *body)
{
    mlscore_error err;

    body->length = 0;
    if (mlscore_write_csv(body, frame, &err) != MLSCORE_OK) {
        stop("write CSV", &err);
    }
}

/* What a handler would do with json-c: parse, find, convert every value. */
static void read_json_c(mlscore_frame *frame, mlscore_buffer *body)
{
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *root =
        json_tokener_parse_ex(tokener, body->bytes, (int)body->length);
    struct json_object *data = NULL;

    json_object_object_get_ex(root, "inputData", &data);
    for (size_t i = 0; i < COLUMNS; i++) {
        struct json_object *column = NULL;
        json_object_object_get_ex(data, names[i], &column);
        const size_t rows = json_object_array_length(column);
        for (size_t row = 0; row < rows; row++) {
            frame->columns[i].values.numeric[row] = json_object_get_double(
                json_object_array_get_idx(column, row));
            frame->columns[i].missing[row] = 0;
        }
    }
    json_object_put(root);
    json_tokener_free(tokener);
}

static void measure(const char *name, work *function, mlscore_frame *frame,
                    mlscore_buffer *body, int passes)
{
    double best = 1e30;

    for (int i = 0; i < passes; i++) {
        const double start = now();
        function(frame, body);
        const double took = now() - start;
        best = took < best ? took : best;
    }
    printf("%s: %.1f\n", name, (double)body->length / 1e6 / best);
    fflush(stdout);
}

int main(void)
{
    mlscore_field fields[COLUMNS];
    const mlscore_schema schema = {fields, COLUMNS, 0};
    mlscore_frame *frame;
    mlscore_error err;
    mlscore_buffer json = {0};
    mlscore_buffer rows = {0};
    mlscore_buffer csv = {0};
    mlscore_buffer out = {0};

    for (size_t i = 0; i < COLUMNS; i++) {
        fields[i] = (mlscore_field){.name = names[i], .name_length = 2};
    }
    if (mlscore_frame_create(&frame, &schema, &err) != MLSCORE_OK) {
        stop("frame", &err);
    }
    fill(frame);
    wrap(&json, frame);
    wrap_rows(&rows, frame);
    write_csv(frame, &csv);
    printf("json-body-mb: %.1f\n", (double)json.length / 1e6);
    measure("json-read-mb-per-s", read_json, frame, &json, PASSES);
    measure("json-rows-read-mb-per-s", read_json, frame, &rows, PASSES);
    measure("json-read-json-c-mb-per-s", read_json_c, frame, &json, 3);
    measure("csv-read-mb-per-s", read_csv, frame, &csv, PASSES);
    measure("json-write-mb-per-s", write_json, frame, &out, PASSES);
    measure("csv-write-mb-per-s", write_csv, frame, &out, PASSES);
    mlscore_buffer_free(&json);
    mlscore_buffer_free(&rows);
    mlscore_buffer_free(&csv);
    mlscore_buffer_free(&out);
    mlscore_frame_free(frame);
    return 0;
}
