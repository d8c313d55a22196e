/* SPDX-License-Identifier: Apache-2.0 */
/* If, Loop and Scan: operators with graphs inside. Bodies are evaluated node
 * by node; what they use of the surroundings comes as further inputs. */

#include <string.h>

#include "base/alloc.h"
#include "eval/graph/graph_plan.h"
#include "eval/graph/graph_run.h"
#include "eval/graph/limits.h"
#include "eval/graph/ops/ops.h"

#define MAX MLSCORE_TENSOR_RANK

struct control_state {
    const mlscore_graph *body, *other; /* other: else_branch */
    int64_t scans;                     /* Scan: number of scanned inputs */
    const int64_t *in_axes, *out_axes, *in_ways, *out_ways;
    size_t in_axis_count, out_axis_count, in_way_count, out_way_count;
};

static const mlscore_graph *take_graph(mlscore_prepare *prepare,
                                       const char *name)
{
    const mlscore_attr *attr = mlscore_take(prepare, name, MLSCORE_ATTR_GRAPH);

    if (!attr) {
        mlscore_prepare_fail(prepare, MLSCORE_EFORMAT, "'%s' is missing",
                             name);
        return NULL;
    }
    return attr->of.graph;
}

/* What the body makes of inputs of these types and shapes; unknown when it
 * cannot be told before running. */
static mlscore_status shapes_of(const mlscore_call *call,
                                const mlscore_graph *body,
                                const mlscore_tensor *inputs,
                                mlscore_tensor *outputs)
{
    mlscore_error ignored;
    const mlscore_status status =
        mlscore_graph_shapes(body, inputs, outputs, &ignored);

    if (status == MLSCORE_ENOMEM) {
        return mlscore_call_fail(call, status, "out of memory");
    }
    for (uint32_t i = 0; status && i < body->output_count; i++) {
        outputs[i] = (mlscore_tensor){.rank = -1};
    }
    return MLSCORE_OK;
}

static mlscore_tensor *new_tensors(const mlscore_call *call, size_t count,
                                   mlscore_status *status)
{
    mlscore_tensor *tensors = mlscore_calloc(count + 1, sizeof(*tensors));

    if (!tensors) {
        *status = mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
    }
    return tensors;
}

/* --- If
 * ---------------------------------------------------------------------------
 */

static mlscore_status prepare_if(mlscore_prepare *prepare)
{
    struct control_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (!state) {
        return prepare->status;
    }
    state->body = take_graph(prepare, "then_branch");
    state->other = take_graph(prepare, "else_branch");
    prepare->node->state = state;
    if (!prepare->status &&
        (state->body->output_count != prepare->node->output_count ||
         state->other->output_count != prepare->node->output_count ||
         1 + state->body->input_count + state->other->input_count !=
             prepare->node->input_count)) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "the branches do not fit");
    }
    return prepare->status;
}

/* Inputs behind the condition are what the branches capture, in the order of
 * the attributes. */
static uint32_t branch_first(const mlscore_call *call, int other)
{
    const struct control_state *state = call->state;
    const mlscore_node *node = call->node;
    const int then_first =
        node->attr_count && node->attrs[0].of.graph == state->body;
    const uint32_t first = then_first ? state->body->input_count
                                      : state->other->input_count;

    return 1 + (other == then_first ? first : 0);
}

static mlscore_status infer_if(mlscore_call *call)
{
    const struct control_state *state = call->state;
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_BOOL);
    mlscore_tensor *inputs = new_tensors(call, call->in_count, &status);
    mlscore_tensor *made = new_tensors(call, 2 * call->out_count, &status);

    for (int other = 0; !status && other < 2; other++) {
        const mlscore_graph *body = other ? state->other : state->body;

        for (uint32_t i = 0; i < body->input_count; i++) {
            inputs[i] = *call->in[branch_first(call, other) + i];
        }
        status = shapes_of(call, body, inputs,
                           made + (size_t)other * call->out_count);
    }
    for (uint32_t i = 0; !status && i < call->out_count; i++) {
        const mlscore_tensor *a = &made[i], *b = &made[call->out_count + i];

        mlscore_out_unknown(call, i, a->type ? a->type : b->type);
        if (a->type == b->type && mlscore_tensor_same_shape(a, b)) {
            mlscore_out_shape(call, i, a->type, a);
        }
    }
    mlscore_free(inputs);
    mlscore_free(made);
    return status;
}

