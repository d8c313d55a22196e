/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON body into a frame, in one pass over its bytes. */

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "body/json_read.h"
#include "body/json_scan.h"
#include "frame/levels.h"

/* Fewer columns are searched one by one. */
enum { NAME_INDEX_FROM = 64 };

struct reader {
    mlscore_json json;
    const char *member; /* that holds the columns or rows */
    /* How columns are named: as in the schema, or, by position, as the body
     * names them, in the order of their first appearance. */
    mlscore_text *names;
    uint32_t name_count;
    int by_position;
    mlscore_field index; /* of the names as if they were levels */
    /* For rows: the row that last named a column, plus 1; the column that
     * the k-th name of a row meant the last time. */
    size_t *last_row;
    uint32_t *expected;
    /* The column that set the number of rows. */
    const mlscore_text *first;
    /* The complaint is that a required column is not there. */
    int incomplete;
    /* By position: there are more names than columns. */
    int too_many;
};

static mlscore_frame *frame_of(const struct reader *reader)
{
    return reader->json.body.frame;
}

/* ---- which column a name means ------------------------------------------- */

static int set_names(struct reader *reader)
{
    const mlscore_schema *schema = frame_of(reader)->schema;
    struct mlscore_arena *arena = frame_of(reader)->arena;

    reader->names = mlscore_arena_calloc(arena, schema->field_count,
                                         sizeof(*reader->names));
    if (!reader->names) {
        mlscore_body_no_memory(&reader->json.body);
        return -1;
    }
    if (reader->by_position) {
        return 0;
    }
    for (uint32_t i = 0; i < schema->field_count; i++) {
        reader->names[i] = (mlscore_text){schema->fields[i].name,
                                          schema->fields[i].name_length, -1};
    }
    reader->name_count = schema->field_count;
    return 0;
}

static int is_name(const struct reader *reader, uint32_t column,
                   const mlscore_json_text *key)
{
    const mlscore_text *name = &reader->names[column];

    return column < reader->name_count && name->length == key->length &&
           memcmp(name->bytes, key->bytes, key->length) == 0;
}

/* The index is made at the first name that is not where it was expected. */
static int32_t search(struct reader *reader, const mlscore_json_text *key)
{
    mlscore_field *index = &reader->index;

    if (!index->levels) {
        index->levels = reader->names;
        if (reader->name_count >= NAME_INDEX_FROM && !reader->by_position) {
            index->level_index =
                mlscore_level_index_create(frame_of(reader)->arena,
                                           reader->names, reader->name_count);
        }
    }
    index->level_count = reader->name_count;
    return mlscore_field_level(index, key->bytes, key->length);
}

/* The column that a key names, -1 when it is none; `guess` is tried first. */
static int32_t find_column(struct reader *reader, uint32_t guess,
                           const mlscore_json_text *key)
{
    const mlscore_frame *frame = frame_of(reader);

    if (guess < frame->schema->field_count && is_name(reader, guess, key)) {
        return (int32_t)guess;
    }
    const int32_t column = search(reader, key);
    if (column < 0 && reader->by_position) {
        if (reader->name_count == frame->schema->field_count) {
            reader->too_many = 1;
            return -1;
        }
        reader->names[reader->name_count] =
            (mlscore_text){key->bytes, (uint32_t)key->length, -1};
        return (int32_t)reader->name_count++;
    }
    return column;
}

static void set_name(struct reader *reader, const char *bytes, size_t length)
{
    reader->json.body.name = bytes;
    reader->json.body.name_length = length;
}

/* ---- cells ---------------------------------------------------------------- */

static const char *wrong_type(struct reader *reader, mlscore_column *column,
                              size_t row, const char *p, const char *found)
{
    static const char *const wanted[] = {"a number", "an integer",
                                         "true or false", "a text"};

    reader->json.body.row = row;
    return mlscore_body_fail(&reader->json.body, MLSCORE_EINPUT, p,
                             "expected %s, found %s",
                             wanted[column->field->type], found);
}

