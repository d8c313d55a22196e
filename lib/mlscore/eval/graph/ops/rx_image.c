/* SPDX-License-Identifier: Apache-2.0 */
/* Images of the domain "rx": LoadImage, ResizeImage, ExtractPixels. Between
 * these operators an image is a text: the bytes of a PNG, JPEG or BMP file, or
 * after ResizeImage the pixels themselves behind a head. Files are decoded
 * where their pixels are needed, one at a time. */

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "eval/graph/limits.h"
#include "eval/graph/ops/ops.h"
#include "picture/picture.h"

/* The head of pixels: these bytes, width, height. */
static const char raw_magic[4] = {'R', 'G', 'B', 'A'};

enum { RAW_HEAD = 12, MOST_SIDE = 4096 };

/* Name the row in a message about its image. */
static mlscore_status bad_row(const mlscore_call *call, size_t row,
                              const mlscore_error *why)
{
    return mlscore_call_fail(call, why->status, "row %zu: %s", row + 1,
                             why->message);
}

static mlscore_status infer_images(mlscore_call *call)
{
    mlscore_out_shape(call, 0, MLSCORE_DT_STRING, call->in[0]);
    return mlscore_need_types(call, 0, MLSCORE_DTS_STRING);
}

/* --- LoadImage ------------------------------------------------------------ */

static int base64_digit(char digit)
{
    if (digit >= 'A' && digit <= 'Z') {
        return digit - 'A';
    }
    if (digit >= 'a' && digit <= 'z') {
        return digit - 'a' + 26;
    }
    if (digit >= '0' && digit <= '9') {
        return digit - '0' + 52;
    }
    return digit == '+' || digit == '-'   ? 62
           : digit == '/' || digit == '_' ? 63
                                          : -1;
}

/* Bytes behind base64 of either alphabet, white space and padding ignored;
 * SIZE_MAX when it is no base64. */
static size_t base64_bytes(const char *text, size_t length, char *out)
{
    size_t made = 0;
    uint32_t bits = 0;
    unsigned count = 0;

    for (size_t i = 0; i < length; i++) {
        const int digit = base64_digit(text[i]);

        if (digit >= 0) {
            bits = bits << 6 | (uint32_t)digit;
            count += 6;
            if (count >= 8) {
                count -= 8;
                out[made++] = (char)(bits >> count & 0xff);
            }
        }
        else if (text[i] != '=' && text[i] != '\n' && text[i] != '\r' &&
                 text[i] != ' ') {
            return SIZE_MAX;
        }
    }
    return made;
}

static mlscore_status load(const mlscore_call *call, size_t row,
                           const mlscore_text *in, mlscore_text *out)
{
    const char *text = in->bytes;
    size_t length = in->length;
    mlscore_error why = {0};
    mlscore_picture picture;

    if (length > 5 &&
        !memcmp(text, "data:", 5)) { /* data:image/png;base64,.. */
        const char *comma = memchr(text, ',', length);

        length = comma ? length - (size_t)(comma + 1 - text) : 0;
        text = comma ? comma + 1 : text;
    }
    char *bytes = mlscore_arena_alloc(call->texts, length / 4 * 3 + 4);
    if (!bytes) {
        return mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
    }
    const size_t made = base64_bytes(text, length, bytes);
    if (made == SIZE_MAX || made == 0) {
        return mlscore_call_fail(call, MLSCORE_EINPUT,
                                 "row %zu: an image is the base64 form of a "
                                 "PNG, JPEG or BMP file, which this is not",
                                 row + 1);
    }
    if (mlscore_picture_size(&picture, bytes, made, &why)) {
        return bad_row(call, row, &why);
    }
    *out = (mlscore_text){bytes, (uint32_t)made, -1};
    return MLSCORE_OK;
}

static mlscore_status run_load(const mlscore_call *call)
{
    const mlscore_text *in = call->in[0]->data;
    mlscore_text *out = call->out[0]->data;
    const size_t count = mlscore_tensor_count(call->in[0]);
    mlscore_status status = MLSCORE_OK;

    for (size_t i = 0; !status && i < count; i++) {
        status = load(call, i, &in[i], &out[i]);
    }
    return status;
}

/* --- pixels of a text ------------------------------------------------------
 */

