/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ensembles that the forest kernel scores give what walking their trees gives:
 * random trees of every kind of predicate, strategy and method, random rows
 * with missing, unknown, infinite and boundary values, compared bit by bit,
 * refused rows by their reasons.
 */

#include "pmml_case.h"

#include <stdarg.h>

#include "eval/model.h"
#include "eval/pmml/pmml_run.h"

enum {
    DOCUMENTS = 400,
    ROWS = 40,
    DOCUMENT_SIZE = 1 << 22,
    SMALL_SIZE = 1 << 14
};

/** A deterministic source of choices. */
typedef struct chance {
    uint64_t state;
} chance;

static uint32_t pick(chance *c, uint32_t count)
{
    c->state = c->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(c->state >> 33) % count;
}

/** A document or rows while they are written. */
typedef struct text {
    size_t size, used;
    char bytes[];
} text;

static text *new_text(size_t size)
{
    text *t = malloc(sizeof(*t) + size);

    assert_non_null(t);
    t->size = size;
    t->used = 0;
    t->bytes[0] = '\0';
    return t;
}

static void put(text *t, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const int length =
        vsnprintf(t->bytes + t->used, t->size - t->used, format, args);

    va_end(args);
    assert_true(length >= 0 && (size_t)length < t->size - t->used);
    t->used += (size_t)length;
}

/* --- documents ------------------------------------------------------------*/

typedef struct shape {
    chance chance;
    int classes; /* 0: a regression */
    int votes;
    int plain; /* ScoreDistributions list all classes, in order */
    const char *strategy;
    const char *no_true;
    int deepest; /* beyond 128 leaves the kernel walks, too */
    uint32_t next_id;
} shape;

static const char *const fields[] = {"x", "z", "f", "n", "b",
                                     "s", "o", "d", "t", "r"};
enum { FIELD_COUNT = sizeof(fields) / sizeof(*fields) };

/** A value that a field is compared with; numbers are from a small grid, so
 *  that paths repeat, contradict and meet the rows' values. */
static void put_value(text *t, chance *c, const char *field)
{
    static const char *const words[] = {"a", "b", "c", "d", "e", "f g"};

    switch (*field) {
    case 's':
    case 'o':
    case 't':
        put(t, "%s", words[pick(c, 6)]);
        break;
    case 'b':
        put(t, "%s", pick(c, 2) ? "true" : "false");
        break;
    case 'n':
        put(t, "%d", (int)pick(c, 7) - 3);
        break;
    case 'f':
        put(t, "%.1f", ((int)pick(c, 9) - 4) * 0.1);
        break;
    default:
        put(t, "%g", ((int)pick(c, 9) - 4) * 0.5);
        break;
    }
}

static int is_text(const char *field)
{
    return strchr("sot", *field) != NULL;
}

static void put_simple(text *t, chance *c)
{
    static const char *const operators[] = {"lessThan",    "lessOrEqual",
                                            "greaterThan", "greaterOrEqual",
                                            "equal",       "notEqual"};
    const char *field = fields[pick(c, FIELD_COUNT)];

    if (pick(c, 12) == 0) {
        put(t, "<SimplePredicate field='%s' operator='%s'/>", field,
            pick(c, 2) ? "isMissing" : "isNotMissing");
        return;
    }
    put(t, "<SimplePredicate field='%s' operator='%s' value='", field,
        operators[is_text(field) && *field != 'o' ? 4 + pick(c, 2)
                                                  : pick(c, 6)]);
    put_value(t, c, field);
    put(t, "'/>");
}

static void put_set(text *t, chance *c)
{
    const char *field = fields[pick(c, FIELD_COUNT)];
    const uint32_t count = 1 + pick(c, 4);

    put(t,
        "<SimpleSetPredicate field='%s' booleanOperator='%s'>"
        "<Array type='string'>",
        field, pick(c, 2) ? "isIn" : "isNotIn");
    for (uint32_t i = 0; i < count; i++) {
        put(t, i ? " \"" : "\"");
        put_value(t, c, field);
        put(t, "\"");
    }
    put(t, "</Array></SimpleSetPredicate>");
}

static void put_predicate(text *t, chance *c, int depth)
{
    static const char *const operators[] = {"and", "or", "xor", "surrogate"};
    const uint32_t kind = pick(c, 24);

    if (kind < 16 || depth > 2) {
        put_simple(t, c);
    }
    else if (kind < 19) {
        put_set(t, c);
    }
    else if (kind == 19) {
        put(t, pick(c, 3) ? "<True/>" : "<False/>");
    }
    else {
        put(t, "<CompoundPredicate booleanOperator='%s'>",
            operators[pick(c, 4)]);
        for (uint32_t i = 0, count = 2 + pick(c, 2); i < count; i++) {
            put_predicate(t, c, depth + 1);
        }
        put(t, "</CompoundPredicate>");
    }
}

