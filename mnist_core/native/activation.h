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

// The pools that are compiled on their own: kind and side of the squares, which is 0 if only known at run time.
template <PoolKind KIND, int SIDE>
struct Pool {
    static constexpr PoolKind kind = KIND;
    const int runtime_side;

    ALWAYS_INLINE int side() const { return SIDE ? SIDE : runtime_side; }
};

template <class Body>
ALWAYS_INLINE void with_pool(PoolKind kind, int side, Body body) {
    if (kind == PoolKind::AVERAGE && side == 2) body(Pool<PoolKind::AVERAGE, 2>{side});
    else if (kind == PoolKind::AVERAGE) body(Pool<PoolKind::AVERAGE, 0>{side});
    else if (side == 2) body(Pool<PoolKind::MAX, 2>{side});
    else body(Pool<PoolKind::MAX, 0>{side});
}

// The largest value(dy, dx) of a square.
template <class Value>
ALWAYS_INLINE vector largest(int side, Value value) {
    vector found = value(0, 0);
    for (int dy = 0; dy < side; ++dy)
        for (int dx = dy == 0; dx < side; ++dx) {
            const vector other = value(dy, dx);
            found = other > found ? other : found;
        }
    return found;
}

// Pools one channel. Pixels at the edge that do not fill a square are left out.
template <class Pool, class Activation>
ALWAYS_INLINE void pool_channel(
    Pool pool, const Activation& activation, const Tensor& z, const Tensor& pooled, int c) {
    const int side = pool.side();
    const vector share = splat(real(1) / (side * side));
    for (int y = 0; y < pooled.height; ++y) {
        const size_t first = (size_t(c) * z.height + y * side) * z.width;
        vector* to = pooled.row(c, y);
        for (int x = 0; x < pooled.width; ++x) {
            const auto value = [&](int dy, int dx) {
                const size_t index = first + size_t(dy) * z.width + x * side + dx;
                return activation.value(z.data[index], index);
            };
            if (Pool::kind == PoolKind::AVERAGE) {
                vector total{};
                for (int dy = 0; dy < side; ++dy)
                    for (int dx = 0; dx < side; ++dx) total += value(dy, dx);
                to[x] = total * share;
            } else {
                to[x] = largest(side, value);
            }
        }
    }
}

// Calls take(row, x, gradient, z) for each output of one channel, with the gradient of BatchNorm's output that follows
// from the gradient of the pooled values, but for the factor of what dropout keeps.
template <class Pool, class Activation, class Take>
ALWAYS_INLINE void for_pooled_gradients(
    Pool pool, const Activation& activation, const Tensor& z, const Tensor& pooled, int c, Take take) {
    const int side = pool.side();
    const vector share = splat(real(1) / (side * side));
    for (int y = 0; y < pooled.height; ++y) {
        const size_t first = (size_t(c) * z.height + y * side) * z.width;
        const vector* gradients = pooled.row(c, y);
        for (int x = 0; x < pooled.width; ++x) {
            const vector gradient = Pool::kind == PoolKind::AVERAGE ? gradients[x] * share : gradients[x];
            const auto index_of = [&](int dy, int dx) { return first + size_t(dy) * z.width + x * side + dx; };
            const auto value = [&](int dy, int dx) {
                return activation.value(z.data[index_of(dy, dx)], index_of(dy, dx));
            };
            // Of equal values, the first in reading order gets the gradient, as in PyTorch.
            const vector maximum = Pool::kind == PoolKind::MAX ? largest(side, value) : vector{};
            mask open = maximum == maximum;
            for (int dy = 0; dy < side; ++dy)
                for (int dx = 0; dx < side; ++dx) {
                    const size_t index = index_of(dy, dx);
                    vector part = gradient;
                    if (Pool::kind == PoolKind::MAX) {
                        const mask chosen = open & (value(dy, dx) == maximum);
                        open &= ~chosen;
                        part = where(chosen, part);
                    }
                    take(y * side + dy, x * side + dx, activation.passed(part, z.data[index], index), z.data[index]);
                }
        }
    }
    // Pixels that fill no square.
    const int height = pooled.height * side, width = pooled.width * side;
    for (int y = 0; y < z.height; ++y)
        for (int x = y < height ? width : 0; x < z.width; ++x) take(y, x, vector{}, z.row(c, y)[x]);
}
