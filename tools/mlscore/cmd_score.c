/* SPDX-License-Identifier: Apache-2.0 */
/* mlscore score: rows of a CSV file to a CSV file. */

#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "files.h"

/* Rows that were refused, one line each. */
static void print_row_errors(const mlscore_frame *out)
{
    for (size_t i = 0; i < out->row_error_count; i++) {
        fprintf(stderr, "row %zu: %s\n", out->row_errors[i].row,
                out->row_errors[i].message);
    }
}

static int score(mlscore_context *context, const mlscore_model *model,
                 const file_bytes *rows, const char *input, const char *output)
{
    mlscore_error err;

    if (mlscore_context_bind(context, model, &err) != MLSCORE_OK ||
        mlscore_read_csv(mlscore_context_input(context),
                         (const char *)rows->bytes, rows->size, NULL,
                         &err) != MLSCORE_OK ||
        mlscore_score(context, &err) != MLSCORE_OK) {
        return report(input, &err);
    }
    const mlscore_frame *out = mlscore_context_output(context);
    mlscore_buffer text = {0};
    int status;

    print_row_errors(out);
    if (mlscore_write_csv(&text, out, &err) != MLSCORE_OK) {
        status = report(output, &err);
    }
    else {
        status = file_write(output, text.bytes, text.length);
    }
    mlscore_buffer_free(&text);
    return status == EXIT_OK && out->rows > 0 &&
                   out->row_error_count == out->rows
               ? EXIT_REFUSED
               : status;
}

static int parse(const char *files[3], int argc, char **argv)
{
    int count = 0;

    files[2] = "-";
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "-o") == 0 && i + 1 < argc) {
            files[2] = argv[++i];
        }
        else if (count < 2 && (argv[i][0] != '-' || !argv[i][1])) {
            files[count++] = argv[i];
        }
        else {
            return -1;
        }
    }
    return count == 2 ? 0 : -1;
}

int cmd_score(int argc, char **argv)
{
    const char *files[3];
    mlscore_context *context;
    mlscore_model *model;
    mlscore_error err;
    file_bytes image;
    file_bytes rows;

    if (parse(files, argc, argv) != 0) {
        fputs("usage: mlscore score MODEL|IMAGE INPUT.csv [-o OUT.csv]\n",
              stderr);
        return EXIT_USAGE;
    }
    int status = model_load(&model, &image, files[0]);
    if (status != EXIT_OK) {
        return status;
    }
    status = file_read(&rows, files[1]);
    if (status == EXIT_OK) {
        if (mlscore_context_create(&context, &err) != MLSCORE_OK) {
            status = report(files[0], &err);
        }
        else {
            status = score(context, model, &rows, files[1], files[2]);
            mlscore_context_free(context);
        }
        file_free(&rows);
    }
    mlscore_model_close(model);
    file_free(&image);
    return status;
}
