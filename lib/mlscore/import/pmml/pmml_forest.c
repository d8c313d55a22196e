/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which ensembles the shared forest kernel can score, and handing it their
 * trees. The plan keeps the trees themselves: rows that the kernel cannot
 * decide (a missing field without a way to go, a tie) are walked.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "import/pmml/pmml_forest.h"

/** Leaves times outputs, all trees: 64 MB of numbers. */
#define MAX_LEAF_VALUES ((size_t)8 << 20)

static forest_tables find_tables(pmml_import *in)
{
#define TABLE(name) in->tables[PMML_TABLE_##name].rows
    return (forest_tables){.models = TABLE(models),
                           .minings = TABLE(minings),
                           .segments = TABLE(segments),
                           .trees = TABLE(trees),
                           .nodes = TABLE(nodes),
                           .shares = TABLE(shares),
                           .predicates = TABLE(predicates),
                           .constants = TABLE(constants),
                           .slots = TABLE(slots),
                           .treatments = TABLE(treatments),
                           .exprs = TABLE(exprs),
                           .words = TABLE(words)};
#undef TABLE
}

static void check(pmml_import *in, mlscore_status status)
{
    if (status != MLSCORE_OK) {
        in->status = status;
        longjmp(in->out, 1);
    }
}

/* --- which ----------------------------------------------------------------*/

/** A Target that leaves numbers as they are. */
static int plain_target(pmml_import *in, const pmml_model *model)
{
    if (model->target == PMML_NONE) {
        return 1;
    }
    const pmml_target *target =
        mlscore_pmml_at(in, PMML_TABLE_targets, model->target);

    return !(target->flags & (PMML_TARGET_MIN | PMML_TARGET_MAX)) &&
           target->factor == 1.0 && target->constant == 0.0 &&
           target->cast == PMML_CAST_NONE;
}

/** Only trees, which always take part and whose own results nobody sees. */
static int is_plain_ensemble(forest_lowering *l, const pmml_mining *mining)
{
    for (uint32_t i = 0; i < mining->segment_count; i++) {
        const pmml_segment *segment =
            &l->tables.segments[mining->segment_first + i];
        const pmml_model *model = &l->tables.models[segment->model];

        if (l->tables.predicates[segment->predicate].op != PMML_TEST_TRUE ||
            model->kind != PMML_TREE || model->output_count > 0 ||
            !plain_target(l->in, model)) {
            return 0;
        }
    }
    return mining->segment_count > 1;
}

/** Some Output looks at the result of a segment. */
static int is_seen(forest_lowering *l, const pmml_mining *mining)
{
    for (uint32_t i = 0; i < mining->segment_count; i++) {
        if (l->seen[l->tables.segments[mining->segment_first + i].model]) {
            return 1;
        }
    }
    return 0;
}

/** Which models' results Outputs look at, and whether any ranks categories. */
static void read_outputs(forest_lowering *l)
{
    const uint32_t count = mlscore_pmml_rows(l->in, PMML_TABLE_outputs);

    for (uint32_t i = 0; i < count; i++) {
        const pmml_output *output =
            mlscore_pmml_at(l->in, PMML_TABLE_outputs, i);

        if (output->source != PMML_NONE) {
            l->seen[output->source] = 1;
        }
        l->ranks |= output->rank > 1 || output->ascending;
    }
}

/** The ensemble that each model is a segment of, or none. */
static void read_parents(forest_lowering *l)
{
    const uint32_t count = mlscore_pmml_rows(l->in, PMML_TABLE_models);

    memset(l->parents, 0xff, count * sizeof(*l->parents));
    for (uint32_t i = 0; i < count; i++) {
        const pmml_model *model = &l->tables.models[i];

        if (model->kind != PMML_MINING) {
            continue;
        }
        const pmml_mining *mining = &l->tables.minings[model->body];

        for (uint32_t k = 0; k < mining->segment_count; k++) {
            l->parents[l->tables.segments[mining->segment_first + k].model] = i;
        }
    }
}