static void put_distribution(text *t, shape *s)
{
    const int some =
        s->plain ? s->classes : 1 + (int)pick(&s->chance, (uint32_t)s->classes);
    const int from = s->plain ? 0 : (int)pick(&s->chance, (uint32_t)s->classes);
    const int likely = (int)pick(&s->chance, 2);

    for (int k = 0; k < some; k++) {
        const uint32_t count = pick(&s->chance, 5) + (k == 0);

        put(t, "<ScoreDistribution value='k%d' recordCount='%u'",
            (from + k) % s->classes, count);
        if (likely) {
            put(t, " probability='%g'", count / 5.0);
        }
        put(t, "/>");
    }
}

static void put_node(text *t, shape *s, int depth, uint32_t id,
                     const char *predicate);

/** A predicate as a text of its own, which the caller frees. */
static char *any_predicate(chance *c)
{
    text *t = new_text(SMALL_SIZE);

    put_predicate(t, c, 0);
    char *copy = strdup(t->bytes);

    free(t);
    assert_non_null(copy);
    return copy;
}

/** A comparison, which is then written with one operator or its opposite. */
static char *one_of_pair(const chance *same, const char *field,
                         const char *operator)
{
    text *t = new_text(SMALL_SIZE);
    chance c = *same;

    put(t, "<SimplePredicate field='%s' operator='%s' value='",
        field, operator);
    put_value(t, &c, field);
    put(t, "'/>");
    char *copy = strdup(t->bytes);

    free(t);
    assert_non_null(copy);
    return copy;
}

static void put_children(text *t, shape *s, int depth, uint32_t first,
                         uint32_t count)
{
    static const char *const pairs[][2] = {{"lessOrEqual", "greaterThan"},
                                           {"lessThan", "greaterOrEqual"},
                                           {"equal", "notEqual"}};
    chance *c = &s->chance;
    const int paired = pick(c, 4) > 0;
    const char *field = fields[pick(c, FIELD_COUNT)];
    const uint32_t pair = is_text(field) ? 2 : pick(c, 3);
    const chance value = *c;

    for (uint32_t i = 0; i < count; i++) {
        char *predicate = paired
                              ? one_of_pair(&value, field, pairs[pair][i % 2])
                              : any_predicate(c);

        put_node(t, s, depth + 1, first + i, predicate);
        free(predicate);
    }
}

static void put_node(text *t, shape *s, int depth, uint32_t id,
                     const char *predicate)
{
    chance *c = &s->chance;
    uint32_t count =
        depth < s->deepest && pick(c, s->deepest > 5 ? 16 : 6) ? 2 : 0;

    if (count && s->deepest == 5 && pick(c, 5) == 0) {
        count = 1 + pick(c, 4);
    }
    const uint32_t first = s->next_id;

    s->next_id += count;
    put(t, "<Node id='%u'", id);
    if (s->classes) {
        if (s->votes ? count == 0 || pick(c, 2) : pick(c, 4) > 0) {
            put(t, " score='k%u'", pick(c, (uint32_t)s->classes));
        }
    }
    else if (count == 0 ? pick(c, 150) > 0 : pick(c, 2)) {
        put(t, " score='%.3g'", ((int)pick(c, 2001) - 1000) / 300.0);
    }
    if (count && strcmp(s->strategy, "defaultChild") == 0 && pick(c, 80)) {
        put(t, " defaultChild='%u'", first + pick(c, count));
    }
    put(t, ">%s", predicate);
    if (s->classes && (!s->votes || pick(c, 2))) {
        put_distribution(t, s);
    }
    put_children(t, s, depth, first, count);
    put(t, "</Node>");
}

#define MINING                                                                 \
    "<MiningSchema><MiningField name='x'/><MiningField name='z'/>"             \
    "<MiningField name='f'/><MiningField name='n'/><MiningField name='b'/>"    \
    "<MiningField name='s'/><MiningField name='o'/><MiningField name='r'/>"

