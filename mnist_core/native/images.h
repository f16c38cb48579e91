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
        for (int y = 0; y < SIDE; ++y) std::memcpy(&pixels_[y + 1][1], image + y * SIDE, SIDE);
    }

    // Computes output row y under `transform` (2x3, output to input coordinates, sides from -1 to 1) by bilinear
    // interpolation, like torch's grid_sample with align_corners=False and zeros for padding.
    void sample_row(const float* transform, int y, real* output) const {
        const real half = real(SIDE) / 2, centre = half - real(0.5);
        const real a = transform[0], b = transform[1] * (y - centre) + half * transform[2] + centre;
        const real c = transform[3], d = transform[4] * (y - centre) + half * transform[5] + centre;
        // Three loops, since only the middle one can't be computed with vectors; whole vectors, beyond the row's end.
        real dx[PITCH], dy[PITCH];
        integer places[PITCH], corners[PITCH];
        for (int x = 0; x < PITCH; ++x) {
            const real source_x = inside(a * (x - centre) + b) + 1, source_y = inside(c * (x - centre) + d) + 1;
            const integer left = integer(source_x), top = integer(source_y);
            dx[x] = source_x - left;
            dy[x] = source_y - top;
            places[x] = top * PITCH + left;
        }
        for (int x = 0; x < SIDE; ++x) {
            const uint8_t* corner = pixels_[0] + places[x];
            const int above = corner[0] | corner[1] << 8, below = corner[PITCH] | corner[PITCH + 1] << 8;
            corners[x] = above | below << 16;
        }
        for (int x = 0; x < SIDE; ++x) {
            const integer four = corners[x];
            const real top_left = four & 255, top_right = four >> 8 & 255;
            const real bottom_left = four >> 16 & 255, bottom_right = four >> 24 & 255;
            output[x] = (1 - dy[x]) * ((1 - dx[x]) * top_left + dx[x] * top_right) +
                        dy[x] * ((1 - dx[x]) * bottom_left + dx[x] * bottom_right);
        }
    }

private:
    static constexpr int PITCH = 32;
    uint8_t pixels_[SIDE + 3][PITCH] = {};

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
    static thread_local BorderedImage bordered[LANES];
    const real shift = real(255 * mean), scale = real(1 / (255 * std));
    if (num_images < LANES) std::memset(static_cast<void*>(input.data), 0, input.num_vectors() * sizeof(vector));
    bool moves[LANES] = {};
    for (int lane = 0; lane < num_images; ++lane) {
        moves[lane] = transforms && !is_identity(transforms + 6 * lane);
        if (moves[lane]) bordered[lane].load(images + indices[lane] * NUM_PIXELS);
    }
    // A row of all images is written before the next one, while it is in the cache.
    for (int y = 0; y < SIDE; ++y) {
        real* output = reinterpret_cast<real*>(input.row(0, y));
        for (int lane = 0; lane < num_images; ++lane) {
            real row[SIDE];
            const uint8_t* pixels = images + indices[lane] * NUM_PIXELS + y * SIDE;
            if (moves[lane]) bordered[lane].sample_row(transforms + 6 * lane, y, row);
            else for (int x = 0; x < SIDE; ++x) row[x] = pixels[x];
            for (int x = 0; x < SIDE; ++x) output[size_t(x) * LANES + lane] = (row[x] - shift) * scale;
        }
    }
}
