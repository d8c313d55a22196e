/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The LightGBM importer on models small enough to compute by hand.
 */

#include "booster_support.h"

#define HEADER(objective, outputs, more)                                      \
    "tree\nversion=v4\nnum_class=" outputs                                    \
    "\nnum_tree_per_iteration=" outputs                                       \
    "\nlabel_index=0\nmax_feature_idx=1\n" objective more                     \
    "feature_names=a b\nfeature_infos=[0:9] 0:1:2\n\n"
/* a <= 1.5 (`decision` says how missing goes) ? (b in {0, 2} ? 1 : 2) : 4 */
#define TREE(decision)                                                        \
    "Tree=0\nnum_leaves=3\nnum_cat=1\nsplit_feature=0 1\n"                    \
    "threshold=1.5 0\ndecision_type=" decision " 1\nleft_child=1 -1\n"        \
    "right_child=-3 -2\nleaf_value=1 2 4\ncat_boundaries=0 1\n"               \
    "cat_threshold=5\nis_linear=0\nshrinkage=1\n\n\n"
#define END "end of trees\n\nparameters:\nend of parameters\n\n"
#define REGRESSION "objective=regression\n"

static const struct {
    const char *name, *model, *rows, *expected;
} scored[] = {
    {"missing counts as zero",
     HEADER(REGRESSION, "1", "") TREE("2") END "pandas_categorical:null\n",
     "a,b\n1,0\n1,1\n1,2\n2,0\n,0\n1,\n1,-1\n1,99\n",
     "prediction,raw_score\n1,1\n2,2\n1,1\n4,4\n1,1\n2,2\n2,2\n2,2\n"},
    {"missing goes right", HEADER(REGRESSION, "1", "") TREE("8") END,
     "a,b\n,0\n0,0\n", "prediction,raw_score\n4,4\n1,1\n"},
    {"missing goes left", HEADER(REGRESSION, "1", "") TREE("10") END,
     "a,b\n,0\n9,0\n", "prediction,raw_score\n1,1\n4,4\n"},
    {"zero is missing and goes right",
     HEADER(REGRESSION, "1", "") TREE("4") END,
     "a,b\n0,0\n1e-36,0\n1e-34,0\n,0\n",
     "prediction,raw_score\n4,4\n4,4\n1,1\n4,4\n"},
    {"square root", HEADER("objective=regression sqrt\n", "1", "") TREE("2")
     END, "a,b\n2,0\n", "prediction,raw_score\n16,4\n"},
    {"binary", HEADER("objective=binary sigmoid:2\n", "1", "") TREE("2") END,
     "a,b\n1,0\n", "prediction,raw_score\n0.8807970779778823,1\n"},
    {"average", HEADER(REGRESSION, "1", "average_output\n") TREE("2")
     TREE("2") END, "a,b\n2,0\n", "prediction,raw_score\n4,8\n"},
    {"no objective", HEADER("", "1", "") TREE("2") END, "a,b\n2,0\n",
     "prediction,raw_score\n4,4\n"},
    {"one leaf", HEADER(REGRESSION, "1", "")
     "Tree=0\nnum_leaves=1\nnum_cat=0\nleaf_value=0.5\n\n" END, "a,b\n2,0\n",
     "prediction,raw_score\n0.5,0.5\n"},
    {"two outputs", HEADER("objective=multiclassova num_class:2 sigmoid:1\n",
                           "2", "") TREE("2") TREE("2") END,
     "a,b\n1,0\n", "prediction[0],prediction[1],raw_score[0],raw_score[1]\n"
     "0.7310585786300049,0.7310585786300049,1,1\n"},
    {"linear leaves", HEADER(REGRESSION, "1", "")
     "Tree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nthreshold=1\n"
     "decision_type=2\nleft_child=-1\nright_child=-2\nleaf_value=7 8\n"
     "is_linear=1\nleaf_const=0.5 1\nnum_features=2 0\nleaf_features=0 1  \n"
     "leaf_coeff=2 -1  \n\n" END,
     "a,b\n1,2\n1,\n2,2\n", "prediction,raw_score\n0.5,0.5\n7,7\n1,1\n"},
    {"categories by name", HEADER(REGRESSION, "1", "") TREE("2")
     "end of trees\n\nparameters:\n[categorical_feature: 1]\n"
     "end of parameters\n\npandas_categorical:[[\"x\", \"y\", \"z\"]]\n",
     "a,b\n1,x\n1,y\n1,z\n1,q\n1,\n",
     "prediction,raw_score\n1,1\n2,2\n1,1\n2,2\n2,2\n"},
    {"categories by number", HEADER(REGRESSION, "1", "") TREE("2") END
     "pandas_categorical:[[30, 20, 10]]\n", "a,b\n1,30\n1,20\n1,10\n1,0\n",
     "prediction,raw_score\n1,1\n2,2\n1,1\n2,2\n"},
};

