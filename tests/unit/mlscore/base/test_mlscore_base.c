/* SPDX-License-Identifier: Apache-2.0 */
/* Memory, arenas, bytes, UTF-8, SHA-256, error messages. */

#include "unit/mlscore/support.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/bytes.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "mlscore/error.h"

/* ---- memory --------------------------------------------------------------- */

static void products_that_overflow_give_no_memory(void **state)
{
    (void)state;
    assert_null(mlscore_malloc_array(SIZE_MAX / 2, 3));
    assert_null(mlscore_realloc_array(NULL, SIZE_MAX, 2));
    assert_null(mlscore_malloc_aligned(SIZE_MAX - 3));
    assert_null(mlscore_strndup("x", SIZE_MAX));
}

static void nothing_is_something_that_can_be_freed(void **state)
{
    (void)state;
    void *blocks[] = {mlscore_malloc(0), mlscore_calloc(0, 8),
                      mlscore_calloc(8, 0), mlscore_malloc_array(0, 8),
                      mlscore_malloc_aligned(0)};

    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        assert_non_null(blocks[i]);
        mlscore_free(blocks[i]);
    }
    mlscore_free(NULL);
}

static void a_growing_array_keeps_its_elements(void **state)
{
    uint64_t *array = NULL;
    size_t capacity = 0;

    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(
            mlscore_grow(&array, &capacity, i, sizeof(*array)), 0);
        assert_true(capacity > i);
        array[i] = i * i;
    }
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(array[i], i * i);
    }
    mlscore_free(array);
}

static void an_arena_hands_out_separate_aligned_pieces(void **state)
{
    mlscore_arena *arena = mlscore_arena_create();
    unsigned char *pieces[200];

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 200; i++) {
            pieces[i] = mlscore_arena_alloc(arena, i * 37);
            assert_non_null(pieces[i]);
            assert_int_equal((uintptr_t)pieces[i] % 16, 0);
            memset(pieces[i], (int)i, i * 37);
        }
        for (size_t i = 0; i < 200; i++) {
            for (size_t j = 0; j < i * 37; j++) {
                assert_int_equal(pieces[i][j], i);
            }
        }
        mlscore_arena_reset(arena);
    }
    assert_null(mlscore_arena_alloc(arena, SIZE_MAX));
    assert_null(mlscore_arena_alloc(arena, SIZE_MAX - 64));
    assert_null(mlscore_arena_calloc(arena, SIZE_MAX / 4, 8));
    assert_null(mlscore_arena_copy(arena, "", SIZE_MAX));
    mlscore_arena_free(arena);
    mlscore_arena_free(NULL);
}

static void a_shrunk_piece_gives_its_end_back(void **state)
{
    mlscore_arena *arena = mlscore_arena_create();
    char *first = mlscore_arena_alloc(arena, 100);

    (void)state;
    mlscore_arena_shrink(arena, first, 5);
    char *second = mlscore_arena_copy(arena, "abc", 3);
    assert_ptr_equal(second, first + 5);
    assert_string_equal(second, "abc");
    mlscore_arena_free(arena);
}

/* ---- bytes ---------------------------------------------------------------- */

static void a_reader_never_passes_the_end(void **state)
{
    static const unsigned char bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    mlscore_reader reader = mlscore_reader_over(bytes, sizeof(bytes));

    (void)state;
    assert_int_equal(mlscore_reader_u16(&reader), 0x0201);
    assert_int_equal(mlscore_reader_u8(&reader), 3);
    assert_int_equal(mlscore_reader_u32(&reader), 0x07060504);
    assert_int_equal(mlscore_reader_left(&reader), 4);
    assert_int_equal(mlscore_reader_u64(&reader), 0);
    assert_true(reader.failed);
    assert_int_equal(mlscore_reader_u8(&reader), 0);
    assert_int_equal(mlscore_reader_left(&reader), 0);
}

