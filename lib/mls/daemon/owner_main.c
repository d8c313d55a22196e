/* SPDX-License-Identifier: Apache-2.0 */
/* The registry owner from its start to its end. */

#include "daemon/owner.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "daemon/owner_private.h"
#include "registry/bdb/tables.h"

enum {
    LOCK_WAIT = 10,       /* seconds */
    WRITES_WAITING = 512, /* more: busy, the caller tries later */
    READS_WAITING = 4096,
    SLOW_WAITING = 4,
    MESSAGES_MOST = 5,    /* of the database in a second */
    STOP_SECONDS = 6
};

/* On a full disk the library has something to say of every page. */
static void pass_message(void *baton, const char *message)
{
    mls_owner *owner = baton;
    const long long second = (long long)apr_time_sec(apr_time_now());

    if (atomic_exchange(&owner->messages_second, second) != second) {
        atomic_store(&owner->messages, 0);
    }
    if (atomic_fetch_add(&owner->messages, 1) < MESSAGES_MOST) {
        mls_daemon_log(owner->daemon, "database message=\"%s\"", message);
    }
}

struct beginning {
    const char *state_id;
    apr_pool_t *pool;
};

static mls_err *begin_body(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    struct beginning *beginning = baton;
    const char *id;

    MLS_TRY(mls_meta_table_start(txn, pool));
    MLS_TRY(mls_meta_table_state_id(&id, txn, pool));
    beginning->state_id = apr_pstrdup(beginning->pool, id);
    return NULL;
}

static mls_err *open_database(mls_owner *owner, apr_pool_t *pool)
{
    mls_daemon *daemon = owner->daemon;
    struct beginning beginning = { NULL, pool };

    mls_err *err = mls_bdb_open(&owner->bdb, daemon->paths.registry,
                                pass_message, owner, pool);
    if (err && mls_space_is_low(daemon)) {
        /* Recovery needs room; whatever it says, that is the cause. */
        mls_space_release(daemon);
        err = mls_bdb_open(&owner->bdb, daemon->paths.registry, pass_message,
                           owner, pool);
        if (err && mls_space_is_low(daemon)) {
            return mls_err_make(pool, MLS_ENOSPACE, err,
                                "the disk of the state directory is full: "
                                "make room, it will go on by itself");
        }
    }
    if (err && err->code == MLS_ECORRUPT) {
        return mls_err_make(pool, MLS_ECORRUPT, err,
                            "the registry is damaged; see \"mlserverctl "
                            "verify --offline\" and \"mlserverctl restore\"");
    }
    if (err) {
        return err;
    }
    MLS_TRY(mls_bdb_write(owner->bdb, begin_body, &beginning, pool));
    MLS_TRY(mls_bdb_flush(owner->bdb, pool));
    owner->state_id = beginning.state_id;
    return NULL;
}

static void allow_many_descriptors(void)
{
    struct rlimit limit;

    if (!getrlimit(RLIMIT_NOFILE, &limit)) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static mls_err *prepare(mls_owner *owner, apr_pool_t *pool)
{
    mls_daemon *daemon = owner->daemon;
    sigset_t term;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &term, NULL);
    signal(SIGINT, SIG_IGN); /* the parent tells */
    allow_many_descriptors();
    MLS_TRY(mls_become_user(&daemon->who, pool));
    /* Changing the user cleared this; the lifeline covers the time before. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    umask(0027);
    MLS_TRY(mls_layout_make_folders(daemon, pool));
    MLS_TRY(mls_bdb_lock(&owner->lock_fd,
                         apr_pstrcat(pool, daemon->paths.registry, "/LOCK",
                                     NULL),
                         apr_time_from_sec(LOCK_WAIT), pool));
    MLS_TRY(open_database(owner, pool));
    mls_space_reserve(owner);
    mls_space_check(owner);
    MLS_TRY(mls_keys_open(&owner->keys, &daemon->paths, pool));
    MLS_TRY(mls_owner_audit_open(owner, pool));
    MLS_TRY(mls_owner_open_index(owner, pool));
    MLS_TRY(mls_owner_publish_roles(owner, pool));
    owner->done_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return owner->done_event < 0 ? mls_err_apr(pool, errno, "eventfd") : NULL;
}

static mls_err *start_thread(pthread_t *thread, void *(*run)(void *),
                             mls_owner *owner, apr_pool_t *pool)
{
    const int rc = pthread_create(thread, NULL, run, owner);

    return rc ? mls_err_apr(pool, rc, "start a thread") : NULL;
}

/* What hangs at the end is cut off; the next start recovers. */
static void limit_stop(int seconds)
{
    signal(SIGALRM, SIG_DFL);
    alarm((unsigned)seconds);
}

static mls_err *serve(mls_owner *owner, apr_pool_t *pool)
{
    pthread_t writer, slow, readers[MLS_OWNER_READERS];

    mls_queue_init(&owner->writes, WRITES_WAITING);
    mls_queue_init(&owner->readers, READS_WAITING);
    mls_queue_init(&owner->slow, SLOW_WAITING);
    mls_queue_init(&owner->done, INT_MAX);
    MLS_TRY(start_thread(&writer, mls_owner_write_thread, owner, pool));
    MLS_TRY(start_thread(&slow, mls_owner_slow_thread, owner, pool));
    for (int i = 0; i < MLS_OWNER_READERS; i++) {
        MLS_TRY(start_thread(&readers[i], mls_owner_read_thread, owner,
                             pool));
    }
    mls_err *err = mls_owner_loop(owner, pool);
    limit_stop(STOP_SECONDS);
    if (err) {
        return err;
    }
    pthread_join(writer, NULL);
    for (int i = 0; i < MLS_OWNER_READERS; i++) {
        pthread_join(readers[i], NULL);
    }
    mls_owner_write_audit(owner);
    if (atomic_load(&owner->backups)) {
        return NULL; /* cut off with the process; nothing of it is kept */
    }
    pthread_join(slow, NULL);
    return mls_bdb_close(owner->bdb, pool);
}

/* Another try cannot help against these. */
static int hopeless(const mls_err *err)
{
    return err->code == MLS_EBUSY || err->code == MLS_ECORRUPT
           || err->code == MLS_EINVALID;
}

int mls_owner_main(mls_daemon *daemon, apr_pool_t *pool)
{
    mls_owner *owner = apr_pcalloc(pool, sizeof(*owner));

    owner->daemon = daemon;
    owner->started = apr_time_now();
    apr_pool_create(&owner->sweep_pool, pool);
    mls_err *err = prepare(owner, pool);
    if (err) {
        mls_daemon_log_err(daemon, err, "owner_cannot_start");
        return hopeless(err) ? MLS_EXIT_HOPELESS : 1;
    }
    err = serve(owner, pool);
    if (err) {
        mls_daemon_log_err(daemon, err, "owner_failed");
        return 1;
    }
    return 0;
}
