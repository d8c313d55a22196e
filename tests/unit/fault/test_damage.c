/* SPDX-License-Identifier: Apache-2.0 */
/* Truncated and bit-flipped models and images of every format: each is refused
 * with a message or works; nothing is read outside of it (the sanitizers
 * watch). A sample of places, the same from run to run, in some models;
 * MLS_TEST_LONG takes every model of the fixtures and a second for each. */

#include "unit/mlscore/support.h"

#include <glob.h>

#include "base/bytes.h"
#include "image/checksum.h"
#include "image/image_format.h"
#include "mlscore/mlscore.h"

static const char *const some_models[] = {
    "pmml/linear_regression_diabetes/model.pmml",
    "pmml/decision_tree_iris/model.pmml",
    "pmml/churn_logistic_preprocessing/model.pmml",
    "pmml/knn_iris/model.pmml",
    "pmml/text_tfidf_logistic/model.pmml",
    "pmml/svc_rbf_iris/model.pmml",
    "xgboost/gblinear_diabetes/model.json",
    "xgboost/multi_softmax_iris/model.json",
    "xgboost/categorical_codes_churn_ubj/model.ubj",
    "lightgbm/categorical_churn_binary/model.txt",
    "onnx/linear_regression_diabetes_columns/model.onnx",
    "onnx/pipeline_mixed_logistic_churn/model.onnx",
    "onnx/decision_tree_clf_iris_columns/model.onnx",
};

/* Paths below the fixtures, after the folder that holds them all. */
typedef struct sample {
    const char *const *names;
    size_t count;
    glob_t found;
    size_t skip; /* the names are whole paths: so much is not read_fixture's */
} sample;

static int is_long(void)
{
    return getenv("MLS_TEST_LONG") != NULL;
}

static int setup(void **state)
{
    static sample s;
    char pattern[4096];

    s.names = some_models;
    s.count = sizeof(some_models) / sizeof(*some_models);
    snprintf(pattern, sizeof(pattern), "%s/models/*/*/model.*", fixtures());
    if (is_long() && glob(pattern, 0, NULL, &s.found) == 0) {
        s.names = (const char *const *)s.found.gl_pathv;
        s.count = s.found.gl_pathc;
        s.skip = strlen(fixtures()) + strlen("/models/");
    }
    assert_true(s.count > 10);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    sample *s = *state;

    globfree(&s->found);
    return 0;
}

static char *read_sample(const sample *s, size_t i, size_t *size)
{
    char path[1024];

    snprintf(path, sizeof(path), "models/%s", s->names[i] + s->skip);
    return read_fixture(path, size);
}

/* Work on one model ends after this long, or when all of it is done. */
static double time_limit(void)
{
    return is_long() ? 0.5 : 0.07;
}

/* A number of steps that visits all of `count` when there is time and a
 * spread of them when there is not: a stride without a common factor. */
static size_t place(size_t step, size_t count)
{
    size_t stride = count / 2 + 1;

    while (count > 1) {
        size_t a = stride;
        size_t b = count;
        while (b != 0) {
            const size_t rest = a % b;
            a = b;
            b = rest;
        }
        if (a == 1) {
            break;
        }
        stride++;
    }
    return (size_t)((uint64_t)step * stride % count);
}

static void require_message(mlscore_status status, const mlscore_error *err)
{
    assert_int_equal(err->status, status);
    assert_true(err->message[0] != '\0');
}

/* ---- models' files -------------------------------------------------------- */

static void compile_copy(const char *bytes, size_t size, size_t flip)
{
    const mlscore_import_options options = {.max_nodes = 1000000};
    /* Exactly as large. */
    char *copy = malloc(size ? size : 1);
    mlscore_error err = {.message = ""};
    mlscore_model *model;
    void *image;
    size_t image_size;

    memcpy(copy, bytes, size);
    if (flip < size * 8) {
        copy[flip / 8] = (char)(copy[flip / 8] ^ 1 << flip % 8);
    }
    const mlscore_status status = mlscore_compile_memory(
        copy, size, &image, &image_size, &options, &err);
    if (status != MLSCORE_OK) {
        require_message(status, &err);
    }
    else {
        /* What compiles opens. */
        if (mlscore_model_open_memory(&model, image, image_size, &err) !=
            MLSCORE_OK) {
            fail_msg("%s", err.message);
        }
        mlscore_model_close(model);
        free(image);
    }
    free(copy);
}

static void damaged_models_are_refused_or_compile(void **state)
{
    const sample *models = *state;

    for (size_t i = 0; i < models->count; i++) {
        size_t size;

        char *bytes = read_sample(models, i, &size);
        double end = seconds_now() + time_limit();
        for (size_t n = 0; n < size && seconds_now() < end; n++) {
            compile_copy(bytes, place(n, size), SIZE_MAX);
        }
        end = seconds_now() + time_limit();
        for (size_t n = 0; n < size * 8 && seconds_now() < end; n++) {
            compile_copy(bytes, size, place(n, size * 8));
        }
        free(bytes);
    }
}

