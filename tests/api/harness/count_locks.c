/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into httpd: counts how often a lock is taken, into a file that
 * MLS_COUNT_LOCKS names. A lock that nobody else holds makes no system call,
 * so strace would not see it. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic unsigned long *count;

__attribute__((constructor)) static void open_count(void)
{
    const char *path = getenv("MLS_COUNT_LOCKS");
    const char *name = program_invocation_short_name;

    if (!path || (strcmp(name, "apache2") && strcmp(name, "httpd"))) {
        return;
    }
    const int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        return;
    }
    void *memory = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE,
                        MAP_SHARED, fd, 0);

    close(fd);
    count = memory == MAP_FAILED ? NULL : memory;
}

#define COUNTED(name, type)                                             \
    int name(type *lock)                                                \
    {                                                                   \
        static int (*next)(type *);                                     \
                                                                        \
        if (!next) {                                                    \
            next = (int (*)(type *))dlsym(RTLD_NEXT, #name);            \
        }                                                               \
        if (count) {                                                    \
            atomic_fetch_add_explicit(count, 1, memory_order_relaxed);  \
        }                                                               \
        return next(lock);                                              \
    }

COUNTED(pthread_mutex_lock, pthread_mutex_t)
COUNTED(pthread_mutex_trylock, pthread_mutex_t)
COUNTED(pthread_rwlock_rdlock, pthread_rwlock_t)
COUNTED(pthread_rwlock_wrlock, pthread_rwlock_t)
COUNTED(pthread_spin_lock, pthread_spinlock_t)
COUNTED(sem_wait, sem_t)
