/* SPDX-License-Identifier: Apache-2.0 */
/* The pool supervisor from its start to its end: one loop. */

#include "daemon/super.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "daemon/super_pool.h"
#include "daemon/super_private.h"

enum {
    FIXED = 3,        /* entries of our own: listener, signals, lifeline */
    SILENCE = 30,     /* seconds that a connection may say nothing */
    UPKEEP_FIRST = 2, /* seconds after the start */
    UPKEEP_EVERY = 600,
    UPKEEP_AGAIN = 30, /* when it failed */
    UPKEEP_LOOK = 5    /* whether the disk is nearly full: then at once */
};

/* ---- start ---- */

static void raise_descriptors(void)
{
    struct rlimit limit;

    if (!getrlimit(RLIMIT_NOFILE, &limit)) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static mls_err *prepare(mls_super *super, apr_pool_t *pool)
{
    mls_daemon *daemon = super->daemon;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGINT, SIG_IGN); /* the parent tells */
    raise_descriptors();
    MLS_TRY(mls_become_supervisor(&daemon->who, pool));
    /* Changing the user cleared this; the lifeline covers the time before. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    umask(0027);
    MLS_TRY(mls_layout_make_folders(daemon, pool));
    super->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (super->signals < 0) {
        return mls_err_apr(pool, errno, "signalfd");
    }
    super->helpers = apr_pcalloc(
        pool, sizeof(*super->helpers)
                  * (size_t)(daemon->options.max_compiles + MLS_SUPER_STORES
                             + 2));
    MLS_TRY(mls_super_clean(super, pool));
    mls_super_try_sandbox(super);
    MLS_TRY(mls_registry_open(&super->registry,
                              daemon->paths.registry_socket, pool));
    MLS_TRY(super_pool_create(&super->work, daemon, super->registry,
                              super->sandbox, pool));
    return mls_wire_listen(&super->listener, daemon->paths.supervisor_socket,
                           SOCK_SEQPACKET, pool);
}

/* ---- the loop ---- */

static void reap(mls_super *super)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    while (read(super->signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGTERM) {
            super->stop = 1;
        }
    }
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        mls_super_reaped(super, pid, status);
    }
}

static int upkeep_is_due(const mls_super *super, apr_time_t now)
{
    return now >= super->upkeep_due || mls_super_disk_is_low(super->daemon);
}

static void begin_upkeep(mls_super *super)
{
    const apr_time_t now = apr_time_now();
    apr_pool_t *scratch;

    super->next_upkeep = now + apr_time_from_sec(UPKEEP_LOOK);
    if (!upkeep_is_due(super, now)
        || mls_super_helpers(super, MLS_HELPER_UPKEEP)) {
        return;
    }
    apr_pool_create(&scratch, super->pool);
    mls_err *err = mls_super_fork(super, MLS_HELPER_UPKEEP, -1,
                                  mls_super_upkeep, super, scratch);
    super->upkeep_due =
        now + apr_time_from_sec(err ? UPKEEP_AGAIN : UPKEEP_EVERY);
    super->upkeeps++;
    if (err) {
        mls_daemon_log_err(super->daemon, err, "upkeep_failed");
    }
    apr_pool_destroy(scratch);
}

/* Pools of services' own come back after a start. */
static void begin_restore(mls_super *super)
{
    super_restore restore = { super->daemon, super->registry };
    apr_pool_t *scratch;

    apr_pool_create(&scratch, super->pool);
    mls_err *err = mls_super_fork(super, MLS_HELPER_RESTORE, -1,
                                  super_pool_restore, &restore, scratch);
    if (err) {
        mls_daemon_log_err(super->daemon, err, "pools_not_restored");
    }
    apr_pool_destroy(scratch);
}

static int add(mls_super *super, int used, int fd)
{
    super->entries[used] = (struct pollfd){ fd, POLLIN, 0 };
    return used + 1;
}

static int milliseconds_to(apr_time_t when)
{
    const apr_time_t left = when - apr_time_now();

    return left <= 0 ? 0
           : left > apr_time_from_sec(60) ? 60000 : (int)(left / 1000) + 1;
}

/* Callers that had their turn leave the list before it is used again. */
static void serve_clients(mls_super *super, int polled)
{
    const apr_time_t oldest =
        apr_time_now() - apr_time_from_sec(SILENCE);
    mls_client ready[MLS_SUPER_CLIENTS];
    int ready_count = 0;
    int kept = 0;

    for (int i = 0; i < super->client_count; i++) {
        const mls_client client = super->clients[i];
        if (i < polled && super->entries[FIXED + i].revents) {
            ready[ready_count++] = client;
        }
        else if (client.since < oldest) {
            close(client.fd);
        }
        else {
            super->clients[kept++] = client;
        }
    }
    super->client_count = kept;
    for (int i = 0; i < ready_count; i++) {
        mls_super_receive(super, ready[i]);
    }
}

static void turn(mls_super *super)
{
    const int full = super->client_count >= MLS_SUPER_CLIENTS;
    const int polled = super->client_count;
    int timeout = milliseconds_to(super->next_upkeep);
    int used = 0;
    int work = 0;

    used = add(super, used, full ? -1 : super->listener);
    used = add(super, used, super->signals);
    used = add(super, used, super->daemon->lifeline);
    for (int i = 0; i < polled; i++) {
        used = add(super, used, super->clients[i].fd);
    }
    work = mls_pool_poll(super->work, super->entries + used,
                         MLS_SUPER_POLL - used, &timeout);
    if (work < 0) { /* no room: look again soon */
        work = 0;
        timeout = 50;
    }
    if (poll(super->entries, (nfds_t)(used + work), timeout) < 0) {
        return;
    }
    if (super->entries[1].revents) {
        reap(super);
    }
    if (super->entries[2].revents) {
        super->stop = 1;
    }
    mls_pool_dispatch(super->work, super->entries + used, work);
    serve_clients(super, polled);
    if (super->entries[0].revents) {
        mls_super_accept(super);
    }
    if (apr_time_now() >= super->next_upkeep) {
        begin_upkeep(super);
    }
}

/* Helpers are not waited for: what they have not finished is not named by any
 * record, and their cells die with them. */
static void finish(mls_super *super)
{
    close(super->listener);
    mls_pool_stop(super->work);
    for (int i = 0; i < super->helper_count; i++) {
        kill(super->helpers[i].pid, SIGKILL);
        waitpid(super->helpers[i].pid, NULL, 0);
    }
}

int mls_super_main(mls_daemon *daemon, apr_pool_t *pool)
{
    mls_super *super = apr_pcalloc(pool, sizeof(*super));

    super->daemon = daemon;
    super->pool = pool;
    super->started = apr_time_now();
    super->next_upkeep = super->started + apr_time_from_sec(UPKEEP_FIRST);
    mls_err *err = prepare(super, pool);
    if (err) {
        mls_daemon_log_err(daemon, err, "supervisor_cannot_start");
        return err->code == MLS_EINVALID ? MLS_EXIT_HOPELESS : 1;
    }
    mls_daemon_log(daemon, "ready socket=%s sandbox=%s",
                   daemon->paths.supervisor_socket,
                   super->sandbox ? "namespaces"
                   : daemon->options.sandbox_reduced ? "reduced" : "refused");
    begin_restore(super);
    while (!super->stop) {
        turn(super);
    }
    finish(super);
    return 0;
}
