/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_API_API_H
#define MLH_API_API_H

/**
 * REST handlers, grouped under their file's name. Each is parse, call, reply;
 * the route table names them.
 */

#include "base/json.h"
#include "mlh.h"

/* ---- login.c ---- */
int mlh_login(request_rec *r, const mlh_call *call);
int mlh_login_refresh(request_rec *r, const mlh_call *call);
int mlh_login_revoke(request_rec *r, const mlh_call *call);

/* ---- services.c ---- */
int mlh_services_list(request_rec *r, const mlh_call *call);
int mlh_services_versions(request_rec *r, const mlh_call *call);
int mlh_service_get(request_rec *r, const mlh_call *call);
int mlh_service_delete(request_rec *r, const mlh_call *call);

/** The version that the path names; MLS_ENOTFOUND when there is none. */
mls_err *mlh_service_find(const mls_service **out, request_rec *r,
                          const mlh_call *call);

/** A version that the caller may change, and as If-Match wants it; an error
 *  (not found, forbidden, changed meanwhile) otherwise. *expected is what the
 *  registry should compare, 0 when the caller asked for nothing. */
mls_err *mlh_service_to_change(const mls_service **out,
                               apr_uint64_t *expected, request_rec *r,
                               const mlh_call *call);

/** Make of the record what it shall be; it comes as a copy of what it is now.
 *  With *same set nothing is written. May be called several times. */
typedef mls_err *mlh_service_change(mls_service *record, int *same,
                                    void *baton, request_rec *r,
                                    const mlh_call *call);

/** Have `change` change the version that mlh_service_to_change found. What
 *  somebody else changed in between is kept, except in what is changed here;
 *  with If-Match it is refused instead. */
mls_err *mlh_service_alter(const mls_service **out, const mls_service *old,
                           apr_uint64_t expected, mlh_service_change *change,
                           void *baton, request_rec *r, const mlh_call *call);

/** Answer that a version was published: 201 and its path. */
int mlh_service_created(request_rec *r, const mls_service *service);

/* ---- model_card.c ---- */

/** What the compiler said of a model (`text`, JSON), in the words of the REST
 *  interface: added to `answer`. */
mls_err *mlh_model_describe(mls_json **model, mls_json *answer,
                            const char *text, apr_pool_t *pool);

/* ---- realtime_services.c ---- */
int mlh_realtime_publish(request_rec *r, const mlh_call *call);
int mlh_realtime_patch(request_rec *r, const mlh_call *call);

/* ---- standard_services.c ---- */
int mlh_service_publish(request_rec *r, const mlh_call *call);
int mlh_service_patch(request_rec *r, const mlh_call *call);

/* ---- consume.c ---- */
int mlh_consume(request_rec *r, const mlh_call *call);

/* ---- consume_code.c ---- */

/** The same for a standard service of this generation. */
int mlh_consume_code(request_rec *r, const mlh_call *call,
                     apr_uint64_t generation);

/* ---- service_pool.c ---- */
int mlh_service_pool_set(request_rec *r, const mlh_call *call);
int mlh_service_pool_get(request_rec *r, const mlh_call *call);
int mlh_service_pool_delete(request_rec *r, const mlh_call *call);
int mlh_pools_list(request_rec *r, const mlh_call *call);
int mlh_runtimes_list(request_rec *r, const mlh_call *call);

/** The service was deleted: a pool of its own ends. */
void mlh_pool_forget(request_rec *r, const mlh_call *call,
                     const mls_service *service);

/* ---- sessions.c ---- */
int mlh_session_create(request_rec *r, const mlh_call *call);
int mlh_sessions_list(request_rec *r, const mlh_call *call);
int mlh_session_close(request_rec *r, const mlh_call *call);
int mlh_session_cancel(request_rec *r, const mlh_call *call);
int mlh_session_execute(request_rec *r, const mlh_call *call);
int mlh_session_console(request_rec *r, const mlh_call *call);
int mlh_session_history(request_rec *r, const mlh_call *call);

/* ---- session_items.c: the session is call->name, the item call->version */
int mlh_objects_list(request_rec *r, const mlh_call *call);
int mlh_object_get(request_rec *r, const mlh_call *call);
int mlh_object_set(request_rec *r, const mlh_call *call);
int mlh_object_delete(request_rec *r, const mlh_call *call);
int mlh_files_list(request_rec *r, const mlh_call *call);
int mlh_file_get(request_rec *r, const mlh_call *call);
int mlh_file_upload(request_rec *r, const mlh_call *call);
int mlh_file_delete(request_rec *r, const mlh_call *call);

/* ---- snapshots.c ---- */
int mlh_snapshot_create(request_rec *r, const mlh_call *call);
int mlh_snapshot_load(request_rec *r, const mlh_call *call);
int mlh_snapshots_list(request_rec *r, const mlh_call *call);
int mlh_snapshot_get(request_rec *r, const mlh_call *call);
int mlh_snapshot_delete(request_rec *r, const mlh_call *call);

/* ---- swagger.c ---- */
int mlh_service_swagger(request_rec *r, const mlh_call *call);
int mlh_openapi(request_rec *r, const mlh_call *call);

/* ---- audit.c ---- */
int mlh_audit(request_rec *r, const mlh_call *call);

/* ---- me.c, roles.c, explain.c ---- */
int mlh_me(request_rec *r, const mlh_call *call);
int mlh_roles_get(request_rec *r, const mlh_call *call);
int mlh_role_mapping_create(request_rec *r, const mlh_call *call);
int mlh_role_mapping_replace(request_rec *r, const mlh_call *call);
int mlh_role_mapping_delete(request_rec *r, const mlh_call *call);
int mlh_roles_flush(request_rec *r, const mlh_call *call);
int mlh_explain_user(request_rec *r, const mlh_call *call);

/* ---- tokens.c ---- */
int mlh_tokens_list(request_rec *r, const mlh_call *call);
int mlh_tokens_revoke(request_rec *r, const mlh_call *call);
int mlh_token_revoke(request_rec *r, const mlh_call *call);

/* ---- permissions.c ---- */
int mlh_permissions(request_rec *r, const mlh_call *call);
int mlh_service_permissions(request_rec *r, const mlh_call *call);

/* ---- usage.c, metrics.c, failures.c ---- */
int mlh_usage_list(request_rec *r, const mlh_call *call);
int mlh_usage_get(request_rec *r, const mlh_call *call);
int mlh_metrics(request_rec *r, const mlh_call *call);
int mlh_service_failures(request_rec *r, const mlh_call *call);

/* ---- configuration.c, licences.c, diagnostics.c ---- */
int mlh_configuration(request_rec *r, const mlh_call *call);
int mlh_licences(request_rec *r, const mlh_call *call);
int mlh_diagnostics(request_rec *r, const mlh_call *call);

/* ---- sessions_admin.c ---- */
int mlh_all_sessions_list(request_rec *r, const mlh_call *call);
int mlh_any_session_close(request_rec *r, const mlh_call *call);

/* ---- inspect.c, model_card.c ---- */
int mlh_model_inspect(request_rec *r, const mlh_call *call);
int mlh_model_card(request_rec *r, const mlh_call *call);

/* ---- status.c ---- */
int mlh_status(request_rec *r, const mlh_call *call);
int mlh_healthz(request_rec *r, const mlh_call *call);
int mlh_readyz(request_rec *r, const mlh_call *call);

#endif
