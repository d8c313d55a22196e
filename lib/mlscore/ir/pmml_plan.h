/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IR_PMML_PLAN_H
#define MLSCORE_IR_PMML_PLAN_H

/**
 * The compiled form of a PMML document: tables of fixed-size records that
 * refer to each other by index.
 *
 * The importer (import/pmml) fills the tables, each becomes one section of an
 * image, and the engine (eval/pmml) verifies every index once and then walks
 * them. Expressions, predicates and models refer only to records of their own
 * table with a lower index, so that a verified plan has no cycle.
 */

#include <stdint.h>

/** "No such record", in any index. */
#define PMML_NONE UINT32_MAX

/** PMML dataTypes; 0 is the type of a missing value. */
typedef enum pmml_type {
    PMML_MISSING = 0,
    PMML_STRING,
    PMML_INTEGER,
    PMML_FLOAT,
    PMML_DOUBLE,
    PMML_BOOLEAN,
    PMML_DATE,      /* days since 1970-01-01 */
    PMML_TIME,      /* seconds since midnight */
    PMML_DATE_TIME, /* seconds since 1970-01-01T00:00:00 */
    PMML_DAYS_0,    /* dateDaysSince[0] and so on: days since the year */
    PMML_DAYS_1960,
    PMML_DAYS_1970,
    PMML_DAYS_1980,
    PMML_DAYS_1990,
    PMML_DAYS_2000,
    PMML_DAYS_2010,
    PMML_DAYS_2020,
    PMML_TIME_SECONDS,
    PMML_SECONDS_0,
    PMML_SECONDS_1960,
    PMML_SECONDS_1970,
    PMML_SECONDS_1980,
    PMML_SECONDS_1990,
    PMML_SECONDS_2000,
    PMML_SECONDS_2010,
    PMML_SECONDS_2020,
    PMML_TYPE_COUNT,
    PMML_DYNAMIC /* known only when evaluated */
} pmml_type;

typedef enum pmml_optype {
    PMML_OPTYPE_NONE = 0,
    PMML_CONTINUOUS,
    PMML_CATEGORICAL,
    PMML_ORDINAL,
    PMML_OPTYPE_COUNT
} pmml_optype;

/** A text that occurs in the document, once. */
typedef struct pmml_symbol {
    uint32_t offset; /* in the text table */
    uint32_t length;
} pmml_symbol;

/** A typed value; `symbol` is its text as written (or as formatted). */
typedef struct pmml_constant {
    uint32_t type;
    uint32_t symbol;
    double number; /* for every type but string */
} pmml_constant;

/* --- fields ---------------------------------------------------------------*/

typedef enum pmml_slot_kind {
    PMML_SLOT_COLUMN = 0, /* source: input column; treatment: preparation */
    PMML_SLOT_TREATED,    /* source: another slot; treatment */
    PMML_SLOT_DERIVED,    /* source: expression, cast to `type` */
    PMML_SLOT_OUTPUT,     /* set when its model's Output is evaluated */
    PMML_SLOT_KIND_COUNT
} pmml_slot_kind;

/** A field as one model (and those below it) sees it. */
typedef struct pmml_slot {
    uint32_t kind;
    uint32_t source;
    uint32_t treatment;
    uint32_t type;
    uint32_t name; /* symbol */
    uint32_t optype;
} pmml_slot;

enum { /* MiningField@invalidValueTreatment */
    PMML_INVALID_RETURN = 0,
    PMML_INVALID_AS_IS,
    PMML_INVALID_AS_MISSING,
    PMML_INVALID_AS_VALUE,
    PMML_INVALID_COUNT
};

enum { /* MiningField@outliers, NormContinuous@outliers */
    PMML_OUTLIER_AS_IS = 0,
    PMML_OUTLIER_AS_MISSING,
    PMML_OUTLIER_AS_EXTREME,
    PMML_OUTLIER_COUNT
};

enum { /* Value@property */
    PMML_VALUE_VALID = 0,
    PMML_VALUE_INVALID,
    PMML_VALUE_MISSING,
    PMML_PROPERTY_COUNT
};

