/* SPDX-License-Identifier: Apache-2.0 */
/* DataDictionary and TransformationDictionary: what names mean everywhere. */

#include <string.h>

#include "import/pmml/pmml_import.h"

const pmml_element *mlscore_pmml_data_field(const pmml_import *in,
                                            uint32_t name)
{
    uint32_t index;

    return mlscore_pmml_map_get(&in->data, name, &index)
               ? in->data_fields[index]
               : NULL;
}

/** Number the children of a kind by their name attribute. */
static const pmml_element **index_children(pmml_import *in,
                                           const pmml_element *parent,
                                           pmml_element_kind kind,
                                           pmml_map *map)
{
    const pmml_element **list =
        mlscore_pmml_alloc(in, mlscore_pmml_count(parent, kind),
                           sizeof(*list));
    uint32_t count = 0, known;

    PMML_EACH(child, parent) {
        if (child->kind != kind) {
            continue;
        }
        const char *text = mlscore_pmml_need(in, child, "name");
        const uint32_t name = mlscore_pmml_symbol_of(in, text);

        if (mlscore_pmml_map_get(map, name, &known)) {
            mlscore_pmml_fail(in, MLSCORE_EFORMAT, child,
                              "%s \"%.80s\" is defined twice",
                              mlscore_pmml_element_name(kind), text);
        }
        mlscore_pmml_map_put(in, map, name, count);
        list[count++] = child;
    }
    return list;
}

void mlscore_pmml_dictionary(pmml_import *in)
{
    in->dictionary = mlscore_pmml_need_child(in, in->document,
                                             PMML_E_DATA_DICTIONARY);
    in->data_fields = index_children(in, in->dictionary, PMML_E_DATA_FIELD,
                                     &in->data);
    PMML_EACH(field, in->dictionary) {
        if (field->kind == PMML_E_DATA_FIELD) {
            mlscore_pmml_need(in, field, "dataType");
            mlscore_pmml_type(in, field, "dataType", PMML_STRING);
            mlscore_pmml_optype(in, field, PMML_OPTYPE_NONE);
        }
    }
    in->transformations =
        mlscore_pmml_child(in->document, PMML_E_TRANSFORMATIONS);
    if (in->transformations) {
        in->derived_fields =
            index_children(in, in->transformations, PMML_E_DERIVED_FIELD,
                           &in->derived);
        in->function_elements =
            index_children(in, in->transformations, PMML_E_DEFINE_FUNCTION,
                           &in->functions);
    }
}

pmml_interval mlscore_pmml_interval(pmml_import *in,
                                    const pmml_element *element)
{
    static const char *const closures[] = {"openOpen", "openClosed",
                                           "closedOpen", "closedClosed", NULL};
    static const uint32_t flags[] = {0, PMML_RIGHT_CLOSED, PMML_LEFT_CLOSED,
                                     PMML_LEFT_CLOSED | PMML_RIGHT_CLOSED};
    pmml_interval interval = {.value = PMML_NONE};

    mlscore_pmml_need(in, element, "closure");
    interval.flags =
        flags[mlscore_pmml_choice(in, element, "closure", closures, 0)];
    if (mlscore_pmml_attr(element, "leftMargin")) {
        interval.flags |= PMML_LEFT;
        interval.left = mlscore_pmml_need_number(in, element, "leftMargin");
    }
    if (mlscore_pmml_attr(element, "rightMargin")) {
        interval.flags |= PMML_RIGHT;
        interval.right = mlscore_pmml_need_number(in, element, "rightMargin");
    }
    if (!(interval.flags & (PMML_LEFT | PMML_RIGHT))) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                          "Interval has neither leftMargin nor rightMargin");
    }
    return interval;
}
