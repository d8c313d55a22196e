/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verifying a plan once, so that evaluation can trust every index in it:
 * texts, constants, fields, expressions, predicates.
 */

#include <string.h>

#include "base/alloc.h"
#include "eval/pmml/pmml_verify.h"
#include "ir/pmml_function.h"

#define MAX_DEPTH 3000 /* of fields and expressions inside one another */

int mlscore_pmml_check_words(const pmml_check *check, uint32_t first,
                             uint32_t count, uint32_t limit, int or_none)
{
    const pmml_plan *plan = check->plan;

    if (!pmml_range(first, count, plan->words_count)) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t word = plan->words[first + i];

        if (word >= limit && !(or_none && word == PMML_NONE)) {
            return 0;
        }
    }
    return 1;
}

int mlscore_pmml_check_scratch(const pmml_check *check, uint32_t first,
                               size_t count)
{
    const uint32_t total = check->plan->head->number_count;

    return first <= total && count <= total - first;
}

static int check_head(pmml_check *check)
{
    const pmml_plan *plan = check->plan;

    return plan->head_count == 1 &&
           plan->head->version == PMML_PLAN_VERSION &&
           plan->head->model < plan->models_count &&
           plan->head->result_count <= PMML_MAX_RESULTS &&
           plan->head->number_count <= PMML_MAX_NUMBERS &&
           plan->head->column_count == check->inputs->field_count &&
           plan->head->output_count == check->outputs->field_count;
}

static int check_symbols(pmml_check *check)
{
    const pmml_plan *plan = check->plan;

    for (uint32_t i = 0; i < plan->symbols_count; i++) {
        const pmml_symbol *symbol = &plan->symbols[i];

        if (symbol->length >= UINT32_MAX / 2 ||
            !pmml_range(symbol->offset, symbol->length + 1,
                        plan->text_count) ||
            plan->text[symbol->offset + symbol->length] != '\0') {
            return 0;
        }
    }
    for (uint32_t i = 0; i < plan->constants_count; i++) {
        const pmml_constant *constant = &plan->constants[i];

        if (constant->symbol >= plan->symbols_count ||
            constant->type == PMML_MISSING ||
            constant->type >= PMML_TYPE_COUNT) {
            return 0;
        }
    }
    return 1;
}

static int check_treatments(pmml_check *check)
{
    const pmml_plan *plan = check->plan;

    for (uint32_t i = 0; i < plan->intervals_count; i++) {
        if (!pmml_optional(plan->intervals[i].value,
                           plan->constants_count)) {
            return 0;
        }
    }
    for (uint32_t i = 0; i < plan->treatments_count; i++) {
        const pmml_treatment *t = &plan->treatments[i];

        if (t->value_count > plan->words_count / 2 ||
            !pmml_range(t->value_first, 2 * t->value_count,
                        plan->words_count) ||
            !pmml_range(t->interval_first, t->interval_count,
                        plan->intervals_count) ||
            !pmml_optional(t->invalid_replacement, plan->constants_count) ||
            !pmml_optional(t->missing_replacement, plan->constants_count) ||
            t->type > PMML_DYNAMIC || t->invalid >= PMML_INVALID_COUNT ||
            t->outliers >= PMML_OUTLIER_COUNT) {
            return 0;
        }
        for (uint32_t k = 0; k < t->value_count; k++) {
            const uint32_t *pair = plan->words + t->value_first + 2 * k;

            if (pair[0] >= plan->constants_count ||
                pair[1] >= PMML_PROPERTY_COUNT) {
                return 0;
            }
        }
    }
    return 1;
}

