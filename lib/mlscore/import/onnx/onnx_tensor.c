/* SPDX-License-Identifier: Apache-2.0 */
/* TensorProto and SparseTensorProto: shapes, and elements in raw or typed
 * form, decoded to the native layout. */

#include <string.h>

#include "base/bytes.h"
#include "import/onnx/onnx_parse.h"
#include "kernel/small_types.h"

/* The fields that hold elements, gathered before they are decoded: a
 * repeated field may come in several pieces. */
struct parts {
    const unsigned char *bytes; /* the whole message */
    size_t size;
    size_t elements[4]; /* counts: float, int32, int64 or uint64, double */
    size_t string_count;
    const unsigned char *raw;
    size_t raw_size;
    int has_raw, external;
    int64_t data_type;
};

enum { FLOATS, INT32S, INT64S, DOUBLES };

static int element_field(uint32_t field)
{
    switch (field) {
    case 4: return FLOATS;
    case 5: return INT32S;
    case 7:
    case 11: return INT64S;
    case 10: return DOUBLES;
    default: return -1;
    }
}

static mlscore_status read_dim(mlscore_onnx_parser *parser, mlscore_pb *pb,
                               mlscore_tensor *tensor)
{
    mlscore_pb list = *pb;
    int packed = pb->wire == MLSCORE_PB_BYTES;

    if (packed) {
        list = mlscore_pb_over(pb->bytes, pb->length);
    }
    do {
        if (packed && list.at == list.end) {
            break;
        }
        const int64_t dim =
            (int64_t)(packed ? mlscore_pb_varint(&list) : pb->value);
        if (list.failed || dim < 0 || dim > INT32_MAX) {
            return mlscore_onnx_fail(parser, MLSCORE_EFORMAT,
                                     "a tensor has an impossible dimension");
        }
        if (tensor->rank == MLSCORE_TENSOR_RANK) {
            return mlscore_onnx_fail(parser, MLSCORE_ELIMIT,
                                     "a tensor has more than %d dimensions",
                                     MLSCORE_TENSOR_RANK);
        }
        tensor->dims[tensor->rank++] = dim;
    } while (packed);
    return MLSCORE_OK;
}

static mlscore_status scan_fields(mlscore_onnx_parser *parser,
                                  mlscore_onnx_tensor *out,
                                  struct parts *parts)
{
    mlscore_pb pb = mlscore_pb_over(parts->bytes, parts->size);
    mlscore_status status = MLSCORE_OK;

    while (!status && mlscore_pb_next(&pb)) {
        const int kind = element_field(pb.field);

        if (kind == FLOATS || kind == DOUBLES) {
            parts->elements[kind] +=
                mlscore_pb_fixed_count(&pb, kind == FLOATS ? 4 : 8);
        }
        else if (kind >= 0) {
            parts->elements[kind] += mlscore_pb_varint_count(&pb);
        }
        else if (pb.field == 1) {
            status = read_dim(parser, &pb, &out->tensor);
        }
        else if (pb.field == 2) {
            parts->data_type = (int64_t)pb.value;
        }
        else if (pb.field == 6) {
            parts->string_count++;
        }
        else if (pb.field == 8 && pb.wire == MLSCORE_PB_BYTES) {
            status = mlscore_onnx_text(parser, &pb, &out->name);
        }
        else if (pb.field == 9 && pb.wire == MLSCORE_PB_BYTES) {
            parts->raw = pb.bytes;
            parts->raw_size = pb.length;
            parts->has_raw = 1;
        }
        else if (pb.field == 13 || (pb.field == 14 && pb.value == 1)) {
            parts->external = 1;
        }
    }
    if (!status && pb.failed) {
        status = mlscore_onnx_broken(parser, &pb, "a tensor");
    }
    return status;
}

/* How elements of a type are kept in the typed fields. */
static int typed_home(mlscore_dtype type)
{
    switch (type) {
    case MLSCORE_DT_FLOAT: return FLOATS;
    case MLSCORE_DT_DOUBLE: return DOUBLES;
    case MLSCORE_DT_INT64:
    case MLSCORE_DT_UINT64:
    case MLSCORE_DT_UINT32: return INT64S;
    default: return INT32S;
    }
}

static void store_integer(void *data, mlscore_dtype type, size_t i,
                          uint64_t value)
{
    switch (mlscore_dtype_size(type)) {
    case 1:
        ((uint8_t *)data)[i] =
            (uint8_t)(type == MLSCORE_DT_BOOL ? value != 0 : value);
        break;
    case 2: ((uint16_t *)data)[i] = (uint16_t)value; break;
    case 4: ((uint32_t *)data)[i] = (uint32_t)value; break;
    default: ((uint64_t *)data)[i] = value; break;
    }
}

