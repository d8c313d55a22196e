/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: a time, who, an event, key=value pairs. One write each, so that
 * lines of several processes do not mix. */

#include "daemon/daemon.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 2048 };

static size_t add(char *line, size_t used, const char *format, va_list values)
{
    const int more = vsnprintf(line + used, LINE - 1 - used, format, values);

    if (more < 0) {
        return used;
    }
    used += (size_t)more;
    return used < LINE - 1 ? used : LINE - 2;
}

static size_t addf(char *line, size_t used, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static size_t addf(char *line, size_t used, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    used = add(line, used, format, values);
    va_end(values);
    return used;
}

static size_t add_prefix(char *line, const mls_daemon *daemon)
{
    struct timespec now;
    struct tm utc;
    char date[32];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    return addf(line, 0, "%s.%06ldZ mlserverd-%s[%ld] ", date,
                now.tv_nsec / 1000, daemon->role, (long)getpid());
}

static void write_line(const mls_daemon *daemon, char *line, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) {
            line[i] = '?';
        }
    }
    line[length++] = '\n';
    /* Where should a failure to log be logged? */
    if (write(daemon->log_fd, line, length) < 0) {
        return;
    }
}

void mls_daemon_log(const mls_daemon *daemon, const char *format, ...)
{
    char line[LINE];
    size_t length = add_prefix(line, daemon);
    va_list values;

    va_start(values, format);
    length = add(line, length, format, values);
    va_end(values);
    write_line(daemon, line, length);
}

void mls_daemon_log_err(const mls_daemon *daemon, const mls_err *err,
                        const char *format, ...)
{
    char line[LINE];
    size_t length = add_prefix(line, daemon);
    va_list values;

    va_start(values, format);
    length = add(line, length, format, values);
    va_end(values);
    length = addf(line, length, " reason=\"%s", err ? err->message : "none");
    for (const mls_err *cause = err ? err->cause : NULL; cause;
         cause = cause->cause) {
        length = addf(line, length, ": %s", cause->message);
    }
    length = addf(line, length, "\"");
    write_line(daemon, line, length);
}
