// Direct convolutions of stride 1 over one group of images, tiled so that the sums stay in registers.
#pragma once

#include <algorithm>
#include <type_traits>

#include "vectors.h"

// The output channels and the neighbouring pixels whose sums are kept in registers.
constexpr int max_channels(int kernel) { return NUM_REGISTERS >= 32 || kernel == 1 ? 4 : 2; }
constexpr int max_columns(int kernel) { return NUM_REGISTERS < 32 && kernel == 1 ? 3 : 4; }

// Calls body with `value`, from 1 to LARGEST, as a compile-time constant.
template <int LARGEST, class Body>
ALWAYS_INLINE void with_constant(int value, Body body) {
    if constexpr (LARGEST == 1) {
        body(std::integral_constant<int, 1>());
    } else if (value == LARGEST) {
        body(std::integral_constant<int, LARGEST>());
    } else {
        with_constant<LARGEST - 1>(value, body);
    }
}

// Tiles of at most `largest` that cover 0..count as evenly as possible: first `num_larger` of size + 1, then `num_others`
// of `size`.
struct Tiles {
    int size, num_larger, num_others;

    Tiles(int count, int largest) {
        const int num_tiles = (count + largest - 1) / largest;
        size = count / num_tiles;
        num_larger = count % num_tiles;
        num_others = num_tiles - num_larger;
    }

    // Calls body(first, count, SIZE) for the tiles of each size together; LARGEST is the largest size.
    template <int LARGEST, class Body>
    ALWAYS_INLINE void for_runs(Body body) const {
        if (num_larger > 0)
            with_constant<LARGEST>(size + 1, [&](auto SIZE) { body(0, num_larger, SIZE); });
        with_constant<LARGEST>(size, [&](auto SIZE) { body(num_larger * (size + 1), num_others, SIZE); });
    }
};

// Calls body(first, size) for tiles of at most `largest` that cover 0..count as evenly as possible.
template <class Body>
ALWAYS_INLINE void for_tiles(int count, int largest, Body body) {
    const Tiles tiles(count, largest);
    int first = 0;
    for (int tile = 0; tile < tiles.num_larger; ++tile, first += tiles.size + 1) body(first, tiles.size + 1);
    for (int tile = 0; tile < tiles.num_others; ++tile, first += tiles.size) body(first, tiles.size);
}

template <class Body>
ALWAYS_INLINE void with_kernel(int kernel, Body body) {
    if (kernel == 1) body(std::integral_constant<int, 1>());
    else if (kernel == 3) body(std::integral_constant<int, 3>());
    else body(std::integral_constant<int, 5>());
}

// Packs weights in the order in which `convolve` reads them: [output tile][in][ky][kx][output in tile]. The strides are
// the distances between the kernels of neighbouring channels; `rotates` turns kernels by 180 degrees.
// `factor(out)` scales the weights of an output channel.
template <class Factor>
inline void pack_weights(
    const real* weights, int num_out, int num_in, int kernel, size_t out_stride, size_t in_stride, bool rotates,
    real* packed, Factor factor) {
    const int area = kernel * kernel;
    for_tiles(num_out, max_channels(kernel), [&](int first, int size) {
        for (int in = 0; in < num_in; ++in)
            for (int i = 0; i < area; ++i) {
                const real* weight = weights + first * out_stride + in * in_stride + (rotates ? area - 1 - i : i);
                for (int out = 0; out < size; ++out, weight += out_stride) *packed++ = *weight * factor(first + out);
            }
    });
}

