/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_POOL_DGRAM_H
#define MLS_POOL_DGRAM_H

/**
 * Datagrams of the supervisor's socket (SOCK_SEQPACKET): one JSON text each,
 * with descriptors attached. A text that is too long for a datagram travels as
 * a memory file: {"long":true} with that file as the last descriptor.
 */

#include <sys/socket.h>

#include <apr_pools.h>
#include <apr_time.h>

#include "base/err.h"
#include "base/json.h"

enum {
    MLS_DGRAM_TEXT = 48 * 1024,          /* bytes of JSON in a datagram */
    MLS_DGRAM_LONG = 64 * 1024 * 1024,   /* bytes of JSON in a memory file */
    MLS_DGRAM_FDS = 4
};

/** Send; the descriptors stay the caller's. Blocks at most until `deadline`.
 *  MLS_EUNAVAILABLE when the other end is gone. */
mls_err *mls_dgram_send(int fd, const mls_json *json, const int *fds,
                        int count, apr_time_t deadline, apr_pool_t *pool);

/** Receive one datagram. Its descriptors (close-on-exec) are in fds[0] to
 *  fds[*count - 1] and are the caller's, also after an error; `fds` has room
 *  for MLS_DGRAM_FDS. *json is NULL when the other end has closed. */
mls_err *mls_dgram_receive(mls_json **json, int *fds, int *count, int fd,
                           apr_time_t deadline, apr_pool_t *pool);

/** Add the descriptors of a received message to fds[*count] and on; those
 *  beyond `room` are closed. */
void mls_rights_take(struct msghdr *message, int *fds, int *count, int room);

#endif