static mlscore_status run_if(const mlscore_call *call)
{
    const struct control_state *state = call->state;
    const int other = !*(const uint8_t *)call->in[0]->data;
    const mlscore_graph *body = other ? state->other : state->body;
    mlscore_status status = MLSCORE_OK;
    mlscore_tensor *inputs = new_tensors(call, call->in_count, &status);
    mlscore_tensor *outputs = new_tensors(call, call->out_count, &status);

    for (uint32_t i = 0; !status && i < body->input_count; i++) {
        inputs[i] = *call->in[branch_first(call, other) + i];
    }
    status = status ? status : mlscore_graph_eval(body, inputs, outputs,
                                                  call->texts, call->err);
    for (uint32_t i = 0; !status && i < call->out_count; i++) {
        *call->out[i] = outputs[i];
    }
    mlscore_free(inputs);
    mlscore_free(outputs);
    return status;
}

/* --- collecting what iterations make
 * --------------------------------------------------- */

/* Results of all iterations, one behind the other, before they are laid out
 * with the new dimension where it belongs. */
struct collected {
    mlscore_tensor first; /* type and shape of one */
    char *bytes;
    size_t length, capacity, count;
};

static mlscore_status collect(const mlscore_call *call,
                              struct collected *all,
                              const mlscore_tensor *one)
{
    const size_t size =
        mlscore_tensor_count(one) * mlscore_dtype_size(one->type);

    if (all->count && (all->first.type != one->type ||
                       !mlscore_tensor_same_shape(&all->first, one))) {
        return mlscore_call_fail(call, MLSCORE_EINPUT,
                                 "iterations make different shapes");
    }
    if (all->length + size > all->capacity) {
        const size_t capacity = 2 * (all->length + size) + 64;
        char *bytes = capacity > MLSCORE_TENSOR_MAX_BYTES
                          ? NULL : mlscore_realloc(all->bytes, capacity);

        if (!bytes) {
            return mlscore_call_fail(call, MLSCORE_ELIMIT,
                                     "iterations make too much");
        }
        all->bytes = bytes;
        all->capacity = capacity;
    }
    all->first = *one;
    if (size) {
        memcpy(all->bytes + all->length, one->data, size);
    }
    all->length += size;
    all->count++;
    return MLSCORE_OK;
}

/* The results stacked along `axis`, in reverse when `backwards`. */
static mlscore_status stack(const mlscore_call *call, uint32_t output,
                            const struct collected *all, int64_t axis,
                            int backwards)
{
    mlscore_tensor *out = call->out[output];
    int at;

    if (all->count == 0) { /* no iteration: an empty dimension */
        out->type = out->type ? out->type : MLSCORE_DT_FLOAT;
        out->rank = out->rank < 1 ? 1 : out->rank;
        for (int d = 0; d < out->rank; d++) {
            out->dims[d] = d == 0 || out->dims[d] < 0 ? 0 : out->dims[d];
        }
        return mlscore_out_alloc(call, output);
    }
    if (all->first.rank == MAX) {
        return mlscore_call_fail(call, MLSCORE_ELIMIT, "too many dimensions");
    }
    mlscore_status status = mlscore_need_axis(call, axis, all->first.rank + 1,
                                              &at);
    if (status) {
        return status;
    }
    out->type = all->first.type;
    out->rank = all->first.rank + 1;
    for (int d = 0; d < out->rank; d++) {
        out->dims[d] = d == at ? (int64_t)all->count
                               : all->first.dims[d > at ? d - 1 : d];
    }
    status = mlscore_out_alloc(call, output);
    const size_t outer = mlscore_tensor_span(&all->first, 0, at);
    const size_t inner =
        mlscore_tensor_span(&all->first, at, all->first.rank) *
        mlscore_dtype_size(out->type);
    for (size_t i = 0; !status && i < all->count; i++) {
        const size_t place = backwards ? all->count - 1 - i : i;

        for (size_t o = 0; o < outer; o++) {
            memcpy((char *)out->data + (o * all->count + place) * inner,
                   all->bytes + (i * outer + o) * inner, inner);
        }
    }
    return status;
}

