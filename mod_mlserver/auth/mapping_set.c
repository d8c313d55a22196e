/* SPDX-License-Identifier: Apache-2.0 */
/* Role mappings as a child has them: read from STATE/roles.json when it has
 * changed, which is looked at five times a second at most. A set is used by
 * requests while the next one is made; the last user destroys it. */

#include "auth/roles.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include <apr_file_io.h>
#include <apr_portable.h>
#include <apr_thread_mutex.h>

#include "auth/role_rules.h"
#include "base/json.h"
#include "lifecycle/lifecycle.h"

APLOG_USE_MODULE(mlserver);

enum { LOOK_EVERY = 200 * 1000 /* microseconds */ };

struct mlh_role_state {
    const char *path;
    apr_pool_t *pool;
    apr_thread_mutex_t *mutex; /* of what follows but the atomics */
    mlh_mapping_set *current;  /* NULL: never read */
    struct stat seen;          /* the file it was read from */
    _Atomic apr_time_t next_look;
    _Atomic apr_uint64_t generation;
    _Atomic int some; /* -1: never read */
};

mls_err *mlh_role_state_open(mlh_role_state **out, const mlh_server *server,
                             apr_pool_t *pool)
{
    mlh_role_state *roles = apr_pcalloc(pool, sizeof(*roles));
    const apr_status_t status =
        apr_thread_mutex_create(&roles->mutex, APR_THREAD_MUTEX_DEFAULT, pool);

    roles->pool = pool;
    roles->path =
        apr_pstrcat(pool, server->state_dir, "/" MLS_MAPPINGS_FILE, NULL);
    roles->some = -1;
    *out = roles;
    return status == APR_SUCCESS ? NULL : mls_err_apr(pool, status, "no mutex");
}

/* ---- parsing ---- */

mlh_mapping_set *mlh_mappings_parse(const mls_mappings *mappings, server_rec *s,
                                    const char **wrong, apr_pool_t *pool)
{
    mlh_mapping_set *set = apr_pcalloc(pool, sizeof(*set));

    set->pool = pool;
    set->generation = mappings->generation;
    set->conditions = apr_array_make(pool, mappings->list->nelts + 1,
                                     sizeof(const mlh_condition *));
    for (int i = 0; i < mappings->list->nelts; i++) {
        const mls_mapping *mapping =
            &APR_ARRAY_IDX(mappings->list, i, mls_mapping);
        mlh_condition *condition = NULL;
        const char *said =
            mlh_condition_parse_mapping(&condition, mapping, s, pool);

        if (said) {
            /* Nobody meets it; but its role is declared, as before. */
            condition = apr_pcalloc(pool, sizeof(*condition));
            condition->role = mapping->role;
            condition->text = condition->kind = mapping->condition;
            condition->mapping = mapping;
            if (wrong) {
                *wrong = said;
            }
        }
        APR_ARRAY_PUSH(set->conditions, const mlh_condition *) = condition;
    }
    return set;
}

/* ---- the file ---- */

static mls_err *read_text(const char **text, struct stat *status,
                          const char *path, apr_pool_t *pool)
{
    apr_file_t *file;
    apr_status_t rc =
        apr_file_open(&file, path, APR_READ | APR_BINARY, 0, pool);

    *text = NULL;
    if (APR_STATUS_IS_ENOENT(rc)) {
        memset(status, 0, sizeof(*status));
        return NULL;
    }
    apr_os_file_t fd = -1;

    if (rc == APR_SUCCESS) {
        apr_os_file_get(&fd, file);
    }
    if (rc != APR_SUCCESS || fstat(fd, status) != 0 ||
        status->st_size > MLS_MAPPINGS_TEXT) {
        return mls_err_apr(pool, rc, "cannot read %s", path);
    }
    char *bytes = apr_palloc(pool, (apr_size_t)status->st_size + 1);
    apr_size_t length = 0;

    rc = apr_file_read_full(file, bytes, (apr_size_t)status->st_size, &length);
    apr_file_close(file);
    bytes[length] = '\0';
    *text = bytes;
    return rc == APR_SUCCESS || APR_STATUS_IS_EOF(rc)
               ? NULL
               : mls_err_apr(pool, rc, "cannot read %s", path);
}

