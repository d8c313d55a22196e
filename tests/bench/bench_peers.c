/* SPDX-License-Identifier: Apache-2.0 */
/* Times another library through its own C interface, as `mlscore bench` times
 * ours: one thread, single rows in groups of 16, a batch by what the thread
 * used, the best of what was seen. So no interpreter's overhead is counted
 * against a peer.
 *
 *   bench_peers lightgbm|xgboost|onnxruntime|treelite LIBRARY MODEL DATA ROWS
 *               COLUMNS SECONDS
 *
 * DATA holds rows x columns floats; three columns are a picture's of 224 x 224
 * for ONNX Runtime. MODEL is the format that the peer reads;
 * for treelite it is "-", since its models are libraries. The declarations
 * here are those of the peers' documented C interfaces. */

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GROUP = 16 };

typedef struct peer {
    void *library;
    const char *model;
    float *floats;
    double *doubles; /* the same, for those that take doubles */
    size_t rows, columns;
    void *handle, *fast;
    double *out;
    /* what the peer does; returns the first prediction */
    double (*row)(struct peer *peer, size_t row);
    double (*batch)(struct peer *peer);
} peer;

static double now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void stop(const char *what)
{
    fprintf(stderr, "bench_peers: %s\n", what);
    exit(1);
}

/* A function of the peer's library, at `to`. */
static void find(const peer *p, const char *name, void *to)
{
    void *symbol = dlsym(p->library, name);

    if (!symbol) {
        stop(name);
    }
    memcpy(to, &symbol, sizeof(symbol));
}

/* --- LightGBM
 * ---------------------------------------------------------------------- */

typedef int lightgbm_create(const char *, int *, void **);
typedef int lightgbm_init(void *, int, int, int, int, int32_t, const char *,
                          void **);
typedef int lightgbm_fast(void *, const void *, int64_t *, double *);
typedef int lightgbm_mat(void *, const void *, int, int32_t, int32_t, int, int,
                         int, int, const char *, int64_t *, double *);

enum { LIGHTGBM_FLOAT64 = 1 };

static lightgbm_fast *fast_call;
static lightgbm_mat *mat_call;

static double lightgbm_row(peer *p, size_t row)
{
    int64_t length;

    if (fast_call(p->fast, p->doubles + row * p->columns, &length, p->out)) {
        stop("LightGBM's single row failed");
    }
    return p->out[0];
}

static double lightgbm_batch(peer *p)
{
    int64_t length;

    if (mat_call(p->handle, p->doubles, LIGHTGBM_FLOAT64, (int32_t)p->rows,
                 (int32_t)p->columns, 1, 0, 0, -1, "num_threads=1", &length,
                 p->out)) {
        stop("LightGBM's batch failed");
    }
    return p->out[0];
}

static void lightgbm_open(peer *p)
{
    lightgbm_create *create;
    lightgbm_init *init;
    int iterations;

    find(p, "LGBM_BoosterCreateFromModelfile", &create);
    find(p, "LGBM_BoosterPredictForMatSingleRowFastInit", &init);
    find(p, "LGBM_BoosterPredictForMatSingleRowFast", &fast_call);
    find(p, "LGBM_BoosterPredictForMat", &mat_call);
    if (create(p->model, &iterations, &p->handle) ||
        init(p->handle, 0, 0, -1, LIGHTGBM_FLOAT64, (int32_t)p->columns,
             "num_threads=1", &p->fast)) {
        stop("LightGBM cannot open the model");
    }
    p->row = lightgbm_row;
    p->batch = lightgbm_batch;
}

/* --- XGBoost: what inplace_predict calls
 * --------------------------------------------- */

typedef int xgboost_create(void *const *, uint64_t, void **);
typedef int xgboost_load(void *, const char *);
typedef int xgboost_set(void *, const char *, const char *);
typedef int xgboost_dense(void *, const char *, const char *, void *,
                          const uint64_t **, uint64_t *, const float **);

