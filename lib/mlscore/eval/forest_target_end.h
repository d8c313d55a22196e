/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends what forest_target.h began. The other compiler's pragma ends with the
 * file.
 */

#if defined(__clang__)
_Pragma("clang attribute pop")
#endif