enum { /* bits of pmml_treatment.flags */
    PMML_TREAT_HAS_LOW = 1,
    PMML_TREAT_HAS_HIGH = 2,
    PMML_TREAT_MISSING_INVALID = 4, /* missingValueTreatment returnInvalid */
    PMML_TREAT_VALID_SPACE = 8      /* some Value is valid: others are not */
};

/** What a MiningField does to a value. */
typedef struct pmml_treatment {
    uint32_t type;
    uint32_t flags;
    uint32_t invalid;
    uint32_t invalid_replacement; /* constant or none */
    uint32_t missing_replacement; /* constant or none */
    uint32_t outliers;
    uint32_t value_first; /* in words: pairs of constant and property */
    uint32_t value_count;
    uint32_t interval_first;
    uint32_t interval_count;
    double low;
    double high;
} pmml_treatment;

enum { /* bits of pmml_interval.flags */
    PMML_LEFT = 1,
    PMML_LEFT_CLOSED = 2,
    PMML_RIGHT = 4,
    PMML_RIGHT_CLOSED = 8
};

typedef struct pmml_interval {
    double left;
    double right;
    uint32_t flags;
    uint32_t value; /* constant, of a DiscretizeBin; else none */
} pmml_interval;

/* --- expressions and predicates -------------------------------------------*/

typedef enum pmml_op {
    PMML_OP_CONSTANT = 0,    /* a: constant (none: missing) */
    PMML_OP_FIELD,           /* a: slot, b: mapMissingTo */
    PMML_OP_NORM_CONTINUOUS, /* a: slot, b: first number, c: pairs,
                                d: outliers, e: number of mapMissingTo */
    PMML_OP_NORM_DISCRETE,   /* a: slot, b: constant, e: number */
    PMML_OP_DISCRETIZE,      /* a: slot, b: first interval, c: count,
                                d: defaultValue, e: mapMissingTo */
    PMML_OP_MAP_VALUES,      /* a: first word (slots, then rows of constants
                                and the result), b: columns, c: rows,
                                d: defaultValue, e: mapMissingTo */
    PMML_OP_APPLY,           /* a: first word, b: arguments, c: function,
                                d: defaultValue, e: mapMissingTo, f: invalid */
    PMML_OP_TEXT_INDEX,      /* a: text index */
    PMML_OP_CAST,            /* a: expression, to `type` */
    PMML_OP_COUNT
} pmml_op;

typedef struct pmml_expr {
    uint32_t op;
    uint32_t type; /* static type of the result, or dynamic */
    uint32_t a, b, c, d, e, f;
} pmml_expr;

/** TextIndex with its normalizations. */
typedef struct pmml_text_index {
    uint32_t text;    /* slot */
    uint32_t term;    /* expression */
    uint32_t weights; /* localTermWeights */
    uint32_t hits;    /* countHits bestHits */
    uint32_t case_sensitive;
    uint32_t pattern;  /* symbol: what separates words, or what a word is */
    uint32_t words;    /* the pattern is that of words (x-wordRE) */
    uint32_t distance; /* maxLevenshteinDistance */
    uint32_t norm_first; /* in the text_norms table */
    uint32_t norm_count;
} pmml_text_index;

typedef struct pmml_text_norm {
    uint32_t case_sensitive;
    uint32_t recursive;
    uint32_t row_first; /* in words: pairs of symbols, pattern, replacement */
    uint32_t row_count;
} pmml_text_norm;

enum { /* localTermWeights */
    PMML_WEIGHT_FREQUENCY = 0,
    PMML_WEIGHT_BINARY,
    PMML_WEIGHT_LOGARITHMIC,
    PMML_WEIGHT_AUGMENTED,
    PMML_WEIGHT_COUNT
};

typedef enum pmml_predicate_op {
    PMML_TEST_TRUE = 0,
    PMML_TEST_FALSE,
    PMML_TEST_MISSING,
    PMML_TEST_NOT_MISSING,
    PMML_TEST_EQ, /* a: constant, number its value */
    PMML_TEST_NE,
    PMML_TEST_LT,
    PMML_TEST_LE,
    PMML_TEST_GT,
    PMML_TEST_GE,
    PMML_TEST_IN, /* a: first word (constants), b: count */
    PMML_TEST_NOT_IN,
    PMML_TEST_AND, /* a: first word (predicates), b: count */
    PMML_TEST_OR,
    PMML_TEST_XOR,
    PMML_TEST_SURROGATE,
    PMML_TEST_COUNT
} pmml_predicate_op;