static xgboost_dense *dense_call;

static double xgboost_predict(peer *p, size_t row, size_t rows)
{
    static const char options[] =
        "{\"type\": 0, \"training\": false, \"iteration_begin\": 0, "
        "\"iteration_end\": 0, \"strict_shape\": false, \"missing\": NaN, "
        "\"cache_id\": 0}";
    char array[200];
    const uint64_t *shape;
    uint64_t dimensions;
    const float *out;

    snprintf(array, sizeof(array),
             "{\"data\": [%llu, true], \"shape\": [%zu, %zu], \"strides\": "
             "null, \"typestr\": \"<f4\", \"version\": 3}",
             (unsigned long long)(uintptr_t)(p->floats + row * p->columns),
             rows, p->columns);
    if (dense_call(p->handle, array, options, NULL, &shape, &dimensions,
                   &out)) {
        stop("XGBoost's prediction failed");
    }
    return out[0];
}

static double xgboost_row(peer *p, size_t row)
{
    return xgboost_predict(p, row, 1);
}

static double xgboost_batch(peer *p)
{
    return xgboost_predict(p, 0, p->rows);
}

static void xgboost_open(peer *p)
{
    xgboost_create *create;
    xgboost_load *load;
    xgboost_set *set;

    find(p, "XGBoosterCreate", &create);
    find(p, "XGBoosterLoadModel", &load);
    find(p, "XGBoosterSetParam", &set);
    find(p, "XGBoosterPredictFromDense", &dense_call);
    if (create(NULL, 0, &p->handle) || load(p->handle, p->model) ||
        set(p->handle, "nthread", "1")) {
        stop("XGBoost cannot open the model");
    }
    p->row = xgboost_row;
    p->batch = xgboost_batch;
}

/* --- ONNX Runtime
 * ------------------------------------------------------------------- */

/* Its interface is a table of functions, which only grows at its end. These
 * are the places in it of those that are called here. */
enum {
    ORT_VERSION = 17,
    ORT_ERROR_MESSAGE = 2,
    ORT_CREATE_ENV = 3,
    ORT_CREATE_SESSION = 7,
    ORT_RUN = 9,
    ORT_CREATE_OPTIONS = 10,
    ORT_LOG_SEVERITY = 22,
    ORT_INTRA_THREADS = 24,
    ORT_INTER_THREADS = 25,
    ORT_OUTPUT_COUNT = 31,
    ORT_INPUT_NAME = 36,
    ORT_OUTPUT_NAME = 37,
    ORT_TENSOR_WITH_DATA = 49,
    ORT_TENSOR_DATA = 51,
    ORT_CPU_MEMORY = 69,
    ORT_ALLOCATOR = 78,
    ORT_RELEASE_VALUE = 96,
    ORT_FLOAT = 1,
    ORT_OUTPUTS = 2 /* at most, of the models here */
};

typedef struct ort_base {
    const void *const *(*table)(uint32_t version);
    const char *(*version)(void);
} ort_base;

typedef void *ort_run(void *, const void *, const char *const *,
                      const void *const *, size_t, const char *const *, size_t,
                      void **);
typedef void *ort_tensor(const void *, void *, size_t, const int64_t *, size_t,
                         int, void **);
typedef const char *ort_message(void *);
typedef void ort_release(void *);
typedef void *ort_data(void *, void **);

static const void *const *ort_table;
static void *ort_memory;
static const char *ort_names[1 + ORT_OUTPUTS];
static size_t ort_outputs;

/* Function `place` of the table, as a type. */
#define ORT(type, place) ((type *)(uintptr_t)ort_table[place])

static void ort_check(void *status)
{
    if (status) {
        stop(ORT(ort_message, ORT_ERROR_MESSAGE)(status));
    }
}

