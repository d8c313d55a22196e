/* SPDX-License-Identifier: Apache-2.0 */
/* Other modules' directives, of which this one only takes note: httpd hands a
 * directive to every module that names it. So role look-ups ask the directory
 * that mod_authnz_ldap asks, with the same account. */

#include <string.h>

#include <ap_config.h>
#include <http_core.h>
#include <util_script.h>

#include "auth/directory.h"
#include "config/config.h"

/* A directive that only this module knows would be accepted and do nothing. */
static const char *check_module(cmd_parms *cmd, const char *name)
{
    return ap_find_linked_module(name)
               ? NULL
               : apr_psprintf(cmd->pool,
                              "%s belongs to %.*s, which is not "
                              "loaded",
                              cmd->cmd->name, (int)strlen(name) - 2, name);
}

/* mod_authnz_ldap does not merge sections: the innermost that has any of its
 * directives counts as a whole, and so it does here. */
static mlh_ldap *settings_of(cmd_parms *cmd, mlh_config *config)
{
    if (!config->ldap) {
        config->ldap = apr_pcalloc(cmd->pool, sizeof(mlh_ldap));
    }
    return config->ldap;
}

static const char *run_for_password(cmd_parms *cmd, const char *command)
{
    char **words;

    if (apr_tokenize_to_argv(command, &words, cmd->temp_pool) != APR_SUCCESS ||
        !words[0]) {
        return NULL;
    }
    return ap_get_exec_line(cmd->pool, words[0], (const char *const *)words);
}

const char *mlh_observe_ldap(cmd_parms *cmd, void *directory,
                             const char *arguments)
{
    mlh_ldap *ldap = settings_of(cmd, directory);
    const char *word = ap_getword_conf(cmd->pool, &arguments);
    const char *name = cmd->cmd->name;

    if (!strcasecmp(name, "AuthLDAPURL")) {
        ldap->url = word;
        ldap->mode = ap_getword_conf(cmd->pool, &arguments);
        ldap->file = cmd->directive->filename;
        ldap->line = cmd->directive->line_num;
    }
    else if (!strcasecmp(name, "AuthLDAPBindDN")) {
        ldap->bind_dn = word;
    }
    else if (!strcasecmp(name, "AuthLDAPRemoteUserAttribute")) {
        ldap->remote_user = word;
    }
    else if (!strcasecmp(name, "AuthLDAPBindPassword")) {
        ldap->bind_password = word;
        if (!strncmp(word, "exec:", 5)) {
            ldap->bind_password = run_for_password(cmd, word + 5);
            if (!ldap->bind_password) {
                return apr_pstrcat(cmd->pool, "AuthLDAPBindPassword ", word,
                                   ": the program gave no password; try it "
                                   "as httpd's user",
                                   NULL);
            }
        }
    }
    return check_module(cmd, "mod_authnz_ldap.c");
}

const char *mlh_observe_users(cmd_parms *cmd, void *directory, const char *path)
{
    ((mlh_config *)directory)->user_file =
        ap_server_root_relative(cmd->pool, path);
    return check_module(cmd, "mod_authn_file.c");
}
