/* SPDX-License-Identifier: Apache-2.0 */
/* Importing and opening while the n-th allocation fails, models cut at every
 * byte, and images with damaged graphs: clean errors, nothing leaked. */

#include "onnx_support.h"

#include "base/alloc.h"
#include "eval/graph/binding.h"
#include "eval/graph/op.h"
#include "image/image.h"

static long fail_at, allocations;

int mlscore_test_alloc_fails(size_t size)
{
    (void)size;
    return ++allocations == fail_at;
}

static const char *const models[] = {"trees",   "columns",   "texts",
                                     "pictures", "control",  "functions",
                                     "encoders", "shapes",   "hashes",
                                     "cleaning", "dictionaries",
                                     "encoders_ml", "classifiers", "layers"};

enum { MODELS = sizeof(models) / sizeof(models[0]) };

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < MODELS; i++) {
        size_t size = 0, image_size;

        fail_at = 0;
        char *bytes = read_corpus(models[i], &size);
        for (fail_at = 1;; fail_at++) {
            mlscore_error err = {0};
            mlscore_model *model = NULL;

            allocations = 0;
            void *image = compile(bytes, size, &image_size, NULL, &err);
            if (image) {
                mlscore_model_open_memory(&model, image, image_size, &err);
            }
            const int reached = allocations >= fail_at;
            mlscore_model_close(model);
            free(image);
            if (!reached) {
                if (!model) {
                    fail_msg("%s: %s", models[i], err.message);
                }
                break;
            }
            if (!model && err.status != MLSCORE_ENOMEM) {
                fail_msg("%s, allocation %ld: %s", models[i], fail_at,
                         err.message);
            }
        }
        fail_at = 0;
        free(bytes);
    }
}

static void test_models_cut_at_every_byte_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < MODELS; i++) {
        size_t size = 0, image_size;
        char *bytes = read_corpus(models[i], &size);

        for (size_t cut = 0; cut < size; cut++) {
            char *part = malloc(cut + 1); /* so that reading on is seen */
            mlscore_error err = {0};

            memcpy(part, bytes, cut);
            void *image = compile(part, cut, &image_size, NULL, &err);
            /* A cut between fields may leave a smaller model. */
            assert_true(image || err.message[0]);
            free(image);
            free(part);
        }
        free(bytes);
    }
}

/* An image with one byte of a graph section changed, checksum and all: what
 * opening must find without help. */
static void test_damaged_graphs_do_not_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < MODELS; i++) {
        size_t size = 0, image_size, records_size, data_size;
        char *bytes = read_corpus(models[i], &size);
        void *image = compile(bytes, size, &image_size, NULL, NULL);
        mlscore_image parsed;

        assert_int_equal(mlscore_image_check(&parsed, image, image_size, NULL),
                         MLSCORE_OK);
        const unsigned char *records = mlscore_image_section(
            &parsed, MLSCORE_GRAPH_RECORDS, &records_size);
        const void *data = mlscore_image_section(&parsed, MLSCORE_GRAPH_DATA,
                                                 &data_size);
        unsigned char *copy = malloc(records_size);
        for (size_t at = 0; at < records_size; at++) {
            for (int bit = 0; bit < 8; bit += 3) {
                mlscore_graph *graph = NULL;
                mlscore_error err = {0};

                memcpy(copy, records, records_size);
                copy[at] ^= (unsigned char)(1 << bit);
                if (!mlscore_graph_read(&graph, copy, records_size, data,
                                        data_size, &err)) {
                    mlscore_graph_prepare(graph, &err);
                }
                mlscore_graph_free(graph);
            }
        }
        for (size_t cut = 0; cut < records_size; cut++) {
            mlscore_graph *graph = NULL;
            mlscore_error err = {0};
            unsigned char *part = malloc(cut + 1);

            memcpy(part, records, cut);
            assert_int_not_equal(mlscore_graph_read(&graph, part, cut, data,
                                                    data_size, &err),
                                 MLSCORE_OK);
            assert_null(graph);
            free(part);
        }
        free(copy);
        free(image);
        free(bytes);
    }
}

static void test_the_table_of_operators_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < mlscore_op_count(); i++) {
        const mlscore_op *op = mlscore_op_at(i);

        assert_true(op->name && *op->name && op->domain);
        assert_true(op->infer && op->run);
        assert_true(op->since >= 1 && (!op->until || op->until >= op->since));
        assert_true(op->min_in <= op->max_in && op->min_out <= op->max_out);
        assert_true(mlscore_opset_newest(op->domain) >= op->since);
        /* found by its own name, unless a later row took over */
        assert_non_null(mlscore_op_find(op->domain, op->name, op->since,
                                        NULL));
        assert_false(op->flags & MLSCORE_OP_ALIAS &&
                     op->flags & MLSCORE_OP_DYNAMIC);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_models_cut_at_every_byte_are_refused),
        cmocka_unit_test(test_damaged_graphs_do_not_open),
        cmocka_unit_test(test_the_table_of_operators_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
