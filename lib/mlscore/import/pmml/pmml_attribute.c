/* SPDX-License-Identifier: Apache-2.0 */
/* Children, attributes and arrays of the elements that were read. */

#include <math.h>
#include <string.h>

#include "import/pmml/pmml_import.h"

const pmml_element *mlscore_pmml_child(const pmml_element *parent,
                                       pmml_element_kind kind)
{
    PMML_EACH(child, parent) {
        if (child->kind == kind) {
            return child;
        }
    }
    return NULL;
}

const pmml_element *mlscore_pmml_need_child(pmml_import *in,
                                            const pmml_element *parent,
                                            pmml_element_kind kind)
{
    const pmml_element *child = mlscore_pmml_child(parent, kind);

    if (!child) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, parent, "%s has no %s",
                          mlscore_pmml_element_name(parent->kind),
                          mlscore_pmml_element_name(kind));
    }
    return child;
}

const pmml_element *mlscore_pmml_child_in(const pmml_element *parent,
                                          char group)
{
    PMML_EACH(child, parent) {
        if (mlscore_pmml_element_in(child->kind, group)) {
            return child;
        }
    }
    return NULL;
}

size_t mlscore_pmml_count(const pmml_element *parent, pmml_element_kind kind)
{
    size_t count = 0;

    PMML_EACH(child, parent) {
        count += child->kind == kind;
    }
    return count;
}

const char *mlscore_pmml_attr(const pmml_element *element, const char *name)
{
    for (uint32_t i = 0; i < element->attribute_count; i++) {
        if (strcmp(element->attributes[i].name, name) == 0) {
            return element->attributes[i].value;
        }
    }
    return NULL;
}

const char *mlscore_pmml_need(pmml_import *in, const pmml_element *element,
                              const char *name)
{
    const char *value = mlscore_pmml_attr(element, name);

    if (!value) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                          "%s has no attribute \"%s\"",
                          mlscore_pmml_element_name(element->kind), name);
    }
    return value;
}

static double parse_attribute(pmml_import *in, const pmml_element *element,
                              const char *name, const char *text)
{
    double number;

    if (mlscore_pmml_parse_number(text, strlen(text), &number)) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                          "%s: \"%.60s\" is not a number (%s)",
                          mlscore_pmml_element_name(element->kind), text,
                          name);
    }
    return number;
}

double mlscore_pmml_number(pmml_import *in, const pmml_element *element,
                           const char *name, double otherwise)
{
    const char *text = mlscore_pmml_attr(element, name);

    return text ? parse_attribute(in, element, name, text) : otherwise;
}

double mlscore_pmml_need_number(pmml_import *in, const pmml_element *element,
                                const char *name)
{
    return parse_attribute(in, element, name,
                           mlscore_pmml_need(in, element, name));
}

_Noreturn void mlscore_pmml_unsupported(pmml_import *in,
                                        const pmml_element *element,
                                        const char *name)
{
    const char *value = mlscore_pmml_attr(element, name);

    mlscore_pmml_fail(in, MLSCORE_EUNSUPPORTED, element,
                      "%s: %s=\"%.60s\" is not supported",
                      mlscore_pmml_element_name(element->kind), name,
                      value ? value : "");
}

int mlscore_pmml_boolean(pmml_import *in, const pmml_element *element,
                         const char *name, int otherwise)
{
    const char *text = mlscore_pmml_attr(element, name);
    double number;

    if (!text) {
        return otherwise;
    }
    if (mlscore_pmml_parse(PMML_BOOLEAN, text, strlen(text), &number)) {
        mlscore_pmml_unsupported(in, element, name);
    }
    return number != 0.0;
}

uint32_t mlscore_pmml_choice(pmml_import *in, const pmml_element *element,
                             const char *name, const char *const *choices,
                             uint32_t otherwise)
{
    const char *text = mlscore_pmml_attr(element, name);

    if (!text) {
        return otherwise;
    }
    for (uint32_t i = 0; choices[i]; i++) {
        if (strcmp(choices[i], text) == 0) {
            return i;
        }
    }
    mlscore_pmml_unsupported(in, element, name);
}

uint32_t mlscore_pmml_type(pmml_import *in, const pmml_element *element,
                           const char *name, uint32_t otherwise)
{
    const char *text = mlscore_pmml_attr(element, name);

    if (!text) {
        return otherwise;
    }
    const uint32_t type = mlscore_pmml_type_find(text);

    if (type == PMML_MISSING) {
        mlscore_pmml_unsupported(in, element, name);
    }
    return type;
}

uint32_t mlscore_pmml_optype(pmml_import *in, const pmml_element *element,
                             uint32_t otherwise)
{
    static const char *const names[] = {"", "continuous", "categorical",
                                        "ordinal", NULL};

    return mlscore_pmml_choice(in, element, "optype", names, otherwise);
}

uint32_t mlscore_pmml_default_optype(uint32_t type)
{
    switch (type) {
    case PMML_INTEGER:
    case PMML_FLOAT:
    case PMML_DOUBLE:
        return PMML_CONTINUOUS;
    case PMML_STRING:
    case PMML_BOOLEAN:
        return PMML_CATEGORICAL;
    default:
        return PMML_ORDINAL;
    }
}

/* --- arrays ---------------------------------------------------------------*/

static int blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/** A quoted item, in which \" stands for a quote. */
static int quoted_item(pmml_import *in, const pmml_element *array,
                       const char **at, const char **item, size_t *length)
{
    const char *from = *at + 1, *end = from;
    size_t used = 0;

    while (*end && *end != '"') {
        end += end[0] == '\\' && end[1] != '\0' ? 2 : 1;
    }
    if (*end != '"') {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, array,
                          "a quote in an Array is not closed");
    }
    char *copy = mlscore_pmml_alloc(in, (size_t)(end - from) + 1, 1);

    while (from < end) {
        if (from[0] == '\\' && (from[1] == '"' || from[1] == '\\')) {
            from++;
        }
        copy[used++] = *from++;
    }
    *item = copy;
    *length = used;
    *at = end + 1;
    return 1;
}

int mlscore_pmml_next_item(pmml_import *in, const pmml_element *array,
                           const char **at, const char **item,
                           size_t *length)
{
    while (blank(**at)) {
        ++*at;
    }
    if (**at == '\0') {
        return 0;
    }
    if (**at == '"') {
        return quoted_item(in, array, at, item, length);
    }
    *item = *at;
    while (**at && !blank(**at)) {
        ++*at;
    }
    *length = (size_t)(*at - *item);
    return 1;
}

uint32_t mlscore_pmml_number_array(pmml_import *in,
                                   const pmml_element *array,
                                   uint32_t *count)
{
    const uint32_t first = mlscore_pmml_rows(in, PMML_TABLE_numbers);
    const char *at = array->text, *item;
    size_t length;

    while (mlscore_pmml_next_item(in, array, &at, &item, &length)) {
        double number;

        if (mlscore_pmml_parse_number(item, length, &number)) {
            mlscore_pmml_fail(in, MLSCORE_EFORMAT, array,
                              "%s: \"%.*s\" is not a number",
                              mlscore_pmml_element_name(array->kind),
                              (int)(length < 60 ? length : 60), item);
        }
        mlscore_pmml_add_number(in, number);
    }
    *count = mlscore_pmml_rows(in, PMML_TABLE_numbers) - first;
    return first;
}