typedef struct pmml_predicate {
    uint32_t op;
    uint32_t slot;
    uint32_t a, b;
    double number;
} pmml_predicate;

/* --- models ---------------------------------------------------------------*/

typedef enum pmml_model_kind {
    PMML_TREE = 0,
    PMML_REGRESSION,
    PMML_MINING,
    PMML_GENERAL_REGRESSION,
    PMML_NETWORK,
    PMML_VECTOR_MACHINE,
    PMML_CLUSTERING,
    PMML_BAYES,
    PMML_NEIGHBOR,
    PMML_RULE_SET,
    PMML_SCORECARD,
    PMML_MODEL_KIND_COUNT
} pmml_model_kind;

enum { /* functionName */
    PMML_FUNCTION_REGRESSION = 0,
    PMML_FUNCTION_CLASSIFICATION,
    PMML_FUNCTION_CLUSTERING,
    PMML_FUNCTION_MIXED,
    PMML_FUNCTION_COUNT
};

/** What every model has. */
typedef struct pmml_model {
    uint32_t kind;
    uint32_t function;
    uint32_t body;       /* index in the table of its kind */
    uint32_t float_math; /* x-mathContext="float" */
    uint32_t target;     /* in the targets table, or none */
    uint32_t target_name; /* symbol; none for the target without a name */
    uint32_t target_type;
    uint32_t target_optype;
    uint32_t category_first; /* in words: symbols of the target's values */
    uint32_t category_count;
    uint32_t output_first;
    uint32_t output_count;
    uint32_t capacity; /* largest number of categories of a result */
    uint32_t offset;   /* where they begin in scratch */
    uint32_t column;   /* output column of the target, or none */
    uint32_t target_slot; /* the target as an input (residuals), or none */
} pmml_model;

enum { /* bits of pmml_target.flags */
    PMML_TARGET_MIN = 1,
    PMML_TARGET_MAX = 2,
    PMML_TARGET_DEFAULT = 4, /* default_value is given */
    PMML_TARGET_PRIORS = 8
};

enum { /* Target@castInteger */
    PMML_CAST_NONE = 0,
    PMML_CAST_ROUND,
    PMML_CAST_CEILING,
    PMML_CAST_FLOOR,
    PMML_CAST_COUNT
};

typedef struct pmml_target {
    uint32_t flags;
    uint32_t cast;
    uint32_t prior_first; /* words: symbols; numbers beside them */
    uint32_t prior_number;
    uint32_t prior_count;
    uint32_t display_first; /* words: pairs of symbols, value and display */
    uint32_t display_count;
    uint32_t pad;
    double min;
    double max;
    double factor;
    double constant;
    double default_value;
} pmml_target;

typedef enum pmml_feature {
    PMML_PREDICTED_VALUE = 0,
    PMML_PREDICTED_DISPLAY,
    PMML_TRANSFORMED,
    PMML_PROBABILITY,
    PMML_CONFIDENCE,
    PMML_RESIDUAL,
    PMML_ENTITY_ID,
    PMML_CLUSTER_ID,
    PMML_AFFINITY,
    PMML_ENTITY_AFFINITY,
    PMML_REASON_CODE,
    PMML_STANDARD_ERROR,
    PMML_REPORT,
    PMML_WARNING,
    PMML_FEATURE_COUNT
} pmml_feature;

typedef struct pmml_output {
    uint32_t feature;
    uint32_t slot;    /* where the value goes */
    uint32_t source;  /* model whose result it looks at */
    uint32_t segment; /* segment@id was given: missing when it did not run */
    uint32_t type;    /* of the field, or dynamic */
    uint32_t value;   /* symbol: the category asked for, or none */
    uint32_t expr;
    uint32_t rank;
    uint32_t ascending;
    uint32_t column;
    uint32_t from; /* slot: an output of the segment (segmentId and value) */
    uint32_t pad;
} pmml_output;

