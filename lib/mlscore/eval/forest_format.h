/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_FOREST_FORMAT_H
#define MLSCORE_EVAL_FOREST_FORMAT_H

/**
 * Private to the forest: the bytes of a packed forest.
 *
 * A header, then arrays aligned to 64 bytes, found by offset and count. All
 * numbers are little-endian; the structs below are laid over the bytes, which
 * is why a big-endian machine refuses to open them. docs/internals/trees.md
 * explains the choices.
 *
 * Every fast tree tests conditions of one form, "virtual feature < cut", where
 * a missing value (NAN) makes the condition false; forest_condition.c brings
 * splits into that form.
 */

#include <stddef.h>
#include <stdint.h>

#include "eval/forest.h"

#define FOREST_MAGIC "mlsforst"

enum {
    FOREST_VERSION = 5,
    FOREST_LANES = 16,      /* words in a group of masks */
    FOREST_WORD = 32,       /* leaves in a word */
    FOREST_MAX_WORDS = 4,   /* words of a tree of masks */
    FOREST_BLOCK = 64,      /* rows evaluated at once, at most */
    FOREST_WINDOW = 64,     /* trees walked together for one row */
    FOREST_WALKERS = 8,     /* trees or rows interleaved in a walk */
    FOREST_BUCKETS_FROM = 64, /* cuts of a feature that has buckets */
    FOREST_BUCKET_CUTS = 8, /* of a bucket, on average */
    FOREST_QUICK_FROM = 32, /* trees of masks that are looked up by cuts */
    FOREST_QUICK_SPACING = 64, /* cuts between marks, at least */
    FOREST_MAX_DEPTH = 8192
};

enum {
    FOREST_ARRAY_TREES = 0,  /* forest_tree */
    FOREST_ARRAY_RUNS,       /* forest_run */
    FOREST_ARRAY_VIRTUALS,   /* forest_virtual */
    FOREST_ARRAY_CUTS,       /* double, ascending per virtual feature */
    FOREST_ARRAY_GROUPS,     /* forest_group */
    FOREST_ARRAY_LANES,      /* forest_lane, FOREST_LANES a group */
    FOREST_ARRAY_MASK_CUTS,  /* float or set word, [slot][lane] */
    FOREST_ARRAY_MASKS,      /* uint32_t, [slot][lane] */
    FOREST_ARRAY_MASK_FEATURES, /* uint16_t, [slot][lane] */
    FOREST_ARRAY_WALK,       /* forest_walk_node */
    FOREST_ARRAY_WIDE,       /* forest_wide_node */
    FOREST_ARRAY_ORDER,      /* uint8_t: walking order within windows */
    FOREST_ARRAY_GENERAL,    /* forest_general_node */
    FOREST_ARRAY_SETS,       /* uint32_t: category sets of general nodes */
    FOREST_ARRAY_SPARSE,     /* forest_value: of general leaves */
    FOREST_ARRAY_LEAF_FLOATS, /* float: leaves of masks and walks */
    FOREST_ARRAY_LEAF_DOUBLES, /* double: the same for double sums */
    FOREST_ARRAY_NUMBERS,    /* uint32_t: the caller's numbers of leaves */
    FOREST_ARRAY_QUICK,      /* forest_quick */
    FOREST_ARRAY_QUICK_CUTS, /* float, ascending per forest_quick */
    FOREST_ARRAY_QUICK_KEEPS, /* uint32_t: leaves that a cut leaves */
    FOREST_ARRAY_QUICK_WORDS, /* uint32_t: the word it is about */
    FOREST_ARRAY_QUICK_MARKS, /* float: the last cut before each mark */
    FOREST_ARRAY_QUICK_MASKS, /* uint32_t, [mark][word of the run] */
    FOREST_ARRAY_QUICK_SETS, /* forest_quick_set */
    FOREST_ARRAY_BUCKETS,    /* uint32_t: cuts before each, and in all */
    FOREST_ARRAYS
};

typedef struct forest_array {
    uint64_t offset;
    uint64_t count;
} forest_array;

typedef struct forest_header {
    char magic[8];
    uint32_t version;
    uint32_t feature_count;
    uint32_t output_count;
    uint32_t tree_count;
    uint8_t number;
    uint8_t sum;
    uint8_t combine;
    uint8_t reserved[5];
    forest_array arrays[FOREST_ARRAYS];
} forest_header;

/** How a tree is stored, and so evaluated. */
typedef enum forest_class {
    FOREST_CLASS_MASKS = 0, /* at most 128 leaves: all conditions at once */
    FOREST_CLASS_WALK,      /* larger: from the root, without branches */
    FOREST_CLASS_GENERAL    /* any split, any leaf */
} forest_class;

/** What a leaf of a tree adds. */
typedef enum forest_payload {
    FOREST_PAYLOAD_ONE = 0, /* a value to the tree's output */
    FOREST_PAYLOAD_VECTOR,  /* a value to each output */
    FOREST_PAYLOAD_SPARSE   /* pairs; general trees only */
} forest_payload;

