/* SPDX-License-Identifier: Apache-2.0 */
/* Sentiment of the domain "rx": how positive an English text is, by a lexicon
 * that the model carries and by rules for what changes a word's weight
 * (negation, degree, capitals, "but", punctuation) after Hutto and Gilbert,
 * "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social
 * Media Text" (2014). */

#include <math.h>
#include <string.h>

#include "eval/graph/ops/key_table.h"
#include "eval/graph/ops/ops.h"
#include "eval/graph/ops/text_case.h"

enum { MOST_WORDS = 4096 /* the rest of a text is not looked at */ };

struct sentiment {
    mlscore_key_table lexicon, negations, boosters;
    const float *scores, *booster_scores;
};

static const char *const default_negations[] = {
    "not",     "never",    "no",      "none",   "nobody",  "nothing",
    "neither", "nor",      "nowhere", "cannot", "without", "hardly",
    "seldom",  "rarely",   "aint",    "arent",  "cant",    "couldnt",
    "didnt",   "doesnt",   "dont",    "hadnt",  "hasnt",   "havent",
    "isnt",    "shouldnt", "wasnt",   "werent", "wont",    "wouldnt"};

static const struct {
    const char *word;
    float score;
} default_boosters[] = {
    {"absolutely", 1},    {"amazingly", 1},     {"completely", 1},
    {"deeply", 1},        {"especially", 1},    {"exceptionally", 1},
    {"extremely", 1},     {"greatly", 1},       {"highly", 1},
    {"incredibly", 1},    {"more", 1},          {"most", 1},
    {"particularly", 1},  {"purely", 1},        {"quite", 1},
    {"really", 1},        {"remarkably", 1},    {"so", 1},
    {"substantially", 1}, {"thoroughly", 1},    {"totally", 1},
    {"tremendously", 1},  {"unusually", 1},     {"utterly", 1},
    {"very", 1},          {"almost", -1},       {"barely", -1},
    {"hardly", -1},       {"less", -1},         {"little", -1},
    {"marginally", -1},   {"occasionally", -1}, {"partly", -1},
    {"scarcely", -1},     {"slightly", -1},     {"somewhat", -1}};

enum {
    NEGATIONS = sizeof(default_negations) / sizeof(default_negations[0]),
    BOOSTERS = sizeof(default_boosters) / sizeof(default_boosters[0])
};

static const float booster_step = 0.293f;
static const float capitals_step = 0.733f;
static const float negation_factor = -0.74f;

static mlscore_text text_of(const char *word)
{
    return (mlscore_text){word, (uint32_t)strlen(word), -1};
}

/* The words of an attribute in lower case as a table, or else the defaults. */
static size_t take_words(mlscore_prepare *prepare, const char *name,
                         mlscore_key_table *table, const mlscore_text *others,
                         size_t other_count)
{
    size_t count;
    const mlscore_text *given = mlscore_take_strings(prepare, name, &count);
    const mlscore_text *from = count ? given : others;

    count = count ? count : other_count;
    mlscore_text *words = mlscore_prepare_alloc(prepare, count, sizeof(*words));
    for (size_t i = 0; words && i < count; i++) {
        if (mlscore_text_case(prepare->graph->arena, MLSCORE_CASE_LOWER,
                              &from[i], &words[i])) {
            mlscore_prepare_fail(prepare, MLSCORE_ENOMEM, "out of memory");
            return 0;
        }
    }
    if (!words || mlscore_key_table_texts(prepare, table, words, count)) {
        return 0;
    }
    return count;
}

static void take_boosters(mlscore_prepare *prepare, struct sentiment *state)
{
    size_t scores;
    mlscore_text words[BOOSTERS];
    float *steps = mlscore_prepare_alloc(prepare, BOOSTERS, sizeof(*steps));

    for (size_t i = 0; steps && i < BOOSTERS; i++) {
        words[i] = text_of(default_boosters[i].word);
        steps[i] = default_boosters[i].score * booster_step;
    }
    if (!steps) {
        return;
    }
    state->booster_scores =
        mlscore_take_floats(prepare, "booster_scores", &scores);
    const size_t count =
        take_words(prepare, "boosters", &state->boosters, words, BOOSTERS);
    if (!state->booster_scores) {
        state->booster_scores = steps;
        scores = BOOSTERS;
    }
    if (!prepare->status && scores != count) {
        mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                             "%zu 'boosters' and %zu 'booster_scores'", count,
                             scores);
    }
}

static mlscore_status prepare_sentiment(mlscore_prepare *prepare)
{
    struct sentiment *state = mlscore_prepare_alloc(prepare, 1, sizeof(*state));
    mlscore_text negations[NEGATIONS];
    size_t scores;

    if (!state) {
        return prepare->status;
    }
    for (size_t i = 0; i < NEGATIONS; i++) {
        negations[i] = text_of(default_negations[i]);
    }
    prepare->node->state = state;
    state->scores = mlscore_take_floats(prepare, "scores", &scores);
    const size_t count = take_words(prepare, "words", &state->lexicon, NULL, 0);
    if (!prepare->status && (count == 0 || count != scores)) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "needs a lexicon: as many 'words' as "
                                    "'scores', but there are %zu and %zu",
                                    count, scores);
    }
    take_words(prepare, "negations", &state->negations, negations, NEGATIONS);
    take_boosters(prepare, state);
    return prepare->status;
}

static mlscore_status infer_sentiment(mlscore_call *call)
{
    mlscore_out_shape(call, 0, MLSCORE_DT_FLOAT, call->in[0]);
    return mlscore_need_types(call, 0, MLSCORE_DTS_STRING);
}

/* --- a text ----------------------------------------------------------------
 */

struct word {
    mlscore_text lower;
    int capitals;
    float weight;
};

