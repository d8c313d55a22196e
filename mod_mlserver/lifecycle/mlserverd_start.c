/* SPDX-License-Identifier: Apache-2.0 */
/* Keep mlserverd running where no system unit does.
 *
 * The first httpd parent starts it; a reload finds it again by what is kept
 * in the process's retained data and goes on watching it. It runs in a session
 * of its own, since httpd signals its whole process group at a restart. Its
 * death is repaired at once; after quick deaths in a row the new process
 * waits before it becomes mlserverd. Exit code 3 means that trying again is no
 * use. It is told httpd's process id and stops by itself when that is gone. */

#include "lifecycle/lifecycle.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ap_mpm.h>
#include <http_core.h>
#include <http_main.h>
#include <unixd.h>
#include <apr_thread_proc.h>

APLOG_USE_MODULE(mlserver);

enum {
    NO_RETRY = 3,          /* mlserverd's exit code for that */
    ARGUMENTS = 300,
    STOP_MILLISECONDS = 10000
};

#define STABLE apr_time_from_sec(10) /* a run this long was no quick death */

typedef struct daemon_record {
    struct daemon_record *next;
    apr_pool_t *pool;      /* lives as long as the process */
    const char *state_dir;
    const char *command;   /* the arguments joined, to notice changes */
    const char **arguments;
    apr_proc_t process;    /* pid 0: not running */
    apr_time_t started;
    unsigned quick_deaths; /* in a row */
    int given_up;
    int wanted;            /* by the present configuration */
} daemon_record;

/* What survives reloads, in which this module is unloaded and loaded. */
typedef struct retained_data {
    daemon_record *first;
    pid_t parent;
} retained_data;

static void watch(daemon_record *record, apr_pool_t *pconf);

/* ---- arguments ---- */

static void add(const char **arguments, const char *option, const char *value)
{
    int n = 0;

    while (arguments[n]) {
        n++;
    }
    if (value && n + 2 < ARGUMENTS) {
        arguments[n] = option;
        arguments[n + 1] = value;
    }
}

static void add_number(const char **arguments, const char *option,
                       apr_int64_t value, apr_pool_t *pool)
{
    if (value) {
        add(arguments, option,
            apr_psprintf(pool, "%" APR_INT64_T_FMT, value));
    }
}

/* Numbers of the pools; all are said, since 0 (Off) is a value too. */
static void add_limits(const char **arguments, const mlh_server *server,
                       apr_pool_t *pool)
{
    const struct {
        const char *option;
        apr_int64_t value;
    } limits[] = {
        { "--pool-workers", server->pool_workers },
        { "--pool-workers-total", server->pool_workers_total },
        { "--pool-spare", server->pool_spare },
        { "--pool-queue", server->pool_queue },
        { "--pool-idle-time", server->pool_idle_time },
        { "--pool-load-time", server->pool_load_time },
        { "--pool-worker-requests", server->pool_requests },
        { "--pool-age", server->pool_age },
        { "--pool-memory", server->pool_memory },
        { "--pool-cpu-time", server->pool_cpu },
        { "--pool-processes", server->pool_processes },
        { "--pool-file-size", server->pool_file_size },
        { "--pool-folder-size", server->pool_folder },
        { "--pool-output-size", server->pool_output },
        { "--pool-console-size", server->pool_console },
        { "--sessions", server->sessions },
        { "--sessions-total", server->sessions_total },
        { "--session-idle-time", server->session_idle },
        { "--session-disk", server->session_disk },
        { "--session-network", server->session_network },
    };

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        add(arguments, limits[i].option,
            apr_psprintf(pool, "%" APR_INT64_T_FMT, limits[i].value));
    }
}

static void add_pools(const char **arguments, const mlh_server *server,
                      apr_pool_t *pool)
{
    const apr_array_header_t *runtimes = server->runtimes;
    const apr_array_header_t *network = server->network_services;

    add_limits(arguments, server, pool);
    for (int i = 0; i + 2 < runtimes->nelts; i += 3) {
        const char *const *word = (const char *const *)runtimes->elts + i;

        add(arguments, "--runtime",
            apr_pstrcat(pool, word[0], ":", word[1], ":", word[2], NULL));
    }
    for (int i = 0; i < network->nelts; i++) {
        const char *name = APR_ARRAY_IDX(network, i, const char *);

        if (strcasecmp(name, "none") != 0) {
            add(arguments, "--network-service", name);
        }
    }
}

static const char *httpd_group(apr_pool_t *pool)
{
    const struct group *group = getgrgid(ap_unixd_config.group_id);

    return group ? apr_pstrdup(pool, group->gr_name) : NULL;
}

