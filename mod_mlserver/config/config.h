/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_CONFIG_CONFIG_H
#define MLH_CONFIG_CONFIG_H

/**
 * From httpd.conf to checked structs. Fields, defaults, merging and the
 * command table all come from directives.def.
 *
 * A field always holds a usable value: its default until it is set. `set`
 * tells of each directive whether it was, so that merging knows what to
 * inherit.
 */

#include <httpd.h>
#include <http_config.h>
#include <apr_file_io.h>
#include <apr_tables.h>

typedef int mlh_type_FLAG;
typedef apr_int64_t mlh_type_DURATION; /* seconds */
typedef apr_int64_t mlh_type_SIZE;     /* bytes */
typedef apr_int64_t mlh_type_COUNT;
typedef const char *mlh_type_PATH;
typedef const char *mlh_type_TEXT;
typedef apr_array_header_t *mlh_type_LIST; /* of const char * */
typedef int mlh_type_CHOICE;               /* position in its syntax */
typedef apr_array_header_t *mlh_type_ROLE; /* of const mlh_condition * */

enum { MLH_SANDBOX_REQUIRED, MLH_SANDBOX_REDUCED };
enum { MLH_SESSIONS_READER, MLH_SESSIONS_CONTRIBUTOR };
enum { MLH_LOG_OFF, MLH_LOG_CHANGES, MLH_LOG_ALL };

/** A number per directive, for the `set` members. */
enum mlh_directive_bit {
#define SERVER(kind, name, field, value, syntax, help) MLH_BIT_##field,
#define DIRECTORY(kind, name, field, value, syntax, help) MLH_BIT_##field,
#include "config/directives.def"
#undef SERVER
#undef DIRECTORY
    MLH_BITS
};
#define MLH_IS_SET(config, field) ((config)->set[MLH_BIT_##field] != 0)

/** A virtual host's settings. */
typedef struct mlh_server {
    unsigned char set[MLH_BITS];
#define SERVER(kind, name, field, value, syntax, help) mlh_type_##kind field;
#define DIRECTORY(kind, name, field, value, syntax, help)
#include "config/directives.def"
#undef SERVER
#undef DIRECTORY
    struct mlh_state *state; /* found by post_config; NULL when unused */
    apr_file_t *audit_file;  /* opened by open_logs; NULL: none */
} mlh_server;

/** A Location's settings. */
typedef struct mlh_config {
    unsigned char set[MLH_BITS];
#define SERVER(kind, name, field, value, syntax, help)
#define DIRECTORY(kind, name, field, value, syntax, help) \
    mlh_type_##kind field;
#include "config/directives.def"
#undef SERVER
#undef DIRECTORY
    const char *mount; /* the Location's path without a final '/': "" at the
                        * root; NULL where the server is not mounted */
    struct mlh_ldap *ldap; /* auth/directory.h; NULL: no AuthLDAP... here */
    const char *user_file; /* AuthUserFile; NULL: none */
} mlh_config;

typedef enum mlh_kind {
    MLH_KIND_FLAG,
    MLH_KIND_DURATION,
    MLH_KIND_SIZE,
    MLH_KIND_COUNT,
    MLH_KIND_PATH,
    MLH_KIND_TEXT,
    MLH_KIND_LIST,
    MLH_KIND_CHOICE,
    MLH_KIND_ROLE
} mlh_kind;

/** One directive, as parsing needs it. */
typedef struct mlh_directive {
    const char *name;
    const char *syntax;
    mlh_kind kind;
    int is_server;
    size_t offset; /* of the field in its struct */
    enum mlh_directive_bit bit;
} mlh_directive;

/* ---- config.c ---- */

void *mlh_server_create(apr_pool_t *pool, server_rec *s);
void *mlh_server_merge(apr_pool_t *pool, void *base, void *add);
void *mlh_config_create(apr_pool_t *pool, char *directory);
void *mlh_config_merge(apr_pool_t *pool, void *base, void *add);

/** The module's command table. */
extern const command_rec mlh_commands[];

/* ---- config_text.c ---- */

/** The words that would set the field to what it is; NULL when there are
 *  none. */
const char *mlh_config_text(const mlh_directive *directive, const void *field,
                            apr_pool_t *pool);

/** The directive of ours that a command is; NULL when it is not one. */
const mlh_directive *mlh_config_directive(const command_rec *command);

/* ---- config_observe.c ---- */

/** Take note of AuthLDAP... and AuthUserFile. */
const char *mlh_observe_ldap(cmd_parms *cmd, void *directory,
                             const char *arguments);
const char *mlh_observe_users(cmd_parms *cmd, void *directory,
                              const char *path);

/* ---- config_parse.c ---- */

/** Parse `word` into `field` (of the directive's kind). Returns NULL, or a
 *  sentence that says what would have been right. `first` is set when the
 *  directive was not set before: a list then forgets its default. */
const char *mlh_config_parse(const mlh_directive *directive, void *field,
                             const char *word, int first, apr_pool_t *pool);

/* ---- config_check.c ---- */

/** Whole-config checks: logs every mistake, each with what to change.
 *  Returns OK or HTTP_INTERNAL_SERVER_ERROR. A check_config hook. */
int mlh_config_check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                     server_rec *s);

/** Every Location of a server that mounts it, as `const mlh_config *`. */
apr_array_header_t *mlh_config_mounts(server_rec *s, apr_pool_t *pool);

/** The path of a socket in the run directory. */
const char *mlh_socket_path(const mlh_server *server, const char *name,
                            apr_pool_t *pool);

#endif
