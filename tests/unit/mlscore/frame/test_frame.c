/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: growing, missing cells, refused rows; levels by text. */

#include "unit/mlscore/support.h"

#include "base/arena.h"
#include "frame/levels.h"
#include "mlscore/frame.h"

static const mlscore_field fields[] = {
    {.name = "x", .name_length = 1, .type = MLSCORE_NUMERIC},
    {.name = "n", .name_length = 1, .type = MLSCORE_INTEGER},
    {.name = "b", .name_length = 1, .type = MLSCORE_LOGICAL},
    {.name = "s", .name_length = 1, .type = MLSCORE_CHARACTER},
};
static const mlscore_schema schema = {fields, 4, 0};

static mlscore_frame *new_frame(void)
{
    mlscore_frame *frame;

    assert_int_equal(mlscore_frame_create(&frame, &schema, NULL), MLSCORE_OK);
    return frame;
}

static void cells_survive_growing(void **state)
{
    mlscore_frame *frame = new_frame();

    (void)state;
    for (size_t row = 0; row < 5000; row++) {
        if (row >= frame->capacity) {
            assert_int_equal(mlscore_frame_reserve(frame, row * 2, NULL),
                             MLSCORE_OK);
        }
        frame->columns[0].values.numeric[row] = (double)row;
        frame->columns[1].values.integer[row] = -(int64_t)row;
        frame->columns[2].values.logical[row] = row % 2;
        frame->columns[3].values.character[row] =
            (mlscore_text){"t", 1, (int32_t)row};
        frame->columns[0].missing[row] = row % 3 == 0;
        frame->rows = row + 1;
    }
    for (size_t row = 0; row < 5000; row++) {
        assert_true(frame->columns[0].values.numeric[row] == (double)row);
        assert_true(frame->columns[1].values.integer[row] == -(int64_t)row);
        assert_int_equal(frame->columns[2].values.logical[row], row % 2);
        assert_int_equal(frame->columns[3].values.character[row].level, row);
        assert_int_equal(frame->columns[0].missing[row], row % 3 == 0);
    }
    mlscore_frame_free(frame);
}

static void no_rows_still_have_columns(void **state)
{
    mlscore_frame *frame = new_frame();

    (void)state;
    assert_int_equal(mlscore_frame_reserve(frame, 0, NULL), MLSCORE_OK);
    for (uint32_t i = 0; i < 4; i++) {
        assert_non_null(frame->columns[i].missing);
        assert_non_null(frame->columns[i].values.any);
    }
    mlscore_frame_free(frame);
    mlscore_frame_free(NULL);
}

static void sizes_that_overflow_are_refused(void **state)
{
    mlscore_frame *frame = new_frame();
    mlscore_error err;

    (void)state;
    assert_int_equal(mlscore_frame_reserve(frame, SIZE_MAX / 4, &err),
                     MLSCORE_ENOMEM);
    assert_int_equal(mlscore_frame_reserve(frame, 4, &err), MLSCORE_OK);
    mlscore_frame_free(frame);
}

static void a_missing_cell_has_its_neutral_value(void **state)
{
    mlscore_frame *frame = new_frame();

    (void)state;
    mlscore_frame_reserve(frame, 1, NULL);
    for (uint32_t i = 0; i < 4; i++) {
        mlscore_column_set_missing(&frame->columns[i], 0);
        assert_int_equal(frame->columns[i].missing[0], 1);
    }
    assert_true(isnan(frame->columns[0].values.numeric[0]));
    assert_int_equal(frame->columns[1].values.integer[0], 0);
    assert_int_equal(frame->columns[2].values.logical[0], 0);
    assert_int_equal(frame->columns[3].values.character[0].length, 0);
    assert_int_equal(frame->columns[3].values.character[0].level, -1);
    mlscore_frame_free(frame);
}

static void row_errors_ascend_and_keep_the_first_reason(void **state)
{
    static const size_t order[] = {5, 2, 9, 2, 0, 7, 5, 9, 1};
    static const size_t sorted[] = {0, 1, 2, 5, 7, 9};
    mlscore_frame *frame = new_frame();

    (void)state;
    mlscore_frame_reserve(frame, 10, NULL);
    frame->rows = 10;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        assert_int_equal(mlscore_frame_row_error(frame, order[i],
                                                 "reason %zu", i),
                         MLSCORE_OK);
    }
    assert_int_equal(frame->row_error_count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(frame->row_errors[i].row, sorted[i]);
        assert_int_equal(frame->columns[3].missing[sorted[i]], 1);
    }
    assert_string_equal(frame->row_errors[2].message, "reason 1");
    mlscore_frame_reset(frame);
    assert_int_equal(frame->row_error_count, 0);
    assert_int_equal(frame->rows, 0);
    mlscore_frame_free(frame);
}

static void fields_are_found_by_their_whole_name(void **state)
{
    static const mlscore_field similar[] = {
        {.name = "ab", .name_length = 2}, {.name = "a", .name_length = 1}};
    const mlscore_schema two = {similar, 2, 0};

    (void)state;
    assert_int_equal(mlscore_schema_find(&two, "a", 1), 1);
    assert_int_equal(mlscore_schema_find(&two, "abc", 2), 0);
    assert_int_equal(mlscore_schema_find(&two, "abc", 3), -1);
    assert_int_equal(mlscore_schema_find(&two, "", 0), -1);
}

static void levels_are_found_with_and_without_an_index(void **state)
{
    enum { COUNT = 5000 };
    static char names[COUNT][16];
    static mlscore_text levels[COUNT];
    mlscore_arena *arena = mlscore_arena_create();
    mlscore_field field = {.levels = levels, .level_count = COUNT};

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        /* Every text twice: the first of them is the one to find. */
        const int length = snprintf(names[i], 16, "level %d", i / 2);
        levels[i] = (mlscore_text){names[i], (uint32_t)length, i};
    }
    levels[COUNT - 1] = (mlscore_text){"", 0, COUNT - 1};
    for (int indexed = 0; indexed < 2; indexed++) {
        field.level_index =
            indexed ? mlscore_level_index_create(arena, levels, COUNT) : NULL;
        for (int i = 0; i < COUNT - 2; i += indexed ? 1 : 97) {
            assert_int_equal(
                mlscore_field_level(&field, names[i], levels[i].length),
                i / 2 * 2);
        }
        assert_int_equal(mlscore_field_level(&field, "", 0), COUNT - 1);
        assert_int_equal(mlscore_field_level(&field, "level", 5), -1);
        assert_int_equal(mlscore_field_level(&field, "level 9999", 10), -1);
    }
    mlscore_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_survive_growing),
        cmocka_unit_test(no_rows_still_have_columns),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(a_missing_cell_has_its_neutral_value),
        cmocka_unit_test(row_errors_ascend_and_keep_the_first_reason),
        cmocka_unit_test(fields_are_found_by_their_whole_name),
        cmocka_unit_test(levels_are_found_with_and_without_an_index),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