/** Sums of categories whose order is not known must not be summed again. */
static int order_matters(forest_lowering *l, uint32_t model)
{
    const uint32_t parent = l->parents[model];

    return parent != PMML_NONE &&
           l->tables.minings[l->tables.models[parent].body].method <
               PMML_SELECT_FIRST;
}

/** The model is evaluated in each row. */
static int always_runs(forest_lowering *l, uint32_t model, uint32_t top)
{
    while (model != top) {
        const uint32_t parent = l->parents[model];

        if (parent == PMML_NONE) {
            return 0;
        }
        const pmml_mining *mining =
            &l->tables.minings[l->tables.models[parent].body];

        for (uint32_t k = 0; k < mining->segment_count; k++) {
            const pmml_segment *segment =
                &l->tables.segments[mining->segment_first + k];

            if (l->tables.predicates[segment->predicate].op != PMML_TEST_TRUE) {
                return 0;
            }
            if (segment->model == model) {
                break;
            }
            if (mining->method == PMML_SELECT_FIRST) {
                return 0;
            }
        }
        model = parent;
    }
    return 1;
}

static int expr_from_cells(forest_lowering *l, uint32_t index, unsigned depth);

/** The field's value does not wait for another model's result. */
static int from_cells(forest_lowering *l, uint32_t index, unsigned depth)
{
    const pmml_slot *slot = &l->tables.slots[index];

    while (slot->kind == PMML_SLOT_TREATED) {
        slot = &l->tables.slots[slot->source];
    }
    return slot->kind == PMML_SLOT_COLUMN ||
           (slot->kind == PMML_SLOT_DERIVED &&
            expr_from_cells(l, slot->source, depth));
}

/** Deeply nested ones wait. */
static int expr_from_cells(forest_lowering *l, uint32_t index, unsigned depth)
{
    const pmml_expr *expr = &l->tables.exprs[index];

    if (depth == 0 || ++l->work > l->work_limit) {
        return 0;
    }
    switch (expr->op) {
    case PMML_OP_CONSTANT:
        return 1;
    case PMML_OP_FIELD:
    case PMML_OP_NORM_CONTINUOUS:
    case PMML_OP_NORM_DISCRETE:
    case PMML_OP_DISCRETIZE:
        return from_cells(l, expr->a, depth - 1);
    case PMML_OP_CAST:
        return expr_from_cells(l, expr->a, depth - 1);
    case PMML_OP_APPLY:
    case PMML_OP_MAP_VALUES:
        for (uint32_t i = 0; i < expr->b; i++) {
            const uint32_t word = l->tables.words[expr->a + i];

            if (!(expr->op == PMML_OP_APPLY
                      ? expr_from_cells(l, word, depth - 1)
                      : from_cells(l, word, depth - 1))) {
                return 0;
            }
        }
        return 1;
    default:
        return 0;
    }
}

/* --- weights --------------------------------------------------------------*/

/** What sums are divided by; 0 when weights do not allow it. */
static int find_divisor(forest_lowering *l, forest_leaves *leaves,
                        const pmml_model *all, const pmml_mining *mining)
{
    const int weighted = mining->method == PMML_WEIGHTED_AVERAGE ||
                         mining->method == PMML_WEIGHTED_MAJORITY_VOTE;
    int whole = 1;
    double sum = 0.0;

    for (uint32_t i = 0; i < mining->segment_count; i++) {
        const double weight =
            weighted ? l->tables.segments[mining->segment_first + i].weight
                     : 1.0;

        sum = leaves->kind == PMML_FOREST_NUMBER
                  ? forest_round(all, sum + forest_round(all, weight))
                  : sum + weight;
        whole &= weight == floor(weight) && weight < 1e6;
    }
    if (mining->method == PMML_AVERAGE ||
        mining->method == PMML_WEIGHTED_AVERAGE) {
        leaves->divisor = sum;
    }
    /* Votes are added up in the order in which categories were voted for:
     * that does not matter to two, nor to whole numbers. */
    return leaves->kind != PMML_FOREST_VOTES || whole ||
           leaves->categories.count <= 2;
}