/* The text of a cell as if it stood in CSV, for lenient columns. */
static const char *lenient_cell(struct reader *reader, mlscore_column *column,
                                size_t row, const mlscore_json_text *text,
                                const char *at, const char *after)
{
    reader->json.body.row = row;
    return mlscore_body_set_text(&reader->json.body, column, row, text->bytes,
                                 text->length, at)
               ? NULL
               : after;
}

static const char *text_cell(struct reader *reader, mlscore_column *column,
                             size_t row, const char *p)
{
    mlscore_json_text text;

    reader->json.body.row = row;
    const char *after = mlscore_json_scan_text(&reader->json, p, &text);
    if (!after || mlscore_json_decode(&reader->json, &text)) {
        return NULL;
    }
    if (column->field->type == MLSCORE_CHARACTER) {
        mlscore_body_set_character(column, row, text.bytes, text.length);
        return after;
    }
    return column->field->lenient
               ? lenient_cell(reader, column, row, &text, p, after)
               : wrong_type(reader, column, row, p, "a text");
}

static const char *number_cell(struct reader *reader, mlscore_column *column,
                               size_t row, const char *p)
{
    mlscore_body *body = &reader->json.body;
    mlscore_decimal decimal;
    const char *after = mlscore_scan_decimal(&decimal, p, body->end, 1);

    body->row = row;
    if (!after) {
        return mlscore_body_fail(body, MLSCORE_EINPUT, p,
                                 "this is not a number of JSON");
    }
    if (column->field->type == MLSCORE_NUMERIC) {
        return mlscore_body_set_numeric(body, column, row, &decimal, p)
                   ? NULL
                   : after;
    }
    if (column->field->type == MLSCORE_INTEGER) {
        return mlscore_body_set_integer(body, column, row, &decimal, p)
                   ? NULL
                   : after;
    }
    const mlscore_json_text text = {p, (size_t)(after - p), 0};
    return column->field->lenient
               ? lenient_cell(reader, column, row, &text, p, after)
               : wrong_type(reader, column, row, p, "a number");
}

static const char *literal_cell(struct reader *reader, mlscore_column *column,
                                size_t row, const char *p)
{
    char which;

    reader->json.body.row = row;
    const char *after = mlscore_json_scan_literal(&reader->json, p, &which);
    if (!after) {
        return NULL;
    }
    if (which != 't' && which != 'f') {
        mlscore_column_set_missing(column, row);
        return after;
    }
    if (column->field->type == MLSCORE_LOGICAL) {
        column->values.logical[row] = which == 't';
        column->missing[row] = 0;
        return after;
    }
    const mlscore_json_text text = {p, (size_t)(after - p), 0};
    return column->field->lenient
               ? lenient_cell(reader, column, row, &text, p, after)
               : wrong_type(reader, column, row, p,
                            which == 't' ? "true" : "false");
}

static int begins_number(const char *p, const char *end)
{
    return p < end && (mlscore_digit(*p) <= 9 ||
                       (*p == '-' && (end - p < 2 || p[1] != 'I')));
}

/* Any cell; there is room for it. */
static const char *read_cell(struct reader *reader, mlscore_column *column,
                             size_t row, const char *p)
{
    const char *const end = reader->json.body.end;

    if (begins_number(p, end)) {
        return number_cell(reader, column, row, p);
    }
    if (p < end && *p == '"') {
        return text_cell(reader, column, row, p);
    }
    if (p < end && (*p == '[' || *p == '{')) {
        return wrong_type(reader, column, row, p,
                          *p == '[' ? "an array" : "an object");
    }
    return literal_cell(reader, column, row, p);
}

/* ---- columns -------------------------------------------------------------- */

/* Numbers in a row, where big bodies spend their time: as many cells from
 * `*row` on as are numbers and fit. Stops before the first other cell or after
 * a comma; *row counts on. The caller goes on from there. */
