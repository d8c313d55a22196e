/* SPDX-License-Identifier: Apache-2.0 */
/* Images: building, checking, the sections that all of them have, and what
 * happens to damaged ones. */

#include "unit/mlscore/support.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "image/checksum.h"
#include "image/image.h"
#include "image/image_format.h"
#include "image/schema_section.h"
#include "mlscore/import.h"
#include "mlscore/model.h"
#include "mlscore/score.h"

/* ---- a small image of no engine ------------------------------------------- */

static const mlscore_text colours[] = {{"red", 3, 0}, {"", 0, 1}};
static const mlscore_field in_fields[] = {
    {.name = "length",
     .name_length = 6,
     .type = MLSCORE_NUMERIC,
     .optional = 1,
     .lenient = 1},
    {.name = "colour",
     .name_length = 6,
     .type = MLSCORE_CHARACTER,
     .levels = colours,
     .level_count = 2},
};
static const mlscore_field out_fields[] = {
    {.name = "score",
     .name_length = 5,
     .type = MLSCORE_NUMERIC,
     .single = 1},
};
static const mlscore_schema inputs = {in_fields, 2, 1};
static const mlscore_schema outputs = {out_fields, 1, 0};

static void build(void **image, size_t *size)
{
    mlscore_image_builder *builder;
    mlscore_error err;

    assert_int_equal(mlscore_image_builder_create(
                         &builder, (mlscore_engine_id)99, &err),
                     MLSCORE_OK);
    assert_int_equal(
        mlscore_image_builder_schema(builder, &inputs, &outputs, &err),
        MLSCORE_OK);
    assert_int_equal(mlscore_image_builder_texts(builder, "TEST 1", "nothing",
                                                 NULL, &err),
                     MLSCORE_OK);
    assert_int_equal(mlscore_image_builder_add(builder, 64, "hello", 5, &err),
                     MLSCORE_OK);
    assert_int_equal(mlscore_image_builder_add(builder, 65, "", 0, &err),
                     MLSCORE_OK);
    assert_int_equal(mlscore_image_builder_add(builder, 64, "twice", 5, &err),
                     MLSCORE_EIMAGE);
    assert_int_equal(mlscore_image_builder_finish(builder, image, size, &err),
                     MLSCORE_OK);
    mlscore_image_builder_free(builder);
}

static void what_was_built_is_read(void **state)
{
    void *bytes;
    size_t size;
    size_t length;
    mlscore_image image;
    mlscore_image_schemas schemas;
    mlscore_image_texts texts;

    (void)state;
    build(&bytes, &size);
    assert_int_equal((uintptr_t)bytes % 64, 0);
    assert_true(mlscore_is_image(bytes, size));
    assert_int_equal(mlscore_image_check(&image, bytes, size, NULL),
                     MLSCORE_OK);
    assert_int_equal(image.engine, 99);
    const char *section = mlscore_image_section(&image, 64, &length);
    assert_int_equal(length, 5);
    assert_memory_equal(section, "hello", 5);
    assert_int_equal((uintptr_t)section % 64, 0);
    assert_non_null(mlscore_image_section(&image, 65, &length));
    assert_int_equal(length, 0);
    assert_null(mlscore_image_section(&image, 66, &length));

    assert_int_equal(mlscore_image_texts_read(&texts, &image, NULL),
                     MLSCORE_OK);
    assert_string_equal(texts.format, "TEST 1");
    assert_string_equal(texts.kind, "nothing");
    assert_string_equal(texts.producer, "");

    assert_int_equal(mlscore_image_schemas_read(&schemas, &image, NULL),
                     MLSCORE_OK);
    assert_int_equal(schemas.inputs.field_count, 2);
    assert_int_equal(schemas.inputs.by_position, 1);
    const mlscore_field *field = &schemas.inputs.fields[0];
    assert_string_equal(field->name, "length");
    assert_int_equal(field->type, MLSCORE_NUMERIC);
    assert_true(field->optional && field->lenient && !field->single);
    assert_null(field->levels);
    field = &schemas.inputs.fields[1];
    assert_int_equal(field->level_count, 2);
    assert_memory_equal(field->levels[0].bytes, "red", 4);
    assert_int_equal(field->levels[1].length, 0);
    assert_int_equal(field->levels[1].level, 1);
    assert_int_equal(schemas.outputs.field_count, 1);
    assert_true(schemas.outputs.fields[0].single);
    mlscore_image_schemas_free(&schemas);
    free(bytes);
}