/* --- packing --------------------------------------------------------------*/

static void add_split(forest_lowering *l, uint32_t number)
{
    pmml_import *in = l->in;
    mlscore_forest_builder *builder = in->forest_builder;
    const split_node *node = &l->splits[number];

    switch (node->kind) {
    case SPLIT_EQUAL:
        check(in,
              mlscore_forest_split(builder, number, node->feature,
                                   MLSCORE_SPLIT_EQ, node->cut, node->first,
                                   node->second, node->missing_first, in->err));
        break;
    case SPLIT_MEMBER:
        check(in, mlscore_forest_split_set(builder, number, node->feature,
                                           node->bits, node->bit_count,
                                           node->first, node->second,
                                           node->missing_first, in->err));
        break;
    default:
        check(in, mlscore_forest_split(
                      builder, number, node->feature, MLSCORE_SPLIT_LT,
                      node->kind == SPLIT_PRESENT ? INFINITY : node->cut,
                      node->first, node->second, node->missing_first, in->err));
        break;
    }
}

static int add_tree(forest_lowering *l, forest_leaves *leaves,
                    const pmml_model *all, const pmml_segment *segment,
                    const uint32_t *outputs, size_t *left)
{
    pmml_import *in = l->in;
    const uint32_t count =
        leaves->categories.count ? leaves->categories.count : 1;
    const pmml_model *model = &l->tables.models[segment->model];

    if (!mlscore_pmml_forest_split(l, &l->tables.trees[model->body])) {
        return 0;
    }
    l->split_limit -= l->split_count;
    mlscore_pmml_list_add(in, &leaves->firsts, leaves->nodes.count);
    check(in, mlscore_forest_tree(in->forest_builder, (uint32_t)l->split_count,
                                  in->err));
    for (uint32_t i = 0; i < l->split_count; i++) {
        if (leaves->kind == PMML_FOREST_LEAVES) {
            mlscore_pmml_list_add(in, &leaves->nodes, l->splits[i].node);
        }
        if (l->splits[i].kind != SPLIT_LEAF) {
            add_split(l, i);
            continue;
        }
        if (*left < count || !mlscore_pmml_forest_leaf(l, leaves, all, segment,
                                                       l->splits[i].node)) {
            return 0;
        }
        *left -= count;
        check(in, mlscore_forest_leaf(in->forest_builder, i, outputs,
                                      leaves->values, count, in->err));
    }
    return 1;
}

/** All trees into in->forest_builder; 0 when they do not fit. */
static int build_trees(forest_lowering *l, forest_leaves *leaves,
                       const pmml_model *all, const pmml_mining *mining)
{
    pmml_import *in = l->in;
    const uint32_t count =
        leaves->categories.count ? leaves->categories.count : 1;
    const mlscore_forest_options options = {
        .feature_count = (uint32_t)l->feature_count,
        .output_count = count,
        .number = MLSCORE_FOREST_DOUBLE,
        .sum = all->float_math ? MLSCORE_FOREST_SUM_FLOAT
                               : MLSCORE_FOREST_SUM_DOUBLE};
    uint32_t *outputs = mlscore_pmml_alloc(in, count, sizeof(*outputs));
    size_t left = MAX_LEAF_VALUES;

    for (uint32_t i = 0; i < count; i++) {
        outputs[i] = i;
    }
    leaves->values = mlscore_pmml_alloc(in, count, sizeof(double));
    check(in, mlscore_forest_builder_create(&in->forest_builder, &options,
                                            in->err));
    for (uint32_t i = 0; i < mining->segment_count; i++) {
        if (!add_tree(l, leaves, all,
                      &l->tables.segments[mining->segment_first + i], outputs,
                      &left)) {
            return 0;
        }
    }
    return 1;
}