typedef struct forest_tree {
    uint8_t class_;
    uint8_t payload;
    uint8_t wide;     /* walk nodes are in WIDE, not in WALK */
    uint8_t words;    /* of masks */
    uint32_t output;  /* PAYLOAD_ONE */
    uint32_t leaves;  /* masks and walks: number of leaves */
    uint32_t values;  /* first in LEAF_FLOATS or LEAF_DOUBLES; not used when
                         walk leaves hold the float themselves */
    uint32_t first;   /* walk or general: the tree's nodes */
    uint32_t count;   /* 0: no walk */
    uint32_t depth;   /* steps from the root to the deepest leaf */
    uint32_t numbers; /* masks: by leaf; walk: by node */
} forest_tree;

/** Consecutive trees of one class. */
typedef struct forest_run {
    uint32_t class_;
    uint32_t first_tree;
    uint32_t tree_count;
    uint32_t first_group; /* masks */
    uint32_t group_count;
    uint32_t walkable;    /* every tree has walk nodes: 1 WALK, 2 WIDE */
    uint32_t order;       /* first in ORDER, one a tree, by windows */
    uint32_t uniform;     /* all groups are single, with the same output */
    uint32_t quick;       /* first in QUICK */
    uint32_t quick_count; /* 0: not looked up by cuts */
    uint32_t spacing;     /* cuts between marks */
    uint32_t quick_sets;  /* first in QUICK_SETS */
    uint32_t quick_set_count;
} forest_run;

/** The conditions of a run's trees on one virtual feature, for one row: those
 *  with cuts up to the row's value fail. Word w of the run is lane w % 16 of
 *  group w / 16. A mark stands for all cuts before it, in all words. */
typedef struct forest_quick {
    uint32_t feature; /* virtual */
    uint32_t first, count; /* of cuts */
    uint32_t first_mark; /* there are count / spacing */
} forest_quick;

/** A condition on a set of categories: the same as a slot's. */
typedef struct forest_quick_set {
    uint32_t feature; /* virtual */
    uint32_t set;
    uint32_t keep;
    uint32_t word;
} forest_quick_set;

typedef enum forest_virtual_kind {
    FOREST_VIRTUAL_VALUE = 0, /* x */
    FOREST_VIRTUAL_NEGATIVE,  /* -x */
    FOREST_VIRTUAL_WORD       /* 32 categories as bits of an integer */
} forest_virtual_kind;

/** A column of numbers made from a feature. In a DOUBLE forest the value is
 *  how many of its cuts are <= x (or -x), exact in a float. */
typedef struct forest_virtual {
    uint32_t feature;
    uint32_t kind;
    uint32_t first; /* VALUE, NEGATIVE: first of CUTS; WORD: first category */
    uint32_t count; /* of cuts; WORD: the bit that stands for missing */
    /* The cuts that are near x are those of bucket (x - low) * scale: its
     * number and theirs grow together, so that the ends alone are exact. */
    double low, scale;
    uint32_t bucket;  /* first of BUCKETS */
    uint32_t buckets; /* 0: cuts are searched from the first on */
} forest_virtual;

/** Up to 16 words of leaves. Slot s of lane l is at [16 (slots + s) + l]. */
typedef struct forest_group {
    uint32_t first_tree;
    uint32_t tree_count;
    uint32_t slots;      /* first slot */
    uint32_t cut_slots;  /* value < cut keeps the masked leaves */
    uint32_t set_slots;  /* (word & set) == 0 keeps them */
    uint32_t lane_count;
    uint32_t values;     /* of lane 0; lane l has values + l * stride */
    uint32_t stride;
    uint32_t single;     /* all trees add one value to the same output */
    uint32_t starts;     /* bit l: lane l is a tree's first word */
} forest_group;

typedef struct forest_lane {
    uint16_t cut_count;
    uint16_t set_count;
} forest_lane;

/** Eight bytes. A leaf tests the virtual feature after the last, which is NAN,
 *  and so goes to left + 1: itself. Node 0 is not used, node 1 is the root,
 *  children are at left (condition true) and left + 1. */
typedef struct forest_walk_node {
    union {
        float cut;
        float value;    /* leaf of a float sum with one output */
        uint32_t index; /* other leaves: its number from 0 */
    } u;
    uint16_t feature;
    uint16_t left;
} forest_walk_node;

/** The same for trees or features beyond 16 bits. */
typedef struct forest_wide_node {
    union {
        float cut;
        float value;
        uint32_t index;
    } u;
    uint32_t feature;
    uint32_t left;
} forest_wide_node;

/** What one leaf adds to one output. */
typedef struct forest_value {
    double value;
    uint32_t output;
    uint32_t reserved;
} forest_value;

/** A node of a tree with any kind of split. Children lie side by side. */
typedef struct forest_general_node {
    double threshold;
    uint32_t feature;
    uint32_t left;     /* within the tree; right is left + 1 */
    uint32_t pool;     /* first set word, or first value of a leaf */
    uint32_t pool_count; /* set bits, or values of a leaf */
    uint32_t number;   /* the caller's, for mlscore_forest_leaves */
    uint8_t op;        /* mlscore_split, or FOREST_OP_LEAF */
    uint8_t missing_left;
    uint16_t reserved;
} forest_general_node;

enum { FOREST_OP_LEAF = 7 };

/** The bucket of x, which grows with x; packing and scoring must agree. */
static inline uint32_t forest_bucket(const forest_virtual *v, double x)
{
    const double at = (x - v->low) * v->scale;

    return !(at > 0)          ? 0
           : at >= v->buckets ? v->buckets - 1
                              : (uint32_t)at;
}

#endif
