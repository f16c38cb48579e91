// Conversion of images of bytes to normalised input, each with its own affine transformation.
#pragma once

#include <algorithm>
#include <cmath>

#include "vectors.h"

constexpr int SIDE = 28;
constexpr int NUM_PIXELS = SIDE * SIDE;

// One image with a border of background, wide enough to interpolate everywhere between -1 and SIDE.
class BorderedImage {
public:
    void load(const uint8_t* image) {
        for (int y = 0; y < SIDE; ++y)
            for (int x = 0; x < SIDE; ++x) pixels_[y + 1][x + 1] = image[y * SIDE + x];
    }

    // Computes output row y under `transform` (2x3, output to input coordinates, sides from -1 to 1) by bilinear
    // interpolation, like torch's grid_sample with align_corners=False and zeros for padding.
    void sample_row(const float* transform, int y, real* output) const {
        const real half = real(SIDE) / 2, centre = half - real(0.5);
        const real a = transform[0], b = transform[1] * (y - centre) + half * transform[2] + centre;
        const real c = transform[3], d = transform[4] * (y - centre) + half * transform[5] + centre;
        for (int x = 0; x < SIDE; ++x) {
            const real source_x = inside(a * (x - centre) + b) + 1, source_y = inside(c * (x - centre) + d) + 1;
            const int left = int(source_x), top = int(source_y);
            const real dx = source_x - left, dy = source_y - top;
            const real* corner = &pixels_[top][left];
            output[x] = (1 - dy) * ((1 - dx) * corner[0] + dx * corner[1]) +
                        dy * ((1 - dx) * corner[PITCH] + dx * corner[PITCH + 1]);
        }
    }

private:
    static constexpr int PITCH = 32;
    real pixels_[SIDE + 4][PITCH] = {};

    static real inside(real coordinate) { return std::min(std::max(coordinate, real(-1)), real(SIDE)); }
};

inline bool is_identity(const float* transform) {
    const float identity[6] = {1, 0, 0, 0, 1, 0};
    return std::equal(identity, identity + 6, transform);
}

// Fills `input`, which has 1 channel, with `num_images` images; the remaining lanes become 0. Without transforms, and
// where one moves nothing, the pixels are only normalised.
inline void load_images(
    const uint8_t* images, const int64_t* indices, int num_images, const float* transforms, double mean, double std,
    const Tensor& input) {
    static thread_local BorderedImage bordered;
    const real shift = real(255 * mean), scale = real(1 / (255 * std));
    if (num_images < LANES) std::memset(static_cast<void*>(input.data), 0, input.num_vectors() * sizeof(vector));
    for (int lane = 0; lane < num_images; ++lane) {
        const int64_t index = indices[lane];
        const uint8_t* image = images + index * NUM_PIXELS;
        const bool moves = transforms && !is_identity(transforms + 6 * lane);
        if (moves) bordered.load(image);
        real row[SIDE];
        for (int y = 0; y < SIDE; ++y) {
            if (moves) bordered.sample_row(transforms + 6 * lane, y, row);
            else for (int x = 0; x < SIDE; ++x) row[x] = image[y * SIDE + x];
            real* output = reinterpret_cast<real*>(input.row(0, y)) + lane;
            for (int x = 0; x < SIDE; ++x) output[size_t(x) * LANES] = (row[x] - shift) * scale;
        }
    }
}
