/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that do jobs. The order in the writer is the promise of the
 * whole design: commit, log on disk, index, answer. */

#include "daemon/owner_private.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <apr_strings.h>

#include "registry/bdb/dbt.h"
#include "registry/bdb/tables.h"

enum {
    BATCH = 64,
    TICK = 1000000, /* microseconds between looks at the disk */
    SWEEP_EVERY = 20, /* ticks */
    UNSETTLED_MOST = 4 * 1024 * 1024, /* bytes of records */
    CHECKPOINT_EVERY = 60 /* ticks */
};

static void reset(mls_call *call, apr_pool_t *pool)
{
    call->answer = mls_json_object(pool);
    call->raw = NULL;
    call->refusal = NULL;
    call->later = NULL;
    call->flips = apr_array_make(pool, 2, sizeof(mls_flip));
}

static void give_back(mls_owner *owner, mls_job *job)
{
    const uint64_t one = 1;

    if (!job->connection) {
        apr_pool_destroy(job->pool);
        return;
    }
    mls_queue_put(&owner->done, job);
    if (write(owner->done_event, &one, sizeof(one)) < 0) {
        return; /* the counter is full: the loop will look anyway */
    }
}

/* After a failure that leaves memory and disk apart nothing but a new start,
 * with recovery, is right. Callers see a broken connection and ask again. */
static void start_over(mls_owner *owner, const mls_err *err, const char *what)
{
    mls_daemon_log_err(owner->daemon, err, "owner_starts_over step=\"%s\"",
                       what);
    if (err->code == MLS_ENOSPACE) {
        mls_space_release(owner->daemon);
    }
    _exit(1);
}

/* ---- writing ---- */

/* The id of a request that may be repeated. Operations that finish after the
 * commit have secrets in their answers, which are not stored: their own logic
 * makes repeating them harmless. */
static const char *request_id(const mls_job *job)
{
    return job->op->finish ? NULL : mls_json_string(job->call.request, "id");
}

/* A repeated request gets the first one's answer. */
static mls_err *write_body(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    mls_job *job = baton;
    mls_call *call = &job->call;
    const char *id = request_id(job);
    mls_json *answered = NULL;

    reset(call, pool);
    call->now = apr_time_now();
    if (id) {
        MLS_TRY(mls_requests_table_get(&answered, txn, id, pool));
    }
    if (answered) {
        call->answer = answered;
        return NULL;
    }
    MLS_TRY(job->op->run(call, txn, pool));
    if (id && !call->refusal) {
        return mls_requests_table_put(txn, id, call->answer, call->now, pool);
    }
    return NULL;
}

static mls_err *undo_body(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    mls_job *job = baton;
    const char *id = request_id(job);

    MLS_TRY(job->op->undo(&job->call, txn, pool));
    return id ? mls_dbt_delete(txn, MLS_TABLE_REQUESTS, mls_key(id), pool)
              : NULL;
}

/* Committed, but the index could not show it, although it had room: take it
 * back, so that both say the same. A later job of the batch may have committed
 * on top of it; then only a new start, which builds the index from the
 * registry, is right. */
static void undo(mls_owner *owner, mls_job *job, int alone)
{
    mls_err *err = mls_err_make(job->pool, MLS_EOTHER, NULL, "no way back");

    mls_daemon_log_err(owner->daemon, job->err, "index_failed op=%s",
                       job->op->name);
    if (job->op->undo && alone) {
        err = mls_bdb_write(owner->bdb, undo_body, job, job->pool);
    }
    if (!err) {
        err = mls_bdb_flush(owner->bdb, job->pool);
    }
    if (err) {
        start_over(owner, err, "undo");
    }
}

static void show(mls_owner *owner, mls_job *job, int alone)
{
    const apr_array_header_t *flips = job->call.flips;

    for (int i = 0; !job->err && i < flips->nelts; i++) {
        job->err = mls_owner_flip(owner, &APR_ARRAY_IDX(flips, i, mls_flip),
                                  job->pool);
    }
    if (job->err) {
        undo(owner, job, alone);
    }
    else if (job->op->finish && !job->call.refusal) {
        job->err = job->op->finish(&job->call, job->pool);
    }
}

static mls_err *refuse_growth(mls_owner *owner, const mls_job *job)
{
    if (!(job->op->flags & MLS_OP_GROWS)
        || mls_space_allows(owner, job->size)) {
        return NULL;
    }
    return mls_err_make(job->pool, MLS_ENOSPACE, NULL,
                        "the disk of the state directory is nearly full; "
                        "delete what is not needed, or make room");
}

/* Room in the index for what the batch has so far and this job: what cannot be
 * shown must not be committed. */
static mls_err *reserve(mls_owner *owner, const mls_job *job,
                        unsigned more[2])
{
    const unsigned versions = (job->op->flags & MLS_OP_NEW_VERSION) != 0;
    const unsigned revocations =
        (job->op->flags & MLS_OP_NEW_REVOCATION) != 0;

    if (!versions && !revocations) {
        return NULL;
    }
    MLS_TRY(mls_index_writer_reserve(owner->index, more[0] + versions,
                                     more[1] + revocations, job->pool));
    more[0] += versions;
    more[1] += revocations;
    return NULL;
}

