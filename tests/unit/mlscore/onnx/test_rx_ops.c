/* SPDX-License-Identifier: Apache-2.0 */
/* The operators of our own domain, by models of the corpus. The hashes are
 * those that the documentation of categorical_hash prints, and for the rest
 * those of a few lines of Python. */

#include "onnx_support.h"

#include "kernel/murmur.h"

/* The start of an answer's line. */
static void assert_line(const char *answer, int line, const char *want)
{
    while (line-- > 0) {
        answer = strchr(answer, '\n');
        assert_non_null(answer);
        answer++;
    }
    if (strncmp(answer, want, strlen(want))) {
        fail_msg("%.200s\nnot\n%s", answer, want);
    }
}

static const struct {
    const char *text; /* the quoted cell */
    const char *answer;
} hashes[] = {
    /* index 1783 and 38537, keys count from 1 */
    {"I hate it", "1784,0,0,1,0,1,1,1,2,1,0,0,0,"},
    {"I love it", "38538,0,0,1,0,1,2,0,1,1,1,0,0,"},
    {"\"  I love it \"", "38538,0,0,1,0,1,2,0,1,1,1,0,0,"},
    {"\"\"", "0,0,0,0,0,0,0,0,0,0,0,0,0,"},
    {"stra\xc3\x9f" "e \xf0\x9f\x99\x82",
     "51043,0,0,1,0,0,0,0,0,0,1,1,1,"},
};

static void test_hashes_of_texts_and_grams(void **state)
{
    char rows[512] = "review\n";

    (void)state;
    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        strcat(rows, hashes[i].text);
        strcat(rows, "\n");
    }
    char *have = score_corpus("hashes", rows, NULL);
    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        assert_line(have, (int)i + 1, hashes[i].answer);
    }
    free(have);
}

static void test_the_standard_hash(void **state)
{
    /* Published test values of MurmurHash3_x86_32. */
    static const struct {
        const char *text;
        uint32_t seed, hash;
    } known[] = {
        {"", 0, 0}, {"", 1, 0x514e28b7}, {"", 0xffffffff, 0x81f16f39},
        {"test", 0, 0xba6bd213}, {"test", 0x9747b28c, 0x704b81dc},
        {"Hello, world!", 0, 0xc0363e43},
        {"The quick brown fox jumps over the lazy dog", 0, 0x2e4ff723},
        {"aaa", 0x9747b28c, 0x283e0130}, {"aa", 0x9747b28c, 0x5d211726},
        {"a", 0x9747b28c, 0x7fa09ea6},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        assert_int_equal(mlscore_murmur3(known[i].seed, known[i].text,
                                         strlen(known[i].text)),
                         known[i].hash);
    }
}

static const struct {
    const char *text, *answer;
} cleaned[] = {
    {"Tr\xc3\xa8s bon CAF\xc3\x89! it is good",
     "tres bon cafe it is good,1,1,0,"},
    {"The 2 good cafe", "the  good cafe,1,1,1,"},
    {"no words here", "no words here,0,0,0,0.5"},
};

static void test_texts_are_cleaned(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cleaned) / sizeof(cleaned[0]); i++) {
        char rows[256];

        snprintf(rows, sizeof(rows), "text\n%s\n", cleaned[i].text);
        char *have = score_corpus("cleaning", rows, NULL);
        assert_line(have, 1, cleaned[i].answer);
        free(have);
    }
}

static double mood(const char *text)
{
    char rows[256];

    snprintf(rows, sizeof(rows), "text\n%s\n", text);
    char *have = score_corpus("cleaning", rows, NULL);
    const double score = atof(strrchr(have, ',') + 1);
    free(have);
    return score;
}

static void test_sentiment_follows_the_rules(void **state)
{
    (void)state;
    /* s / sqrt(s * s + 15), moved to 0..1 */
    assert_true(fabs(mood("it is good") -
                     (1.9 / sqrt(1.9 * 1.9 + 15) + 1) / 2) < 1e-6);
    assert_true(mood("it is very good") > mood("it is good"));
    assert_true(mood("it is GOOD") > mood("it is good"));
    assert_true(mood("it is good!!") > mood("it is good!"));
    assert_true(mood("it is slightly good") < mood("it is good"));
    assert_true(mood("it is not good") < 0.5);
    assert_true(mood("I don't like it") < 0.5);
    assert_true(mood("I hate it") < mood("I do not like it"));
    assert_true(mood("I like it but I hate it") < 0.5);
    assert_true(mood("I hate it but I like it :-)") > mood("I hate it"));
    assert_true(mood(":-)") > 0.5);
}

/* Six by four pixels: red grows by 50 to the right, blue is 200. */
static const char picture[] =
    "iVBORw0KGgoAAAANSUhEUgAAAAYAAAAECAIAAAAiZtkUAAAAGElEQVR4nGNkYDhh"
    "xMCAjFgYAhjQAHFCAJ2cAsBNap+UAAAAAElFTkSuQmCC";

static void test_pixels_of_images(void **state)
{
    char rows[1024];

    (void)state;
    /* Stretched: B, R of each pixel; padded: planes of A, R, B, black below;
     * cropped: planes of R, B. Each (byte - 1) / 2. */
    snprintf(rows, sizeof(rows), "image\n%s\n\"data:image/png;base64,%s\"\n",
             picture, picture);
    char *have = score_corpus("images", rows, NULL);
    for (int line = 1; line < 3; line++) {
        assert_line(have, line,
                    "24.5,99.5,99.5,99.5,24.5,99.5,99.5,99.5,"
                    "127,127,127,127,24.5,99.5,-0.5,-0.5,99.5,99.5,-0.5,-0.5,"
                    "12,62,12,62,99.5,99.5,99.5,99.5\n");
    }
    free(have);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes_of_texts_and_grams),
        cmocka_unit_test(test_the_standard_hash),
        cmocka_unit_test(test_texts_are_cleaned),
        cmocka_unit_test(test_sentiment_follows_the_rules),
        cmocka_unit_test(test_pixels_of_images),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
