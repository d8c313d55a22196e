/* SPDX-License-Identifier: Apache-2.0 */
/* The mapped index as a file: made, mapped, checked, searched. Shared by its
 * reader and its writer. */

#include "scoring/model_index_format.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/ident.h"

/* GCC warns that the thread sanitizer does not model fences. All shared words
 * are atomics, so it has nothing to find here. */
#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan"
#endif

/* A copy can only change under a reader when the writer finishes one update
 * and begins the next within the nanoseconds of a read. */
enum { READ_TRIES = 100 };

/* ---- slots ---- */

/* Not against an adversary: it finds torn and damaged copies. Each word is
 * multiplied by an odd number of its own, so one wrong word always shows; the
 * products do not wait for each other. */
uint64_t mls_index_checksum(const index_record *record, uint64_t sequence,
                        uint64_t place)
{
    static const uint64_t odd[INDEX_WORDS] = {
        UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xbf58476d1ce4e5b9),
        UINT64_C(0x94d049bb133111eb), UINT64_C(0xd6e8feb86659fd93),
        UINT64_C(0x9fb21c651e98df25), UINT64_C(0xc2b2ae3d27d4eb4f),
        UINT64_C(0x165667b19e3779f9), UINT64_C(0xff51afd7ed558ccd)
    };
    uint64_t sum = sequence * UINT64_C(0xc4ceb9fe1a85ec53)
                   + (place + 1) * UINT64_C(0x8ebc6af09c88c6e3);

    for (int i = 0; i < INDEX_WORDS; i++) {
        const uint64_t product = (record->word[i] + odd[i]) * odd[i];
        sum += product ^ product >> 32;
    }
    return sum;
}

typedef enum copy_state { COPY_WHOLE, COPY_CHANGED, COPY_BAD } copy_state;

static inline copy_state read_copy(index_record *out, const index_slot *slot,
                            int which, uint64_t sequence, uint64_t place)
{
    for (int i = 0; i < INDEX_WORDS; i++) {
        out->word[i] = atomic_load_explicit(&slot->copy[which][i],
                                            memory_order_relaxed);
    }
    const uint64_t sum = atomic_load_explicit(&slot->checksum[which],
                                              memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&slot->sequence[which], memory_order_relaxed)
        != sequence) {
        return COPY_CHANGED;
    }
    return sum == mls_index_checksum(out, sequence, place) ? COPY_WHOLE
                                                       : COPY_BAD;
}

static inline int is_whole(uint64_t sequence)
{
    return sequence != 0 && (sequence & 1) == 0;
}

index_state mls_index_slot_read(index_record *out, const index_slot *slot,
                            uint64_t place, int *clean)
{
    for (int tries = 0; tries < READ_TRIES; tries++) {
        const uint64_t s[2] = {
            atomic_load_explicit(&slot->sequence[0], memory_order_acquire),
            atomic_load_explicit(&slot->sequence[1], memory_order_acquire)
        };
        if (s[0] == 0) {
            return INDEX_SLOT_EMPTY;
        }
        if (clean && ((s[0] | s[1]) & 1)) {
            *clean = 0;
        }
        if (s[0] == 1 && s[1] == 0) {
            return INDEX_SLOT_BAD; /* its first write has not ended */
        }
        /* The newer whole copy; when it is damaged, the older one. */
        const int newer = !is_whole(s[0])
                          || (is_whole(s[1]) && s[1] > s[0]);
        copy_state state = COPY_BAD;
        if (is_whole(s[newer])) {
            state = read_copy(out, slot, newer, s[newer], place);
            if (state == COPY_WHOLE) {
                return INDEX_SLOT_WHOLE;
            }
        }
        if (clean && state == COPY_BAD) {
            *clean = 0;
        }
        if (state == COPY_BAD && is_whole(s[!newer])) {
            state = read_copy(out, slot, !newer, s[!newer], place);
            if (state == COPY_WHOLE) {
                return INDEX_SLOT_WHOLE;
            }
        }
        if (state == COPY_BAD && is_whole(s[newer])) {
            return INDEX_SLOT_BAD; /* nothing moved: looking again is idle */
        }
    }
    return INDEX_SLOT_BAD;
}

/* ---- searching ---- */

