/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_ONNX_ONNX_PARSE_H
#define MLSCORE_IMPORT_ONNX_ONNX_PARSE_H

/** What the files that read parts of a ModelProto share. */

#include "import/onnx/onnx_model.h"
#include "import/onnx/protobuf.h"

typedef struct mlscore_onnx_parser {
    const unsigned char *start; /* of the file, for offsets in messages */
    mlscore_arena *arena;
    mlscore_error *err;
    size_t nodes_left;
    unsigned depth_left;
} mlscore_onnx_parser;

mlscore_status mlscore_onnx_fail(mlscore_onnx_parser *parser,
                                 mlscore_status status, const char *format,
                                 ...) MLSCORE_PRINTF(3, 4);
mlscore_status mlscore_onnx_no_memory(mlscore_onnx_parser *parser);
/** The protobuf around `pb` is broken; `what` was being read. */
mlscore_status mlscore_onnx_broken(mlscore_onnx_parser *parser,
                                   const mlscore_pb *pb, const char *what);

/** A terminated copy of a BYTES field; refused when it contains NUL or is not
 *  a BYTES field. */
mlscore_status mlscore_onnx_text(mlscore_onnx_parser *parser,
                                 const mlscore_pb *pb, const char **out);
/** A copy of a BYTES field, any bytes. */
mlscore_status mlscore_onnx_bytes(mlscore_onnx_parser *parser,
                                  const mlscore_pb *pb, mlscore_text *out);

mlscore_status mlscore_onnx_tensor_proto(mlscore_onnx_parser *parser,
                                         const unsigned char *bytes,
                                         size_t size,
                                         mlscore_onnx_tensor *out);
mlscore_status mlscore_onnx_sparse_proto(mlscore_onnx_parser *parser,
                                         const unsigned char *bytes,
                                         size_t size,
                                         mlscore_onnx_tensor *out);

#endif