// Passes the sums of OUT output channels and COLUMNS neighbouring pixels of row y to sink.put<COLUMNS>. `rows` is the
// first pixel of the first row that is read, of which there are `num_rows` in each channel.
template <int K, int OUT, int COLUMNS, class Sink>
ALWAYS_INLINE void convolve_block(
    const Tensor& in, const vector* rows, const real* weights, int num_rows, int channel, int y, int x, Sink& sink) {
    vector sums[OUT][COLUMNS];
#pragma GCC unroll 8
    for (int out = 0; out < OUT; ++out) {
        const vector start = sink.start(channel + out);
#pragma GCC unroll 8
        for (int i = 0; i < COLUMNS; ++i) sums[out][i] = start;
    }
    const size_t pitch = in.pitch(), step = in.height * pitch;
    for (int c = 0; c < in.channels; ++c, rows += step, weights += K * K * OUT) {
        const vector* row = rows;
        const real* w = weights;
        for (int ky = 0; ky < (K == 1 ? 1 : num_rows); ++ky, row += pitch, w += K * OUT) {
            vector pixels[COLUMNS + K - 1];
#pragma GCC unroll 16
            for (int i = 0; i < COLUMNS + K - 1; ++i) {
                pixels[i] = row[i];
                if constexpr (K == 1) keep_in_register(pixels[i]);
            }
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

// Computes `count` blocks of COLUMNS neighbouring pixels of row y, from pixel x on, of OUT output channels.
template <int K, int OUT, int COLUMNS, class Sink>
NOINLINE void convolve_run(
    const Tensor& in, const real* weights, int padding, int channel, int y, int x, int count, Sink& sink) {
    // Rows of padding above and below are skipped; columns of padding are zeros in the halo.
    const int first = std::max(0, padding - y), last = std::min(K, in.height + padding - y);
    const vector* rows = in.row(0, y + first - padding) - padding;
    weights += first * K * OUT;
    for (; count > 0; --count, x += COLUMNS)
        convolve_block<K, OUT, COLUMNS>(in, rows + x, weights, last - first, channel, y, x, sink);
}

// Computes all outputs of a convolution of `in`, which has a halo of at least `padding`, row by row: the rows that are
// read stay in the cache for all output channels.
template <class Sink>
void convolve(const Tensor& in, const real* packed, int kernel, int padding, int num_out, Sink& sink) {
    const int height = in.height + 2 * padding - kernel + 1, width = in.width + 2 * padding - kernel + 1;
    const Tiles columns(width, max_columns(kernel));
    with_kernel(kernel, [&](auto K) {
        for (int y = 0; y < height; ++y)
            for_tiles(num_out, max_channels(K), [&](int channel, int channels) {
                const real* weights = packed + size_t(channel) * in.channels * K * K;
                with_constant<max_channels(K)>(channels, [&](auto OUT) {
                    columns.for_runs<max_columns(K)>([&](int x, int count, auto COLUMNS) {
                        convolve_run<K, OUT, COLUMNS>(in, weights, padding, channel, y, x, count, sink);
                    });
                });
            });
    });
}

// Adds the products of OUT channels of the gradient with row ky of the kernel over IN channels of the input.
template <int K, int OUT, int IN>
NOINLINE void add_weight_gradient_block(
    const Tensor& in, const Tensor& gradient, int padding, int ky, int out, int c, vector* sums_of_lanes) {
    vector sums[OUT][IN][K] = {};
    const int first = std::max(0, padding - ky), last = std::min(gradient.height, in.height + padding - ky);
    const size_t out_step = gradient.height * gradient.pitch(), in_step = in.height * in.pitch();
    for (int y = first; y < last; ++y) {
        const vector* outputs = gradient.row(out, y);
        const vector* inputs = in.row(c, y + ky - padding) - padding;
        for (int x = 0; x < gradient.width; ++x) {
            vector g[OUT];
#pragma GCC unroll 8
            for (int i = 0; i < OUT; ++i) {
                g[i] = outputs[i * out_step + x];
                keep_in_register(g[i]);
            }
#pragma GCC unroll 8
            for (int j = 0; j < IN; ++j)
#pragma GCC unroll 8
                for (int kx = 0; kx < K; ++kx) {
                    vector pixel = inputs[j * in_step + x + kx];
                    keep_in_register(pixel);
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

// The sums of a block, of which there are OUT x IN x K, fill the registers but for those of the values they are made of.
template <int K>
constexpr int GRADIENT_OUT = NUM_REGISTERS >= 32 ? 4 : K == 5 ? 2 : 3;
template <int K>
constexpr int GRADIENT_IN = NUM_REGISTERS >= 32 ? (K == 5 ? 1 : K == 3 ? 2 : 6) : (K == 1 ? 4 : 1);

// Adds the gradient of the weights, one sum per lane, to `sums_of_lanes`, in the order [out][in][ky][kx].
inline void add_weight_gradient(
    const Tensor& in, const Tensor& gradient, int kernel, int padding, vector* sums_of_lanes) {
    with_kernel(kernel, [&](auto K) {
        for_tiles(gradient.channels, GRADIENT_OUT<K>, [&](int out, int num_out) {
            with_constant<GRADIENT_OUT<K>>(num_out, [&](auto OUT) {
                for_tiles(in.channels, GRADIENT_IN<K>, [&](int c, int num_in) {
                    with_constant<GRADIENT_IN<K>>(num_in, [&](auto IN) {
                        for (int ky = 0; ky < K; ++ky)
                            add_weight_gradient_block<K, OUT, IN>(in, gradient, padding, ky, out, c, sums_of_lanes);
                    });
                });
            });
        });
    });
}
