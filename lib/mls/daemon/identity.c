/* SPDX-License-Identifier: Apache-2.0 */
/* Users, groups and capabilities: who runs as whom, and the way there. The
 * capability calls are the kernel's own, to do without another library. */

#include "daemon/daemon.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <apr_strings.h>

#define DEFAULT_USER "mlserver"
#define DEFAULT_WORKER "mlserver-worker"

static mls_err *find_user(uid_t *uid, gid_t *gid, const char *name,
                          const char *option, apr_pool_t *pool)
{
    const struct passwd *entry = getpwnam(name);

    if (!entry) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "there is no user %s: make it with \"useradd "
                            "--system --no-create-home --shell "
                            "/usr/sbin/nologin %s\", or name another with "
                            "%s", name, name, option);
    }
    if (entry->pw_uid == 0) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "%s %s is root: name a user without privileges",
                            option, name);
    }
    *uid = entry->pw_uid;
    *gid = entry->pw_gid;
    return NULL;
}

/* Debian's name for httpd's group, else the other distributions'. */
static mls_err *find_group(mls_identities *who, const char *name,
                           apr_pool_t *pool)
{
    const struct group *entry = NULL;

    if (name) {
        entry = getgrnam(name);
    }
    else if (!(entry = getgrnam("www-data"))) {
        entry = getgrnam("apache");
    }
    if (!entry) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "there is no group %s: name httpd's group with "
                            "--group",
                            name ? name : "www-data or apache");
    }
    who->group = entry->gr_gid;
    who->group_name = apr_pstrdup(pool, entry->gr_name);
    return NULL;
}

static void all_is_one(mls_identities *who, apr_pool_t *pool)
{
    const struct passwd *entry = getpwuid(geteuid());
    const char *name = entry ? apr_pstrdup(pool, entry->pw_name)
                             : apr_psprintf(pool, "%ld", (long)geteuid());

    who->user = who->worker = geteuid();
    who->group = who->worker_group = getegid();
    who->user_name = who->worker_name = name;
    who->group_name = apr_psprintf(pool, "%ld", (long)getegid());
}

mls_err *mls_identities_find(mls_identities *who,
                             const mls_daemon_options *options,
                             apr_pool_t *pool)
{
    gid_t unused;

    memset(who, 0, sizeof(*who));
    who->privileged = geteuid() == 0;
    if (!who->privileged) {
        all_is_one(who, pool);
        return NULL;
    }
    who->user_name = options->user ? options->user : DEFAULT_USER;
    who->worker_name = options->worker_user ? options->worker_user
                                            : DEFAULT_WORKER;
    MLS_TRY(find_user(&who->user, &unused, who->user_name, "--user", pool));
    MLS_TRY(find_user(&who->worker, &who->worker_group, who->worker_name,
                      "--worker-user", pool));
    MLS_TRY(find_group(who, options->group, pool));
    if (who->worker == who->user || who->worker_group == who->group) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "--worker-user %s shares its user or group with "
                            "what it must not reach: name a user of its own",
                            who->worker_name);
    }
    return NULL;
}

/* ---- capabilities ---- */

static int set_capabilities(unsigned mask)
{
    struct __user_cap_header_struct header = {
        _LINUX_CAPABILITY_VERSION_3, 0
    };
    struct __user_cap_data_struct data[2];

    memset(data, 0, sizeof(data));
    data[0].effective = data[0].permitted = mask;
    return (int)syscall(SYS_capset, &header, data);
}

#define BIT(capability) (1u << (capability))

/* Without the bounding set a program with file capabilities gives nothing. */
static void drop_bounding_set(void)
{
    for (int i = 0; i < 64; i++) {
        if (i != CAP_SETUID && i != CAP_SETGID && i != CAP_KILL) {
            prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
        }
    }
}

static int become(uid_t uid, gid_t gid)
{
    return setgroups(0, NULL) || setresgid(gid, gid, gid)
           || setresuid(uid, uid, uid);
}

static mls_err *failed(apr_pool_t *pool, const char *name)
{
    return mls_err_apr(pool, errno, "become user %s", name);
}

mls_err *mls_become_user(const mls_identities *who, apr_pool_t *pool)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!who->privileged) {
        return NULL;
    }
    if (become(who->user, who->group)) {
        return failed(pool, who->user_name);
    }
    if (!setresuid(0, 0, 0)) {
        return mls_err_make(pool, MLS_EOTHER, NULL,
                            "root privileges came back after giving them up");
    }
    return NULL;
}

mls_err *mls_become_supervisor(const mls_identities *who, apr_pool_t *pool)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!who->privileged) {
        return NULL;
    }
    drop_bounding_set();
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
        || become(who->user, who->group)
        || set_capabilities(BIT(CAP_SETUID) | BIT(CAP_SETGID)
                            | BIT(CAP_KILL))) {
        return failed(pool, who->user_name);
    }
    return NULL;
}

mls_err *mls_drop_capabilities(int keep_kill, apr_pool_t *pool)
{
    if (geteuid() != 0 && set_capabilities(keep_kill ? BIT(CAP_KILL) : 0)
        && errno != EPERM) {
        return mls_err_apr(pool, errno, "give capabilities up");
    }
    return NULL;
}

mls_err *mls_become_worker(const mls_identities *who, apr_pool_t *pool)
{
    if (!who->privileged) {
        return NULL;
    }
    if (become(who->worker, who->worker_group) || set_capabilities(0)) {
        return failed(pool, who->worker_name);
    }
    if (!setresuid(who->user, who->user, who->user)) {
        return mls_err_make(pool, MLS_EOTHER, NULL,
                            "privileges came back after giving them up");
    }
    return NULL;
}

mls_wire_peers mls_daemon_peers(const mls_identities *who)
{
    return (mls_wire_peers){ who->user, who->group, who->privileged };
}