/* State passed from one iteration to the next. */
static void replace_state(mlscore_tensor *state, uint8_t *owned,
                          mlscore_tensor *next)
{
    if (*owned) {
        mlscore_free(state->data);
    }
    *state = *next;
    next->data = NULL;
    *owned = 1;
}

/* An output that is the last state: its own memory, or a copy. */
static mlscore_status give_state(const mlscore_call *call, uint32_t output,
                                 mlscore_tensor *state, uint8_t *owned)
{
    mlscore_tensor *out = call->out[output];

    *out = *state;
    if (*owned) {
        *owned = 0;
        return MLSCORE_OK;
    }
    mlscore_status status = mlscore_out_alloc(call, output);
    if (!status) {
        memcpy(out->data, state->data,
               mlscore_tensor_count(state) * mlscore_dtype_size(state->type));
    }
    return status;
}

/* --- Loop
 * ---------------------------------------------------------------------------
 */

static mlscore_status prepare_loop(mlscore_prepare *prepare)
{
    struct control_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (!state) {
        return prepare->status;
    }
    state->body = take_graph(prepare, "body");
    prepare->node->state = state;
    if (!prepare->status &&
        (state->body->input_count != prepare->node->input_count ||
         prepare->node->input_count < 2 + prepare->node->captured ||
         state->body->output_count - 1 <
             prepare->node->input_count - 2 - prepare->node->captured ||
         state->body->output_count < 1 ||
         state->body->output_count - 1 < prepare->node->output_count)) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "the body does not fit");
    }
    return prepare->status;
}

/* Inputs: count, condition, carried values, captures. */
static uint32_t loop_carried(const mlscore_call *call)
{
    return call->in_count - 2 - call->node->captured;
}

static mlscore_status infer_loop(mlscore_call *call)
{
    const struct control_state *state = call->state;
    const mlscore_graph *body = state->body;
    mlscore_status status = MLSCORE_OK;
    mlscore_tensor *inputs = new_tensors(call, call->in_count, &status);
    mlscore_tensor *made = new_tensors(call, body->output_count, &status);

    for (uint32_t i = 0; !status && i < call->in_count; i++) {
        if (i == 0) {
            inputs[i] = (mlscore_tensor){.type = MLSCORE_DT_INT64};
        }
        else if (i == 1) {
            inputs[i] = (mlscore_tensor){.type = MLSCORE_DT_BOOL};
        }
        else if (call->in[i]) {
            inputs[i] = *call->in[i];
        }
    }
    status = status ? status : shapes_of(call, body, inputs, made);
    for (uint32_t i = 0; !status && i < call->out_count; i++) {
        mlscore_out_unknown(call, i, made[i + 1].type);
    }
    mlscore_free(inputs);
    mlscore_free(made);
    return status;
}

static mlscore_status loop_rounds(const mlscore_call *call,
                                  mlscore_tensor *inputs, uint8_t *owned,
                                  mlscore_tensor *outputs,
                                  struct collected *scans, uint32_t carried)
{
    const struct control_state *state = call->state;
    const mlscore_graph *body = state->body;
    int64_t most = INT64_MAX, number = 0;
    uint8_t go = 1;
    mlscore_status status = MLSCORE_OK;