static void write_batch(mls_owner *owner, mls_job *batch, apr_pool_t *scratch)
{
    unsigned more[2] = { 0, 0 };
    int committed = 0;

    for (mls_job *job = batch; job; job = job->next) {
        job->err = refuse_growth(owner, job);
        if (!job->err) {
            job->err = reserve(owner, job, more);
        }
        if (!job->err) {
            job->err = mls_bdb_write(owner->bdb, write_body, job, job->pool);
        }
        if (job->err && job->err->code == MLS_ECORRUPT) {
            mls_daemon_log_err(owner->daemon, job->err, "damaged op=%s",
                               job->op->name);
        }
        committed += !job->err;
        owner->unsettled += job->size;
    }
    if (committed) {
        mls_err *err = mls_bdb_flush(owner->bdb, scratch);
        if (err) {
            start_over(owner, err, "flush");
        }
        atomic_fetch_add(&owner->batches, 1);
    }
    for (mls_job *job = batch; job; job = job->next) {
        if (!job->err) {
            show(owner, job, committed == 1);
        }
        atomic_fetch_add(job->err ? &owner->failed : &owner->writes_done, 1);
        mls_job_answer(job, job->err);
    }
    while (batch) {
        mls_job *next = batch->next;
        give_back(owner, batch);
        batch = next;
    }
}

static void checkpoint(mls_owner *owner, unsigned kilobytes,
                       apr_pool_t *scratch)
{
    if (atomic_load(&owner->backups)) {
        return; /* a backup needs the log from its start on */
    }
    mls_err *err = mls_bdb_checkpoint(owner->bdb, kilobytes, scratch);
    if (err) {
        mls_daemon_log_err(owner->daemon, err, "checkpoint_failed");
        if (err->code == MLS_ENOSPACE || mls_space_is_low(owner->daemon)) {
            mls_space_release(owner->daemon);
        }
        else {
            start_over(owner, err, "checkpoint");
        }
    }
    else if (kilobytes <= 1) {
        owner->unsettled = 0;
    }
}

/* Now and then, and whenever much is in the log that is not in the tables. */
static void settle(mls_owner *owner, unsigned ticks, apr_pool_t *scratch)
{
    if (owner->unsettled > UNSETTLED_MOST) {
        checkpoint(owner, 0, scratch);
    }
    else if (ticks && ticks % CHECKPOINT_EVERY == 0) {
        checkpoint(owner, 1, scratch);
    }
}

/* An operation that nobody asked for. */
static mls_job *own_job(mls_owner *owner, const char *op)
{
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    return mls_job_make(owner, mls_op_find(op), mls_json_object(pool), pool);
}

void mls_owner_write_audit(mls_owner *owner)
{
    if (mls_owner_audit_waits(owner)) {
        apr_pool_t *scratch;

        apr_pool_create(&scratch, NULL);
        write_batch(owner, own_job(owner, "audit.flush"), scratch);
        apr_pool_destroy(scratch);
    }
}

void *mls_owner_write_thread(void *data)
{
    mls_owner *owner = data;
    apr_time_t tick = apr_time_now();
    unsigned ticks = 0;
    apr_pool_t *scratch;

    apr_pool_create(&scratch, NULL);
    for (;;) {
        mls_job *batch = mls_queue_take(&owner->writes, BATCH, TICK);
        if (batch) {
            write_batch(owner, batch, scratch);
            settle(owner, 0, scratch);
        }
        else if (mls_queue_closed(&owner->writes)) {
            break;
        }
        if (apr_time_now() - tick >= TICK) {
            tick = apr_time_now();
            ticks++;
            mls_space_check(owner);
            settle(owner, ticks, scratch);
            mls_owner_write_audit(owner);
            if (ticks % SWEEP_EVERY == 0) {
                write_batch(owner, own_job(owner, "sweep"), scratch);
            }
        }
        apr_pool_clear(scratch);
    }
    apr_pool_destroy(scratch);
    return NULL;
}

/* ---- reading ---- */

static mls_err *read_body(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    mls_job *job = baton;

    reset(&job->call, pool);
    job->call.now = apr_time_now();
    return job->op->run(&job->call, txn, pool);
}

static void read_jobs(mls_owner *owner, mls_queue *queue)
{
    mls_job *job;

    while ((job = mls_queue_take(queue, 1, -1))) {
        job->err = mls_bdb_read(owner->bdb, read_body, job, job->pool);
        atomic_fetch_add(job->err ? &owner->failed : &owner->reads, 1);
        mls_job_answer(job, job->err);
        give_back(owner, job);
    }
}

void *mls_owner_read_thread(void *data)
{
    mls_owner *owner = data;

    read_jobs(owner, &owner->readers);
    return NULL;
}

void *mls_owner_slow_thread(void *data)
{
    mls_owner *owner = data;

    read_jobs(owner, &owner->slow);
    return NULL;
}
