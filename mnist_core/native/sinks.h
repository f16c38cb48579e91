// Consumers of a convolution's sums, which take COLUMNS neighbouring pixels of one channel while in registers.
// `start(channel)` is what a sum begins with.
#pragma once

#include "dropout.h"
#include "vectors.h"

enum class Relu : int32_t { NONE, LAST, BEFORE_BATCH_NORM };

struct StoreSink {
    const Tensor to;

    ALWAYS_INLINE vector start(int) const { return vector{}; }

    template <int COLUMNS>
    ALWAYS_INLINE void put(int channel, int y, int x, const vector* sums) {
        vector* row = to.row(channel, y) + x;
#pragma GCC unroll 16
        for (int i = 0; i < COLUMNS; ++i) row[i] = sums[i];
    }
};

// Stores the result, after a ReLU if `has_relu`.
struct EvaluationSink {
    const Tensor to;
    const real* starts;
    const bool has_relu;

    ALWAYS_INLINE vector start(int channel) const { return splat(starts[channel]); }

    template <int COLUMNS>
    ALWAYS_INLINE void put(int channel, int y, int x, const vector* sums) {
        vector* row = to.row(channel, y) + x;
#pragma GCC unroll 16
        for (int i = 0; i < COLUMNS; ++i) row[i] = has_relu ? relu(sums[i]) : sums[i];
    }
};

// Stores the result, and accumulates the sums that BatchNorm needs.
struct ForwardSink {
    const Tensor z;
    const real* starts;
    const bool relu_first;
    const real* shift;  // near the mean of each channel of relu(z), if `relu_first`
    vector *sum, *sum_squares;

    ALWAYS_INLINE vector start(int channel) const { return splat(starts[channel]); }

    template <int COLUMNS>
    ALWAYS_INLINE void put(int channel, int y, int x, const vector* sums) {
        vector* row = z.row(channel, y) + x;
        vector added = sum[channel], squares = sum_squares[channel];
        if (relu_first) {
            const vector s = splat(shift[channel]);
#pragma GCC unroll 16
            for (int i = 0; i < COLUMNS; ++i) {
                row[i] = sums[i];
                const vector value = relu(sums[i]) - s;
                added += value;
                squares += value * value;
            }
        } else {
#pragma GCC unroll 16
            for (int i = 0; i < COLUMNS; ++i) {
                row[i] = sums[i];
                added += sums[i];
                squares += sums[i] * sums[i];
            }
        }
        sum[channel] = added;
        sum_squares[channel] = squares;
    }
};

// Of the sums of a convolution of stride 1, passes on those of one of stride 2: every second one of every second row.
template <class Sink>
struct EverySecond {
    Sink& sink;

    ALWAYS_INLINE vector start(int channel) const { return sink.start(channel); }

    template <int COLUMNS>
    ALWAYS_INLINE void put(int channel, int y, int x, const vector* sums) {
        if (y % 2) return;
        for (int i = x % 2; i < COLUMNS; i += 2) sink.template put<1>(channel, y / 2, (x + i) / 2, sums + i);
    }
};

// Stores sums at every second place of every second row.
struct SpreadingSink {
    const Tensor to;

    ALWAYS_INLINE vector start(int) const { return vector{}; }

    template <int COLUMNS>
    ALWAYS_INLINE void put(int channel, int y, int x, const vector* sums) {
        vector* row = to.row(channel, 2 * y) + 2 * x;
#pragma GCC unroll 16
        for (int i = 0; i < COLUMNS; ++i) row[2 * i] = sums[i];
    }
};

// Takes gradients of y and replaces y by the gradients of BatchNorm's output (or the convolution's, without BatchNorm),
// but for the factor of what dropout keeps; accumulates the sums that BatchNorm's gradient needs.
struct GradientSink {
    const Tensor y, z;
    const Relu relu_kind;
    const KeptBits kept;  // or none
    const real* shift;
    vector *sum, *sum_products;

    ALWAYS_INLINE vector start(int) const { return vector{}; }

    template <int COLUMNS>
    ALWAYS_INLINE void put(int channel, int row, int x, const vector* gradients) {
        vector* to = y.row(channel, row) + x;
        const vector* values = z.row(channel, row) + x;
        vector added = sum[channel], products = sum_products[channel];
        // If a ReLU comes last, y is above 0 only where ReLU passed the value and dropout kept it.
        if (relu_kind == Relu::LAST) {
#pragma GCC unroll 16
            for (int i = 0; i < COLUMNS; ++i) {
                const vector gradient = where(to[i] > vector{}, gradients[i]);
                to[i] = gradient;
                added += gradient;
                products += gradient * values[i];
            }
        } else {
            for (int i = 0; i < COLUMNS; ++i) {
                vector gradient = gradients[i], value = values[i];
                if (kept) gradient = where(kept[(size_t(channel) * z.height + row) * z.width + x + i], gradient);
                if (relu_kind == Relu::BEFORE_BATCH_NORM) value = relu(value) - splat(shift[channel]);
                to[i] = gradient;
                added += gradient;
                products += gradient * value;
            }
        }
        sum[channel] = added;
        sum_products[channel] = products;
    }
};
