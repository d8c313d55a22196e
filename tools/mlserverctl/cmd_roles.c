/* SPDX-License-Identifier: Apache-2.0 */
/* grant-owner: a way back in when the last Owner is lost.
 * explain-user: what httpd knows of a user. Only httpd can ask its providers,
 * so it is asked, by curl, with a token that the registry gives root. */

#include "ctl.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/ident.h"
#include "registry/records.h"
#include "registry/role_mappings.h"

#define DEFAULT_URL "http://localhost/mlserver"

/* ---- grant-owner ---- */

static mls_err *subject_of(mls_subject *subject, const char *text,
                           apr_pool_t *pool)
{
    const char *colon = strchr(text, ':');

    subject->provider =
        colon ? apr_pstrmemdup(pool, text, (apr_size_t)(colon - text))
              : "file";
    subject->name = colon ? colon + 1 : text;
    MLS_TRY(mls_subject_check(subject, pool));
    return strpbrk(subject->name, "\"\\") || strstr(subject->name, "%{")
               ? mls_err_make(pool, MLS_EINVALID, NULL,
                              "a name with quotation marks, backslashes or "
                              "%%{ cannot be granted anything; see "
                              "MLServerUserName")
               : NULL;
}

static mls_err *grant(const ctl *c, const mls_subject *subject)
{
    mls_mapping mapping = {
        .role = MLS_ROLE_OWNER,
        .comment = "mlserverctl grant-owner",
        .changed_by = MLS_CONTROL_PROVIDER ":root",
        .changed = apr_time_now(),
    };
    mls_mappings mappings, after;

    mapping.condition =
        apr_pstrcat(c->pool, "provider=", subject->provider, " user \"",
                    subject->name, "\"", NULL);
    MLS_TRY(mls_guid_make(&mapping.id, c->pool));
    MLS_TRY(mls_mappings_get(&mappings, c->registry, c->pool));
    MLS_TRY(mls_mappings_edit(&after, &mappings, NULL, &mapping, c->pool));
    return mls_mappings_set(c->registry, &after, c->pool);
}

mls_err *ctl_grant_owner(ctl *c, int count, char **words)
{
    mls_subject subject;

    if (count != 1) {
        return mls_err_make(c->pool, MLS_EINVALID, NULL,
                            "usage: mlserverctl grant-owner [PROVIDER:]NAME");
    }
    if (getuid() != 0) {
        return mls_err_make(c->pool, MLS_EINVALID, NULL,
                            "only root may grant a role");
    }
    MLS_TRY(subject_of(&subject, words[0], c->pool));
    MLS_TRY(grant(c, &subject));
    printf("%s:%s is an Owner now, by a role mapping that Owners can take "
           "back in the console or over /admin/api/roles\n",
           subject.provider, subject.name);
    return NULL;
}

/* ---- explain-user ---- */

static void escape_into(char *to, const char *from)
{
    for (; *from; from++) {
        if (strchr("-_.~", *from) || (*from >= '0' && *from <= '9') ||
            (*from >= 'a' && *from <= 'z') ||
            (*from >= 'A' && *from <= 'Z')) {
            *to++ = *from;
        }
        else {
            to += sprintf(to, "%%%02X", (unsigned char)*from);
        }
    }
    *to = '\0';
}

/* The token goes through a pipe: arguments are everybody's to see. */
static mls_err *run_curl(const char *url, const char *token, apr_pool_t *pool)
{
    const char *config = apr_pstrcat(
        pool, "silent\nshow-error\nfail-with-body\nmax-time = 60\n"
        "header = \"Authorization: Bearer ", token, "\"\nurl = \"", url,
        "\"\n", NULL);
    int fds[2], status;

    if (pipe(fds) != 0) {
        return mls_err_apr(pool, errno, "pipe");
    }
    fflush(stdout);
    const pid_t child = fork();

    if (child == 0) {
        dup2(fds[0], 0);
        close(fds[0]);
        close(fds[1]);
        execlp("curl", "curl", "--config", "-", (char *)NULL);
        _exit(127);
    }
    close(fds[0]);
    const ssize_t written = write(fds[1], config, strlen(config));

    close(fds[1]);
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        return mls_err_apr(pool, errno, "cannot start curl");
    }
    puts("");
    if (written != (ssize_t)strlen(config) || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        return mls_err_make(
            pool, MLS_EUNAVAILABLE, NULL, "%s",
            WIFEXITED(status) && WEXITSTATUS(status) == 127
                ? "the program curl is needed to ask httpd; install it"
                : "httpd did not answer as it should; name where the server "
                  "is mounted with --url, such as --url "
                  "https://HOST/mlserver");
    }
    return NULL;
}

mls_err *ctl_explain_user(ctl *c, int count, char **words)
{
    const char *token;

    if (count != 1 || strlen(words[0]) > MLS_SUBJECT_MAX) {
        return mls_err_make(c->pool, MLS_EINVALID, NULL,
                            "usage: mlserverctl [--url URL] explain-user "
                            "[PROVIDER:]NAME");
    }
    char *name = apr_palloc(c->pool, strlen(words[0]) * 3 + 1);
    const char *url = c->url ? c->url : DEFAULT_URL;

    if (strpbrk(url, "\"\\\n")) {
        return mls_err_make(c->pool, MLS_EINVALID, NULL,
                            "--url %s is no address", url);
    }
    escape_into(name, words[0]);
    MLS_TRY(mls_control_token(&token, c->registry, c->pool));
    return run_curl(apr_pstrcat(c->pool, url, "/admin/api/explain-user?name=",
                                name, NULL),
                    token, c->pool);
}