/* Pixels are borrowed from the text or, when *owned, to be freed. */
static mlscore_status pixels_of(const mlscore_text *text,
                                mlscore_picture *picture, int *owned,
                                mlscore_error *err)
{
    *owned = 0;
    if (text->length >= RAW_HEAD && !memcmp(text->bytes, raw_magic, 4)) {
        picture->width = mlscore_load_u32(text->bytes + 4);
        picture->height = mlscore_load_u32(text->bytes + 8);
        picture->pixels = (uint8_t *)(uintptr_t)text->bytes + RAW_HEAD;
        if (picture->width == 0 || picture->width > MOST_SIDE ||
            picture->height == 0 || picture->height > MOST_SIDE ||
            text->length - RAW_HEAD !=
                (uint64_t)picture->width * picture->height * 4) {
            return mlscore_error_set(err, MLSCORE_EINPUT,
                                     "the image is damaged");
        }
        return MLSCORE_OK;
    }
    *owned = 1;
    return mlscore_picture_read(picture, text->bytes, text->length, err);
}

/* --- ResizeImage ---------------------------------------------------------- */

struct resize_state {
    uint32_t width, height;
    mlscore_picture_fit fit;
};

/* A side's length, between 1 and MOST_SIDE. */
static uint32_t take_side(mlscore_prepare *prepare, const char *name,
                          int64_t fallback)
{
    const int64_t side = mlscore_take_int(prepare, name, fallback);

    if (side < 1 || side > MOST_SIDE) {
        mlscore_prepare_fail(prepare, MLSCORE_EFORMAT, "'%s' must be 1 to %d",
                             name, MOST_SIDE);
        return 1;
    }
    return (uint32_t)side;
}

static mlscore_status prepare_resize(mlscore_prepare *prepare)
{
    static const char *const fits[] = {"IsoPad", "IsoCrop", "Aniso", NULL};
    struct resize_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->width = take_side(prepare, "width", 224);
        state->height = take_side(prepare, "height", 224);
        state->fit = (mlscore_picture_fit)mlscore_take_word(
            prepare, "resizing", fits, MLSCORE_PICTURE_CROP);
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status resize(const mlscore_call *call, size_t row,
                             const mlscore_text *in, mlscore_text *out)
{
    const struct resize_state *state = call->state;
    const size_t size = RAW_HEAD + (size_t)state->width * state->height * 4;
    mlscore_picture picture;
    mlscore_picture to = {.width = state->width, .height = state->height};
    mlscore_error why = {0};
    int owned;

    if (pixels_of(in, &picture, &owned, &why)) {
        return bad_row(call, row, &why);
    }
    char *bytes = mlscore_arena_alloc(call->texts, size);
    if (bytes) {
        memcpy(bytes, raw_magic, 4);
        mlscore_store_u32(bytes + 4, to.width);
        mlscore_store_u32(bytes + 8, to.height);
        to.pixels = (uint8_t *)bytes + RAW_HEAD;
        mlscore_picture_resize(&picture, state->fit, &to);
        *out = (mlscore_text){bytes, (uint32_t)size, -1};
    }
    if (owned) {
        mlscore_picture_free(&picture);
    }
    return bytes ? MLSCORE_OK
                 : mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
}

static mlscore_status run_resize(const mlscore_call *call)
{
    const struct resize_state *state = call->state;
    const mlscore_text *in = call->in[0]->data;
    mlscore_text *out = call->out[0]->data;
    const size_t count = mlscore_tensor_count(call->in[0]);
    mlscore_status status = MLSCORE_OK;

    if (count > MLSCORE_TENSOR_MAX_BYTES / 4 / state->width / state->height) {
        return mlscore_call_fail(call, MLSCORE_ELIMIT,
                                 "%zu images are too many for one request",
                                 count);
    }
    for (size_t i = 0; !status && i < count; i++) {
        status = resize(call, i, &in[i], &out[i]);
    }
    return status;
}

/* --- ExtractPixels -------------------------------------------------------- */

struct extract_state {
    uint32_t width, height;
    int planes;
    int channel[4]; /* of the pixel, for each plane */
    int interleave, convert;
    float offset, scale;
};

static mlscore_status prepare_extract(mlscore_prepare *prepare)
{
    static const struct {
        const char *name;
        int channel, fallback;
    } uses[] = {{"use_alpha", 3, 0},
                {"use_red", 0, 1},
                {"use_green", 1, 1},
                {"use_blue", 2, 1}};
    struct extract_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (!state) {
        return prepare->status;
    }
    prepare->node->state = state;
    state->width = take_side(prepare, "width", 224);
    state->height = take_side(prepare, "height", 224);
    for (int i = 0; i < 4; i++) {
        if (mlscore_take_int(prepare, uses[i].name, uses[i].fallback)) {
            state->channel[state->planes++] = uses[i].channel;
        }
    }
    state->interleave = mlscore_take_int(prepare, "interleave_argb", 0) != 0;
    state->convert = mlscore_take_int(prepare, "convert", 1) != 0;
    state->offset = mlscore_take_float(prepare, "offset", 0);
    state->scale = mlscore_take_float(prepare, "scale", 1);
    return state->planes ? prepare->status
                         : mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                                "uses no colour at all");
}