    if (mlscore_has_input(call, 0)) {
        mlscore_elements_to_int64(&most, call->in[0]->data, call->in[0]->type,
                                  1);
    }
    if (mlscore_has_input(call, 1)) {
        go = *(const uint8_t *)call->in[1]->data;
    }
    inputs[0] = (mlscore_tensor){.type = MLSCORE_DT_INT64, .data = &number};
    inputs[1] = (mlscore_tensor){.type = MLSCORE_DT_BOOL, .data = &go};
    for (; !status && go && number < most; number++) {
        if (number >= MLSCORE_LOOP_MAX) {
            return mlscore_call_fail(call, MLSCORE_ELIMIT,
                                     "does not come to an end");
        }
        status = mlscore_graph_eval(body, inputs, outputs, call->texts,
                                    call->err);
        if (status) {
            break;
        }
        if (outputs[0].type == MLSCORE_DT_BOOL) {
            go = *(const uint8_t *)outputs[0].data;
        }
        for (uint32_t i = 0; i < carried; i++) {
            replace_state(&inputs[2 + i], &owned[i], &outputs[1 + i]);
        }
        for (uint32_t i = 1 + carried; !status && i < body->output_count; i++) {
            status = collect(call, &scans[i], &outputs[i]);
        }
        mlscore_tensors_free(outputs, body->output_count);
    }
    return status;
}

static mlscore_status run_loop(const mlscore_call *call)
{
    const struct control_state *state = call->state;
    const uint32_t made = state->body->output_count;
    const uint32_t carried = loop_carried(call);
    mlscore_status status = MLSCORE_OK;
    mlscore_tensor *inputs = new_tensors(call, call->in_count, &status);
    mlscore_tensor *outputs = new_tensors(call, made, &status);
    uint8_t *owned = mlscore_calloc(call->in_count + 1, 1);
    struct collected *scans = mlscore_calloc(made + 1, sizeof(*scans));

    if (!status && (!owned || !scans)) {
        status = mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
    }
    for (uint32_t i = 2; !status && i < call->in_count; i++) {
        inputs[i] = *call->in[i];
    }
    status = status ? status : loop_rounds(call, inputs, owned, outputs, scans,
                                           carried);
    for (uint32_t i = 0; !status && i < call->out_count; i++) {
        status = i < carried ? give_state(call, i, &inputs[2 + i], &owned[i])
                             : stack(call, i, &scans[1 + i], 0, 0);
    }
    for (uint32_t i = 0; owned && inputs && i < carried; i++) {
        if (owned[i]) {
            mlscore_free(inputs[2 + i].data);
        }
    }
    for (uint32_t i = 0; scans && i < made; i++) {
        mlscore_free(scans[i].bytes);
    }
    mlscore_free(inputs);
    mlscore_free(outputs);
    mlscore_free(owned);
    mlscore_free(scans);
    return status;
}

/* --- Scan
 * ---------------------------------------------------------------------------
 */

static mlscore_status prepare_scan(mlscore_prepare *prepare)
{
    struct control_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (!state) {
        return prepare->status;
    }
    state->body = take_graph(prepare, "body");
    state->scans = mlscore_take_int(prepare, "num_scan_inputs", 0);
    state->in_axes = mlscore_take_ints(prepare, "scan_input_axes",
                                       &state->in_axis_count);
    state->out_axes = mlscore_take_ints(prepare, "scan_output_axes",
                                        &state->out_axis_count);
    state->in_ways = mlscore_take_ints(prepare, "scan_input_directions",
                                       &state->in_way_count);
    state->out_ways = mlscore_take_ints(prepare, "scan_output_directions",
                                        &state->out_way_count);
    prepare->node->state = state;
    if (!prepare->status &&
        (state->body->input_count != prepare->node->input_count ||
         state->scans < 1 ||
         state->scans > (int64_t)prepare->node->input_count ||
         state->body->output_count < prepare->node->output_count)) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "the body does not fit");
    }
    return prepare->status;
}

/* Inputs: states, then scanned ones, then captures. A state is given and
 * made: there are as many as outputs that are not stacked. */
struct scan_ports {
    uint32_t states, scans;
};

static mlscore_status scan_ports(const mlscore_call *call,
                                 struct scan_ports *ports)
{
    const struct control_state *state = call->state;
    const uint32_t captures = call->node->captured;

    ports->scans = (uint32_t)state->scans;
    ports->states = call->in_count - captures - ports->scans;
    return call->in_count < captures + ports->scans ||
                   ports->states > state->body->output_count
               ? mlscore_call_fail(call, MLSCORE_EFORMAT,
                                   "the body does not fit")
               : MLSCORE_OK;
}

