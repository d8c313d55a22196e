/* SPDX-License-Identifier: Apache-2.0 */
/* What ONNX models take, give and answer; what is refused, and how. */

#include "onnx_support.h"

/* Answers by hand, or where that is long by ONNX Runtime. */
static const struct {
    const char *name, *model, *rows, *answers;
} cases[] = {
    {"maps become columns named by their keys", "trees",
     "x0,x1\n1,2\n-3,5\n,1\n",
     "label,maps[red],maps[green],maps[blue]\n"
     "green,0.13274212,0.7638782,0.103379674\n"
     "blue,0.33149895,0.121951655,0.5465494\n"
     "red,0.635724,0.18213798,0.18213798\n"},
    {"a matrix takes columns by position", "trees",
     "height,weight\n1,2\n",
     "label,maps[red],maps[green],maps[blue]\n"
     "green,0.13274212,0.7638782,0.103379674\n"},
    {"columns by name, in any order", "columns",
     "city,income,age\nOslo,2000,50\nRome,,\nParis,1000,40\n",
     "y\n6.5\n4.5\n0.5\n"},
    {"texts to n-grams", "texts",
     "text\nVery good\nbad\nvery x GOOD\n",
     "\"y[0]\",y[1],y[2]\n0.70710677,0,0.70710677\n0,1,0\n"
     "0.70710677,0,0.70710677\n"},
    {"Scan, Loop and If see the whole batch", "control",
     "x0,x1\n1,2\n-3,0.5\n",
     "y[0],y[1]\n16,32\n-32,40\n"},
    {"a map takes a column a key, 0 where there is none", "dictionaries",
     "2,height,1,width,0\n5,2,4,1,3\n,,4,1,\n", "y\n54321.5\n4001.5\n"},
    {"encoders, norms and labels", "encoders_ml",
     "word,x0,x1\nyes,1,2\nno,.25,-1\nmaybe,0,0\n",
     "over[0],over[1],over[2],most[0],most[1],most[2],share,back\n"
     "1,1,1,0.5,0.5,1,0.5,YES\n0,0,0,0,1,-4,-0.8,NO\n"
     "0,0,0,-1,0,0,0,?\n"},
    {"linear, support vectors, a forest of averages", "classifiers",
     "x0,x1\n1,2\n-1,.5\n0,0\n",
     "label,p[0],p[1],p[2],side,v[0],v[1],m\n"
     "c,0.01206768,0.09854674,0.8893855,3,0.55139333,0.4486066,3\n"
     "c,0.04796436,0.16327867,0.788757,5,0.19366045,0.8063396,3\n"
     "b,0.34200877,0.37797815,0.28001308,3,0.6385824,0.36141768,5\n"},
    {"recurrent, quantised, sums of products, a grid", "layers",
     "x0,x1,x2,x3,x4,x5\n1,2,3,-1,.5,0\n-1,0,.25,1,2,2\n",
     "h[0],h[1],gru,sums[0],sums[1],d[0],d[1],e[0],e[1],y[0],y[1]\n"
     "0.04771502,-0.27363935,0.42019999,-76,-118,0.05,-0.27,"
     "-2.9278746,-2.6379573,0.875,0.5\n"
     "-0.08908815,-0.05546848,-0.03086656,-27,-6,-0.09,-0.06,"
     "2.6610117,-1.0704248,0.28125,2\n"},
    {"If takes the other branch", "control",
     "x0,x1\n1,3\n", "y[0],y[1]\n-16,-48\n"},
    {"functions are inlined, attributes passed or defaulted", "functions",
     "x0,x1,x2\n-2,0,0.5\n",
     "y[0],y[1],y[2]\n-0.007615769371659741,0,0.4318082250259405\n"},
    {"whole numbers, halves, ones of the batch's shape", "encoders",
     "k\n1\n3\n9\n", "y,z\n2,0.72119886\n6,0.11466844\n-1,0.38533154\n"},
};

/* Column names need no quotes: take them out of what is expected. */
static void unquote(char *text)
{
    char *to = text;

    for (const char *from = text; *from; from++) {
        if (*from != '"') {
            *to++ = *from;
        }
    }
    *to = '\0';
}

/* The same cells, numbers within float rounding. */
static int same_answers(const char *a, const char *b)
{
    while (*a && *b) {
        char *end_a, *end_b;
        const double x = strtod(a, &end_a), y = strtod(b, &end_b);

        if (end_a != a && end_b != b) {
            if (fabs(x - y) > 1e-6 + 1e-5 * fabs(x)) {
                return 0;
            }
            a = end_a;
            b = end_b;
        }
        else if (*a++ != *b++) {
            return 0;
        }
    }
    return *a == *b;
}

static void test_models_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char want[2048];
        char *have = score_corpus(cases[i].model, cases[i].rows, NULL);

        snprintf(want, sizeof(want), "%s", cases[i].answers);
        unquote(want);
        if (!same_answers(want, have)) {
            fail_msg("%s:\n%s\nnot\n%s", cases[i].name, have, want);
        }
        free(have);
    }
}

