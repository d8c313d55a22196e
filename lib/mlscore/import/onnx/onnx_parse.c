/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a ModelProto: graphs, nodes, attributes, functions. Each message is
 * walked twice: once to count its repeated fields, once to fill them. */

#include "import/onnx/onnx_parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef mlscore_onnx_parser parser_state;

mlscore_status mlscore_onnx_fail(mlscore_onnx_parser *parser,
                                 mlscore_status status, const char *format,
                                 ...)
{
    char text[400];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return mlscore_error_set(parser->err, status, "ONNX: %s", text);
}

mlscore_status mlscore_onnx_no_memory(mlscore_onnx_parser *parser)
{
    return mlscore_error_set(parser->err, MLSCORE_ENOMEM, "out of memory");
}

mlscore_status mlscore_onnx_broken(mlscore_onnx_parser *parser,
                                   const mlscore_pb *pb, const char *what)
{
    return mlscore_error_at(parser->err, MLSCORE_EFORMAT,
                            (size_t)(pb->at - parser->start), 0,
                            "ONNX: the protobuf of %s is broken", what);
}

mlscore_status mlscore_onnx_text(mlscore_onnx_parser *parser,
                                 const mlscore_pb *pb, const char **out)
{
    if (pb->wire != MLSCORE_PB_BYTES ||
        memchr(pb->bytes, 0, pb->length)) {
        return mlscore_onnx_broken(parser, pb, "a name");
    }
    *out = mlscore_arena_copy(parser->arena, pb->bytes, pb->length);
    return *out ? MLSCORE_OK : mlscore_onnx_no_memory(parser);
}

mlscore_status mlscore_onnx_bytes(mlscore_onnx_parser *parser,
                                  const mlscore_pb *pb, mlscore_text *out)
{
    if (pb->wire != MLSCORE_PB_BYTES || pb->length > INT32_MAX) {
        return mlscore_onnx_broken(parser, pb, "a text");
    }
    out->bytes = mlscore_arena_copy(parser->arena, pb->bytes, pb->length);
    out->length = (uint32_t)pb->length;
    out->level = -1;
    return out->bytes ? MLSCORE_OK : mlscore_onnx_no_memory(parser);
}

/* Counts of repeated fields by number, fields 0..31. */
static void count_fields(const unsigned char *bytes, size_t size,
                         size_t *counts)
{
    mlscore_pb pb = mlscore_pb_over(bytes, size);

    memset(counts, 0, 32 * sizeof(*counts));
    while (mlscore_pb_next(&pb)) {
        if (pb.field < 32) {
            counts[pb.field]++;
        }
    }
}

/* Zeroed room for a list; NULL sets the error. */
static void *list_of(parser_state *parser, size_t count, size_t size,
                     mlscore_status *status)
{
    void *list = mlscore_arena_calloc(parser->arena, count ? count : 1, size);

    if (!list) {
        *status = mlscore_onnx_no_memory(parser);
    }
    return list;
}

static mlscore_status read_graph(parser_state *parser,
                                 const unsigned char *bytes, size_t size,
                                 mlscore_onnx_graph *out);

/* --- attributes ------------------------------------------------------------
 */

struct numbers {
    float *floats;
    int64_t *ints;
    mlscore_text *strings;
    size_t float_count, int_count, string_count;
};

static void append_floats(mlscore_pb *pb, struct numbers *numbers)
{
    if (pb->wire != MLSCORE_PB_BYTES) {
        numbers->floats[numbers->float_count++] = mlscore_pb_float(pb);
        return;
    }
    for (size_t i = 0; i + 4 <= pb->length; i += 4) {
        memcpy(&numbers->floats[numbers->float_count++], pb->bytes + i, 4);
    }
}

static void append_ints(mlscore_pb *pb, struct numbers *numbers)
{
    if (pb->wire != MLSCORE_PB_BYTES) {
        numbers->ints[numbers->int_count++] = (int64_t)pb->value;
        return;
    }
    mlscore_pb list = mlscore_pb_over(pb->bytes, pb->length);
    while (list.at < list.end && !list.failed) {
        numbers->ints[numbers->int_count++] =
            (int64_t)mlscore_pb_varint(&list);
    }
    pb->failed |= list.failed;
}

