/* SPDX-License-Identifier: Apache-2.0 */
/* PMML that means harm, images that are damaged, memory that runs out. */

#include "pmml_case.h"

#include "base/alloc.h"

/* --- running out of memory ------------------------------------------------*/

static long allocations_left = -1;

int mlscore_test_alloc_fails(size_t size)
{
    (void)size;
    if (allocations_left < 0) {
        return 0;
    }
    return allocations_left-- == 0;
}

/* --- documents ------------------------------------------------------------*/

#define SCHEMA "<MiningSchema>" ACTIVE("x") TARGET("y") "</MiningSchema>"
static const char sound[] = PMML_DOCUMENT(
    NUMBER("x") NUMBER("y") TEXT("c"),
    "<TransformationDictionary><DerivedField name='t' optype='continuous' "
    "dataType='double'><Apply function='+'><FieldRef field='x'/>"
    "<Constant>1</Constant></Apply></DerivedField>"
    "</TransformationDictionary>"
    "<MiningModel functionName='regression'>" SCHEMA
    "<Output><OutputField name='o' optype='continuous' dataType='double' "
    "feature='predictedValue'/></Output>"
    "<Segmentation multipleModelMethod='sum'>"
    "<Segment><True/><TreeModel functionName='regression'>" SCHEMA
    "<Node><True/><Node score='1'><CompoundPredicate booleanOperator='and'>"
    "<SimplePredicate field='x' operator='lessThan' value='0'/>"
    "<SimplePredicate field='t' operator='isNotMissing'/>"
    "</CompoundPredicate></Node><Node score='2'><True/></Node></Node>"
    "</TreeModel></Segment>"
    "<Segment><True/><RegressionModel functionName='regression'>" SCHEMA
    "<RegressionTable intercept='3'><NumericPredictor name='t' "
    "coefficient='4'/></RegressionTable></RegressionModel></Segment>"
    "</Segmentation></MiningModel>");

static void test_sound(void **state)
{
    (void)state;
    assert_true(gives("sound", sound, "x\n-1\n1\n", "y,o\n4,4\n13,13\n"));
}

static void test_xml(void **state)
{
    (void)state;
    check_refused("<!DOCTYPE PMML [<!ENTITY a 'b'>]>"
                  "<PMML version='4.4'><Header copyright='&a;'/></PMML>",
                  MLSCORE_EFORMAT, 0, "DOCTYPE");
    check_refused("<!DOCTYPE PMML SYSTEM 'http://127.0.0.1:9/x.dtd'>"
                  "<PMML version='4.4'/>",
                  MLSCORE_EFORMAT, 0, "DOCTYPE");
    check_refused("<PMML version='4.4'><Header copyright='&a;'/></PMML>",
                  MLSCORE_EFORMAT, 0, "");
    check_refused("<PMML version='4.4'>\n<Header>\n</PMML>", MLSCORE_EFORMAT,
                  3, "");
    /* Broken inside what is skipped. */
    check_refused("<PMML version='4.4'>\n<MiningBuildTask>text<a></b></"
                  "MiningBuildTask></PMML>",
                  MLSCORE_EFORMAT, 2, "not well-formed");
    check_refused("<PMML version='4.4'><MiningBuildTask>g a='b'><Header/>"
                  "<PMML version='4.4'><M></N><DataField name='s><Array n='2",
                  MLSCORE_EFORMAT, 1, "not well-formed");
    check_refused("<PMML version='4.4'><Header/></PMML>", MLSCORE_EFORMAT, 0,
                  "DataDictionary");
    check_refused(PMML_DOCUMENT(NUMBER("x"), ""), MLSCORE_EFORMAT, 0,
                  "model");
    check_refused(PMML_DOCUMENT(NUMBER("x"), "\n<TextModel/>"),
                  MLSCORE_EUNSUPPORTED, 2, "TextModel");
    check_refused("<PMML version='9.9'><Header/></PMML>",
                  MLSCORE_EUNSUPPORTED, 1, "9.9");
}

/** `depth` predicates, one inside the other. */
static char *nested(unsigned depth)
{
    static const char begin[] =
        "<CompoundPredicate booleanOperator='or'><False/>";
    static const char end[] = "</CompoundPredicate>";
    mlscore_buffer text = {0};
    const char *head =
        "<PMML version='4.4'><Header/><DataDictionary>" NUMBER("x") NUMBER(
            "y") "</DataDictionary><TreeModel functionName='regression'>"
        SCHEMA "<Node score='1'>";
    const char *tail = "</Node></TreeModel></PMML>";

    mlscore_buffer_append(&text, head, strlen(head));
    for (unsigned i = 0; i < depth; i++) {
        mlscore_buffer_append(&text, begin, sizeof(begin) - 1);
    }
    mlscore_buffer_append(&text, "<True/>", 7);
    for (unsigned i = 0; i < depth; i++) {
        mlscore_buffer_append(&text, end, sizeof(end) - 1);
    }
    mlscore_buffer_append(&text, tail, strlen(tail) + 1);
    return text.bytes;
}