static const char **make_arguments(const mlh_server *server, apr_pool_t *pool)
{
    const char **arguments = apr_pcalloc(pool, ARGUMENTS * sizeof(char *));

    arguments[0] = ap_server_root_relative(pool, server->daemon);
    add(arguments, "--state", server->state_dir);
    add(arguments, "--run", server->run_dir);
    add_number(arguments, "--httpd-pid", getpid(), pool);
    if (geteuid() == 0) {
        add(arguments, "--user", server->daemon_user);
        add(arguments, "--group", server->daemon_group
                                      ? server->daemon_group
                                      : httpd_group(pool));
        add(arguments, "--worker-user", server->worker_user);
    }
    add(arguments, "--sandbox",
        server->sandbox == MLH_SANDBOX_REDUCED ? "reduced" : "required");
    add(arguments, "--mlscore", server->mlscore);
    add(arguments, "--python", server->python);
    add(arguments, "--log-file", server->daemon_log);
    add_number(arguments, "--max-compiles", server->max_compiles, pool);
    add_number(arguments, "--compile-timeout", server->compile_timeout, pool);
    add_number(arguments, "--compile-memory", server->compile_memory, pool);
    add_number(arguments, "--max-model-size", server->max_model, pool);
    add_number(arguments, "--quota-bytes", server->quota, pool);
    add_number(arguments, "--reserve-bytes", server->reserve, pool);
    add_pools(arguments, server, pool);
    return arguments;
}

static const char *join(const char **arguments, apr_pool_t *pool)
{
    const char *text = "";

    for (; *arguments; arguments++) {
        text = apr_pstrcat(pool, text, " ", *arguments, NULL);
    }
    return text;
}

/* ---- starting ---- */

/* In the new process: only calls that are safe after a fork. */
static void become_daemon(const daemon_record *record, unsigned delay_ms)
{
    const struct timespec delay = { delay_ms / 1000,
                                    (long)(delay_ms % 1000) * 1000000 };
    sigset_t none;
    const int null = open("/dev/null", O_RDWR);

    for (int signal_number = 1; signal_number < NSIG; signal_number++) {
        signal(signal_number, SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
    }
    dup2(STDERR_FILENO, STDOUT_FILENO);
#ifdef SYS_close_range
    syscall(SYS_close_range, 3u, ~0u, 0u);
#endif
    if (delay_ms) {
        nanosleep(&delay, NULL);
    }
    execv(record->arguments[0], (char *const *)record->arguments);
    _exit(NO_RETRY);
}

static unsigned delay_after(unsigned quick_deaths)
{
    if (quick_deaths < 2) {
        return 0;
    }
    return quick_deaths < 5 ? 125u << (quick_deaths - 2) : 1000;
}

static void start(daemon_record *record, apr_pool_t *pconf)
{
    const unsigned delay_ms = delay_after(record->quick_deaths);
    const pid_t pid = fork();

    if (pid == 0) {
        become_daemon(record, delay_ms);
    }
    if (pid < 0) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, errno, ap_server_conf,
                     "mlserverd not started: no new process: state=%s",
                     record->state_dir);
        return;
    }
    memset(&record->process, 0, sizeof(record->process));
    record->process.pid = pid;
    record->started = apr_time_now() + delay_ms * 1000;
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                 "mlserverd started: pid=%" APR_PID_T_FMT " state=%s "
                 "delay=%ums",
                 pid, record->state_dir, delay_ms);
    watch(record, pconf);
}

static int is_stopping(void)
{
    int state = 0;

    return ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_EXITING ||
           (ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS &&
            state == AP_MPMQ_STOPPING);
}

/* `status` is an exit code or a signal, or both as wait() gives them. */
static int says_no_retry(int status)
{
    return status == NO_RETRY ||
           (status > 255 && WIFEXITED(status) &&
            WEXITSTATUS(status) == NO_RETRY);
}

static void note_death(daemon_record *record, int status)
{
    const int was_quick = apr_time_now() - record->started < STABLE;

    record->process.pid = 0;
    record->quick_deaths = was_quick ? record->quick_deaths + 1 : 0;
    record->given_up = says_no_retry(status);
    if (record->given_up) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, ap_server_conf,
                     "mlserverd cannot start: state=%s; its reason is in the "
                     "log; correct it and reload httpd",
                     record->state_dir);
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                 "mlserverd died: state=%s status=%d; starting it again",
                 record->state_dir, status);
}

/* ---- watching ---- */

/* The baton of the callback; the pool is needed to register again. */
typedef struct watcher {
    daemon_record *record;
    apr_pool_t *pconf;
} watcher;

