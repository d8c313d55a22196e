/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The XGBoost importer on models small enough to compute by hand.
 */

#include "booster_support.h"

/* One tree: f0 < 1 ? (f1 in {0, 2} goes right) : 3; missing f0 goes right. */
#define TREE                                                                  \
    "{\"left_children\":[1,3,-1,-1,-1],\"right_children\":[2,4,-1,-1,-1],"    \
    "\"split_indices\":[0,1,0,0,0],"                                          \
    "\"split_conditions\":[1,1e-45,3,0.25,-0.5],"                             \
    "\"default_left\":[0,1,0,0,0],\"split_type\":[0,1,0,0,0],"                \
    "\"categories\":[0,2],\"categories_nodes\":[1],"                          \
    "\"categories_segments\":[0],\"categories_sizes\":[2],"                   \
    "\"tree_param\":{\"size_leaf_vector\":\"1\",\"num_nodes\":\"5\"}}"

#define MODEL(objective, base, outputs, tree_info, trees, booster)            \
    "{\"learner\":{\"feature_names\":[\"a\",\"b\"],"                          \
    "\"gradient_booster\":" booster ","                                       \
    "\"learner_model_param\":{\"base_score\":\"" base "\","                   \
    "\"num_class\":\"" outputs "\",\"num_feature\":\"2\"},"                   \
    "\"objective\":{\"name\":\"" objective "\"}},\"version\":[3,2,0]}"

#define GBTREE(tree_info, trees)                                              \
    "{\"model\":{\"tree_info\":" tree_info ",\"trees\":[" trees               \
    "]},\"name\":\"gbtree\"}"

#define SIMPLE(objective, base)                                               \
    MODEL(objective, base, "0", , , GBTREE("[0]", TREE))

static const struct {
    const char *name, *model, *rows, *expected;
} scored[] = {
    {"splits, categories, missing", SIMPLE("reg:squarederror", "0"),
     "a,b\n0,0\n0,1\n0,2\n0,\n0,-1\n0,9\n1,0\n,0\n",
     "prediction,margin\n-0.5,-0.5\n0.25,0.25\n-0.5,-0.5\n0.25,0.25\n"
     "0.25,0.25\n0.25,0.25\n3,3\n3,3\n"},
    {"a base score in a list", SIMPLE("reg:squarederror", "[5E-1]"),
     "a,b\n1,0\n", "prediction,margin\n3.5,3.5\n"},
    {"hinge", SIMPLE("binary:hinge", "0"), "a,b\n1,0\n0,0\n",
     "prediction,margin\n1,3\n0,-0.5\n"},
    {"logistic: base score 0.5 is margin 0", SIMPLE("binary:logistic", "0.5"),
     "a,b\n1,0\n", "prediction,margin\n0.95257413,3\n"},
    {"poisson: base score 1 is margin 0", SIMPLE("count:poisson", "1"),
     "a,b\n0,1\n", "prediction,margin\n1.2840254,0.25\n"},
    {"softmax gives the class",
     MODEL("multi:softmax", "0", "3", , , GBTREE("[1]", TREE)),
     "a,b\n1,0\n0,0\n", "prediction,margin[0],margin[1],margin[2]\n"
     "1,0,3,0\n0,0,-0.5,0\n"},
    {"dart weighs",
     MODEL("reg:squarederror", "0", "0", , ,
           "{\"gbtree\":" GBTREE("[0]", TREE)
           ",\"name\":\"dart\",\"weight_drop\":[0.5]}"),
     "a,b\n1,0\n", "prediction,margin\n1.5,1.5\n"},
    {"gblinear",
     MODEL("reg:squarederror", "1", "0", , ,
           "{\"model\":{\"weights\":[2,-3,0.5]},\"name\":\"gblinear\"}"),
     "a,b\n1,2\n,2\n", "prediction,margin\n-2.5,-2.5\n-4.5,-4.5\n"},
};

static void test_small_models_score_as_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(scored) / sizeof(*scored); i++) {
        char *answer = score_csv(&mlscore_importer_xgboost_json,
                                 scored[i].model, scored[i].rows);

        if (strcmp(answer, scored[i].expected) != 0) {
            fail_msg("%s:\n%s\nnot\n%s", scored[i].name, answer,
                     scored[i].expected);
        }
        free(answer);
    }
}

static void test_an_unknown_category_is_an_error_of_its_row(void **state)
{
    static const char model[] = MODEL(
        "reg:squarederror", "0", "0", , ,
        "{\"model\":{\"cats\":{\"enc\":[{\"offsets\":[],\"values\":[]},"
        "{\"offsets\":[0,1,3,4],\"values\":[120,121,121,122]}]},"
        "\"tree_info\":[0],\"trees\":[" TREE "]},\"name\":\"gbtree\"}");

    (void)state;
    char *answer = score_csv(&mlscore_importer_xgboost_json, model,
                             "a,b\n0,x\n0,yy\n0,q\n0,\n");

    assert_string_equal(answer,
                        "prediction,margin\n-0.5,-0.5\n0.25,0.25\n,\n"
                        "0.25,0.25\ncolumn \"b\": \"q\" is not one of the 3 "
                        "categories that the model was trained with");
    free(answer);
}

