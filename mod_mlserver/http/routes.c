/* SPDX-License-Identifier: Apache-2.0 */
/* The route table, and matching a request against it. Reading the table is
 * auditing access control: the permission stands beside each path. */

#include "http/routes.h"

#include <string.h>

#include "api/api.h"

const mlh_route mlh_routes[] = {
    /* method, path, permission, handler, operation */
    { "POST", "/api/{name}/{version}", MLS_PERMIT_CONSUME, mlh_consume,
      "consume" },
    { "GET", "/api/{name}/{version}/swagger.json", MLS_PERMIT_LIST,
      mlh_service_swagger, "GetWebServiceSwagger" },

    { "POST", "/login", MLS_PERMIT_ANYONE, mlh_login, "login" },
    { "POST", "/login/refreshToken", MLS_PERMIT_ANYONE, mlh_login_refresh,
      "renewToken" },
    { "DELETE", "/login/refreshToken", MLS_PERMIT_ANYONE, mlh_login_revoke,
      "revokeRefreshToken" },

    { "GET", "/services", MLS_PERMIT_LIST, mlh_services_list,
      "getAllWebServices" },
    { "GET", "/services/{name}", MLS_PERMIT_LIST, mlh_services_versions,
      "getAllWebServiceVersionsByName" },
    { "GET", "/services/{name}/{version}", MLS_PERMIT_LIST, mlh_service_get,
      "getWebServiceVersion" },
    { "DELETE", "/services/{name}/{version}", MLS_PERMIT_CHANGE,
      mlh_service_delete, "deleteWebServiceVersion" },

    { "POST", "/services/{name}", MLS_PERMIT_PUBLISH, mlh_service_publish,
      "publishWebService" },
    { "POST", "/services/{name}/{version}", MLS_PERMIT_PUBLISH,
      mlh_service_publish, "publishWebServiceVersion" },
    { "PATCH", "/services/{name}/{version}", MLS_PERMIT_CHANGE,
      mlh_service_patch, "patchWebServiceVersion" },

    { "POST", "/services/{name}/{version}/pool", MLS_PERMIT_CHANGE,
      mlh_service_pool_set, "createOrUpdateServicePool" },
    { "GET", "/services/{name}/{version}/pool", MLS_PERMIT_LIST,
      mlh_service_pool_get, "getServicePoolStatus" },
    { "DELETE", "/services/{name}/{version}/pool", MLS_PERMIT_CHANGE,
      mlh_service_pool_delete, "deleteServicePool" },
    { "GET", "/admin/api/pools", MLS_PERMIT_ADMIN, mlh_pools_list,
      "listPools" },
    { "GET", "/admin/api/runtimes", MLS_PERMIT_LIST, mlh_runtimes_list,
      "listRuntimes" },

    { "POST", "/realtime-services/{name}", MLS_PERMIT_PUBLISH,
      mlh_realtime_publish, "publishRealtimeWebServiceByName" },
    { "POST", "/realtime-services/{name}/{version}", MLS_PERMIT_PUBLISH,
      mlh_realtime_publish, "publishRealtimeWebServiceByNameVersion" },
    { "PATCH", "/realtime-services/{name}/{version}", MLS_PERMIT_CHANGE,
      mlh_realtime_patch, "patchRealtimeWebServiceByNameVersion" },

    { "POST", "/sessions", MLS_PERMIT_SESSION, mlh_session_create,
      "createSession" },
    { "GET", "/sessions", MLS_PERMIT_SESSION, mlh_sessions_list,
      "listSessions" },
    { "POST", "/sessions/{id}/execute", MLS_PERMIT_SESSION,
      mlh_session_execute, "executeCode" },
    { "DELETE", "/sessions/{id}", MLS_PERMIT_SESSION, mlh_session_close,
      "closeSession" },
    { "DELETE", "/sessions/{id}/force", MLS_PERMIT_SESSION, mlh_session_close,
      "closeSessionByForce" },
    { "GET", "/sessions/{id}/console-output", MLS_PERMIT_SESSION,
      mlh_session_console, "getSessionConsoleOutput" },
    { "GET", "/sessions/{id}/history", MLS_PERMIT_SESSION,
      mlh_session_history, "listSessionHistory" },
    { "POST", "/sessions/{id}/cancel", MLS_PERMIT_SESSION, mlh_session_cancel,
      "cancelSession" },
    { "POST", "/sessions/{id}/files", MLS_PERMIT_SESSION, mlh_file_upload,
      "uploadSessionFile" },
    { "GET", "/sessions/{id}/files", MLS_PERMIT_SESSION, mlh_files_list,
      "listSessionFiles" },
    { "GET", "/sessions/{id}/files/{fileName}", MLS_PERMIT_SESSION,
      mlh_file_get, "getSessionFile" },
    { "DELETE", "/sessions/{id}/files/{fileName}", MLS_PERMIT_SESSION,
      mlh_file_delete, "deleteSessionFile" },
    { "GET", "/sessions/{id}/workspace", MLS_PERMIT_SESSION, mlh_objects_list,
      "listWorkspaceObjects" },
    { "POST", "/sessions/{id}/workspace/{objectName}", MLS_PERMIT_SESSION,
      mlh_object_set, "setWorkspaceObject" },
    { "GET", "/sessions/{id}/workspace/{objectName}", MLS_PERMIT_SESSION,
      mlh_object_get, "getWorkspaceObject" },
    { "DELETE", "/sessions/{id}/workspace/{objectName}", MLS_PERMIT_SESSION,
      mlh_object_delete, "deleteWorkspaceObject" },
    { "POST", "/sessions/{id}/snapshot", MLS_PERMIT_SESSION,
      mlh_snapshot_create, "CreateSnapshot" },
    { "POST", "/sessions/{id}/loadsnapshot/{snapshotId}", MLS_PERMIT_SESSION,
      mlh_snapshot_load, "LoadSnapshot" },
    { "GET", "/snapshots", MLS_PERMIT_SESSION, mlh_snapshots_list,
      "ListSnapshots" },
    { "GET", "/snapshots/{id}", MLS_PERMIT_SESSION, mlh_snapshot_get,
      "GetSnapshotContent" },
    { "DELETE", "/snapshots/{id}", MLS_PERMIT_SESSION, mlh_snapshot_delete,
      "DeleteSnapshot" },

    { "GET", "/admin/api/me", MLS_PERMIT_ANYONE, mlh_me, "whoAmI" },
    { "GET", "/admin/api/roles", MLS_PERMIT_ADMIN, mlh_roles_get,
      "getRoles" },
    { "POST", "/admin/api/roles/mappings", MLS_PERMIT_ADMIN,
      mlh_role_mapping_create, "createRoleMapping" },
    { "PUT", "/admin/api/roles/mappings/{id}", MLS_PERMIT_ADMIN,
      mlh_role_mapping_replace, "replaceRoleMapping" },
    { "DELETE", "/admin/api/roles/mappings/{id}", MLS_PERMIT_ADMIN,
      mlh_role_mapping_delete, "deleteRoleMapping" },
    { "POST", "/admin/api/roles/flush", MLS_PERMIT_ADMIN, mlh_roles_flush,
      "flushMemberships" },
    { "GET", "/admin/api/explain-user", MLS_PERMIT_ADMIN, mlh_explain_user,
      "explainUser" },
    { "GET", "/admin/api/audit", MLS_PERMIT_ADMIN, mlh_audit, "searchAudit" },
    { "GET", "/admin/api/tokens", MLS_PERMIT_TOKENS, mlh_tokens_list,
      "listTokens" },
    { "DELETE", "/admin/api/tokens", MLS_PERMIT_TOKENS, mlh_tokens_revoke,
      "revokeTokensOfUser" },
    { "DELETE", "/admin/api/tokens/{id}", MLS_PERMIT_TOKENS, mlh_token_revoke,
      "revokeToken" },
    { "GET", "/admin/api/permissions", MLS_PERMIT_LIST, mlh_permissions,
      "listPermissions" },
    { "GET", "/admin/api/services/{name}/{version}/permissions",
      MLS_PERMIT_LIST, mlh_service_permissions, "getServicePermissions" },

    { "GET", "/admin/api/usage", MLS_PERMIT_LIST, mlh_usage_list,
      "listUsage" },
    { "GET", "/admin/api/usage/{name}/{version}", MLS_PERMIT_LIST,
      mlh_usage_get, "getServiceUsage" },
    { "GET", "/admin/api/services/{name}/{version}/failures",
      MLS_PERMIT_SEE_CODE, mlh_service_failures, "listServiceFailures" },
    { "GET", "/admin/api/services/{name}/{version}/model", MLS_PERMIT_LIST,
      mlh_model_card, "getServiceModel" },
    { "GET", "/metrics", MLS_PERMIT_LIST, mlh_metrics, "metrics" },
    { "POST", "/admin/api/models/inspect", MLS_PERMIT_PUBLISH,
      mlh_model_inspect, "inspectModel" },
    { "GET", "/admin/api/configuration", MLS_PERMIT_ADMIN, mlh_configuration,
      "getConfiguration" },
    { "GET", "/admin/api/sessions", MLS_PERMIT_ADMIN, mlh_all_sessions_list,
      "listAllSessions" },
    { "DELETE", "/admin/api/sessions/{id}", MLS_PERMIT_ADMIN,
      mlh_any_session_close, "endSession" },
    { "GET", "/admin/api/licences", MLS_PERMIT_LIST, mlh_licences,
      "listLicences" },
    { "GET", "/admin/api/diagnostics", MLS_PERMIT_ADMIN, mlh_diagnostics,
      "getDiagnostics" },

    { "GET", "/status", MLS_PERMIT_LIST, mlh_status, "status" },
    { "GET", "/healthz", MLS_PERMIT_ANYONE, mlh_healthz, "healthz" },
    { "GET", "/readyz", MLS_PERMIT_ANYONE, mlh_readyz, "readyz" },
    { "GET", "/openapi.json", MLS_PERMIT_ANYONE, mlh_openapi, "openapi" },
    { NULL, NULL, MLS_PERMIT_ANYONE, NULL, NULL }
};