static const char *read_numbers(const struct reader *reader,
                                const mlscore_column *column, size_t limit,
                                size_t *row, const char *p)
{
    const char *const end = reader->json.body.end;
    double *const values = column->values.numeric;
    uint8_t *const missing = column->missing;

    while (*row < limit && begins_number(p, end)) {
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
static const char *read_array(struct reader *reader, mlscore_column *column,
                              const char *p, size_t *count)
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
            p = read_numbers(reader, column,
                             capacity < body->max_rows ? capacity
                                                       : body->max_rows,
                             &row, p);
            if (mlscore_body_ensure_row(body, row, p)) {
                return NULL;
            }
        }
        p = read_cell(reader, column, row, p);
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
static const char *read_column(struct reader *reader, int32_t at,
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
        p = read_cell(reader, column, 0, p);
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
static const char *read_columns(struct reader *reader, const char *p)
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
        set_name(reader, key.bytes, key.length);
        const int32_t column = find_column(reader, guess, &key);
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
        set_name(reader, NULL, 0);
    }
    return mlscore_json_pop_keys(json, first_key) ? NULL : p;
}

/* ---- rows ----------------------------------------------------------------- */

static int start_rows(struct reader *reader)
{
    const uint32_t count = frame_of(reader)->schema->field_count;
    struct mlscore_arena *arena = frame_of(reader)->arena;

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
static int finish_row(struct reader *reader, size_t row, const char *p)
{
    mlscore_frame *frame = frame_of(reader);

    for (uint32_t i = 0; i < frame->schema->field_count; i++) {
        mlscore_column *column = &frame->columns[i];
        if (reader->last_row[i] == row + 1) {
            continue;
        }
        if (!column->field->optional) {
            const mlscore_text *name = &reader->names[i];
            set_name(reader, name->bytes, name->length);
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

static const char *read_member(struct reader *reader, size_t row,
                               uint32_t place, uint32_t *named, const char *p)
{
    mlscore_json *json = &reader->json;
    mlscore_frame *frame = frame_of(reader);
    const uint32_t fields = frame->schema->field_count;
    const char *at = mlscore_json_space(p, json->body.end);
    mlscore_json_text key;

    p = mlscore_json_scan_key(json, p, &key);
    if (!p) {
        return NULL;
    }
    set_name(reader, key.bytes, key.length);
    const int32_t column = find_column(
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
    return read_cell(reader, &frame->columns[column], row, p);
}

/* One row; `p` is at its brace. */
static const char *read_row(struct reader *reader, size_t row, const char *p)
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
    set_name(reader, NULL, 0);
    if (mlscore_json_pop_keys(json, first_key)) {
        return NULL;
    }
    return named == frame_of(reader)->schema->field_count ||
                   finish_row(reader, row, p - 1) == 0
               ? p
               : NULL;
}

/* An array of rows; `p` is after its bracket. */
static const char *read_rows(struct reader *reader, const char *p)
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

/* ---- the body ------------------------------------------------------------- */

static const char *read_data(struct reader *reader, const char *p)
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

static const char *read_members(struct reader *reader, const char *p,
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

static void read_body(struct reader *reader)
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

static mlscore_status read_once(struct reader *reader, mlscore_frame *frame,
                                const char *bytes, size_t length,
                                const mlscore_read_options *opts,
                                mlscore_error *err)
{
    mlscore_body_begin(&reader->json.body, frame, bytes, length, opts, err);
    if (set_names(reader) == 0) {
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
    struct reader reader = {.member = member};
    mlscore_status status =
        read_once(&reader, frame, bytes, length, opts, err);

    /* Names that are not the model's: by position when that fits. */
    if (status != MLSCORE_OK && reader.incomplete &&
        frame->schema->by_position) {
        struct reader again = {.member = member, .by_position = 1};
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