/* Make room for the lists of an attribute. */
static mlscore_status size_lists(parser_state *parser,
                                 const unsigned char *bytes, size_t size,
                                 struct numbers *numbers)
{
    mlscore_pb pb = mlscore_pb_over(bytes, size);
    size_t floats = 1, ints = 1, strings = 1;
    mlscore_status status = MLSCORE_OK;

    while (mlscore_pb_next(&pb)) {
        if (pb.field == 7 || pb.field == 2) {
            floats += mlscore_pb_fixed_count(&pb, 4);
        }
        else if (pb.field == 8 || pb.field == 3) {
            ints += mlscore_pb_varint_count(&pb);
        }
        else if (pb.field == 9 || pb.field == 4) {
            strings++;
        }
    }
    if (pb.failed) {
        return mlscore_onnx_broken(parser, &pb, "an attribute");
    }
    numbers->floats = list_of(parser, floats, sizeof(float), &status);
    numbers->ints = list_of(parser, ints, sizeof(int64_t), &status);
    numbers->strings = list_of(parser, strings, sizeof(mlscore_text), &status);
    return status;
}

static mlscore_status read_attr_graph(parser_state *parser,
                                      const mlscore_pb *pb,
                                      mlscore_onnx_attr *out)
{
    mlscore_status status = MLSCORE_OK;
    mlscore_onnx_graph *graph = list_of(parser, 1, sizeof(*graph), &status);

    if (status || pb->wire != MLSCORE_PB_BYTES) {
        return status ? status : mlscore_onnx_broken(parser, pb, "a graph");
    }
    out->of.graph = graph;
    return read_graph(parser, pb->bytes, pb->length, graph);
}

static mlscore_status read_attr_tensor(parser_state *parser,
                                       const mlscore_pb *pb, int sparse,
                                       mlscore_onnx_attr *out)
{
    mlscore_status status = MLSCORE_OK;
    mlscore_onnx_tensor *tensor = list_of(parser, 1, sizeof(*tensor), &status);

    if (status || pb->wire != MLSCORE_PB_BYTES) {
        return status ? status : mlscore_onnx_broken(parser, pb, "a tensor");
    }
    out->of.tensor = tensor;
    return sparse ? mlscore_onnx_sparse_proto(parser, pb->bytes, pb->length,
                                              tensor)
                  : mlscore_onnx_tensor_proto(parser, pb->bytes, pb->length,
                                              tensor);
}

/* Files of IR 1 and 2 may leave the type out: then the field says it. */
static const int kind_of_field[24] = {
    [2] = 1, [3] = 2, [4] = 3, [5] = 4, [6] = 5, [7] = 6,
    [8] = 7, [9] = 8, [10] = 9, [11] = 10, [22] = 11,
};

static mlscore_status finish_attr(parser_state *parser, int guess,
                                  const struct numbers *numbers,
                                  mlscore_onnx_attr *out)
{
    out->kind = out->kind ? out->kind : guess;
    out->count = 1;
    switch (out->kind) {
    case 1: out->of.floats = numbers->floats; break;
    case 2: out->of.ints = numbers->ints; break;
    case 3:
        out->of.strings = numbers->strings;
        if (!numbers->string_count) {
            numbers->strings[0] = (mlscore_text){"", 0, -1};
        }
        break;
    case 6:
        out->of.floats = numbers->floats;
        out->count = numbers->float_count;
        break;
    case 7:
        out->of.ints = numbers->ints;
        out->count = numbers->int_count;
        break;
    case 8:
        out->of.strings = numbers->strings;
        out->count = numbers->string_count;
        break;
    case 11: /* a sparse tensor was made dense */
        out->kind = 4;
        /* fall through */
    case 4:
    case 5:
        if (!out->of.tensor && !out->reference) {
            return mlscore_onnx_fail(parser, MLSCORE_EFORMAT,
                                     "attribute '%.60s' is empty", out->name);
        }
        break;
    case 13: /* types of optional values; operators that need them refuse */
    case 14: break;
    default:
        return mlscore_onnx_fail(parser, MLSCORE_EUNSUPPORTED,
                                 "attribute '%.60s' has kind %d, which is not "
                                 "supported", out->name, out->kind);
    }
    return MLSCORE_OK;
}

