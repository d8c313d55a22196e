/* SPDX-License-Identifier: Apache-2.0 */
/* mlscore onnx-test: the ONNX project's tests in their standard layout. Every
 * folder has model.onnx and test_data_set_N/{input,output}_N.pb; a folder's
 * optional file `tolerance` holds "relative absolute". The model goes through
 * an image's bytes, and is evaluated both with and without a plan. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "commands.h"
#include "eval/graph/graph_plan.h"
#include "eval/graph/graph_run.h"
#include "files.h"
#include "import/onnx/onnx_graph.h"
#include "import/onnx/onnx_lower.h"

enum { MOST_PORTS = 64 };

struct test {
    const char *folder;
    mlscore_onnx_loaded loaded;
    mlscore_arena *arena;
    mlscore_error err;
    double relative, absolute;
    char why[640];
};

/* --- files
 * ------------------------------------------------------------------------ */

static int read_whole(const char *path, mlscore_buffer *out)
{
    FILE *file = fopen(path, "rb");
    char block[65536];
    size_t got;

    if (!file) {
        return -1;
    }
    out->length = 0;
    while ((got = fread(block, 1, sizeof(block), file)) > 0) {
        if (mlscore_buffer_append(out, block, got)) {
            break;
        }
    }
    fclose(file);
    return 0;
}

/* One tensor; 0 when the file is not there, -1 when it is broken. */
static int read_tensor(struct test *test, const char *kind, int set, int i,
                       mlscore_tensor *out)
{
    char path[4096];
    mlscore_buffer bytes = {0};
    mlscore_onnx_tensor tensor;

    snprintf(path, sizeof(path), "%s/test_data_set_%d/%s_%d.pb", test->folder,
             set, kind, i);
    if (read_whole(path, &bytes)) {
        return 0;
    }
    const int failed = mlscore_onnx_parse_tensor(
        &tensor, (const unsigned char *)bytes.bytes, bytes.length,
        test->arena, &test->err);
    mlscore_buffer_free(&bytes);
    *out = tensor.tensor;
    return failed ? -1 : 1;
}

static void read_tolerance(struct test *test)
{
    char path[4096];

    test->relative = 1e-3;
    test->absolute = 1e-7;
    snprintf(path, sizeof(path), "%s/tolerance", test->folder);
    FILE *file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%lf %lf", &test->relative, &test->absolute) != 2) {
            test->relative = 1e-3;
            test->absolute = 1e-7;
        }
        fclose(file);
    }
}

/* --- comparing ------------------------------------------------------------ */

/* Twice the distance between neighbours of a half type around x, 0 for other
 * types: an expected value that was rounded after every step of its own may be
 * that far from the exact one, which the tolerance of a case forgets. */
static double half_steps(mlscore_dtype type, double x)
{
    const int bits = type == MLSCORE_DT_FLOAT16    ? 11
                     : type == MLSCORE_DT_BFLOAT16 ? 8
                                                   : 0;
    int exponent;

    frexp(x, &exponent);
    return bits ? ldexp(2, exponent - bits) : 0;
}

static int same_text(const mlscore_text *a, const mlscore_text *b)
{
    return a->length == b->length && !memcmp(a->bytes, b->bytes, a->length);
}

static int same_element(const struct test *test, const mlscore_tensor *want,
                        const mlscore_tensor *have, size_t i)
{
    const size_t size = mlscore_dtype_size(want->type);
    const char *a = (const char *)want->data + i * size;
    const char *b = (const char *)have->data + i * size;
    double x, y;

    if (want->type == MLSCORE_DT_STRING) {
        return same_text((const mlscore_text *)a, (const mlscore_text *)b);
    }
    if (!(MLSCORE_DT_BIT(want->type) &
          (MLSCORE_DTS_REAL | MLSCORE_DTS_NARROW))) {
        return !memcmp(a, b, size);
    }
    mlscore_elements_to_double(&x, a, want->type, 1);
    mlscore_elements_to_double(&y, b, want->type, 1);
    if (isnan(x) || isnan(y) || isinf(x) || isinf(y)) {
        return (isnan(x) && isnan(y)) || x == y;
    }
    return fabs(x - y) <= fmax(test->absolute + test->relative * fabs(x),
                               half_steps(want->type, x));
}

