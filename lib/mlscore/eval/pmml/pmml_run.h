/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_PMML_RUN_H
#define MLSCORE_EVAL_PMML_RUN_H

/**
 * Inside the PMML engine: the opened plan, what one call to score needs, and
 * the functions that evaluate fields, expressions, predicates and models of
 * one row.
 *
 * Fields are evaluated when they are first asked for and remembered for the
 * row (epochs). Functions that can refuse a row return 0, or -1 after the
 * reason has been noted (mlscore_pmml_refuse); predicates return PMML_TRUE,
 * PMML_FALSE, PMML_UNKNOWN or -1.
 */

#include <stddef.h>
#include <stdint.h>

#include "eval/forest.h"
#include "image/image.h"
#include "ir/pmml_plan.h"
#include "ir/pmml_value.h"
#include "mlscore/frame.h"

/** How the cells of a field are read. */
typedef enum pmml_read_kind {
    PMML_READ_SLOT = 0, /* by treatment of the cell */
    PMML_READ_DOUBLE,   /* a number as it is */
    PMML_READ_FLOAT     /* a number rounded to float */
} pmml_read_kind;

typedef struct pmml_read {
    pmml_read_kind kind;
    uint32_t column;
    double missing; /* what stands for a missing value, or NAN */
    const pmml_interval *bounds; /* of valid numbers, or NULL */
} pmml_read;

/** An opened plan: the image's tables, and what is built once beside them. */
typedef struct pmml_plan {
#define PLAN_TABLE(name, type) \
    const type *name;          \
    uint32_t name##_count;
    PMML_TABLES(PLAN_TABLE)
#undef PLAN_TABLE
    uint32_t *symbol_slots; /* hash of the symbols */
    uint32_t symbol_mask;
    uint32_t **level_symbols; /* by input column: symbol of each level */
    void **patterns; /* two a symbol: a compiled regular expression that
                        minds case, and one that does not */
    mlscore_forest **opened;  /* by forest */
    pmml_value **instances;   /* by neighbor model: inputs of its instances */
    const char **refusals;    /* by neighbor model: why it has none, or NULL */
    struct mlscore_arena *arena; /* their texts */
    size_t forest_scratch;
    pmml_read *reads;         /* by slot */
    size_t *forest_at;        /* by forest: its numbers of a row, in doubles */
    size_t forest_width;      /* those of all forests */
    uint32_t forest_block;    /* rows evaluated at once, at most */
    uint32_t early_forests;   /* how many can be evaluated ahead of the rows */
    int walk_only;            /* use no forest (tests) */
    uint32_t stack_size; /* arguments of functions inside functions */
} pmml_plan;

enum { PMML_FALSE = 0, PMML_TRUE = 1, PMML_UNKNOWN = 2 };

/** What kind of numbers a result's categories have. */
typedef enum pmml_measure_kind {
    PMML_RESULT_PLAIN = 0,   /* a value alone */
    PMML_RESULT_PROBABILITY, /* classification */
    PMML_RESULT_DISTANCE,    /* clusters or neighbors: less is better */
    PMML_RESULT_SIMILARITY   /* more is better */
} pmml_result_kind;

/** The result of one model in the current row. Categories, their numbers and
 *  confidences lie in the run's arrays from the model's offset on. */
typedef struct pmml_result {
    pmml_value value;     /* the prediction; missing when there is none */
    uint32_t category;    /* the prediction's symbol, of a classification */
    uint32_t kind;
    uint32_t count;       /* of categories */
    uint32_t has_confidence;
    uint32_t entity;      /* symbol of the winning entity, or none */
    uint32_t redirect;    /* the segment's model whose result this is */
    uint32_t ranking;     /* categories are sorted, best first */
} pmml_result;

