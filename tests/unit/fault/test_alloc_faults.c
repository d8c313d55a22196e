/* SPDX-License-Identifier: Apache-2.0 */
/* The first, second, third ... allocation of compiling, opening and scoring a
 * model, and of reading and writing bodies, fails: each time the call says
 * that memory ran out, or manages without; nothing leaks or crashes (the
 * sanitizers watch), and afterwards everything works. */

#include "unit/mlscore/support.h"

#include "base/alloc.h"
#include "mlscore/mlscore.h"

/* ---- the hook of base/alloc.h --------------------------------------------- */

static size_t countdown; /* 0: never fail */
static size_t failures;

int mlscore_test_alloc_fails(size_t size)
{
    (void)size;
    if (countdown == 0 || --countdown > 0) {
        return 0;
    }
    failures++;
    return 1;
}

/* Fail the n-th allocation from here on. */
static void fail_at(size_t n)
{
    countdown = n;
    failures = 0;
}

/* How the call ended: 1 when the n-th allocation was never asked for, so that
 * there is nothing left to try. */
static int finish(const char *what, size_t n, mlscore_status status,
                  const mlscore_error *err)
{
    countdown = 0;
    if (failures == 0) {
        if (status != MLSCORE_OK) {
            fail_msg("%s: %s", what, err->message);
        }
        return 1;
    }
    if (status != MLSCORE_OK && status != MLSCORE_ENOMEM) {
        fail_msg("%s, allocation %zu: %s, not memory: %s", what, n,
                 mlscore_status_name(status), err->message);
    }
    return 0;
}

/* The next one to fail: all of the first hundred, then fewer and fewer, so
 * that a model of many small pieces is done in a second. */
static size_t after(size_t n)
{
    const size_t step = getenv("MLS_TEST_LONG") ? 1000 : 20;

    return n + 1 + (n > 100 ? n / step : 0);
}

/* ---- the steps ------------------------------------------------------------ */

static const char *const models[] = {
    "pmml/linear_regression_diabetes/model.pmml",
    "pmml/decision_tree_iris/model.pmml",
    "pmml/churn_logistic_preprocessing/model.pmml",
    "pmml/kmeans_iris/model.pmml",
    "pmml/gaussian_nb_iris/model.pmml",
    "xgboost/gblinear_diabetes/model.json",
    "xgboost/multi_softmax_iris/model.json",
    "xgboost/categorical_codes_churn_ubj/model.ubj",
    "lightgbm/multiclass_iris/model.txt",
    "onnx/linear_regression_diabetes_columns/model.onnx",
    "onnx/logistic_multinomial_iris_columns_strings/model.onnx",
    "onnx/decision_tree_clf_iris_columns/model.onnx",
};

static void compile(const char *name, const char *bytes, size_t size,
                    void **image, size_t *image_size)
{
    mlscore_error err;
    int done = 0;

    *image = NULL;
    for (size_t n = 1; !done; n = after(n)) {
        free(*image);
        fail_at(n);
        const mlscore_status status = mlscore_compile_memory(
            bytes, size, image, image_size, NULL, &err);
        done = finish(name, n, status, &err);
        if (status != MLSCORE_OK) {
            assert_null(*image);
        }
    }
}

static void open_model(const char *name, const void *image, size_t size,
                       mlscore_model **model)
{
    mlscore_error err;
    int done = 0;

    *model = NULL;
    for (size_t n = 1; !done; n = after(n)) {
        mlscore_model_close(*model);
        fail_at(n);
        const mlscore_status status =
            mlscore_model_open_memory(model, image, size, &err);
        done = finish(name, n, status, &err);
    }
}

/* Bind, read rows, score, write: as a request does, with nothing ready. */
static mlscore_status request(mlscore_context **context,
                              const mlscore_model *model, const char *rows,
                              size_t size, mlscore_buffer *out,
                              mlscore_error *err)
{
    mlscore_status status = mlscore_context_create(context, err);

    if (status == MLSCORE_OK) {
        status = mlscore_context_bind(*context, model, err);
    }
    if (status == MLSCORE_OK) {
        status = mlscore_read_csv(mlscore_context_input(*context), rows, size,
                                  NULL, err);
    }
    if (status == MLSCORE_OK) {
        status = mlscore_score(*context, err);
    }
    return status == MLSCORE_OK
               ? mlscore_write_json(out, mlscore_context_output(*context), err)
               : status;
}

