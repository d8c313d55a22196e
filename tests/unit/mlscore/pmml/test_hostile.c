/* SPDX-License-Identifier: Apache-2.0 */
/* PMML that means harm, images that are damaged, memory that runs out. */

#include "pmml_case.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "image/checksum.h"
#include "image/image_format.h"

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
#define SCHEMA_OF_TREES                                                        \
    "<MiningSchema>" ACTIVE("x") ACTIVE("c") TARGET("y") "</MiningSchema>"
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

/** Only trees: packed for the forest kernel. */
static const char forest[] = PMML_DOCUMENT(
    NUMBER("x") NUMBER("y") TEXT("c"),
    "<MiningModel functionName='regression'>" SCHEMA_OF_TREES
    "<Segmentation multipleModelMethod='weightedAverage'>"
    "<Segment weight='2'><True/><TreeModel functionName='regression' "
    "missingValueStrategy='defaultChild'>" SCHEMA_OF_TREES
    "<Node id='1' defaultChild='3'><True/><Node id='2' score='1'>"
    "<SimplePredicate field='x' operator='lessThan' value='0'/></Node>"
    "<Node id='3' score='2'><SimplePredicate field='x' "
    "operator='greaterOrEqual' value='0'/></Node></Node>"
    "</TreeModel></Segment>"
    "<Segment><True/><TreeModel functionName='regression' "
    "noTrueChildStrategy='returnLastPrediction'>" SCHEMA_OF_TREES
    "<Node score='3'><True/><Node score='4'><SimpleSetPredicate field='c' "
    "booleanOperator='isIn'><Array type='string'>a b</Array>"
    "</SimpleSetPredicate></Node></Node></TreeModel></Segment>"
    "</Segmentation></MiningModel>");
static const char *const documents[] = {sound, forest};
enum { DOCUMENTS = sizeof(documents) / sizeof(*documents) };

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
    check_refused("<PMML version='4.4'>\n<Header>\n</PMML>", MLSCORE_EFORMAT, 3,
                  "");
    /* Broken inside what is skipped. */
    check_refused("<PMML version='4.4'>\n<MiningBuildTask>text<a></b></"
                  "MiningBuildTask></PMML>",
                  MLSCORE_EFORMAT, 2, "not well-formed");
    check_refused("<PMML version='4.4'><MiningBuildTask>g a='b'><Header/>"
                  "<PMML version='4.4'><M></N><DataField name='s><Array n='2",
                  MLSCORE_EFORMAT, 1, "not well-formed");
    check_refused("<PMML version='4.4'><Header/></PMML>", MLSCORE_EFORMAT, 0,
                  "DataDictionary");
    check_refused(PMML_DOCUMENT(NUMBER("x"), ""), MLSCORE_EFORMAT, 0, "model");
    check_refused(PMML_DOCUMENT(NUMBER("x"), "\n<TextModel/>"),
                  MLSCORE_EUNSUPPORTED, 2, "TextModel");
    check_refused("<PMML version='9.9'><Header/></PMML>", MLSCORE_EUNSUPPORTED,
                  1, "9.9");
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
            "y") "</DataDictionary><TreeModel functionName='regression'>" SCHEMA
                 "<Node score='1'>";
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

    assert_int_equal(
        mlscore_compile_memory(sound, strlen(sound), &image, &size, &few, &err),
        MLSCORE_ELIMIT);
}

/** Every beginning of a document is refused, none crashes. */
static void test_truncated_documents(void **state)
{
    (void)state;
    for (int i = 0; i < DOCUMENTS; i++) {
        for (size_t size = 0; size < strlen(documents[i]); size++) {
            mlscore_error err;
            void *image = NULL;
            size_t image_size;
            char *exact = malloc(size + 1);

            assert_non_null(exact);
            memcpy(exact, documents[i], size);
            assert_int_not_equal(mlscore_compile_memory(exact, size, &image,
                                                        &image_size, NULL,
                                                        &err),
                                 MLSCORE_OK);
            assert_true(err.message[0] != '\0');
            free(exact);
        }
    }
}

/* --- images ---------------------------------------------------------------*/

static void test_deterministic(void **state)
{
    (void)state;
    for (int i = 0; i < DOCUMENTS; i++) {
        size_t a_size, b_size;
        void *a = compile(documents[i], &a_size);
        void *b = compile(documents[i], &b_size);

        assert_int_equal(a_size, b_size);
        assert_memory_equal(a, b, a_size);
        free(a);
        free(b);
    }
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
        mlscore_read_csv(mlscore_context_input(context), "x,c\n1,a\n,\n", 10,
                         NULL, &err) == MLSCORE_OK) {
        mlscore_score(context, &err);
    }
    mlscore_context_free(context);
    mlscore_model_close(model);
    return 1;
}

/** As if the bytes had been written so. */
static void set_checksum(unsigned char *image, size_t size)
{
    int failed;

    mlscore_store_u64(image + MLSCORE_HEADER_CHECKSUM,
                      mlscore_image_checksum(image, size, &failed));
}

/** A bit of each byte is flipped: the image's checksum notices, and where it
 *  has been made to fit, the engine refuses the image or survives it. */
static void damage(const char *document)
{
    size_t size;
    unsigned char *image = compile(document, &size);
    unsigned char *copy = aligned_alloc(64, (size + 63) / 64 * 64);

    assert_non_null(copy);
    assert_true(open_and_score(image, size));
    for (size_t i = 0; i < 4 * size; i++) {
        memcpy(copy, image, size);
        copy[i % size] ^= (unsigned char)(1u << (i / size + i) % 8);
        assert_false(open_and_score(copy, size));
        set_checksum(copy, size);
        open_and_score(copy, size);
    }
    for (size_t shorter = 0; shorter < size; shorter += 7) {
        memcpy(copy, image, shorter);
        assert_false(open_and_score(copy, shorter));
    }
    free(copy);
    free(image);
}

static void test_damaged_images(void **state)
{
    (void)state;
    for (int i = 0; i < DOCUMENTS; i++) {
        damage(documents[i]);
    }
}

/* --- memory ---------------------------------------------------------------*/

/** The n-th allocation fails while a document is compiled. */
static void compile_without_memory(const char *document)
{
    long failures = 0;

    for (long at = 0;; at++) {
        mlscore_error err;
        void *image = NULL;
        size_t size;

        allocations_left = at;
        const mlscore_status status = mlscore_compile_memory(
            document, strlen(document), &image, &size, NULL, &err);
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
}

static void test_out_of_memory(void **state)
{
    (void)state;
    for (int i = 0; i < DOCUMENTS; i++) {
        size_t size;
        void *image = compile(documents[i], &size);

        compile_without_memory(documents[i]);
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