static int check_slots(pmml_check *check)
{
    const pmml_plan *plan = check->plan;

    for (uint32_t i = 0; i < plan->slots_count; i++) {
        const pmml_slot *slot = &plan->slots[i];
        const int treated = slot->treatment < plan->treatments_count;
        int sound = slot->kind < PMML_SLOT_KIND_COUNT &&
                    slot->name < plan->symbols_count &&
                    slot->type <= PMML_DYNAMIC &&
                    slot->type != PMML_TYPE_COUNT &&
                    slot->optype < PMML_OPTYPE_COUNT;

        switch (slot->kind) {
        case PMML_SLOT_COLUMN:
            sound &= treated && slot->source < plan->head->column_count;
            break;
        case PMML_SLOT_TREATED:
            sound &= treated && slot->source < plan->slots_count;
            break;
        case PMML_SLOT_DERIVED:
            sound &= slot->source < plan->exprs_count;
            break;
        default:
            break;
        }
        if (!sound) {
            return 0;
        }
    }
    return 1;
}

/* --- expressions ----------------------------------------------------------*/

static int check_text_indexes(const pmml_plan *plan)
{
    for (uint32_t i = 0; i < plan->text_norms_count; i++) {
        const pmml_text_norm *norm = &plan->text_norms[i];

        if (norm->row_count > plan->words_count / 2) {
            return 0;
        }
        const pmml_check words = {.plan = (pmml_plan *)plan};

        if (!mlscore_pmml_check_words(&words, norm->row_first,
                                      2 * norm->row_count,
                                      plan->symbols_count, 0)) {
            return 0;
        }
    }
    for (uint32_t i = 0; i < plan->text_indexes_count; i++) {
        const pmml_text_index *index = &plan->text_indexes[i];

        if (index->text >= plan->slots_count ||
            index->term >= plan->exprs_count ||
            index->pattern >= plan->symbols_count ||
            index->weights >= PMML_WEIGHT_COUNT || index->distance > 1000 ||
            !pmml_range(index->norm_first, index->norm_count,
                        plan->text_norms_count)) {
            return 0;
        }
    }
    return 1;
}

static int check_map_values(const pmml_check *check, const pmml_expr *expr)
{
    const pmml_plan *plan = check->plan;
    uint64_t words;

    if (expr->b == 0 || expr->b > plan->words_count ||
        expr->c > plan->words_count) {
        return 0;
    }
    words = (uint64_t)(expr->b + 1) * expr->c;
    return words <= plan->words_count &&
           pmml_optional(expr->d, plan->constants_count) &&
           pmml_optional(expr->e, plan->constants_count) &&
           mlscore_pmml_check_words(check, expr->a, expr->b,
                                    plan->slots_count, 0) &&
           mlscore_pmml_check_words(check, expr->a + expr->b,
                                    (uint32_t)words, plan->constants_count, 1);
}

static int check_apply(const pmml_check *check, const pmml_expr *expr)
{
#define FUNCTION_ARITY(id, name, least, most, result) {least, most},
    static const struct {
        uint32_t least, most;
    } arity[PMML_F_COUNT] = {PMML_FUNCTIONS(FUNCTION_ARITY)};
#undef FUNCTION_ARITY
    const pmml_plan *plan = check->plan;

    return expr->c < PMML_F_COUNT && expr->b >= arity[expr->c].least &&
           (expr->b <= arity[expr->c].most ||
            arity[expr->c].most == PMML_MANY) &&
           expr->f < PMML_INVALID_COUNT &&
           pmml_optional(expr->d, plan->constants_count) &&
           pmml_optional(expr->e, plan->constants_count) &&
           mlscore_pmml_check_words(check, expr->a, expr->b,
                                    plan->exprs_count, 0);
}