static mlscore_status read_attr(parser_state *parser,
                                const unsigned char *bytes, size_t size,
                                mlscore_onnx_attr *out)
{
    struct numbers numbers = {0};
    mlscore_pb pb = mlscore_pb_over(bytes, size);
    mlscore_status status = size_lists(parser, bytes, size, &numbers);
    int guess = 0;

    out->name = "";
    while (!status && mlscore_pb_next(&pb)) {
        switch (pb.field) {
        case 1: status = mlscore_onnx_text(parser, &pb, &out->name); break;
        case 21:
            status = mlscore_onnx_text(parser, &pb, &out->reference);
            break;
        case 20: out->kind = (int)(pb.value & 0xff); break;
        case 2:
        case 7: append_floats(&pb, &numbers); break;
        case 3:
        case 8: append_ints(&pb, &numbers); break;
        case 4:
        case 9:
            status = mlscore_onnx_bytes(
                parser, &pb, &numbers.strings[numbers.string_count++]);
            break;
        case 5:
        case 22:
            status = read_attr_tensor(parser, &pb, pb.field == 22, out);
            break;
        case 6: status = read_attr_graph(parser, &pb, out); break;
        default: break;
        }
        if (pb.field < 24 && kind_of_field[pb.field]) {
            guess = kind_of_field[pb.field];
        }
    }
    if (!status && pb.failed) {
        status = mlscore_onnx_broken(parser, &pb, "an attribute");
    }
    return status ? status : finish_attr(parser, guess, &numbers, out);
}

/* --- nodes ------------------------------------------------------------------
 */

static mlscore_status read_node(parser_state *parser,
                                const unsigned char *bytes, size_t size,
                                mlscore_onnx_node *out)
{
    size_t counts[32];
    mlscore_pb pb = mlscore_pb_over(bytes, size);
    mlscore_status status = MLSCORE_OK;

    if (parser->nodes_left-- == 0) {
        parser->nodes_left = 0;
        return mlscore_onnx_fail(parser, MLSCORE_ELIMIT, "too many nodes");
    }
    count_fields(bytes, size, counts);
    out->name = out->op = out->domain = out->overload = "";
    out->inputs = list_of(parser, counts[1], sizeof(char *), &status);
    out->outputs = list_of(parser, counts[2], sizeof(char *), &status);
    out->attrs = list_of(parser, counts[5], sizeof(*out->attrs), &status);
    while (!status && mlscore_pb_next(&pb)) {
        switch (pb.field) {
        case 1:
            status = mlscore_onnx_text(parser, &pb,
                                       &out->inputs[out->input_count++]);
            break;
        case 2:
            status = mlscore_onnx_text(parser, &pb,
                                       &out->outputs[out->output_count++]);
            break;
        case 3: status = mlscore_onnx_text(parser, &pb, &out->name); break;
        case 4: status = mlscore_onnx_text(parser, &pb, &out->op); break;
        case 5:
            if (pb.wire == MLSCORE_PB_BYTES) {
                status = read_attr(parser, pb.bytes, pb.length,
                                   &out->attrs[out->attr_count++]);
            }
            break;
        case 7: status = mlscore_onnx_text(parser, &pb, &out->domain); break;
        case 8: status = mlscore_onnx_text(parser, &pb, &out->overload); break;
        default: break;
        }
    }
    if (!strcmp(out->domain, "ai.onnx")) {
        out->domain = "";
    }
    return !status && pb.failed ? mlscore_onnx_broken(parser, &pb, "a node")
                                : status;
}

/* --- types of values ---------------------------------------------------------
 */

static mlscore_status read_dimension(parser_state *parser, const mlscore_pb *of,
                                     mlscore_onnx_value *out)
{
    mlscore_pb pb = mlscore_pb_over(of->bytes, of->length);
    mlscore_status status = MLSCORE_OK;
    const int at = out->shape.rank;

    if (at == MLSCORE_TENSOR_RANK) {
        return mlscore_onnx_fail(parser, MLSCORE_ELIMIT,
                                 "'%.80s' has more than %d dimensions",
                                 out->name, MLSCORE_TENSOR_RANK);
    }
    out->shape.dims[at] = -1;
    while (!status && mlscore_pb_next(&pb)) {
        if (pb.field == 1) {
            /* Exporters write 0 or less for "any". */
            out->shape.dims[at] =
                pb.value > 0 && pb.value <= INT32_MAX ? (int64_t)pb.value : -1;
        }
        else if (pb.field == 2) {
            status = mlscore_onnx_text(parser, &pb, &out->symbol[at]);
        }
    }
    out->shape.rank++;
    return !status && pb.failed
               ? mlscore_onnx_broken(parser, &pb, "a dimension") : status;
}