int mls_index_file_find(index_record *out, const index_file *file,
                    const uint64_t key[2], uint64_t kind)
{
    const index_slot *slots = kind ? file->revocations : file->services;
    const uint64_t capacity = kind ? file->revocation_slots
                                   : file->service_slots;
    const uint64_t base = kind ? INDEX_PLACE_REVOCATIONS : 0;
    uint64_t at = index_start(key, kind, capacity);

    for (uint64_t probes = 0; probes < capacity; probes++) {
        const index_state state = mls_index_slot_read(out, &slots[at],
                                                      base + at, NULL);
        if (state == INDEX_SLOT_EMPTY) {
            return 0;
        }
        if (state == INDEX_SLOT_WHOLE && out->word[0] == key[0]
            && out->word[1] == key[1]
            && (!kind || out->word[INDEX_REVOKED_KIND] == kind)) {
            return 1;
        }
        at = (at + 1) & (capacity - 1);
    }
    return 0;
}

uint64_t mls_index_file_total(const index_file *file, int which)
{
    index_record totals;

    if (mls_index_slot_read(&totals, &file->header->totals, INDEX_PLACE_TOTALS,
                        NULL) != INDEX_SLOT_WHOLE) {
        return 0;
    }
    return totals.word[which];
}

/* ---- files ---- */

void mls_index_boot_id(unsigned char out[16])
{
    char text[MLS_GUID_LENGTH + 1] = "", hex[33];
    size_t digits = 0;

    memset(out, 0, 16);
    const int fd = open("/proc/sys/kernel/random/boot_id",
                        O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    const ssize_t got = read(fd, text, MLS_GUID_LENGTH);
    close(fd);
    if (got != MLS_GUID_LENGTH || !mls_guid_valid(text)) {
        return;
    }
    for (int i = 0; i < MLS_GUID_LENGTH; i++) {
        if (text[i] != '-') {
            hex[digits++] = text[i];
        }
    }
    hex[digits] = '\0';
    mls_hex_decode(out, 16, hex);
}

static uint64_t header_checksum(const index_header *header)
{
    uint64_t word, sum = INDEX_MAGIC;

    for (size_t i = 0; i < offsetof(index_header, checksum); i += 8) {
        memcpy(&word, (const char *)header + i, sizeof(word));
        sum = (sum ^ word) * UINT64_C(0x9fb21c651e98df25);
        sum ^= sum >> 32;
    }
    return sum;
}

static int is_capacity(uint64_t slots)
{
    return slots >= 2 && slots <= INDEX_CAPACITY_MAX
           && (slots & (slots - 1)) == 0;
}

/* Cannot overflow: both capacities are at most 2^24. */
static size_t file_size(uint64_t services, uint64_t revocations)
{
    return INDEX_HEADER_SIZE
           + (size_t)(services + revocations) * sizeof(index_slot);
}

static void place_tables(index_file *file)
{
    unsigned char *base = (unsigned char *)file->header;

    file->services = (index_slot *)(base + INDEX_HEADER_SIZE);
    file->service_slots = file->header->services;
    file->revocation_slots = file->header->revocations;
    file->revocations = file->services + file->service_slots;
    file->key_id = mls_siphash64(file->header->hash_key, "key id", 6);
}

/* What is wrong with the header, or NULL. */
static const char *header_problem(const index_file *file)
{
    const index_header *header = file->header;

    if (header->magic != INDEX_MAGIC) {
        return "it does not begin as an index of this machine does";
    }
    if (header->version != INDEX_VERSION
        || header->slot_size != sizeof(index_slot)) {
        return "it is of another version";
    }
    if (header->checksum != header_checksum(header)) {
        return "its header's checksum is wrong";
    }
    if (!is_capacity(header->services) || !is_capacity(header->revocations)
        || file_size(header->services, header->revocations) != file->size) {
        return "its size is not what its header says";
    }
    if (header->state_id[INDEX_STATE_ID - 1] != '\0') {
        return "its state id has no end";
    }
    return NULL;
}

static mls_err *map(index_file *out, int fd, size_t size, int writable,
                    const char *path, apr_pool_t *pool)
{
    const int protection = PROT_READ | (writable ? PROT_WRITE : 0);
    void *bytes = mmap(NULL, size, protection, MAP_SHARED, fd, 0);

    if (bytes == MAP_FAILED) {
        return mls_err_apr(pool, errno, "cannot map %s", path);
    }
    out->header = bytes;
    out->size = size;
    return NULL;
}

static mls_err *open_fd(index_file *out, int fd, const char *path,
                        int writable, apr_pool_t *pool)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        return mls_err_apr(pool, errno, "cannot look at %s", path);
    }
    if (!S_ISREG(st.st_mode) || st.st_size < INDEX_HEADER_SIZE
        || (uint64_t)st.st_size > file_size(INDEX_CAPACITY_MAX,
                                            INDEX_CAPACITY_MAX)) {
        return mls_err_make(pool, MLS_ECORRUPT, NULL,
                            "%s is not an index: its size is wrong", path);
    }
    MLS_TRY(map(out, fd, (size_t)st.st_size, writable, path, pool));
    out->device = st.st_dev;
    out->inode = st.st_ino;
    const char *problem = header_problem(out);
    if (problem) {
        mls_index_file_close(out);
        return mls_err_make(pool, MLS_ECORRUPT, NULL,
                            "%s is not a usable index: %s (the registry owner "
                            "makes it again when it starts)", path, problem);
    }
    place_tables(out);
    return NULL;
}