static uint32_t add_features(forest_lowering *l)
{
    pmml_import *in = l->in;
    const uint32_t first =
        mlscore_pmml_reserve(in, PMML_TABLE_forest_features, l->feature_count);

    for (size_t i = 0; i < l->feature_count; i++) {
        const split_feature *feature = &l->features[i];
        pmml_forest_feature record = {
            .slot = feature->slot,
            .kind = feature->kind,
            .code_count = mlscore_pmml_forest_code_count(feature),
            .required = feature->required != 0};

        if (feature->kind == PMML_SPLIT_NUMBER_CODE) {
            record.code_first = mlscore_pmml_reserve(in, PMML_TABLE_numbers,
                                                     feature->number_count);
            memcpy(mlscore_pmml_at(in, PMML_TABLE_numbers, record.code_first),
                   feature->numbers, feature->number_count * sizeof(double));
        }
        else {
            record.code_first = mlscore_pmml_list_words(in, &feature->symbols);
        }
        memcpy(mlscore_pmml_at(in, PMML_TABLE_forest_features,
                               first + (uint32_t)i),
               &record, sizeof(record));
    }
    return first;
}

/** The packed bytes, aligned to 64. */
static uint32_t add_bytes(pmml_import *in, size_t size)
{
    const size_t used = mlscore_pmml_rows(in, PMML_TABLE_forest_bytes);
    const size_t gap = (64 - used % 64) % 64;
    const uint32_t first =
        mlscore_pmml_reserve(in, PMML_TABLE_forest_bytes, gap + size);

    memset(mlscore_pmml_at(in, PMML_TABLE_forest_bytes, first), 0, gap);
    memcpy(mlscore_pmml_at(in, PMML_TABLE_forest_bytes, first + (uint32_t)gap),
           in->forest_bytes, size);
    return first + (uint32_t)gap;
}

static int early(forest_lowering *l, uint32_t model, uint32_t top)
{
    for (size_t i = 0; i < l->feature_count; i++) {
        if (!from_cells(l, l->features[i].slot, 16)) {
            return 0;
        }
    }
    return always_runs(l, model, top);
}

/** Which node of PMML's trees each of the kernel's leaves is. */
static uint32_t add_nodes(pmml_import *in, const forest_leaves *leaves)
{
    const uint32_t first = mlscore_pmml_list_words(in, &leaves->firsts);

    mlscore_pmml_add_word(in, leaves->nodes.count);
    mlscore_pmml_list_words(in, &leaves->nodes);
    return first;
}

static void add_forest(forest_lowering *l, forest_leaves *leaves,
                       uint32_t model, uint32_t top)
{
    pmml_import *in = l->in;
    const uint32_t body = l->tables.models[model].body;
    const uint32_t flags = leaves->flags |
                           (early(l, model, top) ? PMML_FOREST_EARLY : 0) |
                           (l->ranks ? PMML_FOREST_DISTINCT : 0);
    size_t size;

    check(in, mlscore_forest_builder_finish(in->forest_builder,
                                            &in->forest_bytes, &size, in->err));
    pmml_forest forest = {
        .feature_count = (uint32_t)l->feature_count,
        .size = (uint32_t)size,
        .output_count = leaves->categories.count ? leaves->categories.count : 1,
        .kind = leaves->kind,
        .flags = flags,
        .divisor = leaves->divisor};

    forest.feature_first = add_features(l);
    forest.category_first =
        leaves->kind == PMML_FOREST_LEAVES
            ? add_nodes(in, leaves)
            : mlscore_pmml_list_words(in, &leaves->categories);
    if (size < UINT32_MAX / 4) {
        forest.offset = add_bytes(in, size);
        const uint32_t number =
            mlscore_pmml_add(in, PMML_TABLE_forests, &forest);

        ((pmml_mining *)mlscore_pmml_at(in, PMML_TABLE_minings, body))->forest =
            number;
    }
    free(in->forest_bytes);
    in->forest_bytes = NULL;
}

