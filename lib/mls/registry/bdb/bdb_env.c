/* SPDX-License-Identifier: Apache-2.0 */
/* Open, recover, flush, checkpoint, back up and close the environment. */

#include "registry/bdb/bdb_private.h"

#include <string.h>

#include <apr_strings.h>

static const char *const files[MLS_TABLES] = {
    [MLS_TABLE_SERVICES] = "services.db", [MLS_TABLE_FAMILIES] = "families.db",
    [MLS_TABLE_TOKENS] = "tokens.db",     [MLS_TABLE_SUBJECTS] = "subjects.db",
    [MLS_TABLE_BLOBS] = "blobs.db",       [MLS_TABLE_USAGE] = "usage.db",
    [MLS_TABLE_REQUESTS] = "requests.db", [MLS_TABLE_META] = "meta.db",
    [MLS_TABLE_SNAPSHOTS] = "snapshots.db",
    [MLS_TABLE_AUDIT] = "audit.db",
};

enum {
    CACHE = 32 * 1024 * 1024,
    PAGE = 8192, /* takes a usual record without a chain of pages */
    LOG_FILE = 8 * 1024 * 1024,
    LOG_BUFFER = 1024 * 1024,
    LOCKS = 20000, /* a sweep touches many pages */
    FILE_MODE = 0600
};

const char *mls_table_file(mls_table table)
{
    return files[table];
}

static void pass_message(const DB_ENV *env, const char *prefix,
                         const char *message)
{
    const mls_bdb *bdb = env->app_private;

    if (bdb && bdb->log) {
        bdb->log(bdb->baton, message);
    }
}

static int configure(DB_ENV *env)
{
    int rc;

    if ((rc = env->set_cachesize(env, 0, CACHE, 1))
        || (rc = env->set_lg_max(env, LOG_FILE))
        || (rc = env->set_lg_bsize(env, LOG_BUFFER))
        || (rc = env->set_lg_filemode(env, FILE_MODE))
        || (rc = env->set_lk_detect(env, DB_LOCK_DEFAULT))
        || (rc = env->set_lk_max_locks(env, LOCKS))
        || (rc = env->set_lk_max_objects(env, LOCKS))) {
        return rc;
    }
    /* A log file gets its blocks when it is made: a disk that fills up later
     * cannot fail a commit half way. */
    return env->log_set_config(env, DB_LOG_ZERO, 1);
}

static mls_err *open_env(mls_bdb *bdb, const char *directory,
                         u_int32_t recovery, apr_pool_t *pool)
{
    int rc = db_env_create(&bdb->env, 0);

    if (rc) {
        bdb->env = NULL;
        return mls_bdb_err(pool, rc, "create the environment");
    }
    bdb->env->app_private = bdb;
    bdb->env->set_errcall(bdb->env, pass_message);
    rc = configure(bdb->env);
    if (!rc) {
        rc = bdb->env->open(bdb->env, directory,
                            DB_CREATE | DB_PRIVATE | DB_THREAD | recovery
                                | DB_INIT_TXN | DB_INIT_LOG | DB_INIT_MPOOL
                                | DB_INIT_LOCK,
                            FILE_MODE);
    }
    return mls_bdb_err(pool, rc,
                       apr_psprintf(pool, "open the registry in %s",
                                    directory));
}

static mls_err *open_table(mls_bdb *bdb, mls_table table, apr_pool_t *pool)
{
    DB *db;
    int rc = db_create(&db, bdb->env, 0);

    if (!rc) {
        bdb->tables[table] = db;
        rc = db->set_pagesize(db, PAGE);
    }
    if (!rc) {
        rc = db->open(db, NULL, files[table], NULL, DB_BTREE,
                      DB_CREATE | DB_THREAD | DB_AUTO_COMMIT, FILE_MODE);
    }
    return mls_bdb_err(pool, rc,
                       apr_psprintf(pool, "open table %s", files[table]));
}