/* TreeModel */
enum { /* missingValueStrategy */
    PMML_STRATEGY_NONE = 0,
    PMML_STRATEGY_LAST,
    PMML_STRATEGY_NULL,
    PMML_STRATEGY_DEFAULT,
    PMML_STRATEGY_WEIGHTED,
    PMML_STRATEGY_AGGREGATE,
    PMML_STRATEGY_COUNT
};

typedef struct pmml_tree {
    uint32_t root;
    uint32_t strategy;
    uint32_t no_true_last; /* noTrueChildStrategy returnLastPrediction */
    uint32_t pad;
    double penalty;
} pmml_tree;

typedef struct pmml_node {
    uint32_t predicate;
    uint32_t child_first;
    uint32_t child_count;
    uint32_t default_child; /* node or none */
    uint32_t score;         /* constant or none */
    uint32_t share_first;   /* ScoreDistribution */
    uint32_t share_count;
    uint32_t id;       /* symbol */
    double number;     /* score as a number (NAN when it is none) */
    double record_count; /* NAN when not given */
} pmml_node;

/** ScoreDistribution; what is not given is NAN. */
typedef struct pmml_share {
    uint32_t category; /* symbol */
    uint32_t pad;
    double count;
    double probability;
    double confidence;
} pmml_share;

/* RegressionModel */
enum { /* normalizationMethod */
    PMML_NORM_NONE = 0,
    PMML_NORM_SIMPLEMAX,
    PMML_NORM_SOFTMAX,
    PMML_NORM_LOGIT,
    PMML_NORM_PROBIT,
    PMML_NORM_CLOGLOG,
    PMML_NORM_EXP,
    PMML_NORM_LOGLOG,
    PMML_NORM_CAUCHIT,
    PMML_NORM_COUNT
};

typedef struct pmml_regression {
    uint32_t normalization;
    uint32_t table_first;
    uint32_t table_count;
    uint32_t pad;
} pmml_regression;

typedef struct pmml_regression_table {
    uint32_t category; /* symbol or none */
    uint32_t term_first;
    uint32_t term_count;
    uint32_t pad;
    double intercept;
} pmml_regression_table;

enum {
    PMML_TERM_NUMERIC = 0, /* slot, exponent in number */
    PMML_TERM_CATEGORICAL, /* slot, constant */
    PMML_TERM_PRODUCT,     /* slot: first word (expressions), constant: count */
    PMML_TERM_COUNT
};

typedef struct pmml_term {
    uint32_t kind;
    uint32_t slot;
    uint32_t constant;
    uint32_t pad;
    double coefficient;
    double exponent;
} pmml_term;

/* MiningModel */
typedef enum pmml_method {
    PMML_MAJORITY_VOTE = 0,
    PMML_WEIGHTED_MAJORITY_VOTE,
    PMML_AVERAGE,
    PMML_WEIGHTED_AVERAGE,
    PMML_MEDIAN,
    PMML_WEIGHTED_MEDIAN,
    PMML_MAX,
    PMML_SUM,
    PMML_WEIGHTED_SUM,
    PMML_SELECT_FIRST,
    PMML_SELECT_ALL,
    PMML_MODEL_CHAIN,
    PMML_MULTI_CHAIN,
    PMML_METHOD_COUNT
} pmml_method;

enum { /* missingPredictionTreatment */
    PMML_PREDICTION_CONTINUE = 0,
    PMML_PREDICTION_SKIP,
    PMML_PREDICTION_RETURN,
    PMML_PREDICTION_COUNT
};

typedef struct pmml_mining {
    uint32_t method;
    uint32_t missing;
    uint32_t segment_first;
    uint32_t segment_count;
    uint32_t forest; /* in the forests table, or none */
    uint32_t sort;   /* where medians sort, in scratch doubles */
    double threshold;
} pmml_mining;

typedef struct pmml_segment {
    uint32_t predicate;
    uint32_t model;
    uint32_t id; /* symbol */
    uint32_t pad;
    double weight;
} pmml_segment;

