/* SPDX-License-Identifier: Apache-2.0 */
/* Service record -> Swagger 2.0 document. */

#include "service/openapi.h"

#include <string.h>

#include <apr_strings.h>

#include "base/json.h"
#include "service/service_name.h"
#include "service/type_schema.h"

/* ---- small pieces ---- */

static mls_json *typed(const char *type, apr_pool_t *pool)
{
    mls_json *schema = mls_json_object(pool);

    mls_json_set_string(schema, "type", type);
    return schema;
}

static mls_json *reference(const char *definition, apr_pool_t *pool)
{
    mls_json *schema = mls_json_object(pool);

    mls_json_set_string(schema, "$ref",
                        apr_pstrcat(pool, "#/definitions/", definition, NULL));
    return schema;
}

static mls_json *list_of(const char *text, apr_pool_t *pool)
{
    mls_json *array = mls_json_array(pool);

    mls_json_add_string(array, text);
    return array;
}

static void add_property(mls_json *definition, const char *name,
                         mls_json *schema, apr_pool_t *pool)
{
    mls_json *properties = mls_json_get(definition, "properties");

    if (!properties) {
        properties = mls_json_object(pool);
        mls_json_set(definition, "properties", properties);
    }
    mls_json_set(properties, name, schema);
}

/* An object whose properties are all of type string. */
static mls_json *strings(const char *const *names, apr_pool_t *pool)
{
    mls_json *definition = typed("object", pool);

    for (; *names; names++) {
        add_property(definition, *names, typed("string", pool), pool);
    }
    return definition;
}

static mls_json *response(const char *description, const char *definition,
                          apr_pool_t *pool)
{
    mls_json *answer = mls_json_object(pool);

    mls_json_set_string(answer, "description", description);
    if (definition) {
        mls_json_set(answer, "schema", reference(definition, pool));
    }
    return answer;
}

static mls_json *body_parameter(const char *name, const char *definition,
                                apr_pool_t *pool)
{
    mls_json *parameter = mls_json_object(pool);

    mls_json_set_string(parameter, "name", name);
    mls_json_set_string(parameter, "in", "body");
    mls_json_set_bool(parameter, "required", 1);
    mls_json_set(parameter, "schema", reference(definition, pool));
    return parameter;
}

/* An operation without parameters; `success` is the definition answered. */
static mls_json *operation(const char *id, const char *summary,
                           const char *tag, const char *success,
                           apr_pool_t *pool)
{
    mls_json *result = mls_json_object(pool);
    mls_json *responses = mls_json_object(pool);

    mls_json_set_string(result, "operationId", id);
    mls_json_set_string(result, "summary", summary);
    mls_json_set(result, "tags", list_of(tag, pool));
    mls_json_set(result, "parameters", mls_json_array(pool));
    mls_json_set(responses, "200", response("OK", success, pool));
    mls_json_set(responses, "default", response("Failure", "Error", pool));
    mls_json_set(result, "responses", responses);
    return result;
}

static void set_path(mls_json *paths, const char *path, const char *method,
                     mls_json *description, apr_pool_t *pool)
{
    mls_json *item = mls_json_get(paths, path);

    if (!item) {
        item = mls_json_object(pool);
        mls_json_set(paths, path, item);
    }
    mls_json_set(item, method, description);
}

/* ---- what goes in and comes out ---- */

/* The columns that the model itself names, NULL when there are none. */
static mls_json *model_columns(const mls_json *model, const char *parameter)
{
    if (!strcmp(parameter, "inputData")) {
        return mls_json_get(model, "inputs");
    }
    return strcmp(parameter, "outputData") ? NULL
                                           : mls_json_get(model, "outputs");
}

static mls_err *parse_optional(mls_json **out, const char *text,
                               apr_pool_t *pool)
{
    *out = NULL;
    return text ? mls_json_parse(out, text, strlen(text), pool) : NULL;
}

