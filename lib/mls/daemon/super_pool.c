/* SPDX-License-Identifier: Apache-2.0 */
/* From the registry's record of a service version to what a worker needs. */

#include "daemon/super_pool.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <apr_strings.h>

#include "pool/pool_client.h"

typedef struct source {
    mls_daemon *daemon;
    mls_registry *registry;
} source;

static mls_err *set_parsed(mls_json *json, const char *key, const char *text,
                           apr_pool_t *pool)
{
    mls_json *value = mls_json_array(pool);

    if (text) {
        MLS_TRY(mls_json_parse(&value, text, strlen(text), pool));
    }
    mls_json_set(json, key, value);
    return NULL;
}

/* MLServerNetworkServices names it, with or without its version. */
static int may_use_network(const mls_daemon *daemon,
                           const mls_service *service)
{
    const size_t length = strlen(service->name);

    for (int i = 0; i < daemon->options.network_service_count; i++) {
        const char *one = daemon->options.network_services[i];
        if (!strncmp(one, service->name, length)
            && (!one[length]
                || (one[length] == '/'
                    && !strcmp(one + length + 1, service->version)))) {
            return 1;
        }
    }
    return 0;
}

static mls_err *definition_of(mls_pool_definition *out,
                              const mls_daemon *daemon,
                              const mls_service *service, apr_pool_t *pool)
{
    mls_json *json = mls_json_object(pool), *options = NULL;

    mls_json_set_string(json, "code", service->code ? service->code : "");
    mls_json_set_string(json, "initCode",
                        service->init_code ? service->init_code : "");
    MLS_TRY(set_parsed(json, "inputs", service->inputs, pool));
    MLS_TRY(set_parsed(json, "outputs", service->outputs, pool));
    MLS_TRY(set_parsed(json, "outputFileNames", service->output_files, pool));
    if (service->options) {
        MLS_TRY(mls_json_parse(&options, service->options,
                               strlen(service->options), pool));
    }
    const mls_json *own = mls_json_get(options, "pool");
    const char *mode = mls_json_string(options, "mode");
    const char *init = mls_json_string(options, "init");
    out->json = mls_json_text(json, pool);
    out->runtime = service->runtime_type;
    out->snapshot = service->blob;
    out->generation = service->generation;
    out->reuse = mode && !strcmp(mode, "reuse");
    out->network = mls_json_bool(options, "network", 0)
                   || may_use_network(daemon, service);
    out->dedicated = own != NULL;
    out->initial = (int)mls_json_int(own, "initial", 0);
    out->maximum = (int)mls_json_int(own, "maximum", 0);
    out->init_each = out->network || (init && !strcmp(init, "each"));
    return NULL;
}

static mls_err *find_definition(mls_pool_definition *out, void *baton,
                                const char *name, const char *version,
                                apr_pool_t *pool)
{
    const source *from = baton;
    const mls_service *service;

    MLS_TRY(mls_service_get(&service, from->registry, name, version, pool));
    if (!service || !strcmp(service->runtime_type, "Realtime")) {
        return mls_err_make(pool, MLS_ENOTFOUND, NULL,
                            "there is no standard service %s %s", name,
                            version);
    }
    return definition_of(out, from->daemon, service, pool);
}

static void log_line(void *baton, const char *line)
{
    const source *from = baton;

    mls_daemon_log(from->daemon, "%s", line);
}

