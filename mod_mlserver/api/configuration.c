/* SPDX-License-Identifier: Apache-2.0 */
/* GET /admin/api/configuration: what httpd read, each directive with its file
 * and line, and the defaults of ours that nobody changed. Read from httpd's
 * own tree, as mod_info does, so it is what is in effect and not what the
 * files say by now. */

#include "api/api.h"

#include <string.h>

#include <ap_mpm.h>
#include <ap_release.h>
#include <http_core.h>
#include <util_cfgtree.h>

#include "api/admin.h"
#include "api/secrets.h"
#include "http/reply.h"
#include "mlscore/version.h"

/* ---- what stands in the files ---- */

typedef struct listing {
    apr_pool_t *pool;
    mls_json *directives;
    apr_hash_t *seen; /* names of ours that stand somewhere */
} listing;

static mls_json *item(listing *out, const char *name, const char *value)
{
    mls_json *one = mls_json_object(out->pool);

    mls_json_set_string(one, "name", name);
    mls_json_set_string(one, "value", value);
    mls_json_add(out->directives, one);
    return one;
}

static void add_directive(listing *out, const ap_directive_t *directive,
                          const char *section)
{
    mls_json *one = item(out, directive->directive,
                         mlh_mask_arguments(directive->directive,
                                            directive->args ? directive->args
                                                            : "",
                                            out->pool));

    mls_json_set_string(one, "file", directive->filename);
    mls_json_set_int(one, "line", directive->line_num);
    mls_json_set_string(one, "section", section);
    mls_json_set_bool(one, "default", 0);
    apr_hash_set(out->seen, apr_pstrdup(out->pool, directive->directive),
                 APR_HASH_KEY_STRING, out);
}

/* Sections are only named by what stands in them. */
static void add_tree(listing *out, const ap_directive_t *directive,
                     const char *section)
{
    for (; directive; directive = directive->next) {
        if (directive->directive[0] == '<') {
            const char *name = apr_pstrcat(
                out->pool, section, *section ? " " : "",
                directive->directive, " ",
                directive->args ? directive->args : "", NULL);

            add_tree(out, directive->first_child, name);
        }
        else {
            add_directive(out, directive, section);
        }
    }
}

/* ---- what does not ---- */

static void add_defaults(listing *out, const mlh_call *call, server_rec *s)
{
    const void *server = mlh_server_create(out->pool, s);
    const void *directory = mlh_config_create(out->pool, NULL);

    for (const command_rec *command = mlh_commands; command->name;
         command++) {
        const mlh_directive *directive = mlh_config_directive(command);

        if (!directive || apr_hash_get(out->seen, command->name,
                                       APR_HASH_KEY_STRING)) {
            continue;
        }
        const char *base = directive->is_server ? server : directory;
        mls_json *one = item(out, command->name,
                             mlh_config_text(directive,
                                             base + directive->offset,
                                             out->pool));

        mls_json_set(one, "file", NULL);
        mls_json_set(one, "line", NULL);
        mls_json_set_string(one, "section", "");
        mls_json_set_bool(one, "default", 1);
    }
}

static mls_json *modules(apr_pool_t *pool)
{
    mls_json *names = mls_json_array(pool);

    for (const module *one = ap_top_module; one; one = one->next) {
        mls_json_add_string(names, one->name);
    }
    return names;
}

mls_json *mlh_configuration_tree(request_rec *r, const mlh_call *call)
{
    mls_json *answer = mls_json_object(r->pool);
    listing out = { r->pool, mls_json_array(r->pool),
                    apr_hash_make(r->pool) };

    add_tree(&out, ap_conftree, "");
    add_defaults(&out, call, r->server);
    mls_json_set_string(answer, "httpd", AP_SERVER_BASEREVISION);
    mls_json_set_string(answer, "running", ap_get_server_description());
    mls_json_set_string(answer, "mlserver", MLSCORE_VERSION);
    mls_json_set_string(answer, "mpm", ap_show_mpm());
    mls_json_set(answer, "modules", modules(r->pool));
    mls_json_set(answer, "directives", out.directives);
    return answer;
}

int mlh_configuration(request_rec *r, const mlh_call *call)
{
    return mlh_reply_tree(r, HTTP_OK, mlh_configuration_tree(r, call));
}
