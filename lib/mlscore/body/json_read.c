/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON body into a frame, in one pass over its bytes. */

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "body/json_cell.h"
#include "body/json_read.h"

/* ---- columns ------------------------------------------------------------- */

/* Numbers in a row, where big bodies spend their time: as many cells from
 * `*row` on as are numbers and fit. Stops before the first other cell or after
 * a comma; *row counts on. The caller goes on from there. */
static const char *read_numbers(const mlscore_json_reader *reader,
                                const mlscore_column *column, size_t limit,
                                size_t *row, const char *p)
{
    const char *const end = reader->json.body.end;
    double *const values = column->values.numeric;
    uint8_t *const missing = column->missing;

    while (*row < limit && mlscore_json_begins_number(p, end)) {
        mlscore_decimal decimal;
        const char *after = mlscore_scan_decimal(&decimal, p, end, 1);
        if (!after) {
            break;
        }
        const double value = mlscore_decimal_to_double(&decimal);
        if (isinf(value)) {
            break;
        }
        after = mlscore_json_space(after, end);
        if (after == end || *after != ',') {
            break;
        }
        values[*row] = value;
        missing[*row] = 0;
        ++*row;
        p = mlscore_json_space(after + 1, end);
    }
    return p;
}

/* The cells of a column; `p` is after the bracket. */
static const char *read_array(mlscore_json_reader *reader,
                              mlscore_column *column, const char *p,
                              size_t *count)
{
    mlscore_body *body = &reader->json.body;
    const int numeric = column->field->type == MLSCORE_NUMERIC;
    size_t row = 0;
    int more = 1;

    p = mlscore_json_space(p, body->end);
    if (p < body->end && *p == ']') {
        *count = 0;
        return p + 1;
    }
    while (more) {
        p = mlscore_json_space(p, body->end);
        if (mlscore_body_ensure_row(body, row, p)) {
            return NULL;
        }
        if (numeric) {
            const size_t capacity = body->frame->capacity;
            p = read_numbers(
                reader, column,
                capacity < body->max_rows ? capacity : body->max_rows, &row, p);
            if (mlscore_body_ensure_row(body, row, p)) {
                return NULL;
            }
        }
        p = mlscore_json_read_cell(reader, column, row, p);
        if (!p) {
            return NULL;
        }
        body->row = row++;
        p = mlscore_json_scan_next(&reader->json, p, ']', &more);
        if (!p) {
            return NULL;
        }
    }
    *count = row;
    return p;
}

/* A column's array, or a value that stands for an array of one. */
static const char *read_column(mlscore_json_reader *reader, int32_t at,
                               const char *p)
{
    mlscore_body *body = &reader->json.body;
    mlscore_column *column = &body->frame->columns[at];
    const mlscore_text *name = &reader->names[at];
    const char *const start = p;
    size_t count = 1;

    if (column->present) {
        return mlscore_body_fail(body, MLSCORE_EINPUT, p,
                                 "the column comes twice");
    }
    column->present = 1;
    if (p < body->end && *p == '[') {
        p = read_array(reader, column, p + 1, &count);
    }
    else if (mlscore_body_ensure_row(body, 0, p) == 0) {
        p = mlscore_json_read_cell(reader, column, 0, p);
    }
    else {
        p = NULL;
    }
    if (!p) {
        return NULL;
    }
    body->row = MLSCORE_NO_ROW;
    if (reader->first && count != body->frame->rows) {
        const size_t cut =
            mlscore_utf8_cut(reader->first->bytes, reader->first->length, 60);
        return mlscore_body_fail(
            body, MLSCORE_EINPUT, start,
            "%zu values, but column \"%.*s\" has %zu; all columns must have "
            "as many",
            count, (int)cut, reader->first->bytes, body->frame->rows);
    }
    reader->first = reader->first ? reader->first : name;
    body->frame->rows = count;
    return p;
}

/* An object of columns; `p` is after its brace. */
static const char *read_columns(mlscore_json_reader *reader, const char *p)
{
    mlscore_json *json = &reader->json;
    const size_t first_key = json->key_count;
    uint32_t guess = 0;
    int more = 1;

    p = mlscore_json_space(p, json->body.end);
    if (p < json->body.end && *p == '}') {
        return p + 1;
    }
    while (more) {
        mlscore_json_text key;
        const char *at = mlscore_json_space(p, json->body.end);

        p = mlscore_json_scan_key(json, p, &key);
        if (!p) {
            return NULL;
        }
        mlscore_json_set_name(reader, key.bytes, key.length);
        const int32_t column = mlscore_json_find_column(reader, guess, &key);
        if (column >= 0) {
            guess = (uint32_t)column + 1;
            p = read_column(reader, column, p);
        }
        else {
            p = mlscore_json_push_key(json, &key, at)
                    ? NULL
                    : mlscore_json_skip(json, p);
        }
        p = p ? mlscore_json_scan_next(json, p, '}', &more) : NULL;
        if (!p) {
            return NULL;
        }
        mlscore_json_set_name(reader, NULL, 0);
    }
    return mlscore_json_pop_keys(json, first_key) ? NULL : p;
}

