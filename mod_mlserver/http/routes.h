/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_HTTP_ROUTES_H
#define MLH_HTTP_ROUTES_H

/**
 * The route table: everything the server can be asked, and who may ask it.
 */

#include "mlh.h"

typedef int mlh_handler(request_rec *r, const mlh_call *call);

typedef struct mlh_route {
    const char *method;
    const char *path; /* below the mount; {name}, {version} match a segment */
    mls_permission permission; /* checked before the handler is called */
    mlh_handler *handler;
    const char *operation; /* operationId in docs/api/openapi.json */
} mlh_route;

/** The table; ends with a NULL method. */
extern const mlh_route mlh_routes[];

/** Match the request's path and method: sets route, allow, parameters and
 *  is_public of `request`. */
void mlh_route_match(request_rec *r, mlh_request *request);

/** Content handler: dispatches what lies in our Location. */
int mlh_dispatch(request_rec *r);

/** One line about the request, when it is over: a log_transaction hook. */
int mlh_log_request(request_rec *r);

#endif
