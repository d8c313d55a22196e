/* SPDX-License-Identifier: Apache-2.0 */
/* A pull reader of protobuf messages. The wire format is Google's: a key
 * (field number << 3 | wire type) and a value, all varints little-endian. */

#include "import/onnx/protobuf.h"

#include <string.h>

#include "base/bytes.h"

uint64_t mlscore_pb_varint(mlscore_pb *pb)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (pb->at == pb->end) {
            break;
        }
        const unsigned char byte = *pb->at++;
        if (shift == 63 && byte > 1) { /* more than 64 bits */
            break;
        }
        value |= (uint64_t)(byte & 0x7f) << (shift & 63);
        if (!(byte & 0x80)) {
            return value;
        }
    }
    pb->failed = 1;
    return 0;
}

static int take(mlscore_pb *pb, size_t length)
{
    if (length > (size_t)(pb->end - pb->at)) {
        pb->failed = 1;
        return 0;
    }
    pb->bytes = pb->at;
    pb->length = length;
    pb->at += length;
    return 1;
}

int mlscore_pb_next(mlscore_pb *pb)
{
    if (pb->failed || pb->at == pb->end) {
        return 0;
    }
    const uint64_t key = mlscore_pb_varint(pb);
    if (pb->failed || key >> 3 == 0 || key >> 3 > 0x1fffffff) {
        pb->failed = 1;
        return 0;
    }
    pb->field = (uint32_t)(key >> 3);
    pb->wire = (mlscore_pb_wire)(key & 7);
    switch (pb->wire) {
    case MLSCORE_PB_VARINT:
        pb->value = mlscore_pb_varint(pb);
        return !pb->failed;
    case MLSCORE_PB_FIXED64:
        if (!take(pb, 8)) {
            return 0;
        }
        pb->value = mlscore_load_u64(pb->bytes);
        return 1;
    case MLSCORE_PB_FIXED32:
        if (!take(pb, 4)) {
            return 0;
        }
        pb->value = mlscore_load_u32(pb->bytes);
        return 1;
    case MLSCORE_PB_BYTES: {
        const uint64_t length = mlscore_pb_varint(pb);

        return !pb->failed && length <= SIZE_MAX && take(pb, (size_t)length);
    }
    default: /* groups are not in use any more */
        pb->failed = 1;
        return 0;
    }
}

float mlscore_pb_float(const mlscore_pb *pb)
{
    const uint32_t bits = (uint32_t)pb->value;
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

double mlscore_pb_double(const mlscore_pb *pb)
{
    double value;

    memcpy(&value, &pb->value, sizeof(value));
    return value;
}

size_t mlscore_pb_fixed_count(mlscore_pb *pb, size_t size)
{
    if (pb->wire != MLSCORE_PB_BYTES) {
        const mlscore_pb_wire single =
            size == 4 ? MLSCORE_PB_FIXED32 : MLSCORE_PB_FIXED64;

        pb->failed |= pb->wire != single;
        return 1;
    }
    pb->failed |= pb->length % size != 0;
    return pb->length / size;
}

size_t mlscore_pb_varint_count(mlscore_pb *pb)
{
    size_t count = 0;

    if (pb->wire != MLSCORE_PB_BYTES) {
        pb->failed |= pb->wire != MLSCORE_PB_VARINT;
        return 1;
    }
    for (size_t i = 0; i < pb->length; i++) {
        count += !(pb->bytes[i] & 0x80);
    }
    pb->failed |= pb->length && pb->bytes[pb->length - 1] & 0x80;
    return count;
}
