/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine can do; see cpu.h. */

#include "kernel/cpu.h"

#include <stdlib.h>
#include <string.h>

static mlscore_cpu detected(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        return MLSCORE_CPU_PLAIN;
    }
    return __builtin_cpu_supports("avx512f") &&
                   __builtin_cpu_supports("avx512cd") &&
                   __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512vl")
               ? MLSCORE_CPU_AVX512
               : MLSCORE_CPU_AVX2;
#else
    return MLSCORE_CPU_PLAIN;
#endif
}

const char *mlscore_cpu_name(mlscore_cpu level)
{
    static const char *const names[] = {"plain", "avx2", "avx512"};

    return names[level];
}

mlscore_cpu mlscore_cpu_level(void)
{
    const char *wanted = getenv("MLSCORE_INSTRUCTIONS");
    const mlscore_cpu most = detected();

    for (mlscore_cpu level = MLSCORE_CPU_PLAIN; wanted && level < most;
         level++) {
        if (strcmp(wanted, mlscore_cpu_name(level)) == 0) {
            return level;
        }
    }
    return most;
}
