/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the pools' bounds. */

#include "daemon/pool/pool_limits.h"

#include <string.h>

const mls_pool_limit mls_pool_limit_table[] = {
#define LIMIT(field, option, value) \
    { option, offsetof(mls_pool_limits, field), value },
#include "daemon/pool/pool_limits.def"
#undef LIMIT
    { NULL, 0, 0 }
};

static void put(mls_pool_limits *limits, const mls_pool_limit *one,
                int64_t value)
{
    memcpy((char *)limits + one->offset, &value, sizeof(value));
}

void mls_pool_limits_default(mls_pool_limits *limits)
{
    for (int i = 0; mls_pool_limit_table[i].option; i++) {
        put(limits, &mls_pool_limit_table[i], mls_pool_limit_table[i].value);
    }
}

int mls_pool_limits_set(mls_pool_limits *limits, const char *option,
                        int64_t value)
{
    for (int i = 0; mls_pool_limit_table[i].option; i++) {
        if (!strcmp(mls_pool_limit_table[i].option, option)) {
            put(limits, &mls_pool_limit_table[i], value);
            return 1;
        }
    }
    return 0;
}
