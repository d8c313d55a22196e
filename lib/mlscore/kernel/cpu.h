/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_KERNEL_CPU_H
#define MLSCORE_KERNEL_CPU_H

/** Vector instructions that the machine has, in steps that kernels are written
 *  for. */
typedef enum mlscore_cpu {
    MLSCORE_CPU_PLAIN = 0, /* whatever the compiler was told */
    MLSCORE_CPU_AVX2,      /* AVX2 and fused multiply-add */
    MLSCORE_CPU_AVX512     /* AVX-512 F, CD, DQ, BW and VL */
} mlscore_cpu;

/** The highest step of this machine. The environment variable
 *  MLSCORE_INSTRUCTIONS (plain, avx2, avx512) may lower it, never raise it:
 *  for measuring and testing what other machines run. */
mlscore_cpu mlscore_cpu_level(void);

/** The step's name, as the variable has it. */
const char *mlscore_cpu_name(mlscore_cpu level);

#endif