mls_err *mls_index_file_open(index_file *out, const char *path, int writable,
                         apr_pool_t *pool)
{
    const int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);

    memset(out, 0, sizeof(*out));
    if (fd < 0 && errno == ENOENT) {
        return mls_err_make(pool, MLS_ENOTFOUND, NULL,
                            "there is no index %s yet", path);
    }
    if (fd < 0) {
        return mls_err_apr(pool, errno, "cannot open %s", path);
    }
    mls_err *err = open_fd(out, fd, path, writable, pool);
    close(fd);
    return err;
}

/* 0640 whatever the umask, and the folder's group, so that httpd's children
 * can map it although the owner's main group may be another. */
static void set_access(int fd, const char *path, apr_pool_t *pool)
{
    struct stat folder, file;
    const char *slash = strrchr(path, '/');
    const char *name = slash == path ? "/"
                       : slash ? apr_pstrmemdup(pool, path,
                                                (apr_size_t)(slash - path))
                               : ".";

    if (stat(name, &folder) == 0 && fstat(fd, &file) == 0
        && folder.st_gid != file.st_gid
        && fchown(fd, (uid_t)-1, folder.st_gid) != 0) {
        /* Not a member of that group: the file stays the owner's. */
    }
    fchmod(fd, 0640);
}

static mls_err *create_fd(index_file *out, int fd, const char *path,
                          size_t size, apr_pool_t *pool)
{
    struct stat st;

    set_access(fd, path, pool);
    /* A store to a page that the disk has no room for would be SIGBUS. */
    const int status = posix_fallocate(fd, 0, (off_t)size);
    if (status != 0) {
        return mls_err_apr(pool, status,
                           "cannot allocate %" APR_SIZE_T_FMT " bytes for %s",
                           size, path);
    }
    if (fstat(fd, &st) != 0) {
        return mls_err_apr(pool, errno, "cannot look at %s", path);
    }
    MLS_TRY(map(out, fd, size, 1, path, pool));
    out->device = st.st_dev;
    out->inode = st.st_ino;
    return NULL;
}

mls_err *mls_index_file_create(index_file *out, const char *path,
                           const char *state_id,
                           const unsigned char hash_key[MLS_SIPHASH_KEY],
                           uint64_t services, uint64_t revocations,
                           apr_pool_t *pool)
{
    memset(out, 0, sizeof(*out));
    if (!is_capacity(services) || !is_capacity(revocations)) {
        return mls_err_make(pool, MLS_ETOOLARGE, NULL,
                            "the index %s cannot hold more entries", path);
    }
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0) {
        return mls_err_apr(pool, errno, "cannot create %s", path);
    }
    mls_err *err = create_fd(out, fd, path, file_size(services, revocations),
                             pool);
    close(fd);
    if (err) {
        unlink(path);
        return err;
    }
    index_header *header = out->header;
    header->magic = INDEX_MAGIC;
    header->version = INDEX_VERSION;
    header->slot_size = sizeof(index_slot);
    apr_cpystrn(header->state_id, state_id, INDEX_STATE_ID);
    memcpy(header->hash_key, hash_key, MLS_SIPHASH_KEY);
    mls_index_boot_id(header->boot_id);
    header->services = services;
    header->revocations = revocations;
    header->checksum = header_checksum(header);
    place_tables(out);
    return NULL;
}

void mls_index_file_close(index_file *file)
{
    if (file->header) {
        munmap(file->header, file->size);
    }
    memset(file, 0, sizeof(*file));
}
