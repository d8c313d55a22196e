/* SPDX-License-Identifier: Apache-2.0 */
/* CSV (RFC 4180) into a frame. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "body/reader.h"

/* A name of the first line, and the column of the frame that it means. */
struct heading {
    const char *name;
    size_t length;
    mlscore_column *column; /* NULL: not one of the model's, skipped */
};

struct csv {
    mlscore_body body;
    struct heading *headings;
    size_t count;
    size_t capacity;
};

/* Text of a cell: in the body, or in the frame's arena when quotation marks
 * were doubled in it. */
struct cell {
    const char *text;
    size_t length;
};

static int ends_cell(char c)
{
    return c == ',' || c == '\n';
}

/* A cell in quotation marks; `p` is after the first. NULL when it is bad. */
static const char *scan_quoted(struct csv *csv, const char *p,
                               struct cell *cell)
{
    const char *const end = csv->body.end;
    const char *const first = p;
    size_t doubled = 0;

    for (;; p += 2, doubled++) {
        p = memchr(p, '"', (size_t)(end - p));
        if (!p) {
            return mlscore_body_fail(&csv->body, MLSCORE_EINPUT, first - 1,
                                     "the quotation mark is never closed");
        }
        if (end - p < 2 || p[1] != '"') {
            break;
        }
    }
    *cell = (struct cell){first, (size_t)(p - first)};
    if (doubled) {
        char *copy =
            mlscore_arena_alloc(csv->body.frame->arena, cell->length - doubled);
        if (!copy) {
            return mlscore_body_no_memory(&csv->body);
        }
        size_t length = 0;
        for (const char *from = first; from < p; from++) {
            copy[length++] = *from;
            from += *from == '"';
        }
        *cell = (struct cell){copy, length};
    }
    p++;
    if (p < end && *p == '\r' && (p + 1 == end || p[1] == '\n')) {
        p++;
    }
    if (p < end && !ends_cell(*p)) {
        return mlscore_body_fail(&csv->body, MLSCORE_EINPUT, p,
                                 "expected a comma or the end of the line "
                                 "after a quotation mark");
    }
    return p;
}

/* The cell at `p`; the end of it, which is a comma, a line feed or the end of
 * the body. NULL when it is bad. */
static const char *scan_cell(struct csv *csv, const char *p, struct cell *cell)
{
    const char *const end = csv->body.end;
    const char *const first = p;

    if (p < end && *p == '"') {
        p = scan_quoted(csv, p + 1, cell);
    }
    else {
        while (p < end && !ends_cell(*p)) {
            p++;
        }
        size_t length = (size_t)(p - first);
        if (length > 0 && p[-1] == '\r' && (p == end || *p == '\n')) {
            length--;
        }
        *cell = (struct cell){first, length};
    }
    if (p > csv->body.invalid) {
        return mlscore_body_fail(&csv->body, MLSCORE_EINPUT, csv->body.invalid,
                                 "invalid UTF-8");
    }
    return p;
}

/* ---- the first line ------------------------------------------------------ */

static const char *read_headings(struct csv *csv, const char *p)
{
    const char *const end = csv->body.end;

    for (;;) {
        struct cell cell;

        p = scan_cell(csv, p, &cell);
        if (!p) {
            return NULL;
        }
        if (mlscore_grow(&csv->headings, &csv->capacity, csv->count,
                         sizeof(*csv->headings))) {
            return mlscore_body_no_memory(&csv->body);
        }
        csv->headings[csv->count++] =
            (struct heading){cell.text, cell.length, NULL};
        if (p == end || *p == '\n') {
            return p < end ? p + 1 : p;
        }
        p++;
    }
}

/* Names in the order of the schema are found at once, others by search. */
static mlscore_column *find_column(const mlscore_frame *frame, size_t guess,
                                   const struct heading *heading)
{
    const mlscore_schema *schema = frame->schema;

    if (guess < schema->field_count) {
        const mlscore_field *field = &schema->fields[guess];
        if (field->name_length == heading->length &&
            memcmp(field->name, heading->name, heading->length) == 0) {
            return &frame->columns[guess];
        }
    }
    const int at = mlscore_schema_find(schema, heading->name, heading->length);
    return at < 0 ? NULL : &frame->columns[at];
}

/* Names that are no columns of the model are compared among each other after
 * sorting, so that a long line of them costs no more than it must. */
static int compare_headings(const void *a, const void *b)
{
    const struct heading *x = *(const struct heading *const *)a;
    const struct heading *y = *(const struct heading *const *)b;
    const size_t shared = x->length < y->length ? x->length : y->length;
    const int order = shared ? memcmp(x->name, y->name, shared) : 0;

    return order ? order : (x->length > y->length) - (x->length < y->length);
}

static int twice(struct csv *csv, const struct heading *heading)
{
    csv->body.name = heading->name;
    csv->body.name_length = heading->length;
    mlscore_body_fail(&csv->body, MLSCORE_EINPUT, csv->body.start,
                      "the first line names the column twice");
    return -1;
}

