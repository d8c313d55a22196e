/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the compiler in its cell, and what its end means. */

#include "daemon/compile.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/json.h"
#include "daemon/isolate.h"

enum {
    ERRORS = 4096,                    /* bytes of its last words that we keep */
    DESCRIPTION = 16 * 1024 * 1024,   /* bytes of JSON about a model */
    SIGNALLED = 128                   /* bubblewrap's way to tell a signal */
};

/* An image is not much larger than what it was made from. */
#define IMAGE_MOST(options) ((options)->max_model_size * 4 + (64 << 20))

struct run {
    const mls_daemon *daemon;
    pid_t pid;
    int process; /* pidfd */
    int errors;
    char words[ERRORS];
    size_t length;
    int caller;
    int caller_gone;
    int timed_out;
    int status;
};

void mls_stores_make(mls_blob_store *blobs, mls_blob_store *images,
                     const mls_paths *paths, apr_pool_t *pool)
{
    *blobs = (mls_blob_store){ paths->blobs,
                               apr_pstrcat(pool, paths->blobs, "/tmp", NULL),
                               0600, 0700 };
    *images = (mls_blob_store){ paths->image_format,
                                apr_pstrcat(pool, paths->images, "/tmp",
                                            NULL),
                                0640, 0750 };
}

/* ---- waiting ---- */

/* 0 at the end of what it says. What is too much is read and forgotten. */
static int read_words(struct run *run)
{
    char chunk[512];
    const ssize_t got = read(run->errors, chunk, sizeof(chunk));

    if (got <= 0) {
        return got < 0 && errno == EINTR;
    }
    const size_t room = ERRORS - 1 - run->length;
    const size_t keep = (size_t)got < room ? (size_t)got : room;
    memcpy(run->words + run->length, chunk, keep);
    run->length += keep;
    return 1;
}

static int milliseconds_to(apr_time_t deadline)
{
    const apr_time_t left = deadline - apr_time_now();

    return left <= 0 ? 0 : (int)(left / 1000) + 1;
}

/* Until the process ends, or must. */
static void await_end(struct run *run, apr_time_t deadline)
{
    struct pollfd entries[3] = { { run->process, POLLIN, 0 },
                                 { run->errors, POLLIN, 0 },
                                 { run->caller, POLLRDHUP, 0 } };

    for (;;) {
        const int ready = poll(entries, 3, milliseconds_to(deadline));
        if (ready < 0) {
            continue; /* a signal */
        }
        if (entries[1].revents && !read_words(run)) {
            entries[1].fd = -1;
        }
        if (entries[0].revents) {
            return;
        }
        if (entries[2].revents) {
            run->caller_gone = 1;
            return;
        }
        if (ready == 0) {
            run->timed_out = 1;
            return;
        }
    }
}

/* The cell dies with its first process; without namespaces the group does. */
static void end_run(struct run *run)
{
    kill(-run->pid, SIGKILL);
    kill(run->pid, SIGKILL);
    while (waitpid(run->pid, &run->status, 0) < 0 && errno == EINTR) {
    }
    struct pollfd entry = { run->errors, POLLIN, 0 };
    while (poll(&entry, 1, 0) > 0 && read_words(run)) {
    }
    run->words[run->length] = '\0';
    close(run->process);
    close(run->errors);
}

/* ---- what it means ---- */

