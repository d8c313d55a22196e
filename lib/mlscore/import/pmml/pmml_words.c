/* SPDX-License-Identifier: Apache-2.0 */
/* Looking things up in PMML's vocabulary. */

#include "import/pmml/pmml_words.h"

#include <stddef.h>
#include <string.h>

typedef struct word {
    const char *name;
    const char *groups;
    const char *attributes;
    const char *children;
} word;

#define ELEMENT_WORD(id, name, groups, attributes, children) \
    {name, groups, attributes, children},
static const word words[PMML_E_COUNT] = {PMML_ELEMENTS(ELEMENT_WORD)};
#undef ELEMENT_WORD

pmml_element_kind mlscore_pmml_element_find(const char *name)
{
    for (int i = 0; i < PMML_E_COUNT; i++) {
        if (strcmp(words[i].name, name) == 0) {
            return (pmml_element_kind)i;
        }
    }
    return PMML_E_COUNT;
}

const char *mlscore_pmml_element_name(pmml_element_kind kind)
{
    return kind < PMML_E_COUNT ? words[kind].name : "cell";
}

int mlscore_pmml_element_in(pmml_element_kind kind, char group)
{
    return kind < PMML_E_COUNT && strchr(words[kind].groups, group) != NULL;
}

/** `name` is one of the words of `list`, which are separated by a space. */
static int listed(const char *list, const char *name)
{
    const size_t length = strlen(name);

    for (const char *at = list; (at = strstr(at, name)); at += length) {
        if ((at == list || at[-1] == ' ') &&
            (at[length] == ' ' || at[length] == '\0')) {
            return length > 0;
        }
    }
    return 0;
}

int mlscore_pmml_attribute_allowed(pmml_element_kind kind, const char *name)
{
    const char *list = words[kind].attributes;

    return listed(list, name) ||
           (list[0] == '@' && listed(PMML_MODEL_ATTRIBUTES, name));
}

int mlscore_pmml_child_allowed(pmml_element_kind parent,
                               pmml_element_kind child)
{
    const char *list = words[parent].children;

    if (listed(list, words[child].name)) {
        return 1;
    }
    for (const char *at = strchr(list, '@'); at; at = strchr(at + 1, '@')) {
        if (at[1] == 'C' ? listed(PMML_MODEL_CHILDREN, words[child].name)
                         : mlscore_pmml_element_in(child, at[1])) {
            return 1;
        }
    }
    return 0;
}
