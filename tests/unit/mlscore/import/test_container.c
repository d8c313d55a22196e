/* SPDX-License-Identifier: Apache-2.0 */
/* What surrounds a model: the prefix, containers, zip, gzip; known rows that
 * a model must reproduce. */

#include "unit/mlscore/support.h"

#include <unistd.h>
#include <zip.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/sha256.h"
#include "import/container.h"
#include "import/unpack.h"
#include "mlscore/mlscore.h"

/* y = 1 + 2 x */
static const char pmml[] =
    "<PMML version=\"4.4\" xmlns=\"http://www.dmg.org/PMML-4_4\"><Header/>"
    "<DataDictionary>"
    "<DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/>"
    "<DataField name=\"y\" optype=\"continuous\" dataType=\"double\"/>"
    "</DataDictionary>"
    "<RegressionModel functionName=\"regression\"><MiningSchema>"
    "<MiningField name=\"x\"/><MiningField name=\"y\" usageType=\"target\"/>"
    "</MiningSchema><RegressionTable intercept=\"1\">"
    "<NumericPredictor name=\"x\" coefficient=\"2\"/></RegressionTable>"
    "</RegressionModel></PMML>";

/* ---- making packages ------------------------------------------------------ */

static void append(mlscore_buffer *out, const char *text)
{
    assert_int_equal(mlscore_buffer_append(out, text, strlen(text)),
                     MLSCORE_OK);
}

/* A container of one part and this manifest; `%s` in it is the part's entry
 * with the right size and digest. */
static mlscore_buffer container(const char *manifest, const char *part)
{
    char digest[MLSCORE_SHA256_HEX + 1];
    char entry[256];
    char text[4096];
    mlscore_buffer out = {0};

    mlscore_sha256_hex(digest, part, strlen(part));
    snprintf(entry, sizeof(entry),
             "{\"name\":\"model\",\"format\":\"pmml\",\"size\":%zu,"
             "\"sha256\":\"%s\"}",
             strlen(part), digest);
    const char *at = strstr(manifest, "%s");
    if (at) {
        snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - manifest),
                 manifest, entry, at + 2);
    }
    else {
        snprintf(text, sizeof(text), "%s", manifest);
    }
    append(&out, "blobMLS1");
    mlscore_put_u32(&out, (uint32_t)strlen(text));
    append(&out, text);
    append(&out, part);
    return out;
}

static mlscore_buffer gzip(const void *bytes, size_t size)
{
    mlscore_buffer out = {0};
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes,
                       .avail_in = (uInt)size};

    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8,
                                  Z_DEFAULT_STRATEGY),
                     Z_OK);
    mlscore_buffer_reserve(&out, deflateBound(&stream, size) + 64);
    stream.next_out = (Bytef *)out.bytes;
    stream.avail_out = (uInt)out.capacity;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.length = stream.total_out;
    deflateEnd(&stream);
    return out;
}

/* An archive of up to three files; a NULL name ends them. */
static mlscore_buffer zip(const char *const names[], const void *const data[],
                          const size_t sizes[])
{
    char path[] = "/tmp/mlscore-zip-XXXXXX";
    mlscore_buffer out = {0};
    size_t size = 0;
    int error;

    close(mkstemp(path));
    zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &error);
    assert_non_null(archive);
    for (size_t i = 0; i < 3 && names[i]; i++) {
        zip_source_t *source =
            zip_source_buffer(archive, data[i], sizes[i], 0);
        assert_true(zip_file_add(archive, names[i], source, 0) >= 0);
    }
    assert_int_equal(zip_close(archive), 0);
    char *bytes = read_file(path, &size);
    assert_non_null(bytes);
    mlscore_buffer_append(&out, bytes, size);
    free(bytes);
    remove(path);
    return out;
}

/* "" when it compiles, else the message. */
static const char *compile(const void *bytes, size_t size)
{
    static mlscore_error err;
    mlscore_import_options options = {.max_bytes = 1 << 22};
    void *image;
    size_t image_size;
    /* Exactly as large, for the sanitizer. */
    char *copy = malloc(size ? size : 1);

    memcpy(copy, bytes, size);
    const mlscore_status status = mlscore_compile_memory(
        copy, size, &image, &image_size, &options, &err);
    free(copy);
    if (status == MLSCORE_OK) {
        assert_true(mlscore_is_image(image, image_size));
        free(image);
        return "";
    }
    assert_null(image);
    return err.message;
}