#define TREE_WITH(what, with)                                                 \
    "{\"left_children\":[1,-1,-1],\"right_children\":[2,-1,-1],"              \
    "\"split_indices\":[0,0,0],\"split_conditions\":[1,2,3],"                 \
    "\"default_left\":[0,0,0],\"" what "\":" with ",\"x\":0}"
#define BAD_TREE(what, with)                                                  \
    MODEL("reg:squarederror", "0", "0", , ,                                   \
          GBTREE("[0]", TREE_WITH(what, with)))

static const struct {
    const char *name, *model, *part;
} refused[] = {
    {"not an object", "[]", "an object is expected"},
    {"cut off", "{\"learner\":{", "the file ends"},
    {"no booster", "{\"learner\":{}}", "no learner"},
    {"an unknown booster",
     MODEL("reg:squarederror", "0", "0", , , "{\"name\":\"gbforest\"}"),
     "\"gbforest\" is not supported"},
    {"an unknown objective", SIMPLE("reg:wonder", "0"), "reg:wonder"},
    {"no base score", SIMPLE("reg:squarederror", ""), "0 base scores"},
    {"a bad base score", SIMPLE("reg:squarederror", "[x]"), "base_score"},
    {"an output outside",
     MODEL("reg:squarederror", "0", "0", , , GBTREE("[1]", TREE)),
     "tree_info"},
    {"fewer outputs than trees",
     MODEL("reg:squarederror", "0", "0", , , GBTREE("[0]", TREE "," TREE)),
     "fewer elements"},
    {"a child outside", BAD_TREE("left_children", "[3,-1,-1]"), "child 3"},
    {"a loop", BAD_TREE("left_children", "[0,-1,-1]"), "two parents"},
    {"arrays that differ", BAD_TREE("right_children", "[2,-1]"),
     "\"right_children\" has 2 elements"},
    {"a feature outside", BAD_TREE("split_indices", "[2,0,0]"), "feature 2"},
    {"half a child", BAD_TREE("left_children", "[1.5,-1,-1]"), "whole number"},
    {"text among numbers", BAD_TREE("split_conditions", "[\"a\"]"),
     "a number is expected"},
    {"categories that are missing", BAD_TREE("split_type", "[1,0,0]"),
     "no categories"},
    {"weights that are missing",
     MODEL("reg:squarederror", "1", "0", , ,
           "{\"model\":{\"weights\":[2,-3]},\"name\":\"gblinear\"}"),
     "2 weights"},
    {"a learner that is a list", "{\"learner\":[1]}",
     "\"learner\" should be an object, not an array"},
    {"a comma too many", "{\"learner\":{\"attributes\":1,}}",
     "a key in quotes is expected"},
};

static void test_broken_models_are_refused_with_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        check_refused(&mlscore_importer_xgboost_json, refused[i].name,
                      refused[i].model, strlen(refused[i].model),
                      refused[i].part);
    }
}

static void test_every_truncation_is_refused(void **state)
{
    static const char model[] = SIMPLE("reg:squarederror", "0");
    const size_t size = strlen(model);

    (void)state;
    for (size_t cut = 0; cut < size; cut++) {
        /* Exactly as large, so that a read past the end is seen. */
        char *part = malloc(cut + 1);
        mlscore_error err;
        void *image;

        memcpy(part, model, cut);
        assert_null(import_model(&mlscore_importer_xgboost_json, part, cut,
                                 &image, &err));
        assert_true(err.message[0] != 0);
        free(part);
    }
}

static void test_files_are_recognised(void **state)
{
    static const char json[] = " {\"version\":[3,2,0],\"learner\":{}}";
    static const char other[] = "{\"inputs\":[]}";
    static const unsigned char ubj[] = "{L\0\0\0\0\0\0\0\7learner{}}";

    (void)state;
    assert_true(mlscore_importer_xgboost_json.sniff((const void *)json,
                                                    sizeof(json) - 1) > 0);
    assert_int_equal(mlscore_importer_xgboost_json.sniff(
                         (const void *)other, sizeof(other) - 1), 0);
    assert_true(mlscore_importer_xgboost_ubj.sniff(ubj, sizeof(ubj) - 1) > 0);
    assert_int_equal(mlscore_importer_xgboost_ubj.sniff((const void *)json,
                                                        sizeof(json) - 1),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_models_score_as_by_hand),
        cmocka_unit_test(test_an_unknown_category_is_an_error_of_its_row),
        cmocka_unit_test(test_broken_models_are_refused_with_a_reason),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_files_are_recognised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
