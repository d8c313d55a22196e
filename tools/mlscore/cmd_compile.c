/* SPDX-License-Identifier: Apache-2.0 */
/* mlscore compile: a model's file to an image. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "files.h"

struct arguments {
    const char *model;
    const char *image;
    const char *verify;
};

static int parse(struct arguments *out, int argc, char **argv)
{
    *out = (struct arguments){NULL, NULL, NULL};
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "-o") == 0 && i + 1 < argc) {
            out->image = argv[++i];
        }
        else if (strcmp(argv[i], "--verify") == 0 && i + 1 < argc) {
            out->verify = argv[++i];
        }
        else if (!out->model && (argv[i][0] != '-' || !argv[i][1])) {
            out->model = argv[i];
        }
        else {
            return -1;
        }
    }
    return out->model && out->image ? 0 : -1;
}

static int verify(const void *image, size_t size, const char *path)
{
    mlscore_model *model;
    mlscore_error err;
    file_bytes rows;
    int status = file_read(&rows, path);

    if (status != EXIT_OK) {
        return status;
    }
    if (mlscore_model_open_memory(&model, image, size, &err) != MLSCORE_OK) {
        status = report("the compiled model", &err);
    }
    else {
        if (mlscore_verify(model, (const char *)rows.bytes, rows.size, &err) !=
            MLSCORE_OK) {
            status = report("verify", &err);
        }
        mlscore_model_close(model);
    }
    file_free(&rows);
    return status;
}

int cmd_compile(int argc, char **argv)
{
    struct arguments arguments;
    mlscore_error err;
    file_bytes file;
    void *image;
    size_t size;

    if (parse(&arguments, argc, argv) != 0) {
        fputs("usage: mlscore compile MODEL -o IMAGE [--verify ROWS]\n",
              stderr);
        return EXIT_USAGE;
    }
    int status = file_read(&file, arguments.model);
    if (status != EXIT_OK) {
        return status;
    }
    if (mlscore_compile_memory(file.bytes, file.size, &image, &size, NULL,
                               &err) != MLSCORE_OK) {
        file_free(&file);
        return report(arguments.model, &err);
    }
    file_free(&file);
    if (arguments.verify) {
        status = verify(image, size, arguments.verify);
    }
    if (status == EXIT_OK) {
        status = file_write(arguments.image, image, size);
    }
    free(image);
    return status;
}