static size_t decode_numbers(mlscore_pb *pb, void *data, mlscore_dtype type,
                             size_t at, size_t count)
{
    const int packed = pb->wire == MLSCORE_PB_BYTES;
    mlscore_pb list = mlscore_pb_over(packed ? pb->bytes : pb->at,
                                      packed ? pb->length : 0);

    if (!packed) {
        if (at < count && type == MLSCORE_DT_FLOAT) {
            ((float *)data)[at] = mlscore_pb_float(pb);
        }
        else if (at < count && type == MLSCORE_DT_DOUBLE) {
            ((double *)data)[at] = mlscore_pb_double(pb);
        }
        else if (at < count) {
            store_integer(data, type, at, pb->value);
        }
        return at + 1;
    }
    while (list.at < list.end && at < count) {
        if (type == MLSCORE_DT_FLOAT) {
            ((float *)data)[at] = mlscore_load_float(list.at);
            list.at += 4;
        }
        else if (type == MLSCORE_DT_DOUBLE) {
            ((double *)data)[at] = mlscore_load_double(list.at);
            list.at += 8;
        }
        else {
            store_integer(data, type, at, mlscore_pb_varint(&list));
        }
        at++;
    }
    pb->failed |= list.failed;
    return at;
}

static mlscore_status decode_typed(mlscore_onnx_parser *parser,
                                   const struct parts *parts,
                                   mlscore_tensor *tensor, size_t count)
{
    const int home = typed_home(tensor->type);
    const int strings = tensor->type == MLSCORE_DT_STRING;
    mlscore_pb pb = mlscore_pb_over(parts->bytes, parts->size);
    mlscore_status status = MLSCORE_OK;
    size_t at = 0;

    while (!status && mlscore_pb_next(&pb)) {
        if (strings && pb.field == 6 && at < count) {
            status = mlscore_onnx_bytes(parser, &pb,
                                        &((mlscore_text *)tensor->data)[at++]);
        }
        else if (!strings && element_field(pb.field) == home) {
            at = decode_numbers(&pb, tensor->data, tensor->type, at, count);
        }
    }
    return !status && (pb.failed || at != count)
               ? mlscore_onnx_broken(parser, &pb, "a tensor")
               : status;
}

static mlscore_status decode_raw(mlscore_onnx_parser *parser,
                                 const struct parts *parts,
                                 mlscore_tensor *tensor, size_t bytes)
{
    if (tensor->type == MLSCORE_DT_STRING) {
        return mlscore_onnx_fail(parser, MLSCORE_EFORMAT,
                                 "a tensor of texts has raw bytes");
    }
    if (mlscore_small_bits(tensor->type)) {
        mlscore_small_unpack(tensor->data, parts->raw, tensor->type, bytes);
        return MLSCORE_OK;
    }
    if (bytes) { /* raw data is little-endian, as are the machines we run on */
        memcpy(tensor->data, parts->raw, bytes);
    }
    for (size_t i = 0; tensor->type == MLSCORE_DT_BOOL && i < bytes; i++) {
        ((uint8_t *)tensor->data)[i] = ((uint8_t *)tensor->data)[i] != 0;
    }
    return MLSCORE_OK;
}

/* `packed` bytes at the start of the elements to `count` elements. */
static void spread(mlscore_tensor *tensor, size_t packed, size_t count)
{
    const size_t per = packed ? (count + packed - 1) / packed : 1;

    for (size_t i = packed; i-- > 0;) {
        const uint8_t byte = ((const uint8_t *)tensor->data)[i];
        const size_t left = count - i * per;

        mlscore_small_unpack((uint8_t *)tensor->data + i * per, &byte,
                             tensor->type, left < per ? left : per);
    }
}