/* InputParameters or OutputParameters from the declared [{name, type}]. */
static mls_json *parameters(const mls_json *declared, const mls_json *model,
                            int is_input, apr_pool_t *pool)
{
    mls_json *definition = typed("object", pool);
    mls_json *required = mls_json_array(pool);
    mls_json *example = mls_json_object(pool);

    mls_json_set(definition, "properties", mls_json_object(pool));
    for (size_t i = 0; i < mls_json_length(declared); i++) {
        const mls_json *element = mls_json_at(declared, i);
        const char *name = mls_json_string(element, "name");
        const char *type = mls_json_string(element, "type");

        if (!name) {
            continue;
        }
        const mls_json *columns = model_columns(model, name);

        if (columns) {
            add_property(definition, name,
                         mls_frame_schema(columns, is_input, pool), pool);
            mls_json_set(example, name, mls_frame_example(columns, pool));
        }
        else {
            add_property(definition, name, mls_type_schema(type, pool), pool);
        }
        mls_json_add_string(required, name);
    }
    if (is_input && mls_json_length(required)) {
        mls_json_set(definition, "required", required);
    }
    if (is_input && model) {
        mls_json_set(definition, "example", example);
    }
    return definition;
}

static mls_json *result_definition(apr_pool_t *pool)
{
    mls_json *definition = typed("object", pool);
    mls_json *files = typed("object", pool);
    mls_json *changed = typed("array", pool);

    add_property(definition, "success", typed("boolean", pool), pool);
    add_property(definition, "errorMessage", typed("string", pool), pool);
    add_property(definition, "outputParameters",
                 reference("OutputParameters", pool), pool);
    mls_json_set(files, "additionalProperties", typed("string", pool));
    add_property(definition, "outputFiles", files, pool);
    add_property(definition, "consoleOutput", typed("string", pool), pool);
    mls_json_set(changed, "items", typed("string", pool));
    add_property(definition, "changedFiles", changed, pool);
    return definition;
}

static void add_shared_definitions(mls_json *definitions, apr_pool_t *pool)
{
    static const char *const error[] = { "message", "link", "exceptionType",
                                         NULL };
    static const char *const login[] = { "username", "password", NULL };
    static const char *const renew[] = { "refreshToken", NULL };
    static const char *const tokens[] = { "token_type", "access_token",
                                          "expires_on", "refresh_token",
                                          NULL };
    mls_json *answer = strings(tokens, pool);

    add_property(answer, "expires_in", typed("integer", pool), pool);
    mls_json_set(definitions, "WebServiceResult", result_definition(pool));
    mls_json_set(definitions, "Error", strings(error, pool));
    mls_json_set(definitions, "LoginRequest", strings(login, pool));
    mls_json_set(definitions, "RenewTokenRequest", strings(renew, pool));
    mls_json_set(definitions, "AccessTokenResponse", answer);
}

/* ---- operations ---- */

static mls_json *without_login(mls_json *described, apr_pool_t *pool)
{
    mls_json_set(described, "security", mls_json_array(pool));
    return described;
}

static void add_login(mls_json *paths, const char *tag, apr_pool_t *pool)
{
    mls_json *login = operation("login", "Log in with name and password", tag,
                                "AccessTokenResponse", pool);
    mls_json *renew = operation("renewToken", "Renew the token pair", tag,
                                "AccessTokenResponse", pool);
    mls_json *revoke = operation("revokeRefreshToken",
                                 "Revoke a refresh token", tag,
                                 "AccessTokenResponse", pool);
    mls_json *token = typed("string", pool);

    mls_json_add(mls_json_get(login, "parameters"),
                 body_parameter("loginRequest", "LoginRequest", pool));
    mls_json_add(mls_json_get(renew, "parameters"),
                 body_parameter("renewTokenRequest", "RenewTokenRequest",
                                pool));
    mls_json_set_string(token, "name", "refreshToken");
    mls_json_set_string(token, "in", "query");
    mls_json_set_bool(token, "required", 1);
    mls_json_add(mls_json_get(revoke, "parameters"), token);
    set_path(paths, "/login", "post", without_login(login, pool), pool);
    set_path(paths, "/login/refreshToken", "post", without_login(renew, pool),
             pool);
    set_path(paths, "/login/refreshToken", "delete",
             without_login(revoke, pool), pool);
}