/** One call: everything lies in the caller's scratch memory. */
typedef struct pmml_run {
    const pmml_plan *plan;
    const mlscore_frame *in;
    mlscore_frame *out;
    size_t row;
    uint32_t epoch;
    uint32_t *slot_epochs;
    pmml_value *slots;
    uint32_t *result_epochs;
    pmml_result *results;
    uint32_t *keys;       /* categories of all models: symbols */
    double *values;
    double *confidences;
    double *numbers;      /* scratch of the models' bodies */
    void *forest_scratch;
    double *forest_numbers; /* by forest: features, then sums, of a block */
    unsigned char *forest_usable; /* by row of the block and forest */
    uint32_t block;         /* rows that there is room for */
    size_t block_first;     /* the rows that are evaluated ahead */
    size_t block_count;
    pmml_value *stack;    /* arguments of functions */
    uint32_t stack_used;
    void *match_context;  /* of regular expressions */
    void *match_data;
    struct pmml_tokens *tokens; /* the text that was split last */
    char reason[256];     /* why the row is refused */
    int no_memory;
} pmml_run;

/** Note why the row is refused; returns -1. */
int mlscore_pmml_refuse(pmml_run *run, const char *format, ...)
    MLSCORE_PRINTF(2, 3);
/** Memory for a text in the output frame's arena; NULL after noting that
 *  memory ran out. */
char *mlscore_pmml_text(pmml_run *run, size_t length);

/* --- values (pmml_symbols.c) ----------------------------------------------*/

mlscore_status mlscore_pmml_symbols_open(pmml_plan *plan, mlscore_error *err);
/** The symbol of a text, or none. */
uint32_t mlscore_pmml_find_symbol(const pmml_plan *plan, const char *bytes,
                                  size_t length);
pmml_value mlscore_pmml_constant_value(const pmml_plan *plan,
                                       uint32_t constant);
pmml_value mlscore_pmml_symbol_value(const pmml_plan *plan, uint32_t symbol);
const char *mlscore_pmml_symbol_bytes(const pmml_plan *plan, uint32_t symbol);

static inline pmml_value pmml_missing(void)
{
    return (pmml_value){.type = PMML_MISSING, .symbol = PMML_NONE};
}

static inline pmml_value pmml_number_value(uint32_t type, double number)
{
    return (pmml_value){
        .type = type, .symbol = PMML_NONE, .number = number};
}

static inline pmml_value pmml_boolean_value(int flag)
{
    return pmml_number_value(PMML_BOOLEAN, flag != 0);
}

/** A text value; finds its symbol. */
pmml_value mlscore_pmml_text_value(const pmml_plan *plan, const char *bytes,
                                   size_t length);
/** Cast in place; -1 (row refused) when PMML has no such cast. */
int mlscore_pmml_cast_value(pmml_run *run, pmml_value *value, uint32_t type);
/** The same, without a reason. */
int mlscore_pmml_try_cast(pmml_run *run, pmml_value *value, uint32_t type);
/** A value as a number, as arithmetic takes it. */
int mlscore_pmml_as_number(pmml_run *run, const pmml_value *value,
                           double *number);
/** Java's order of doubles: NaN is equal to itself and above all others. */
int mlscore_pmml_order(double left, double right);
/** Compare `right`, cast to left's type, with left: <0, 0, >0 in *order. */
int mlscore_pmml_compare(pmml_run *run, const pmml_value *left,
                         const pmml_value *right, int *order);
/** 1 or 0 in *equal; -1 when the row is refused. */
int mlscore_pmml_equal(pmml_run *run, const pmml_value *left,
                       const pmml_value *right, int *equal);

/* --- fields ---------------------------------------------------------------*/

/** Find out which fields are read straight from their columns. */
mlscore_status mlscore_pmml_reads_open(pmml_plan *plan,
                                       const mlscore_schema *inputs,
                                       mlscore_error *err);
int mlscore_pmml_compute_slot(pmml_run *run, uint32_t slot);
/** Treat a value as a cell of the slot's column. */
int mlscore_pmml_treat_cell(pmml_run *run, const pmml_slot *slot,
                            pmml_value *value);

/** The value of a field. */
static inline int pmml_slot_value(pmml_run *run, uint32_t slot,
                                  const pmml_value **value)
{
    if (run->slot_epochs[slot] != run->epoch &&
        mlscore_pmml_compute_slot(run, slot)) {
        return -1;
    }
    *value = &run->slots[slot];
    return 0;
}

