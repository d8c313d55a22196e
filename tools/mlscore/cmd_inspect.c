/* SPDX-License-Identifier: Apache-2.0 */
/* mlscore inspect: what a model is, takes and gives. */

#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "files.h"

static const char *type_name(mlscore_type type)
{
    static const char *const names[] = {"numeric", "integer", "logical",
                                        "character"};

    return names[type];
}

static mlscore_status put(mlscore_buffer *out, const char *text)
{
    return mlscore_buffer_append(out, text, strlen(text));
}

static mlscore_status put_string(mlscore_buffer *out, const char *key,
                                 const char *text, size_t length)
{
    mlscore_status status = put(out, key);

    return status == MLSCORE_OK ? mlscore_write_json_string(out, text, length)
                                : status;
}

static mlscore_status put_field(mlscore_buffer *out, const mlscore_field *field)
{
    mlscore_status status =
        put_string(out, "{\"name\":", field->name, field->name_length);

    if (status == MLSCORE_OK) {
        const char *type = type_name(field->type);
        status = put_string(out, ",\"type\":", type, strlen(type));
    }
    if (status == MLSCORE_OK && field->optional) {
        status = put(out, ",\"optional\":true");
    }
    for (uint32_t i = 0; i < field->level_count && status == MLSCORE_OK; i++) {
        status = put_string(out, i == 0 ? ",\"levels\":[" : ",",
                            field->levels[i].bytes, field->levels[i].length);
    }
    if (status == MLSCORE_OK && field->level_count > 0) {
        status = put(out, "]");
    }
    return status == MLSCORE_OK ? put(out, "}") : status;
}

static mlscore_status put_schema(mlscore_buffer *out, const char *key,
                                 const mlscore_schema *schema)
{
    mlscore_status status = put(out, key);

    for (uint32_t i = 0; i < schema->field_count && status == MLSCORE_OK; i++) {
        status = i > 0 ? put(out, ",") : MLSCORE_OK;
        if (status == MLSCORE_OK) {
            status = put_field(out, &schema->fields[i]);
        }
    }
    return status == MLSCORE_OK ? put(out, "]") : status;
}

/* Rows of the model's own and of the caller: how well are they reproduced? */
static mlscore_status put_verification(mlscore_buffer *out,
                                       const mlscore_model *model,
                                       const file_bytes *rows)
{
    mlscore_verification found = {0, 0};
    mlscore_error err;
    mlscore_status status = MLSCORE_OK;
    size_t size;
    const char *own = mlscore_model_known_rows(model, &size);
    char text[160];

    if (own) {
        status = mlscore_verify_measured(model, own, size, &found, &err);
    }
    if (status == MLSCORE_OK && rows->bytes) {
        status = mlscore_verify_measured(model, (const char *)rows->bytes,
                                         rows->size, &found, &err);
    }
    if (!own && !rows->bytes) {
        return put(out, ",\"verification\":{\"result\":\"none\","
                        "\"cases\":0,\"maximumDifference\":null}");
    }
    snprintf(text, sizeof(text),
             ",\"verification\":{\"result\":\"%s\",\"cases\":%zu,"
             "\"maximumDifference\":%.3g}",
             status == MLSCORE_OK ? "passed" : "failed", found.rows,
             found.maximum_difference);
    return put(out, text);
}

static mlscore_status as_json(mlscore_buffer *out, const mlscore_model *model,
                              const file_bytes *rows)
{
    const struct {
        const char *key, *text;
    } texts[] = {
        {"{\"format\":", mlscore_model_format(model)},
        {",\"kind\":", mlscore_model_kind(model)},
        {",\"producer\":", mlscore_model_producer(model)},
    };
    char size[64];
    mlscore_status status = MLSCORE_OK;

    for (size_t i = 0; i < 3 && status == MLSCORE_OK; i++) {
        status =
            put_string(out, texts[i].key, texts[i].text, strlen(texts[i].text));
    }
    snprintf(size, sizeof(size), ",\"imageSize\":%zu",
             mlscore_model_size(model));
    if (status == MLSCORE_OK) {
        status = put(out, size);
    }
    if (status == MLSCORE_OK) {
        status = put_schema(out, ",\"inputs\":[", mlscore_model_inputs(model));
    }
    if (status == MLSCORE_OK) {
        status =
            put_schema(out, ",\"outputs\":[", mlscore_model_outputs(model));
    }
    if (status == MLSCORE_OK) {
        status = put_verification(out, model, rows);
    }
    return status == MLSCORE_OK ? put(out, "}\n") : status;
}

static void print_schema(const char *title, const mlscore_schema *schema)
{
    printf("%s (%u)\n", title, schema->field_count);
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const mlscore_field *field = &schema->fields[i];
        printf("  %-28s %s%s", field->name, type_name(field->type),
               field->optional ? ", may be left out" : "");
        for (uint32_t j = 0; j < field->level_count && j < 12; j++) {
            printf("%s%.*s", j == 0 ? ": " : ", ", (int)field->levels[j].length,
                   field->levels[j].bytes);
        }
        if (field->level_count > 12) {
            printf(" and %u more", field->level_count - 12);
        }
        putchar('\n');
    }
}

static int print_json(const mlscore_model *model, const file_bytes *rows)
{
    mlscore_buffer out = {0};
    int status = EXIT_USAGE;

    if (as_json(&out, model, rows) == MLSCORE_OK) {
        status = file_write("-", out.bytes, out.length);
    }
    else {
        fputs("mlscore: not enough memory\n", stderr);
    }
    mlscore_buffer_free(&out);
    return status;
}

int cmd_inspect(int argc, char **argv)
{
    const int json = argc > 0 && strcmp(argv[0], "--json") == 0;
    const int verify = json && argc > 2 && strcmp(argv[1], "--verify") == 0;
    mlscore_model *model;
    file_bytes image, rows = {NULL, 0};

    if (argc != 1 + json + 2 * verify) {
        fputs("usage: mlscore inspect [--json [--verify ROWS]] MODEL|IMAGE\n",
              stderr);
        return EXIT_USAGE;
    }
    int status = verify ? file_read(&rows, argv[2]) : EXIT_OK;
    if (status == EXIT_OK) {
        status = model_load(&model, &image, argv[argc - 1]);
    }
    if (status != EXIT_OK) {
        file_free(&rows);
        return status;
    }
    if (json) {
        status = print_json(model, &rows);
    }
    else {
        printf("format:   %s\nkind:     %s\nproducer: %s\nimage:    %zu "
               "bytes\n",
               mlscore_model_format(model), mlscore_model_kind(model),
               mlscore_model_producer(model), mlscore_model_size(model));
        print_schema("inputs", mlscore_model_inputs(model));
        print_schema("outputs", mlscore_model_outputs(model));
    }
    mlscore_model_close(model);
    file_free(&image);
    file_free(&rows);
    return status;
}
