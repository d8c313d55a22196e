/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LightGBM's objectives: "name key:value ..." to a link function.
 */

#include <stdio.h>
#include <string.h>

#include "import/booster/lightgbm.h"
#include "mlscore/body.h"

static const struct {
    const char *name;
    booster_link link;
} objectives[] = {
    {"regression", BOOSTER_LINK_NONE},
    {"regression_l2", BOOSTER_LINK_NONE},
    {"regression_l1", BOOSTER_LINK_NONE},
    {"huber", BOOSTER_LINK_NONE},
    {"fair", BOOSTER_LINK_NONE},
    {"quantile", BOOSTER_LINK_NONE},
    {"mape", BOOSTER_LINK_NONE},
    {"lambdarank", BOOSTER_LINK_NONE},
    {"rank_xendcg", BOOSTER_LINK_NONE},
    {"custom", BOOSTER_LINK_NONE},
    {"none", BOOSTER_LINK_NONE},
    {"poisson", BOOSTER_LINK_EXP},
    {"gamma", BOOSTER_LINK_EXP},
    {"tweedie", BOOSTER_LINK_EXP},
    {"binary", BOOSTER_LINK_SIGMOID},
    {"multiclassova", BOOSTER_LINK_SIGMOID},
    {"cross_entropy", BOOSTER_LINK_SIGMOID},
    {"xentropy", BOOSTER_LINK_SIGMOID},
    {"cross_entropy_lambda", BOOSTER_LINK_LOG1P_EXP},
    {"xentlambda", BOOSTER_LINK_LOG1P_EXP},
    {"multiclass", BOOSTER_LINK_SOFTMAX},
};

static mlscore_status read_option(lightgbm_model *lightgbm,
                                  const lightgbm_text *text, const char *word,
                                  size_t length)
{
    booster_model *model = lightgbm->model;
    static const char sigmoid[] = "sigmoid:";
    const size_t prefix = sizeof(sigmoid) - 1;

    if (length == 4 && memcmp(word, "sqrt", 4) == 0) {
        /* Only the squared error is trained on square roots. */
        if (strncmp(model->objective, "regression", 10) == 0) {
            model->link = BOOSTER_LINK_SQUARE;
        }
        return MLSCORE_OK;
    }
    if (length > prefix && memcmp(word, sigmoid, prefix) == 0 &&
        mlscore_parse_double(word + prefix, length - prefix,
                             &model->parameter) != length - prefix) {
        return lightgbm_error(text, MLSCORE_EFORMAT,
                              "the objective's sigmoid is not a number");
    }
    return MLSCORE_OK;
}

mlscore_status lightgbm_objective(lightgbm_model *lightgbm,
                                  const lightgbm_text *text,
                                  const lightgbm_line *line)
{
    booster_model *model = lightgbm->model;
    const char *value = line->value ? line->value : "";
    size_t name = 0;
    size_t which = 0;

    while (name < line->value_length && value[name] != ' ') {
        name++;
    }
    while (which < sizeof(objectives) / sizeof(*objectives) &&
           !(strlen(objectives[which].name) == name &&
             memcmp(objectives[which].name, value, name) == 0)) {
        which++;
    }
    if (which == sizeof(objectives) / sizeof(*objectives)) {
        return lightgbm_error(text, MLSCORE_EUNSUPPORTED,
                              "the objective \"%.*s\" is not known",
                              name < 60 ? (int)name : 60, value);
    }
    model->link = objectives[which].link;
    snprintf(model->objective, sizeof(model->objective), "%.*s", (int)name,
             value);
    for (size_t at = name; at < line->value_length;) {
        size_t end = at;

        while (end < line->value_length && value[end] != ' ') {
            end++;
        }
        const mlscore_status status =
            read_option(lightgbm, text, value + at, end - at);

        if (status != MLSCORE_OK) {
            return status;
        }
        at = end + 1;
    }
    return MLSCORE_OK;
}