static mlscore_status infer_extract(mlscore_call *call)
{
    const struct extract_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const int64_t dims[2] = {in->rank > 0 ? in->dims[0] : -1,
                             (int64_t)state->width * state->height *
                                 state->planes};

    if (in->rank == 0 || in->rank > 2 || (in->rank == 2 && in->dims[1] > 1)) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "needs one image a row");
    }
    mlscore_out_dims(
        call, 0, state->convert ? MLSCORE_DT_FLOAT : MLSCORE_DT_UINT8, 2, dims);
    return mlscore_need_types(call, 0, MLSCORE_DTS_STRING);
}

static void extract(const struct extract_state *state,
                    const mlscore_picture *picture, void *out)
{
    const size_t count = (size_t)state->width * state->height;
    const size_t planes = (size_t)state->planes;
    float *real = out;
    uint8_t *whole = out;

    for (size_t plane = 0; plane < planes; plane++) {
        const uint8_t *from = picture->pixels + state->channel[plane];

        for (size_t i = 0; i < count; i++) {
            const size_t at =
                state->interleave ? i * planes + plane : plane * count + i;

            if (state->convert) {
                real[at] = ((float)from[i * 4] - state->offset) * state->scale;
            }
            else {
                whole[at] = from[i * 4];
            }
        }
    }
}

static mlscore_status extract_row(const mlscore_call *call, size_t row)
{
    const struct extract_state *state = call->state;
    const size_t width =
        (size_t)call->out[0]->dims[1] * (state->convert ? sizeof(float) : 1);
    mlscore_picture picture;
    mlscore_error why = {0};
    mlscore_status status = MLSCORE_OK;
    int owned;

    if (pixels_of((const mlscore_text *)call->in[0]->data + row, &picture,
                  &owned, &why)) {
        return bad_row(call, row, &why);
    }
    if (picture.width != state->width || picture.height != state->height) {
        status = mlscore_call_fail(call, MLSCORE_EINPUT,
                                   "row %zu: the image has %u x %u pixels, the "
                                   "model needs %u x %u",
                                   row + 1, picture.width, picture.height,
                                   state->width, state->height);
    }
    else {
        extract(state, &picture, (char *)call->out[0]->data + row * width);
    }
    if (owned) {
        mlscore_picture_free(&picture);
    }
    return status;
}

static mlscore_status run_extract(const mlscore_call *call)
{
    const size_t rows = mlscore_tensor_count(call->in[0]);
    mlscore_status status = MLSCORE_OK;

    for (size_t row = 0; !status && row < rows; row++) {
        status = extract_row(call, row);
    }
    return status;
}

static const mlscore_op rows[] = {
    {"rx", "LoadImage", 1, 0, 1, 1, 1, 1, 0, 0, 0, NULL, infer_images, run_load,
     mlscore_batch_elementwise, NULL, 0},
    {"rx", "ResizeImage", 1, 0, 1, 1, 1, 1, 0, 0, 0, prepare_resize,
     infer_images, run_resize, mlscore_batch_elementwise, NULL, 0},
    {"rx", "ExtractPixels", 1, 0, 1, 1, 1, 1, 0, 0, 0, prepare_extract,
     infer_extract, run_extract, mlscore_batch_rows, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_rx_image, rows);