/* Does `path` have the form of `template`? Fills `found` with where the
 * variable segments lie, in order. */
typedef struct segment {
    const char *at;
    size_t length;
} segment;

static int matches(const char *template, const char *path, segment *found)
{
    int variables = 0;

    while (*template && *path) {
        if (*template == '{') {
            const size_t length = strcspn(path, "/");

            if (!length) {
                return 0;
            }
            found[variables].at = path;
            found[variables].length = length;
            variables++;
            path += length;
            template += strcspn(template, "}") + 1;
        }
        else if (*template++ != *path++) {
            return 0;
        }
    }
    return !*template && !*path;
}

static int is_method(const request_rec *r, const char *method)
{
    return !strcmp(r->header_only && r->method_number == M_GET ? "GET"
                                                                : r->method,
                   method);
}

static const char *add_method(apr_pool_t *pool, const char *allow,
                              const char *method)
{
    const char *shown = strcmp(method, "GET") ? method : "GET, HEAD";

    return apr_pstrcat(pool, allow ? allow : "OPTIONS", ", ", shown, NULL);
}

static void keep_parameters(request_rec *r, mlh_request *request,
                            const segment *found)
{
    for (int i = 0; i < 2 && found[i].at; i++) {
        request->parameters[i] =
            apr_pstrmemdup(r->pool, found[i].at, found[i].length);
    }
}

/* httpd has merged slashes in r->uri by now; an empty segment that the caller
 * sent is no name. */
static int has_empty_segment(const request_rec *r)
{
    const char *sent = r->main || r->prev ? NULL : r->unparsed_uri;
    const char *twice = sent ? strstr(sent, "//") : NULL;

    return twice && (size_t)(twice - sent) < strcspn(sent, "?") &&
           sent[0] == '/';
}

void mlh_route_match(request_rec *r, mlh_request *request)
{
    segment found[2];

    if (has_empty_segment(r)) {
        return;
    }
    for (const mlh_route *route = mlh_routes; route->method; route++) {
        memset(found, 0, sizeof(found));
        if (!matches(route->path, request->path, found)) {
            continue;
        }
        if (is_method(r, route->method)) {
            request->route = route;
            request->is_public = route->permission == MLS_PERMIT_ANYONE;
            keep_parameters(r, request, found);
            return;
        }
        request->allow = add_method(r->pool, request->allow, route->method);
        request->is_public |= route->permission == MLS_PERMIT_ANYONE;
    }
}