static int check_unknown(struct csv *csv)
{
    const struct heading **unknown =
        mlscore_malloc_array(csv->count, sizeof(const struct heading *));
    size_t count = 0;
    int result = 0;

    if (!unknown) {
        mlscore_body_no_memory(&csv->body);
        return -1;
    }
    for (size_t i = 0; i < csv->count; i++) {
        if (!csv->headings[i].column) {
            unknown[count++] = &csv->headings[i];
        }
    }
    qsort(unknown, count, sizeof(*unknown), compare_headings);
    for (size_t i = 1; i < count && result == 0; i++) {
        if (compare_headings(&unknown[i - 1], &unknown[i]) == 0) {
            result = twice(csv, unknown[i]);
        }
    }
    mlscore_free(unknown);
    return result;
}

/* By name, or by position when the model's inputs have positions only. */
static int match_columns(struct csv *csv)
{
    mlscore_frame *frame = csv->body.frame;
    const mlscore_schema *schema = frame->schema;
    uint32_t found = 0;

    for (size_t i = 0; i < csv->count; i++) {
        mlscore_column *column = find_column(frame, i, &csv->headings[i]);
        csv->headings[i].column = column;
        if (column && column->present) {
            return twice(csv, &csv->headings[i]);
        }
        if (column) {
            column->present = 1;
            found++;
        }
    }
    if (check_unknown(csv)) {
        return -1;
    }
    if (schema->by_position && found < schema->field_count &&
        csv->count == schema->field_count) {
        for (size_t i = 0; i < csv->count; i++) {
            csv->headings[i].column = &frame->columns[i];
            frame->columns[i].present = 1;
        }
    }
    return mlscore_body_finish_columns(&csv->body);
}

/* ---- rows ---------------------------------------------------------------- */

/* A number that ends where its cell ends needs no look at the cell first. */
static const char *fast_number(const struct csv *csv, mlscore_column *column,
                               size_t row, const char *p)
{
    mlscore_decimal decimal;
    const char *const end = csv->body.end;

    p = mlscore_scan_decimal(&decimal, p, end, 0);
    if (!p || p == end || !ends_cell(*p)) {
        return NULL;
    }
    const double value = mlscore_decimal_to_double(&decimal);
    if (isinf(value)) {
        return NULL;
    }
    column->values.numeric[row] = value;
    column->missing[row] = 0;
    return p;
}

static const char *read_cell(struct csv *csv, const struct heading *heading,
                             size_t row, const char *p)
{
    mlscore_column *column = heading->column;
    struct cell cell;

    if (column && column->field->type == MLSCORE_NUMERIC) {
        const char *after = fast_number(csv, column, row, p);
        if (after) {
            return after;
        }
    }
    csv->body.name = heading->name;
    csv->body.name_length = heading->length;
    const char *after = scan_cell(csv, p, &cell);
    if (!after || !column) {
        return after;
    }
    if (cell.length == 0) {
        mlscore_column_set_missing(column, row);
        return after;
    }
    return mlscore_body_set_text(&csv->body, column, row, cell.text,
                                 cell.length, p)
               ? NULL
               : after;
}

static const char *read_row(struct csv *csv, size_t row, const char *p)
{
    const char *const end = csv->body.end;

    for (size_t i = 0; i < csv->count; i++) {
        p = read_cell(csv, &csv->headings[i], row, p);
        if (!p) {
            return NULL;
        }
        const int last = p == end || *p == '\n';
        if (last != (i + 1 == csv->count)) {
            csv->body.name = NULL;
            return mlscore_body_fail(
                &csv->body, MLSCORE_EINPUT, p,
                last ? "%zu cells, but the first line names %zu columns"
                     : "more than %zu cells, but the first line names %zu "
                       "columns",
                i + 1, csv->count);
        }
        p = p < end ? p + 1 : p;
    }
    return p;
}

/* Blank lines are skipped, unless they are a row of one missing cell. */
static const char *skip_blank(const struct csv *csv, const char *p)
{
    const char *const end = csv->body.end;

    while (csv->count > 1 && p < end) {
        const char *line = *p == '\r' ? p + 1 : p;
        if (line < end && *line != '\n') {
            break;
        }
        p = line < end ? line + 1 : end;
    }
    return p;
}

static void read_rows(struct csv *csv, const char *p)
{
    mlscore_body *body = &csv->body;
    size_t row = 0;

    p = skip_blank(csv, p);
    for (; p < body->end; row++) {
        body->row = row;
        if (mlscore_body_ensure_row(body, row, p)) {
            return;
        }
        p = read_row(csv, row, p);
        if (!p) {
            return;
        }
        p = skip_blank(csv, p);
    }
    body->frame->rows = row;
    /* Columns that are not there at all: missing in every row. */
    mlscore_body_finish_columns(body);
}

mlscore_status mlscore_read_csv(mlscore_frame *frame, const char *bytes,
                                size_t length, const mlscore_read_options *opts,
                                mlscore_error *err)
{
    struct csv csv = {.headings = NULL};
    mlscore_body *body = &csv.body;

    mlscore_body_begin(body, frame, bytes, length, opts, err);
    const char *p = bytes;
    if (length >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) {
        p += 3;
    }
    if (p == body->end) {
        mlscore_body_fail(body, MLSCORE_EINPUT, p,
                          "the body is empty; its first line must name the "
                          "columns");
    }
    else {
        p = read_headings(&csv, p);
        if (p && match_columns(&csv) == 0) {
            read_rows(&csv, p);
        }
    }
    mlscore_free(csv.headings);
    if (body->status != MLSCORE_OK) {
        mlscore_frame_reset(frame);
    }
    return body->status;
}