mlscore_status mlscore_onnx_tensor_proto(mlscore_onnx_parser *parser,
                                         const unsigned char *bytes,
                                         size_t size, mlscore_onnx_tensor *out)
{
    struct parts parts = {.bytes = bytes, .size = size};
    size_t total;

    memset(out, 0, sizeof(*out));
    out->name = "";
    mlscore_status status = scan_fields(parser, out, &parts);
    if (status) {
        return status;
    }
    if (parts.external) {
        return mlscore_onnx_fail(
            parser, MLSCORE_EUNSUPPORTED, "tensor '%.80s' keeps its data in "
            "another file: save the model with all data inside", out->name);
    }
    out->tensor.type = (mlscore_dtype)parts.data_type;
    if (parts.data_type < 0 || parts.data_type > 64 ||
        !mlscore_dtype_size(out->tensor.type)) {
        return mlscore_onnx_fail(
            parser, MLSCORE_EUNSUPPORTED, "tensor '%.80s' has element type "
            "%lld, which is not supported", out->name,
            (long long)parts.data_type);
    }
    const size_t limit = (size_t)1 << 31;
    if (mlscore_tensor_bytes(&out->tensor, limit, &total)) {
        return mlscore_onnx_fail(parser, MLSCORE_ELIMIT,
                                 "tensor '%.80s' is too large", out->name);
    }
    /* Elements take at least a bit over nothing in the file: check before
     * memory for a huge empty claim is taken. */
    const size_t count = total / mlscore_dtype_size(out->tensor.type);
    const int bits = mlscore_small_bits(out->tensor.type);
    const size_t raw_size = bits ? (total * (size_t)bits + 7) / 8 : total;
    const int home = typed_home(out->tensor.type);
    const size_t have = out->tensor.type == MLSCORE_DT_STRING
                            ? parts.string_count
                            : parts.elements[home];
    const size_t want = bits ? raw_size : count;
    if (!parts.has_raw && have != want) {
        return mlscore_onnx_fail(
            parser, MLSCORE_EFORMAT, "tensor '%.80s' of %zu elements holds "
            "%zu", out->name, want, have);
    }
    if (parts.has_raw && parts.raw_size != raw_size) {
        return mlscore_onnx_fail(
            parser, MLSCORE_EFORMAT, "tensor '%.80s' of %zu bytes holds %zu",
            out->name, raw_size, parts.raw_size);
    }
    out->tensor.data = mlscore_arena_calloc(parser->arena, total ? total : 1,
                                            1);
    if (!out->tensor.data) {
        return mlscore_onnx_no_memory(parser);
    }
    if (parts.has_raw) {
        return decode_raw(parser, &parts, &out->tensor, total);
    }
    status = decode_typed(parser, &parts, &out->tensor, want);
    if (!status && bits) { /* packed bytes, one an integer; spread in place */
        spread(&out->tensor, want, count);
    }
    return status;
}

mlscore_status mlscore_onnx_sparse_proto(mlscore_onnx_parser *parser,
                                         const unsigned char *bytes,
                                         size_t size, mlscore_onnx_tensor *out)
{
    mlscore_pb pb = mlscore_pb_over(bytes, size);
    mlscore_onnx_tensor values = {0}, indices = {0};
    mlscore_status status = MLSCORE_OK;
    size_t total;

    memset(out, 0, sizeof(*out));
    while (!status && mlscore_pb_next(&pb)) {
        if (pb.field == 1 && pb.wire == MLSCORE_PB_BYTES) {
            status = mlscore_onnx_tensor_proto(parser, pb.bytes, pb.length,
                                               &values);
        }
        else if (pb.field == 2 && pb.wire == MLSCORE_PB_BYTES) {
            status = mlscore_onnx_tensor_proto(parser, pb.bytes, pb.length,
                                               &indices);
        }
        else if (pb.field == 3) {
            status = read_dim(parser, &pb, &out->tensor);
        }
    }
    if (status || pb.failed) {
        return status ? status
                      : mlscore_onnx_broken(parser, &pb, "a sparse tensor");
    }
    out->name = values.name ? values.name : "";
    out->tensor.type = values.tensor.type;
    const size_t unit = mlscore_dtype_size(out->tensor.type);
    const size_t entries = values.tensor.data
                               ? mlscore_tensor_count(&values.tensor) : 0;
    const size_t numbers = indices.tensor.data
                               ? mlscore_tensor_count(&indices.tensor) : 0;
    const size_t per = indices.tensor.rank == 2 ? (size_t)out->tensor.rank : 1;
    if (!values.tensor.data || out->tensor.type == MLSCORE_DT_STRING ||
        (entries && indices.tensor.type != MLSCORE_DT_INT64) ||
        numbers != entries * per ||
        mlscore_tensor_bytes(&out->tensor, (size_t)1 << 28, &total)) {
        return mlscore_onnx_fail(parser, MLSCORE_EFORMAT,
                                 "a sparse tensor is broken or too large");
    }
    unsigned char *data = mlscore_arena_calloc(parser->arena,
                                               total ? total : 1, 1);
    if (!data) {
        return mlscore_onnx_no_memory(parser);
    }
    const int64_t *index = indices.tensor.data;
    for (size_t i = 0; i < entries; i++) {
        uint64_t place = 0;

        for (size_t d = 0; d < per; d++) {
            const int64_t dim = per == 1 ? (int64_t)(total / unit)
                                         : out->tensor.dims[d];
            const int64_t at = index[i * per + d];

            if (at < 0 || at >= dim) {
                return mlscore_onnx_fail(parser, MLSCORE_EFORMAT,
                                         "a sparse tensor has an index "
                                         "outside of its shape");
            }
            place = place * (uint64_t)dim + (uint64_t)at;
        }
        memcpy(data + place * unit,
               (const char *)values.tensor.data + i * unit, unit);
    }
    out->tensor.data = data;
    return MLSCORE_OK;
}