/* ---- rows ---------------------------------------------------------------- */

static int start_rows(mlscore_json_reader *reader)
{
    const uint32_t count = mlscore_json_frame(reader)->schema->field_count;
    struct mlscore_arena *arena = mlscore_json_frame(reader)->arena;

    reader->last_row =
        mlscore_arena_calloc(arena, count, sizeof(*reader->last_row));
    reader->expected =
        mlscore_arena_calloc(arena, count, sizeof(*reader->expected));
    if (!reader->last_row || !reader->expected) {
        mlscore_body_no_memory(&reader->json.body);
        return -1;
    }
    for (uint32_t i = 0; i < count; i++) {
        reader->expected[i] = i;
    }
    return 0;
}

/* Columns that a row did not name: missing when they may be left out. */
static int finish_row(mlscore_json_reader *reader, size_t row, const char *p)
{
    mlscore_frame *frame = mlscore_json_frame(reader);

    for (uint32_t i = 0; i < frame->schema->field_count; i++) {
        mlscore_column *column = &frame->columns[i];
        if (reader->last_row[i] == row + 1) {
            continue;
        }
        if (!column->field->optional) {
            const mlscore_text *name = &reader->names[i];
            mlscore_json_set_name(reader, name->bytes, name->length);
            reader->incomplete = 1;
            mlscore_body_fail(&reader->json.body, MLSCORE_EINPUT, p,
                              "the row does not name the column; give null "
                              "when it is missing");
            return -1;
        }
        mlscore_column_set_missing(column, row);
    }
    return 0;
}

static const char *read_member(mlscore_json_reader *reader, size_t row,
                               uint32_t place, uint32_t *named, const char *p)
{
    mlscore_json *json = &reader->json;
    mlscore_frame *frame = mlscore_json_frame(reader);
    const uint32_t fields = frame->schema->field_count;
    const char *at = mlscore_json_space(p, json->body.end);
    mlscore_json_text key;

    p = mlscore_json_scan_key(json, p, &key);
    if (!p) {
        return NULL;
    }
    mlscore_json_set_name(reader, key.bytes, key.length);
    const int32_t column = mlscore_json_find_column(
        reader, place < fields ? reader->expected[place] : fields, &key);
    if (column < 0) {
        return mlscore_json_push_key(json, &key, at)
                   ? NULL
                   : mlscore_json_skip(json, p);
    }
    if (place < fields) {
        reader->expected[place] = (uint32_t)column;
    }
    if (reader->last_row[column] == row + 1) {
        return mlscore_body_fail(&json->body, MLSCORE_EINPUT, at,
                                 "the row names the column twice");
    }
    reader->last_row[column] = row + 1;
    frame->columns[column].present = 1;
    ++*named;
    return mlscore_json_read_cell(reader, &frame->columns[column], row, p);
}

/* One row; `p` is at its brace. */
static const char *read_row(mlscore_json_reader *reader, size_t row,
                            const char *p)
{
    mlscore_json *json = &reader->json;
    const size_t first_key = json->key_count;
    uint32_t named = 0;
    uint32_t place = 0;
    int more = 1;

    if (p == json->body.end || *p != '{') {
        return mlscore_json_unexpected(json, p,
                                       "a row as an object, "
                                       "{\"column\": value, ...}");
    }
    p = mlscore_json_space(p + 1, json->body.end);
    if (p < json->body.end && *p == '}') {
        p++;
        more = 0;
    }
    for (; more; place += place < UINT32_MAX) {
        p = read_member(reader, row, place, &named, p);
        if (p) {
            json->body.row = row;
            p = mlscore_json_scan_next(json, p, '}', &more);
        }
        if (!p) {
            return NULL;
        }
    }
    mlscore_json_set_name(reader, NULL, 0);
    if (mlscore_json_pop_keys(json, first_key)) {
        return NULL;
    }
    return named == mlscore_json_frame(reader)->schema->field_count ||
                   finish_row(reader, row, p - 1) == 0
               ? p
               : NULL;
}

/* An array of rows; `p` is after its bracket. */
static const char *read_rows(mlscore_json_reader *reader, const char *p)
{
    mlscore_body *body = &reader->json.body;
    size_t row = 0;
    int more = 1;

    p = mlscore_json_space(p, body->end);
    if (p < body->end && *p == ']') {
        return p + 1;
    }
    if (start_rows(reader)) {
        return NULL;
    }
    for (; more; row++) {
        body->row = row;
        p = mlscore_json_space(p, body->end);
        if (mlscore_body_ensure_row(body, row, p)) {
            return NULL;
        }
        p = read_row(reader, row, p);
        p = p ? mlscore_json_scan_next(&reader->json, p, ']', &more) : NULL;
        if (!p) {
            return NULL;
        }
    }
    body->row = MLSCORE_NO_ROW;
    body->frame->rows = row;
    return p;
}