static const struct {
    const char *model;
    mlscore_status status;
    const char *says; /* a part of the message */
} refused[] = {
    {"refused_outside", MLSCORE_EUNSUPPORTED, "keeps its data in another"},
    {"refused_old", MLSCORE_EUNSUPPORTED, "IR version 2"},
    {"refused_newer", MLSCORE_EUNSUPPORTED, "operator set 99"},
    {"refused_unknown", MLSCORE_EUNSUPPORTED,
     "node 'odd' (Frobnicate, operator set 17)"},
    {"refused_attribute", MLSCORE_EUNSUPPORTED, "'sharpness'"},
    {"refused_rows", MLSCORE_EUNSUPPORTED, "exactly 3 rows"},
    {"refused_wide", MLSCORE_EUNSUPPORTED, "how large dimension 1 is"},
    {"refused_shapes", MLSCORE_EFORMAT, "cannot be multiplied"},
    {"refused_image", MLSCORE_EUNSUPPORTED, "'y' is an image"},
    {"refused_nowhere", MLSCORE_EFORMAT, "uses 'gone'"},
};

static void test_refusals_name_the_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        size_t size = 0, image_size;
        mlscore_error err = {0};
        char *bytes = read_corpus(refused[i].model, &size);

        assert_null(compile(bytes, size, &image_size, NULL, &err));
        if (err.status != refused[i].status ||
            !strstr(err.message, refused[i].says)) {
            fail_msg("%s: status %d, %s", refused[i].model, err.status,
                     err.message);
        }
        free(bytes);
    }
}

static void test_the_manifest_names_columns(void **state)
{
    static const mlscore_field fields[2] = {
        {.name = "height", .name_length = 6, .type = MLSCORE_NUMERIC},
        {.name = "tall", .name_length = 4, .type = MLSCORE_LOGICAL},
    };
    static const mlscore_schema schema = {.fields = fields, .field_count = 2};
    static const char *const from[] = {"label"}, *const to[] = {"colour"};
    const mlscore_import_hints hints = {.inputs = &schema, .map_from = from,
                                        .map_to = to, .map_count = 1};
    char *have = score_corpus("trees", "tall,height\ntrue,1\n", &hints);

    (void)state;
    if (!strstr(have, "colour,maps[red]") || !strstr(have, "\ngreen,0.132")) {
        fail_msg("%s", have);
    }
    free(have);
}

static void test_a_missing_whole_number_is_a_row_error(void **state)
{
    char *have = score_corpus("encoders", "k\n1\n\n3\n", NULL);

    (void)state;
    assert_non_null(strstr(have, "\n,\n"));
    free(have);
}

static void test_blocks_of_rows_give_what_single_rows_give(void **state)
{
    enum { ROWS = 300 };
    static char csv[ROWS * 32 + 16];
    char *single = NULL;
    size_t at = (size_t)sprintf(csv, "x0,x1\n");

    (void)state;
    for (int i = 0; i < ROWS; i++) {
        at += (size_t)sprintf(csv + at, "%d,%d\n", i % 7 - 3, i % 5);
    }
    char *all = score_corpus("trees", csv, NULL);
    const char *line = strchr(all, '\n') + 1;
    for (int i = 0; i < ROWS; i++) {
        char row[64];
        const char *end = strchr(line, '\n') + 1;

        snprintf(row, sizeof(row), "x0,x1\n%d,%d\n", i % 7 - 3, i % 5);
        if (i < 35) { /* all combinations */
            single = score_corpus("trees", row, NULL);
            assert_memory_equal(strchr(single, '\n') + 1, line,
                                (size_t)(end - line));
            free(single);
        }
        line = end;
    }
    free(all);
}

static void test_compiling_twice_gives_the_same_bytes(void **state)
{
    static const char *const models[] = {"trees", "columns", "texts",
                                         "pictures", "control", "functions"};

    (void)state;
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        size_t size = 0, first_size, second_size;
        char *bytes = read_corpus(models[i], &size);
        void *first = compile(bytes, size, &first_size, NULL, NULL);
        void *second = compile(bytes, size, &second_size, NULL, NULL);

        assert_int_equal(first_size, second_size);
        assert_memory_equal(first, second, first_size);
        free(first);
        free(second);
        free(bytes);
    }
}

static void test_sniffing_needs_a_graph(void **state)
{
    size_t size = 0;
    char *bytes = read_corpus("trees", &size);

    (void)state;
    assert_true(mlscore_importer_onnx.sniff((unsigned char *)bytes, size) >
                50);
    assert_int_equal(mlscore_importer_onnx.sniff((unsigned char *)bytes, 2), 0);
    assert_int_equal(
        mlscore_importer_onnx.sniff((const unsigned char *)"<PMML/>", 7), 0);
    assert_int_equal(mlscore_importer_onnx.sniff((unsigned char *)"", 0), 0);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models_answer),
        cmocka_unit_test(test_refusals_name_the_reason),
        cmocka_unit_test(test_the_manifest_names_columns),
        cmocka_unit_test(test_a_missing_whole_number_is_a_row_error),
        cmocka_unit_test(test_blocks_of_rows_give_what_single_rows_give),
        cmocka_unit_test(test_compiling_twice_gives_the_same_bytes),
        cmocka_unit_test(test_sniffing_needs_a_graph),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