static int compare(struct test *test, const mlscore_tensor *want,
                   const mlscore_tensor *have, int output, const char *way)
{
    char a[128], b[128];

    if (want->type != have->type || !mlscore_tensor_same_shape(want, have)) {
        snprintf(test->why, sizeof(test->why),
                 "output %d (%s) is %s %s, not %s %s", output, way,
                 mlscore_dtype_name(have->type),
                 mlscore_tensor_shape_text(have, a, sizeof(a)),
                 mlscore_dtype_name(want->type),
                 mlscore_tensor_shape_text(want, b, sizeof(b)));
        return 0;
    }
    const size_t count = mlscore_tensor_count(want);
    for (size_t i = 0; i < count; i++) {
        if (!same_element(test, want, have, i)) {
            double x = 0, y = 0;

            if (want->type != MLSCORE_DT_STRING) {
                const size_t size = mlscore_dtype_size(want->type);

                mlscore_elements_to_double(
                    &x, (const char *)want->data + i * size, want->type, 1);
                mlscore_elements_to_double(
                    &y, (const char *)have->data + i * size, have->type, 1);
            }
            snprintf(test->why, sizeof(test->why),
                     "output %d (%s) element %zu is %g, not %g", output, way,
                     i, y, x);
            return 0;
        }
    }
    return 1;
}

/* --- one data set
 * --------------------------------------------------------------------- */

static mlscore_status run_free(struct test *test, const mlscore_graph *graph,
                               const mlscore_tensor *inputs,
                               const mlscore_tensor *want, int want_count,
                               int *passed)
{
    mlscore_tensor outputs[MOST_PORTS];
    mlscore_status status = mlscore_graph_eval(graph, inputs, outputs,
                                               test->arena, &test->err);

    for (int i = 0; !status && i < want_count; i++) {
        *passed = *passed && compare(test, &want[i], &outputs[i], i, "free");
    }
    if (!status) {
        mlscore_tensors_free(outputs, graph->output_count);
    }
    return status;
}

static mlscore_status run_planned(struct test *test,
                                  const mlscore_graph *graph,
                                  const mlscore_tensor *inputs,
                                  const mlscore_tensor *want, int want_count,
                                  int *passed)
{
    mlscore_plan *plan;
    mlscore_status status = mlscore_plan_create(&plan, graph, inputs,
                                                &test->err);

    if (status) {
        return status;
    }
    void *scratch = aligned_alloc(
        64, (mlscore_plan_bytes(plan) + 63) / 64 * 64 + 64);
    if (!scratch) {
        mlscore_plan_free(plan);
        return mlscore_error_set(&test->err, MLSCORE_ENOMEM, "out of memory");
    }
    mlscore_plan_begin(plan, scratch);
    for (uint32_t i = 0; i < graph->input_count; i++) {
        memcpy(mlscore_plan_input(plan, scratch, i), inputs[i].data,
               mlscore_tensor_count(&inputs[i]) *
                   mlscore_dtype_size(inputs[i].type));
    }
    status = mlscore_plan_run(plan, scratch, test->arena, &test->err);
    for (int i = 0; !status && i < want_count; i++) {
        *passed = *passed &&
                  compare(test, &want[i],
                          mlscore_plan_output(plan, scratch, (uint32_t)i), i,
                          "planned");
    }
    mlscore_plan_end(plan, scratch);
    free(scratch);
    mlscore_plan_free(plan);
    return status;
}

/* The graph as an image would hold it. */
static mlscore_status through_image(struct test *test, mlscore_graph **out,
                                    mlscore_buffer *records,
                                    mlscore_buffer *aligned)
{
    mlscore_buffer data = {0};
    mlscore_status status = mlscore_graph_write(test->loaded.graph, records,
                                                &data, &test->err);

    if (!status) {
        status = mlscore_buffer_reserve(aligned, data.length + 64);
    }
    if (!status) {
        char *start = (char *)(((uintptr_t)aligned->bytes + 63) &
                               ~(uintptr_t)63);

        if (data.length) {
            memcpy(start, data.bytes, data.length);
        }
        status = mlscore_graph_read(out, records->bytes, records->length,
                                    start, data.length, &test->err);
    }
    mlscore_buffer_free(&data);
    return status ? status : mlscore_graph_prepare(*out, &test->err);
}