static int64_t pick(const int64_t *list, size_t count, size_t i)
{
    return i < count ? list[i] : 0;
}

/* Shape of one slice of scanned input i. */
static mlscore_status slice_shape(const mlscore_call *call, uint32_t input,
                                  uint32_t scan, mlscore_tensor *out,
                                  int *axis)
{
    const struct control_state *state = call->state;
    const mlscore_tensor *in = call->in[input];

    *out = (mlscore_tensor){.type = in->type, .rank = -1};
    if (in->rank < 0) {
        return MLSCORE_OK;
    }
    mlscore_status status = mlscore_need_axis(
        call, pick(state->in_axes, state->in_axis_count, scan), in->rank,
        axis);
    out->rank = in->rank - 1;
    for (int d = 0; !status && d < out->rank; d++) {
        out->dims[d] = in->dims[d >= *axis ? d + 1 : d];
    }
    return status;
}

static mlscore_status infer_scan(mlscore_call *call)
{
    const struct control_state *state = call->state;
    const mlscore_graph *body = state->body;
    struct scan_ports ports;
    mlscore_status status = scan_ports(call, &ports);
    mlscore_tensor *inputs = new_tensors(call, call->in_count, &status);
    mlscore_tensor *made = new_tensors(call, body->output_count, &status);
    int64_t length = -1;

    for (uint32_t i = 0; !status && i < call->in_count; i++) {
        int axis = 0;

        inputs[i] = *call->in[i];
        if (i >= ports.states && i < ports.states + ports.scans) {
            status = slice_shape(call, i, i - ports.states, &inputs[i], &axis);
            if (!status && call->in[i]->rank > 0) {
                length = call->in[i]->dims[axis];
            }
        }
    }
    status = status ? status : shapes_of(call, body, inputs, made);
    for (uint32_t i = 0; !status && i < call->out_count; i++) {
        int axis = 0;

        mlscore_out_shape(call, i, made[i].type, &made[i]);
        if (i < ports.states || made[i].rank < 0 || made[i].rank == MAX) {
            continue;
        }
        status = mlscore_need_axis(
            call, pick(state->out_axes, state->out_axis_count,
                       i - ports.states), made[i].rank + 1, &axis);
        call->out[i]->rank++;
        for (int d = 0; d < call->out[i]->rank; d++) {
            call->out[i]->dims[d] =
                d == axis ? length : made[i].dims[d > axis ? d - 1 : d];
        }
    }
    mlscore_free(inputs);
    mlscore_free(made);
    return status;
}

/* Copy slice `at` of an input; the slice's memory is as large as needed. */
static void take_slice(const mlscore_tensor *in, int axis, size_t at,
                       mlscore_tensor *out)
{
    const size_t inner = mlscore_tensor_span(in, axis + 1, in->rank) *
                         mlscore_dtype_size(in->type);
    const size_t outer = mlscore_tensor_span(in, 0, axis);
    const size_t line = (size_t)in->dims[axis] * inner;

    for (size_t o = 0; o < outer; o++) {
        memcpy((char *)out->data + o * inner,
               (const char *)in->data + o * line + at * inner, inner);
    }
}

static mlscore_status scan_rounds(const mlscore_call *call,
                                  const struct scan_ports *ports,
                                  mlscore_tensor *inputs, uint8_t *owned,
                                  mlscore_tensor *outputs,
                                  struct collected *made, int64_t length)
{
    const struct control_state *state = call->state;
    mlscore_status status = MLSCORE_OK;

    for (int64_t round = 0; !status && round < length; round++) {
        for (uint32_t i = 0; i < ports->scans; i++) {
            const uint32_t input = ports->states + i;
            const int64_t given =
                pick(state->in_axes, state->in_axis_count, i);
            const int axis = (int)(given < 0 ? given + call->in[input]->rank
                                             : given);
            const int back = pick(state->in_ways, state->in_way_count, i) != 0;

            take_slice(call->in[input], axis,
                       (size_t)(back ? length - 1 - round : round),
                       &inputs[input]);
        }
        status = mlscore_graph_eval(state->body, inputs, outputs, call->texts,
                                    call->err);
        for (uint32_t i = 0; !status && i < state->body->output_count; i++) {
            if (i < ports->states) {
                replace_state(&inputs[i], &owned[i], &outputs[i]);
            }
            else {
                status = collect(call, &made[i], &outputs[i]);
            }
        }
        mlscore_tensors_free(outputs, state->body->output_count);
    }
    return status;
}

