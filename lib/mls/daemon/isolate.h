/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_DAEMON_ISOLATE_H
#define MLS_DAEMON_ISOLATE_H

/**
 * The cell that the model compiler runs in: the worker user, namespaces of its
 * own without network, a file system of libraries only, limits of memory,
 * time and files, no new processes. What it works on are open descriptors.
 *
 * Where the system refuses namespaces ("reduced"), user, limits and the
 * system-call filter remain.
 */

#include <stdint.h>
#include <sys/types.h>

#include <apr_pools.h>

#include "base/err.h"
#include "daemon/daemon.h"

typedef struct mls_isolation {
    const mls_identities *who;
    int reduced;       /* without namespaces */
    int program;       /* memory file with the program */
    const char *const *arguments; /* after the program's name; NULL-ended */
    int input;         /* becomes standard input */
    int output;        /* becomes standard output */
    int extra;         /* becomes /dev/fd/3; -1: none */
    int64_t memory;    /* bytes of data; 0: no limit */
    int64_t file_size; /* bytes of a file it writes; 0: no limit */
    int cpu_seconds;   /* 0: no limit */
} mls_isolation;

/** Start the program. *errors is the read end of its standard error. The
 *  process leads a session of its own and dies with its parent. */
mls_err *mls_isolate_start(pid_t *pid, int *errors,
                           const mls_isolation *isolation, apr_pool_t *pool);

/** Copy a program's file into a sealed memory file, which any user may run
 *  wherever the file lies. */
mls_err *mls_isolate_load(int *program, const char *path, apr_pool_t *pool);

#endif