static mlscore_status run_set(struct test *test, int set, int *passed)
{
    mlscore_tensor inputs[MOST_PORTS], want[MOST_PORTS];
    mlscore_graph *source = test->loaded.graph;
    mlscore_buffer records = {0}, data = {0};
    mlscore_graph *graph = NULL;
    int want_count = 0;

    for (uint32_t i = 0; i < source->input_count; i++) {
        /* Files count all inputs of the model, also those with a constant. */
        int at = 0;

        while (strcmp(test->loaded.model.graph.inputs[at].name,
                      test->loaded.inputs[i]->name)) {
            at++;
        }
        if (i >= MOST_PORTS ||
            read_tensor(test, "input", set, at, &inputs[i]) != 1) {
            return mlscore_error_set(&test->err, MLSCORE_EUNSUPPORTED,
                                     "input %u cannot be read", i);
        }
    }
    while (want_count < MOST_PORTS) {
        const int got =
            read_tensor(test, "output", set, want_count, &want[want_count]);

        if (got < 0) {
            return MLSCORE_EUNSUPPORTED;
        }
        if (got == 0) {
            break;
        }
        want_count++;
    }
    if ((uint32_t)want_count != source->output_count) {
        return mlscore_error_set(&test->err, MLSCORE_EUNSUPPORTED,
                                 "%d outputs expected, the graph has %u",
                                 want_count, source->output_count);
    }
    mlscore_status status = mlscore_onnx_finish(source, inputs, &test->err);
    status = status ? status : through_image(test, &graph, &records, &data);
    status = status ? status : run_free(test, graph, inputs, want, want_count,
                                        passed);
    status = status ? status
                    : mlscore_graph_fold(graph, SIZE_MAX, &test->err);
    status = status ? status : run_planned(test, graph, inputs, want,
                                           want_count, passed);
    mlscore_graph_free(graph);
    mlscore_buffer_free(&records);
    mlscore_buffer_free(&data);
    return status;
}

/* --- one folder
 * ---------------------------------------------------------------------------
 */

static mlscore_status run_folder(struct test *test, int *passed)
{
    static const mlscore_import_options options = {
        .max_bytes = (size_t)1 << 31, .max_depth = 64, .max_nodes = 1000000};
    char path[4096];
    mlscore_buffer bytes = {0};

    snprintf(path, sizeof(path), "%s/model.onnx", test->folder);
    if (read_whole(path, &bytes)) {
        return mlscore_error_set(&test->err, MLSCORE_EIO, "%s cannot be read",
                                 path);
    }
    mlscore_status status = mlscore_onnx_load(
        &test->loaded, (const unsigned char *)bytes.bytes, bytes.length,
        &options, &test->err);
    mlscore_buffer_free(&bytes);
    for (int set = 0; !status && *passed; set++) {
        struct stat info;

        snprintf(path, sizeof(path), "%s/test_data_set_%d", test->folder, set);
        if (stat(path, &info)) {
            if (set == 0) {
                return mlscore_error_set(&test->err, MLSCORE_EIO,
                                         "there is no data set");
            }
            break;
        }
        status = run_set(test, set, passed);
    }
    return status;
}

static const char *base_name(char *folder)
{
    size_t length = strlen(folder);

    while (length > 1 && folder[length - 1] == '/') {
        folder[--length] = '\0';
    }
    const char *slash = strrchr(folder, '/');
    return slash ? slash + 1 : folder;
}

int cmd_onnx_test(int argc, char **argv)
{
    int counts[3] = {0};

    if (argc < 1) {
        fputs("mlscore onnx-test: name at least one folder\n", stderr);
        return EXIT_USAGE;
    }
    for (int i = 0; i < argc; i++) {
        struct test test = {.folder = argv[i],
                            .arena = mlscore_arena_create()};
        int passed = 1;
        const char *name = base_name(argv[i]);

        read_tolerance(&test);
        const mlscore_status status =
            test.arena ? run_folder(&test, &passed) : MLSCORE_ENOMEM;
        if (status == MLSCORE_EUNSUPPORTED) {
            printf("UNSUPPORTED %s: %s\n", name, test.err.message);
            counts[2]++;
        }
        else if (status || !passed) {
            printf("FAIL %s: %s\n", name,
                   status ? test.err.message : test.why);
            counts[1]++;
        }
        else {
            printf("PASS %s\n", name);
            counts[0]++;
        }
        fflush(stdout);
        mlscore_graph_free(test.loaded.graph);
        mlscore_arena_free(test.arena);
    }
    printf("%d passed, %d failed, %d unsupported\n", counts[0], counts[1],
           counts[2]);
    return counts[1] ? EXIT_REFUSED : EXIT_OK;
}
