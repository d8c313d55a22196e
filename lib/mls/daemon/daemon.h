/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_DAEMON_DAEMON_H
#define MLS_DAEMON_DAEMON_H

/**
 * mlserverd: one small parent that starts two children and starts them again
 * when they die. The registry owner (owner.h) has the database, the pool
 * supervisor (super.h) starts work for others. docs/internals/mlserverd.md.
 *
 * Nothing here is linked into httpd.
 */

#include <stdint.h>
#include <sys/types.h>

#include <apr_pools.h>

#include "base/err.h"
#include "daemon/pool/pool_limits.h"
#include "registry/remote/wire.h"

/** A child ends with this code when starting it again would not help. */
enum { MLS_EXIT_HOPELESS = 3 };

enum { MLS_RUNTIMES = 16, MLS_NETWORK_SERVICES = 64 };

/** An interpreter that services and sessions may ask for. */
typedef struct mls_runtime_option {
    const char *name;    /* "Python" */
    const char *version; /* "3.11" */
    const char *path;    /* absolute */
} mls_runtime_option;

/** What the command line says. */
typedef struct mls_daemon_options {
    const char *state;       /* absolute */
    const char *run;         /* absolute */
    const char *user;        /* NULL: the default */
    const char *group;
    const char *worker_user;
    const char *mlscore;     /* the compiler's program */
    const char *python;      /* the runtime "Python" when none is declared */
    mls_runtime_option runtimes[MLS_RUNTIMES];
    int runtime_count;
    const char *network_services[MLS_NETWORK_SERVICES]; /* NAME[/VERSION] */
    int network_service_count;
    mls_pool_limits pool;
    const char *log_file;    /* NULL: standard error */
    pid_t httpd_pid;         /* end with this process; 0: with nobody */
    int sandbox_reduced;     /* serve even where namespaces are refused */
    int max_compiles;        /* at once */
    int compile_timeout;     /* seconds */
    int64_t compile_memory;  /* bytes */
    int64_t max_model_size;  /* bytes of an upload */
    int64_t quota_bytes;     /* of models per user; 0: no quota */
    int64_t reserve_bytes;   /* free space that uploads leave */
} mls_daemon_options;

void mls_daemon_defaults(mls_daemon_options *options);

/** Where things are; all absolute. */
typedef struct mls_paths {
    const char *state, *run;
    const char *registry, *blobs, *keys, *images;
    const char *image_format; /* images/v<number of the format> */
    const char *index, *jwks; /* files */
    const char *registry_socket, *supervisor_socket, *pid_file;
} mls_paths;

void mls_paths_make(mls_paths *paths, const char *state, const char *run,
                    apr_pool_t *pool);

/** Who runs as whom. Started by an ordinary user all is that user's. */
typedef struct mls_identities {
    int privileged; /* started as root */
    uid_t user;
    gid_t group; /* httpd's, so that its children read what is for them */
    uid_t worker;
    gid_t worker_group;
    const char *user_name, *group_name, *worker_name;
} mls_identities;

/** What parent and children share. */
typedef struct mls_daemon {
    mls_daemon_options options;
    mls_paths paths;
    mls_identities who;
    int log_fd;
    int lifeline;    /* read end of a pipe: at its end the parent is gone */
    int compiler_fd; /* memory file with the program in options.mlscore */
    const char *role; /* "parent", "owner", "supervisor" */
} mls_daemon;

/* ---- daemon_parent.c ---- */

/** Run until told to stop; returns the exit code. */
int mls_daemon_run(mls_daemon *daemon, apr_pool_t *pool);

/* ---- daemon_log.c ---- */

/** Write one line "time role[pid] event key=value ...". The format starts
 *  with the event. Control characters become '?'. Thread-safe. */
void mls_daemon_log(const mls_daemon *daemon, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Log an error after an event: "event key=value reason=...". */
void mls_daemon_log_err(const mls_daemon *daemon, const mls_err *err,
                        const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- identity.c ---- */

/** Look the users up. MLS_EINVALID names a missing one and the fix. */
mls_err *mls_identities_find(mls_identities *who,
                             const mls_daemon_options *options,
                             apr_pool_t *pool);

/** Become user and group for good: nothing of root stays. */
mls_err *mls_become_user(const mls_identities *who, apr_pool_t *pool);

/** The same, keeping what it takes to start and end processes of the worker
 *  user: CAP_SETUID, CAP_SETGID, CAP_KILL. */
mls_err *mls_become_supervisor(const mls_identities *who, apr_pool_t *pool);

/** In a process forked by the supervisor: give up CAP_SETUID and CAP_SETGID
 *  (and CAP_KILL, unless `keep_kill`). */
mls_err *mls_drop_capabilities(int keep_kill, apr_pool_t *pool);

/** In a process forked by the supervisor: become the worker user for good. */
mls_err *mls_become_worker(const mls_identities *who, apr_pool_t *pool);

/** Peers that the sockets accept. */
mls_wire_peers mls_daemon_peers(const mls_identities *who);

/* ---- daemon_layout.c ---- */

/** As root (or the only user): make STATE and RUN, with owner and modes. */
mls_err *mls_layout_make_roots(const mls_daemon *daemon, apr_pool_t *pool);

/** As the user: make what is missing below STATE. */
mls_err *mls_layout_make_folders(const mls_daemon *daemon, apr_pool_t *pool);

/** mkdir that accepts an existing directory, then sets its mode. */
mls_err *mls_make_directory(const char *path, mode_t mode, apr_pool_t *pool);

#endif
