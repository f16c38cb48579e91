// Depthwise convolutions of stride 1 over one group of images: each channel has a kernel of its own.
// Weights are in the order [channel][ky][kx].
#pragma once

#include "convolution.h"

// A channel's kernel stays in registers, beside the sums, where there are enough of them.
constexpr int DEPTHWISE_COLUMNS = 7;

// No depthwise kernel is 1x1, so `with_kernel` would compile a third of the blocks for nothing.
template <class Body>
ALWAYS_INLINE void with_depthwise_kernel(int kernel, Body body) {
    if (kernel == 3) body(std::integral_constant<int, 3>());
    else body(std::integral_constant<int, 5>());
}

// The rows of one channel that an output row is computed from, each from its first pixel in the padding on; `zeros`
// stands for rows above and below the map.
template <int K>
struct KernelRows {
    const vector* rows[K];

    KernelRows(const Tensor& in, const vector* zeros, int padding, int channel, int y) {
        for (int ky = 0; ky < K; ++ky) {
            const int row = y + ky - padding;
            rows[ky] = row >= 0 && row < in.height ? in.row(channel, row) - padding : zeros;
        }
    }
};

// Computes COLUMNS neighbouring pixels of row y of one channel.
template <int K, int COLUMNS, class Sink>
ALWAYS_INLINE void convolve_depthwise_block(
    const KernelRows<K>& in, const real* weights, int channel, int y, int x, Sink& sink) {
    vector sums[COLUMNS] = {};
#pragma GCC unroll 8
    for (int ky = 0; ky < K; ++ky) {
        const vector* row = in.rows[ky] + x;
#pragma GCC unroll 16
        for (int j = 0; j < COLUMNS + K - 1; ++j) {
            vector pixel = row[j];
            keep_in_register(pixel);
#pragma GCC unroll 8
            for (int kx = 0; kx < K; ++kx)
                if (j - kx >= 0 && j - kx < COLUMNS) sums[j - kx] += pixel * weights[ky * K + kx];
        }
    }
    sink.template put<COLUMNS>(channel, y, x, sums);
}

// Computes `count` blocks of COLUMNS neighbouring pixels of row y, from pixel x on, of one channel.
template <int K, int COLUMNS, class Sink>
NOINLINE void convolve_depthwise_run(
    const KernelRows<K>& in, const real* weights, int channel, int y, int x, int count, Sink& sink) {
    for (; count > 0; --count, x += COLUMNS) convolve_depthwise_block<K, COLUMNS>(in, weights, channel, y, x, sink);
}

// Computes all outputs of a depthwise convolution of `in`, which has a halo of at least `padding`. `zeros` has the
// length of a row with its halo.
template <class Sink>
void convolve_depthwise(
    const Tensor& in, const vector* zeros, const real* weights, int kernel, int padding, Sink& sink) {
    const int height = in.height + 2 * padding - kernel + 1, width = in.width + 2 * padding - kernel + 1;
    const Tiles columns(width, DEPTHWISE_COLUMNS);
    with_depthwise_kernel(kernel, [&](auto K) {
        for (int channel = 0; channel < in.channels; ++channel)
            for (int y = 0; y < height; ++y) {
                const KernelRows<K> rows(in, zeros, padding, channel, y);
                columns.for_runs<DEPTHWISE_COLUMNS>([&](int x, int count, auto COLUMNS) {
                    convolve_depthwise_run<K, COLUMNS>(rows, weights + channel * K * K, channel, y, x, count, sink);
                });
            }
    });
}

// Adds the products of COLUMNS neighbouring gradients with the inputs below all places of the kernel.
template <int K, int COLUMNS>
ALWAYS_INLINE void add_depthwise_products(
    const vector* gradients, const KernelRows<K>& in, int x, vector (&sums)[K][K]) {
#pragma GCC unroll 8
    for (int ky = 0; ky < K; ++ky) {
        vector pixels[COLUMNS + K - 1];
#pragma GCC unroll 16
        for (int i = 0; i < COLUMNS + K - 1; ++i) {
            pixels[i] = in.rows[ky][x + i];
            keep_in_register(pixels[i]);
        }
#pragma GCC unroll 8
        for (int i = 0; i < COLUMNS; ++i)
#pragma GCC unroll 8
            for (int kx = 0; kx < K; ++kx) sums[ky][kx] += gradients[x + i] * pixels[i + kx];
    }
}

// Adds the products of one channel's gradients with the inputs below all places of the kernel.
template <int K>
NOINLINE void add_depthwise_channel(
    const Tensor& in, const vector* zeros, const Tensor& gradient, int padding, int channel, vector* sums_of_lanes) {
    vector sums[K][K] = {};
    for (int y = 0; y < gradient.height; ++y) {
        const vector* gradients = gradient.row(channel, y);
        const KernelRows<K> inputs(in, zeros, padding, channel, y);
        int x = 0;
        for (; x + 1 < gradient.width; x += 2) add_depthwise_products<K, 2>(gradients, inputs, x, sums);
        if (x < gradient.width) add_depthwise_products<K, 1>(gradients, inputs, x, sums);
    }
    for (int i = 0; i < K * K; ++i) sums_of_lanes[channel * K * K + i] += sums[i / K][i % K];
}

// Adds the gradient of the weights, one sum per lane, to `sums_of_lanes`.
inline void add_depthwise_weight_gradient(
    const Tensor& in, const vector* zeros, const Tensor& gradient, int kernel, int padding, vector* sums_of_lanes) {
    with_depthwise_kernel(kernel, [&](auto K) {
        for (int channel = 0; channel < in.channels; ++channel)
            add_depthwise_channel<K>(in, zeros, gradient, padding, channel, sums_of_lanes);
    });
}