static double ort_predict(peer *p, size_t row, size_t rows)
{
    const int64_t shape[4] = {(int64_t)rows, (int64_t)p->columns, 224, 224};
    const int picture = p->columns == 3;
    const size_t width = p->columns * (picture ? 224 * 224 : 1);
    void *in, *out[ORT_OUTPUTS] = {NULL};
    void *data;

    ort_check(ORT(ort_tensor, ORT_TENSOR_WITH_DATA)(
        ort_memory, p->floats + row * width, rows * width * sizeof(float),
        shape, picture ? 4 : 2, ORT_FLOAT, &in));
    ort_check(ORT(ort_run, ORT_RUN)(p->handle, NULL, ort_names,
                                    (const void *const *)&in, 1, ort_names + 1,
                                    ort_outputs, out));
    ort_check(ORT(ort_data, ORT_TENSOR_DATA)(out[ort_outputs - 1], &data));
    const double first = *(const float *)data;

    ORT(ort_release, ORT_RELEASE_VALUE)(in);
    for (size_t i = 0; i < ort_outputs; i++) {
        ORT(ort_release, ORT_RELEASE_VALUE)(out[i]);
    }
    return first;
}

static double ort_row(peer *p, size_t row)
{
    return ort_predict(p, row, 1);
}

static double ort_batch(peer *p)
{
    return ort_predict(p, 0, p->rows);
}

static void ort_open(peer *p)
{
    typedef void *env_function(int, const char *, void **);
    typedef void *session_function(void *, const char *, const void *, void **);
    typedef void *options_function(void **);
    typedef void *number_function(void *, int);
    typedef void *count_function(const void *, size_t *);
    typedef void *name_function(const void *, size_t, void *, const char **);
    typedef void *memory_function(int, int, void **);
    const ort_base *(*base)(void);
    void *env, *options, *allocator;

    find(p, "OrtGetApiBase", &base);
    ort_table = base()->table(ORT_VERSION);
    if (!ort_table) {
        stop("ONNX Runtime is too old");
    }
    ort_check(ORT(env_function, ORT_CREATE_ENV)(3, "bench", &env));
    ort_check(ORT(options_function, ORT_CREATE_OPTIONS)(&options));
    ort_check(ORT(number_function, ORT_LOG_SEVERITY)(options, 3));
    ort_check(ORT(number_function, ORT_INTRA_THREADS)(options, 1));
    ort_check(ORT(number_function, ORT_INTER_THREADS)(options, 1));
    ort_check(ORT(session_function, ORT_CREATE_SESSION)(env, p->model, options,
                                                        &p->handle));
    ort_check(ORT(options_function, ORT_ALLOCATOR)(&allocator));
    ort_check(ORT(memory_function, ORT_CPU_MEMORY)(0, 0, &ort_memory));
    ort_check(ORT(count_function, ORT_OUTPUT_COUNT)(p->handle, &ort_outputs));
    if (ort_outputs > ORT_OUTPUTS) {
        stop("the model has too many outputs");
    }
    ort_check(ORT(name_function, ORT_INPUT_NAME)(p->handle, 0, allocator,
                                                 &ort_names[0]));
    for (size_t i = 0; i < ort_outputs; i++) {
        ort_check(ORT(name_function, ORT_OUTPUT_NAME)(p->handle, i, allocator,
                                                      &ort_names[1 + i]));
    }
    p->row = ort_row;
    p->batch = ort_batch;
}

/* --- treelite, compiled by tl2cgen
 * --------------------------------------------------- */

/* Features are of the type of the thresholds, a missing one is the int -1. */
typedef void treelite_predict(void *, int, void *);

static treelite_predict *compiled;
static int entries_are_doubles;
static int results_are_doubles;

static double treelite_row(peer *p, size_t row)
{
    const size_t at = row * p->columns;
    void *features = entries_are_doubles ? (void *)(p->doubles + at)
                                         : (void *)(p->floats + at);

    compiled(features, 0, p->out);
    return results_are_doubles ? p->out[0] : *(float *)(void *)p->out;
}

