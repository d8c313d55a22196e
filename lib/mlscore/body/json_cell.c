/* SPDX-License-Identifier: Apache-2.0 */
/* Names and cells of a JSON body. */

#include <string.h>

#include "base/arena.h"
#include "body/json_cell.h"
#include "frame/levels.h"

/* Fewer columns are searched one by one. */
enum { NAME_INDEX_FROM = 64 };

/* ---- which column a name means ------------------------------------------- */

int mlscore_json_set_names(mlscore_json_reader *reader)
{
    const mlscore_schema *schema = mlscore_json_frame(reader)->schema;
    struct mlscore_arena *arena = mlscore_json_frame(reader)->arena;

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

static int is_name(const mlscore_json_reader *reader, uint32_t column,
                   const mlscore_json_text *key)
{
    const mlscore_text *name = &reader->names[column];

    return column < reader->name_count && name->length == key->length &&
           memcmp(name->bytes, key->bytes, key->length) == 0;
}

/* The index is made at the first name that is not where it was expected. */
static int32_t search(mlscore_json_reader *reader, const mlscore_json_text *key)
{
    mlscore_field *index = &reader->index;

    if (!index->levels) {
        index->levels = reader->names;
        if (reader->name_count >= NAME_INDEX_FROM && !reader->by_position) {
            index->level_index =
                mlscore_level_index_create(mlscore_json_frame(reader)->arena,
                                           reader->names, reader->name_count);
        }
    }
    index->level_count = reader->name_count;
    return mlscore_field_level(index, key->bytes, key->length);
}

/* The column that a key names, -1 when it is none; `guess` is tried first. */
int32_t mlscore_json_find_column(mlscore_json_reader *reader, uint32_t guess,
                                 const mlscore_json_text *key)
{
    const mlscore_frame *frame = mlscore_json_frame(reader);

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

void mlscore_json_set_name(mlscore_json_reader *reader, const char *bytes,
                           size_t length)
{
    reader->json.body.name = bytes;
    reader->json.body.name_length = length;
}

/* ---- cells --------------------------------------------------------------- */

static const char *wrong_type(mlscore_json_reader *reader,
                              mlscore_column *column, size_t row, const char *p,
                              const char *found)
{
    static const char *const wanted[] = {"a number", "an integer",
                                         "true or false", "a text"};

    reader->json.body.row = row;
    return mlscore_body_fail(&reader->json.body, MLSCORE_EINPUT, p,
                             "expected %s, found %s",
                             wanted[column->field->type], found);
}

/* The text of a cell as if it stood in CSV, for lenient columns. */
static const char *lenient_cell(mlscore_json_reader *reader,
                                mlscore_column *column, size_t row,
                                const mlscore_json_text *text, const char *at,
                                const char *after)
{
    reader->json.body.row = row;
    return mlscore_body_set_text(&reader->json.body, column, row, text->bytes,
                                 text->length, at)
               ? NULL
               : after;
}

static const char *text_cell(mlscore_json_reader *reader,
                             mlscore_column *column, size_t row, const char *p)
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

static const char *number_cell(mlscore_json_reader *reader,
                               mlscore_column *column, size_t row,
                               const char *p)
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
        return mlscore_body_set_numeric(body, column, row, &decimal, p) ? NULL
                                                                        : after;
    }
    if (column->field->type == MLSCORE_INTEGER) {
        return mlscore_body_set_integer(body, column, row, &decimal, p) ? NULL
                                                                        : after;
    }
    const mlscore_json_text text = {p, (size_t)(after - p), 0};
    return column->field->lenient
               ? lenient_cell(reader, column, row, &text, p, after)
               : wrong_type(reader, column, row, p, "a number");
}

static const char *literal_cell(mlscore_json_reader *reader,
                                mlscore_column *column, size_t row,
                                const char *p)
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
    /* A truth value may stand for its word, never for a number. */
    const mlscore_json_text text = {p, (size_t)(after - p), 0};
    return column->field->lenient && column->field->type == MLSCORE_CHARACTER
               ? lenient_cell(reader, column, row, &text, p, after)
               : wrong_type(reader, column, row, p,
                            which == 't' ? "true" : "false");
}

/* Any cell; there is room for it. */
const char *mlscore_json_read_cell(mlscore_json_reader *reader,
                                   mlscore_column *column, size_t row,
                                   const char *p)
{
    const char *const end = reader->json.body.end;

    if (mlscore_json_begins_number(p, end)) {
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
