/* SPDX-License-Identifier: Apache-2.0 */
/* Role mappings: encoding, checks, editing. */

#include "registry/role_mappings.h"

#include <string.h>

#include <apr_strings.h>

#include "auth/role_rules.h"
#include "base/ident.h"
#include "base/timefmt.h"

enum { LAYOUT = 1 };

mls_json *mls_mapping_to_json(const mls_mapping *mapping, apr_pool_t *pool)
{
    mls_json *json = mls_json_object(pool);

    mls_json_set_string(json, "id", mapping->id);
    mls_json_set_string(json, "role", mls_role_name(mapping->role));
    mls_json_set_string(json, "condition", mapping->condition);
    mls_json_set_string(json, "comment", mapping->comment);
    mls_json_set_string(json, "changedBy", mapping->changed_by);
    mls_json_set_string(json, "changedAt",
                        mls_time_rfc3339(mapping->changed, pool));
    return json;
}

mls_json *mls_mappings_to_json(const mls_mappings *mappings, apr_pool_t *pool)
{
    mls_json *json = mls_json_object(pool);
    mls_json *list = mls_json_array(pool);

    for (int i = 0; i < mappings->list->nelts; i++) {
        mls_json_add(list, mls_mapping_to_json(&APR_ARRAY_IDX(mappings->list,
                                                              i, mls_mapping),
                                               pool));
    }
    mls_json_set_int(json, "v", LAYOUT);
    mls_json_set_uint(json, "generation", mappings->generation);
    mls_json_set(json, "mappings", list);
    return json;
}

static mls_err *check_text(const char *what, const char *text, size_t most,
                           apr_pool_t *pool)
{
    if (strlen(text) > most) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "\"%s\" may have at most %d bytes", what,
                            (int)most);
    }
    for (const char *at = text; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            return mls_err_make(pool, MLS_EINVALID, NULL,
                                "\"%s\" must be one line without control "
                                "characters", what);
        }
    }
    return NULL;
}

mls_err *mls_mapping_check(const mls_mapping *mapping, apr_pool_t *pool)
{
    MLS_TRY(check_text("condition", mapping->condition, MLS_CONDITION_MAX,
                       pool));
    return mapping->comment ? check_text("comment", mapping->comment,
                                         MLS_COMMENT_MAX, pool)
                            : NULL;
}

static mls_err *mapping_from_json(mls_mapping *out, const mls_json *json,
                                  apr_pool_t *pool)
{
    const char *role, *changed = mls_json_string(json, "changedAt");

    MLS_TRY(mls_json_need_string(&out->id, json, "id", pool));
    MLS_TRY(mls_json_need_string(&role, json, "role", pool));
    MLS_TRY(mls_json_need_string(&out->condition, json, "condition", pool));
    if (!mls_guid_valid(out->id)) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "\"%s\" is no id of a role mapping", out->id);
    }
    out->role = mls_role_parse(role);
    if (out->role == MLS_ROLE_NONE) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "\"role\" is Owner, Contributor or Reader, not "
                            "\"%s\"", role);
    }
    out->comment = mls_json_string(json, "comment");
    MLS_TRY(mls_mapping_check(out, pool));
    out->changed_by = mls_json_string(json, "changedBy");
    if (changed && !mls_time_parse(&out->changed, changed)) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "\"changedAt\" is no time: \"%s\"", changed);
    }
    out->condition = apr_pstrdup(pool, out->condition);
    out->comment = apr_pstrdup(pool, out->comment);
    out->changed_by = apr_pstrdup(pool, out->changed_by);
    out->id = apr_pstrdup(pool, out->id);
    return NULL;
}

mls_err *mls_mappings_from_json(mls_mappings *out, const mls_json *json,
                                apr_pool_t *pool)
{
    const mls_json *list = mls_json_get(json, "mappings");
    const size_t count = mls_json_length(list);

    if (mls_json_int(json, "v", LAYOUT) > LAYOUT) {
        return mls_err_make(pool, MLS_ECORRUPT, NULL,
                            "the role mappings were written by a newer "
                            "version");
    }
    if (count > MLS_MAPPINGS_MAX) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "there may be at most %d role mappings; use "
                            "groups, or MLServerRole in the configuration",
                            MLS_MAPPINGS_MAX);
    }
    out->generation = mls_json_uint(json, "generation", 0);
    out->list = apr_array_make(pool, (int)count + 1, sizeof(mls_mapping));
    for (size_t i = 0; i < count; i++) {
        mls_mapping mapping = { 0 };

        MLS_TRY(mapping_from_json(&mapping, mls_json_at(list, i), pool));
        APR_ARRAY_PUSH(out->list, mls_mapping) = mapping;
    }
    return NULL;
}

mls_err *mls_mappings_edit(mls_mappings *out, const mls_mappings *mappings,
                           const char *id, const mls_mapping *mapping,
                           apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(
        pool, mappings->list->nelts + 1, sizeof(mls_mapping));
    int found = 0;

    for (int i = 0; i < mappings->list->nelts; i++) {
        const mls_mapping *one =
            &APR_ARRAY_IDX(mappings->list, i, mls_mapping);
        const int is_it = id && !strcmp(one->id, id);

        found |= is_it;
        if (!is_it || mapping) {
            APR_ARRAY_PUSH(list, mls_mapping) = is_it ? *mapping : *one;
        }
    }
    if (id && !found) {
        return mls_err_make(pool, MLS_ENOTFOUND, NULL,
                            "there is no role mapping \"%s\"", id);
    }
    if (!id && mapping) {
        APR_ARRAY_PUSH(list, mls_mapping) = *mapping;
    }
    out->generation = mappings->generation;
    out->list = list;
    return NULL;
}
