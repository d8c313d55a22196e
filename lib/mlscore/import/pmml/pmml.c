/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PMML importer: recognise a document, read it, lower its model, write the
 * tables as sections of an image.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "eval/forest.h"
#include "import/pmml/pmml_import.h"

#define DEFAULT_DEPTH 512u
#define DEFAULT_NODES 100000000u
#define SNIFF_BYTES 4096

/** "<PMML" or "<prefix:PMML" near the start, in ASCII or UTF-16. */
static int sniff(const unsigned char *bytes, size_t size)
{
    char text[SNIFF_BYTES + 1];
    size_t used = 0;

    for (size_t i = 0; i < size && used < SNIFF_BYTES; i++) {
        if (bytes[i] != 0) {
            text[used++] = (char)bytes[i];
        }
    }
    text[used] = '\0';
    for (const char *at = text; (at = strstr(at, "PMML")); at += 4) {
        const char *before = at;

        while (before > text && before[-1] != '<' && before[-1] > ' ' &&
               before[-1] != '>') {
            before--;
        }
        if (before > text && before[-1] == '<' &&
            (before == at || at[-1] == ':') &&
            strchr(" \t\r\n>/", at[4]) != NULL && at[4] != '\0') {
            return 100;
        }
    }
    return 0;
}

static void read_header(pmml_import *in)
{
    const pmml_element *header =
        mlscore_pmml_child(in->document, PMML_E_HEADER);
    const pmml_element *application =
        header ? mlscore_pmml_child(header, PMML_E_APPLICATION) : NULL;

    in->version = mlscore_pmml_attr(in->document, "version");
    if (in->version && strncmp(in->version, "3.", 2) != 0 &&
        strncmp(in->version, "4.", 2) != 0) {
        mlscore_pmml_fail(in, MLSCORE_EUNSUPPORTED, in->document,
                          "version \"%.20s\" is not supported, 3.0 to 4.4 are",
                          in->version);
    }
    if (application) {
        in->application = mlscore_pmml_attr(application, "name");
        in->application_version = mlscore_pmml_attr(application, "version");
    }
}

/** The model: the first one that can be scored, as PMML says when none is
 *  chosen. */
static const pmml_element *find_model(pmml_import *in)
{
    const pmml_element *model = mlscore_pmml_child_in(in->document, 'M');

    PMML_EACH(other, in->document) {
        if (mlscore_pmml_element_in(other->kind, 'M') &&
            mlscore_pmml_boolean(in, other, "isScorable", 1)) {
            return other;
        }
    }
    if (!model) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, in->document,
                          "the document has no model");
    }
    return model;
}

static void check(pmml_import *in, mlscore_status status)
{
    if (status != MLSCORE_OK) {
        in->status = status;
        longjmp(in->out, 1);
    }
}

static void add_texts(pmml_import *in, mlscore_image_builder *image,
                      uint32_t model)
{
    const pmml_model *record = mlscore_pmml_at(in, PMML_TABLE_models, model);
    const char *name =
        mlscore_pmml_element_name(in->models[model].element->kind);
    char format[64], kind[96], producer[256];

    snprintf(format, sizeof(format), "PMML %.40s",
             in->version ? in->version : "");
    if (record->kind == PMML_MINING) {
        const pmml_mining *mining =
            mlscore_pmml_at(in, PMML_TABLE_minings, record->body);

        snprintf(kind, sizeof(kind), "%s, %u segments", name,
                 mining->segment_count);
    }
    else {
        snprintf(kind, sizeof(kind), "%s", name);
    }
    snprintf(producer, sizeof(producer), "%.100s%s%.100s",
             in->application ? in->application : "",
             in->application && in->application_version ? " " : "",
             in->application && in->application_version
                 ? in->application_version
                 : "");
    check(in, mlscore_image_builder_texts(image, format, kind, producer,
                                          in->err));
}

static void add_sections(pmml_import *in, mlscore_image_builder *image)
{
    for (int i = 0; i < PMML_TABLE_COUNT; i++) {
        const pmml_rows *rows = &in->tables[i];

        if (rows->count > 0) {
            check(in, mlscore_image_builder_add(
                          image, (uint32_t)(MLSCORE_SECTION_ENGINE + i),
                          rows->rows, rows->count * rows->size, in->err));
        }
    }
}

static void add_known_rows(pmml_import *in, mlscore_image_builder *image)
{
    if (in->known_rows.length > 0) {
        check(in, mlscore_image_builder_add(
                      image, MLSCORE_SECTION_KNOWN_ROWS, in->known_rows.bytes,
                      in->known_rows.length, in->err));
    }
}

static void import(pmml_import *in, mlscore_image_builder *image,
                   const unsigned char *bytes, size_t size)
{
    mlscore_pmml_tables_init(in);
    mlscore_pmml_xml_read(in, bytes, size);
    read_header(in);
    mlscore_pmml_dictionary(in);

    const uint32_t model = mlscore_pmml_model(in, find_model(in), NULL);

    mlscore_pmml_columns(in, model, image);
    mlscore_pmml_forests(in, model);
    add_texts(in, image, model);
    add_sections(in, image);
    add_known_rows(in, image);
}

static mlscore_status read_model(mlscore_image_builder **out,
                                 const unsigned char *bytes, size_t size,
                                 const mlscore_import_options *options,
                                 const mlscore_import_hints *hints,
                                 mlscore_error *err)
{
    mlscore_image_builder *image;
    mlscore_status status =
        mlscore_image_builder_create(&image, MLSCORE_ENGINE_PMML, err);

    if (status != MLSCORE_OK) {
        return status;
    }
    pmml_import *in = mlscore_calloc(1, sizeof(*in));

    if (in) {
        in->arena = mlscore_arena_create();
    }
    if (!in || !in->arena) {
        mlscore_free(in);
        mlscore_image_builder_free(image);
        return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    in->err = err;
    in->max_depth =
        options && options->max_depth ? options->max_depth : DEFAULT_DEPTH;
    in->max_nodes =
        options && options->max_nodes ? options->max_nodes : DEFAULT_NODES;
    if (setjmp(in->out) == 0) {
        import(in, image, bytes, size);
    }
    status = in->status;
    mlscore_forest_builder_free(in->forest_builder);
    free(in->forest_bytes);
    mlscore_buffer_free(&in->known_rows);
    mlscore_pmml_tables_free(in);
    mlscore_arena_free(in->arena);
    mlscore_free(in);
    if (status == MLSCORE_OK) {
        *out = image;
    }
    else {
        mlscore_image_builder_free(image);
    }
    return status;
}

const mlscore_importer mlscore_importer_pmml = {
    .name = "PMML", .sniff = sniff, .read = read_model};