/** Fields of every type; d and t are derived; r never is missing. */
static void put_head(text *t, const shape *s, const char *method, int floats)
{
    put(t,
        "<PMML xmlns='http://www.dmg.org/PMML-4_4' version='4.4'><Header/>"
        "<DataDictionary>" NUMBER("x") NUMBER("z") NUMBER("r") TEXT(
            "s") "<DataField name='f' optype='continuous' dataType='float'/>"
                 "<DataField name='n' optype='continuous' dataType='integer'/>"
                 "<DataField name='b' optype='categorical' dataType='boolean'/>"
                 "<DataField name='o' optype='ordinal' dataType='string'>");
    for (const char *v = "abcde"; *v; v++) {
        put(t, "<Value value='%c'/>", *v);
    }
    put(t,
        "<Value value='f g'/></DataField>"
        "<DataField name='y' optype='%s' dataType='%s'/></DataDictionary>"
        "<TransformationDictionary>"
        "<DerivedField name='d' optype='continuous' dataType='double'>"
        "<Apply function='+'><FieldRef field='x'/><FieldRef field='z'/>"
        "</Apply></DerivedField>"
        "<DerivedField name='t' optype='categorical' dataType='string'>"
        "<FieldRef field='s'/></DerivedField></TransformationDictionary>"
        "<MiningModel functionName='%s'%s>" MINING
        "<MiningField name='y' usageType='target'/></MiningSchema>",
        s->classes ? "categorical" : "continuous",
        s->classes ? "string" : "double",
        s->classes ? "classification" : "regression",
        floats ? " x-mathContext='float'" : "");
    if (s->classes) {
        put(t, "<Output><OutputField name='p' optype='categorical' "
               "dataType='string' feature='predictedValue'/>");
        for (int k = 0; k < s->classes; k++) {
            put(t,
                "<OutputField name='p%d' optype='continuous' "
                "dataType='double' feature='probability' value='k%d'/>",
                k, k);
        }
        put(t, "</Output>");
    }
    put(t, "<Segmentation multipleModelMethod='%s'>", method);
}

static const char *any_method(chance *c, const shape *s)
{
    static const char *const numbers[] = {
        "sum",           "average", "weightedAverage",
        "x-weightedSum", "median",  "x-weightedMedian"};
    static const char *const votes[] = {"majorityVote", "weightedMajorityVote"};
    static const char *const shares[] = {"average", "weightedAverage", "max",
                                         "median"};

    return !s->classes ? numbers[pick(c, 6)]
           : s->votes  ? votes[pick(c, 2)]
                       : shares[pick(c, 4)];
}

static void put_document(text *t, uint64_t seed)
{
    static const char *const strategies[] = {"none", "lastPrediction",
                                             "defaultChild", "defaultChild",
                                             "nullPrediction"};
    static const char *const no_true[] = {"returnNullPrediction",
                                          "returnLastPrediction"};
    shape s = {.chance = {seed * 2654435761u + 1}};
    chance *c = &s.chance;

    t->used = 0;
    s.classes = pick(c, 2) ? 0 : 2 + (int)pick(c, 3);
    s.votes = s.classes && pick(c, 2);
    s.plain = (int)pick(c, 2);
    s.deepest = pick(c, 16) ? 5 : 9;
    const char *method = any_method(c, &s);
    const int floats = pick(c, 3) == 0;

    put_head(t, &s, method, floats);
    for (uint32_t i = 0, trees = 2 + pick(c, s.deepest > 5 ? 2 : 8); i < trees;
         i++) {
        s.strategy = strategies[pick(c, 5)];
        s.no_true = no_true[pick(c, 6) > 0];
        put(t,
            "<Segment id='%u' weight='%g'><True/>"
            "<TreeModel functionName='%s' missingValueStrategy='%s' "
            "noTrueChildStrategy='%s'%s>" MINING "</MiningSchema>",
            i + 1, 0.25 + pick(c, 8) * 0.3,
            s.classes ? "classification" : "regression", s.strategy, s.no_true,
            floats ? " x-mathContext='float'" : "");
        s.next_id = 1;

        char *root = pick(c, 20) ? strdup("<True/>") : any_predicate(c);

        put_node(t, &s, 0, 0, root);
        free(root);
        put(t, "</TreeModel></Segment>");
    }
    put(t, "</Segmentation></MiningModel></PMML>");
}

/* --- rows -----------------------------------------------------------------*/

static void put_cell(text *t, chance *c, const char *field)
{
    const uint32_t kind = pick(c, 36);

    if (kind == 0 || (kind < 3 && *field != 'r')) {
        return; /* missing */
    }
    if (kind == 5 && pick(c, 3) == 0 && strchr("xzr", *field)) {
        static const char *const odd[] = {"1e300", "-0.0", "NaN", "-Infinity"};

        put(t, "%s", odd[pick(c, 4)]);
        return;
    }
    if (kind == 6 && *field == 's') {
        put(t, "unheard");
        return;
    }
    put_value(t, c, field);
}

