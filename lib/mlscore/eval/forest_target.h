/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows is compiled with INSTRUCTIONS, until forest_target_end.h. The
 * two compilers say it differently. Include system headers before.
 */

#define FOREST_PRAGMA(text) _Pragma(#text)

#if defined(__clang__)
#define FOREST_PUSH(names)                                                    \
    FOREST_PRAGMA(clang attribute push(__attribute__((target(names))),        \
                                       apply_to = function))
FOREST_PUSH(INSTRUCTIONS)
#else
#define FOREST_PUSH(names) FOREST_PRAGMA(GCC target(names))
FOREST_PUSH(INSTRUCTIONS)
#endif