static void maintain(int reason, void *baton, int status)
{
    const watcher *w = baton;

    if (reason != APR_OC_REASON_DEATH && reason != APR_OC_REASON_LOST) {
        return; /* a reload or the end: post_config or stop_all sees to it */
    }
    apr_proc_other_child_unregister(baton);
    if (is_stopping()) {
        w->record->process.pid = 0;
        return;
    }
    note_death(w->record, status);
    if (!w->record->given_up) {
        start(w->record, w->pconf);
    }
}

static void watch(daemon_record *record, apr_pool_t *pconf)
{
    watcher *w = apr_palloc(pconf, sizeof(*w));

    w->record = record;
    w->pconf = pconf;
    apr_proc_other_child_register(&record->process, maintain, w, NULL, pconf);
}

/* ---- stopping ---- */

/* Ask it to stop and wait for a while; it is our child, so reap it. */
static void stop(daemon_record *record)
{
    if (!record->process.pid) {
        return;
    }
    kill(record->process.pid, SIGTERM);
    for (int waited = 0; waited < STOP_MILLISECONDS; waited += 20) {
        if (waitpid(record->process.pid, NULL, WNOHANG) != 0) {
            break;
        }
        apr_sleep(apr_time_from_msec(20));
    }
    record->process.pid = 0;
}

static retained_data *retained(server_rec *s)
{
    static const char key[] = "mlserver-daemons";
    retained_data *data = ap_retained_data_get(key);

    if (!data) {
        data = ap_retained_data_create(key, sizeof(*data));
        data->parent = getpid();
    }
    return data;
}

/* When the configuration goes because httpd ends (not because it reloads). */
static apr_status_t stop_all(void *baton)
{
    retained_data *data = baton;

    if (ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_EXITING ||
        getpid() != data->parent) {
        return APR_SUCCESS;
    }
    for (daemon_record *record = data->first; record; record = record->next) {
        if (record->process.pid) {
            kill(record->process.pid, SIGTERM);
        }
    }
    for (daemon_record *record = data->first; record; record = record->next) {
        stop(record);
    }
    return APR_SUCCESS;
}

/* ---- at each (re)start ---- */

static daemon_record *find_record(retained_data *data, const char *state_dir,
                                  server_rec *s)
{
    daemon_record *record = data->first;

    while (record && strcmp(record->state_dir, state_dir) != 0) {
        record = record->next;
    }
    if (!record) {
        apr_pool_t *pool = s->process->pool;

        record = apr_pcalloc(pool, sizeof(*record));
        record->state_dir = apr_pstrdup(pool, state_dir);
        apr_pool_create(&record->pool, pool);
        record->next = data->first;
        data->first = record;
    }
    return record;
}

/* Is it still there? What died during the reload is reaped here. */
static void look_after_reload(daemon_record *record)
{
    int status = 0;

    if (record->process.pid &&
        waitpid(record->process.pid, &status, WNOHANG) != 0) {
        note_death(record, status);
    }
    record->given_up = 0; /* the configuration may have been corrected */
}

static void adopt_or_start(daemon_record *record, const mlh_server *server,
                           apr_pool_t *pconf)
{
    const char **arguments = make_arguments(server, pconf);
    const char *command = join(arguments, pconf);

    look_after_reload(record);
    if (record->process.pid && !strcmp(record->command, command)) {
        watch(record, pconf);
        return;
    }
    stop(record);
    apr_pool_clear(record->pool);
    record->arguments = make_arguments(server, record->pool);
    for (int i = 0; record->arguments[i]; i++) { /* outlives the config */
        record->arguments[i] = apr_pstrdup(record->pool,
                                           record->arguments[i]);
    }
    record->command = apr_pstrdup(record->pool, command);
    start(record, pconf);
}

void mlh_daemons_start(const apr_array_header_t *states, server_rec *s,
                       apr_pool_t *pconf)
{
    retained_data *data = retained(s);

    for (daemon_record *record = data->first; record; record = record->next) {
        record->wanted = 0;
    }
    apr_pool_cleanup_register(pconf, data, stop_all, apr_pool_cleanup_null);
    for (int i = 0; i < states->nelts; i++) {
        const mlh_server *server =
            APR_ARRAY_IDX(states, i, mlh_state *)->server;

        if (strcasecmp(server->daemon, "external") != 0) {
            daemon_record *record = find_record(data, server->state_dir, s);

            record->wanted = 1;
            adopt_or_start(record, server, pconf);
        }
    }
    for (daemon_record *record = data->first; record; record = record->next) {
        if (!record->wanted) {
            stop(record);
        }
    }
}
