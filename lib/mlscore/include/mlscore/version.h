/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_VERSION_H
#define MLSCORE_VERSION_H

/** Version of the library, and of the image format that it writes and reads.
 *  The image format's number is part of the path of a stored image. */

#define MLSCORE_VERSION "0.1.0"
#define MLSCORE_IMAGE_FORMAT 1

#endif
