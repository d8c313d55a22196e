/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_USAGE_USAGE_TABLE_H
#define MLS_USAGE_USAGE_TABLE_H

/**
 * Who is called how often, with what result, and how long it takes: counters
 * in memory that all processes share, a slot per service version.
 *
 * Counting takes no lock and makes no system call: it adds to a few relaxed
 * atomic numbers of the caller's stripe. The number of slots is fixed; service
 * versions beyond it share one called "(other)". Counts of each minute are
 * kept for a day. The first call in a new minute writes down the one before.
 */

#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>
#include <apr_time.h>

#include "base/err.h"
#include "usage/histogram.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a call spends its time with. */
typedef enum mls_stage {
    MLS_STAGE_AUTHORISE, /* who calls, and may they? */
    MLS_STAGE_PARSE,     /* rows from the body */
    MLS_STAGE_WAIT,      /* for the body, the model, a worker */
    MLS_STAGE_RUN,       /* the model or the code itself */
    MLS_STAGE_WRITE,     /* the answer */
    MLS_STAGE_TOTAL,     /* all of it */
    MLS_STAGES
} mls_stage;

/** "authorise", "parse" ... */
const char *mls_stage_name(mls_stage stage);

enum {
    MLS_USAGE_MINUTES = 1440, /* of each service that are kept */
    MLS_USAGE_STATUSES = 24,  /* distinct HTTP statuses that are counted */
    MLS_USAGE_ALIGNMENT = 64  /* of the table's memory: a cache line */
};

typedef struct mls_usage mls_usage;

/** Bytes that a table needs. `services` and `stripes` are rounded up to powers
 *  of two. */
size_t mls_usage_size(unsigned services, unsigned stripes);

/** Make a table in `memory`: zeros, mls_usage_size bytes, aligned to
 *  MLS_USAGE_ALIGNMENT. */
mls_err *mls_usage_init(mls_usage **out, void *memory, unsigned services,
                        unsigned stripes, apr_time_t now,
                        apr_pool_t *scratch);

/** The table that was made in `memory` for these numbers by a program with
 *  this layout; NULL when it was another. */
mls_usage *mls_usage_attach(void *memory, unsigned services,
                            unsigned stripes);

/* ---- counting ---- */

/** The slot of a service version, taken now if it has none. Never fails. */
unsigned mls_usage_slot(mls_usage *usage, const char *name,
                        const char *version);

/** One call. */
typedef struct mls_usage_sample {
    int64_t nanoseconds[MLS_STAGES]; /* negative: the stage was not reached */
    int status;                      /* HTTP */
    apr_time_t ended;
} mls_usage_sample;

/** Count a call. `stripe` is any number; threads that count at the same time
 *  had better have different ones. */
void mls_usage_record(mls_usage *usage, unsigned slot, unsigned stripe,
                      const mls_usage_sample *sample);

/* ---- reading ---- */

/** When counting began. */
apr_time_t mls_usage_since(const mls_usage *usage);

/** Slots are numbered from 0; 0 is "(other)". */
unsigned mls_usage_slots(const mls_usage *usage);

/** The slot of a service version; -1 when it has none (its calls, if any, are
 *  in slot 0). */
int mls_usage_find(const mls_usage *usage, const char *name,
                   const char *version);

/** Sums of a slot since counting began. */
typedef struct mls_usage_totals {
    const char *name;
    const char *version; /* "" of slot 0 */
    uint64_t requests;
    uint64_t errors; /* status 400 and above */
    uint64_t statuses[MLS_USAGE_STATUSES];
    uint64_t nanoseconds[MLS_STAGES];
    uint64_t buckets[MLS_STAGES][MLS_HISTOGRAM_BUCKETS];
} mls_usage_totals;

/** 1 and *out, 0 when nothing uses the slot. Names are made in `pool`. */
int mls_usage_read(mls_usage_totals *out, const mls_usage *usage,
                   unsigned slot, apr_pool_t *pool);

/** The status that statuses[i] counts; 0 for all others. */
int mls_usage_status(unsigned i);

/** One minute of a slot; quantiles are milliseconds, -1 without requests. */
typedef struct mls_usage_point {
    uint32_t minute; /* since 1970 */
    uint32_t requests;
    uint32_t errors;
    float p50, p95, p99;
} mls_usage_point;

/** The last `count` minutes of a slot up to the running one, oldest first. */
void mls_usage_points(mls_usage_point *out, unsigned count, mls_usage *usage,
                      unsigned slot, apr_time_t now);

/** Requests a second over the last minute, as far as is known. */
double mls_usage_rate(mls_usage *usage, unsigned slot, apr_time_t now);

/* ---- calls that failed: usage_failures.c ---- */

enum { MLS_USAGE_FAILURES = 16 }; /* of each service that are kept */

/** A call that failed. Texts may be NULL; long ones are cut: of messages the
 *  beginning is kept, of the others the end. */
typedef struct mls_usage_failure {
    apr_time_t time;
    int status;
    const char *request_id;
    const char *message;
    const char *console;
    const char *trace;
} mls_usage_failure;

/** Keep a failure; the oldest one goes. No lock, no system call. Not for slot
 *  0, which is nobody's own. */
void mls_usage_fail(mls_usage *usage, unsigned slot,
                    const mls_usage_failure *failure);

/** The failures of a slot, newest first; returns how many. */
unsigned mls_usage_failures(mls_usage_failure out[MLS_USAGE_FAILURES],
                            const mls_usage *usage, unsigned slot,
                            apr_pool_t *pool);

#ifdef __cplusplus
}
#endif

#endif
