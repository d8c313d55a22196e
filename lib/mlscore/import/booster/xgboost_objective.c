/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XGBoost's objectives: how a sum becomes a prediction, and how the base score,
 * which is on the prediction's scale, becomes part of the sum.
 */

#include <math.h>
#include <string.h>

#include "import/booster/xgboost.h"

/* OLD_LOGIT: as it is since release 1.3, logit before. */
typedef enum base_scale { AS_IS = 0, LOGIT, LOG, OLD_LOGIT } base_scale;

typedef struct objective {
    const char *name;
    booster_link link;
    base_scale scale;
} objective;

static const objective objectives[] = {
    {"reg:squarederror", BOOSTER_LINK_NONE, AS_IS},
    {"reg:linear", BOOSTER_LINK_NONE, AS_IS}, /* its name before 0.90 */
    {"reg:squaredlogerror", BOOSTER_LINK_NONE, AS_IS},
    {"reg:pseudohubererror", BOOSTER_LINK_NONE, AS_IS},
    {"reg:absoluteerror", BOOSTER_LINK_NONE, AS_IS},
    {"reg:quantileerror", BOOSTER_LINK_NONE, AS_IS},
    {"reg:expectileerror", BOOSTER_LINK_NONE, AS_IS},
    {"reg:logistic", BOOSTER_LINK_SIGMOID_FLOAT, LOGIT},
    {"binary:logistic", BOOSTER_LINK_SIGMOID_FLOAT, LOGIT},
    {"binary:logitraw", BOOSTER_LINK_NONE, OLD_LOGIT},
    {"binary:hinge", BOOSTER_LINK_HINGE, AS_IS},
    {"multi:softmax", BOOSTER_LINK_ARGMAX, AS_IS},
    {"multi:softprob", BOOSTER_LINK_SOFTMAX_FLOAT, AS_IS},
    {"count:poisson", BOOSTER_LINK_EXP_FLOAT, LOG},
    {"reg:gamma", BOOSTER_LINK_EXP_FLOAT, LOG},
    {"reg:tweedie", BOOSTER_LINK_EXP_FLOAT, LOG},
    {"survival:cox", BOOSTER_LINK_EXP_FLOAT, LOG},
    {"survival:aft", BOOSTER_LINK_EXP_FLOAT, LOG},
    {"rank:pairwise", BOOSTER_LINK_NONE, AS_IS},
    {"rank:ndcg", BOOSTER_LINK_NONE, AS_IS},
    {"rank:map", BOOSTER_LINK_NONE, AS_IS},
};

static const objective *find(const xgboost_document *document)
{
    for (size_t i = 0; i < sizeof(objectives) / sizeof(*objectives); i++) {
        if (document->objective.bytes &&
            strcmp(document->objective.bytes, objectives[i].name) == 0) {
            return &objectives[i];
        }
    }
    return NULL;
}

mlscore_status xgboost_objective(xgboost_document *document)
{
    const objective *known = find(document);

    if (!known) {
        return mlscore_error_set(
            document->err,
            document->objective.bytes ? MLSCORE_EUNSUPPORTED : MLSCORE_EFORMAT,
            document->objective.bytes
                ? "%s: the objective \"%.60s\" is not known"
                : "%s: the model names no objective%.0s",
            document->model->format,
            document->objective.bytes ? document->objective.bytes : "");
    }
    document->model->link = known->link;
    return MLSCORE_OK;
}

float xgboost_margin(const xgboost_document *document, float base_score)
{
    const int *version = document->version;
    base_scale scale = find(document)->scale;

    if (scale == OLD_LOGIT) {
        scale = version[0] < 1 || (version[0] == 1 && version[1] < 3) ? LOGIT
                                                                      : AS_IS;
    }
    switch (scale) {
    case LOGIT:
        return -logf(1.0f / base_score - 1.0f);
    case LOG:
        return logf(base_score);
    default:
        return base_score;
    }
}
