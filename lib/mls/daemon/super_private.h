/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_DAEMON_SUPER_PRIVATE_H
#define MLS_DAEMON_SUPER_PRIVATE_H

/**
 * The supervisor's inside. Its loop never blocks: what takes time (copying,
 * digesting, compiling an upload) runs in a helper process that answers the
 * caller itself.
 */

#include "daemon/daemon.h"
#include "daemon/pool/pool.h"
#include "registry/registry.h"

enum { SUPER_DESCRIPTORS = 4, SUPER_DATAGRAM = 65536 };

/** A request for a helper: where to answer, what came with it. */
typedef struct super_upload {
    int connection;
    int model;  /* the upload */
    int verify; /* rows to reproduce, or -1 */
    const char *subject;
    const char *request_id;
    mls_registry *registry; /* asked for what the subject has already */
} super_upload;

/* super_compile.c: run in a helper process */

/** Store and compile an upload, answer on its connection. */
void super_compile(const mls_daemon *daemon, const super_upload *upload,
                   apr_pool_t *pool);

/** Store a file as a blob only ("store"): sessions' snapshots. */
void super_store(const mls_daemon *daemon, const super_upload *upload,
                 apr_pool_t *pool);

/* super_sandbox.c */

/** What a sandboxed run of mlscore gave. */
typedef struct super_run {
    const char *output;  /* its standard output, when captured */
    const char *reason;  /* why it failed, one line */
    int refused;         /* mlscore itself said no, or broke a limit */
} super_run;

/** Run mlscore with `arguments` (NULL-terminated) in a sandbox without network
 *  or files; `in` and `out` are its standard input and output (out -1: its
 *  output is captured), `extra` is seen as descriptor 3 (or -1). */
mls_err *super_mlscore(super_run *out_run, const mls_daemon *daemon,
                       const char *const *arguments, int in, int out,
                       int extra, apr_pool_t *pool);

/** 1 when namespaces can be made here as the worker user; else 0 and why. */
int super_namespaces(const mls_daemon *daemon, const char **why,
                     apr_pool_t *pool);

/* super_sweep.c */

/** Remove temporary files of processes that are gone. */
void super_sweep_temporary(const mls_daemon *daemon, apr_pool_t *pool);

/** Remove blobs and images older than an hour that no record names; asks the
 *  owner, and does nothing when it is away. Runs in a helper process. */
void super_sweep_orphans(const mls_daemon *daemon, mls_registry *registry,
                         apr_pool_t *pool);

#endif