static void ranges_are_checked_without_overflow(void **state)
{
    (void)state;
    assert_true(mlscore_range_inside(0, 10, 1, 10));
    assert_true(mlscore_range_inside(10, 0, 8, 10));
    assert_false(mlscore_range_inside(1, 10, 1, 10));
    assert_false(mlscore_range_inside(11, 0, 1, 10));
    assert_false(mlscore_range_inside(8, UINT64_MAX, 1, 10));
    assert_false(mlscore_range_inside(8, UINT64_MAX / 4, 8, 10));
}

static void numbers_are_stored_little_endian(void **state)
{
    mlscore_buffer buffer = {0};
    double d = -1.5;
    float f = 2.5f;

    (void)state;
    assert_int_equal(mlscore_put_u8(&buffer, 0xAB), MLSCORE_OK);
    assert_int_equal(mlscore_put_align(&buffer, 4), MLSCORE_OK);
    assert_int_equal(mlscore_put_u32(&buffer, 0x01020304), MLSCORE_OK);
    assert_int_equal(mlscore_put_double(&buffer, d), MLSCORE_OK);
    assert_int_equal(mlscore_put_float(&buffer, f), MLSCORE_OK);
    assert_int_equal(buffer.length, 20);
    assert_memory_equal(buffer.bytes, "\xAB\0\0\0\4\3\2\1", 8);
    mlscore_reader reader = mlscore_reader_over(buffer.bytes + 8, 12);
    assert_true(mlscore_reader_double(&reader) == d);
    assert_true(mlscore_reader_float(&reader) == f);
    mlscore_buffer_free(&buffer);
}

static void a_buffer_stops_at_its_maximum(void **state)
{
    mlscore_buffer buffer = {.maximum = 10};

    (void)state;
    assert_int_equal(mlscore_buffer_append(&buffer, "12345678", 8),
                     MLSCORE_OK);
    assert_int_equal(mlscore_buffer_append(&buffer, "abc", 3), MLSCORE_ELIMIT);
    assert_int_equal(buffer.length, 8);
    assert_int_equal(mlscore_buffer_append(&buffer, "90", 2), MLSCORE_OK);
    assert_memory_equal(buffer.bytes, "1234567890", 10);
    assert_int_equal(mlscore_buffer_reserve(&buffer, SIZE_MAX),
                     MLSCORE_ENOMEM);
    mlscore_buffer_free(&buffer);
}

/* ---- UTF-8 ---------------------------------------------------------------- */

static const struct {
    const char *name, *bytes;
    size_t valid; /* length of the valid prefix */
} texts[] = {
    {"ASCII", "plain", 5},
    {"two, three and four bytes", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9},
    {"first and last of each length",
     "\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF"
     "\xBF",
     18},
    {"overlong of two", "a\xC0\x80", 1},
    {"overlong of two, last", "a\xC1\xBF", 1},
    {"overlong of three", "ab\xE0\x9F\xBF", 2},
    {"overlong of four", "\xF0\x8F\xBF\xBF", 0},
    {"surrogate", "x\xED\xA0\x80", 1},
    {"last before the surrogates", "\xED\x9F\xBF", 3},
    {"above U+10FFFF", "\xF4\x90\x80\x80", 0},
    {"no such first byte", "abc\xF5\x80\x80\x80", 3},
    {"continuation alone", "abcd\x80", 4},
    {"cut short", "abc\xE2\x82", 3},
    {"cut by another", "abc\xE2\x82z", 3},
    {"Latin-1", "caf\xE9", 3},
};

static void utf8_is_told_from_what_is_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const size_t length = strlen(texts[i].bytes);
        /* At every distance from the blocks that are skipped at once. */
        for (size_t before = 0; before < 150; before++) {
            char text[256];
            memset(text, 'a', sizeof(text));
            memcpy(text + before, texts[i].bytes, length);
            const size_t found = mlscore_utf8_valid(text, before + length);
            if (found != before + texts[i].valid) {
                fail_msg("%s after %zu: %zu", texts[i].name, before, found);
            }
        }
    }
}