static inline int pmml_in_interval(const pmml_interval *interval,
                                   double value)
{
    const uint32_t flags = interval->flags;

    if ((flags & PMML_LEFT) &&
        !(flags & PMML_LEFT_CLOSED ? value >= interval->left
                                   : value > interval->left)) {
        return 0;
    }
    return !(flags & PMML_RIGHT) ||
           (flags & PMML_RIGHT_CLOSED ? value <= interval->right
                                      : value < interval->right);
}

/** The number of a field straight from its column: 1, and NAN when it is
 *  missing; 0 when the cell must be treated (pmml_slot_value). */
static inline int pmml_read_number(const pmml_run *run, uint32_t slot,
                                   double *number)
{
    const pmml_read *read = &run->plan->reads[slot];

    if (read->kind == PMML_READ_SLOT) {
        return 0;
    }
    const mlscore_column *column = &run->in->columns[read->column];

    if (column->missing[run->row]) {
        *number = read->missing;
        return 1;
    }
    *number = column->values.numeric[run->row];
    if (read->kind == PMML_READ_FLOAT) {
        *number = (double)(float)*number;
    }
    return *number == *number &&
           (!read->bounds || pmml_in_interval(read->bounds, *number));
}

static inline void pmml_set_slot(pmml_run *run, uint32_t slot,
                                 const pmml_value *value)
{
    run->slots[slot] = *value;
    run->slot_epochs[slot] = run->epoch;
}

int mlscore_pmml_eval(pmml_run *run, uint32_t expr, pmml_value *value);
/** A function of `count` arguments. A result that is not defined (a division
 *  by zero) is 1, and *value then is missing. */
int mlscore_pmml_call(pmml_run *run, const pmml_expr *expr,
                      const pmml_value *arguments, uint32_t count,
                      pmml_value *value);
int mlscore_pmml_call_text(pmml_run *run, const pmml_expr *expr,
                           const pmml_value *arguments, uint32_t count,
                           pmml_value *value);
int mlscore_pmml_text_frequency(pmml_run *run, const pmml_text_index *index,
                                pmml_value *value);
int mlscore_pmml_test(pmml_run *run, uint32_t predicate);
/** The same; *alternate is set when a surrogate decided. */
int mlscore_pmml_test_node(pmml_run *run, uint32_t predicate, int *alternate);
double mlscore_pmml_norm_continuous(const double *pairs, uint32_t count,
                                    double value, uint32_t outliers,
                                    int *missing);
/** The inverse, without outliers. */
double mlscore_pmml_denormalize(const double *pairs, uint32_t count,
                                double value);
double mlscore_pmml_normal_cdf(double z);

/* --- patterns (pmml_pattern.c) --------------------------------------------*/

mlscore_status mlscore_pmml_patterns_open(pmml_plan *plan,
                                          mlscore_error *err);
void mlscore_pmml_patterns_free(pmml_plan *plan);
/** Find the pattern of a symbol in a text from `at` on: 1 and the match's
 *  bounds (groups pairs of them), 0 when there is none, -1. */
int mlscore_pmml_match(pmml_run *run, uint32_t pattern, int any_case,
                       const char *bytes, size_t length, size_t at,
                       size_t *bounds, uint32_t *groups);
#define PMML_GROUPS 10
/** Replace all matches of a pattern in a text. */
int mlscore_pmml_replace(pmml_run *run, uint32_t pattern, int any_case,
                         const pmml_value *text,
                         const pmml_value *replacement, pmml_value *value);
/** One code point of a text; bytes that are no UTF-8 give -1 each. */
size_t mlscore_pmml_next_point(const char *bytes, size_t left, int32_t *c);

/* --- models ---------------------------------------------------------------*/

/** Evaluate a model in the current row, with its Output. */
int mlscore_pmml_run_model(pmml_run *run, uint32_t model);
/** The result of a model, following what it redirects to. */
const pmml_result *mlscore_pmml_result(const pmml_run *run, uint32_t model,
                                       uint32_t *final);