static void require(const char *name, const mlscore_buffer *bytes,
                    const char *message)
{
    const char *said = compile(bytes->bytes, bytes->length);

    if (message[0] ? !strstr(said, message) : said[0] != '\0') {
        fail_msg("%s: %s", name, said[0] ? said : "it compiles");
    }
}

/* ---- the prefix and other formats ----------------------------------------- */

static void a_prefix_is_dropped(void **state)
{
    mlscore_buffer bytes = {0};

    (void)state;
    append(&bytes, "blob");
    append(&bytes, pmml);
    require("blob", &bytes, "");
    mlscore_buffer_free(&bytes);
}

static void what_is_no_model_is_described(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *message;
    } cases[] = {
        {"", 0, "the model is empty"},
        {"blob", 4, "the model is empty"},
        {"hello, world and more", 21,
         "begins with \"hello, world and\". Understood are PMML 3.0 to 4.4"},
        {"blob\0\1\2\xFF", 8, "begins with 00 01 02 ff."},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *said = compile(cases[i].bytes, cases[i].size);
        if (!strstr(said, cases[i].message)) {
            fail_msg("%zu: %s", i, said);
        }
    }
}

/* ---- containers ----------------------------------------------------------- */

#define COLUMNS                                                            \
    "\"inputs\":[{\"name\":\"x\",\"type\":\"numeric\"}],"                   \
    "\"outputs\":[{\"name\":\"y\",\"type\":\"numeric\"}],"

static const struct {
    const char *name, *manifest, *message;
} manifests[] = {
    {"the least", "{\"parts\":[%s]}", ""},
    {"columns, map, unknown keys",
     "{\"function\":\"rx_lin_mod\",\"new\":{\"a\":[1]}," COLUMNS
     "\"map\":{\"variable\":\"y\"},\"parts\":[%s]}",
     ""},
    {"levels",
     "{\"inputs\":[{\"name\":\"c\",\"type\":\"factor\",\"levels\":[\"a\","
     "\"b\"]}],\"parts\":[%s]}",
     ""},
    {"known rows",
     "{\"parts\":[%s],\"verify\":{\"inputs\":{\"x\":[1,2.5]},\"outputs\":"
     "{\"y\":[3,6]}}}",
     ""},
    {"known rows as objects",
     "{\"parts\":[%s],\"verify\":{\"inputs\":[{\"x\":1}],\"outputs\":[{\"y\":"
     "3.0000000001}]}}",
     ""},
    {"a wide tolerance",
     "{\"parts\":[%s],\"verify\":{\"inputs\":{\"x\":1},\"outputs\":{\"y\":3.1}"
     ",\"tolerance\":0.1}}",
     ""},
    {"a difference",
     "{\"parts\":[%s],\"verify\":{\"inputs\":{\"x\":[1,2]},\"outputs\":{\"y\":"
     "[3,5.5]}}}",
     "row 1, column \"y\": expected 5.5, scored 5 (tolerance 1e-05)"},
    {"an answer that is missing",
     "{\"parts\":[%s],\"verify\":{\"inputs\":{\"x\":[1]},\"outputs\":{\"y\":"
     "[null]}}}",
     "row 0, column \"y\": expected nothing, scored 3"},
    {"fewer answers",
     "{\"parts\":[%s],\"verify\":{\"inputs\":{\"x\":[1,2]},\"outputs\":{\"y\":"
     "[3]}}}",
     "2 rows to verify but 1 answers"},
    {"answers to nothing",
     "{\"parts\":[%s],\"verify\":{\"inputs\":{\"x\":[1]},\"outputs\":{\"z\":"
     "[3]}}}",
     "name no output"},
    {"no answers", "{\"parts\":[%s],\"verify\":{\"inputs\":{\"x\":[1]}}}",
     "no \"outputs\""},
    {"a negative tolerance",
     "{\"parts\":[%s],\"verify\":{\"inputs\":{\"x\":1},\"outputs\":{\"y\":3}"
     ",\"tolerance\":-1}}",
     "tolerance must not be negative"},
    {"no parts", "{}", "lists no \"parts\""},
    {"parts of another type", "{\"parts\":3}", "lists no \"parts\""},
    {"bytes after the parts", "{\"parts\":[{\"name\":\"model\",\"size\":0,"
                              "\"sha256\":\"e3b0c44298fc1c149afbf4c8996fb924"
                              "27ae41e4649b934ca495991b7852b855\"}]}",
     "bytes follow the last part"},
    {"a size that is too large",
     "{\"parts\":[{\"name\":\"model\",\"size\":99999}]}",
     "part \"model\" should have 99999 bytes"},
    {"a negative size", "{\"parts\":[{\"size\":-1}]}", "should have -1 bytes"},
    {"a size that is text", "{\"parts\":[{\"size\":\"5\"}]}",
     "should have 5 bytes"},
    {"no digest", "{\"parts\":[{\"size\":5}]}", "SHA-256"},
    {"a wrong digest",
     "{\"parts\":[{\"size\":5,\"sha256\":\"e3b0c44298fc1c149afbf4c8996fb92427a"
     "e41e4649b934ca495991b7852b855\"}]}",
     "part \"model\" does not have the SHA-256"},
    {"a part that is no object", "{\"parts\":[1]}", "should have -1 bytes"},
    {"a column without a name",
     "{\"inputs\":[{\"type\":\"numeric\"}],\"parts\":[%s]}",
     "a column has no \"name\""},
    {"a column of no type",
     "{\"inputs\":[{\"name\":\"x\",\"type\":\"date\"}],\"parts\":[%s]}",
     "column \"x\" needs a \"type\""},
    {"columns that are no array", "{\"inputs\":{},\"parts\":[%s]}",
     "must be arrays of columns"},
    {"levels that are no array",
     "{\"inputs\":[{\"name\":\"x\",\"type\":\"character\",\"levels\":1}],"
     "\"parts\":[%s]}",
     "must be an array of texts"},
    {"a map that is no object", "{\"map\":[],\"parts\":[%s]}",
     "\"map\" must be an object"},
    {"a map of numbers", "{\"map\":{\"a\":1},\"parts\":[%s]}",
     "\"map\" must be an object"},
    {"a manifest that is no object", "[%s]", "not a JSON object"},
    {"a manifest that is no JSON", "{\"parts\":[%s]", "not a JSON object"},
};

