// What follows a convolution, channel by channel: BatchNorm's affine map, ReLU, dropout and pooling over squares that do
// not overlap, and the gradient of these. What is pooled is never stored; the backward pass computes it again.
#pragma once

#include <type_traits>

#include "dropout.h"
#include "sinks.h"
#include "vectors.h"

enum class PoolKind : int32_t { MAX, AVERAGE };

// From the outputs z of one channel to its values before pooling. `index` counts the vectors of z.
template <Relu RELU, bool DROPS>
struct Activation {
    vector scale, offset;  // the factor for values that dropout keeps is part of them
    KeptBits kept;
    vector shift;  // see Normalisation

    ALWAYS_INLINE vector mapped(vector z) const {
        return (RELU == Relu::BEFORE_BATCH_NORM ? relu(z) : z) * scale + offset;
    }
    ALWAYS_INLINE vector value(vector z, size_t index) const {
        const vector y = RELU == Relu::LAST ? relu(mapped(z)) : mapped(z);
        return DROPS ? where(kept[index], y) : y;
    }
    // The part of a gradient of the value that passes dropout and a last ReLU.
    ALWAYS_INLINE vector passed(vector gradient, vector z, size_t index) const {
        if (RELU == Relu::LAST) gradient = where(mapped(z) > vector{}, gradient);
        return DROPS ? where(kept[index], gradient) : gradient;
    }
    // What BatchNorm takes, shifted.
    ALWAYS_INLINE vector shifted(vector z) const { return RELU == Relu::BEFORE_BATCH_NORM ? relu(z) - shift : z; }
    // The part of a gradient of what BatchNorm takes that passes a first ReLU.
    ALWAYS_INLINE vector before_normalisation(vector gradient, vector z) const {
        return RELU == Relu::BEFORE_BATCH_NORM ? where(z > vector{}, gradient) : gradient;
    }
};

// Calls body with the Activation of one channel.
template <class Body>
ALWAYS_INLINE void with_activation(Relu kind, vector scale, vector offset, KeptBits kept, vector shift, Body body) {
    const auto with_dropout = [&](auto RELU) {
        if (kept) body(Activation<RELU, true>{scale, offset, kept, shift});
        else body(Activation<RELU, false>{scale, offset, kept, shift});
    };
    if (kind == Relu::LAST) with_dropout(std::integral_constant<Relu, Relu::LAST>());
    else if (kind == Relu::NONE) with_dropout(std::integral_constant<Relu, Relu::NONE>());
    else with_dropout(std::integral_constant<Relu, Relu::BEFORE_BATCH_NORM>());
}

// Calls body(size) with the side of a pool's squares, as a compile-time constant for the usual 2.
template <class Body>
ALWAYS_INLINE void with_pool_size(int size, Body body) {
    if (size == 2) body(std::integral_constant<int, 2>());
    else body(size);
}

// Pools one channel. Pixels at the edge that do not fill a square are left out.
template <class Activation>
void pool_channel(PoolKind kind, int side, const Activation& activation, const Tensor& z, const Tensor& pooled, int c) {
    with_pool_size(side, [&](auto size) {
        const vector share = splat(real(1) / (size * size));
        for (int y = 0; y < pooled.height; ++y) {
            const size_t first = (size_t(c) * z.height + y * size) * z.width;
            vector* to = pooled.row(c, y);
            const auto value = [&](int x, int dy, int dx) {
                const size_t index = first + size_t(dy) * z.width + x * size + dx;
                return activation.value(z.data[index], index);
            };
            for (int x = 0; x < pooled.width; ++x) {
                vector result = value(x, 0, 0);
                for (int dy = 0; dy < size; ++dy)
                    for (int dx = dy == 0; dx < size; ++dx) {
                        const vector other = value(x, dy, dx);
                        if (kind == PoolKind::AVERAGE) result += other;
                        else result = other > result ? other : result;
                    }
                to[x] = kind == PoolKind::AVERAGE ? result * share : result;
            }
        }
    });
}

// Calls take(row, x, gradient, z) for each output of one channel, with the gradient of BatchNorm's output that follows
// from the gradient of the pooled values, but for the factor of what dropout keeps.
template <class Activation, class Take>
void for_pooled_gradients(
    PoolKind kind, int side, const Activation& activation, const Tensor& z, const Tensor& pooled, int c, Take take) {
    with_pool_size(side, [&](auto size) {
        const vector share = splat(real(1) / (size * size));
        for (int y = 0; y < pooled.height; ++y) {
            const size_t first = (size_t(c) * z.height + y * size) * z.width;
            const vector* gradients = pooled.row(c, y);
            for (int x = 0; x < pooled.width; ++x) {
                const auto index_of = [&](int dy, int dx) { return first + size_t(dy) * z.width + x * size + dx; };
                const auto value = [&](int dy, int dx) {
                    return activation.value(z.data[index_of(dy, dx)], index_of(dy, dx));
                };
                vector largest = value(0, 0), gradient = gradients[x];
                if (kind == PoolKind::AVERAGE) gradient *= share;
                else
                    for (int dy = 0; dy < size; ++dy)
                        for (int dx = dy == 0; dx < size; ++dx)
                            largest = value(dy, dx) > largest ? value(dy, dx) : largest;
                // Of equal values, the first in reading order gets the gradient, as in PyTorch.
                mask open = largest == largest;
                for (int dy = 0; dy < size; ++dy)
                    for (int dx = 0; dx < size; ++dx) {
                        const size_t index = index_of(dy, dx);
                        vector part = gradient;
                        if (kind == PoolKind::MAX) {
                            const mask chosen = open & (value(dy, dx) == largest);
                            open &= ~chosen;
                            part = where(chosen, part);
                        }
                        take(y * size + dy, x * size + dx, activation.passed(part, z.data[index], index), z.data[index]);
                    }
            }
        }
        // Pixels that fill no square.
        const int height = pooled.height * size, width = pooled.width * size;
        for (int y = 0; y < z.height; ++y)
            for (int x = y < height ? width : 0; x < z.width; ++x) take(y, x, vector{}, z.row(c, y)[x]);
    });
}