/* ---- images ---------------------------------------------------------------- */

static void score_rows(const mlscore_model *model)
{
    enum { ROWS = 3 };
    mlscore_context *context;
    mlscore_error err;

    assert_int_equal(mlscore_context_create(&context, &err), MLSCORE_OK);
    assert_int_equal(mlscore_context_bind(context, model, &err), MLSCORE_OK);
    mlscore_frame *input = mlscore_context_input(context);
    assert_int_equal(mlscore_frame_reserve(input, ROWS, &err), MLSCORE_OK);
    input->rows = ROWS;
    for (uint32_t i = 0; i < input->column_count; i++) {
        mlscore_column *column = &input->columns[i];
        column->present = 1;
        for (size_t row = 0; row < ROWS; row++) {
            mlscore_column_set_missing(column, row);
            column->missing[row] = row == ROWS - 1;
            if (row == ROWS - 1) {
                continue;
            }
            if (column->field->type == MLSCORE_NUMERIC) {
                column->values.numeric[row] = row == 0 ? 1.5 : -1e9;
            }
            if (column->field->type == MLSCORE_CHARACTER &&
                row < column->field->level_count) {
                column->values.character[row] = column->field->levels[row];
            }
        }
    }
    err.message[0] = '\0';
    const mlscore_status status = mlscore_score(context, &err);
    if (status != MLSCORE_OK) {
        require_message(status, &err);
    }
    mlscore_context_free(context);
}

/* Open a damaged image as it is (which must be refused), and once more with
 * its size and checksum made right. */
static void open_copy(const unsigned char *image, size_t size, size_t flip)
{
    unsigned char *copy = aligned_alloc(64, (size + 64) & ~(size_t)63);
    mlscore_error err = {.message = ""};
    mlscore_model *model;
    int failed;

    memcpy(copy, image, size);
    if (flip < size * 8) {
        copy[flip / 8] ^= (unsigned char)(1 << flip % 8);
    }
    mlscore_status status =
        mlscore_model_open_memory(&model, copy, size, &err);
    assert_int_not_equal(status, MLSCORE_OK);
    require_message(status, &err);
    if (size >= MLSCORE_HEADER_BYTES) {
        mlscore_store_u64(copy + MLSCORE_HEADER_SIZE, size);
        mlscore_store_u64(copy + MLSCORE_HEADER_CHECKSUM,
                          mlscore_image_checksum(copy, size, &failed));
        status = mlscore_model_open_memory(&model, copy, size, &err);
        if (status != MLSCORE_OK) {
            require_message(status, &err);
        }
        else {
            score_rows(model);
            mlscore_model_close(model);
        }
    }
    free(copy);
}

static void damaged_images_are_refused_or_score(void **state)
{
    const sample *models = *state;

    for (size_t i = 0; i < models->count; i++) {
        size_t size;
        mlscore_error err;
        void *image;
        size_t image_size;

        char *bytes = read_sample(models, i, &size);
        if (mlscore_compile_memory(bytes, size, &image, &image_size, NULL,
                                   &err) != MLSCORE_OK) {
            fail_msg("%s: %s", models->names[i], err.message);
        }
        free(bytes);
        double end = seconds_now() + time_limit();
        for (size_t n = 0; n < image_size && seconds_now() < end; n++) {
            open_copy(image, place(n, image_size), SIZE_MAX);
        }
        end = seconds_now() + time_limit();
        for (size_t n = 0; n < image_size * 8 && seconds_now() < end; n++) {
            open_copy(image, image_size, place(n, image_size * 8));
        }
        free(image);
    }
}

/* The same bytes in, the same image out. */
static void compiling_twice_gives_the_same_image(void **state)
{
    const sample *models = *state;

    for (size_t i = 0; i < models->count; i++) {
        size_t size;
        void *first;
        void *second;
        size_t first_size;
        size_t second_size;

        char *bytes = read_sample(models, i, &size);
        assert_int_equal(mlscore_compile_memory(bytes, size, &first,
                                                &first_size, NULL, NULL),
                         MLSCORE_OK);
        assert_int_equal(mlscore_compile_memory(bytes, size, &second,
                                                &second_size, NULL, NULL),
                         MLSCORE_OK);
        assert_int_equal(first_size, second_size);
        assert_memory_equal(first, second, first_size);
        free(first);
        free(second);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_models_are_refused_or_compile),
        cmocka_unit_test(damaged_images_are_refused_or_score),
        cmocka_unit_test(compiling_twice_gives_the_same_image),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
