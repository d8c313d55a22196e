/* SPDX-License-Identifier: Apache-2.0 */
/* Scorecard. */

#include <math.h>
#include <string.h>

#include "import/pmml/pmml_import.h"

typedef struct card_builder {
    pmml_import *in;
    pmml_scope *scope;
    pmml_list *reasons;
    int use_reasons;
    double baseline;
} card_builder;

static void add_attribute(card_builder *card,
                          const pmml_element *characteristic,
                          const pmml_element *element)
{
    pmml_import *in = card->in;
    const pmml_element *complex =
        mlscore_pmml_child(element, PMML_E_COMPLEX_SCORE);
    const uint32_t own = mlscore_pmml_attr_symbol(in, element, "reasonCode");
    pmml_attribute attribute = {
        .predicate = mlscore_pmml_predicate_in(in, card->scope, element),
        .reason = own != PMML_NONE
                      ? own
                      : mlscore_pmml_attr_symbol(in, characteristic,
                                                 "reasonCode"),
        .expr = complex ? mlscore_pmml_expr_in(in, card->scope, complex)
                        : PMML_NONE,
        .score = complex ? 0.0
                         : mlscore_pmml_need_number(in, element,
                                                    "partialScore")};

    if (card->use_reasons && attribute.reason == PMML_NONE) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                          "Attribute has no reasonCode, and neither has its "
                          "Characteristic");
    }
    if (attribute.reason != PMML_NONE) {
        mlscore_pmml_list_add_once(in, card->reasons, attribute.reason);
    }
    mlscore_pmml_add(in, PMML_TABLE_attributes, &attribute);
}

static pmml_characteristic lower_characteristic(card_builder *card,
                                                const pmml_element *element)
{
    pmml_characteristic record = {
        .attribute_first =
            mlscore_pmml_rows(card->in, PMML_TABLE_attributes),
        .baseline = mlscore_pmml_number(card->in, element, "baselineScore",
                                        card->baseline)};

    if (card->use_reasons && isnan(record.baseline)) {
        mlscore_pmml_fail(card->in, MLSCORE_EFORMAT, element,
                          "Characteristic has no baselineScore, and neither "
                          "has the Scorecard");
    }
    PMML_EACH(attribute, element) {
        add_attribute(card, element, attribute);
        record.attribute_count++;
    }
    return record;
}

/** Reason codes are asked for by an output field, or they are not used: many
 *  producers say useReasonCodes (the default) without giving any. */
static int wants_reasons(const pmml_element *element)
{
    const pmml_element *output = mlscore_pmml_child(element, PMML_E_OUTPUT);

    if (output) {
        PMML_EACH(field, output) {
            const char *feature = mlscore_pmml_attr(field, "feature");

            if (feature && strcmp(feature, "reasonCode") == 0) {
                return 1;
            }
        }
    }
    return 0;
}

void mlscore_pmml_scorecard(pmml_import *in, pmml_scope *scope,
                            const pmml_element *element, pmml_model *record,
                            pmml_list *categories)
{
    static const char *const algorithms[] = {"pointsBelow", "pointsAbove",
                                             NULL};
    const pmml_element *list =
        mlscore_pmml_need_child(in, element, PMML_E_CHARACTERISTICS);
    const size_t count =
        mlscore_pmml_count(list, PMML_E_CHARACTERISTIC);
    card_builder card = {
        .in = in,
        .scope = scope,
        .reasons = categories,
        .use_reasons =
            mlscore_pmml_boolean(in, element, "useReasonCodes", 1) &&
            wants_reasons(element),
        .baseline = mlscore_pmml_number(in, element, "baselineScore", NAN)};
    pmml_scorecard body = {
        .characteristic_first =
            mlscore_pmml_reserve(in, PMML_TABLE_characteristics, count),
        .characteristic_count = (uint32_t)count,
        .use_reasons = (uint32_t)card.use_reasons,
        .points_above = mlscore_pmml_choice(in, element,
                                            "reasonCodeAlgorithm", algorithms,
                                            0),
        .initial = mlscore_pmml_number(in, element, "initialScore", 0.0)};
    uint32_t at = body.characteristic_first;

    if (scope->function != PMML_FUNCTION_REGRESSION) {
        mlscore_pmml_unsupported(in, element, "functionName");
    }
    mlscore_pmml_mark_begin(in);
    PMML_EACH(child, list) {
        const pmml_characteristic characteristic =
            lower_characteristic(&card, child);

        memcpy(mlscore_pmml_at(in, PMML_TABLE_characteristics, at++),
               &characteristic, sizeof(characteristic));
    }
    record->kind = PMML_SCORECARD;
    record->body = mlscore_pmml_add(in, PMML_TABLE_scorecards, &body);
}