/** Collect what the trees compare and give. */
static int survey(forest_lowering *l, forest_leaves *leaves,
                  const pmml_model *all, const pmml_mining *mining)
{
    for (uint32_t i = 0; i < mining->segment_count; i++) {
        const pmml_segment *segment =
            &l->tables.segments[mining->segment_first + i];
        const pmml_model *model = &l->tables.models[segment->model];
        const uint32_t root = l->tables.trees[model->body].root;

        if (!mlscore_pmml_forest_collect(l, root) ||
            !mlscore_pmml_forest_categories(l, leaves, all, model, root)) {
            return 0;
        }
    }
    return mlscore_pmml_forest_codes(l) && l->feature_count > 0 &&
           (leaves->kind == PMML_FOREST_NUMBER ||
            leaves->kind == PMML_FOREST_LEAVES || leaves->categories.count > 0);
}

/** Pack an ensemble as one kind of forest; 0 when it is none. */
static int try_kind(forest_lowering *l, forest_leaves *leaves, uint32_t model,
                    uint32_t top)
{
    const pmml_model *all = &l->tables.models[model];
    const pmml_mining *mining = &l->tables.minings[all->body];
    const int fits =
        survey(l, leaves, all, mining) &&
        find_divisor(l, leaves, all, mining) &&
        !((leaves->flags & PMML_FOREST_UNORDERED) && order_matters(l, model)) &&
        build_trees(l, leaves, all, mining);

    if (fits) {
        add_forest(l, leaves, model, top);
        l->tables = find_tables(l->in); /* some have moved */
    }
    mlscore_forest_builder_free(l->in->forest_builder);
    l->in->forest_builder = NULL;
    mlscore_pmml_forest_forget(l);
    return fits;
}

/** By sums if that can be, else by leaves. */
static void lower_ensemble(forest_lowering *l, uint32_t model, uint32_t top)
{
    const pmml_model *all = &l->tables.models[model];
    const pmml_mining *mining = &l->tables.minings[all->body];
    forest_leaves sums = {0};
    forest_leaves leaves = {.kind = PMML_FOREST_LEAVES, .divisor = 1.0};

    if (!is_plain_ensemble(l, mining) || is_seen(l, mining)) {
        return;
    }
    if (!mlscore_pmml_forest_kind(&sums, all, mining) ||
        !try_kind(l, &sums, model, top)) {
        try_kind(l, &leaves, model, top);
    }
}

void mlscore_pmml_forests(pmml_import *in, uint32_t top)
{
    const uint32_t slots = mlscore_pmml_rows(in, PMML_TABLE_slots);
    const uint32_t predicates = mlscore_pmml_rows(in, PMML_TABLE_predicates);
    const uint32_t models = mlscore_pmml_rows(in, PMML_TABLE_models);
    forest_lowering l = {.in = in, .tables = find_tables(in)};

    l.plain_of = mlscore_pmml_alloc(in, slots, sizeof(uint32_t));
    l.code_of = mlscore_pmml_alloc(in, slots, sizeof(uint32_t));
    l.bits_of = mlscore_pmml_alloc(in, predicates, sizeof(*l.bits_of));
    const size_t nodes = mlscore_pmml_rows(in, PMML_TABLE_nodes);

    /* Of all ensembles together; trees seldom need twice their nodes. */
    l.split_limit = 4 * nodes + 1024;
    l.work_limit = 500 * nodes + 1000000;
    l.seen = mlscore_pmml_alloc(in, models, sizeof(*l.seen));
    l.parents = mlscore_pmml_alloc(in, models, sizeof(*l.parents));
    read_outputs(&l);
    read_parents(&l);
    for (uint32_t i = 0; i < models; i++) {
        const pmml_model *model = &l.tables.models[i];

        if (model->kind == PMML_MINING &&
            l.tables.minings[model->body].method < PMML_SELECT_FIRST) {
            lower_ensemble(&l, i, top);
        }
    }
}