static void a_cut_leaves_whole_characters(void **state)
{
    (void)state;
    assert_int_equal(mlscore_utf8_cut("a\xE2\x82\xAC", 4, 9), 4);
    assert_int_equal(mlscore_utf8_cut("a\xE2\x82\xAC", 4, 3), 1);
    assert_int_equal(mlscore_utf8_cut("a\xE2\x82\xAC", 4, 1), 1);
    assert_int_equal(mlscore_utf8_cut("\xE2\x82\xAC", 3, 2), 0);
}

static void every_character_is_written_and_read(void **state)
{
    (void)state;
    for (uint32_t code = 1; code <= 0x10FFFF; code++) {
        char bytes[4];
        if (code >= 0xD800 && code <= 0xDFFF) {
            continue;
        }
        const size_t length = mlscore_utf8_put(bytes, code);
        assert_int_equal(mlscore_utf8_character(bytes, length), length);
        assert_int_equal(mlscore_utf8_character(bytes, length - 1), 0);
    }
}

/* ---- digests and messages ------------------------------------------------- */

static void sha256_gives_the_published_digests(void **state)
{
    /* FIPS 180-4's examples, and a million times "a". */
    static const struct {
        const char *text, *digest;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc",
         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char digest[MLSCORE_SHA256_HEX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mlscore_sha256_hex(digest, cases[i].text, strlen(cases[i].text));
        assert_string_equal(digest, cases[i].digest);
    }
    char *many = malloc(1000000);
    memset(many, 'a', 1000000);
    mlscore_sha256_hex(digest, many, 1000000);
    assert_string_equal(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a4972"
                                "00e046d39ccc7112cd0");
    free(many);
}

static void messages_are_one_line_of_whole_characters(void **state)
{
    mlscore_error err;
    char euros[2000] = "";

    (void)state;
    assert_int_equal(mlscore_error_set(&err, MLSCORE_EINPUT, "a\nb\tc\x7F%d",
                                       7),
                     MLSCORE_EINPUT);
    assert_string_equal(err.message, "a b c 7");
    for (size_t i = 0; i < 600; i++) {
        strcat(euros, "\xE2\x82\xAC");
    }
    for (size_t before = 0; before < 3; before++) {
        mlscore_error_at(&err, MLSCORE_ELIMIT, 5, 6, "%.*s%s", (int)before,
                         "xyz", euros);
        const size_t length = strlen(err.message);
        assert_true(length >= sizeof(err.message) - 4);
        assert_int_equal(mlscore_utf8_valid(err.message, length), length);
        assert_int_equal(err.offset, 5);
        assert_int_equal(err.line, 6);
    }
    /* A message may be made of the one that is there. */
    mlscore_error_set(&err, MLSCORE_EIO, "inner");
    mlscore_error_set(&err, MLSCORE_EFORMAT, "outer: %s", err.message);
    assert_string_equal(err.message, "outer: inner");
    assert_int_equal(mlscore_error_set(NULL, MLSCORE_EIO, "x"), MLSCORE_EIO);
    for (int i = MLSCORE_OK; i <= MLSCORE_EVERSION; i++) {
        assert_string_not_equal(mlscore_status_name((mlscore_status)i),
                                "unknown");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_that_overflow_give_no_memory),
        cmocka_unit_test(nothing_is_something_that_can_be_freed),
        cmocka_unit_test(a_growing_array_keeps_its_elements),
        cmocka_unit_test(an_arena_hands_out_separate_aligned_pieces),
        cmocka_unit_test(a_shrunk_piece_gives_its_end_back),
        cmocka_unit_test(a_reader_never_passes_the_end),
        cmocka_unit_test(ranges_are_checked_without_overflow),
        cmocka_unit_test(numbers_are_stored_little_endian),
        cmocka_unit_test(a_buffer_stops_at_its_maximum),
        cmocka_unit_test(utf8_is_told_from_what_is_not),
        cmocka_unit_test(a_cut_leaves_whole_characters),
        cmocka_unit_test(every_character_is_written_and_read),
        cmocka_unit_test(sha256_gives_the_published_digests),
        cmocka_unit_test(messages_are_one_line_of_whole_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
