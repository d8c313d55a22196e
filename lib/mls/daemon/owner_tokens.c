/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on tokens. A login starts a family. Its refresh token is stored
 * as a digest; the next one is computed from it with a secret key, so a caller
 * who lost the answer gets the same again and nothing to steal is stored. */

#include "daemon/owner_private.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/hash.h"
#include "base/ident.h"
#include "registry/bdb/tables.h"

enum {
    REFRESH_BYTES = 32,
    GRACE = 30, /* seconds in which a used refresh token is no theft */
    LIFETIME_MAX = 10 * 366 * 24 * 3600,
    AGENT_MAX = 200
};

#define KEY_ACCESS "accessLifetime" /* longest ever given, seconds */

/* What is signed after the commit. */
struct signing {
    mls_jwt_claims claims;
    const char *refresh;
};

struct lifetimes {
    int64_t access, idle, maximum;
};

static mls_err *need_lifetime(int64_t *seconds, const mls_call *call,
                              const char *key, apr_pool_t *pool)
{
    MLS_TRY(mls_json_need_int(seconds, call->request, key, pool));
    if (*seconds < 1 || *seconds > LIFETIME_MAX) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "\"%s\" must be 1 to %d seconds", key,
                            LIFETIME_MAX);
    }
    return NULL;
}

static mls_err *need_lifetimes(struct lifetimes *out, const mls_call *call,
                               apr_pool_t *pool)
{
    MLS_TRY(need_lifetime(&out->access, call, "accessLifetime", pool));
    MLS_TRY(need_lifetime(&out->idle, call, "refreshIdle", pool));
    return need_lifetime(&out->maximum, call, "refreshMaximum", pool);
}

static mls_err *digest_of(const char **digest, const unsigned char *token,
                          size_t length, apr_pool_t *pool)
{
    unsigned char sum[MLS_SHA256];

    MLS_TRY(mls_sha256(sum, token, length, pool));
    *digest = mls_hex(sum, sizeof(sum), pool);
    return NULL;
}

static apr_time_t least(apr_time_t one, apr_time_t other)
{
    return one < other ? one : other;
}

/* ---- the longest lifetime: how long a revocation must be remembered ---- */

static mls_err *longest_access(int64_t *seconds, mls_txn *txn,
                               apr_pool_t *pool)
{
    const char *text;

    MLS_TRY(mls_meta_table_get(&text, txn, KEY_ACCESS, pool));
    *seconds = text ? strtoll(text, NULL, 10) : 3600;
    return NULL;
}

static mls_err *note_access(int64_t seconds, mls_txn *txn, apr_pool_t *pool)
{
    int64_t longest;

    MLS_TRY(longest_access(&longest, txn, pool));
    return seconds <= longest
               ? NULL
               : mls_meta_table_put(txn, KEY_ACCESS,
                                    apr_psprintf(pool, "%" APR_INT64_T_FMT,
                                                 (apr_int64_t)seconds),
                                    pool);
}

/* ---- making ---- */

/* Prepare the access token: its times start not before the subject's, so that
 * a login in the second of a revocation is not revoked with it. */
static mls_err *prepare(mls_call *call, mls_txn *txn, mls_family *family,
                        const struct lifetimes *lifetimes,
                        const char *refresh, apr_pool_t *pool)
{
    struct signing *signing = apr_pcalloc(pool, sizeof(*signing));
    mls_jwt_claims *claims = &signing->claims;
    const char *audience = mls_json_string(call->request, "audience");
    mls_not_before *subject;

    MLS_TRY(mls_subjects_table_get(&subject, txn, &family->subject, pool));
    claims->issued = apr_time_sec(call->now);
    if (subject && claims->issued < subject->second) {
        claims->issued = subject->second;
    }
    claims->not_before = claims->issued;
    claims->expires = claims->issued + lifetimes->access;
    claims->audience = audience ? audience : call->owner->state_id;
    claims->name = family->subject.name;
    claims->provider = family->subject.provider;
    MLS_TRY(mls_guid_make(&claims->id, pool));
    if (!mls_hex_decode(claims->family, sizeof(claims->family), family->id)) {
        return mls_err_make(pool, MLS_ECORRUPT, NULL,
                            "a token family has a wrong id");
    }
    signing->refresh = refresh;
    call->later = signing;
    const apr_time_t expires = apr_time_from_sec(claims->expires);
    if (family->access_expires < expires) {
        family->access_expires = expires;
    }
    return note_access(lifetimes->access, txn, pool);
}

mls_err *mls_token_sign(mls_call *call, apr_pool_t *pool)
{
    const struct signing *signing = call->later;
    const char *access;

    MLS_TRY(mls_jwt_sign(&access, mls_keys_signing(call->owner->keys),
                         &signing->claims, pool));
    mls_json_set_string(call->answer, "access", access);
    mls_json_set_string(call->answer, "refresh", signing->refresh);
    mls_json_set(call->answer, "subject",
                 mls_subject_to_json(&(const mls_subject){
                                         signing->claims.provider,
                                         signing->claims.name },
                                     pool));
    mls_json_set_int(call->answer, "expires",
                     apr_time_from_sec(signing->claims.expires));
    return NULL;
}

