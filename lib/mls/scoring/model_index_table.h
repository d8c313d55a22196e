/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_SCORING_MODEL_INDEX_TABLE_H
#define MLS_SCORING_MODEL_INDEX_TABLE_H

/**
 * The mapped index's two tables as its writer sees them: where an entry goes,
 * and how a slot is written under readers. Private to model_index*.c.
 */

#include "scoring/model_index_format.h"

/* Tests count the steps at which a kill could hit, by defining this. */
#ifndef MLS_INDEX_STEP
#define MLS_INDEX_STEP() ((void)0)
#endif

/** A file being written and what is in it. */
typedef struct index_table {
    index_file file;
    uint64_t generation;
    uint64_t services; /* versions that are there */
    uint64_t used[2];  /* slots that are not empty: services, revocations */
} index_table;

typedef enum index_found {
    INDEX_FOUND_NOTHING, /* and no place for it either */
    INDEX_FOUND_SAME,    /* the key's own slot */
    INDEX_FOUND_FREE,    /* another key's, which nobody needs any more */
    INDEX_FOUND_EMPTY
} index_found;

/** Where the entry of a key is, or where it would go: the first slot of its
 *  chain that is free, else the empty one at the end. `kind` 0: a service. */
index_found mls_index_table_locate(uint64_t *place, index_record *record,
                                   const index_table *t,
                                   const uint64_t key[2], uint64_t kind,
                                   int64_t now);

/** Write a record to a place; readers see the old or the new one. */
void mls_index_table_write(index_table *t, uint64_t place, uint64_t kind,
                           const index_record *record);

/** Publish t->generation and t->services. */
void mls_index_table_write_totals(index_table *t);

/** 1 when nobody needs the entry any more. */
int mls_index_is_free(const index_record *record, uint64_t kind, int64_t now);

/** Read every slot: fills in what is used; 0 when something is damaged, was
 *  under way, or the number of versions is not what the totals say. */
int mls_index_table_scan(index_table *t);

/** How many entries are still needed. */
uint64_t mls_index_table_count(const index_table *t, int revocations,
                               int64_t now);

/** Copy those into a new table, which has room for them. */
void mls_index_table_copy(index_table *to, const index_table *from,
                          int revocations, int64_t now);

#endif
