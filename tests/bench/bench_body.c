/* SPDX-License-Identifier: Apache-2.0 */
/* How fast bodies are read and written, beside json-c in the same run: a body
 * of about 10 MB with 10 numeric columns, one thread, by what the thread used,
 * the best of several passes. Prints `name: value unit (peer value)` lines. */

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

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
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

/* --- the same with json-c
 * ----------------------------------------------------------- */

static struct json_object *parse_json_c(const mlscore_buffer *body)
{
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *root =
        json_tokener_parse_ex(tokener, body->bytes, (int)body->length);

    json_tokener_free(tokener);
    return root;
}

static void take_json_c(mlscore_frame *frame, size_t column, size_t row,
                        struct json_object *cell)
{
    frame->columns[column].values.numeric[row] = json_object_get_double(cell);
    frame->columns[column].missing[row] = 0;
}

/* What a handler would do: parse, find, convert every value. */
static void read_json_c(mlscore_frame *frame, mlscore_buffer *body)
{
    struct json_object *root = parse_json_c(body);
    struct json_object *data = NULL;

    json_object_object_get_ex(root, "inputData", &data);
    for (size_t i = 0; i < COLUMNS; i++) {
        struct json_object *column = NULL;

        json_object_object_get_ex(data, names[i], &column);
        const size_t rows = json_object_array_length(column);
        for (size_t row = 0; row < rows; row++) {
            take_json_c(frame, i, row, json_object_array_get_idx(column, row));
        }
    }
    json_object_put(root);
}

static void read_rows_json_c(mlscore_frame *frame, mlscore_buffer *body)
{
    struct json_object *root = parse_json_c(body);
    struct json_object *data = NULL;

    json_object_object_get_ex(root, "inputData", &data);
    const size_t rows = json_object_array_length(data);
    for (size_t row = 0; row < rows; row++) {
        struct json_object *object = json_object_array_get_idx(data, row);

        for (size_t i = 0; i < COLUMNS; i++) {
            struct json_object *cell = NULL;

            json_object_object_get_ex(object, names[i], &cell);
            take_json_c(frame, i, row, cell);
        }
    }
    json_object_put(root);
}

static void write_json_c(mlscore_frame *frame, mlscore_buffer *body)
{
    struct json_object *root = json_object_new_object();
    size_t length;

    for (size_t i = 0; i < COLUMNS; i++) {
        struct json_object *column = json_object_new_array();

        for (size_t row = 0; row < frame->rows; row++) {
            json_object_array_add(
                column,
                json_object_new_double(frame->columns[i].values.numeric[row]));
        }
        json_object_object_add(root, names[i], column);
    }
    const char *text = json_object_to_json_string_length(
        root, JSON_C_TO_STRING_PLAIN, &length);
    body->length = 0;
    mlscore_buffer_append(body, text, length);
    json_object_put(root);
}

/* --- measuring
 * --------------------------------------------------------------------- */

/* Megabytes a second. */
static double measure(work *function, mlscore_frame *frame,
                      mlscore_buffer *body, int passes)
{
    double best = 1e30;

    for (int i = 0; i < passes; i++) {
        const double start = now();
        function(frame, body);
        const double took = now() - start;
        best = took < best ? took : best;
    }
    return (double)body->length / 1e6 / best;
}

/* Ours beside json-c's; for CSV that is what it does with the same numbers as
 * JSON. */
static void compare(const char *name, work *function, work *peer,
                    mlscore_frame *frame, mlscore_buffer *body,
                    mlscore_buffer *peer_body)
{
    const double theirs = measure(peer, frame, peer_body, 3);
    const double ours = measure(function, frame, body, PASSES);

    printf("%s: %.1f MB/s (json-c %.1f)\n", name, ours, theirs);
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
    mlscore_buffer peer_out = {0};

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
    printf("json-body-mb: %.1f MB\n", (double)json.length / 1e6);
    compare("json-read-mb-per-s", read_json, read_json_c, frame, &json, &json);
    compare("json-rows-read-mb-per-s", read_json, read_rows_json_c, frame,
            &rows, &rows);
    compare("csv-read-mb-per-s", read_csv, read_json_c, frame, &csv, &json);
    compare("json-write-mb-per-s", write_json, write_json_c, frame, &out,
            &peer_out);
    compare("csv-write-mb-per-s", write_csv, write_json_c, frame, &out,
            &peer_out);
    mlscore_buffer_free(&peer_out);
    mlscore_buffer_free(&json);
    mlscore_buffer_free(&rows);
    mlscore_buffer_free(&csv);
    mlscore_buffer_free(&out);
    mlscore_frame_free(frame);
    return 0;
}