/* GeneralRegressionModel */
enum { /* modelType */
    PMML_GENERAL_REGRESSION_TYPE = 0,
    PMML_GENERAL_LINEAR,
    PMML_MULTINOMIAL_LOGISTIC,
    PMML_ORDINAL_MULTINOMIAL,
    PMML_GENERALIZED_LINEAR,
    PMML_COX_REGRESSION,
    PMML_GENERAL_TYPE_COUNT
};

enum { /* linkFunction and cumulativeLink */
    PMML_LINK_IDENTITY = 0,
    PMML_LINK_LOGIT,
    PMML_LINK_PROBIT,
    PMML_LINK_CLOGLOG,
    PMML_LINK_LOGLOG,
    PMML_LINK_CAUCHIT,
    PMML_LINK_LOG,
    PMML_LINK_LOGC,
    PMML_LINK_POWER,
    PMML_LINK_NEGBIN,
    PMML_LINK_ODDSPOWER,
    PMML_LINK_COUNT
};

typedef struct pmml_general {
    uint32_t type;
    uint32_t link;
    uint32_t range_first; /* words: first and count of the PCells of each
                             category but the last (of the one table) */
    uint32_t category_first; /* words: symbols, the reference last */
    uint32_t category_count; /* 0 for a regression */
    uint32_t trials_slot;    /* or none */
    uint32_t offset_slot;    /* or none */
    uint32_t time_slot;      /* Cox: endTimeVariable */
    uint32_t strata_slot;    /* Cox, or none */
    uint32_t stratum_first;
    uint32_t stratum_count;
    uint32_t pad;
    double parameter; /* linkParameter or distParameter */
    double trials;
    double offset;
    double reference; /* Cox: the sum at the reference points */
} pmml_general;

/** A coefficient, and the range of the PPCells that it multiplies. */
typedef struct pmml_pcell {
    uint32_t cell_first;
    uint32_t cell_count;
    double beta;
} pmml_pcell;

typedef struct pmml_stratum {
    uint32_t value; /* constant, or none */
    uint32_t cell_first; /* numbers: pairs of time and hazard, by time */
    uint32_t cell_count;
    uint32_t pad;
    double max_time;
} pmml_stratum;

enum {
    PMML_PPCELL_FACTOR = 0, /* constant: the factor's level */
    PMML_PPCELL_COVARIATE,  /* exponent: multiplicity */
    PMML_PPCELL_CONTRAST,   /* matrix row over the factor's categories */
    PMML_PPCELL_COUNT
};

typedef struct pmml_ppcell {
    uint32_t kind;
    uint32_t slot;
    uint32_t constant;
    uint32_t contrast_first; /* words: constants of the categories */
    uint32_t contrast_number; /* what each of them counts */
    uint32_t contrast_count;
    double exponent;
} pmml_ppcell;

/* NeuralNetwork */
enum { /* activationFunction */
    PMML_ACT_THRESHOLD = 0,
    PMML_ACT_LOGISTIC,
    PMML_ACT_TANH,
    PMML_ACT_IDENTITY,
    PMML_ACT_EXPONENTIAL,
    PMML_ACT_RECIPROCAL,
    PMML_ACT_SQUARE,
    PMML_ACT_GAUSS,
    PMML_ACT_SINE,
    PMML_ACT_COSINE,
    PMML_ACT_ELLIOTT,
    PMML_ACT_ARCTAN,
    PMML_ACT_RECTIFIER,
    PMML_ACT_RADIAL,
    PMML_ACT_COUNT
};

typedef struct pmml_network {
    uint32_t input_first; /* words: expressions */
    uint32_t input_count;
    uint32_t layer_first;
    uint32_t layer_count;
    uint32_t output_first;
    uint32_t output_count;
    uint32_t offset; /* of the neurons' values in scratch doubles */
    uint32_t neuron_count; /* inputs and neurons */
} pmml_network;

typedef struct pmml_layer {
    uint32_t activation;
    uint32_t normalization; /* none, simplemax or softmax */
    uint32_t neuron_first;
    uint32_t neuron_count;
    double threshold;
} pmml_layer;

typedef struct pmml_neuron {
    uint32_t con_first; /* words: neuron numbers; numbers beside: weights */
    uint32_t con_number;
    uint32_t con_count;
    uint32_t pad;
    double bias;
    double width;
    double altitude;
} pmml_neuron;