static void containers_are_read_or_refused_by_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(manifests) / sizeof(manifests[0]); i++) {
        mlscore_buffer bytes = container(manifests[i].manifest, pmml);
        require(manifests[i].name, &bytes, manifests[i].message);
        mlscore_buffer_free(&bytes);
    }
}

static void the_format_that_is_stated_must_be_true(void **state)
{
    char digest[MLSCORE_SHA256_HEX + 1];
    char manifest[512];
    mlscore_buffer bytes;

    (void)state;
    mlscore_sha256_hex(digest, pmml, strlen(pmml));
    snprintf(manifest, sizeof(manifest),
             "{\"parts\":[{\"name\":\"model\",\"format\":\"onnx\",\"size\":%zu,"
             "\"sha256\":\"%s\"}]}",
             strlen(pmml), digest);
    bytes = container(manifest, pmml);
    require("onnx", &bytes, "calls its model \"onnx\", but it is PMML");
    mlscore_buffer_free(&bytes);
}

static void hints_are_what_the_manifest_says(void **state)
{
    mlscore_buffer bytes = container(
        "{\"inputs\":[{\"name\":\"a\",\"type\":\"integer\"},{\"name\":\"c\","
        "\"type\":\"character\",\"levels\":[\"u\",\"v\"]}],"
        "\"map\":{\"from\":\"to\",\"f2\":\"t2\"},\"parts\":[%s]}",
        pmml);
    mlscore_container read;

    (void)state;
    assert_int_equal(mlscore_container_read(
                         &read, (const unsigned char *)bytes.bytes,
                         bytes.length, NULL),
                     MLSCORE_OK);
    assert_int_equal(read.hints.inputs->field_count, 2);
    assert_string_equal(read.hints.inputs->fields[0].name, "a");
    assert_int_equal(read.hints.inputs->fields[0].type, MLSCORE_INTEGER);
    assert_int_equal(read.hints.inputs->fields[1].level_count, 2);
    assert_memory_equal(read.hints.inputs->fields[1].levels[1].bytes, "v", 2);
    assert_null(read.hints.outputs);
    assert_int_equal(read.hints.map_count, 2);
    assert_string_equal(read.hints.map_from[1], "f2");
    assert_string_equal(read.hints.map_to[1], "t2");
    assert_int_equal(read.model_size, strlen(pmml));
    assert_string_equal(read.format, "pmml");
    mlscore_container_free(&read);
    mlscore_buffer_free(&bytes);
}