static mls_err *refused(apr_pool_t *pool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static mls_err *refused(apr_pool_t *pool, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    const char *reason = apr_pvsprintf(pool, format, values);
    va_end(values);
    return mls_err_make(pool, MLS_EMODEL, NULL, "%s", reason);
}

/* The first line, without the program's name and its name for the input. */
static const char *reason_of(const struct run *run, apr_pool_t *pool)
{
    static const char *const prefixes[] = { "mlscore: ", "-: " };
    const char *words = run->words;

    for (size_t i = 0; i < 2; i++) {
        const size_t length = strlen(prefixes[i]);
        if (!strncmp(words, prefixes[i], length)) {
            words += length;
        }
    }
    const char *line = apr_pstrmemdup(pool, words, strcspn(words, "\n"));
    return *line ? line : "no reason was given";
}

static mls_err *by_signal(const struct run *run, int number, apr_pool_t *pool)
{
    const mls_daemon_options *options = &run->daemon->options;

    switch (number) {
    case SIGXCPU:
        return refused(pool, "compiling the model took more than %d seconds "
                       "of processor time", options->compile_timeout);
    case SIGXFSZ:
        return refused(pool, "the compiled model would have more than %"
                       APR_INT64_T_FMT " bytes",
                       (apr_int64_t)IMAGE_MOST(options));
    case SIGKILL:
        return refused(pool, "the compiler was killed on this model, most "
                       "likely for lack of memory");
    default:
        return refused(pool, "the compiler crashed on this model (signal %d, "
                       "%s)", number, strsignal(number));
    }
}

static int says(const struct run *run, const char *text)
{
    return strstr(run->words, text) != NULL;
}

static mls_err *by_code(const struct run *run, int code, apr_pool_t *pool)
{
    if (says(run, strerror(ENOSPC)) || says(run, strerror(EDQUOT))) {
        return mls_err_make(pool, MLS_ENOSPACE, NULL,
                            "the disk of the state directory is full");
    }
    if (!strncmp(run->words, "bwrap: ", 7)
        || !strncmp(run->words, "sandbox: ", 9)) {
        return mls_err_make(pool, MLS_EUNAVAILABLE, NULL,
                            "the sandbox did not start: %s",
                            reason_of(run, pool));
    }
    if (says(run, strerror(ENOMEM)) || says(run, "out of memory")) {
        return refused(pool, "compiling the model takes more than the %"
                       APR_INT64_T_FMT " MB of memory that are allowed",
                       (apr_int64_t)(run->daemon->options.compile_memory
                                     >> 20));
    }
    if (code == 1) {
        return refused(pool, "%s", reason_of(run, pool));
    }
    return mls_err_make(pool, MLS_EOTHER, NULL, "the compiler failed: %s",
                        reason_of(run, pool));
}

static mls_err *outcome(const struct run *run, apr_pool_t *pool)
{
    if (run->caller_gone) {
        return mls_err_make(pool, MLS_EUNAVAILABLE, NULL,
                            "the caller went away");
    }
    if (run->timed_out) {
        return refused(pool, "compiling the model took more than %d seconds",
                       run->daemon->options.compile_timeout);
    }
    if (WIFSIGNALED(run->status)) {
        return by_signal(run, WTERMSIG(run->status), pool);
    }
    const int code = WEXITSTATUS(run->status);
    if (code == 0) {
        return NULL;
    }
    return code > SIGNALLED ? by_signal(run, code - SIGNALLED, pool)
                            : by_code(run, code, pool);
}

static mls_err *run_program(const mls_daemon *daemon, int reduced,
                            const char *const *arguments, int input,
                            int output, int extra, int caller,
                            apr_pool_t *pool)
{
    const mls_daemon_options *options = &daemon->options;
    const mls_isolation isolation = {
        .who = &daemon->who,
        .reduced = reduced,
        .program = daemon->compiler_fd,
        .arguments = arguments,
        .input = input,
        .output = output,
        .extra = extra,
        .memory = options->compile_memory,
        .file_size = IMAGE_MOST(options),
        .cpu_seconds = options->compile_timeout,
    };
    struct run run = { .daemon = daemon, .caller = caller };

    MLS_TRY(mls_isolate_start(&run.pid, &run.errors, &isolation, pool));
    run.process = (int)syscall(SYS_pidfd_open, run.pid, 0);
    if (run.process >= 0) {
        await_end(&run, apr_time_now()
                            + apr_time_from_sec(options->compile_timeout));
    }
    end_run(&run);
    return outcome(&run, pool);
}

/* ---- compile, then ask the image what it is ---- */

static mls_err *make_image(mls_compile_result *result,
                           const mls_daemon *daemon, int reduced, int blob,
                           int verify, int caller, apr_pool_t *pool)
{
    static const char *const plain[] = { "compile", "-", "-o", "-", NULL };
    static const char *const verified[] = { "compile", "-", "-o", "-",
                                            "--verify", "/dev/fd/3", NULL };
    mls_blob_store blobs, images;
    mls_blob_temporary *temporary;

    mls_stores_make(&blobs, &images, &daemon->paths, pool);
    MLS_TRY(mls_blob_begin(&temporary, &images, pool));
    mls_err *err = run_program(daemon, reduced, verify < 0 ? plain : verified,
                               blob, temporary->fd, verify, caller, pool);
    if (!err) {
        err = mls_blob_commit(&result->image, &result->image_size, temporary,
                              pool);
    }
    mls_blob_abandon(temporary);
    return err;
}

static mls_err *read_description(const char **out, int file, apr_pool_t *pool)
{
    struct stat status;
    mls_json *json;

    if (fstat(file, &status) || status.st_size > DESCRIPTION) {
        return refused(pool, "the model's description has more than %d MB",
                       DESCRIPTION >> 20);
    }
    char *text = apr_palloc(pool, (apr_size_t)status.st_size + 1);
    if (pread(file, text, (size_t)status.st_size, 0) != status.st_size) {
        return mls_err_apr(pool, errno, "read the model's description");
    }
    text[status.st_size] = '\0';
    MLS_TRY(mls_json_parse(&json, text, strlen(text), pool));
    *out = mls_json_text(json, pool);
    return NULL;
}

static mls_err *describe(mls_compile_result *result, const mls_daemon *daemon,
                         int reduced, int verify, int caller,
                         apr_pool_t *pool)
{
    static const char *const plain[] = { "inspect", "--json", "-", NULL };
    static const char *const verified[] = { "inspect", "--json", "--verify",
                                            "/dev/fd/3", "-", NULL };
    mls_blob_store blobs, images;
    int image;

    mls_stores_make(&blobs, &images, &daemon->paths, pool);
    MLS_TRY(mls_blob_open(&image, &images, result->image, 0, pool));
    const int file = memfd_create("description", MFD_CLOEXEC);
    mls_err *err = file < 0 ? mls_err_apr(pool, errno, "memory file")
                            : run_program(daemon, reduced,
                                          verify < 0 ? plain : verified,
                                          image, file, verify, caller, pool);
    if (!err) {
        err = read_description(&result->model, file, pool);
    }
    close(image);
    if (file >= 0) {
        close(file);
    }
    return err;
}

mls_err *mls_compile_blob(mls_compile_result *result, const mls_daemon *daemon,
                          int reduced, int blob, int verify, int caller,
                          apr_pool_t *pool)
{
    MLS_TRY(make_image(result, daemon, reduced, blob, verify, caller, pool));
    return describe(result, daemon, reduced, verify, caller, pool);
}