static int is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static int is_mark(char byte)
{
    return byte && strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", byte);
}

/* Some capital letter and no small one. */
static int is_capitals(const char *bytes, size_t length)
{
    int upper = 0;

    for (size_t i = 0; i < length; i++) {
        if (bytes[i] >= 'a' && bytes[i] <= 'z') {
            return 0;
        }
        upper |= bytes[i] >= 'A' && bytes[i] <= 'Z';
    }
    return upper && length > 1;
}

/* The word at *at without marks around it, unless the lexicon knows it with
 * them (":-)"). Returns 0 at the end, -1 when memory runs out. */
static int next_word(const struct sentiment *state, mlscore_arena *arena,
                     const mlscore_text *text, size_t *at, struct word *word)
{
    while (*at < text->length && is_space(text->bytes[*at])) {
        (*at)++;
    }
    size_t from = *at, to = *at;
    while (to < text->length && !is_space(text->bytes[to])) {
        to++;
    }
    *at = to;
    if (from == to) {
        return 0;
    }
    mlscore_text whole = {text->bytes + from, (uint32_t)(to - from), -1};
    if (mlscore_text_case(arena, MLSCORE_CASE_LOWER, &whole, &word->lower)) {
        return -1;
    }
    int64_t place = mlscore_key_table_text(&state->lexicon, word->lower.bytes,
                                           word->lower.length);
    if (place < 0) {
        while (word->lower.length && is_mark(word->lower.bytes[0])) {
            word->lower.bytes++;
            word->lower.length--;
        }
        while (word->lower.length &&
               is_mark(word->lower.bytes[word->lower.length - 1])) {
            word->lower.length--;
        }
        place = mlscore_key_table_text(&state->lexicon, word->lower.bytes,
                                       word->lower.length);
    }
    word->capitals = is_capitals(whole.bytes, whole.length);
    word->weight = place < 0 ? 0 : state->scores[place];
    return 1;
}

static int is_negation(const struct sentiment *state, const struct word *word)
{
    const mlscore_text *text = &word->lower;

    return mlscore_key_table_text(&state->negations, text->bytes,
                                  text->length) >= 0 ||
           (text->length > 3 &&
            !memcmp(text->bytes + text->length - 3, "n't", 3));
}

/* What a word weighs among the three before it. */
static float weight_at(const struct sentiment *state, const struct word *words,
                       size_t i, int shouting)
{
    static const float fading[] = {1, 0.95f, 0.9f};
    float weight = words[i].weight;

    if (weight == 0) {
        return 0;
    }
    if (shouting && words[i].capitals) {
        weight += weight > 0 ? capitals_step : -capitals_step;
    }
    for (size_t back = 1; back <= 3 && back <= i; back++) {
        const struct word *before = &words[i - back];
        const int64_t place = mlscore_key_table_text(
            &state->boosters, before->lower.bytes, before->lower.length);

        if (place >= 0) {
            float step = state->booster_scores[place] * fading[back - 1];

            step += shouting && before->capitals
                        ? copysignf(capitals_step, step)
                        : 0;
            weight += weight > 0 ? step : -step;
        }
    }
    for (size_t back = 1; back <= 3 && back <= i; back++) {
        if (is_negation(state, &words[i - back])) {
            weight *= negation_factor;
        }
    }
    return weight;
}

static float emphasis(const mlscore_text *text)
{
    int calls = 0, questions = 0;

    for (uint32_t i = 0; i < text->length; i++) {
        calls += calls < 4 && text->bytes[i] == '!';
        questions += questions < 4 && text->bytes[i] == '?';
    }
    return 0.292f * (float)calls + (questions > 3   ? 0.96f
                                    : questions > 1 ? 0.18f * (float)questions
                                                    : 0);
}

static float sum_of(const struct sentiment *state, const struct word *words,
                    size_t count)
{
    size_t capitals = 0, but = count;
    float sum = 0;

    for (size_t i = 0; i < count; i++) {
        capitals += words[i].capitals != 0;
        if (words[i].lower.length == 3 &&
            !memcmp(words[i].lower.bytes, "but", 3)) {
            but = i;
        }
    }
    const int shouting = capitals > 0 && capitals < count;
    for (size_t i = 0; i < count; i++) {
        const float weight = weight_at(state, words, i, shouting);

        sum += but == count ? weight : i < but ? weight * 0.5f : weight * 1.5f;
    }
    return sum;
}

static mlscore_status run_sentiment(const mlscore_call *call)
{
    const struct sentiment *state = call->state;
    const mlscore_text *texts = call->in[0]->data;
    const size_t rows = mlscore_tensor_count(call->in[0]);
    float *out = call->out[0]->data;
    struct word *words =
        mlscore_arena_alloc(call->texts, MOST_WORDS * sizeof(*words));

    for (size_t row = 0; row < rows && words; row++) {
        size_t at = 0, count = 0;
        int got = 1;

        while (count < MOST_WORDS &&
               (got = next_word(state, call->texts, &texts[row], &at,
                                &words[count])) > 0) {
            count++;
        }
        if (got < 0) {
            words = NULL;
            break;
        }
        float sum = sum_of(state, words, count);
        sum += sum > 0   ? emphasis(&texts[row])
               : sum < 0 ? -emphasis(&texts[row])
                         : 0;
        out[row] = (sum / sqrtf(sum * sum + 15) + 1) / 2;
    }
    return words ? MLSCORE_OK
                 : mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
}

static const mlscore_op rows[] = {
    {"rx", "Sentiment", 1, 0, 1, 1, 1, 1, 0, 0, 0, prepare_sentiment,
     infer_sentiment, run_sentiment, mlscore_batch_elementwise, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_rx_sentiment, rows);
