/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_PMML_IMPORT_H
#define MLSCORE_IMPORT_PMML_IMPORT_H

/**
 * Inside the PMML importer: the document as read, the tables being filled, the
 * fields that each model sees.
 *
 * The document is read by a streaming XML reader into a compact tree of
 * elements and then lowered, one function per element. Nothing in here returns
 * an error: mlscore_pmml_fail and whatever calls it leave through a longjmp to
 * mlscore_importer_pmml's entry, which frees the arena and the tables. All
 * memory therefore comes from the arena or from a table.
 */

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "import/importer.h"
#include "import/pmml/pmml_words.h"
#include "ir/pmml_plan.h"
#include "ir/pmml_value.h"
#include "mlscore/body.h"
#include "mlscore/error.h"

/* --- the document (pmml_xml.c) --------------------------------------------*/

typedef struct pmml_xml_attribute {
    const char *name;
    const char *value;
} pmml_xml_attribute;

typedef struct pmml_element {
    pmml_element_kind kind;
    uint32_t line;
    uint32_t attribute_count;
    const pmml_xml_attribute *attributes;
    const char *name; /* as written, of the cells of a row */
    const char *text; /* of elements that have text, never NULL for those */
    struct pmml_element *child;
    struct pmml_element *next;
} pmml_element;

/* --- what is being built --------------------------------------------------*/

typedef struct pmml_rows {
    void *rows;
    size_t count;
    size_t capacity;
    size_t size; /* of one record */
} pmml_rows;

/** Names (symbols) to numbers: open addressing, in the arena. */
typedef struct pmml_map {
    uint32_t *keys; /* symbol, or none */
    uint32_t *values;
    size_t count;
    size_t capacity;
} pmml_map;

/** A list of numbers in the arena. */
typedef struct pmml_list {
    uint32_t *items;
    uint32_t count;
    size_t capacity;
} pmml_list;

/** The fields that one model sees. */
typedef struct pmml_scope {
    struct pmml_scope *parent;
    const pmml_element *model;
    pmml_map mining;  /* name -> index in mining_fields */
    const pmml_element **mining_fields;
    pmml_map derived; /* name -> index in derived_fields */
    const pmml_element **derived_fields;
    pmml_map outputs; /* name -> slot: own, and those of a chain's segments */
    pmml_map own_outputs;
    pmml_map slots;   /* name -> slot, or PMML_RESOLVING */
    pmml_map parameters; /* of a DefineFunction being applied: name -> slot */
    int compatible;   /* sees data fields exactly as its parent does */
    /* the target */
    uint32_t target_count; /* how many target fields there are */
    uint32_t target_name;  /* symbol, or none */
    const pmml_element *target_data; /* DataField, or NULL */
    const pmml_element *target;      /* Target, or NULL */
    uint32_t target_type;
    uint32_t target_optype;
    pmml_list categories; /* canonical symbols of its valid values */
    int float_math;
    uint32_t function;
} pmml_scope;

/** What a lowered model tells the models around it. */
typedef struct pmml_model_info {
    const pmml_element *element;
    pmml_scope *scope;
    pmml_list categories; /* canonical symbols that a result may have */
} pmml_model_info;

typedef struct pmml_import {
    jmp_buf out;
    mlscore_error *err;
    mlscore_status status;
    unsigned max_depth;
    size_t max_nodes;
    mlscore_arena *arena;
    void *reader; /* the XML reader, while the document is read */

    pmml_element *document;
    const char *version; /* PMML@version */
    const char *application;
    const char *application_version;
    const pmml_element *dictionary;
    const pmml_element *transformations;
    pmml_map data;    /* name -> index in data_fields */
    const pmml_element **data_fields;
    pmml_map derived; /* TransformationDictionary */
    const pmml_element **derived_fields;
    pmml_map functions;
    const pmml_element **function_elements;
    unsigned function_depth;
    unsigned expr_depth;
    const pmml_element *text_element; /* the TextIndex lowered last */
    uint32_t text_norm_first;
    uint32_t text_norm_count;

    pmml_rows tables[PMML_TABLE_COUNT];
    uint32_t *symbol_slots; /* hash of the symbols */
    size_t symbol_capacity;
    size_t nodes;         /* records made, against max_nodes */
    uint32_t *marks;      /* by symbol, see mlscore_pmml_list_add_once */
    size_t mark_capacity;
    uint32_t mark;
    mlscore_buffer known_rows; /* of the ModelVerification, as JSON */
    /* while a forest is packed (pmml_forest.c) */
    struct mlscore_forest_builder *forest_builder;
    void *forest_bytes;

    pmml_scope *top;
    const pmml_element *only_target; /* the MiningField of it, while a model
                                        of several targets is lowered for one
                                        after the other; else NULL */
    pmml_list columns; /* input columns: indices in data_fields */
    pmml_list column_flags;
    pmml_model_info *models;
    size_t model_capacity;
    uint32_t result_count;
    uint32_t number_count;
} pmml_import;