static int check_expr(const pmml_check *check, const pmml_expr *expr)
{
    const pmml_plan *plan = check->plan;
    const int slot = expr->a < plan->slots_count;

    switch (expr->op) {
    case PMML_OP_CONSTANT:
        return pmml_optional(expr->a, plan->constants_count);
    case PMML_OP_FIELD:
        return slot && pmml_optional(expr->b, plan->constants_count);
    case PMML_OP_NORM_CONTINUOUS:
        return slot && expr->c >= 2 && expr->c <= plan->numbers_count / 2 &&
               pmml_range(expr->b, 2 * expr->c, plan->numbers_count) &&
               expr->d < PMML_OUTLIER_COUNT &&
               pmml_optional(expr->e, plan->numbers_count);
    case PMML_OP_NORM_DISCRETE:
        return slot && expr->b < plan->constants_count &&
               pmml_optional(expr->e, plan->numbers_count);
    case PMML_OP_DISCRETIZE:
        return slot &&
               pmml_range(expr->b, expr->c, plan->intervals_count) &&
               pmml_optional(expr->d, plan->constants_count) &&
               pmml_optional(expr->e, plan->constants_count);
    case PMML_OP_MAP_VALUES:
        return check_map_values(check, expr);
    case PMML_OP_APPLY:
        return check_apply(check, expr);
    case PMML_OP_TEXT_INDEX:
        return expr->a < plan->text_indexes_count;
    case PMML_OP_CAST:
        return expr->a < plan->exprs_count;
    default:
        return 0;
    }
}

static int check_exprs(pmml_check *check)
{
    const pmml_plan *plan = check->plan;

    for (uint32_t i = 0; i < plan->exprs_count; i++) {
        if (plan->exprs[i].type > PMML_DYNAMIC ||
            plan->exprs[i].type == PMML_TYPE_COUNT ||
            !check_expr(check, &plan->exprs[i])) {
            return 0;
        }
    }
    return check_text_indexes(plan);
}

/* --- no cycles, and how much stack functions need -------------------------*/

#define UNSEEN UINT32_MAX
#define WALKING (UINT32_MAX - 1)

static uint32_t expr_need(pmml_check *check, uint32_t index, unsigned depth);

/** Needs of WALKING or more mean a cycle, or too deep. */
static uint32_t slot_need(pmml_check *check, uint32_t index, unsigned depth)
{
    const pmml_slot *slot = &check->plan->slots[index];
    uint32_t *need = &check->slot_needs[index];

    if (*need != UNSEEN) {
        return *need;
    }
    *need = WALKING;
    if (depth >= MAX_DEPTH) {
        return WALKING;
    }
    const uint32_t found =
        slot->kind == PMML_SLOT_TREATED
            ? slot_need(check, slot->source, depth + 1)
        : slot->kind == PMML_SLOT_DERIVED
            ? expr_need(check, slot->source, depth + 1)
            : 0;

    *need = found;
    return found;
}

