/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_H
#define MLH_H

/**
 * The module's shared types.
 *
 * mlh_server   what a virtual host is configured to serve from
 * mlh_config   how the server answers below one <Location>
 * mlh_state    one state directory as this process has it open
 * mlh_request  what is known of a request before it is dispatched
 * mlh_call     a request matched to a route: what a handler gets
 */

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <apr_strings.h>

#include "auth/policy.h"
#include "base/err.h"
#include "config/config.h"
#include "registry/registry.h"
#include "scoring/model_index.h"
#include "usage/timing.h"

/* The one symbol that httpd looks up; all else is hidden. */
extern module AP_MODULE_DECLARE_DATA
    __attribute__((visibility("default"))) mlserver_module;

struct mlh_runtime; /* lifecycle/state.h */

/** One state directory. Made by the parent once per distinct directory; each
 *  child opens its parts for itself. */
typedef struct mlh_state {
    const mlh_server *server;     /* the directives it was found in */
    apr_pool_t *pool;             /* of the configuration */
    struct mlh_runtime *runtime;  /* this child's; NULL in the parent */
    struct mls_throttle *throttle; /* shared by all children */
    struct mls_membership *members; /* so are these roles */
    struct mls_usage *usage;       /* likewise; NULL: not counted */
} mlh_state;

/** Who calls. `provider` NULL: nobody is known. */
typedef struct mlh_identity {
    mls_subject subject;
    mls_role role;
    unsigned char family[MLS_INDEX_FAMILY]; /* of the token, if any */
    int is_bearer; /* a token said so; else another module of httpd */
} mlh_identity;

/** Made when the request turns out to lie in our Location. */
typedef struct mlh_request {
    const mlh_config *config;
    const mlh_server *server;
    mlh_state *state;       /* NULL when the server has none */
    const char *id;         /* X-Request-Id */
    const char *path;       /* below the mount, begins with '/' */
    mlh_identity identity;
    const struct mlh_route *route; /* NULL: no such path or method */
    const char *allow;      /* methods of this path, NULL: no such path */
    int is_public;          /* may be called by nobody in particular */
    int answered;           /* see http/keepalive.c; else 0 */
    int body_done;          /* read to its end, or given up */
    const char *parameters[2]; /* of the path: name, version */
    const char *error;      /* what an error answered by httpd should say */
    struct mlh_audit_note *audit; /* audit/audit.h; NULL: nothing was added */
    mlh_timing timing;      /* of a call that is counted */
} mlh_request;

typedef struct mlh_call {
    mlh_request *request;
    const mlh_config *config;
    const mlh_server *server;
    mlh_state *state;
    const struct mlh_route *route;
    const mlh_identity *caller;
    /** Path parameters, decoded: name and version in all routes that have
     *  them. */
    const char *name;
    const char *version;
} mlh_call;

/** The request's mlh_request, NULL when it is not ours. */
mlh_request *mlh_request_of(request_rec *r);

#endif
