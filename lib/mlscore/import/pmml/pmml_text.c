/* SPDX-License-Identifier: Apache-2.0 */
/* TextIndex: how often a term occurs in a text. */

#include <string.h>

#include "import/pmml/pmml_import.h"
#include "ir/pmml_regex.h"

#define DEFAULT_SEPARATOR "\\s+"

uint32_t mlscore_pmml_pattern(pmml_import *in, const pmml_element *element,
                              const char *text)
{
    const uint32_t symbol = mlscore_pmml_symbol_of(in, text);
    void *code = mlscore_pmml_regex_compile(text, strlen(text), 0);

    if (!code) {
        mlscore_pmml_fail(in, MLSCORE_EUNSUPPORTED, element,
                          "%s: \"%.80s\" is not a regular expression",
                          mlscore_pmml_element_name(element->kind), text);
    }
    mlscore_pmml_regex_free(code);
    return symbol;
}

static uint32_t count_attr(pmml_import *in, const pmml_element *element,
                           const char *name)
{
    const double number = mlscore_pmml_number(in, element, name, 0.0);

    if (!(number >= 0 && number <= 1000)) {
        mlscore_pmml_unsupported(in, element, name);
    }
    return (uint32_t)number;
}

static const char *attr_or(const pmml_element *element, const char *name,
                           const char *otherwise)
{
    const char *text = mlscore_pmml_attr(element, name);

    return text ? text : otherwise;
}

static const char *row_cell(const pmml_element *row, const char *column)
{
    PMML_EACH(child, row) {
        const char *local = strchr(child->name, ':');

        if (strcmp(child->name, column) == 0 ||
            (local && strcmp(local + 1, column) == 0)) {
            return child->text;
        }
    }
    return NULL;
}

/** A text that stands for itself in a regular expression. */
static uint32_t quoted(pmml_import *in, const char *text)
{
    const size_t length = strlen(text);
    char *out = mlscore_pmml_alloc(in, 2 * length + 1, 1);
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        if (strchr("\\^$.|?*+()[]{}", text[i])) {
            out[used++] = '\\';
        }
        out[used++] = text[i];
    }
    return mlscore_pmml_symbol(in, out, used);
}

static void add_rows(pmml_import *in, const pmml_element *element,
                     pmml_text_norm *norm)
{
    const char *from = attr_or(element, "inField", "string");
    const char *to = attr_or(element, "outField", "stem");
    const char *regex = attr_or(element, "regexField", "regex");
    const pmml_element *table =
        mlscore_pmml_need_child(in, element, PMML_E_INLINE_TABLE);
    pmml_list words = {0};

    PMML_EACH(row, table) {
        const char *in_text = row_cell(row, from);
        const char *out_text = row_cell(row, to);
        const char *is_regex = row_cell(row, regex);

        if (!in_text || !out_text) {
            mlscore_pmml_fail(in, MLSCORE_EFORMAT, row,
                              "a row has no column \"%.40s\" or \"%.40s\"",
                              from, to);
        }
        mlscore_pmml_list_add(in, &words,
                              is_regex && strcmp(is_regex, "true") == 0
                                  ? mlscore_pmml_pattern(in, row, in_text)
                                  : quoted(in, in_text));
        mlscore_pmml_list_add(in, &words,
                              mlscore_pmml_symbol_of(in, out_text));
    }
    norm->row_first = mlscore_pmml_list_words(in, &words);
    norm->row_count = words.count / 2;
}

static void add_normalizations(pmml_import *in, const pmml_element *element,
                               pmml_text_index *index)
{
    /* A function that is applied to many terms shares its rules, so that the
     * engine sees that a text need not be split again. */
    if (in->text_element == element) {
        index->norm_first = in->text_norm_first;
        index->norm_count = in->text_norm_count;
        return;
    }
    index->norm_first = mlscore_pmml_rows(in, PMML_TABLE_text_norms);
    PMML_EACH(child, element) {
        if (child->kind != PMML_E_TEXT_NORMALIZATION) {
            continue;
        }
        pmml_text_norm norm = {
            .case_sensitive = (uint32_t)mlscore_pmml_boolean(
                in, child, "isCaseSensitive", (int)index->case_sensitive),
            .recursive =
                (uint32_t)mlscore_pmml_boolean(in, child, "recursive", 0)};

        if (mlscore_pmml_attr(child, "maxLevenshteinDistance") &&
            count_attr(in, child, "maxLevenshteinDistance") != 0) {
            mlscore_pmml_unsupported(in, child, "maxLevenshteinDistance");
        }
        add_rows(in, child, &norm);
        mlscore_pmml_add(in, PMML_TABLE_text_norms, &norm);
        index->norm_count++;
    }
    in->text_element = element;
    in->text_norm_first = index->norm_first;
    in->text_norm_count = index->norm_count;
}

uint32_t mlscore_pmml_text_index(pmml_import *in, pmml_scope *scope,
                                 const pmml_element *element)
{
    static const char *const weights[] = {"termFrequency", "binary",
                                          "logarithmic",
                                          "augmentedNormalizedTermFrequency",
                                          NULL};
    static const char *const hits[] = {"allHits", "bestHits", NULL};
    pmml_text_index index = {
        .text = mlscore_pmml_field(in, scope, element, "textField"),
        .weights = mlscore_pmml_choice(in, element, "localTermWeights",
                                       weights, 0),
        .hits = mlscore_pmml_choice(in, element, "countHits", hits, 0),
        .case_sensitive = (uint32_t)mlscore_pmml_boolean(
            in, element, "isCaseSensitive", 0),
        .words = mlscore_pmml_attr(element, "x-wordRE") != NULL,
        .pattern = mlscore_pmml_pattern(
            in, element,
            attr_or(element, "x-wordRE",
                    attr_or(element, "wordSeparatorCharacterRE",
                            DEFAULT_SEPARATOR))),
        .distance = count_attr(in, element, "maxLevenshteinDistance")};
    const int whole = index.weights == PMML_WEIGHT_FREQUENCY ||
                      index.weights == PMML_WEIGHT_BINARY;
    pmml_expr expr = {.op = PMML_OP_TEXT_INDEX,
                      .type = whole ? PMML_INTEGER : PMML_DOUBLE,
                      .b = PMML_NONE,
                      .c = PMML_NONE,
                      .d = PMML_NONE,
                      .e = PMML_NONE};

    if (index.weights == PMML_WEIGHT_AUGMENTED) {
        mlscore_pmml_unsupported(in, element, "localTermWeights");
    }
    if (!mlscore_pmml_boolean(in, element, "tokenize", 1)) {
        mlscore_pmml_unsupported(in, element, "tokenize");
    }
    index.term = mlscore_pmml_expr_in(in, scope, element);
    add_normalizations(in, element, &index);
    expr.a = mlscore_pmml_add(in, PMML_TABLE_text_indexes, &index);
    return mlscore_pmml_add(in, PMML_TABLE_exprs, &expr);
}