static uint32_t most(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t arguments_need(pmml_check *check, const pmml_expr *expr,
                               unsigned depth)
{
    const uint32_t *words = check->plan->words + expr->a;
    uint32_t need = 0;

    for (uint32_t i = 0; i < expr->b; i++) {
        need = most(need,
                    expr->op == PMML_OP_MAP_VALUES
                        ? slot_need(check, words[i], depth + 1)
                        : expr_need(check, words[i], depth + 1));
    }
    return need >= WALKING || need > WALKING - 1 - expr->b
               ? WALKING
               : need + (expr->op == PMML_OP_APPLY ? expr->b : 0);
}

static uint32_t expr_need(pmml_check *check, uint32_t index, unsigned depth)
{
    const pmml_plan *plan = check->plan;
    const pmml_expr *expr = &plan->exprs[index];
    uint32_t *need = &check->expr_needs[index], found = 0;

    if (*need != UNSEEN) {
        return *need;
    }
    *need = WALKING;
    if (depth >= MAX_DEPTH) {
        return WALKING;
    }
    switch (expr->op) {
    case PMML_OP_CONSTANT:
        break;
    case PMML_OP_APPLY:
    case PMML_OP_MAP_VALUES:
        found = arguments_need(check, expr, depth);
        break;
    case PMML_OP_TEXT_INDEX:
        found = most(
            slot_need(check, plan->text_indexes[expr->a].text, depth + 1),
            expr_need(check, plan->text_indexes[expr->a].term, depth + 1));
        break;
    case PMML_OP_CAST:
        found = expr_need(check, expr->a, depth + 1);
        break;
    default:
        found = slot_need(check, expr->a, depth + 1);
        break;
    }
    *need = found;
    return found;
}

static int check_needs(pmml_check *check)
{
    pmml_plan *plan = check->plan;
    uint32_t need = 0;

    for (uint32_t i = 0; i < plan->slots_count && need < WALKING; i++) {
        need = most(need, slot_need(check, i, 0));
    }
    for (uint32_t i = 0; i < plan->exprs_count && need < WALKING; i++) {
        need = most(need, expr_need(check, i, 0));
    }
    plan->stack_size = need;
    return need < (1u << 24);
}

/* --- predicates -----------------------------------------------------------*/

static int check_predicates(pmml_check *check)
{
    const pmml_plan *plan = check->plan;

    for (uint32_t i = 0; i < plan->predicates_count; i++) {
        const pmml_predicate *p = &plan->predicates[i];
        check->depths[i] = 0;
        const int slot = p->slot < plan->slots_count;
        int sound;

        if (p->op <= PMML_TEST_FALSE) {
            sound = 1;
        }
        else if (p->op <= PMML_TEST_NOT_MISSING) {
            sound = slot;
        }
        else if (p->op <= PMML_TEST_GE) {
            sound = slot && p->a < plan->constants_count;
        }
        else if (p->op <= PMML_TEST_NOT_IN) {
            sound = slot && mlscore_pmml_check_words(
                                check, p->a, p->b, plan->constants_count, 0);
        }
        else {
            sound = p->op < PMML_TEST_COUNT && p->b >= 1 &&
                    mlscore_pmml_check_words(check, p->a, p->b, i, 0);
            for (uint32_t k = 0; sound && k < p->b; k++) {
                const uint32_t inner =
                    check->depths[plan->words[p->a + k]] + 1;

                check->depths[i] = most(check->depths[i], inner);
            }
            sound = sound && check->depths[i] <= PMML_NESTING;
        }
        if (!sound) {
            return 0;
        }
    }
    return 1;
}

int mlscore_pmml_check_fields(pmml_check *check)
{
    static const struct {
        const char *name;
        int (*check)(pmml_check *check);
    } parts[] = {
        {"head", check_head},         {"constants", check_symbols},
        {"treatments", check_treatments}, {"fields", check_slots},
        {"expressions", check_exprs}, {"order of fields", check_needs},
        {"predicates", check_predicates},
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        if (!parts[i].check(check)) {
            return pmml_fail_check(check, parts[i].name);
        }
    }
    return 1;
}

mlscore_status mlscore_pmml_verify(pmml_plan *plan,
                                   const mlscore_schema *inputs,
                                   const mlscore_schema *outputs,
                                   mlscore_error *err)
{
    pmml_check check = {.plan = plan, .inputs = inputs, .outputs = outputs};
    const size_t slots = plan->slots_count, exprs = plan->exprs_count;
    const size_t nested =
        (size_t)plan->predicates_count + plan->models_count;
    int sound;

    /* One block: needs of fields and expressions, depths of what nests. */
    check.slot_needs =
        mlscore_malloc_array(slots + exprs + nested, sizeof(uint32_t));
    if (!check.slot_needs) {
        return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    check.expr_needs = check.slot_needs + slots;
    check.depths = check.expr_needs + exprs;
    memset(check.slot_needs, 0xff, (slots + exprs) * sizeof(uint32_t));
    sound = mlscore_pmml_check_fields(&check) &&
            mlscore_pmml_check_models(&check);
    mlscore_free(check.slot_needs);
    return sound ? MLSCORE_OK
                 : mlscore_error_set(
                       err, MLSCORE_EIMAGE,
                       "the compiled PMML model is damaged (%s)", check.what);
}
