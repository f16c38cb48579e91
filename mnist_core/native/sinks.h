// Consumers of a convolution's sums, which take COLUMNS neighbouring pixels of one channel while in registers.
#pragma once

#include "vectors.h"

enum class Relu : int32_t { NONE, LAST, BEFORE_BATCH_NORM };

struct StoreSink {
    const Tensor to;

    template <int COLUMNS>
    void put(int channel, int y, int x, const vector* sums) {
        vector* row = to.row(channel, y) + x;
        for (int i = 0; i < COLUMNS; ++i) row[i] = sums[i];
    }
};

// Adds the bias, stores the result, and accumulates the sums that BatchNorm needs.
struct ForwardSink {
    const Tensor z;
    const real* bias;   // or null
    const real* shift;  // near each channel's mean
    const bool relu_first;
    const vector lanes;
    vector *sum, *sum_squares;

    template <int COLUMNS>
    void put(int channel, int y, int x, const vector* sums) {
        vector* row = z.row(channel, y) + x;
        vector added{}, squares{};
        const vector b = splat(bias ? bias[channel] : 0), s = splat(shift[channel]);
        for (int i = 0; i < COLUMNS; ++i) {
            const vector value = sums[i] + b;
            row[i] = value;
            const vector shifted = ((relu_first ? relu(value) : value) - s) * lanes;
            added += shifted;
            squares += shifted * shifted;
        }
        sum[channel] += added;
        sum_squares[channel] += squares;
    }
};

// Takes gradients of y and replaces y by the gradients of BatchNorm's output (or the convolution's, without BatchNorm);
// accumulates the sums that BatchNorm's gradient needs.
struct GradientSink {
    const Tensor y, z;
    const Relu relu_kind;
    const uint8_t* keep;  // or null
    const real kept;      // the factor that dropout applied
    const real* shift;
    vector *sum, *sum_products;

    template <int COLUMNS>
    void put(int channel, int row, int x, const vector* gradients) {
        vector* to = y.row(channel, row) + x;
        const vector* values = z.row(channel, row) + x;
        vector added{}, products{};
        const vector factor = splat(kept), s = splat(shift[channel]);
        for (int i = 0; i < COLUMNS; ++i) {
            vector gradient = gradients[i] * factor;
            vector value = values[i];
            // If a ReLU comes last, y is above 0 only where ReLU passed the value and dropout kept it.
            if (relu_kind == Relu::LAST) {
                gradient = where(to[i] > vector{}, gradient);
            } else {
                if (keep) gradient *= widened(keep + ((size_t(channel) * z.height + row) * z.width + x + i) * LANES);
                if (relu_kind == Relu::BEFORE_BATCH_NORM) value = relu(value);
            }
            to[i] = gradient;
            added += gradient;
            products += gradient * (value - s);
        }
        sum[channel] += added;
        sum_products[channel] += products;
    }
};
