// Pooling over squares that do not overlap, and its gradient.
#pragma once

#include <type_traits>

#include "vectors.h"

enum class PoolKind : int32_t { MAX, AVERAGE };

// Calls body(size) with the side of a pool's squares, as a compile-time constant for the usual 2.
template <class Body>
inline void with_pool_size(int size, Body body) {
    if (size == 2) body(std::integral_constant<int, 2>());
    else body(size);
}

// The largest of count values.
template <class Values>
inline vector largest(int count, const Values& value) {
    vector found = value(0);
    for (int i = 1; i < count; ++i) found = value(i) > found ? value(i) : found;
    return found;
}

// Pools channel c of `from` into `to`. Pixels at the edge that do not fill a square are left out.
inline void pool_channel(PoolKind kind, int side, const Tensor& from, const Tensor& to, int c) {
    with_pool_size(side, [&](auto size) {
        const vector share = splat(real(1) / (size * size));
        for (int y = 0; y < to.height; ++y)
            for (int x = 0; x < to.width; ++x) {
                const vector* corner = from.row(c, y * size) + x * size;
                const auto value = [&](int i) { return corner[i / size * from.pitch() + i % size]; };
                if (kind == PoolKind::MAX) {
                    to.row(c, y)[x] = largest(size * size, value);
                } else {
                    vector total = value(0);
                    for (int i = 1; i < size * size; ++i) total += value(i);
                    to.row(c, y)[x] = total * share;
                }
            }
    });
}

// Writes the gradient of row y of squares, which are `side` rows of `width` vectors, to `rows`. `from` holds the values
// that were pooled, `gradient` the gradients of the pooled ones. Pixels at the edge that fill no square are not written.
inline void unpool_row(
    PoolKind kind, int side, const Tensor& from, const Tensor& gradient, int c, int y, vector* rows) {
    with_pool_size(side, [&](auto size) {
        const vector share = splat(real(1) / (size * size));
        for (int x = 0; x < gradient.width; ++x) {
            const vector whole = gradient.row(c, y)[x];
            const auto to = [&](int i) -> vector& { return rows[size_t(i / size) * from.width + x * size + i % size]; };
            if (kind == PoolKind::AVERAGE) {
                for (int i = 0; i < size * size; ++i) to(i) = whole * share;
                continue;
            }
            const vector* corner = from.row(c, y * size) + x * size;
            const auto value = [&](int i) { return corner[i / size * from.pitch() + i % size]; };
            const vector maximum = largest(size * size, value);
            // Of equal values, the first in reading order gets the gradient, as in PyTorch.
            mask open = maximum == maximum;
            for (int i = 0; i < size * size; ++i) {
                const mask first = open & (value(i) == maximum);
                open &= ~first;
                to(i) = where(first, whole);
            }
        }
    });
}