static void every_truncated_container_is_refused(void **state)
{
    mlscore_buffer bytes = container("{" COLUMNS "\"parts\":[%s]}", pmml);

    (void)state;
    for (size_t cut = 0; cut < bytes.length; cut++) {
        assert_string_not_equal(compile(bytes.bytes, cut), "");
    }
    assert_string_equal(compile(bytes.bytes, bytes.length), "");
    mlscore_buffer_free(&bytes);
}

/* ---- packing -------------------------------------------------------------- */

static void packed_models_are_unpacked(void **state)
{
    mlscore_buffer packed = gzip(pmml, strlen(pmml));
    const char *names[3] = {"model.pmml", NULL, NULL};
    const void *data[3] = {pmml, NULL, NULL};
    size_t sizes[3] = {strlen(pmml), 0, 0};
    mlscore_buffer archive = zip(names, data, sizes);

    (void)state;
    require("gzip", &packed, "");
    require("zip", &archive, "");
    mlscore_buffer_free(&archive);

    names[0] = "folder/model.pmml.gz";
    data[0] = packed.bytes;
    sizes[0] = packed.length;
    archive = zip(names, data, sizes);
    require("gzip in zip", &archive, "");
    mlscore_buffer_free(&archive);

    names[1] = "README";
    data[1] = "about the model";
    sizes[1] = 15;
    archive = zip(names, data, sizes);
    require("zip with a text", &archive, "");
    mlscore_buffer_free(&archive);

    names[1] = "other.pmml";
    data[1] = pmml;
    sizes[1] = strlen(pmml);
    archive = zip(names, data, sizes);
    require("zip of two", &archive, "several models");
    mlscore_buffer_free(&archive);

    names[0] = "a.txt";
    data[0] = "one";
    sizes[0] = 3;
    names[1] = "b.txt";
    data[1] = "two";
    sizes[1] = 3;
    archive = zip(names, data, sizes);
    require("zip of none", &archive, "no file in the zip archive is a model");
    mlscore_buffer_free(&archive);
    mlscore_buffer_free(&packed);
}

static void gzip_members_follow_each_other(void **state)
{
    mlscore_buffer first = gzip(pmml, 100);
    mlscore_buffer second = gzip(pmml + 100, strlen(pmml) - 100);

    (void)state;
    mlscore_buffer_append(&first, second.bytes, second.length);
    require("two members", &first, "");
    /* tar and others pad with zeros */
    mlscore_buffer_append(&first, "\0\0\0\0\0\0\0\0", 8);
    require("padding", &first, "");
    mlscore_buffer_free(&first);
    mlscore_buffer_free(&second);
}

static void bombs_are_defused(void **state)
{
    char *zeros = calloc(1, 64 << 20);
    mlscore_buffer bomb = gzip(zeros, 64 << 20);
    mlscore_unpacked out;
    mlscore_error err;
    const char *names[3] = {"a", NULL, NULL};
    const void *data[3] = {zeros, NULL, NULL};
    const size_t sizes[3] = {64 << 20, 0, 0};
    mlscore_buffer archive = zip(names, data, sizes);

    (void)state;
    /* by the options' limit, and by the ratio where that is lower */
    require("gzip, by size", &bomb, "unpacks to more than 4194304 bytes");
    require("zip, by size", &archive, "unpacks to more than 4194304 bytes");
    assert_int_equal(mlscore_unpack_gzip(
                         &out, (const unsigned char *)bomb.bytes, bomb.length,
                         (size_t)1 << 30, &err),
                     MLSCORE_ELIMIT);
    assert_null(out.bytes);
    assert_non_null(strstr(err.message, "more than 16777216 bytes"));
    mlscore_buffer_free(&archive);
    mlscore_buffer_free(&bomb);
    free(zeros);

    mlscore_buffer layers = {0};
    append(&layers, pmml);
    for (int i = 0; i < 6; i++) {
        mlscore_buffer more = gzip(layers.bytes, layers.length);
        mlscore_buffer_free(&layers);
        layers = more;
    }
    require("six layers", &layers, "packed more than 4 times");
    mlscore_buffer_free(&layers);
}