static int close_all(mls_bdb *bdb)
{
    int first = 0;

    for (int i = 0; i < MLS_TABLES; i++) {
        if (bdb->tables[i]) {
            const int rc = bdb->tables[i]->close(bdb->tables[i], 0);
            first = first ? first : rc;
            bdb->tables[i] = NULL;
        }
    }
    if (bdb->env) {
        const int rc = bdb->env->close(bdb->env, 0);
        first = first ? first : rc;
        bdb->env = NULL;
    }
    return first;
}

mls_err *mls_bdb_open(mls_bdb **out, const char *directory,
                      void (*log)(void *baton, const char *message),
                      void *baton, apr_pool_t *pool)
{
    mls_bdb *bdb = apr_pcalloc(pool, sizeof(*bdb));

    bdb->log = log;
    bdb->baton = baton;
    mls_err *err = open_env(bdb, directory, DB_RECOVER, pool);
    for (int i = 0; !err && i < MLS_TABLES; i++) {
        err = open_table(bdb, (mls_table)i, pool);
    }
    if (err) {
        close_all(bdb);
        return err;
    }
    *out = bdb;
    return NULL;
}

mls_err *mls_bdb_close(mls_bdb *bdb, apr_pool_t *pool)
{
    mls_err *err = mls_bdb_checkpoint(bdb, 0, pool);
    const int rc = close_all(bdb);

    return err ? err : mls_bdb_err(pool, rc, "close the registry");
}

mls_err *mls_bdb_flush(mls_bdb *bdb, apr_pool_t *pool)
{
    return mls_bdb_err(pool, bdb->env->log_flush(bdb->env, NULL),
                       "write the registry's log to disk");
}

mls_err *mls_bdb_checkpoint(mls_bdb *bdb, unsigned kilobytes, apr_pool_t *pool)
{
    int rc = bdb->env->txn_checkpoint(bdb->env, kilobytes, 0, 0);

    if (!rc) {
        rc = bdb->env->log_archive(bdb->env, NULL, DB_ARCH_REMOVE);
    }
    return mls_bdb_err(pool, rc, "checkpoint of the registry");
}

mls_err *mls_bdb_backup(mls_bdb *bdb, const char *target, apr_pool_t *pool)
{
    return mls_bdb_err(pool,
                       bdb->env->backup(bdb->env, target,
                                        DB_CREATE | DB_EXCL),
                       "back up the registry");
}

mls_err *mls_bdb_recover_copy(const char *directory, apr_pool_t *pool)
{
    mls_bdb *bdb = apr_pcalloc(pool, sizeof(*bdb));
    mls_err *err = open_env(bdb, directory, DB_RECOVER_FATAL, pool);
    const int rc = close_all(bdb);

    return err ? err : mls_bdb_err(pool, rc, "close the copy");
}

/* ---- verify ---- */

struct report {
    void (*line)(void *baton, const char *line);
    void *baton;
};

static void pass_line(const DB_ENV *env, const char *prefix,
                      const char *message)
{
    const struct report *report = env->app_private;

    report->line(report->baton, message);
}

/* DB->verify destroys the handle whatever it finds. */
static int verify_file(DB_ENV *env, const char *path)
{
    DB *db;
    const int rc = db_create(&db, env, 0);

    return rc ? rc : db->verify(db, path, NULL, NULL, 0);
}

mls_err *mls_bdb_verify(int *problems, const char *directory,
                        void (*line)(void *baton, const char *line),
                        void *baton, apr_pool_t *pool)
{
    struct report report = { line, baton };
    DB_ENV *env;
    int rc = db_env_create(&env, 0);

    *problems = 0;
    if (!rc) {
        env->app_private = &report;
        env->set_errcall(env, pass_line);
        rc = env->open(env, directory,
                       DB_CREATE | DB_PRIVATE | DB_INIT_MPOOL, FILE_MODE);
        for (int i = 0; !rc && i < MLS_TABLES; i++) {
            const int found = verify_file(env, files[i]);
            if (found) {
                (*problems)++;
                line(baton, apr_psprintf(pool, "%s: %s", files[i],
                                         db_strerror(found)));
            }
        }
        env->close(env, 0);
    }
    return mls_bdb_err(pool, rc, "verify the registry");
}