static void test_limits(void **state)
{
    char *deep = nested(100);

    (void)state;
    assert_true(gives("deep", deep, "x\n1\n", "y\n1\n"));
    mlscore_free(deep);
    deep = nested(10000);
    check_refused(deep, MLSCORE_ELIMIT, 0, "");
    mlscore_free(deep);

    const mlscore_import_options few = {.max_nodes = 10};
    mlscore_error err;
    void *image = NULL;
    size_t size;

    assert_int_equal(mlscore_compile_memory(sound, strlen(sound), &image,
                                            &size, &few, &err),
                     MLSCORE_ELIMIT);
}

/** Every beginning of the document is refused, none crashes. */
static void test_truncated_documents(void **state)
{
    const size_t length = strlen(sound);
    char *copy = malloc(length);

    (void)state;
    assert_non_null(copy);
    for (size_t size = 0; size < length; size++) {
        mlscore_error err;
        void *image = NULL;
        size_t image_size;

        char *exact = malloc(size + 1);
        assert_non_null(exact);
        memcpy(exact, sound, size);
        assert_int_not_equal(mlscore_compile_memory(exact, size, &image,
                                                    &image_size, NULL, &err),
                             MLSCORE_OK);
        assert_true(err.message[0] != '\0');
        free(exact);
    }
    free(copy);
}

/* --- images ---------------------------------------------------------------*/

static void test_deterministic(void **state)
{
    size_t a_size, b_size;
    void *a = compile(sound, &a_size);
    void *b = compile(sound, &b_size);

    (void)state;
    assert_int_equal(a_size, b_size);
    assert_memory_equal(a, b, a_size);
    free(a);
    free(b);
}

/** Open an image and, when it opens, score a row with it. */
static int open_and_score(const void *image, size_t size)
{
    mlscore_model *model;
    mlscore_context *context;
    mlscore_error err;

    if (mlscore_model_open_memory(&model, image, size, &err) != MLSCORE_OK) {
        assert_true(err.message[0] != '\0');
        return 0;
    }
    assert_int_equal(mlscore_context_create(&context, &err), MLSCORE_OK);
    if (mlscore_context_bind(context, model, &err) == MLSCORE_OK &&
        mlscore_read_csv(mlscore_context_input(context), "x\n1\n", 4, NULL,
                         &err) == MLSCORE_OK) {
        mlscore_score(context, &err);
    }
    mlscore_context_free(context);
    mlscore_model_close(model);
    return 1;
}

/** The image's checksum would notice every flip; what it does not notice is
 *  the engine's to refuse or to survive, see the fuzz target of images. */
static void test_damaged_images(void **state)
{
    size_t size;
    unsigned char *image = compile(sound, &size);
    unsigned char *copy = aligned_alloc(64, (size + 63) / 64 * 64);

    (void)state;
    assert_non_null(copy);
    assert_true(open_and_score(image, size));
    for (size_t i = 0; i < size; i++) {
        memcpy(copy, image, size);
        copy[i] ^= (unsigned char)(1u << (i % 8));
        open_and_score(copy, size);
    }
    for (size_t shorter = 0; shorter < size; shorter += 7) {
        memcpy(copy, image, shorter);
        assert_false(open_and_score(copy, shorter));
    }
    free(copy);
    free(image);
}

/* --- memory ---------------------------------------------------------------*/

static void test_out_of_memory(void **state)
{
    long failures = 0;

    (void)state;
    for (long at = 0;; at++) {
        mlscore_error err;
        void *image = NULL;
        size_t size;

        allocations_left = at;
        const mlscore_status status = mlscore_compile_memory(
            sound, strlen(sound), &image, &size, NULL, &err);
        const int reached = allocations_left < 0;

        allocations_left = -1;
        if (!reached) {
            assert_int_equal(status, MLSCORE_OK);
            free(image);
            break;
        }
        if (status == MLSCORE_OK) {
            free(image);
        }
        else {
            assert_int_equal(status, MLSCORE_ENOMEM);
            failures++;
        }
    }
    assert_true(failures > 5);

    size_t size;
    void *image = compile(sound, &size);

    for (long at = 0; at < 200; at++) {
        mlscore_model *model;
        mlscore_error err;

        allocations_left = at;
        const mlscore_status status =
            mlscore_model_open_memory(&model, image, size, &err);

        allocations_left = -1;
        if (status == MLSCORE_OK) {
            mlscore_model_close(model);
        }
    }
    free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_xml),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_truncated_documents),
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_damaged_images),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
