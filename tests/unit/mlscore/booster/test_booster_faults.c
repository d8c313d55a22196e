/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Importing and opening boosters while the n-th allocation fails, n = 1, 2 ...
 * until all succeed: each time a clean error and nothing leaked.
 */

#include "booster_support.h"

#include "base/alloc.h"

static long fail_at, allocations;

int mlscore_test_alloc_fails(size_t size)
{
    (void)size;
    return ++allocations == fail_at;
}

static const struct {
    const char *path;
    const mlscore_importer *importer;
} models[] = {
    {"fuzz_xgboost/categories.json", &mlscore_importer_xgboost_json},
    {"fuzz_xgboost/dart.ubj", &mlscore_importer_xgboost_ubj},
    {"fuzz_xgboost/targets.json", &mlscore_importer_xgboost_json},
    {"fuzz_xgboost/linear.json", &mlscore_importer_xgboost_json},
    {"fuzz_lightgbm/categories.txt", &mlscore_importer_lightgbm},
    {"fuzz_lightgbm/linear.txt", &mlscore_importer_lightgbm},
};

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++) {
        char path[256];
        size_t size = 0;

        snprintf(path, sizeof(path), "tests/fuzz/corpus/%s", models[i].path);
        fail_at = 0;
        char *bytes = read_file(path, &size);

        assert_non_null(bytes);
        for (fail_at = 1;; fail_at++) {
            mlscore_error err = {0};
            void *image;

            allocations = 0;
            mlscore_model *model = import_model(models[i].importer, bytes,
                                                size, &image, &err);
            const int reached = allocations >= fail_at;

            if (!model && err.status != MLSCORE_ENOMEM) {
                fail_msg("%s, allocation %ld: %s", path, fail_at,
                         err.message);
            }
            mlscore_model_close(model);
            free(image);
            if (!reached) {
                assert_non_null(model);
                break;
            }
        }
        assert_true(fail_at > 10);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