/* The worker programs: installed beside this program, or in the sources. */
static const char *worker_folder(apr_pool_t *pool)
{
    static const char *const places[] = { "/../share/mlserver/workers",
                                          "/../../tools/workers", NULL };
    char exe[4096];
    const ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

    exe[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(exe, '/');
    if (slash) {
        *slash = '\0';
    }
    for (int i = 0; places[i]; i++) {
        const char *path = apr_pstrcat(pool, exe, places[i], NULL);
        if (access(apr_pstrcat(pool, path, "/python", NULL), R_OK) == 0) {
            return path;
        }
    }
    return "/usr/share/mlserver/workers";
}

/* ---- pools of services' own, after a start ---- */

static mls_err *restore_one(mls_pool_client *client,
                            const mls_service *service, apr_pool_t *pool)
{
    const mls_pool_call call = { .request_id = "restore",
                                 .time_limit = 10000, .caller = -1 };
    mls_json *answer, *options, *request = mls_json_object(pool);

    MLS_TRY(mls_json_parse(&options, service->options,
                           strlen(service->options), pool));
    const mls_json *own = mls_json_get(options, "pool");
    if (!own) {
        return NULL;
    }
    mls_json_set_string(request, "op", "pool.set");
    mls_json_set_string(request, "service", service->name);
    mls_json_set_string(request, "version", service->version);
    mls_json_set_uint(request, "generation", service->generation);
    mls_json_set_bool(request, "dedicated", 1);
    mls_json_set_int(request, "initial", mls_json_int(own, "initial", 0));
    mls_json_set_int(request, "maximum", mls_json_int(own, "maximum", 0));
    return mls_session_control(&answer, client, &call, request, pool);
}

static mls_err *restore_all(const super_restore *restore, apr_pool_t *pool)
{
    apr_array_header_t *services;
    mls_pool_client *client;
    apr_pool_t *each;

    MLS_TRY(mls_service_list(&services, restore->registry, NULL, pool));
    MLS_TRY(mls_pool_client_open(
        &client, restore->daemon->paths.supervisor_socket, pool));
    apr_pool_create(&each, pool);
    for (int i = 0; i < services->nelts; i++) {
        const mls_service *service =
            APR_ARRAY_IDX(services, i, const mls_service *);
        if (service->options) {
            apr_pool_clear(each);
            MLS_TRY(restore_one(client, service, each));
        }
    }
    return NULL;
}

int super_pool_restore(void *baton, apr_pool_t *pool)
{
    enum { TRIES = 30 };
    const super_restore *restore = baton;
    mls_err *err = NULL;

    prctl(PR_SET_NAME, "mls-restore", 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (int i = 0; i < TRIES; i++) { /* the owner may be starting, too */
        err = restore_all(restore, pool);
        if (!err) {
            return 0;
        }
        apr_sleep(apr_time_from_sec(1));
    }
    mls_daemon_log_err(restore->daemon, err, "pools_not_restored");
    return 0;
}

/* ---- the pool ---- */

/* What is declared; otherwise Python, in the version that it says. */
static int interpreters(mls_pool_interpreter **out,
                        const mls_daemon_options *options, apr_pool_t *pool)
{
    const int count = options->runtime_count ? options->runtime_count : 1;
    mls_pool_interpreter *list = apr_pcalloc(pool,
                                             (size_t)count * sizeof(*list));

    for (int i = 0; i < options->runtime_count; i++) {
        list[i].name = options->runtimes[i].name;
        list[i].version = options->runtimes[i].version;
        list[i].path = options->runtimes[i].path;
    }
    if (!options->runtime_count) {
        list[0].name = "Python";
        list[0].version = "";
        list[0].path = options->python ? options->python
                                       : "/usr/bin/python3";
    }
    *out = list;
    return count;
}

mls_err *super_pool_create(mls_pool **out, mls_daemon *daemon,
                           mls_registry *registry, int namespaces,
                           apr_pool_t *pool)
{
    source *from = apr_pcalloc(pool, sizeof(*from));
    mls_pool_limits *limits = &daemon->options.pool;
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);

    from->daemon = daemon;
    from->registry = registry;
    if (!limits->workers) {
        limits->workers = processors > 2 ? processors * 2 : 4;
    }
    mls_pool_config config = {
        .limits = limits,
        .workers = worker_folder(pool),
        .blobs = daemon->paths.blobs,
        .status_path = apr_pstrcat(pool, daemon->paths.run, "/pool.json",
                                   NULL),
        .runtimes_path = apr_pstrcat(pool, daemon->paths.run,
                                     "/runtimes.json", NULL),
        .who = &daemon->who,
        .sandbox = namespaces,
        .refuse = !namespaces && !daemon->options.sandbox_reduced,
        .definition = find_definition,
        .baton = from,
        .log = log_line
    };
    config.interpreter_count =
        interpreters(&config.interpreters, &daemon->options, pool);
    return mls_pool_create(out, &config, pool);
}