static void the_same_calls_give_the_same_bytes(void **state)
{
    void *first;
    void *second;
    size_t first_size;
    size_t second_size;

    (void)state;
    build(&first, &first_size);
    build(&second, &second_size);
    assert_int_equal(first_size, second_size);
    assert_memory_equal(first, second, first_size);
    free(first);
    free(second);
}

static void many_levels_have_an_index(void **state)
{
    enum { COUNT = 1000 };
    static char names[COUNT][8];
    static mlscore_text levels[COUNT];
    const mlscore_field field = {.name = "f",
                                 .name_length = 1,
                                 .type = MLSCORE_CHARACTER,
                                 .levels = levels,
                                 .level_count = COUNT};
    const mlscore_schema one = {&field, 1, 0};
    mlscore_image_builder *builder;
    mlscore_image_schemas schemas;
    mlscore_image image;
    void *bytes;
    size_t size;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        levels[i].bytes = names[i];
        levels[i].length = (uint32_t)snprintf(names[i], 8, "l%d", i);
    }
    mlscore_image_builder_create(&builder, (mlscore_engine_id)1, NULL);
    mlscore_image_builder_schema(builder, &one, &one, NULL);
    assert_int_equal(mlscore_image_builder_finish(builder, &bytes, &size,
                                                  NULL),
                     MLSCORE_OK);
    mlscore_image_builder_free(builder);
    assert_int_equal(mlscore_image_check(&image, bytes, size, NULL),
                     MLSCORE_OK);
    assert_int_equal(mlscore_image_schemas_read(&schemas, &image, NULL),
                     MLSCORE_OK);
    assert_non_null(schemas.outputs.fields[0].level_index);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(mlscore_field_level(&schemas.outputs.fields[0],
                                             names[i], levels[i].length),
                         i);
    }
    mlscore_image_schemas_free(&schemas);
    free(bytes);
}

/* ---- damage --------------------------------------------------------------- */

/* Make the size and the checksum right again. */
static void repair(unsigned char *bytes, size_t size)
{
    int failed;

    mlscore_store_u64(bytes + MLSCORE_HEADER_SIZE, size);
    mlscore_store_u64(bytes + MLSCORE_HEADER_CHECKSUM,
                      mlscore_image_checksum(bytes, size, &failed));
}

static void every_bit_is_under_the_checksum(void **state)
{
    unsigned char *bytes;
    void *built;
    size_t size;
    mlscore_image image;
    mlscore_error err;

    (void)state;
    build(&built, &size);
    bytes = built;
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        const mlscore_status status =
            mlscore_image_check(&image, bytes, size, &err);
        const size_t at = bit / 8;
        assert_int_equal(status, at >= MLSCORE_HEADER_VERSION &&
                                         at < MLSCORE_HEADER_ENGINE
                                     ? MLSCORE_EVERSION
                                     : MLSCORE_EIMAGE);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    free(built);
}

static void every_truncated_image_is_refused(void **state)
{
    void *built;
    size_t size;
    mlscore_image image;

    (void)state;
    build(&built, &size);
    for (size_t cut = 0; cut < size; cut++) {
        unsigned char *copy = aligned_alloc(64, (cut + 64) & ~(size_t)63);
        memcpy(copy, built, cut);
        assert_int_equal(mlscore_image_check(&image, copy, cut, NULL),
                         MLSCORE_EIMAGE);
        free(copy);
    }
    free(built);
}

/* With a right checksum the sections themselves are judged: nothing outside
 * of them may be read. The sanitizers watch. */
static void repaired_damage_is_refused_or_harmless(void **state)
{
    void *built;
    size_t size;
    size_t refused = 0;
    uint64_t seed = 5;

    (void)state;
    build(&built, &size);
    for (int round = 0; round < 60000; round++) {
        unsigned char *copy = aligned_alloc(64, (size + 63) & ~(size_t)63);
        mlscore_image image;
        mlscore_image_schemas schemas;
        mlscore_image_texts texts;
        memcpy(copy, built, size);
        for (uint64_t edits = 1 + random_bits(&seed) % 3; edits > 0;
             edits--) {
            copy[random_bits(&seed) % size] =
                (unsigned char)(random_bits(&seed) % 4
                                    ? random_bits(&seed) % 20
                                    : random_bits(&seed));
        }
        repair(copy, size);
        if (mlscore_image_check(&image, copy, size, NULL) != MLSCORE_OK) {
            refused++;
        }
        else {
            mlscore_image_texts_read(&texts, &image, NULL);
            if (mlscore_image_schemas_read(&schemas, &image, NULL) ==
                MLSCORE_OK) {
                for (uint32_t i = 0; i < schemas.inputs.field_count; i++) {
                    const mlscore_field *f = &schemas.inputs.fields[i];
                    assert_int_equal(strlen(f->name), f->name_length);
                    for (uint32_t j = 0; j < f->level_count; j++) {
                        assert_int_equal(
                            f->levels[j].bytes[f->levels[j].length], 0);
                    }
                }
                mlscore_image_schemas_free(&schemas);
            }
            else {
                refused++;
            }
        }
        free(copy);
    }
    assert_true(refused > 10000);
    free(built);
}

