// Depthwise convolutions of stride 1 over one group of images: each channel has a kernel of its own.
// Weights are in the order [channel][ky][kx].
#pragma once

#include "convolution.h"

// A channel's kernel stays in registers, beside the sums, where there are enough of them.
constexpr int DEPTHWISE_COLUMNS = NUM_REGISTERS >= 32 ? 7 : 4;

// No depthwise kernel is 1x1, so `with_kernel` would compile a third of the blocks for nothing.
template <class Body>
inline void with_depthwise_kernel(int kernel, Body body) {
    if (kernel == 3) body(std::integral_constant<int, 3>());
    else body(std::integral_constant<int, 5>());
}

// Passes the sums of COLUMNS neighbouring pixels to sink.put<COLUMNS>. `first` and `last` bound the rows of the kernel
// that lie on the map.
template <int K, int COLUMNS, class Sink>
inline void convolve_depthwise_block(
    const Tensor& in, const real* weights, int padding, int first, int last, int channel, int y, int x, Sink& sink) {
    vector sums[COLUMNS] = {};
    const auto add_row = [&](int ky) {
        const vector* row = in.row(channel, y + ky - padding) + x - padding;
        vector pixels[COLUMNS + K - 1];
#pragma GCC unroll 16
        for (int i = 0; i < COLUMNS + K - 1; ++i) pixels[i] = row[i];
#pragma GCC unroll 8
        for (int kx = 0; kx < K; ++kx) {
            const vector weight = splat(weights[ky * K + kx]);
#pragma GCC unroll 16
            for (int i = 0; i < COLUMNS; ++i) sums[i] += pixels[i + kx] * weight;
        }
    };
    if (first == 0 && last == K) {
#pragma GCC unroll 8
        for (int ky = 0; ky < K; ++ky) add_row(ky);
    } else {
        for (int ky = first; ky < last; ++ky) add_row(ky);
    }
    sink.template put<COLUMNS>(channel, y, x, sums);
}

// Computes all outputs of a depthwise convolution of `in`, which has a halo of at least `padding`.
template <class Sink>
void convolve_depthwise(const Tensor& in, const real* weights, int kernel, int padding, Sink& sink) {
    const int height = in.height + 2 * padding - kernel + 1, width = in.width + 2 * padding - kernel + 1;
    with_depthwise_kernel(kernel, [&](auto K) {
        for (int channel = 0; channel < in.channels; ++channel)
            for (int y = 0; y < height; ++y) {
                const int first = std::max(0, padding - y), last = std::min<int>(K, in.height + padding - y);
                for_tiles(width, DEPTHWISE_COLUMNS, [&](int x, int columns) {
                    with_constant<DEPTHWISE_COLUMNS>(columns, [&](auto COLUMNS) {
                        convolve_depthwise_block<K, COLUMNS>(
                            in, weights + channel * K * K, padding, first, last, channel, y, x, sink);
                    });
                });
            }
    });
}

// Adds the products of COLUMNS neighbouring pixels of a gradient with the inputs below rows `first` to `last` of
// the kernel.
template <int K, int COLUMNS>
inline void add_depthwise_products(
    const vector* gradients, const vector* inputs, size_t pitch, int first, int last, vector (&sums)[K][K]) {
    const auto add_row = [&](int ky) {
        const vector* row = inputs + ky * pitch;
        vector pixels[COLUMNS + K - 1];
#pragma GCC unroll 16
        for (int i = 0; i < COLUMNS + K - 1; ++i) pixels[i] = row[i];
#pragma GCC unroll 8
        for (int kx = 0; kx < K; ++kx)
#pragma GCC unroll 16
            for (int i = 0; i < COLUMNS; ++i) sums[ky][kx] += gradients[i] * pixels[i + kx];
    };
    if (first == 0 && last == K) {
#pragma GCC unroll 8
        for (int ky = 0; ky < K; ++ky) add_row(ky);
    } else {
        for (int ky = first; ky < last; ++ky) add_row(ky);
    }
}

// Adds the gradient of the weights, one sum per lane, to `sums_of_lanes`.
inline void add_depthwise_weight_gradient(
    const Tensor& in, const Tensor& gradient, int kernel, int padding, vector* sums_of_lanes) {
    constexpr int COLUMNS = 4;
    with_depthwise_kernel(kernel, [&](auto K) {
        for (int channel = 0; channel < in.channels; ++channel) {
            vector sums[K][K] = {};
            for (int y = 0; y < gradient.height; ++y) {
                const int first = std::max(0, padding - y), last = std::min<int>(K, in.height + padding - y);
                const vector* gradients = gradient.row(channel, y);
                const vector* inputs = in.row(channel, 0) + (y - padding) * ptrdiff_t(in.pitch()) - padding;
                for_tiles(gradient.width, COLUMNS, [&](int x, int columns) {
                    with_constant<COLUMNS>(columns, [&](auto SOME) {
                        add_depthwise_products<K, SOME>(gradients + x, inputs + x, in.pitch(), first, last, sums);
                    });
                });
            }
            for (int ky = 0; ky < K; ++ky)
                for (int kx = 0; kx < K; ++kx) sums_of_lanes[(channel * K + ky) * K + kx] += sums[ky][kx];
        }
    });
}