typedef struct pmml_neural_output {
    uint32_t neuron;
    uint32_t kind;  /* PMML_OP_NORM_CONTINUOUS, _NORM_DISCRETE, _FIELD */
    uint32_t value; /* symbol of a category, or first number of the norms */
    uint32_t count;
    uint32_t id; /* symbol of the neuron */
    uint32_t pad;
} pmml_neural_output;

/* SupportVectorMachineModel */
enum {
    PMML_KERNEL_LINEAR = 0,
    PMML_KERNEL_POLYNOMIAL,
    PMML_KERNEL_RADIAL,
    PMML_KERNEL_SIGMOID,
    PMML_KERNEL_COUNT
};

typedef struct pmml_vector_machine_model {
    uint32_t kernel;
    uint32_t against_all; /* classificationMethod OneAgainstAll */
    uint32_t max_wins;    /* the largest wins, else the smallest */
    uint32_t coefficients; /* svmRepresentation Coefficients: of features */
    uint32_t alternate;   /* symbol: alternateBinaryTargetCategory, or none */
    uint32_t feature_first; /* words: expressions of the vector fields */
    uint32_t feature_count;
    uint32_t machine_first;
    uint32_t machine_count;
    uint32_t vector_number; /* dense vectors in numbers, row by row */
    uint32_t vector_count;
    uint32_t offset; /* scratch: features, then the vectors' kernels */
    double gamma;
    double coef0;
    double degree;
} pmml_vector_machine_model;

typedef struct pmml_machine {
    uint32_t target;       /* symbol: targetCategory, or none */
    uint32_t alternate;    /* symbol: alternateTargetCategory, or none */
    uint32_t vector_first; /* words: vector numbers */
    uint32_t number_first; /* coefficients of vectors (or of features) */
    uint32_t count;
    uint32_t pad;
    double bias;
    double threshold;
} pmml_machine;

/* ClusteringModel and NearestNeighborModel */
enum {
    PMML_METRIC_EUCLIDEAN = 0,
    PMML_METRIC_SQUARED_EUCLIDEAN,
    PMML_METRIC_CITY_BLOCK,
    PMML_METRIC_CHEBYCHEV,
    PMML_METRIC_MINKOWSKI,
    PMML_METRIC_SIMPLE_MATCHING,
    PMML_METRIC_JACCARD,
    PMML_METRIC_TANIMOTO,
    PMML_METRIC_BINARY,
    PMML_METRIC_COUNT
};

enum { /* compareFunction */
    PMML_COMPARE_ABS_DIFF = 0,
    PMML_COMPARE_GAUSS_SIM,
    PMML_COMPARE_DELTA,
    PMML_COMPARE_EQUAL,
    PMML_COMPARE_TABLE,
    PMML_COMPARE_COUNT
};

typedef struct pmml_measure {
    uint32_t metric;
    uint32_t similarity; /* of flags, not a distance */
    uint32_t field_first;
    uint32_t field_count;
    uint32_t binary; /* first of 8 numbers: c00 c01 c10 c11 d00 ... */
    uint32_t offset; /* scratch: the fields' values, NAN when missing */
    double p; /* minkowski */
} pmml_measure;

typedef struct pmml_measure_field {
    uint32_t slot;
    uint32_t compare;
    double weight;
    double scale; /* similarityScale */
} pmml_measure_field;

typedef struct pmml_clustering {
    uint32_t measure;
    uint32_t cluster_first;
    uint32_t cluster_count;
    uint32_t missing_first; /* numbers: MissingValueWeights, or none */
} pmml_clustering;

typedef struct pmml_cluster {
    uint32_t id;   /* symbol */
    uint32_t name; /* symbol or none */
    uint32_t center_first; /* numbers, one a field */
    uint32_t pad;
} pmml_cluster;

enum { /* continuousScoringMethod */
    PMML_NEIGHBOR_AVERAGE = 0,
    PMML_NEIGHBOR_MEDIAN,
    PMML_NEIGHBOR_WEIGHTED_AVERAGE,
    PMML_NEIGHBOR_COUNT
};

