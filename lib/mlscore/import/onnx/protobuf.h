/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_ONNX_PROTOBUF_H
#define MLSCORE_IMPORT_ONNX_PROTOBUF_H

/**
 * A pull reader of protobuf messages over bytes in memory. It copies nothing
 * and allocates nothing: a field is its number and either a number or a
 * stretch of the bytes.
 *
 *     mlscore_pb pb = mlscore_pb_over(bytes, size);
 *     while (mlscore_pb_next(&pb)) {
 *         switch (pb.field) { ... pb.value, pb.bytes, pb.length ... }
 *     }
 *     if (pb.failed) ...
 */

#include <stddef.h>
#include <stdint.h>

typedef enum mlscore_pb_wire {
    MLSCORE_PB_VARINT = 0,
    MLSCORE_PB_FIXED64 = 1,
    MLSCORE_PB_BYTES = 2,
    MLSCORE_PB_FIXED32 = 5
} mlscore_pb_wire;

typedef struct mlscore_pb {
    const unsigned char *at, *end;
    uint32_t field;             /* number of the field just read */
    mlscore_pb_wire wire;
    uint64_t value;             /* VARINT, FIXED64, FIXED32 */
    const unsigned char *bytes; /* BYTES */
    size_t length;
    int failed;                 /* the bytes are not a message; sticky */
} mlscore_pb;

static inline mlscore_pb mlscore_pb_over(const unsigned char *bytes,
                                         size_t length)
{
    return (mlscore_pb){.at = bytes, .end = bytes + length};
}

/** Read the next field; 0 at the end or on a failure. */
int mlscore_pb_next(mlscore_pb *pb);

/** Read a varint outside of a field (packed lists); 0 on a failure. */
uint64_t mlscore_pb_varint(mlscore_pb *pb);

/** The field just read as a float or double (FIXED32, FIXED64). */
float mlscore_pb_float(const mlscore_pb *pb);
double mlscore_pb_double(const mlscore_pb *pb);

/** The field just read holds how many numbers of a repeated field, packed
 *  (BYTES) or single: for fixed size numbers, and for varints. Failure is
 *  noted when the bytes do not make whole numbers. */
size_t mlscore_pb_fixed_count(mlscore_pb *pb, size_t size);
size_t mlscore_pb_varint_count(mlscore_pb *pb);

#endif
