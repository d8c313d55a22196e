/* SPDX-License-Identifier: Apache-2.0 */
/* mlserverd: reads the command line; all else is in lib/mls/daemon. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "daemon/daemon.h"
#include "mlscore/version.h"

enum option_code {
    STATE = 256, RUN, HTTPD_PID, USER, GROUP, WORKER_USER, MLSCORE, PYTHON,
    SANDBOX, LOG_FILE, MAX_COMPILES, COMPILE_TIMEOUT, COMPILE_MEMORY,
    MAX_MODEL_SIZE, QUOTA_BYTES, RESERVE_BYTES, RUNTIME, NETWORK_SERVICE,
    POOL_LIMIT, HELP, SHOW_VERSION
};

static const struct option long_options[] = {
    { "state", required_argument, NULL, STATE },
    { "run", required_argument, NULL, RUN },
    { "httpd-pid", required_argument, NULL, HTTPD_PID },
    { "user", required_argument, NULL, USER },
    { "group", required_argument, NULL, GROUP },
    { "worker-user", required_argument, NULL, WORKER_USER },
    { "mlscore", required_argument, NULL, MLSCORE },
    { "python", required_argument, NULL, PYTHON },
    { "sandbox", required_argument, NULL, SANDBOX },
    { "log-file", required_argument, NULL, LOG_FILE },
    { "max-compiles", required_argument, NULL, MAX_COMPILES },
    { "compile-timeout", required_argument, NULL, COMPILE_TIMEOUT },
    { "compile-memory", required_argument, NULL, COMPILE_MEMORY },
    { "max-model-size", required_argument, NULL, MAX_MODEL_SIZE },
    { "quota-bytes", required_argument, NULL, QUOTA_BYTES },
    { "reserve-bytes", required_argument, NULL, RESERVE_BYTES },
    { "runtime", required_argument, NULL, RUNTIME },
    { "network-service", required_argument, NULL, NETWORK_SERVICE },
#define LIMIT(field, option, value) \
    { option, required_argument, NULL, POOL_LIMIT },
#include "daemon/pool/pool_limits.def"
#undef LIMIT
    { "help", no_argument, NULL, HELP },
    { "version", no_argument, NULL, SHOW_VERSION },
    { NULL, 0, NULL, 0 }
};

static const char help[] =
    "usage: mlserverd --state DIR --run DIR [options]\n"
    "\n"
    "Keeps the registry of mod_mlserver and runs what must not run inside "
    "httpd.\nStays in the foreground; httpd or systemd starts it.\n"
    "\n"
    "  --state DIR            services, models, keys, tokens\n"
    "  --run DIR              the sockets' directory\n"
    "  --httpd-pid PID        end when this process ends\n"
    "  --user NAME            owner of the state, when started as root "
    "(mlserver)\n"
    "  --group NAME           httpd's group (www-data or apache)\n"
    "  --worker-user NAME     runs compilers and published code "
    "(mlserver-worker)\n"
    "  --mlscore PATH         the model compiler (beside this program)\n"
    "  --python PATH          interpreter of Python services "
    "(/usr/bin/python3)\n"
    "  --runtime NAME:VERSION:PATH\n"
    "                         an interpreter; may be repeated, the first of "
    "a name\n                         is meant by the name alone\n"
    "  --network-service NAME[/VERSION]\n"
    "                         a service whose code may use the network\n"
    "  --sandbox required|reduced\n"
    "                         what to do where namespaces are refused\n"
    "  --log-file FILE        instead of standard error\n"
    "  --max-compiles N       uploads compiled at once (2)\n"
    "  --compile-timeout S    seconds for one of them (300)\n"
    "  --compile-memory BYTES --max-model-size BYTES\n"
    "  --quota-bytes BYTES    models of one user; 0: no quota\n"
    "  --reserve-bytes BYTES  free space that uploads leave\n"
    "\n"
    "Bounds of the pools and sessions (numbers, seconds, bytes):\n";

static void show_help(void)
{
    fputs(help, stdout);
    for (const mls_pool_limit *one = mls_pool_limit_table; one->option;
         one++) {
        printf("  --%s N (%lld)\n", one->option, (long long)one->value);
    }
}

static int usage_error(const char *what, const char *value)
{
    fprintf(stderr, "mlserverd: %s%s%s; try --help\n", what,
            value ? " " : "", value ? value : "");
    return 2;
}

static int number(int64_t *out, const char *text, int64_t most)
{
    char *end;

    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && end != text && !*end && *out >= 0 && *out <= most;
}

/* 0, or what is wrong with a number's option. */
static int set_number(mls_daemon_options *options, int code, const char *text)
{
    int64_t value;
    const int small = code == HTTPD_PID || code == MAX_COMPILES
                      || code == COMPILE_TIMEOUT;

    if (!number(&value, text, small ? INT_MAX : INT64_MAX)) {
        return usage_error("not a number that fits:", text);
    }
    switch (code) {
    case HTTPD_PID: options->httpd_pid = (pid_t)value; break;
    case MAX_COMPILES: options->max_compiles = (int)value; break;
    case COMPILE_TIMEOUT: options->compile_timeout = (int)value; break;
    case COMPILE_MEMORY: options->compile_memory = value; break;
    case MAX_MODEL_SIZE: options->max_model_size = value; break;
    case QUOTA_BYTES: options->quota_bytes = value; break;
    default: options->reserve_bytes = value; break;
    }
    return 0;
}

