/* SPDX-License-Identifier: Apache-2.0 */
/* mlserverctl: look after a server's state. Its manual is what --help says. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "ctl.h"
#include "mlscore/version.h"

static const char help[] =
    "usage: mlserverctl [options] COMMAND\n"
    "\n"
    "Commands for a running mlserverd:\n"
    "  status                       registry and supervisor, in numbers\n"
    "  services [NAME]              versions: name, version, runtime, "
    "publisher,\n"
    "                               changed, start of the model's digest\n"
    "  tokens list [PROVIDER:NAME]  who is logged in: family, user, since, "
    "until,\n"
    "                               address, valid or revoked, agent\n"
    "  tokens revoke FAMILY         end one login\n"
    "  tokens revoke PROVIDER:NAME  end all logins of a user\n"
    "  explain-user [PROVIDER:]NAME provider, groups, conditions and role of "
    "a user,\n"
    "                               and why the last login failed; asks "
    "httpd, see --url\n"
    "  grant-owner [PROVIDER:]NAME  make a user (of provider file) an Owner; "
    "root only\n"
    "  keys rotate                  sign with a new key from now on\n"
    "  keys import FILE             sign with another server's key from now "
    "on\n"
    "  keys trust FILE              accept what another server's key signs, "
    "for\n"
    "                               30 days\n"
    "  keys export FILE             the key that signs, for import and trust"
    "\n"
    "                               elsewhere; works with a stopped server, "
    "too\n"
    "  backup DIR                   copy registry, models and keys into the "
    "new\n"
    "                               directory DIR, while the server works\n"
    "  verify                       do tables and files agree?\n"
    "\n"
    "Commands for a stopped one:\n"
    "  verify --offline             the same, and every page of the tables; "
    "with\n"
    "                               --state naming a backup, of that\n"
    "  restore DIR                  put a backup in place; what was there is "
    "kept\n"
    "\n"
    "Options:\n"
    "  --state DIR   the state directory (/var/lib/mlserver)\n"
    "  --run DIR     the run directory (/run/mlserver)\n"
    "  --json        status as JSON\n"
    "  --offline     see verify\n"
    "  --url URL     where httpd serves the state "
    "(http://localhost/mlserver)\n"
    "  --help, --version\n"
    "\n"
    "Run it as root or as the state's owner. Exit status: 0 done, 1 failed or\n"
    "problems found, 2 wrong usage.\n"
    "\n"
    "A backup holds private keys: keep it as safe as the state.\n";

static const struct {
    const char *name;
    ctl_command run;
} commands[] = {
    { "status", ctl_status },   { "services", ctl_services },
    { "tokens", ctl_tokens },   { "keys", ctl_keys },
    { "backup", ctl_backup },   { "restore", ctl_restore },
    { "verify", ctl_verify },   { "grant-owner", ctl_grant_owner },
    { "explain-user", ctl_explain_user },
};

enum { STATE = 256, RUN, JSON, OFFLINE, URL, HELP, SHOW_VERSION };

static const struct option long_options[] = {
    { "state", required_argument, NULL, STATE },
    { "run", required_argument, NULL, RUN },
    { "json", no_argument, NULL, JSON },
    { "offline", no_argument, NULL, OFFLINE },
    { "url", required_argument, NULL, URL },
    { "help", no_argument, NULL, HELP },
    { "version", no_argument, NULL, SHOW_VERSION },
    { NULL, 0, NULL, 0 }
};

struct arguments {
    const char *state, *run;
};

static int read_options(struct arguments *out, ctl *c, int argc, char **argv)
{
    int code;

    out->state = "/var/lib/mlserver";
    out->run = "/run/mlserver";
    while ((code = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (code) {
        case STATE: out->state = optarg; break;
        case RUN: out->run = optarg; break;
        case JSON: c->json = 1; break;
        case OFFLINE: c->offline = 1; break;
        case URL: c->url = optarg; break;
        case HELP: fputs(help, stdout); exit(0);
        case SHOW_VERSION: puts("mlserverctl " MLSCORE_VERSION); exit(0);
        default: return 2;
        }
    }
    return 0;
}

static ctl_command find(const char *name)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (!strcmp(commands[i].name, name)) {
            return commands[i].run;
        }
    }
    return NULL;
}

static const char *absolute(const char *path, apr_pool_t *pool)
{
    char *real = realpath(path, NULL);
    const char *copy = real ? apr_pstrdup(pool, real) : path;

    free(real);
    return copy;
}

static mls_err *prepare(ctl *c, const struct arguments *arguments)
{
    struct stat status;

    if (stat(arguments->state, &status) || !S_ISDIR(status.st_mode)) {
        return mls_err_make(c->pool, MLS_EINVALID, NULL,
                            "there is no state directory %s: name it with "
                            "--state", arguments->state);
    }
    if (getuid() != 0 && getuid() != status.st_uid) {
        return mls_err_make(c->pool, MLS_EINVALID, NULL,
                            "run this as root or as the owner of %s",
                            arguments->state);
    }
    c->owner = status.st_uid;
    c->group = status.st_gid;
    mls_paths_make(&c->paths, absolute(arguments->state, c->pool),
                   absolute(arguments->run, c->pool), c->pool);
    return mls_registry_open(&c->registry, c->paths.registry_socket, c->pool);
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    ctl c = { 0 };

    apr_app_initialize(&argc, (const char *const **)&argv, NULL);
    apr_pool_create(&c.pool, NULL);
    umask(027);
    const int bad = read_options(&arguments, &c, argc, argv);
    const ctl_command run = !bad && optind < argc ? find(argv[optind]) : NULL;
    if (!run) {
        fprintf(stderr, "mlserverctl: %s; try --help\n",
                bad ? "wrong option" : optind < argc ? "no such command"
                                                     : "name a command");
        return 2;
    }
    mls_err *err = prepare(&c, &arguments);
    if (!err) {
        err = run(&c, argc - optind - 1, argv + optind + 1);
    }
    if (err) {
        fflush(stdout);
        fprintf(stderr, "mlserverctl: %s\n", mls_err_text(err, c.pool));
    }
    const int code = !err ? 0 : err->code == MLS_EINVALID ? 2 : 1;
    apr_pool_destroy(c.pool);
    apr_terminate();
    return code;
}