static const char *cut(const char *text, size_t most, apr_pool_t *pool)
{
    return text && strlen(text) > most ? apr_pstrmemdup(pool, text, most)
                                       : text;
}

mls_err *mls_op_token_issue(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    unsigned char token[REFRESH_BYTES], id[MLS_JWT_FAMILY];
    mls_family family = { 0 };
    struct lifetimes lifetimes;
    const char *digest;

    MLS_TRY(need_lifetimes(&lifetimes, call, pool));
    MLS_TRY(mls_subject_from_json(&family.subject,
                                  mls_json_get(call->request, "subject"),
                                  pool));
    MLS_TRY(mls_subject_check(&family.subject, pool));
    MLS_TRY(mls_random_bytes(token, sizeof(token), pool));
    MLS_TRY(mls_random_bytes(id, sizeof(id), pool));
    MLS_TRY(digest_of(&digest, token, sizeof(token), pool));
    family.id = mls_hex(id, sizeof(id), pool);
    family.created = family.used = call->now;
    family.address =
        cut(mls_json_string(call->request, "address"), AGENT_MAX, pool);
    family.agent =
        cut(mls_json_string(call->request, "agent"), AGENT_MAX, pool);
    family.expires =
        call->now + apr_time_from_sec(least(lifetimes.idle,
                                            lifetimes.maximum));
    MLS_TRY(prepare(call, txn, &family, &lifetimes,
                    mls_base64url(token, sizeof(token), pool), pool));
    const mls_refresh refresh = { family.id, call->now, 0 };
    MLS_TRY(mls_tokens_table_put(txn, digest, &refresh, pool));
    return mls_families_table_put(txn, &family, pool);
}

/* ---- revoking ---- */

static void flip_family(mls_call *call, const mls_family *family)
{
    mls_flip *flip = apr_array_push(call->flips);

    memset(flip, 0, sizeof(*flip));
    flip->kind = MLS_FLIP_FAMILY;
    mls_hex_decode(flip->family, sizeof(flip->family), family->id);
    flip->expires = apr_time_sec(family->access_expires) + MLS_JWT_SKEW;
}

static mls_err *revoke_family(mls_call *call, mls_txn *txn,
                              mls_family *family, const char *reason,
                              apr_pool_t *pool)
{
    if (!family->revoked) {
        family->revoked = call->now;
        family->reason = reason;
        MLS_TRY(mls_families_table_put(txn, family, pool));
    }
    flip_family(call, family);
    return NULL;
}

static mls_err *unauthorized(apr_pool_t *pool, const char *why)
{
    return mls_err_make(pool, MLS_EUNAUTHORIZED, NULL, "%s", why);
}

/* A refresh token's record and family; both NULL when it is unknown. */
static mls_err *look_up(mls_refresh **refresh, mls_family **family,
                        const char **digest, const unsigned char **token,
                        size_t *length, const mls_call *call, mls_txn *txn,
                        apr_pool_t *pool)
{
    const char *text;

    *refresh = NULL;
    *family = NULL;
    MLS_TRY(mls_json_need_string(&text, call->request, "refresh", pool));
    *token = strlen(text) <= 2 * REFRESH_BYTES
                 ? mls_base64url_decode(length, text, strlen(text), pool)
                 : NULL;
    if (!*token || *length != REFRESH_BYTES) {
        return NULL;
    }
    MLS_TRY(digest_of(digest, *token, *length, pool));
    MLS_TRY(mls_tokens_table_get(refresh, txn, *digest, pool));
    if (*refresh) {
        MLS_TRY(mls_families_table_get(family, txn, (*refresh)->family,
                                       pool));
    }
    if (!*family) {
        *refresh = NULL;
    }
    return NULL;
}

/* Why a family gives no more tokens; NULL when it does. */
static mls_err *check_family(const mls_call *call, mls_txn *txn,
                             const mls_family *family, apr_pool_t *pool)
{
    mls_not_before *subject;

    if (family->revoked) {
        return unauthorized(pool, "the refresh token was revoked");
    }
    if (family->expires <= call->now) {
        return unauthorized(pool, "the refresh token has expired");
    }
    MLS_TRY(mls_subjects_table_get(&subject, txn, &family->subject, pool));
    return subject && family->created <= subject->time
               ? unauthorized(pool, "the user's tokens were revoked") : NULL;
}

static mls_err *exchange(mls_call *call, mls_txn *txn, mls_family *family,
                         mls_refresh *refresh, const char *digest,
                         const char *next_digest,
                         const struct lifetimes *lifetimes, apr_pool_t *pool)
{
    const mls_refresh next = { family->id, call->now, 0 };

    refresh->used = call->now;
    family->used = call->now;
    family->expires =
        least(call->now + apr_time_from_sec(lifetimes->idle),
              family->created + apr_time_from_sec(lifetimes->maximum));
    MLS_TRY(mls_tokens_table_put(txn, digest, refresh, pool));
    return mls_tokens_table_put(txn, next_digest, &next, pool);
}