typedef struct pmml_neighbor {
    uint32_t measure;
    uint32_t k;
    uint32_t keep;        /* neighbors that are ranked: k or more */
    uint32_t continuous;  /* continuousScoringMethod */
    uint32_t weighted;    /* categoricalScoringMethod weightedMajorityVote */
    uint32_t given_first; /* words: slots that the instances give */
    uint32_t given_count;
    uint32_t instance_count;
    uint32_t instance_first; /* words: constants (or none), row by row */
    uint32_t id_first;     /* words: symbols */
    uint32_t target_first; /* words: constants, or none at all */
    uint32_t offset; /* scratch: distances and rows of the nearest, votes */
    double threshold;
} pmml_neighbor;

/* NaiveBayesModel */
typedef struct pmml_bayes {
    uint32_t category_first; /* words: symbols */
    uint32_t count_first;    /* numbers beside them */
    uint32_t category_count;
    uint32_t input_first;
    uint32_t input_count;
    uint32_t pad;
    double threshold;
} pmml_bayes;

enum {
    PMML_BAYES_COUNTS = 0, /* pairs of value and counts by category */
    PMML_BAYES_STATS,      /* a distribution by category */
    PMML_BAYES_KIND_COUNT
};

enum {
    PMML_DISTRIBUTION_GAUSSIAN = 0,
    PMML_DISTRIBUTION_POISSON,
    PMML_DISTRIBUTION_UNIFORM,
    PMML_DISTRIBUTION_COUNT
};

typedef struct pmml_bayes_input {
    uint32_t kind;
    uint32_t slot;        /* the input, or the field that discretizes it */
    uint32_t value_first; /* words: constants of the pairs */
    uint32_t value_count;
    uint32_t number_first; /* counts: value by category, then their sums;
                              stats: kind, mean, variance by category */
    uint32_t pad;
} pmml_bayes_input;

/* RuleSetModel */
typedef struct pmml_rule_set {
    uint32_t selection; /* 0 firstHit, 1 weightedSum, 2 weightedMax */
    uint32_t rule_first;
    uint32_t rule_count;
    uint32_t default_score; /* symbol or none */
    double default_confidence; /* NAN when not given */
} pmml_rule_set;

/** A SimpleRule, or a CompoundRule that guards the `skip` rules after it. */
typedef struct pmml_rule {
    uint32_t predicate;
    uint32_t skip;
    uint32_t score; /* symbol */
    uint32_t id;    /* symbol */
    double weight;
    double confidence;
} pmml_rule;

/* Scorecard */
typedef struct pmml_scorecard {
    uint32_t characteristic_first;
    uint32_t characteristic_count;
    uint32_t use_reasons;
    uint32_t points_above; /* reasonCodeAlgorithm pointsAbove */
    double initial;
} pmml_scorecard;

typedef struct pmml_characteristic {
    uint32_t attribute_first;
    uint32_t attribute_count;
    double baseline; /* NAN when not given */
} pmml_characteristic;

typedef struct pmml_attribute {
    uint32_t predicate;
    uint32_t reason; /* symbol, or none */
    uint32_t expr;   /* ComplexPartialScore, or none */
    uint32_t pad;
    double score;
} pmml_attribute;

/* Trees of an ensemble, packed for the shared kernel. */
enum { /* how a feature of the kernel is made from a field */
    PMML_SPLIT_NUMBER = 0,  /* the number itself */
    PMML_SPLIT_TEXT_CODE,   /* position of its symbol among the codes */
    PMML_SPLIT_NUMBER_CODE, /* position of its number among the codes */
    PMML_SPLIT_COUNT
};

/** A field that splits compare. A value that is no code is code_count. */
typedef struct pmml_forest_feature {
    uint32_t slot;
    uint32_t kind;
    uint32_t code_first; /* words: symbols, or numbers, ascending */
    uint32_t code_count;
    uint32_t required; /* a row without it is walked */
    uint32_t pad;
} pmml_forest_feature;

enum { /* what the sums of a forest are */
    PMML_FOREST_NUMBER = 0,
    PMML_FOREST_PROBABILITIES,
    PMML_FOREST_VOTES,
    PMML_FOREST_LEAVES, /* no sums: where each tree ends */
    PMML_FOREST_COUNT
};