static mlscore_status read_tensor_type(parser_state *parser,
                                       const mlscore_pb *of,
                                       mlscore_onnx_value *out)
{
    mlscore_pb pb = mlscore_pb_over(of->bytes, of->length);
    mlscore_status status = MLSCORE_OK;

    out->kind = MLSCORE_ONNX_TENSOR;
    while (!status && mlscore_pb_next(&pb)) {
        if (pb.field == 1) {
            out->shape.type = (mlscore_dtype)(pb.value & 0xff);
        }
        else if (pb.field == 2 && pb.wire == MLSCORE_PB_BYTES) {
            mlscore_pb shape = mlscore_pb_over(pb.bytes, pb.length);

            out->shape.rank = 0;
            while (!status && mlscore_pb_next(&shape)) {
                if (shape.field == 1 && shape.wire == MLSCORE_PB_BYTES) {
                    status = read_dimension(parser, &shape, out);
                }
            }
            pb.failed |= shape.failed;
        }
    }
    return !status && pb.failed ? mlscore_onnx_broken(parser, &pb, "a type")
                                : status;
}

static mlscore_status read_type(parser_state *parser, const mlscore_pb *of,
                                mlscore_onnx_value *out)
{
    mlscore_pb pb = mlscore_pb_over(of->bytes, of->length);
    mlscore_status status = MLSCORE_OK;

    while (!status && mlscore_pb_next(&pb)) {
        if (pb.wire != MLSCORE_PB_BYTES) {
            continue;
        }
        switch (pb.field) {
        case 1: status = read_tensor_type(parser, &pb, out); break;
        case 4: out->kind = MLSCORE_ONNX_SEQUENCE; break;
        case 5: out->kind = MLSCORE_ONNX_MAP; break;
        case 7:
        case 8:
        case 9: out->kind = MLSCORE_ONNX_OTHER; break;
        default: break;
        }
    }
    return !status && pb.failed ? mlscore_onnx_broken(parser, &pb, "a type")
                                : status;
}

static mlscore_status read_value(parser_state *parser,
                                 const unsigned char *bytes, size_t size,
                                 mlscore_onnx_value *out)
{
    mlscore_pb pb = mlscore_pb_over(bytes, size);
    mlscore_status status = MLSCORE_OK;

    out->name = "";
    out->shape.rank = -1;
    while (!status && mlscore_pb_next(&pb)) {
        if (pb.field == 1) {
            status = mlscore_onnx_text(parser, &pb, &out->name);
        }
        else if (pb.field == 2 && pb.wire == MLSCORE_PB_BYTES) {
            status = read_type(parser, &pb, out);
        }
    }
    return !status && pb.failed ? mlscore_onnx_broken(parser, &pb, "a value")
                                : status;
}

/* --- graphs
 * ------------------------------------------------------------------- */

static mlscore_status read_graph_field(parser_state *parser,
                                       const mlscore_pb *pb,
                                       mlscore_onnx_graph *out)
{
    switch (pb->field) {
    case 1:
        return read_node(parser, pb->bytes, pb->length,
                         &out->nodes[out->node_count++]);
    case 5:
        return mlscore_onnx_tensor_proto(
            parser, pb->bytes, pb->length,
            &out->initializers[out->initializer_count++]);
    case 15:
        return mlscore_onnx_sparse_proto(
            parser, pb->bytes, pb->length,
            &out->initializers[out->initializer_count++]);
    case 11:
        return read_value(parser, pb->bytes, pb->length,
                          &out->inputs[out->input_count++]);
    case 12:
        return read_value(parser, pb->bytes, pb->length,
                          &out->outputs[out->output_count++]);
    case 13:
        return read_value(parser, pb->bytes, pb->length,
                          &out->infos[out->info_count++]);
    default: return MLSCORE_OK;
    }
}

