/* SPDX-License-Identifier: Apache-2.0 */
/* Known rows and known answers: does the compiled model reproduce them? */

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "body/format_number.h"
#include "body/json_read.h"
#include "mlscore/body.h"
#include "mlscore/import.h"
#include "mlscore/score.h"

#define DEFAULT_TOLERANCE 1e-5

/* The known answers: a frame over the model's outputs, all of which may be
 * left out. */
struct expected {
    mlscore_field *fields;
    mlscore_schema schema;
    mlscore_frame *frame;
    double tolerance;
    mlscore_verification *found;
};

static mlscore_status no_memory(mlscore_error *err)
{
    return mlscore_error_set(err, MLSCORE_ENOMEM,
                             "not enough memory to verify the model");
}

static void expected_free(struct expected *expected)
{
    mlscore_frame_free(expected->frame);
    mlscore_free(expected->fields);
}

static mlscore_status expected_create(struct expected *expected,
                                      const mlscore_schema *outputs,
                                      mlscore_error *err)
{
    *expected = (struct expected){.tolerance = DEFAULT_TOLERANCE};
    expected->fields =
        mlscore_malloc_array(outputs->field_count, sizeof(mlscore_field));
    if (!expected->fields) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < outputs->field_count; i++) {
        expected->fields[i] = outputs->fields[i];
        expected->fields[i].optional = 1;
        expected->fields[i].lenient = 1;
    }
    expected->schema =
        (mlscore_schema){expected->fields, outputs->field_count, 0};
    return mlscore_frame_create(&expected->frame, &expected->schema, err);
}

/* ---- comparing ----------------------------------------------------------- */

static int same_number(double expected, double actual, double tolerance)
{
    if (isnan(expected) || isnan(actual)) {
        return isnan(expected) && isnan(actual);
    }
    return expected == actual ||
           fabs(expected - actual) <= tolerance + tolerance * fabs(expected);
}