/** Give up: `element` (may be NULL) names the line. Does not return. */
_Noreturn void mlscore_pmml_fail(pmml_import *in, mlscore_status status,
                                 const pmml_element *element,
                                 const char *format, ...) MLSCORE_PRINTF(4, 5);
_Noreturn void mlscore_pmml_no_memory(pmml_import *in);

/** Read the document into in->document. */
void mlscore_pmml_xml_read(pmml_import *in, const unsigned char *bytes,
                           size_t size);

/* --- elements and attributes (pmml_attribute.c) ---------------------------*/

#define PMML_EACH(name, parent)                                \
    for (const pmml_element *name = (parent)->child; name; \
         name = name->next)

/** The first child of a kind, or NULL. */
const pmml_element *mlscore_pmml_child(const pmml_element *parent,
                                       pmml_element_kind kind);
const pmml_element *mlscore_pmml_need_child(pmml_import *in,
                                            const pmml_element *parent,
                                            pmml_element_kind kind);
/** The first child in a group (P, X, M), or NULL. */
const pmml_element *mlscore_pmml_child_in(const pmml_element *parent,
                                          char group);
size_t mlscore_pmml_count(const pmml_element *parent, pmml_element_kind kind);

/** An attribute's text, or NULL. */
const char *mlscore_pmml_attr(const pmml_element *element, const char *name);
const char *mlscore_pmml_need(pmml_import *in, const pmml_element *element,
                              const char *name);
/** An attribute's text as a number: the default when it is absent. */
double mlscore_pmml_number(pmml_import *in, const pmml_element *element,
                           const char *name, double otherwise);
double mlscore_pmml_need_number(pmml_import *in, const pmml_element *element,
                                const char *name);
int mlscore_pmml_boolean(pmml_import *in, const pmml_element *element,
                         const char *name, int otherwise);
/** The position of an attribute's text in a list that ends with NULL; the
 *  default when it is absent, a failure when it is not in the list. */
uint32_t mlscore_pmml_choice(pmml_import *in, const pmml_element *element,
                             const char *name, const char *const *choices,
                             uint32_t otherwise);
/** Fail because the attribute's value is not supported. */
_Noreturn void mlscore_pmml_unsupported(pmml_import *in,
                                        const pmml_element *element,
                                        const char *name);

uint32_t mlscore_pmml_type(pmml_import *in, const pmml_element *element,
                           const char *name, uint32_t otherwise);
uint32_t mlscore_pmml_optype(pmml_import *in, const pmml_element *element,
                             uint32_t otherwise);
/** What optype a type has when none is given. */
uint32_t mlscore_pmml_default_optype(uint32_t type);

/** Walk the items of an Array's text: each call gives the next, without the
 *  quotes. Returns 0 at the end. The item stays until the arena is freed. */
int mlscore_pmml_next_item(pmml_import *in, const pmml_element *array,
                           const char **at, const char **item,
                           size_t *length);
/** The numbers of an Array, appended to the numbers table. */
uint32_t mlscore_pmml_number_array(pmml_import *in,
                                   const pmml_element *array,
                                   uint32_t *count);

/* --- tables (pmml_tables.c) -----------------------------------------------*/

void mlscore_pmml_tables_init(pmml_import *in);
void mlscore_pmml_tables_free(pmml_import *in);
/** Append a record; its index. */
uint32_t mlscore_pmml_add(pmml_import *in, pmml_table table,
                          const void *record);
/** Append `count` zeroed records; the index of the first. */
uint32_t mlscore_pmml_reserve(pmml_import *in, pmml_table table,
                              size_t count);
/** A record, until the next one is added to its table. */
void *mlscore_pmml_at(pmml_import *in, pmml_table table, uint32_t index);
uint32_t mlscore_pmml_rows(const pmml_import *in, pmml_table table);
uint32_t mlscore_pmml_add_word(pmml_import *in, uint32_t word);
uint32_t mlscore_pmml_add_words(pmml_import *in, const uint32_t *words,
                                size_t count);
uint32_t mlscore_pmml_add_number(pmml_import *in, double number);

/** The symbol of a text. */
uint32_t mlscore_pmml_symbol(pmml_import *in, const char *bytes,
                             size_t length);
uint32_t mlscore_pmml_symbol_of(pmml_import *in, const char *text);
const char *mlscore_pmml_symbol_text(const pmml_import *in, uint32_t symbol);
uint32_t mlscore_pmml_symbol_length(const pmml_import *in, uint32_t symbol);