static double treelite_batch(peer *p)
{
    double first = 0;

    for (size_t i = 0; i < p->rows; i++) {
        const double value = treelite_row(p, i);
        first = i ? first : value;
    }
    return first;
}

static void treelite_open(peer *p)
{
    const char *(*type)(void);

    find(p, "predict", &compiled);
    find(p, "get_threshold_type", &type);
    entries_are_doubles = strcmp(type(), "float64") == 0;
    find(p, "get_leaf_output_type", &type);
    results_are_doubles = strcmp(type(), "float64") == 0;
    p->row = treelite_row;
    p->batch = treelite_batch;
}

/* --- measuring
 * --------------------------------------------------------------------- */

/* Slow calls are timed by what the thread used, fast ones in groups. */
static void measure_rows(peer *p, double seconds)
{
    const double end = now(CLOCK_MONOTONIC) + seconds;
    const double first = now(CLOCK_MONOTONIC);

    p->row(p, 0);
    const int slow = now(CLOCK_MONOTONIC) - first > 1e-3;
    const clockid_t clock = slow ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    const int group = slow ? 1 : GROUP;
    double best = 1e30;
    size_t row = 0;

    do {
        const double start = now(clock);
        for (int i = 0; i < group; i++) {
            p->row(p, row);
            row = row + 1 < p->rows ? row + 1 : 0;
        }
        const double took = (now(clock) - start) / group;
        best = took < best ? took : best;
    } while (now(CLOCK_MONOTONIC) < end);
    printf("single-row-us-best: %.3f\n", best * 1e6);
}

static void measure_batch(peer *p, double seconds)
{
    const double end = now(CLOCK_MONOTONIC) + seconds;
    double best = 1e30;

    do {
        const double start = now(CLOCK_THREAD_CPUTIME_ID);
        p->batch(p);
        const double took = now(CLOCK_THREAD_CPUTIME_ID) - start;
        best = took < best ? took : best;
    } while (now(CLOCK_MONOTONIC) < end);
    printf("rows-per-s-best: %.0f\n", (double)p->rows / best);
}

static void read_data(peer *p, const char *path)
{
    const size_t count =
        p->rows * p->columns * (p->columns == 3 ? 224 * 224 : 1);
    float *floats = malloc(count * sizeof(*floats));
    FILE *file = fopen(path, "rb");

    p->doubles = malloc(count * sizeof(*p->doubles));
    p->out = calloc(p->rows * 16 + 64, sizeof(*p->out));
    if (!floats || !p->doubles || !p->out || !file ||
        fread(floats, sizeof(*floats), count, file) != count) {
        stop("cannot read the data");
    }
    fclose(file);
    for (size_t i = 0; i < count; i++) {
        p->doubles[i] = floats[i];
    }
    p->floats = floats;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*open)(peer *);
    } peers[] = {{"lightgbm", lightgbm_open},
                 {"xgboost", xgboost_open},
                 {"onnxruntime", ort_open},
                 {"treelite", treelite_open}};
    peer p = {0};

    if (argc != 8) {
        stop("usage: bench_peers PEER LIBRARY MODEL DATA ROWS COLUMNS SECONDS");
    }
    p.library = dlopen(argv[2], RTLD_NOW);
    if (!p.library) {
        stop(dlerror());
    }
    p.model = argv[3];
    p.rows = strtoul(argv[5], NULL, 10);
    p.columns = strtoul(argv[6], NULL, 10);
    read_data(&p, argv[4]);
    for (size_t i = 0; i < sizeof(peers) / sizeof(*peers); i++) {
        if (strcmp(argv[1], peers[i].name) == 0) {
            peers[i].open(&p);
            printf("first: %.9g\n", p.row(&p, 0));
            measure_rows(&p, strtod(argv[7], NULL));
            measure_batch(&p, strtod(argv[7], NULL));
            return 0;
        }
    }
    stop("no such peer");
}