static void test_small_models_score_as_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(scored) / sizeof(*scored); i++) {
        char *answer = score_csv(&mlscore_importer_lightgbm, scored[i].model,
                                 scored[i].rows);

        if (strcmp(answer, scored[i].expected) != 0) {
            fail_msg("%s:\n%s\nnot\n%s", scored[i].name, answer,
                     scored[i].expected);
        }
        free(answer);
    }
}

#define STUMP(left, right, more)                                              \
    HEADER(REGRESSION, "1", "")                                               \
    "Tree=0\nnum_leaves=2\nsplit_feature=0\nthreshold=1\ndecision_type=2\n"   \
    "left_child=" left "\nright_child=" right "\nleaf_value=1 2\n" more "\n"  \
    END

static const struct {
    const char *name, *model, *part;
} refused[] = {
    {"another version", "tree\nversion=v9\n", "v9"},
    {"no version", "tree\nnum_class=1\n", "no version"},
    {"no names", "tree\nversion=v4\nnum_tree_per_iteration=1\n", "lacks"},
    {"too few names",
     "tree\nversion=v4\nnum_tree_per_iteration=1\nmax_feature_idx=1000000\n"
     "feature_names=a b\n", "fewer feature_names"},
    {"an unknown objective", HEADER("objective=wonder\n", "1", "") END,
     "\"wonder\" is not known"},
    {"a child outside", STUMP("5", "-2", ""), "left_child"},
    {"a leaf outside", STUMP("-1", "-3", ""), "right_child"},
    {"a leaf twice", STUMP("-1", "-1", ""), "two parents"},
    {"a loop", STUMP("0", "-1", ""), "two parents"},
    {"values that are missing", STUMP("-1", "-2", "leaf_value=1\n"),
     "\"leaf_value\" has 1"},
    {"words among numbers", STUMP("-1", "-2", "threshold=1x\n"),
     "should be numbers"},
    {"a feature outside", STUMP("-1", "-2", "split_feature=2\n"),
     "split_feature"},
    {"categories that are missing", STUMP("-1", "-2", "decision_type=1\n"),
     "categories are not there"},
    {"half an iteration",
     HEADER("objective=multiclass num_class:2\n", "2", "") TREE("2") END,
     "not a multiple"},
};

static void test_broken_models_are_refused_with_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        check_refused(&mlscore_importer_lightgbm, refused[i].name,
                      refused[i].model, strlen(refused[i].model),
                      refused[i].part);
    }
}

static void test_truncations_never_read_past_the_end(void **state)
{
    static const char model[] = HEADER(REGRESSION, "1", "") TREE("2") END
        "pandas_categorical:[[\"x\", \"y\"]]\n";
    const size_t size = strlen(model);

    (void)state;
    for (size_t cut = 0; cut < size; cut++) {
        char *part = malloc(cut + 1);
        mlscore_error err = {0};
        void *image;

        memcpy(part, model, cut);
        mlscore_model *read = import_model(&mlscore_importer_lightgbm, part,
                                           cut, &image, &err);

        assert_true(read != NULL || err.message[0] != 0);
        mlscore_model_close(read);
        free(image);
        free(part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_models_score_as_by_hand),
        cmocka_unit_test(test_broken_models_are_refused_with_a_reason),
        cmocka_unit_test(test_truncations_never_read_past_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
