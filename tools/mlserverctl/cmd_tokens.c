/* SPDX-License-Identifier: Apache-2.0 */
/* tokens list, tokens revoke: who is logged in, and ending that. */

#include "ctl.h"

#include <string.h>

#include <apr_strings.h>

#include "base/timefmt.h"
#include "registry/records.h"
#include "registry/remote/registry_client.h"

static void print_family(const mls_json *json, apr_pool_t *pool)
{
    mls_family *family;

    if (mls_family_from_json(&family, json, pool)) {
        return;
    }
    printf("%s\t%s:%s\t%s\t%s\t%s\t%s\t%s\n", family->id,
           family->subject.provider, family->subject.name,
           mls_time_rfc3339(family->created, pool),
           mls_time_rfc3339(family->expires, pool),
           family->address ? family->address : "-",
           family->revoked ? "revoked" : "valid",
           family->agent ? family->agent : "-");
}

/* "provider:name" */
static mls_err *subject_of(mls_subject *subject, const char *text,
                           apr_pool_t *pool)
{
    const char *colon = strchr(text, ':');

    if (!colon) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "%s: name a user as provider:name, such as "
                            "file:admin", text);
    }
    subject->provider =
        apr_pstrmemdup(pool, text, (apr_size_t)(colon - text));
    subject->name = colon + 1;
    return mls_subject_check(subject, pool);
}

static mls_err *list(ctl *c, const char *user)
{
    mls_json *request = mls_json_object(c->pool);
    const char *next = NULL;

    mls_json_set_string(request, "op", "token.list");
    mls_json_set_bool(request, "all", 1);
    if (user) {
        mls_subject subject;
        MLS_TRY(subject_of(&subject, user, c->pool));
        mls_json_set(request, "subject",
                     mls_subject_to_json(&subject, c->pool));
    }
    do {
        mls_json *answer;
        mls_json_set_string(request, "after", next);
        MLS_TRY(mls_registry_ask(&answer, c->registry, request, c->pool));
        const mls_json *families = mls_json_get(answer, "families");
        for (size_t i = 0; i < mls_json_length(families); i++) {
            print_family(mls_json_at(families, i), c->pool);
        }
        next = mls_json_string(answer, "next");
    } while (next);
    return NULL;
}

/* A family's id has 32 hex digits; a user has a colon. */
static mls_err *end(ctl *c, const char *what)
{
    mls_json *request = mls_json_object(c->pool);
    mls_subject subject;
    mls_json *answer;

    if (strchr(what, ':')) {
        MLS_TRY(subject_of(&subject, what, c->pool));
        MLS_TRY(mls_token_revoke_subject(c->registry, &subject, c->pool));
        printf("all tokens of %s are revoked\n", what);
        return NULL;
    }
    mls_json_set_string(request, "op", "token.revoke_family");
    mls_json_set_string(request, "family", what);
    MLS_TRY(mls_registry_write(&answer, c->registry, request, c->pool));
    printf("the tokens of family %s are revoked\n", what);
    return NULL;
}

mls_err *ctl_tokens(ctl *c, int count, char **words)
{
    if (count >= 1 && count <= 2 && !strcmp(words[0], "list")) {
        return list(c, count > 1 ? words[1] : NULL);
    }
    if (count == 2 && !strcmp(words[0], "revoke")) {
        return end(c, words[1]);
    }
    return mls_err_make(c->pool, MLS_EINVALID, NULL,
                        "usage: mlserverctl tokens list [PROVIDER:NAME] | "
                        "tokens revoke FAMILY|PROVIDER:NAME");
}
