/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_DAEMON_OWNER_PRIVATE_H
#define MLS_DAEMON_OWNER_PRIVATE_H

/**
 * The owner's inside.
 *
 * One thread (owner_loop.c) has all connections. It reads a request, hands it
 * to a queue as a job, and writes the answer when the job comes back. Readers
 * take jobs that only look; one writer takes the others, several at a time,
 * and lets them share one write to the disk (owner_writer.c). Operations are
 * functions in a table (owner_ops.c).
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "auth/jwt.h"
#include "base/err.h"
#include "base/json.h"
#include "daemon/daemon.h"
#include "registry/bdb/bdb_env.h"
#include "registry/bdb/bdb_txn.h"
#include "registry/records.h"
#include "scoring/model_index.h"

typedef struct mls_owner mls_owner;
typedef struct mls_job mls_job;

/* ---- operations: owner_ops.c ---- */

/** A change of the index, done after the commit and before the answer. */
typedef struct mls_flip {
    enum {
        MLS_FLIP_PUT,
        MLS_FLIP_DELETE,
        MLS_FLIP_FAMILY,
        MLS_FLIP_SUBJECT
    } kind;
    const char *name, *version; /* or provider and name of a subject */
    mls_index_entry entry;
    unsigned char family[MLS_INDEX_FAMILY];
    int64_t not_before, expires; /* seconds */
} mls_flip;

/** One run of an operation. All but request and owner is reset before a run
 *  is repeated. */
typedef struct mls_call {
    mls_owner *owner;
    const mls_json *request;
    apr_time_t now;
    mls_json *answer;    /* members beside "ok" */
    const char *raw;     /* instead of answer: its whole text */
    mls_err *refusal;    /* commit, but answer this error */
    apr_array_header_t *flips; /* mls_flip */
    void *later;         /* for finish and undo */
} mls_call;

typedef mls_err *(*mls_op_run)(mls_call *call, mls_txn *txn, apr_pool_t *pool);

typedef enum mls_op_kind {
    MLS_OP_READ,
    MLS_OP_WRITE,
    MLS_OP_SLOW /* reads, may take minutes */
} mls_op_kind;

enum {
    MLS_OP_ADMIN = 1,   /* only root and the owner's own user may */
    MLS_OP_GROWS = 2,   /* refused when the disk is nearly full */
    MLS_OP_INTERNAL = 4, /* not from a socket */
    MLS_OP_NEW_VERSION = 8,    /* needs room for one more in the index ... */
    MLS_OP_NEW_REVOCATION = 16 /* ... which is found before it commits */
};

typedef struct mls_op {
    const char *name;
    mls_op_kind kind;
    unsigned flags;
    mls_op_run run;
    /** After the commit and the flips; adds to the answer. May be NULL. */
    mls_err *(*finish)(mls_call *call, apr_pool_t *pool);
    /** Take a commit back whose flips failed. May be NULL. */
    mls_op_run undo;
} mls_op;

/** The operation of that name, or NULL. */
const mls_op *mls_op_find(const char *name);

/* ---- jobs and queues: owner_queue.c ---- */

struct mls_job {
    apr_pool_t *pool; /* the job lives in it */
    const mls_op *op;
    mls_call call;
    void *connection; /* NULL: nobody waits for an answer */
    int64_t size;     /* bytes of the request */
    const char *answer;
    size_t answer_length;
    mls_err *err;
    mls_job *next;
};

typedef struct mls_queue {
    pthread_mutex_t mutex;
    pthread_cond_t ready;
    mls_job *head, *tail;
    int count, most;
    int closed;
} mls_queue;

void mls_queue_init(mls_queue *queue, int most);

/** 0 when the queue is full or closed. */
int mls_queue_put(mls_queue *queue, mls_job *job);

/** Up to `most` jobs as a list; waits until there is one, at most `wait`
 *  microseconds (negative: for ever). NULL when there was none in time, or
 *  when the queue is closed and empty. */
mls_job *mls_queue_take(mls_queue *queue, int most, apr_interval_time_t wait);
void mls_queue_close(mls_queue *queue);
/** 1 when it is closed and empty. */
int mls_queue_closed(mls_queue *queue);
int mls_queue_count(mls_queue *queue);

/** A job in a pool of its own; NULL when `request` names no operation. */
mls_job *mls_job_make(mls_owner *owner, const mls_op *op,
                      const mls_json *request, apr_pool_t *pool);

/** Put the answer together from the call, or from `err`. */
void mls_job_answer(mls_job *job, mls_err *err);

/* ---- the owner ---- */

enum { MLS_OWNER_READERS = 2 };

struct mls_owner {
    mls_daemon *daemon;
    mls_bdb *bdb;
    const char *state_id;
    apr_time_t started;
    int lock_fd;

    mls_queue readers, writes, slow;
    mls_queue done; /* back to the loop */
    int done_event; /* eventfd: something is in `done` */

    struct mls_owner_audit *audit; /* owner_audit.c */

    /* The writer's alone: */
    mls_index_writer *index;
    struct mls_keys *keys;
    int64_t unsettled; /* bytes of records since the last checkpoint */
    const char *sweep_from; /* where the next token sweep goes on */
    apr_pool_t *sweep_pool;

