/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_REGISTRY_WIRE_H
#define MLS_REGISTRY_WIRE_H

/**
 * The registry's socket protocol, as both ends use it: a frame is 4 bytes of
 * length, little-endian, then that many bytes of JSON. The first request on a
 * connection is hello. docs/internals/registry.md lists the operations.
 *
 * Also: how an error crosses a socket, and who is at the other end of one.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <apr_pools.h>
#include <apr_time.h>

#include "base/err.h"
#include "base/json.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MLS_WIRE_PROTOCOL = 1,
    MLS_WIRE_PREFIX = 4,
    MLS_WIRE_REQUEST_MAX = 32 * 1024 * 1024, /* bytes of JSON */
    MLS_WIRE_ANSWER_MAX = 64 * 1024 * 1024
};

/** The word for a code in an answer ("exists", "busy", ...), "other" for what
 *  has none; and back, MLS_EOTHER for an unknown word. */
const char *mls_wire_word(int code);
int mls_wire_code(const char *word);

/** {"ok":false,"code":...,"message":...} for an error. */
const char *mls_wire_refusal(const mls_err *err, apr_pool_t *pool);

/** The same in an object that has other members. */
void mls_wire_set_refusal(mls_json *answer, const mls_err *err,
                          apr_pool_t *pool);

/** NULL when the answer says ok, else the error that it carries. */
mls_err *mls_wire_outcome(const mls_json *answer, apr_pool_t *pool);

/** The length in a frame's prefix, and the other way. */
uint32_t mls_wire_length(const unsigned char prefix[MLS_WIRE_PREFIX]);
void mls_wire_set_length(unsigned char prefix[MLS_WIRE_PREFIX],
                         uint32_t length);

/** 1 when a socket may be bound to or found at `path` (sun_path has 108
 *  bytes), else an error that says what to change. */
mls_err *mls_wire_check_path(const char *path, apr_pool_t *pool);

/** Connect a socket of `type` (SOCK_STREAM, SOCK_SEQPACKET) to `path`. Refuses
 *  a server that is neither root, nor this process's user, nor the owner of
 *  the socket's directory. MLS_EUNAVAILABLE when nobody listens. */
mls_err *mls_wire_connect(int *fd, const char *path, int type,
                          apr_pool_t *pool);

/** Bind and listen at `path`, mode 0660, replacing what a former process left
 *  there. Non-blocking, close-on-exec. */
mls_err *mls_wire_listen(int *fd, const char *path, int type,
                         apr_pool_t *pool);

/** Who may speak to a server. */
typedef struct mls_wire_peers {
    uid_t user;     /* the server's own user; root always may */
    gid_t group;    /* processes with this group as their own ... */
    int any_of_group; /* ... when set */
} mls_wire_peers;

/** 1 when the process that connected may speak; its ids in *uid and *gid. */
int mls_wire_peer_allowed(int fd, const mls_wire_peers *peers, uid_t *uid,
                          gid_t *gid);

/** Send and receive a whole frame on a blocking or non-blocking socket until
 *  `deadline`. Any failure means that the connection is of no more use:
 *  MLS_EUNAVAILABLE when it broke, MLS_ETIMEOUT, MLS_ETOOLARGE. */
mls_err *mls_wire_send(int fd, const char *text, size_t length,
                       apr_time_t deadline, apr_pool_t *pool);
mls_err *mls_wire_receive(char **text, size_t *length, int fd, size_t maximum,
                          apr_time_t deadline, apr_pool_t *pool);

#ifdef __cplusplus
}
#endif

#endif
