/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_MLSERVERCTL_CTL_H
#define TOOLS_MLSERVERCTL_CTL_H

/**
 * mlserverctl's commands and what they share. A command gets the words behind
 * its name and returns an error, or NULL; what it finds it prints on standard
 * output.
 */

#include <stdio.h>
#include <sys/types.h>

#include <apr_pools.h>

#include "base/err.h"
#include "base/json.h"
#include "blob/blob.h"
#include "daemon/daemon.h"
#include "registry/registry.h"

typedef struct ctl {
    mls_paths paths;
    mls_registry *registry; /* of the running owner; connects on use */
    uid_t owner;            /* of the state directory */
    gid_t group;
    int json;               /* print JSON */
    int offline;
    const char *url; /* where httpd serves the state; NULL: not said */
    apr_pool_t *pool;
} ctl;

typedef mls_err *(*ctl_command)(ctl *c, int count, char **words);

/* cmd_status.c */
mls_err *ctl_status(ctl *c, int count, char **words);
mls_err *ctl_services(ctl *c, int count, char **words);

/* cmd_keys.c */
mls_err *ctl_keys(ctl *c, int count, char **words);

/* cmd_tokens.c */
mls_err *ctl_tokens(ctl *c, int count, char **words);

/* cmd_roles.c */
mls_err *ctl_grant_owner(ctl *c, int count, char **words);
mls_err *ctl_explain_user(ctl *c, int count, char **words);

/* cmd_verify.c */
mls_err *ctl_verify(ctl *c, int count, char **words);

/* cmd_backup.c */
mls_err *ctl_backup(ctl *c, int count, char **words);

/* cmd_restore.c */
mls_err *ctl_restore(ctl *c, int count, char **words);

/* ctl_files.c */

/** Root acts on the state as its owner, so that what is made there belongs to
 *  the owner, and no link in there leads root anywhere else. */
void ctl_as_owner(const ctl *c);
void ctl_as_self(void);

/** Copy a file (opened as ourselves) to a new one (made as the owner, when
 *  `in_state`), synced. An existing target is an error. */
mls_err *ctl_copy_file(const ctl *c, const char *from, const char *to,
                       mode_t mode, int in_state, apr_pool_t *scratch);

/** Copy the regular files of a directory into another, which is made. */
mls_err *ctl_copy_folder(const ctl *c, const char *from, const char *to,
                         mode_t file_mode, int in_state, apr_pool_t *scratch);

/** Remove a directory of regular files, if it is there. */
mls_err *ctl_remove_folder(const char *path, apr_pool_t *scratch);

mls_err *ctl_make_folder(const char *path, mode_t mode, apr_pool_t *scratch);

/* ctl_state.c */

/** Take the locks that mlserverd and its owner hold while they run. */
mls_err *ctl_lock_state(const ctl *c, apr_pool_t *pool);

/** Digests that records name, each once; and the number of services. */
typedef struct ctl_names {
    mls_json *blobs, *images; /* objects: digest -> 1 */
    unsigned long services;
    const char *state_id;
    uint64_t generation;
} ctl_names;

/** Read them from the tables in `registry`, which nobody has open. With
 *  `generation` nonzero the last generation is set to at least that. */
mls_err *ctl_read_names(ctl_names *names, const char *registry,
                        uint64_t generation, apr_pool_t *pool);

#endif