static mlscore_status read_graph(parser_state *parser,
                                 const unsigned char *bytes, size_t size,
                                 mlscore_onnx_graph *out)
{
    size_t counts[32];
    mlscore_pb pb = mlscore_pb_over(bytes, size);
    mlscore_status status = MLSCORE_OK;

    if (parser->depth_left == 0) {
        return mlscore_onnx_fail(parser, MLSCORE_ELIMIT,
                                 "graphs are nested too deeply");
    }
    parser->depth_left--;
    count_fields(bytes, size, counts);
    memset(out, 0, sizeof(*out));
    out->nodes = list_of(parser, counts[1], sizeof(*out->nodes), &status);
    out->initializers = list_of(parser, counts[5] + counts[15],
                                sizeof(*out->initializers), &status);
    out->inputs = list_of(parser, counts[11], sizeof(*out->inputs), &status);
    out->outputs = list_of(parser, counts[12], sizeof(*out->outputs), &status);
    out->infos = list_of(parser, counts[13], sizeof(*out->infos), &status);
    while (!status && mlscore_pb_next(&pb)) {
        if (pb.wire == MLSCORE_PB_BYTES) {
            status = read_graph_field(parser, &pb, out);
        }
    }
    parser->depth_left++;
    return !status && pb.failed ? mlscore_onnx_broken(parser, &pb, "a graph")
                                : status;
}

/* --- functions and the model
 * ---------------------------------------------------- */

static mlscore_status read_opset(parser_state *parser, const mlscore_pb *of,
                                 mlscore_onnx_opset *out)
{
    mlscore_pb pb = mlscore_pb_over(of->bytes, of->length);
    mlscore_status status = MLSCORE_OK;

    out->domain = "";
    while (!status && mlscore_pb_next(&pb)) {
        if (pb.field == 1) {
            status = mlscore_onnx_text(parser, &pb, &out->domain);
        }
        else if (pb.field == 2) {
            out->version = (int64_t)pb.value;
        }
    }
    if (!strcmp(out->domain, "ai.onnx")) {
        out->domain = "";
    }
    return !status && pb.failed
               ? mlscore_onnx_broken(parser, &pb, "an operator set") : status;
}

static mlscore_status read_function_field(parser_state *parser,
                                          const mlscore_pb *pb,
                                          mlscore_onnx_function *out)
{
    switch (pb->field) {
    case 1: return mlscore_onnx_text(parser, pb, &out->name);
    case 10: return mlscore_onnx_text(parser, pb, &out->domain);
    case 13: return mlscore_onnx_text(parser, pb, &out->overload);
    case 4:
        return mlscore_onnx_text(parser, pb, &out->inputs[out->input_count++]);
    case 5:
        return mlscore_onnx_text(parser, pb,
                                 &out->outputs[out->output_count++]);
    case 6:
        return mlscore_onnx_text(parser, pb, &out->attrs[out->attr_count++]);
    case 7:
        return read_node(parser, pb->bytes, pb->length,
                         &out->nodes[out->node_count++]);
    case 9:
        return read_opset(parser, pb, &out->opsets[out->opset_count++]);
    case 11:
        return read_attr(parser, pb->bytes, pb->length,
                         &out->defaults[out->default_count++]);
    default: return MLSCORE_OK;
    }
}

static mlscore_status read_function(parser_state *parser, const mlscore_pb *of,
                                    mlscore_onnx_function *out)
{
    size_t counts[32];
    mlscore_pb pb = mlscore_pb_over(of->bytes, of->length);
    mlscore_status status = MLSCORE_OK;

    count_fields(of->bytes, of->length, counts);
    out->domain = out->name = out->overload = "";
    out->inputs = list_of(parser, counts[4], sizeof(char *), &status);
    out->outputs = list_of(parser, counts[5], sizeof(char *), &status);
    out->attrs = list_of(parser, counts[6], sizeof(char *), &status);
    out->nodes = list_of(parser, counts[7], sizeof(*out->nodes), &status);
    out->opsets = list_of(parser, counts[9], sizeof(*out->opsets), &status);
    out->defaults = list_of(parser, counts[11], sizeof(*out->defaults),
                            &status);
    while (!status && mlscore_pb_next(&pb)) {
        if (pb.wire == MLSCORE_PB_BYTES) {
            status = read_function_field(parser, &pb, out);
        }
    }
    if (!strcmp(out->domain, "ai.onnx")) {
        out->domain = "";
    }
    return !status && pb.failed
               ? mlscore_onnx_broken(parser, &pb, "a function") : status;
}

