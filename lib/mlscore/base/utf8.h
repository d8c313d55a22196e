/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_BASE_UTF8_H
#define MLSCORE_BASE_UTF8_H

/** UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above
 *  U+10FFFF. */

#include <stddef.h>
#include <stdint.h>

/** Length of the longest valid prefix; `length` when all of it is valid. */
size_t mlscore_utf8_valid(const char *bytes, size_t length);

/** Bytes of the valid character at the start of `bytes`, 0 when there is
 *  none. */
size_t mlscore_utf8_character(const char *bytes, size_t length);

/** The largest length <= limit that does not cut a character of valid text. */
size_t mlscore_utf8_cut(const char *bytes, size_t length, size_t limit);

/** Write a code point (not a surrogate, at most 0x10FFFF); 1 to 4 bytes. */
size_t mlscore_utf8_put(char *out, uint32_t code);

#endif
