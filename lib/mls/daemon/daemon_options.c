/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line leaves open. */

#include "daemon/daemon.h"

#include <string.h>

void mls_daemon_defaults(mls_daemon_options *options)
{
    memset(options, 0, sizeof(*options));
    options->max_compiles = 2;
    options->compile_timeout = 300;
    options->compile_memory = INT64_C(4) << 30;
    options->max_model_size = INT64_C(1) << 30;
    options->reserve_bytes = INT64_C(256) << 20;
    mls_pool_limits_default(&options->pool);
}
