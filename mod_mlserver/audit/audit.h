/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_AUDIT_AUDIT_H
#define MLH_AUDIT_AUDIT_H

/**
 * The audit: a line of JSON for every login, every refusal (401, 403, 429) and
 * everything that changes something, to a log (MLServerAuditLog) and to the
 * registry, where Owners search it.
 *
 * Nobody has to call anything for that: one log_transaction hook looks at the
 * route and the status of each request when it is over. What is audited: a
 * route that is no GET and no call of a service, whatever came of it; and any
 * refusal. Handlers only add what the hook cannot know. These three calls are
 * the whole interface for them and stay as they are; each may be called at
 * any time before the handler returns, the last call of a kind counts, and
 * the texts are copied. Nothing secret may be passed: no password, no token.
 *
 *     mlh_audit_target(r, "roles/Owner");
 *     mlh_audit_detail(r, "condition \"%s\" added", condition);
 */

#include "base/json.h"
#include "mlh.h"
#include "registry/audit_trail.h"

struct mlh_audit_spool;

/** What was acted on, where the path does not say it: "name/version" of a
 *  service whose version the server chose, the id of something new. By
 *  default "name/version" of a service's route, else the path. */
void mlh_audit_target(request_rec *r, const char *target);

/** What else an auditor wants to know: before and after, a reason that the
 *  caller is not told. One line; of long ones the first 1000 bytes count. */
void mlh_audit_detail(request_rec *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Who it was about to be, where nobody is signed in by the request itself: a
 *  login, a renewal. `role` is NULL when it is not known. */
void mlh_audit_subject(request_rec *r, const mls_subject *subject,
                       const char *role);

/** A record as the log and the REST interface show it. */
mls_json *mlh_audit_json(const mls_audit *record, apr_pool_t *pool);

/* ---- for the module's hooks ---- */

/** open_logs: open or start what MLServerAuditLog names. */
int mlh_audit_open_logs(apr_pool_t *pconf, apr_pool_t *plog,
                        apr_pool_t *ptemp, server_rec *s);

/** A child's way to the registry; *out is NULL when the registry keeps no
 *  audit. What waits in it is handed over when `pool` ends. */
mls_err *mlh_audit_spool_open(struct mlh_audit_spool **out,
                              const mlh_server *server, apr_pool_t *pool);

/** The request is over; `r` is the last of its internal redirects. Called by
 *  the one log_transaction hook. */
void mlh_audit_request(request_rec *r);

#endif
