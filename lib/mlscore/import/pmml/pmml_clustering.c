/* SPDX-License-Identifier: Apache-2.0 */
/* ClusteringModel, center-based. */

#include "import/pmml/pmml_import.h"

static uint32_t field_count(pmml_import *in, uint32_t measure)
{
    const pmml_measure *record =
        mlscore_pmml_at(in, PMML_TABLE_measures, measure);

    return record->field_count;
}

/** The numbers of an Array, as many as there are fields. */
static uint32_t add_numbers(pmml_import *in, const pmml_element *parent,
                            uint32_t fields)
{
    uint32_t count;
    const uint32_t first = mlscore_pmml_number_array(
        in, mlscore_pmml_need_child(in, parent, PMML_E_ARRAY), &count);

    if (count != fields) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, parent,
                          "%s has %u numbers for %u fields",
                          mlscore_pmml_element_name(parent->kind), count,
                          fields);
    }
    return first;
}

static void add_clusters(pmml_import *in, const pmml_element *element,
                         pmml_clustering *body, pmml_list *categories)
{
    const uint32_t fields = field_count(in, body->measure);
    char number[PMML_FORMAT_SIZE];

    body->cluster_first = mlscore_pmml_rows(in, PMML_TABLE_clusters);
    PMML_EACH(child, element) {
        if (child->kind != PMML_E_CLUSTER) {
            continue;
        }
        const char *id = mlscore_pmml_attr(child, "id");

        mlscore_pmml_format(PMML_INTEGER, ++body->cluster_count, number);
        const pmml_cluster cluster = {
            .id = mlscore_pmml_symbol_of(in, id ? id : number),
            .name = mlscore_pmml_attr_symbol(in, child, "name"),
            .center_first = add_numbers(in, child, fields)};

        mlscore_pmml_list_add(in, categories, cluster.id);
        mlscore_pmml_add(in, PMML_TABLE_clusters, &cluster);
    }
    if (body->cluster_count == 0) {
        mlscore_pmml_need_child(in, element, PMML_E_CLUSTER);
    }
}

void mlscore_pmml_clustering(pmml_import *in, pmml_scope *scope,
                             const pmml_element *element, pmml_model *record,
                             pmml_list *categories)
{
    static const char *const classes[] = {"centerBased", NULL};
    const pmml_element *weights =
        mlscore_pmml_child(element, PMML_E_MISSING_WEIGHTS);
    const pmml_element *centers =
        mlscore_pmml_child(element, PMML_E_CENTER_FIELDS);
    pmml_clustering body = {.missing_first = PMML_NONE};

    mlscore_pmml_choice(in, element, "modelClass", classes, 0);
    if (scope->function != PMML_FUNCTION_CLUSTERING) {
        mlscore_pmml_unsupported(in, element, "functionName");
    }
    if (centers) {
        mlscore_pmml_fail(in, MLSCORE_EUNSUPPORTED, centers,
                          "CenterFields is not supported");
    }
    body.measure = mlscore_pmml_measure(in, scope, element, element,
                                        PMML_E_CLUSTERING_FIELD);
    if (weights) {
        body.missing_first =
            add_numbers(in, weights, field_count(in, body.measure));
    }
    add_clusters(in, element, &body, categories);
    /* The prediction is the cluster's id, whatever the target is. */
    record->target = PMML_NONE;
    record->target_type = PMML_STRING;
    record->kind = PMML_CLUSTERING;
    record->body = mlscore_pmml_add(in, PMML_TABLE_clusterings, &body);
}
