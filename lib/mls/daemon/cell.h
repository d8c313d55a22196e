/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_DAEMON_CELL_H
#define MLS_DAEMON_CELL_H

/**
 * The walls around bubblewrap: whatever ends a sandbox's first process, and at
 * whatever moment of its start, nothing of it survives.
 *
 * Three processes: one that waits (a child of the supervisor or a helper),
 * bubblewrap as process 1 of a pid namespace, and what that starts. When
 * process 1 goes, the kernel ends all that is in its namespace.
 */

#include <sys/types.h>

#include <apr_pools.h>

/** In a new process: be killed when `parent`, which forked it, ends; exit at
 *  once when it has ended already. */
void mls_cell_die_with(pid_t parent);

/** In a process of the worker user: returns 0 in a fork of it, process 1 of
 *  new user and pid namespaces with the same user. The calling process keeps
 *  no descriptor, waits for the fork, and ends as it ends; SIGTERM makes it
 *  end the fork. -1 with errno when the system refuses. */
int mls_cell_enclose(apr_pool_t *scratch);

#endif
