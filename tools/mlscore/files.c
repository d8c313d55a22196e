/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing whole files. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "files.h"

int report(const char *what, const mlscore_error *err)
{
    if (err->line > 0) {
        fprintf(stderr, "mlscore: %s: line %lu: %s\n", what, err->line,
                err->message);
    }
    else {
        fprintf(stderr, "mlscore: %s: %s\n", what, err->message);
    }
    return err->status == MLSCORE_EIO ? EXIT_USAGE : EXIT_REFUSED;
}

static int system_error(const char *what, const char *path)
{
    fprintf(stderr, "mlscore: %s %s: %s\n", what, path, strerror(errno));
    return EXIT_USAGE;
}

/* The descriptor that `-` or `/dev/fd/N` means, or -1. */
static int named_fd(const char *path, int dash)
{
    char *end;

    if (strcmp(path, "-") == 0) {
        return dash;
    }
    if (strncmp(path, "/dev/fd/", 8) != 0 || path[8] < '0' || path[8] > '9') {
        return -1;
    }
    const long fd = strtol(path + 8, &end, 10);
    return *end == '\0' && fd <= 1 << 20 ? (int)fd : -1;
}

static int read_all(file_bytes *out, int fd, const char *path)
{
    struct stat info;
    size_t capacity = 65536;

    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0) {
        capacity = (size_t)info.st_size + 1;
    }
    for (;;) {
        if (out->size == capacity || !out->bytes) {
            capacity = out->bytes ? capacity * 2 : capacity;
            unsigned char *bytes = realloc(out->bytes, capacity);
            if (!bytes) {
                return system_error("cannot read", path);
            }
            out->bytes = bytes;
        }
        const ssize_t n =
            read(fd, out->bytes + out->size, capacity - out->size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return system_error("cannot read", path);
        }
        if (n == 0) {
            return EXIT_OK;
        }
        out->size += (size_t)n;
    }
}

int file_read(file_bytes *out, const char *path)
{
    const int named = named_fd(path, STDIN_FILENO);

    *out = (file_bytes){NULL, 0};
    int fd = named;
    if (named < 0) {
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            return system_error("cannot open", path);
        }
    }
    else if (strcmp(path, "-") != 0) {
        /* Whoever gave the descriptor may have written through it. */
        (void)lseek(fd, 0, SEEK_SET);
    }
    const int status = read_all(out, fd, path);
    if (named < 0) {
        close(fd);
    }
    if (status != EXIT_OK) {
        file_free(out);
    }
    return status;
}

void file_free(file_bytes *file)
{
    free(file->bytes);
    *file = (file_bytes){NULL, 0};
}

static int write_all(int fd, const char *bytes, size_t size, const char *path)
{
    while (size > 0) {
        const size_t chunk = size < ((size_t)1 << 30) ? size : (size_t)1 << 30;
        const ssize_t n = write(fd, bytes, chunk);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return system_error("cannot write", path);
        }
        bytes += n;
        size -= (size_t)n;
    }
    return EXIT_OK;
}

/* Pipes, terminals and /dev/null cannot be replaced by a rename. */
static int write_in_place(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && !S_ISREG(info.st_mode);
}

static int write_and_rename(const char *path, const void *bytes, size_t size)
{
    char temporary[4096];
    const int length = snprintf(temporary, sizeof(temporary), "%s.%ld.tmp",
                                path, (long)getpid());

    if (length < 0 || (size_t)length >= sizeof(temporary)) {
        errno = ENAMETOOLONG;
        return system_error("cannot write", path);
    }
    const int fd =
        open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        return system_error("cannot write", path);
    }
    int status = write_all(fd, bytes, size, path);
    if (close(fd) != 0 && status == EXIT_OK) {
        status = system_error("cannot write", path);
    }
    if (status == EXIT_OK && rename(temporary, path) != 0) {
        status = system_error("cannot write", path);
    }
    if (status != EXIT_OK) {
        unlink(temporary);
    }
    return status;
}

int file_write(const char *path, const void *bytes, size_t size)
{
    const int named = named_fd(path, STDOUT_FILENO);

    if (named >= 0) {
        if (strcmp(path, "-") != 0 && lseek(named, 0, SEEK_SET) == 0 &&
            ftruncate(named, 0) != 0 && errno != EINVAL) {
            return system_error("cannot write", path);
        }
        return write_all(named, bytes, size, path);
    }
    if (!write_in_place(path)) {
        return write_and_rename(path, bytes, size);
    }
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return system_error("cannot write", path);
    }
    const int status = write_all(fd, bytes, size, path);
    close(fd);
    return status;
}

int model_load(mlscore_model **model, file_bytes *image, const char *path)
{
    mlscore_error err;
    file_bytes file;

    *image = (file_bytes){NULL, 0};
    const int status = file_read(&file, path);
    if (status != EXIT_OK) {
        return status;
    }
    if (mlscore_is_image(file.bytes, file.size)) {
        *image = file;
    }
    else {
        void *bytes;
        const mlscore_status compiled = mlscore_compile_memory(
            file.bytes, file.size, &bytes, &image->size, NULL, &err);
        file_free(&file);
        if (compiled != MLSCORE_OK) {
            return report(path, &err);
        }
        image->bytes = bytes;
    }
    if (mlscore_model_open_memory(model, image->bytes, image->size, &err) !=
        MLSCORE_OK) {
        file_free(image);
        return report(path, &err);
    }
    return EXIT_OK;
}
