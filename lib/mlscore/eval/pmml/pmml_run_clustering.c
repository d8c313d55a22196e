/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluating a ClusteringModel: the nearest center wins. */

#include "eval/pmml/pmml_measure_run.h"

int mlscore_pmml_run_clustering(pmml_run *run, uint32_t index)
{
    const pmml_plan *plan = run->plan;
    const pmml_model *model = &plan->models[index];
    const pmml_clustering *body = &plan->clusterings[model->body];
    pmml_result *result = &run->results[index];
    pmml_comparison comparison;

    if (mlscore_pmml_compare_begin(&comparison, run, model, body->measure,
                                   body->missing_first == PMML_NONE
                                       ? NULL
                                       : plan->numbers +
                                             body->missing_first)) {
        return -1;
    }
    result->kind = comparison.measure->similarity ? PMML_RESULT_SIMILARITY
                                                  : PMML_RESULT_DISTANCE;
    for (uint32_t i = 0; i < body->cluster_count; i++) {
        const pmml_cluster *cluster =
            &plan->clusters[body->cluster_first + i];
        double number;

        if (mlscore_pmml_compare_numbers(&comparison,
                                         plan->numbers +
                                             cluster->center_first,
                                         &number)) {
            return -1;
        }
        mlscore_pmml_add_category(run, index, cluster->id, number);
    }
    if (mlscore_pmml_set_winner(run, index)) {
        return -1;
    }
    result->entity = result->category;
    return 0;
}
