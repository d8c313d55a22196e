/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ModelVerification: rows and answers that the producer wrote into the
 * document become the image's known rows, which are scored once when the model
 * is compiled (import/open_file.c).
 */

#include <stdio.h>
#include <string.h>

#include "import/pmml/pmml_import.h"

/** PMML's default precision, and the finest that is asked for: other
 *  arithmetic than the producer's may differ in the last digits. */
#define DEFAULT_PRECISION 1e-6
#define FINEST_PRECISION 1e-9

typedef struct known_rows {
    pmml_import *in;
    const pmml_element *table;
    const mlscore_schema *inputs;
    const mlscore_schema *outputs;
    double precision;
    uint32_t named;
} known_rows;

static void put(pmml_import *in, const char *bytes, size_t length)
{
    if (mlscore_buffer_append(&in->known_rows, bytes, length) != MLSCORE_OK) {
        mlscore_pmml_no_memory(in);
    }
}

static void put_word(pmml_import *in, const char *word)
{
    put(in, word, strlen(word));
}

static void put_text(pmml_import *in, const char *text)
{
    put(in, "\"", 1);
    for (const char *at = text; *at; at++) {
        char escaped[8];

        if ((unsigned char)*at >= 0x20 && *at != '"' && *at != '\\') {
            put(in, at, 1);
            continue;
        }
        snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned char)*at);
        put_word(in, escaped);
    }
    put(in, "\"", 1);
}

/** The part of a column's name behind its namespace prefix. */
static const char *local_name(const char *name)
{
    const char *colon = strchr(name, ':');

    return colon ? colon + 1 : name;
}

static const pmml_element *find_cell(const pmml_element *row,
                                     const char *column)
{
    PMML_EACH(child, row)
    {
        if (child->name &&
            (strcmp(child->name, column) == 0 ||
             strcmp(local_name(child->name), local_name(column)) == 0)) {
            return child;
        }
    }
    return NULL;
}

/** The cells of a column, as texts. */
static void put_column(known_rows *rows, const char *field, const char *column)
{
    int first = 1;

    if (rows->named++ > 0) {
        put(rows->in, ",", 1);
    }
    put_text(rows->in, field);
    put_word(rows->in, ":[");
    PMML_EACH(row, rows->table)
    {
        const pmml_element *cell;

        if (row->kind != PMML_E_ROW) {
            continue;
        }
        cell = find_cell(row, column);
        if (!first) {
            put(rows->in, ",", 1);
        }
        first = 0;
        if (cell && cell->text && *cell->text) {
            put_text(rows->in, cell->text);
        }
        else {
            put_word(rows->in, "null");
        }
    }
    put(rows->in, "]", 1);
}

static int has_column(const mlscore_schema *schema, const char *name)
{
    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (strcmp(schema->fields[i].name, name) == 0) {
            return 1;
        }
    }
    return 0;
}

/** The inputs, or the outputs, that the rows name. A field that is both (a
 *  target that a residual looks at) is an input. */
static void put_side(known_rows *rows, const pmml_element *fields, int outputs)
{
    pmml_import *in = rows->in;

    rows->named = 0;
    PMML_EACH(field, fields)
    {
        const char *name = mlscore_pmml_need(in, field, "field");
        const char *column = mlscore_pmml_attr(field, "column");
        const int is_input = has_column(rows->inputs, name);

        if (outputs ? is_input || !has_column(rows->outputs, name)
                    : !is_input) {
            continue;
        }
        const double precision =
            mlscore_pmml_number(in, field, "precision", DEFAULT_PRECISION);
        const double zero =
            mlscore_pmml_number(in, field, "zeroThreshold", 0.0);

        rows->precision = outputs && precision > rows->precision
                              ? precision
                              : rows->precision;
        rows->precision =
            outputs && zero > rows->precision ? zero : rows->precision;
        put_column(rows, name, column ? column : name);
    }
}

/** Inputs that the rows do not have are missing. */
static void put_other_inputs(known_rows *rows, const pmml_element *fields)
{
    for (uint32_t i = 0; i < rows->inputs->field_count; i++) {
        const char *name = rows->inputs->fields[i].name;
        int named = 0;

        PMML_EACH(field, fields)
        {
            const char *other = mlscore_pmml_attr(field, "field");

            named |= other && strcmp(other, name) == 0;
        }
        if (!named) {
            put_column(rows, name, "");
        }
    }
}

void mlscore_pmml_verification(pmml_import *in, const pmml_element *model,
                               const mlscore_schema *inputs,
                               const mlscore_schema *outputs)
{
    const pmml_element *element =
        mlscore_pmml_child(model, PMML_E_MODEL_VERIFICATION);
    const pmml_element *table =
        element ? mlscore_pmml_child(element, PMML_E_INLINE_TABLE) : NULL;
    known_rows rows = {.in = in,
                       .table = table,
                       .inputs = inputs,
                       .outputs = outputs,
                       .precision = FINEST_PRECISION};
    char tail[64];

    if (!table || mlscore_pmml_count(table, PMML_E_ROW) == 0) {
        return;
    }
    const pmml_element *fields =
        mlscore_pmml_need_child(in, element, PMML_E_VERIFICATION_FIELDS);

    put_word(in, "{\"inputs\":{");
    put_side(&rows, fields, 0);
    const uint32_t named_inputs = rows.named;

    if (named_inputs > 0) {
        put_other_inputs(&rows, fields);
    }
    put_word(in, "},\"outputs\":{");
    put_side(&rows, fields, 1);
    snprintf(tail, sizeof(tail), "},\"tolerance\":%.17g}", rows.precision);
    put_word(in, tail);
    if (rows.named == 0 || named_inputs == 0) {
        in->known_rows.length = 0; /* nothing to compare */
    }
}
