/* SPDX-License-Identifier: Apache-2.0 */
/* XXH3 over an image without its checksum field. */

#include <xxhash.h>

#include "image/checksum.h"
#include "image/image_format.h"

uint64_t mlscore_image_checksum(const unsigned char *bytes, size_t size,
                                int *failed)
{
    XXH3_state_t *state = XXH3_createState();
    const size_t after = MLSCORE_HEADER_CHECKSUM + 8;

    *failed = !state;
    if (!state) {
        return 0;
    }
    XXH3_64bits_reset(state);
    XXH3_64bits_update(state, bytes, MLSCORE_HEADER_CHECKSUM);
    XXH3_64bits_update(state, bytes + after, size - after);
    const uint64_t sum = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return sum;
}