static void put_rows(text *t, uint64_t seed)
{
    static const char *const columns[] = {"x", "z", "f", "n",
                                          "b", "s", "o", "r"};
    chance c = {seed};

    t->used = 0;
    put(t, "x,z,f,n,b,s,o,r\n");
    for (int row = 0; row < ROWS; row++) {
        for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
            put(t, i ? "," : "");
            put_cell(t, &c, columns[i]);
        }
        put(t, "\n");
    }
}

/* --- comparing ------------------------------------------------------------*/

/** What was seen over all documents, so that the test cannot pass by testing
 *  nothing. */
typedef struct tally {
    size_t compiled, packed, early, rows, by_forest;
} tally;

static size_t count_lines(const char *a, const char *b)
{
    size_t same = 0;

    while (*a && *b) {
        const size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");

        same += n == m && memcmp(a, b, n) == 0;
        a += n + 1;
        b += m + 1;
    }
    return same;
}

/** Without anything below their roots, trees give nothing when they are
 *  walked: answers that stay are the forest's. */
static void count_forest_rows(const mlscore_model *model, const char *rows,
                              const char *answer, tally *seen)
{
    pmml_plan *plan = model->plan;
    pmml_node *nodes = (pmml_node *)plan->nodes;

    for (uint32_t i = 0; i < plan->trees_count; i++) {
        pmml_node *root = &nodes[plan->trees[i].root];

        root->score = PMML_NONE;
        root->share_count = 0;
        root->child_count = 0;
    }
    char *without = model_answer(model, rows);

    seen->rows += ROWS;
    seen->by_forest += count_lines(answer, without) - 1; /* the header */
    free(without);
}

static char *one_by_one(const mlscore_model *model, const char *rows)
{
    const size_t head = strcspn(rows, "\n") + 1;
    mlscore_buffer all = {0};
    const char *row = rows + head;

    while (*row) {
        const size_t length = strcspn(row, "\n") + 1;
        char *one = malloc(head + length + 1);

        assert_non_null(one);
        memcpy(one, rows, head);
        memcpy(one + head, row, length);
        one[head + length] = '\0';
        char *answer = model_answer(model, one);
        const char *start =
            row == rows + head ? answer : answer + strcspn(answer, "\n") + 1;

        mlscore_buffer_append(&all, start, strlen(start));
        free(answer);
        free(one);
        row += length;
    }
    assert_int_equal(mlscore_buffer_append(&all, "", 1), MLSCORE_OK);
    return all.bytes;
}

static void compare(const char *document, const char *rows, uint64_t seed,
                    tally *seen)
{
    mlscore_error err;
    void *image = NULL;
    size_t size;
    mlscore_model *model;

    if (mlscore_compile_memory(document, strlen(document), &image, &size, NULL,
                               &err) != MLSCORE_OK) {
        return;
    }
    seen->compiled++;
    assert_int_equal(mlscore_model_open_memory(&model, image, size, &err),
                     MLSCORE_OK);
    pmml_plan *plan = model->plan;

    if (plan->forests_count > 0) {
        char *fast = model_answer(model, rows);
        char *single = one_by_one(model, rows);

        plan->walk_only = 1;
        char *slow = model_answer(model, rows);

        plan->walk_only = 0;
        if (strcmp(fast, slow) != 0 || strcmp(single, slow) != 0) {
            print_message("%s\n", document);
            fail_msg("seed %llu: the forest gives\n%s\none by one\n%s\n"
                     "the walk\n%s\n",
                     (unsigned long long)seed, fast, single, slow);
        }
        seen->packed++;
        seen->early += plan->early_forests > 0;
        count_forest_rows(model, rows, slow, seen);
        free(fast);
        free(single);
        free(slow);
    }
    mlscore_model_close(model);
    free(image);
}

static void test_random_ensembles(void **state)
{
    text *document = new_text(DOCUMENT_SIZE);
    text *rows = new_text(SMALL_SIZE);
    tally seen = {0};

    (void)state;
    for (uint64_t seed = 1; seed <= DOCUMENTS; seed++) {
        put_document(document, seed);
        put_rows(rows, seed);
        compare(document->bytes, rows->bytes, seed, &seen);
    }
    print_message("%zu documents compiled, %zu packed (%zu early); %zu of "
                  "%zu rows by the forest\n",
                  seen.compiled, seen.packed, seen.early, seen.by_forest,
                  seen.rows);
    assert_true(seen.compiled > DOCUMENTS * 9 / 10);
    assert_true(seen.packed > seen.compiled / 2);
    assert_true(seen.by_forest > seen.rows / 5);
    free(document);
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_ensembles)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
