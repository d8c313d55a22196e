/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_AUDIT_AUDIT_PRIVATE_H
#define MLH_AUDIT_AUDIT_PRIVATE_H

/** Between the audit's own files. */

#include "audit/audit.h"
#include "registry/audit_trail.h"

/** What handlers added to a request's record. */
typedef struct mlh_audit_note {
    const char *target;
    const char *detail;
    mls_subject subject;
    const char *role;
} mlh_audit_note;

/* ---- audit_record.c ---- */

/** Is this request worth a record? */
int mlh_audit_wanted(const request_rec *r, const mlh_request *request);

void mlh_audit_fill(mls_audit *record, request_rec *r,
                    const mlh_request *request);

/** The record as a line with its newline, at most `most` bytes: of what is
 *  too long the end is cut off. Control characters are escaped. */
const char *mlh_audit_line(const mls_audit *record, size_t most,
                           apr_pool_t *pool);

/* ---- audit_log.c ---- */

void mlh_audit_log(request_rec *r, const mlh_server *server,
                   const mls_audit *record);

/* ---- audit_spool.c ---- */

/** Hand a record over to the registry; what cannot be handed over now is kept
 *  and goes with the next, or when the process ends. */
void mlh_audit_send(request_rec *r, mlh_state *state,
                    const mls_audit *record);

#endif