/* NAME:VERSION:PATH */
static int add_runtime(mls_daemon_options *options, char *text)
{
    char *version = strchr(text, ':');
    char *path = version ? strchr(version + 1, ':') : NULL;

    if (!path || path[1] != '/' || version == text) {
        return usage_error("--runtime is NAME:VERSION:PATH, not", text);
    }
    if (options->runtime_count >= MLS_RUNTIMES) {
        return usage_error("too many --runtime", NULL);
    }
    *version++ = *path++ = '\0';
    options->runtimes[options->runtime_count++] =
        (mls_runtime_option){ text, version, path };
    return 0;
}

static int add_network_service(mls_daemon_options *options, const char *text)
{
    if (options->network_service_count >= MLS_NETWORK_SERVICES) {
        return usage_error("too many --network-service", NULL);
    }
    options->network_services[options->network_service_count++] = text;
    return 0;
}

static int set_limit(mls_daemon_options *options, const char *option,
                     const char *text)
{
    int64_t value;

    if (!number(&value, text, INT64_MAX / 1000000)) {
        return usage_error("not a number that fits:", text);
    }
    mls_pool_limits_set(&options->pool, option, value);
    return 0;
}

static int set_text(mls_daemon_options *options, int code, char *text)
{
    switch (code) {
    case STATE: options->state = text; return 0;
    case RUN: options->run = text; return 0;
    case USER: options->user = text; return 0;
    case GROUP: options->group = text; return 0;
    case WORKER_USER: options->worker_user = text; return 0;
    case MLSCORE: options->mlscore = text; return 0;
    case PYTHON: options->python = text; return 0;
    case RUNTIME: return add_runtime(options, text);
    case NETWORK_SERVICE: return add_network_service(options, text);
    case LOG_FILE: options->log_file = text; return 0;
    case SANDBOX:
        options->sandbox_reduced = !strcmp(text, "reduced");
        if (!options->sandbox_reduced && strcmp(text, "required")) {
            return usage_error("--sandbox is required or reduced, not", text);
        }
        return 0;
    default:
        return set_number(options, code, text);
    }
}

static int read_options(mls_daemon_options *options, int argc, char **argv)
{
    int code, which = 0;

    while ((code = getopt_long(argc, argv, "", long_options, &which)) != -1) {
        if (code == HELP) {
            show_help();
            exit(0);
        }
        if (code == SHOW_VERSION) {
            fputs("mlserverd " MLSCORE_VERSION "\n", stdout);
            exit(0);
        }
        if (code == '?') {
            return 2;
        }
        const int bad =
            code == POOL_LIMIT
                ? set_limit(options, long_options[which].name, optarg)
                : set_text(options, code, optarg);
        if (bad) {
            return bad;
        }
    }
    if (optind < argc) {
        return usage_error("what is", argv[optind]);
    }
    if (!options->state || !options->run || *options->state != '/'
        || *options->run != '/') {
        return usage_error("--state and --run are needed, as absolute paths",
                           NULL);
    }
    return 0;
}

static const char *beside(const char *name, apr_pool_t *pool)
{
    char exe[4096];
    const ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

    exe[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(exe, '/');
    return slash ? apr_psprintf(pool, "%.*s/%s", (int)(slash - exe), exe, name)
                 : name;
}

int main(int argc, char **argv)
{
    mls_daemon daemon;
    apr_pool_t *pool;

    apr_app_initialize(&argc, (const char *const **)&argv, NULL);
    apr_pool_create(&pool, NULL);
    memset(&daemon, 0, sizeof(daemon));
    mls_daemon_defaults(&daemon.options);
    const int bad = read_options(&daemon.options, argc, argv);
    if (bad) {
        return bad;
    }
    if (!daemon.options.mlscore) {
        daemon.options.mlscore = beside("mlscore", pool);
    }
    daemon.role = "parent";
    daemon.log_fd = STDERR_FILENO;
    if (daemon.options.log_file) {
        daemon.log_fd = open(daemon.options.log_file,
                             O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        if (daemon.log_fd < 0) {
            perror(daemon.options.log_file);
            return 3;
        }
    }
    umask(027);
    mls_paths_make(&daemon.paths, daemon.options.state, daemon.options.run,
                   pool);
    return mls_daemon_run(&daemon, pool);
}