static void lies_in_the_section_table_are_refused(void **state)
{
    static const struct {
        const char *name;
        size_t at;
        uint64_t value;
    } cases[] = {
        {"an offset that is not aligned",
         MLSCORE_HEADER_BYTES + MLSCORE_ENTRY_OFFSET, 65},
        {"an offset in the header",
         MLSCORE_HEADER_BYTES + MLSCORE_ENTRY_OFFSET, 0},
        {"an offset past the end",
         MLSCORE_HEADER_BYTES + MLSCORE_ENTRY_OFFSET, 1 << 20},
        {"an offset near 2^64",
         MLSCORE_HEADER_BYTES + MLSCORE_ENTRY_OFFSET, UINT64_MAX - 63},
        {"a size past the end", MLSCORE_HEADER_BYTES + MLSCORE_ENTRY_SIZE,
         1 << 20},
        {"a size near 2^64", MLSCORE_HEADER_BYTES + MLSCORE_ENTRY_SIZE,
         UINT64_MAX},
        {"a size that overlaps the next",
         MLSCORE_HEADER_BYTES + MLSCORE_ENTRY_SIZE, 400},
        {"more sections than fit", MLSCORE_HEADER_SECTIONS, 1000},
        {"very many sections", MLSCORE_HEADER_SECTIONS, UINT32_MAX},
        {"two sections of a kind",
         MLSCORE_HEADER_BYTES + MLSCORE_ENTRY_BYTES, 1},
    };
    void *built;
    size_t size;

    (void)state;
    build(&built, &size);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned char *copy = aligned_alloc(64, (size + 63) & ~(size_t)63);
        mlscore_image image;
        memcpy(copy, built, size);
        mlscore_store_u64(copy + cases[i].at, cases[i].value);
        repair(copy, size);
        if (mlscore_image_check(&image, copy, size, NULL) == MLSCORE_OK) {
            fail_msg("%s is accepted", cases[i].name);
        }
        free(copy);
    }
    free(built);
}

/* ---- models --------------------------------------------------------------- */

static const char pmml[] =
    "<PMML version=\"4.4\" xmlns=\"http://www.dmg.org/PMML-4_4\"><Header/>"
    "<DataDictionary>"
    "<DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/>"
    "<DataField name=\"y\" optype=\"continuous\" dataType=\"double\"/>"
    "</DataDictionary>"
    "<RegressionModel functionName=\"regression\"><MiningSchema>"
    "<MiningField name=\"x\"/><MiningField name=\"y\" usageType=\"target\"/>"
    "</MiningSchema><RegressionTable intercept=\"1\">"
    "<NumericPredictor name=\"x\" coefficient=\"2\"/></RegressionTable>"
    "</RegressionModel></PMML>";

static double score_one(mlscore_context *context, const mlscore_model *model,
                        double x)
{
    mlscore_error err;

    assert_int_equal(mlscore_context_bind(context, model, &err), MLSCORE_OK);
    mlscore_frame *input = mlscore_context_input(context);
    assert_int_equal(mlscore_frame_reserve(input, 1, &err), MLSCORE_OK);
    input->rows = 1;
    input->columns[0].present = 1;
    input->columns[0].missing[0] = 0;
    input->columns[0].values.numeric[0] = x;
    assert_int_equal(mlscore_score(context, &err), MLSCORE_OK);
    return mlscore_context_output(context)->columns[0].values.numeric[0];
}