    /* counters, for status */
    atomic_ullong requests, reads, writes_done, batches, refused, failed;
    atomic_ullong generation;
    atomic_int connections, nearly_full, backups;
    atomic_llong messages_second; /* of the database, to limit their number */
    atomic_int messages;
};

/* ---- owner_loop.c ---- */

/** Serve until told to stop; then no connection is left. */
mls_err *mls_owner_loop(mls_owner *owner, apr_pool_t *pool);

/* ---- owner_writer.c ---- */

void *mls_owner_write_thread(void *owner);
void *mls_owner_read_thread(void *owner);
void *mls_owner_slow_thread(void *owner);

/* ---- owner_space.c ---- */

/** Keep a file of some megabytes that is given up when the disk is full, so
 *  that deleting and logging in go on. */
void mls_space_reserve(mls_owner *owner);
void mls_space_release(mls_daemon *daemon);

/** Look at the disk; sets owner->nearly_full. */
void mls_space_check(mls_owner *owner);

/** 1 when a record of that many bytes more may be written. */
int mls_space_allows(mls_owner *owner, int64_t bytes);

/** 1 when there is so little room that any failure may be for lack of it. */
int mls_space_is_low(const mls_daemon *daemon);

/** What is left of the audit, when nobody else writes any more. */
void mls_owner_write_audit(mls_owner *owner);

/* ---- owner_audit.c ---- */

mls_err *mls_owner_audit_open(mls_owner *owner, apr_pool_t *pool);

/** 1 when there are records that are not on disk; the writer's to ask. */
int mls_owner_audit_waits(mls_owner *owner);

/* ---- owner_roles.c ---- */

/** Write the file of role mappings where it is not what the registry has. */
mls_err *mls_owner_publish_roles(mls_owner *owner, apr_pool_t *pool);

/* ---- owner_index.c ---- */

/** Open the index, putting everything again where it does not agree with the
 *  registry, and all that is revoked. */
mls_err *mls_owner_open_index(mls_owner *owner, apr_pool_t *pool);
mls_err *mls_owner_flip(mls_owner *owner, const mls_flip *flip,
                        apr_pool_t *scratch);
mls_err *mls_index_entry_make(mls_index_entry *entry,
                              const mls_service *service, apr_pool_t *pool);

/* ---- owner_keys.c: signing keys and the secret of refresh tokens ---- */

typedef struct mls_keys mls_keys;

/** Read the keys, making them at the first start, and write the public set. */
mls_err *mls_keys_open(mls_keys **out, const mls_paths *paths,
                       apr_pool_t *pool);
const mls_jwt_key *mls_keys_signing(const mls_keys *keys);

/** Sign with a new key from now on; the old one's public part stays until
 *  `until` (seconds since 1970). */
mls_err *mls_keys_rotate(mls_keys *keys, int64_t until, apr_pool_t *scratch);

/** Sign with a key that another server signs with, too; as above. */
mls_err *mls_keys_import(mls_keys *keys, const char *jwk, int64_t until,
                         apr_pool_t *scratch);

/** Accept what another server's key signs until `until`. */
mls_err *mls_keys_trust(mls_keys *keys, const char *jwk, int64_t until,
                        apr_pool_t *scratch);

/** Forget what is over. */
mls_err *mls_keys_sweep(mls_keys *keys, int64_t now, apr_pool_t *scratch);

/** The refresh token that follows `token`: 32 bytes. */
mls_err *mls_keys_successor(unsigned char out[32], const mls_keys *keys,
                            const void *token, size_t length,
                            apr_pool_t *pool);

/* ---- operations by file ---- */

/* owner_services.c */
mls_err *mls_op_service_get(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_service_list(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_service_create(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_service_update(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_service_delete(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_service_image(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_service_undo(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_snapshot_put(mls_call *call, mls_txn *txn, apr_pool_t *pool);
mls_err *mls_op_snapshot_list(mls_call *call, mls_txn *txn, apr_pool_t *pool);
mls_err *mls_op_snapshot_delete(mls_call *call, mls_txn *txn,
                                apr_pool_t *pool);
mls_err *mls_op_blob_list(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_usage(mls_call *, mls_txn *, apr_pool_t *);

/* owner_tokens.c */
mls_err *mls_op_token_issue(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_token_refresh(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_token_revoke(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_token_revoke_family(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_subject_revoke(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_token_sign(mls_call *, apr_pool_t *);

/* owner_token_list.c */
mls_err *mls_op_token_list(mls_call *, mls_txn *, apr_pool_t *);

/* owner_roles.c */
mls_err *mls_op_roles_get(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_roles_set(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_roles_flush(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_roles_publish(mls_call *, apr_pool_t *);
mls_err *mls_op_token_control(mls_call *, mls_txn *, apr_pool_t *);

/* owner_audit.c */
mls_err *mls_op_audit_add(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_audit_flush(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_audit_flushed(mls_call *, apr_pool_t *);
mls_err *mls_op_audit_search(mls_call *, mls_txn *, apr_pool_t *);

/* owner_admin.c */
mls_err *mls_op_hello(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_status(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_keys_rotate(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_keys_import(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_keys_trust(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_backup(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_verify(mls_call *, mls_txn *, apr_pool_t *);
mls_err *mls_op_sweep(mls_call *, mls_txn *, apr_pool_t *);

#endif