static void score(const char *name, const mlscore_model *model,
                  const char *rows, size_t size)
{
    mlscore_buffer good = {0};
    mlscore_context *context;
    mlscore_error err;
    int done = 0;

    countdown = 0;
    if (request(&context, model, rows, size, &good, &err) != MLSCORE_OK) {
        fail_msg("%s: %s", name, err.message);
    }
    mlscore_context_free(context);
    for (size_t n = 1; !done; n = after(n)) {
        mlscore_buffer out = {0};
        fail_at(n);
        const mlscore_status status =
            request(&context, model, rows, size, &out, &err);
        done = finish(name, n, status, &err);
        /* A call that managed without must have the same answer. */
        if (status == MLSCORE_OK) {
            assert_int_equal(out.length, good.length);
            assert_memory_equal(out.bytes, good.bytes, good.length);
        }
        mlscore_buffer_free(&out);
        mlscore_context_free(context);
    }
    mlscore_buffer_free(&good);
}

static void every_allocation_of_a_model_may_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        char path[512];
        size_t size;
        size_t rows_size;
        void *image;
        size_t image_size;
        mlscore_model *model;

        snprintf(path, sizeof(path), "models/%s", models[i]);
        char *bytes = read_fixture(path, &size);
        snprintf(strrchr(path, '/'), 16, "/input.csv");
        char *rows = read_fixture(path, &rows_size);
        compile(models[i], bytes, size, &image, &image_size);
        open_model(models[i], image, image_size, &model);
        score(models[i], model, rows, rows_size);
        mlscore_model_close(model);
        free(image);
        free(rows);
        free(bytes);
    }
}

/* ---- a context that failed goes on ---------------------------------------- */

static void a_context_works_after_a_failure(void **state)
{
    size_t size;
    char *bytes =
        read_fixture("models/pmml/linear_regression_diabetes/model.pmml",
                     &size);
    size_t rows_size;
    char *rows = read_fixture("models/pmml/linear_regression_diabetes/"
                              "input.csv",
                              &rows_size);
    mlscore_context *context;
    mlscore_model *model;
    mlscore_error err;
    void *image;
    size_t image_size;
    int done = 0;

    (void)state;
    assert_int_equal(mlscore_compile_memory(bytes, size, &image, &image_size,
                                            NULL, &err),
                     MLSCORE_OK);
    assert_int_equal(mlscore_model_open_memory(&model, image, image_size,
                                               &err),
                     MLSCORE_OK);
    for (size_t n = 1; !done; n++) {
        assert_int_equal(mlscore_context_create(&context, &err), MLSCORE_OK);
        for (int attempt = 0; attempt < 2; attempt++) {
            fail_at(attempt == 0 ? n : 0);
            mlscore_status status =
                mlscore_context_bind(context, model, &err);
            if (status == MLSCORE_OK) {
                status = mlscore_read_csv(mlscore_context_input(context),
                                          rows, rows_size, NULL, &err);
            }
            if (status == MLSCORE_OK) {
                status = mlscore_score(context, &err);
            }
            done = finish("context", n, status, &err) && attempt == 0
                       ? 1
                       : done;
        }
        assert_int_equal(mlscore_context_output(context)->rows, 90);
        mlscore_context_free(context);
    }
    mlscore_model_close(model);
    free(image);
    free(rows);
    free(bytes);
}

/* ---- bodies ---------------------------------------------------------------- */

static void bodies_may_fail_to_be_read(void **state)
{
    static const mlscore_field fields[] = {
        {.name = "x", .name_length = 1, .type = MLSCORE_NUMERIC},
        {.name = "s",
         .name_length = 1,
         .type = MLSCORE_CHARACTER,
         .optional = 1},
    };
    static const mlscore_schema schema = {fields, 2, 1};
    static const char *const bodies[] = {
        "{\"inputData\":{\"x\":[1,2,3],\"s\":[\"\\u00e9\",\"b\",null]}}",
        "{\"inputData\":[{\"x\":1,\"s\":\"\\n\",\"q\":{\"a\":[1]}},{\"x\":2}]}",
        "{\"z\":{\"a\":1,\"b\":[{\"c\":[[]]}]},\"inputData\":{\"p\":[1],\"q\":"
        "[\"t\"]}}",
        "x,s\n1,\"a\"\"b\"\n2,c\n",
    };
    mlscore_error err;

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        int done = 0;
        for (size_t n = 1; !done; n++) {
            mlscore_frame *frame;
            mlscore_buffer out = {0};
            fail_at(n);
            mlscore_status status =
                mlscore_frame_create(&frame, &schema, &err);
            if (status == MLSCORE_OK) {
                status = bodies[i][0] == '{'
                             ? mlscore_read_json(frame, bodies[i],
                                                 strlen(bodies[i]), NULL, &err)
                             : mlscore_read_csv(frame, bodies[i],
                                                strlen(bodies[i]), NULL, &err);
            }
            if (status == MLSCORE_OK) {
                status = mlscore_write_csv(&out, frame, &err);
            }
            done = finish(bodies[i], n, status, &err);
            mlscore_buffer_free(&out);
            mlscore_frame_free(frame);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_a_model_may_fail),
        cmocka_unit_test(a_context_works_after_a_failure),
        cmocka_unit_test(bodies_may_fail_to_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
