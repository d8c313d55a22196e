/* SPDX-License-Identifier: Apache-2.0 */
/* Image files of the fuzz corpus: what is read, what is refused and why. */

#include "../support.h"

#include "picture/picture.h"

static char *read_picture(const char *name, size_t *size)
{
    char path[128];

    snprintf(path, sizeof(path), "tests/fuzz/corpus/fuzz_picture/%s", name);
    char *bytes = read_file(path, size);
    assert_non_null(bytes);
    return bytes;
}

/* Six by four pixels of (50 x, 80 y, 200), as near as a format keeps it. */
static const struct {
    const char *name;
    int near;  /* colours may be that far off */
    int alpha; /* 255 - 20 x, else 255 */
} read[] = {
    {"rgb.png", 0, 0}, {"rgba.png", 0, 1}, {"base.jpg", 6, 0},
    {"progressive.jpg", 90, 0}, {"colours.bmp", 0, 0}, {"palette.bmp", 60, 0},
    {"alpha.bmp", 0, 0},
};

static void test_every_format_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++) {
        size_t size = 0;
        mlscore_error err = {0};
        mlscore_picture picture;
        char *bytes = read_picture(read[i].name, &size);

        if (mlscore_picture_read(&picture, bytes, size, &err)) {
            fail_msg("%s: %s", read[i].name, err.message);
        }
        assert_int_equal(picture.width, 6);
        assert_int_equal(picture.height, 4);
        for (int p = 0; p < 24; p++) {
            const uint8_t *have = picture.pixels + p * 4;
            const int want[4] = {p % 6 * 50, p / 6 * 80, 200,
                                 read[i].alpha ? 255 - p % 6 * 20 : 255};

            for (int c = 0; c < 4; c++) {
                if (abs(have[c] - want[c]) > (c < 3 ? read[i].near : 0)) {
                    fail_msg("%s, pixel %d, colour %d: %d", read[i].name, p,
                             c, have[c]);
                }
            }
        }
        mlscore_picture_free(&picture);
        free(bytes);
    }
}

static const struct {
    const char *name;
    mlscore_status status;
    const char *says;
} refused[] = {
    {"cmyk.jpg", MLSCORE_EINPUT, "CMYK"},
    {"cut.jpg", MLSCORE_EINPUT, "JPEG image is damaged"},
    {"cut.png", MLSCORE_EINPUT, "PNG image is damaged"},
    {"huge.bmp", MLSCORE_ELIMIT, "60000 x 60000"},
};

static void test_the_rest_is_refused(void **state)
{
    mlscore_picture picture;
    mlscore_error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        size_t size = 0;
        char *bytes = read_picture(refused[i].name, &size);

        assert_int_equal(mlscore_picture_read(&picture, bytes, size, &err),
                         refused[i].status);
        if (!strstr(err.message, refused[i].says)) {
            fail_msg("%s: %s", refused[i].name, err.message);
        }
        free(bytes);
    }
    assert_int_equal(mlscore_picture_read(&picture, "GIF89a", 6, &err),
                     MLSCORE_EINPUT);
    assert_int_equal(mlscore_picture_read(&picture, "", 0, &err),
                     MLSCORE_EINPUT);
}

static void test_no_prefix_of_a_file_does_harm(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++) {
        size_t size = 0;
        char *bytes = read_picture(read[i].name, &size);

        for (size_t length = 0; length < size; length++) {
            mlscore_error err = {0};
            mlscore_picture picture;
            char *part = malloc(length ? length : 1); /* its end is watched */

            assert_non_null(part);
            memcpy(part, bytes, length);
            if (!mlscore_picture_read(&picture, part, length, &err)) {
                mlscore_picture_free(&picture);
            }
            else {
                assert_true(err.message[0] != 0);
            }
            free(part);
        }
        free(bytes);
    }
}

static void test_a_bmp_may_lie_top_down(void **state)
{
    size_t size = 0;
    mlscore_error err = {0};
    mlscore_picture up, down;
    char *bytes = read_picture("colours.bmp", &size);
    const int32_t height = -4;

    (void)state;
    assert_int_equal(mlscore_picture_read(&up, bytes, size, &err), 0);
    memcpy(bytes + 22, &height, 4);
    assert_int_equal(mlscore_picture_read(&down, bytes, size, &err), 0);
    assert_memory_equal(up.pixels, down.pixels + (size_t)3 * 6 * 4, 24);
    mlscore_picture_free(&up);
    mlscore_picture_free(&down);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_format_is_read),
        cmocka_unit_test(test_the_rest_is_refused),
        cmocka_unit_test(test_no_prefix_of_a_file_does_harm),
        cmocka_unit_test(test_a_bmp_may_lie_top_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
