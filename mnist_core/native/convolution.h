// Direct convolutions of stride 1 over one group of images, tiled so that the sums stay in registers.
#pragma once

#include <algorithm>
#include <type_traits>

#include "vectors.h"

constexpr int MAX_CHANNELS = NUM_REGISTERS >= 32 ? 4 : 2;
constexpr int MAX_COLUMNS = 4;

// Calls body(first, size) for tiles of at most `largest` that cover 0..count as evenly as possible.
template <class Body>
inline void for_tiles(int count, int largest, Body body) {
    const int num_tiles = (count + largest - 1) / largest;
    for (int tile = 0, first = 0; tile < num_tiles; ++tile) {
        const int size = count / num_tiles + (tile < count % num_tiles);
        body(first, size);
        first += size;
    }
}

// Calls body with `value`, from 1 to LARGEST, as a compile-time constant.
template <int LARGEST, class Body>
inline void with_constant(int value, Body body) {
    if constexpr (LARGEST == 1) {
        body(std::integral_constant<int, 1>());
    } else if (value == LARGEST) {
        body(std::integral_constant<int, LARGEST>());
    } else {
        with_constant<LARGEST - 1>(value, body);
    }
}

template <class Body>
inline void with_kernel(int kernel, Body body) {
    if (kernel == 1) body(std::integral_constant<int, 1>());
    else if (kernel == 3) body(std::integral_constant<int, 3>());
    else body(std::integral_constant<int, 5>());
}

// Packs weight(out, in, ky, kx) in the order in which `convolve` reads it: [output tile][in][ky][kx][output in tile].
template <class Weight>
inline void pack_weights(int num_out, int num_in, int kernel, real* packed, Weight weight) {
    for_tiles(num_out, MAX_CHANNELS, [&](int first, int size) {
        for (int in = 0; in < num_in; ++in)
            for (int ky = 0; ky < kernel; ++ky)
                for (int kx = 0; kx < kernel; ++kx)
                    for (int out = first; out < first + size; ++out) *packed++ = weight(out, in, ky, kx);
    });
}

// Passes the sums of OUT output channels and COLUMNS neighbouring pixels of row y to sink.put<COLUMNS>.
template <int K, int OUT, int COLUMNS, class Sink>
inline void convolve_block(const Tensor& in, const real* weights, int padding, int channel, int y, int x, Sink& sink) {
    vector sums[OUT][COLUMNS] = {};
    // Rows of padding above and below are skipped; columns of padding are zeros in the halo.
    const int first = std::max(0, padding - y), last = std::min(K, in.height + padding - y);
    for (int c = 0; c < in.channels; ++c) {
        for (int ky = first; ky < last; ++ky) {
            const vector* row = in.row(c, y + ky - padding) + x - padding;
            const real* w = weights + (c * K + ky) * K * OUT;
            vector pixels[COLUMNS + K - 1];
#pragma GCC unroll 8
            for (int i = 0; i < COLUMNS + K - 1; ++i) pixels[i] = row[i];
#pragma GCC unroll 8
            for (int kx = 0; kx < K; ++kx)
#pragma GCC unroll 8
                for (int out = 0; out < OUT; ++out)
#pragma GCC unroll 8
                    for (int i = 0; i < COLUMNS; ++i) sums[out][i] += pixels[i + kx] * w[kx * OUT + out];
        }
    }
#pragma GCC unroll 8
    for (int out = 0; out < OUT; ++out) sink.template put<COLUMNS>(channel + out, y, x, sums[out]);
}

// Computes all outputs of a convolution of `in`, which has a halo of at least `padding`.
template <class Sink>
void convolve(const Tensor& in, const real* packed, int kernel, int padding, int num_out, Sink& sink) {
    const int height = in.height + 2 * padding - kernel + 1, width = in.width + 2 * padding - kernel + 1;
    with_kernel(kernel, [&](auto K) {
        for_tiles(num_out, MAX_CHANNELS, [&](int channel, int channels) {
            const real* weights = packed + size_t(channel) * in.channels * K * K;
            with_constant<MAX_CHANNELS>(channels, [&](auto OUT) {
                for (int y = 0; y < height; ++y)
                    for_tiles(width, MAX_COLUMNS, [&](int x, int columns) {
                        with_constant<MAX_COLUMNS>(columns, [&](auto COLUMNS) {
                            convolve_block<K, OUT, COLUMNS>(in, weights, padding, channel, y, x, sink);
                        });
                    });
            });
        });
    });
}

template <int K, int OUT, int IN>
inline void add_weight_gradient_block(
    const Tensor& in, const Tensor& gradient, int padding, int ky, int out, int c, vector* sums_of_lanes) {
    vector sums[OUT][IN][K] = {};
    const int first = std::max(0, padding - ky), last = std::min(gradient.height, in.height + padding - ky);
    for (int y = first; y < last; ++y) {
        const vector* outputs = gradient.row(out, y);
        const vector* inputs = in.row(c, y + ky - padding) - padding;
        const size_t out_step = gradient.height * gradient.pitch(), in_step = in.height * in.pitch();
        for (int x = 0; x < gradient.width; ++x) {
            vector g[OUT];
#pragma GCC unroll 8
            for (int i = 0; i < OUT; ++i) g[i] = outputs[i * out_step + x];
#pragma GCC unroll 8
            for (int j = 0; j < IN; ++j)
#pragma GCC unroll 8
                for (int kx = 0; kx < K; ++kx) {
                    const vector pixel = inputs[j * in_step + x + kx];
#pragma GCC unroll 8
                    for (int i = 0; i < OUT; ++i) sums[i][j][kx] += g[i] * pixel;
                }
        }
    }
    for (int i = 0; i < OUT; ++i)
        for (int j = 0; j < IN; ++j)
            for (int kx = 0; kx < K; ++kx)
                sums_of_lanes[((size_t(out + i) * in.channels + c + j) * K + ky) * K + kx] += sums[i][j][kx];
}

// Adds the gradient of the weights, one sum per lane, to `sums_of_lanes`, in the order [out][in][ky][kx].
inline void add_weight_gradient(
    const Tensor& in, const Tensor& gradient, int kernel, int padding, vector* sums_of_lanes) {
    with_kernel(kernel, [&](auto K) {
        constexpr int MAX_IN = K == 5 ? 1 : NUM_REGISTERS >= 32 ? (K == 3 ? 2 : 4) : (K == 3 ? 1 : 2);
        for_tiles(gradient.channels, MAX_CHANNELS, [&](int out, int num_out) {
            with_constant<MAX_CHANNELS>(num_out, [&](auto OUT) {
                for_tiles(in.channels, MAX_IN, [&](int c, int num_in) {
                    with_constant<MAX_IN>(num_in, [&](auto IN) {
                        for (int ky = 0; ky < K; ++ky)
                            add_weight_gradient_block<K, OUT, IN>(in, gradient, padding, ky, out, c, sums_of_lanes);
                    });
                });
            });
        });
    });
}
