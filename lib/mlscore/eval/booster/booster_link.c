/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Link functions: from the sum of the trees to the prediction.
 */

#include <float.h>
#include <math.h>

#include "eval/booster/booster_plan.h"

/* XGBoost's: the exponent is kept from overflowing. */
static float sigmoid_float(float margin)
{
    const float exponent = fminf(-margin, 88.7f);

    return 1.0f / (expf(exponent) + 1.0f + 1e-16f);
}

/* XGBoost adds the exponentials as double and divides as float. */
static void softmax_float(const double *sums, uint32_t count, double *out)
{
    float largest = (float)sums[0];
    double total = 0;

    for (uint32_t k = 1; k < count; k++) {
        largest = fmaxf(largest, (float)sums[k]);
    }
    for (uint32_t k = 0; k < count; k++) {
        const float e = expf((float)sums[k] - largest);

        out[k] = e;
        total += e;
    }
    for (uint32_t k = 0; k < count; k++) {
        out[k] = (float)out[k] / (float)total;
    }
}

static void softmax(const double *sums, uint32_t count, double divisor,
                    double *out)
{
    double largest = sums[0] / divisor;
    double total = 0;

    for (uint32_t k = 1; k < count; k++) {
        largest = fmax(largest, sums[k] / divisor);
    }
    for (uint32_t k = 0; k < count; k++) {
        out[k] = exp(sums[k] / divisor - largest);
        total += out[k];
    }
    for (uint32_t k = 0; k < count; k++) {
        out[k] /= total;
    }
}

static double first_largest(const double *sums, uint32_t count)
{
    uint32_t best = 0;

    for (uint32_t k = 1; k < count; k++) {
        if (sums[k] > sums[best]) {
            best = k;
        }
    }
    return best;
}

static double link_one(const booster_header *header, double x)
{
    switch (header->link) {
    case BOOSTER_LINK_SIGMOID_FLOAT:
        return sigmoid_float((float)x);
    case BOOSTER_LINK_EXP_FLOAT:
        return expf((float)x);
    case BOOSTER_LINK_HINGE:
        return x > 0;
    case BOOSTER_LINK_SIGMOID:
        return 1.0 / (1.0 + exp(-header->parameter * x));
    case BOOSTER_LINK_EXP:
        return exp(x);
    case BOOSTER_LINK_SQUARE:
        return x < 0 ? -x * x : x * x;
    case BOOSTER_LINK_LOG1P_EXP:
        return log1p(exp(x));
    default:
        return x;
    }
}

void booster_link_apply(const booster_header *header, const double *sums,
                        double *prediction)
{
    const uint32_t count = header->output_count;

    switch (header->link) {
    case BOOSTER_LINK_SOFTMAX_FLOAT:
        softmax_float(sums, count, prediction);
        break;
    case BOOSTER_LINK_SOFTMAX:
        softmax(sums, count, header->divisor, prediction);
        break;
    case BOOSTER_LINK_ARGMAX:
        prediction[0] = first_largest(sums, count);
        break;
    default:
        for (uint32_t k = 0; k < count; k++) {
            prediction[k] = link_one(header, sums[k] / header->divisor);
        }
        break;
    }
}