int mlscore_pmml_run_outputs(pmml_run *run, uint32_t model);
int mlscore_pmml_emit(pmml_run *run, uint32_t model);

/* Ways to set the result of the model `index`. */
int mlscore_pmml_set_number(pmml_run *run, uint32_t index, double number);
/** No prediction: the Target's default, or missing. */
int mlscore_pmml_set_default(pmml_run *run, uint32_t index);
/** A prediction by its category. */
int mlscore_pmml_set_category(pmml_run *run, uint32_t index, uint32_t symbol);
/** The first of the largest (or smallest) categories becomes the prediction. */
int mlscore_pmml_set_winner(pmml_run *run, uint32_t index);
/** Position of a category in a result, or none. */
uint32_t mlscore_pmml_find_category(const pmml_run *run, uint32_t index,
                                    uint32_t symbol);
/** Add to a category, which is made when there is none yet. */
void mlscore_pmml_add_category(pmml_run *run, uint32_t index, uint32_t symbol,
                               double number);

/** Arithmetic of a model is that of floats when it says so. */
static inline double pmml_round(const pmml_model *model, double number)
{
    return model->float_math ? (double)(float)number : number;
}

void mlscore_pmml_softmax(const pmml_model *model, double *values,
                          uint32_t count);
void mlscore_pmml_simplemax(const pmml_model *model, double *values,
                            uint32_t count);

/** Nothing is known of the model `index` in this row. */
void mlscore_pmml_clear_result(pmml_run *run, uint32_t index);

/* One function a kind of model. */
int mlscore_pmml_run_tree(pmml_run *run, uint32_t index);
/** The same for a tree whose walk is known to end in this node. */
int mlscore_pmml_run_leaf(pmml_run *run, uint32_t index, uint32_t node);
int mlscore_pmml_run_regression(pmml_run *run, uint32_t index);
int mlscore_pmml_run_mining(pmml_run *run, uint32_t index);
int mlscore_pmml_run_general(pmml_run *run, uint32_t index);
int mlscore_pmml_run_network(pmml_run *run, uint32_t index);
int mlscore_pmml_run_vectors(pmml_run *run, uint32_t index);
int mlscore_pmml_run_clustering(pmml_run *run, uint32_t index);
int mlscore_pmml_run_bayes(pmml_run *run, uint32_t index);
int mlscore_pmml_run_neighbor(pmml_run *run, uint32_t index);
int mlscore_pmml_run_rules(pmml_run *run, uint32_t index);
int mlscore_pmml_run_scorecard(pmml_run *run, uint32_t index);

/** Compute the inputs of training instances. */
mlscore_status mlscore_pmml_instances_open(pmml_plan *plan,
                                           mlscore_error *err);
/** Lay out a run of `rows` over scratch memory (NULL: only count); its
 *  size. */
size_t mlscore_pmml_lay_out(const pmml_plan *plan, pmml_run *run, size_t rows,
                            void *scratch);

/* --- forests (pmml_run_forest.c) ------------------------------------------*/

mlscore_status mlscore_pmml_forests_open(pmml_plan *plan,
                                         mlscore_error *err);
void mlscore_pmml_forests_free(pmml_plan *plan);
/** Evaluate the early forests of the rows from run->row on, `count` at most
 *  run->block. Leaves run->row where it is. */
int mlscore_pmml_forests_ahead(pmml_run *run, size_t count);
/** Evaluate the ensemble `index` by its forest: PMML_FOREST_DONE, or _SEGMENTS
 *  when its segments are done, or _WALK when they must be walked, or -1. */
enum { PMML_FOREST_WALK = 0, PMML_FOREST_DONE, PMML_FOREST_SEGMENTS };
int mlscore_pmml_run_forest(pmml_run *run, uint32_t index);
/** Begin the row: nothing is known of it. */
void mlscore_pmml_next_epoch(pmml_run *run);

/** Check every index, offset and count of the plan. */
mlscore_status mlscore_pmml_verify(pmml_plan *plan,
                                   const mlscore_schema *inputs,
                                   const mlscore_schema *outputs,
                                   mlscore_error *err);

#endif