static void damaged_packages_are_refused(void **state)
{
    mlscore_buffer packed = gzip(pmml, strlen(pmml));
    const char *names[3] = {"model.pmml", NULL, NULL};
    const void *data[3] = {pmml, NULL, NULL};
    const size_t sizes[3] = {strlen(pmml), 0, 0};
    mlscore_buffer archive = zip(names, data, sizes);

    (void)state;
    for (size_t cut = 0; cut < packed.length; cut++) {
        assert_string_not_equal(compile(packed.bytes, cut), "");
    }
    for (size_t cut = 0; cut < archive.length; cut++) {
        assert_string_not_equal(compile(archive.bytes, cut), "");
    }
    for (size_t i = 0; i < packed.length; i++) {
        packed.bytes[i] ^= 0x10;
        compile(packed.bytes, packed.length);
        packed.bytes[i] ^= 0x10;
    }
    for (size_t i = 0; i < archive.length; i++) {
        archive.bytes[i] ^= 0x10;
        compile(archive.bytes, archive.length);
        archive.bytes[i] ^= 0x10;
    }
    mlscore_buffer_free(&packed);
    mlscore_buffer_free(&archive);
}

/* ---- rows in a file of their own ------------------------------------------ */

static void known_rows_may_be_csv_or_json(void **state)
{
    static const struct {
        const char *rows, *message;
    } cases[] = {
        {"x,y\n1,3\n2,5\n", ""},
        {"y,other,x\n3,q,1\n", ""},
        {"x,y\n1,3\n2,6\n",
         "row 1, column \"y\": expected 6, scored 5 (tolerance 1e-05)"},
        {"x\n1\n", "name no output"},
        {"y\n1\n", "column \"x\" is missing"},
        {" {\"inputs\":{\"x\":[1]},\"outputs\":{\"y\":[3]}}", ""},
        {"{\"inputs\":{\"x\":[1]},\"outputs\":{\"y\":[\"3\"]}}", ""},
        {"{\"inputs\":{\"x\":[1]},\"outputs\":{\"y\":[\"three\"]}}",
         "expected a number"},
        {"", "the body is empty"},
        {"{", "the body ends"},
    };
    mlscore_model *model;
    mlscore_error err;
    void *image;
    size_t size = 0;

    (void)state;
    assert_int_equal(mlscore_compile_memory(pmml, strlen(pmml), &image, &size,
                                            NULL, &err),
                     MLSCORE_OK);
    assert_int_equal(mlscore_model_open_memory(&model, image, size, &err),
                     MLSCORE_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        err.message[0] = '\0';
        const mlscore_status status = mlscore_verify(
            model, cases[i].rows, strlen(cases[i].rows), &err);
        if ((status == MLSCORE_OK) != (cases[i].message[0] == '\0') ||
            !strstr(err.message, cases[i].message)) {
            fail_msg("%s: %s", cases[i].rows, err.message);
        }
    }
    mlscore_model_close(model);
    free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prefix_is_dropped),
        cmocka_unit_test(what_is_no_model_is_described),
        cmocka_unit_test(containers_are_read_or_refused_by_reason),
        cmocka_unit_test(the_format_that_is_stated_must_be_true),
        cmocka_unit_test(hints_are_what_the_manifest_says),
        cmocka_unit_test(every_truncated_container_is_refused),
        cmocka_unit_test(packed_models_are_unpacked),
        cmocka_unit_test(gzip_members_follow_each_other),
        cmocka_unit_test(bombs_are_defused),
        cmocka_unit_test(damaged_packages_are_refused),
        cmocka_unit_test(known_rows_may_be_csv_or_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
