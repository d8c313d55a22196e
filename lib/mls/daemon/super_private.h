/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_DAEMON_SUPER_PRIVATE_H
#define MLS_DAEMON_SUPER_PRIVATE_H

/**
 * The supervisor's inside: one thread with one poll loop (super_main.c) that
 * never blocks. It hands requests on to helper processes or to the pools
 * (super_requests.c, super_pool.c) and has the stores looked after
 * (super_upkeep.c).
 */

#include <poll.h>

#include "daemon/daemon.h"
#include "daemon/pool/pool.h"
#include "registry/registry.h"

enum {
    MLS_SUPER_CLIENTS = 1024, /* connections that may say nothing yet */
    MLS_SUPER_STORES = 8,     /* helpers that only store, at once */
    MLS_SUPER_POLL = 16384    /* descriptors polled at once */
};

/** A connection whose request is not here yet. */
typedef struct mls_client {
    int fd;
    apr_time_t since;
} mls_client;

/** A helper process at work. */
typedef struct mls_helper {
    pid_t pid;
    enum { MLS_HELPER_COMPILE, MLS_HELPER_STORE, MLS_HELPER_UPKEEP,
           MLS_HELPER_RESTORE } kind;
    int connection; /* of the caller; -1: nobody */
} mls_helper;

typedef struct mls_super {
    mls_daemon *daemon;
    apr_pool_t *pool;
    int listener, signals;
    int stop;
    int sandbox;              /* namespaces work here */
    const char *sandbox_reason; /* else why not */
    mls_client clients[MLS_SUPER_CLIENTS];
    int client_count;
    mls_helper *helpers; /* room for as many as are admitted */
    int helper_count;
    mls_registry *registry;
    mls_pool *work; /* pools of published code */
    apr_time_t started;
    apr_time_t next_upkeep; /* when to look whether it is due */
    apr_time_t upkeep_due;
    unsigned long compiled, refused_busy, refused_peers, helpers_lost;
    unsigned long upkeeps;
    struct pollfd entries[MLS_SUPER_POLL];
} mls_super;

/* ---- super_requests.c ---- */

void mls_super_accept(mls_super *super);

/** A datagram has come, or the end. The client leaves the list. */
void mls_super_receive(mls_super *super, mls_client client);

/** A child process ended; tells its caller when it did not. */
void mls_super_reaped(mls_super *super, pid_t pid, int status);
int mls_super_helpers(const mls_super *super, int kind);

/** Answer an error and close. */
void mls_super_refuse(mls_super *super, int connection, const mls_err *err);

/** Fork a helper that runs `body` and exits with what it returns. */
mls_err *mls_super_fork(mls_super *super, int kind, int connection,
                        int (*body)(void *baton, apr_pool_t *pool),
                        void *baton, apr_pool_t *scratch);

/* ---- super_upkeep.c ---- */

/** Try the sandbox; sets sandbox and sandbox_reason and logs them. */
void mls_super_try_sandbox(mls_super *super);

/** At the start: leftovers of crashed helpers. */
mls_err *mls_super_clean(mls_super *super, apr_pool_t *scratch);

/** Is there so little room left that what nobody names goes early? */
int mls_super_disk_is_low(const mls_daemon *daemon);

/** In a helper: compile what this image format lacks, sweep what nobody names
 *  any more. */
int mls_super_upkeep(void *super, apr_pool_t *pool);

#endif
