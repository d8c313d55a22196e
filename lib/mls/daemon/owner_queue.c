/* SPDX-License-Identifier: Apache-2.0 */
/* Queues between the owner's threads, and the jobs in them. */

#include "daemon/owner_private.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <apr_strings.h>

void mls_queue_init(mls_queue *queue, int most)
{
    pthread_condattr_t attributes;

    *queue = (mls_queue){ .most = most };
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->ready, &attributes);
    pthread_condattr_destroy(&attributes);
}

int mls_queue_put(mls_queue *queue, mls_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&queue->mutex);
    const int accepted = !queue->closed && queue->count < queue->most;
    if (accepted) {
        if (queue->tail) {
            queue->tail->next = job;
        }
        else {
            queue->head = job;
        }
        queue->tail = job;
        queue->count++;
        pthread_cond_signal(&queue->ready);
    }
    pthread_mutex_unlock(&queue->mutex);
    return accepted;
}

static void wait_for_job(mls_queue *queue, apr_interval_time_t wait)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait / APR_USEC_PER_SEC;
    until.tv_nsec += wait % APR_USEC_PER_SEC * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (!queue->head && !queue->closed) {
        if (wait < 0) {
            pthread_cond_wait(&queue->ready, &queue->mutex);
        }
        else if (pthread_cond_timedwait(&queue->ready, &queue->mutex, &until)
                 == ETIMEDOUT) {
            return;
        }
    }
}

mls_job *mls_queue_take(mls_queue *queue, int most, apr_interval_time_t wait)
{
    pthread_mutex_lock(&queue->mutex);
    if (wait) {
        wait_for_job(queue, wait);
    }
    mls_job *first = queue->head;
    mls_job *last = first;
    for (int taken = 1; last; taken++) {
        queue->count--;
        if (taken == most || !last->next) {
            queue->head = last->next;
            queue->tail = queue->head ? queue->tail : NULL;
            last->next = NULL;
            break;
        }
        last = last->next;
    }
    pthread_mutex_unlock(&queue->mutex);
    return first;
}

void mls_queue_close(mls_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->closed = 1;
    pthread_cond_broadcast(&queue->ready);
    pthread_mutex_unlock(&queue->mutex);
}

int mls_queue_closed(mls_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    const int closed = queue->closed && !queue->head;
    pthread_mutex_unlock(&queue->mutex);
    return closed;
}

int mls_queue_count(mls_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    const int count = queue->count;
    pthread_mutex_unlock(&queue->mutex);
    return count;
}

mls_job *mls_job_make(mls_owner *owner, const mls_op *op,
                      const mls_json *request, apr_pool_t *pool)
{
    mls_job *job = apr_pcalloc(pool, sizeof(*job));

    job->pool = pool;
    job->op = op;
    job->call.owner = owner;
    job->call.request = request;
    return job;
}

void mls_job_answer(mls_job *job, mls_err *err)
{
    mls_call *call = &job->call;

    if (err) {
        job->answer = mls_wire_refusal(err, job->pool);
    }
    else if (call->refusal) {
        mls_wire_set_refusal(call->answer, call->refusal, job->pool);
        job->answer = mls_json_text(call->answer, job->pool);
    }
    else if (call->raw) {
        job->answer = call->raw;
    }
    else {
        mls_json_set_bool(call->answer, "ok", 1);
        job->answer = mls_json_text(call->answer, job->pool);
    }
    job->answer_length = strlen(job->answer);
}