/** A constant of `type`; fails naming the element when the text is not one. */
uint32_t mlscore_pmml_constant(pmml_import *in, const pmml_element *element,
                               uint32_t type, const char *bytes,
                               size_t length);
/** The same without failing: none when the text is not of the type. */
uint32_t mlscore_pmml_try_constant(pmml_import *in, uint32_t type,
                                   const char *bytes, size_t length);
/** The constant of an attribute, or none when it is absent. */
uint32_t mlscore_pmml_attr_constant(pmml_import *in,
                                    const pmml_element *element,
                                    const char *name, uint32_t type);
/** The symbol of an attribute, or none. */
uint32_t mlscore_pmml_attr_symbol(pmml_import *in,
                                  const pmml_element *element,
                                  const char *name);
/** A category of a target: numbers are written the same way ("1" for "1.0"),
 *  so that categories of one target are equal when their symbols are. */
uint32_t mlscore_pmml_category(pmml_import *in, uint32_t type,
                               const char *text);

void *mlscore_pmml_alloc(pmml_import *in, size_t count, size_t size);
void mlscore_pmml_map_put(pmml_import *in, pmml_map *map, uint32_t key,
                          uint32_t value);
/** 1 and the value when the key is there. */
int mlscore_pmml_map_get(const pmml_map *map, uint32_t key, uint32_t *value);
void mlscore_pmml_list_add(pmml_import *in, pmml_list *list, uint32_t item);
/** Begin a list whose symbols are to be different. */
void mlscore_pmml_mark_begin(pmml_import *in);
void mlscore_pmml_list_add_once(pmml_import *in, pmml_list *list,
                                uint32_t symbol);
uint32_t mlscore_pmml_list_words(pmml_import *in, const pmml_list *list);

/* --- fields (pmml_dictionary.c, pmml_schema.c, pmml_scope.c) --------------*/

void mlscore_pmml_dictionary(pmml_import *in);
const pmml_element *mlscore_pmml_data_field(const pmml_import *in,
                                            uint32_t name);
/** The scope of a model element below `parent` (NULL for the top). */
pmml_scope *mlscore_pmml_scope_create(pmml_import *in,
                                      const pmml_element *model,
                                      pmml_scope *parent);
/** The treatment of a mining field; `nested`: the value comes from another
 *  model's scope and validity has been seen to. None when it changes
 *  nothing. */
uint32_t mlscore_pmml_treatment(pmml_import *in, const pmml_element *data,
                                const pmml_element *mining, uint32_t type,
                                int nested);
/** 1 when a MiningField is one that the model predicts. */
int mlscore_pmml_is_target(pmml_import *in, const pmml_element *mining);
/** The slot of the field named by an attribute. */
uint32_t mlscore_pmml_field(pmml_import *in, pmml_scope *scope,
                            const pmml_element *element, const char *name);
/** The slot of a field by name. */
uint32_t mlscore_pmml_resolve(pmml_import *in, pmml_scope *scope,
                              const pmml_element *element, uint32_t name);
const pmml_slot *mlscore_pmml_slot(pmml_import *in, uint32_t slot);
/** The slot of an unnamed field that an expression defines. */
uint32_t mlscore_pmml_derived_slot(pmml_import *in, uint32_t expr,
                                   uint32_t type, uint32_t optype,
                                   uint32_t name);
/** The DataField whose value a slot has, or NULL. */
const pmml_element *mlscore_pmml_slot_data(pmml_import *in, uint32_t slot);
/** Make the input columns: the active fields of the top model. */
void mlscore_pmml_input_columns(pmml_import *in, pmml_scope *top);

/* --- expressions and predicates -------------------------------------------*/

uint32_t mlscore_pmml_expr(pmml_import *in, pmml_scope *scope,
                           const pmml_element *element);
/** The expression inside an element (DerivedField, Attribute, ...). */
uint32_t mlscore_pmml_expr_in(pmml_import *in, pmml_scope *scope,
                              const pmml_element *element);
uint32_t mlscore_pmml_expr_type(pmml_import *in, uint32_t expr);
/** An expression whose members are none. */
pmml_expr mlscore_pmml_blank_expr(uint32_t op, uint32_t type);
/** A replacement value: of the type when it can be, else text; or none. */
uint32_t mlscore_pmml_replacement(pmml_import *in,
                                  const pmml_element *element,
                                  const char *name, uint32_t type);
/** The type of a result that may also be one of the replacements. */
uint32_t mlscore_pmml_with_constant(pmml_import *in, uint32_t type,
                                    uint32_t constant);
uint32_t mlscore_pmml_slot_type(pmml_import *in, uint32_t slot);
/** An Apply (pmml_apply.c). */
uint32_t mlscore_pmml_apply(pmml_import *in, pmml_scope *scope,
                            const pmml_element *element);