static mlscore_status read_model_field(parser_state *parser,
                                       const mlscore_pb *pb,
                                       mlscore_onnx_model *out, int *graphs)
{
    if (pb->field == 1) {
        out->ir_version = (int64_t)pb->value;
    }
    if (pb->wire != MLSCORE_PB_BYTES) {
        return MLSCORE_OK;
    }
    switch (pb->field) {
    case 2: return mlscore_onnx_text(parser, pb, &out->producer);
    case 3: return mlscore_onnx_text(parser, pb, &out->producer_version);
    case 7:
        if ((*graphs)++) {
            return mlscore_onnx_fail(parser, MLSCORE_EFORMAT,
                                     "the model has two graphs");
        }
        return read_graph(parser, pb->bytes, pb->length, &out->graph);
    case 8: return read_opset(parser, pb, &out->opsets[out->opset_count++]);
    case 25:
        return read_function(parser, pb,
                             &out->functions[out->function_count++]);
    default: return MLSCORE_OK;
    }
}

mlscore_status mlscore_onnx_parse(mlscore_onnx_model *out,
                                  const unsigned char *bytes, size_t size,
                                  size_t max_nodes, unsigned max_depth,
                                  mlscore_arena *arena, mlscore_error *err)
{
    parser_state parser = {.start = bytes, .arena = arena, .err = err,
                           .nodes_left = max_nodes, .depth_left = max_depth};
    size_t counts[32];
    mlscore_pb pb = mlscore_pb_over(bytes, size);
    mlscore_status status = MLSCORE_OK;
    int graphs = 0;

    count_fields(bytes, size, counts);
    memset(out, 0, sizeof(*out));
    out->producer = out->producer_version = "";
    out->opsets = list_of(&parser, counts[8], sizeof(*out->opsets), &status);
    out->functions = list_of(&parser, counts[25], sizeof(*out->functions),
                             &status);
    while (!status && mlscore_pb_next(&pb)) {
        status = read_model_field(&parser, &pb, out, &graphs);
    }
    if (!status && pb.failed) {
        status = mlscore_onnx_broken(&parser, &pb, "the model");
    }
    if (!status && !graphs) {
        status = mlscore_onnx_fail(&parser, MLSCORE_EFORMAT,
                                   "the model has no graph");
    }
    return status;
}

mlscore_status mlscore_onnx_parse_tensor(mlscore_onnx_tensor *out,
                                         const unsigned char *bytes,
                                         size_t size, mlscore_arena *arena,
                                         mlscore_error *err)
{
    parser_state parser = {.start = bytes, .arena = arena, .err = err};

    return mlscore_onnx_tensor_proto(&parser, bytes, size, out);
}

/* ONNX has no mark. A ModelProto has an IR version, and a graph whose own
 * fields have the right wire types. */
static int plausible_graph(const unsigned char *bytes, size_t size)
{
    mlscore_pb pb = mlscore_pb_over(bytes, size);
    int outputs = 0;

    while (mlscore_pb_next(&pb)) {
        if (pb.field > 16 || pb.wire != MLSCORE_PB_BYTES) {
            return 0;
        }
        outputs += pb.field == 12;
    }
    return !pb.failed && outputs;
}

int mlscore_onnx_sniff(const unsigned char *bytes, size_t size)
{
    mlscore_pb pb = mlscore_pb_over(bytes, size);
    int version = 0, graph = 0;

    while (mlscore_pb_next(&pb)) {
        if (pb.field == 1 && pb.wire == MLSCORE_PB_VARINT) {
            version = pb.value >= 1 && pb.value < 1000;
        }
        else if (pb.field == 7 && pb.wire == MLSCORE_PB_BYTES) {
            graph |= plausible_graph(pb.bytes, pb.length);
        }
        else if (pb.field > 64) {
            return 0;
        }
    }
    return pb.failed ? version && graph ? 50 : 0 : version && graph ? 90 : 0;
}