/* Memory for slices, and the number of rounds. */
static mlscore_status scan_inputs(const mlscore_call *call,
                                  const struct scan_ports *ports,
                                  mlscore_tensor *inputs, int64_t *length)
{
    mlscore_status status = MLSCORE_OK;

    *length = -1;
    for (uint32_t i = 0; !status && i < call->in_count; i++) {
        int axis = 0;
        size_t bytes;

        inputs[i] = *call->in[i];
        if (i < ports->states || i >= ports->states + ports->scans) {
            continue;
        }
        inputs[i].data = NULL;
        status = slice_shape(call, i, i - ports->states, &inputs[i], &axis);
        if (status) {
            break;
        }
        const int64_t own = call->in[i]->dims[axis];
        if ((*length >= 0 && own != *length) || own > MLSCORE_SCAN_MAX ||
            mlscore_tensor_bytes(&inputs[i], MLSCORE_TENSOR_MAX_BYTES,
                                 &bytes)) {
            return mlscore_call_fail(call, MLSCORE_EINPUT,
                                     "scanned inputs differ in length");
        }
        *length = own;
        inputs[i].data = mlscore_malloc_aligned(bytes ? bytes : 1);
        if (!inputs[i].data) {
            status = mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
        }
    }
    return status;
}

static mlscore_status run_scan(const mlscore_call *call)
{
    const struct control_state *state = call->state;
    const uint32_t count = state->body->output_count;
    struct scan_ports ports = {0};
    mlscore_status status = scan_ports(call, &ports);
    mlscore_tensor *inputs = new_tensors(call, call->in_count, &status);
    mlscore_tensor *outputs = new_tensors(call, count, &status);
    uint8_t *owned = mlscore_calloc(call->in_count + 1, 1);
    struct collected *made = mlscore_calloc(count + 1, sizeof(*made));
    int64_t length = 0;

    if (!status && (!owned || !made)) {
        status = mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
    }
    status = status ? status : scan_inputs(call, &ports, inputs, &length);
    status = status ? status : scan_rounds(call, &ports, inputs, owned, outputs,
                                           made, length);
    for (uint32_t i = 0; !status && i < call->out_count; i++) {
        const uint32_t scan = i - ports.states;

        status = i < ports.states
                     ? give_state(call, i, &inputs[i], &owned[i])
                     : stack(call, i, &made[i],
                             pick(state->out_axes, state->out_axis_count,
                                  scan),
                             pick(state->out_ways, state->out_way_count,
                                  scan) != 0);
    }
    for (uint32_t i = 0; inputs && i < ports.states + ports.scans; i++) {
        if (i >= ports.states || (owned && owned[i])) {
            mlscore_free(inputs[i].data);
        }
    }
    for (uint32_t i = 0; made && i < count; i++) {
        mlscore_free(made[i].bytes);
    }
    mlscore_free(inputs);
    mlscore_free(outputs);
    mlscore_free(owned);
    mlscore_free(made);
    return status;
}

#define CONTROL (MLSCORE_OP_MOVES | MLSCORE_OP_DYNAMIC | MLSCORE_OP_NO_FOLD)

static const mlscore_op rows[] = {
    {"", "If", 1, 0, 1, 255, 1, 255, CONTROL, 0, 0, prepare_if, infer_if,
     run_if, NULL, NULL, 0},
    {"", "Loop", 1, 0, 2, 255, 1, 255, CONTROL, 0, 0, prepare_loop, infer_loop,
     run_loop, NULL, NULL, 0},
    {"", "Scan", 9, 0, 1, 255, 1, 255, CONTROL, 0, 0, prepare_scan, infer_scan,
     run_scan, NULL, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_control, rows);