/* ---- the body ------------------------------------------------------------ */

static const char *read_data(mlscore_json_reader *reader, const char *p)
{
    mlscore_body *body = &reader->json.body;

    if (p < body->end && *p == '{') {
        p = read_columns(reader, p + 1);
    }
    else if (p < body->end && *p == '[') {
        p = read_rows(reader, p + 1);
        if (p && body->frame->rows == 0) {
            return p; /* nobody can say which columns no row has */
        }
    }
    else {
        return mlscore_json_unexpected(
            &reader->json, p,
            "columns, {\"x\": [1, 2], ...}, or rows, [{\"x\": 1, ...}, ...]");
    }
    if (p && mlscore_body_finish_columns(body)) {
        reader->incomplete = 1;
        return NULL;
    }
    return p;
}

static const char *read_members(mlscore_json_reader *reader, const char *p,
                                int *found)
{
    mlscore_json *json = &reader->json;
    int more = 1;

    p = mlscore_json_space(p, json->body.end);
    if (p < json->body.end && *p == '}') {
        return p + 1;
    }
    while (more) {
        mlscore_json_text key;
        const char *at = mlscore_json_space(p, json->body.end);

        p = mlscore_json_scan_key(json, p, &key);
        if (!p || mlscore_json_push_key(json, &key, at)) {
            return NULL;
        }
        if (key.length == strlen(reader->member) &&
            memcmp(key.bytes, reader->member, key.length) == 0) {
            if (*found) {
                return mlscore_body_fail(&json->body, MLSCORE_EINPUT, at,
                                         "the body has \"%s\" twice",
                                         reader->member);
            }
            *found = 1;
            p = read_data(reader, p);
        }
        else {
            p = mlscore_json_skip(json, p);
        }
        p = p ? mlscore_json_scan_next(json, p, '}', &more) : NULL;
        if (!p) {
            return NULL;
        }
    }
    return mlscore_json_pop_keys(json, 0) ? NULL : p;
}

static void read_body(mlscore_json_reader *reader)
{
    mlscore_body *body = &reader->json.body;
    const char *p = body->start;
    int found = 0;

    if (body->end - p >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) {
        p += 3;
    }
    p = mlscore_json_space(p, body->end);
    if (p == body->end || *p != '{') {
        mlscore_json_unexpected(&reader->json, p,
                                "an object, {\"inputData\": ...}");
        return;
    }
    p = read_members(reader, p + 1, &found);
    if (!p) {
        return;
    }
    p = mlscore_json_space(p, body->end);
    if (p != body->end) {
        mlscore_json_unexpected(&reader->json, p, "nothing after the object");
        return;
    }
    if (!found) {
        mlscore_body_fail(body, MLSCORE_EINPUT, body->start,
                          "the body has no \"%s\"; expected {\"%s\": {\"x\": "
                          "[1, 2], ...}} or {\"%s\": [{\"x\": 1, ...}, ...]}",
                          reader->member, reader->member, reader->member);
    }
}

static mlscore_status read_once(mlscore_json_reader *reader,
                                mlscore_frame *frame, const char *bytes,
                                size_t length, const mlscore_read_options *opts,
                                mlscore_error *err)
{
    mlscore_body_begin(&reader->json.body, frame, bytes, length, opts, err);
    if (mlscore_json_set_names(reader) == 0) {
        read_body(reader);
    }
    return reader->json.body.status;
}

mlscore_status mlscore_read_json_member(mlscore_frame *frame,
                                        const char *member, const char *bytes,
                                        size_t length,
                                        const mlscore_read_options *opts,
                                        mlscore_error *err)
{
    mlscore_json_reader reader = {.member = member};
    mlscore_status status = read_once(&reader, frame, bytes, length, opts, err);

    /* Names that are not the model's: by position when that fits. */
    if (status != MLSCORE_OK && reader.incomplete &&
        frame->schema->by_position) {
        mlscore_json_reader again = {.member = member, .by_position = 1};
        mlscore_error other;
        const mlscore_status second =
            read_once(&again, frame, bytes, length, opts, &other);
        if (second == MLSCORE_ENOMEM ||
            (again.name_count == frame->schema->field_count &&
             !again.too_many)) {
            status = second;
            if (err && status != MLSCORE_OK) {
                *err = other;
            }
        }
    }
    if (status != MLSCORE_OK) {
        mlscore_frame_reset(frame);
    }
    return status;
}

mlscore_status mlscore_read_json(mlscore_frame *frame, const char *bytes,
                                 size_t length,
                                 const mlscore_read_options *opts,
                                 mlscore_error *err)
{
    return mlscore_read_json_member(frame, "inputData", bytes, length, opts,
                                    err);
}