enum { /* bits of pmml_forest.flags */
    PMML_FOREST_EARLY = 1,     /* every row needs it, and no result before */
    PMML_FOREST_UNORDERED = 2, /* which category comes first depends on the
                                  row: ties are not decided here */
    PMML_FOREST_DISTINCT = 4   /* nor are any two equal categories */
};

/** A sum that is NAN says that the ensemble's trees must be walked. */
typedef struct pmml_forest {
    uint32_t feature_first; /* in the forest_features table */
    uint32_t feature_count;
    uint32_t offset;        /* in the forest bytes, aligned to 64 */
    uint32_t size;
    uint32_t output_count;
    uint32_t category_first; /* words: symbols, one an output; of leaves: for
                                each tree, and the end, where its nodes begin
                                after these words; then the nodes, or none */
    uint32_t kind;
    uint32_t flags;
    double divisor; /* of the sums */
} pmml_forest;

/** Most categories of all results, and doubles, that scratch memory may have:
 *  400 and 256 MB. */
#define PMML_MAX_RESULTS (1u << 24)
#define PMML_MAX_NUMBERS (1u << 25)

/** The few things there is one of. */
typedef struct pmml_head {
    uint32_t version;
    uint32_t model;        /* the model that is scored */
    uint32_t result_count; /* categories of all models: scratch */
    uint32_t number_count; /* doubles of scratch */
    uint32_t column_count; /* input columns */
    uint32_t output_count; /* output columns */
} pmml_head;

/** All tables: name, record type. A table is section PMML_SECTION + number. */
#define PMML_TABLES(X)                           \
    X(head, pmml_head)                           \
    X(text, char)                                \
    X(symbols, pmml_symbol)                      \
    X(constants, pmml_constant)                  \
    X(numbers, double)                           \
    X(words, uint32_t)                           \
    X(slots, pmml_slot)                          \
    X(treatments, pmml_treatment)                \
    X(intervals, pmml_interval)                  \
    X(exprs, pmml_expr)                          \
    X(text_indexes, pmml_text_index)             \
    X(text_norms, pmml_text_norm)                \
    X(predicates, pmml_predicate)                \
    X(models, pmml_model)                        \
    X(targets, pmml_target)                      \
    X(outputs, pmml_output)                      \
    X(trees, pmml_tree)                          \
    X(nodes, pmml_node)                          \
    X(shares, pmml_share)                        \
    X(regressions, pmml_regression)              \
    X(regression_tables, pmml_regression_table)  \
    X(terms, pmml_term)                          \
    X(minings, pmml_mining)                      \
    X(segments, pmml_segment)                    \
    X(generals, pmml_general)                    \
    X(pcells, pmml_pcell)                        \
    X(ppcells, pmml_ppcell)                      \
    X(strata, pmml_stratum)                      \
    X(networks, pmml_network)                    \
    X(layers, pmml_layer)                        \
    X(neurons, pmml_neuron)                      \
    X(neural_outputs, pmml_neural_output)        \
    X(vector_machines, pmml_vector_machine_model) \
    X(machines, pmml_machine)                    \
    X(measures, pmml_measure)                    \
    X(measure_fields, pmml_measure_field)        \
    X(clusterings, pmml_clustering)              \
    X(clusters, pmml_cluster)                    \
    X(neighbors, pmml_neighbor)                  \
    X(bayeses, pmml_bayes)                       \
    X(bayes_inputs, pmml_bayes_input)            \
    X(rule_sets, pmml_rule_set)                  \
    X(rules, pmml_rule)                          \
    X(scorecards, pmml_scorecard)                \
    X(characteristics, pmml_characteristic)      \
    X(attributes, pmml_attribute)                \
    X(forests, pmml_forest)                      \
    X(forest_features, pmml_forest_feature)      \
    X(forest_bytes, unsigned char)

#define PMML_TABLE_NUMBER(name, type) PMML_TABLE_##name,
typedef enum pmml_table {
    PMML_TABLES(PMML_TABLE_NUMBER) PMML_TABLE_COUNT
} pmml_table;
#undef PMML_TABLE_NUMBER

/** Version of these records; an image of another one is refused. */
#define PMML_PLAN_VERSION 2u

#endif