static mls_err *read_set(mlh_mapping_set **out, struct stat *status,
                         const char *path, server_rec *s, apr_pool_t *pool)
{
    mls_mappings *mappings = apr_pcalloc(pool, sizeof(*mappings));
    const char *text, *wrong = NULL;
    mls_json *json = NULL;

    MLS_TRY(read_text(&text, status, path, pool));
    if (text) {
        MLS_TRY(mls_json_parse(&json, text, strlen(text), pool));
    }
    MLS_TRY(mls_mappings_from_json(mappings, json, pool));
    *out = mlh_mappings_parse(mappings, s, &wrong, pool);
    if (wrong) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     "a role mapping cannot be used: %s", wrong);
    }
    return NULL;
}

static void destroy_unused(mlh_mapping_set *set)
{
    if (set && !set->holders) {
        apr_pool_destroy(set->pool);
    }
}

static int is_same(const struct stat *one, const struct stat *other)
{
    return one->st_ino == other->st_ino && one->st_size == other->st_size &&
           one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
           one->st_mtim.tv_nsec == other->st_mtim.tv_nsec;
}

/* With the mutex held. What cannot be read leaves what was read before. */
static void look_now(mlh_role_state *roles, server_rec *s)
{
    mlh_mapping_set *next, *before = roles->current;
    struct stat status;
    apr_pool_t *pool;

    memset(&status, 0, sizeof(status));
    if (before && (stat(roles->path, &status) == 0 || errno == ENOENT) &&
        is_same(&status, &roles->seen)) {
        return;
    }
    apr_pool_create(&pool, roles->pool);
    apr_pool_tag(pool, "mlserver_roles");
    mls_err *err = read_set(&next, &status, roles->path, s, pool);

    if (err) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     "role mappings not usable: %s", mls_err_text(err, pool));
        apr_pool_destroy(pool);
        return;
    }
    roles->current = next;
    roles->seen = status;
    atomic_store(&roles->generation, next->generation);
    atomic_store(&roles->some, next->conditions->nelts > 0);
    destroy_unused(before);
}

mls_err *mlh_mappings_look(apr_uint64_t *generation, int *some, request_rec *r,
                           mlh_state *state)
{
    mlh_role_state *roles = state->runtime->roles;

    if (r->request_time >=
        atomic_load_explicit(&roles->next_look, memory_order_relaxed)) {
        apr_status_t status = APR_SUCCESS;

        if (atomic_load(&roles->some) < 0) {
            apr_thread_mutex_lock(roles->mutex);
        }
        else {
            status = apr_thread_mutex_trylock(roles->mutex);
        }
        if (status == APR_SUCCESS) {
            look_now(roles, r->server);
            atomic_store(&roles->next_look, apr_time_now() + LOOK_EVERY);
            apr_thread_mutex_unlock(roles->mutex);
        }
    }
    *some = atomic_load(&roles->some);
    *generation = atomic_load(&roles->generation);
    return *some >= 0 ? NULL
                      : mls_err_make(r->pool, MLS_EUNAVAILABLE, NULL,
                                     "the role mappings cannot be read; the "
                                     "server's log has the reason");
}

mlh_mapping_set *mlh_mappings_acquire(mlh_state *state)
{
    mlh_role_state *roles = state->runtime->roles;

    apr_thread_mutex_lock(roles->mutex);
    mlh_mapping_set *set = roles->current;

    set->holders++;
    apr_thread_mutex_unlock(roles->mutex);
    return set;
}

void mlh_mappings_release(mlh_state *state, mlh_mapping_set *set)
{
    mlh_role_state *roles = state->runtime->roles;

    apr_thread_mutex_lock(roles->mutex);
    set->holders--;
    if (set != roles->current) {
        destroy_unused(set);
    }
    apr_thread_mutex_unlock(roles->mutex);
}