static void add_consume(mls_json *paths, const mls_service *service,
                        apr_pool_t *pool)
{
    const char *alias = service->operation_id && *service->operation_id
                            ? service->operation_id
                            : "consume";
    const char *summary = service->description && *service->description
                              ? service->description
                              : "Call the service";
    mls_json *consume = operation(alias, summary, service->name,
                                  "WebServiceResult", pool);
    mls_json *responses = mls_json_get(consume, "responses");
    const char *path = apr_pstrcat(pool, "/api/",
                                   mls_path_escape(service->name, pool), "/",
                                   mls_path_escape(service->version, pool),
                                   NULL);

    mls_json_add(mls_json_get(consume, "parameters"),
                 body_parameter("WebServiceParameters", "InputParameters",
                                pool));
    mls_json_set(responses, "400",
                 response("The request is wrong; the message says where",
                          "Error", pool));
    mls_json_set(responses, "500",
                 response("The service failed", "Error", pool));
    set_path(paths, path, "post", consume, pool);
}

/* ---- the whole ---- */

static mls_json *info(const mls_service *service, apr_pool_t *pool)
{
    mls_json *object = mls_json_object(pool);

    mls_json_set_string(object, "title", service->name);
    mls_json_set_string(object, "version", service->version);
    mls_json_set_string(object, "description",
                        service->description ? service->description : "");
    return object;
}

static mls_json *bearer(apr_pool_t *pool)
{
    mls_json *scheme = typed("apiKey", pool);
    mls_json *definitions = mls_json_object(pool);

    mls_json_set_string(scheme, "name", "Authorization");
    mls_json_set_string(scheme, "in", "header");
    mls_json_set_string(scheme, "description", "Bearer <access token>");
    mls_json_set(definitions, "Bearer", scheme);
    return definitions;
}

static mls_json *needs_bearer(apr_pool_t *pool)
{
    mls_json *requirement = mls_json_object(pool);
    mls_json *array = mls_json_array(pool);

    mls_json_set(requirement, "Bearer", mls_json_array(pool));
    mls_json_add(array, requirement);
    return array;
}

mls_err *mls_service_swagger(const char **json, const mls_service *service,
                             const char *base_path, const char *scheme,
                             apr_pool_t *pool)
{
    mls_json *document = mls_json_object(pool);
    mls_json *paths = mls_json_object(pool);
    mls_json *definitions = mls_json_object(pool);
    mls_json *tag = mls_json_object(pool);
    mls_json *tags = mls_json_array(pool);
    mls_json *inputs, *outputs, *model;

    MLS_TRY(parse_optional(&inputs, service->inputs, pool));
    MLS_TRY(parse_optional(&outputs, service->outputs, pool));
    MLS_TRY(parse_optional(&model, service->model, pool));
    mls_json_set_string(tag, "name", service->name);
    mls_json_add(tags, tag);
    add_login(paths, service->name, pool);
    add_consume(paths, service, pool);
    mls_json_set(definitions, "InputParameters",
                 parameters(inputs, model, 1, pool));
    mls_json_set(definitions, "OutputParameters",
                 parameters(outputs, model, 0, pool));
    add_shared_definitions(definitions, pool);

    mls_json_set_string(document, "swagger", "2.0");
    mls_json_set(document, "info", info(service, pool));
    mls_json_set_string(document, "basePath", base_path);
    mls_json_set(document, "schemes", list_of(scheme, pool));
    mls_json_set(document, "consumes", list_of("application/json", pool));
    mls_json_set(document, "produces", list_of("application/json", pool));
    mls_json_set(document, "securityDefinitions", bearer(pool));
    mls_json_set(document, "security", needs_bearer(pool));
    mls_json_set(document, "tags", tags);
    mls_json_set(document, "paths", paths);
    mls_json_set(document, "definitions", definitions);
    *json = mls_json_text(document, pool);
    return NULL;
}