static int same_text(const mlscore_text *a, const mlscore_text *b)
{
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static int same_cell(const mlscore_column *expected,
                     const mlscore_column *actual, size_t row, double tolerance)
{
    if (actual->field->type == MLSCORE_NUMERIC) {
        /* Missing and NaN are both null in an answer. */
        return same_number(
            expected->missing[row] ? (double)NAN
                                   : expected->values.numeric[row],
            actual->missing[row] ? (double)NAN : actual->values.numeric[row],
            tolerance);
    }
    if (expected->missing[row] || actual->missing[row]) {
        return expected->missing[row] && actual->missing[row];
    }
    switch (actual->field->type) {
    case MLSCORE_INTEGER:
        return expected->values.integer[row] == actual->values.integer[row];
    case MLSCORE_LOGICAL:
        return expected->values.logical[row] == actual->values.logical[row];
    default:
        return same_text(&expected->values.character[row],
                         &actual->values.character[row]);
    }
}

/* A cell for a message, cut short. */
static void describe(char *out, size_t size, const mlscore_column *column,
                     size_t row)
{
    char number[MLSCORE_NUMBER_ROOM];
    size_t length = 0;

    if (column->missing[row]) {
        snprintf(out, size, "nothing");
        return;
    }
    switch (column->field->type) {
    case MLSCORE_NUMERIC:
        if (!isfinite(column->values.numeric[row])) {
            snprintf(out, size, "%g", column->values.numeric[row]);
            return;
        }
        length = mlscore_format_double(number, column->values.numeric[row]);
        break;
    case MLSCORE_INTEGER:
        length = mlscore_format_integer(number, column->values.integer[row]);
        break;
    case MLSCORE_LOGICAL:
        snprintf(out, size, "%s",
                 column->values.logical[row] ? "true" : "false");
        return;
    case MLSCORE_CHARACTER: {
        const mlscore_text *text = &column->values.character[row];
        const int shown = text->length < 60 ? (int)text->length : 60;
        snprintf(out, size, "\"%.*s\"", shown, text->bytes);
        return;
    }
    }
    snprintf(out, size, "%.*s", (int)length, number);
}

static mlscore_status difference(const struct expected *expected,
                                 const mlscore_frame *actual, uint32_t column,
                                 size_t row, mlscore_error *err)
{
    char wanted[80];
    char got[80];

    for (size_t i = 0; i < actual->row_error_count; i++) {
        if (actual->row_errors[i].row == row) {
            return mlscore_error_set(err, MLSCORE_EINPUT,
                                     "the model does not reproduce its known "
                                     "answers: row %zu is refused: %.200s",
                                     row, actual->row_errors[i].message);
        }
    }
    describe(wanted, sizeof(wanted), &expected->frame->columns[column], row);
    describe(got, sizeof(got), &actual->columns[column], row);
    return mlscore_error_set(
        err, MLSCORE_EINPUT,
        "the model does not reproduce its known answers: row %zu, column "
        "\"%.100s\": expected %s, scored %s (tolerance %g)",
        row, expected->fields[column].name, wanted, got, expected->tolerance);
}

/* Note how far a number is off. */
static void measure(mlscore_verification *found, const mlscore_column *expected,
                    const mlscore_column *actual, size_t row)
{
    if (actual->field->type != MLSCORE_NUMERIC || expected->missing[row] ||
        actual->missing[row]) {
        return;
    }
    const double wanted = expected->values.numeric[row];
    const double off = fabs(wanted - actual->values.numeric[row]) /
                       (1 + fabs(wanted));

    if (off > found->maximum_difference) { /* not when it is no number */
        found->maximum_difference = off;
    }
}

static mlscore_status compare(const struct expected *expected,
                              const mlscore_frame *actual, mlscore_error *err)
{
    uint32_t named = 0;

    for (uint32_t i = 0; i < expected->schema.field_count; i++) {
        named += expected->frame->columns[i].present;
    }
    if (named == 0) {
        return mlscore_error_set(err, MLSCORE_EINPUT,
                                 "the rows to verify name no output of the "
                                 "model");
    }
    if (expected->frame->rows != actual->rows) {
        return mlscore_error_set(err, MLSCORE_EINPUT,
                                 "there are %zu rows to verify but %zu "
                                 "answers",
                                 actual->rows, expected->frame->rows);
    }
    for (size_t row = 0; row < actual->rows; row++) {
        for (uint32_t i = 0; i < expected->schema.field_count; i++) {
            const mlscore_column *column = &expected->frame->columns[i];
            if (column->present && !same_cell(column, &actual->columns[i], row,
                                              expected->tolerance)) {
                return difference(expected, actual, i, row, err);
            }
            if (column->present) {
                measure(expected->found, column, &actual->columns[i], row);
            }
        }
        expected->found->rows++;
    }
    return MLSCORE_OK;
}

/* ---- reading ------------------------------------------------------------- */

/* A name that is an input as well as an output stands for the input. */
static void forget_inputs(struct expected *expected, const mlscore_frame *input)
{
    for (uint32_t i = 0; i < expected->schema.field_count; i++) {
        const int at =
            mlscore_schema_find(input->schema, expected->fields[i].name,
                                expected->fields[i].name_length);
        if (at >= 0 && input->columns[at].present) {
            expected->frame->columns[i].present = 0;
        }
    }
}

static mlscore_status read_csv(struct expected *expected, mlscore_frame *input,
                               const char *bytes, size_t size,
                               mlscore_error *err)
{
    mlscore_status status = mlscore_read_csv(input, bytes, size, NULL, err);

    if (status == MLSCORE_OK) {
        status = mlscore_read_csv(expected->frame, bytes, size, NULL, err);
    }
    if (status == MLSCORE_OK) {
        forget_inputs(expected, input);
    }
    return status;
}

static mlscore_status read_tolerance(struct expected *expected,
                                     const char *bytes, size_t size,
                                     mlscore_error *err)
{
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *value;

    if (!tokener || size > INT32_MAX) {
        json_tokener_free(tokener);
        return no_memory(err);
    }
    struct json_object *root = json_tokener_parse_ex(tokener, bytes, (int)size);
    mlscore_status status = MLSCORE_OK;
    if (json_object_object_get_ex(root, "tolerance", &value)) {
        expected->tolerance = json_object_get_double(value);
        if (!(expected->tolerance >= 0)) {
            status = mlscore_error_set(err, MLSCORE_EINPUT,
                                       "the tolerance must not be negative");
        }
    }
    json_object_put(root);
    json_tokener_free(tokener);
    return status;
}

static mlscore_status read_json(struct expected *expected, mlscore_frame *input,
                                const char *bytes, size_t size,
                                mlscore_error *err)
{
    mlscore_status status =
        mlscore_read_json_member(input, "inputs", bytes, size, NULL, err);

    if (status == MLSCORE_OK) {
        status = mlscore_read_json_member(expected->frame, "outputs", bytes,
                                          size, NULL, err);
    }
    return status == MLSCORE_OK ? read_tolerance(expected, bytes, size, err)
                                : status;
}

static int looks_like_json(const char *bytes, size_t size)
{
    while (size > 0 && strchr(" \t\r\n", *bytes)) {
        bytes++;
        size--;
    }
    return size > 0 && *bytes == '{';
}

mlscore_status mlscore_verify(const mlscore_model *model, const char *bytes,
                              size_t size, mlscore_error *err)
{
    mlscore_verification found = {0, 0};

    return mlscore_verify_measured(model, bytes, size, &found, err);
}

mlscore_status mlscore_verify_measured(const mlscore_model *model,
                                       const char *bytes, size_t size,
                                       mlscore_verification *found,
                                       mlscore_error *err)
{
    struct expected expected;
    mlscore_context *context = NULL;
    mlscore_status status =
        expected_create(&expected, mlscore_model_outputs(model), err);

    expected.found = found;
    if (status == MLSCORE_OK) {
        status = mlscore_context_create(&context, err);
    }
    if (status == MLSCORE_OK) {
        status = mlscore_context_bind(context, model, err);
    }
    if (status == MLSCORE_OK) {
        mlscore_frame *input = mlscore_context_input(context);
        status = looks_like_json(bytes, size)
                     ? read_json(&expected, input, bytes, size, err)
                     : read_csv(&expected, input, bytes, size, err);
    }
    if (status == MLSCORE_OK) {
        status = mlscore_score(context, err);
    }
    if (status == MLSCORE_OK) {
        status = compare(&expected, mlscore_context_output(context), err);
    }
    mlscore_context_free(context);
    expected_free(&expected);
    return status;
}
