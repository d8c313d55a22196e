/* SPDX-License-Identifier: Apache-2.0 */
/* GET /admin/api/licences: what the server is made of, with the licence each
 * part is under. Versions are those that it was built with. */

#include "api/admin.h"
#include "api/api.h"

#include <string.h>

#include <ap_release.h>

#include "http/reply.h"
#include "mlscore/version.h"

typedef struct library {
    const char *package; /* of pkg-config; "" when it has none */
    const char *name;
    const char *licence; /* SPDX */
    const char *use;
} library;

static const library libraries[] = {
    { "apr-1", "Apache Portable Runtime", "Apache-2.0", "all of it" },
    { "apr-util-1", "APR-util", "Apache-2.0", "all of it" },
    { "json-c", "json-c", "MIT", "JSON of management calls and models" },
    { "cjose", "cjose", "MIT", "signed tokens" },
    { "jansson", "Jansson", "MIT", "under cjose" },
    { "openssl", "OpenSSL", "Apache-2.0", "hashes, keys, random numbers" },
    { "libxxhash", "xxHash", "BSD-2-Clause", "checksums of images" },
    { "zlib", "zlib", "Zlib", "compressed bodies and models" },
    { "libzip", "libzip", "BSD-3-Clause", "zipped models, diagnostics" },
    { "libpcre2-8", "PCRE2", "BSD-3-Clause", "regular expressions of models" },
    { "libutf8proc", "utf8proc", "MIT AND Unicode-DFS-2015",
      "letter case of Unicode" },
    { "libxml-2.0", "libxml2", "MIT", "PMML, in the compile sandbox" },
    { "libjpeg", "libjpeg-turbo", "IJG AND BSD-3-Clause",
      "pictures as a model's input" },
    { "libpng", "libpng", "libpng-2.0", "pictures as a model's input" },
    { "libseccomp", "libseccomp", "LGPL-2.1-only",
      "what sandboxed programs may ask of the system" },
    { "", "Berkeley DB 5.3", "Sleepycat", "the registry, in mlserverd" },
    { "", "OpenLDAP", "OLDAP-2.8", "groups of directories" },
    { "", "Swagger UI", "Apache-2.0", "the console's pages of the API" },
    { "", "uPlot", "MIT", "the console's charts" },
};

static const char *version_of(const char *package)
{
    static const struct {
        const char *package;
        const char *version;
    } versions[] = {
#include "library_versions.h"
    };

    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (!strcmp(versions[i].package, package)) {
            return versions[i].version;
        }
    }
    return NULL;
}

static void add(mls_json *items, const char *name, const char *version,
                const char *licence, const char *use, apr_pool_t *pool)
{
    mls_json *item = mls_json_object(pool);

    mls_json_set_string(item, "name", name);
    mls_json_set_string(item, "version", version);
    mls_json_set_string(item, "licence", licence);
    mls_json_set_string(item, "use", use);
    mls_json_add(items, item);
}

mls_json *mlh_licences_tree(apr_pool_t *pool)
{
    mls_json *answer = mls_json_object(pool);
    mls_json *items = mls_json_array(pool);

    add(items, "mod_mlserver", MLSCORE_VERSION, "Apache-2.0", "this server",
        pool);
    add(items, "Apache httpd", AP_SERVER_BASEREVISION, "Apache-2.0",
        "the server it is a module of", pool);
    for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
        const library *one = &libraries[i];

        add(items, one->name, version_of(one->package), one->licence,
            one->use, pool);
    }
    mls_json_set(answer, "items", items);
    mls_json_set(answer, "nextCursor", NULL);
    return answer;
}

int mlh_licences(request_rec *r, const mlh_call *call)
{
    return mlh_reply_tree(r, HTTP_OK, mlh_licences_tree(r->pool));
}
