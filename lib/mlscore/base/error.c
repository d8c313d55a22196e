/* SPDX-License-Identifier: Apache-2.0 */
/* Filling the caller's mlscore_error. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mlscore/error.h"

/* Cut at a character's boundary when the message did not fit, and keep it on
 * one line: control characters of hostile names become blanks. */
static void tidy(char *message, size_t size, int wanted)
{
    size_t length = strlen(message);

    if (wanted >= (int)size && length > 0) {
        size_t cut = length;
        while (cut > 0 && ((unsigned char)message[cut - 1] & 0xC0) == 0x80) {
            cut--;
        }
        if (cut > 0 && (unsigned char)message[cut - 1] >= 0xC0) {
            const unsigned char lead = (unsigned char)message[cut - 1];
            const size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
            length = length - (cut - 1) < need ? cut - 1 : length;
        }
        message[length] = '\0';
    }
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)message[i];
        if (c < 0x20 || c == 0x7F) {
            message[i] = ' ';
        }
    }
}

static mlscore_status fill(mlscore_error *err, mlscore_status status,
                           size_t offset, unsigned long line,
                           const char *format, va_list arguments)
{
    if (!err) {
        return status;
    }
    /* Formatted aside: an argument may be the old message itself. */
    char message[sizeof(err->message)];
    const int wanted = vsnprintf(message, sizeof(message), format, arguments);

    if (wanted < 0) {
        message[0] = '\0';
    }
    tidy(message, sizeof(message), wanted);
    memcpy(err->message, message, sizeof(message));
    err->status = status;
    err->offset = offset;
    err->line = line;
    return status;
}

mlscore_status mlscore_error_set(mlscore_error *err, mlscore_status status,
                                 const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fill(err, status, 0, 0, format, arguments);
    va_end(arguments);
    return status;
}

mlscore_status mlscore_error_at(mlscore_error *err, mlscore_status status,
                                size_t offset, unsigned long line,
                                const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fill(err, status, offset, line, format, arguments);
    va_end(arguments);
    return status;
}

const char *mlscore_status_name(mlscore_status status)
{
    switch (status) {
    case MLSCORE_OK:
        return "ok";
    case MLSCORE_ENOMEM:
        return "memory";
    case MLSCORE_EIO:
        return "io";
    case MLSCORE_EFORMAT:
        return "format";
    case MLSCORE_EUNSUPPORTED:
        return "unsupported";
    case MLSCORE_ELIMIT:
        return "limit";
    case MLSCORE_EINPUT:
        return "input";
    case MLSCORE_EIMAGE:
        return "image";
    case MLSCORE_EVERSION:
        return "version";
    }
    return "unknown";
}