static void a_model_opens_from_file_descriptor_and_memory(void **state)
{
    char path[] = "/tmp/mlscore-image-XXXXXX";
    const int fd = mkstemp(path);
    mlscore_context *context;
    mlscore_model *models[3];
    mlscore_error err;
    void *image;
    size_t size;

    (void)state;
    assert_true(fd >= 0);
    /* Longer than the image, to be cut. */
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    if (mlscore_compile(pmml, strlen(pmml), fd, NULL, &err) != MLSCORE_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(mlscore_compile_memory(pmml, strlen(pmml), &image, &size,
                                            NULL, &err),
                     MLSCORE_OK);
    assert_int_equal(lseek(fd, 0, SEEK_END), size);
    char *unaligned = malloc(size + 64);
    memcpy(unaligned + 1, image, size);
    assert_int_equal(mlscore_model_open(&models[0], path, &err), MLSCORE_OK);
    assert_int_equal(mlscore_model_open_fd(&models[1], fd, &err), MLSCORE_OK);
    assert_int_equal(
        mlscore_model_open_memory(&models[2], unaligned + 1, size, &err),
        MLSCORE_OK);
    /* A mapping needs neither the descriptor nor the name. */
    close(fd);
    unlink(path);
    assert_int_equal(mlscore_context_create(&context, &err), MLSCORE_OK);
    for (size_t i = 0; i < 12; i++) {
        assert_true(score_one(context, models[i % 3], (double)i) ==
                    1 + 2 * (double)i);
        assert_int_equal(mlscore_model_size(models[i % 3]), size);
    }
    for (size_t i = 0; i < 3; i++) {
        mlscore_model_close(models[i]);
    }
    /* A context may outlive the model that it was bound to last. */
    mlscore_context_free(context);
    mlscore_context_free(NULL);
    mlscore_model_close(NULL);
    free(unaligned);
    free(image);
}

static void what_is_no_image_is_refused(void **state)
{
    mlscore_model *model = (mlscore_model *)1;
    mlscore_error err;
    char path[] = "/tmp/mlscore-image-XXXXXX";
    const int fd = mkstemp(path);

    (void)state;
    assert_int_equal(mlscore_model_open_memory(&model, pmml, strlen(pmml),
                                               &err),
                     MLSCORE_EIMAGE);
    assert_null(model);
    assert_int_equal(mlscore_model_open(&model, "/nowhere/at/all", &err),
                     MLSCORE_EIO);
    assert_non_null(strstr(err.message, "/nowhere/at/all"));
    assert_int_equal(mlscore_model_open(&model, "/tmp", &err), MLSCORE_EIO);
    assert_int_equal(mlscore_model_open_fd(&model, fd, &err), MLSCORE_EIMAGE);
    assert_int_equal(mlscore_model_open_fd(&model, -1, &err), MLSCORE_EIO);
    close(fd);
    unlink(path);

    void *bytes;
    size_t size;
    build(&bytes, &size);
    assert_int_equal(mlscore_model_open_memory(&model, bytes, size, &err),
                     MLSCORE_EIMAGE);
    assert_non_null(strstr(err.message, "(99)"));
    free(bytes);
}

static void a_large_image_opens(void **state)
{
    const size_t large = (size_t)100 << 20;
    mlscore_image_builder *builder;
    mlscore_image image;
    void *bytes;
    void *section = calloc(1, large);
    size_t size;

    (void)state;
    assert_non_null(section);
    memset(section, 0x5A, large);
    mlscore_image_builder_create(&builder, (mlscore_engine_id)1, NULL);
    assert_int_equal(
        mlscore_image_builder_add(builder, 64, section, large, NULL),
        MLSCORE_OK);
    free(section);
    assert_int_equal(mlscore_image_builder_finish(builder, &bytes, &size,
                                                  NULL),
                     MLSCORE_OK);
    mlscore_image_builder_free(builder);
    const double start = seconds_now();
    assert_int_equal(mlscore_image_check(&image, bytes, size, NULL),
                     MLSCORE_OK);
    print_message("100 MB checked in %.1f ms\n",
                  (seconds_now() - start) * 1e3);
    /* Damage in the last page is found, too. */
    ((unsigned char *)bytes)[size - 1] ^= 1;
    assert_int_not_equal(mlscore_image_check(&image, bytes, size, NULL),
                         MLSCORE_OK);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_built_is_read),
        cmocka_unit_test(the_same_calls_give_the_same_bytes),
        cmocka_unit_test(many_levels_have_an_index),
        cmocka_unit_test(every_bit_is_under_the_checksum),
        cmocka_unit_test(every_truncated_image_is_refused),
        cmocka_unit_test(repaired_damage_is_refused_or_harmless),
        cmocka_unit_test(lies_in_the_section_table_are_refused),
        cmocka_unit_test(a_model_opens_from_file_descriptor_and_memory),
        cmocka_unit_test(what_is_no_image_is_refused),
        cmocka_unit_test(a_large_image_opens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