mls_err *mls_op_token_refresh(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    unsigned char successor[REFRESH_BYTES];
    const unsigned char *token;
    const char *digest, *next_digest;
    struct lifetimes lifetimes;
    mls_refresh *refresh;
    mls_family *family;
    size_t length;

    MLS_TRY(need_lifetimes(&lifetimes, call, pool));
    MLS_TRY(look_up(&refresh, &family, &digest, &token, &length, call, txn,
                    pool));
    if (!refresh) {
        return unauthorized(pool, "the refresh token is unknown");
    }
    MLS_TRY(check_family(call, txn, family, pool));
    if (refresh->used
        && call->now - refresh->used > apr_time_from_sec(GRACE)) {
        call->refusal = unauthorized(pool, "the refresh token was used "
                                           "before: its family is revoked");
        mls_json_set(call->answer, "subject",
                     mls_subject_to_json(&family->subject, pool));
        return revoke_family(call, txn, family, "reuse", pool);
    }
    MLS_TRY(mls_keys_successor(successor, call->owner->keys, token, length,
                               pool));
    MLS_TRY(digest_of(&next_digest, successor, sizeof(successor), pool));
    if (!refresh->used) {
        MLS_TRY(exchange(call, txn, family, refresh, digest, next_digest,
                         &lifetimes, pool));
    }
    MLS_TRY(prepare(call, txn, family, &lifetimes,
                    mls_base64url(successor, sizeof(successor), pool), pool));
    return mls_families_table_put(txn, family, pool);
}

mls_err *mls_op_token_revoke(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    const unsigned char *token;
    const char *digest;
    mls_refresh *refresh;
    mls_family *family;
    size_t length;

    MLS_TRY(look_up(&refresh, &family, &digest, &token, &length, call, txn,
                    pool));
    if (!refresh) {
        return mls_err_make(pool, MLS_ENOTFOUND, NULL,
                            "the refresh token is unknown");
    }
    mls_json_set(call->answer, "subject",
                 mls_subject_to_json(&family->subject, pool));
    return revoke_family(call, txn, family, "logout", pool);
}

/* With a subject: only one of its own. */
mls_err *mls_op_token_revoke_family(mls_call *call, mls_txn *txn,
                                    apr_pool_t *pool)
{
    const char *id;
    mls_family *family;
    mls_subject subject;

    MLS_TRY(mls_json_need_string(&id, call->request, "family", pool));
    MLS_TRY(mls_families_table_get(&family, txn, id, pool));
    if (family && mls_json_get(call->request, "subject")) {
        MLS_TRY(mls_subject_from_json(
            &subject, mls_json_get(call->request, "subject"), pool));
        family = mls_subject_same(&subject, &family->subject) ? family : NULL;
    }
    if (!family) {
        return mls_err_make(pool, MLS_ENOTFOUND, NULL,
                            "there is no token family %s", id);
    }
    mls_json_set(call->answer, "subject",
                 mls_subject_to_json(&family->subject, pool));
    return revoke_family(call, txn, family, "revoked", pool);
}

/* From which second on access tokens are good. A login after a revocation in
 * the same second was given the next one; a further revocation must end that
 * login, too. */
static mls_err *next_second(apr_int64_t *second, const mls_call *call,
                            mls_txn *txn, const mls_subject *subject,
                            apr_pool_t *pool)
{
    const apr_int64_t now = apr_time_sec(call->now);
    mls_not_before *before;

    *second = now + 1;
    MLS_TRY(mls_subjects_table_get(&before, txn, subject, pool));
    if (before && before->second >= *second) {
        *second = before->second + 1;
    }
    if (*second > now + MLS_JWT_SKEW / 2) { /* nobody would accept a token */
        return mls_err_make(pool, MLS_EBUSY, NULL,
                            "the tokens of %s were just revoked again and "
                            "again; try once more in a few seconds",
                            subject->name);
    }
    return NULL;
}

/* Families are not touched one by one: what is older than the subject's time
 * is refused when it is used. So the record stays. */
mls_err *mls_op_subject_revoke(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    mls_not_before record = { 0 };
    int64_t longest;

    MLS_TRY(mls_subject_from_json(&record.subject,
                                  mls_json_get(call->request, "subject"),
                                  pool));
    MLS_TRY(mls_subject_check(&record.subject, pool));
    MLS_TRY(longest_access(&longest, txn, pool));
    MLS_TRY(next_second(&record.second, call, txn, &record.subject, pool));
    record.time = call->now;
    record.access_expires =
        call->now + apr_time_from_sec(longest + MLS_JWT_SKEW);

    mls_flip *flip = apr_array_push(call->flips);
    memset(flip, 0, sizeof(*flip));
    flip->kind = MLS_FLIP_SUBJECT;
    flip->name = record.subject.provider;
    flip->version = record.subject.name;
    flip->not_before = record.second;
    flip->expires = apr_time_sec(record.access_expires);
    return mls_subjects_table_put(txn, &record, pool);
}