uint32_t mlscore_pmml_field_expr(pmml_import *in, uint32_t slot);
uint32_t mlscore_pmml_cast_expr(pmml_import *in, uint32_t expr,
                                uint32_t type);
/** Append the LinearNorms of a NormContinuous to the numbers. */
uint32_t mlscore_pmml_linear_norms(pmml_import *in,
                                   const pmml_element *element,
                                   uint32_t *count);
/** The symbol of a regular expression; fails when it is none. */
uint32_t mlscore_pmml_pattern(pmml_import *in, const pmml_element *element,
                              const char *text);
uint32_t mlscore_pmml_text_index(pmml_import *in, pmml_scope *scope,
                                 const pmml_element *element);
/** Read an Interval. */
pmml_interval mlscore_pmml_interval(pmml_import *in,
                                    const pmml_element *element);
/** The predicate that is always true. */
uint32_t mlscore_pmml_predicate_true(pmml_import *in);
/** The predicate inside an element. */
uint32_t mlscore_pmml_predicate_in(pmml_import *in, pmml_scope *scope,
                                   const pmml_element *element);

/* --- models ---------------------------------------------------------------*/

/** Lower a model element; its index in the models table. */
uint32_t mlscore_pmml_model(pmml_import *in, const pmml_element *element,
                            pmml_scope *parent);
/** The Target of a model, or none. */
uint32_t mlscore_pmml_target(pmml_import *in, pmml_scope *scope);
/** The Output of a model: fills output_first and output_count. */
void mlscore_pmml_outputs(pmml_import *in, pmml_scope *scope,
                          const pmml_element *model, pmml_model *record);
/** Name the output columns and give them to models and outputs. */
void mlscore_pmml_columns(pmml_import *in, uint32_t model,
                          mlscore_image_builder *image);

/* The bodies: each fills record->kind and body (and capacity when it is not
 * the number of categories) and lists the categories it may give. */
void mlscore_pmml_tree(pmml_import *in, pmml_scope *scope,
                       const pmml_element *element, pmml_model *record,
                       pmml_list *categories);
void mlscore_pmml_regression(pmml_import *in, pmml_scope *scope,
                             const pmml_element *element, pmml_model *record,
                             pmml_list *categories);
void mlscore_pmml_mining(pmml_import *in, pmml_scope *scope,
                         const pmml_element *element, pmml_model *record,
                         pmml_list *categories);
void mlscore_pmml_general(pmml_import *in, pmml_scope *scope,
                          const pmml_element *element, pmml_model *record,
                          pmml_list *categories);
void mlscore_pmml_network(pmml_import *in, pmml_scope *scope,
                          const pmml_element *element, pmml_model *record,
                          pmml_list *categories);
void mlscore_pmml_vectors(pmml_import *in, pmml_scope *scope,
                          const pmml_element *element, pmml_model *record,
                          pmml_list *categories);
void mlscore_pmml_clustering(pmml_import *in, pmml_scope *scope,
                             const pmml_element *element, pmml_model *record,
                             pmml_list *categories);
void mlscore_pmml_bayes(pmml_import *in, pmml_scope *scope,
                        const pmml_element *element, pmml_model *record,
                        pmml_list *categories);
void mlscore_pmml_neighbor(pmml_import *in, pmml_scope *scope,
                           const pmml_element *element, pmml_model *record,
                           pmml_list *categories);
/** The same for several targets: a chain of models of one target each. */
void mlscore_pmml_neighbors(pmml_import *in, pmml_scope *scope,
                           const pmml_element *element, pmml_model *record,
                           pmml_list *categories);
void mlscore_pmml_rules(pmml_import *in, pmml_scope *scope,
                        const pmml_element *element, pmml_model *record,
                        pmml_list *categories);
void mlscore_pmml_scorecard(pmml_import *in, pmml_scope *scope,
                            const pmml_element *element, pmml_model *record,
                            pmml_list *categories);

/** The ComparisonMeasure of a model, over the `kind` children of `fields`. */
uint32_t mlscore_pmml_measure(pmml_import *in, pmml_scope *scope,
                              const pmml_element *element,
                              const pmml_element *fields,
                              pmml_element_kind kind);

/** Doubles of scratch that belong to one model; the offset of the first. */
uint32_t mlscore_pmml_scratch(pmml_import *in, const pmml_element *element,
                              size_t count);

/** The known rows of a model's ModelVerification into in->known_rows. */
void mlscore_pmml_verification(pmml_import *in, const pmml_element *model,
                               const mlscore_schema *inputs,
                               const mlscore_schema *outputs);

/** Pack the trees of ensembles for the shared forest kernel, where that gives
 *  the same answers (pmml_forest.c). */
void mlscore_pmml_forests(pmml_import *in, uint32_t top);

#endif
