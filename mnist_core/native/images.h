// Conversion of images of bytes to normalised input, each with its own affine transformation and change of tone.
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "vectors.h"

constexpr int MAX_WIDTH = 1024;  // of an image, as in space/layers.py

// Sizes of the images: numbers, or for MNIST's constants, with which the compiler unrolls the loops over a row.
template <class Channels = int32_t, class Height = int32_t, class Width = int32_t>
struct ImageSizes {
    Channels channels;
    Height height;
    Width width;

    constexpr size_t num_bytes() const { return size_t(channels) * height * width; }
    // Bytes from one row to the next of an image with a border of background, which is wide enough to interpolate
    // everywhere between -1 and the side; of whole vectors.
    constexpr int pitch() const { return (width + 3 + 15) / 16 * 16; }
    constexpr size_t plane() const { return size_t(height + 3) * pitch(); }
};

using ImageShape = ImageSizes<>;
using MnistSizes = ImageSizes<
    std::integral_constant<int, 1>, std::integral_constant<int, 28>, std::integral_constant<int, 28>>;

// How a batch's images are changed; each pointer is null where nothing is.
struct Augmentation {
    const float* transforms;  // (num_images, 2, 3)
    const float* tones;       // (num_images, 2): contrast and brightness, as in augmentation.py
};

// Where the pixels of one row of output lie in a bordered image, and how far between its pixels.
struct Places {
    real dx[MAX_WIDTH + 32], dy[MAX_WIDTH + 32];
    integer corners[MAX_WIDTH + 32];
};

// Computes the places of output row y under `transform` (2x3, from output to input coordinates, which count pixels from
// the centre, with shifts in halves of the sides), like torch's grid_sample with align_corners=False.
template <class Sizes>
inline void find_places(const Sizes& sizes, const float* transform, int y, Places& places) {
    const int pitch = sizes.pitch();
    const auto inside = [](real coordinate, int side) { return std::min(std::max(coordinate, real(-1)), real(side)); };
    const real half_x = real(sizes.width) / 2, half_y = real(sizes.height) / 2;
    const real centre_x = half_x - real(0.5), centre_y = half_y - real(0.5);
    const real a = transform[0], b = transform[1] * (y - centre_y) + half_x * transform[2] + centre_x;
    const real c = transform[3], d = transform[4] * (y - centre_y) + half_y * transform[5] + centre_y;
    // Whole vectors, beyond the row's end.
    for (int x = 0; x < pitch; ++x) {
        const real source_x = inside(a * (x - centre_x) + b, sizes.width) + 1;
        const real source_y = inside(c * (x - centre_x) + d, sizes.height) + 1;
        const integer left = integer(source_x), top = integer(source_y);
        places.dx[x] = source_x - left;
        places.dy[x] = source_y - top;
        places.corners[x] = top * pitch + left;
    }
}

// Interpolates a row of one channel of a bordered image bilinearly.
template <class Sizes>
inline void sample_row(const Sizes& sizes, const uint8_t* bordered, const Places& places, real* output) {
    const int pitch = sizes.pitch();
    integer corners[MAX_WIDTH];
    // A loop of its own, since it can't be computed with vectors.
    for (int x = 0; x < sizes.width; ++x) {
        const uint8_t* corner = bordered + places.corners[x];
        const int above = corner[0] | corner[1] << 8, below = corner[pitch] | corner[pitch + 1] << 8;
        corners[x] = above | below << 16;
    }
    for (int x = 0; x < sizes.width; ++x) {
        const integer four = corners[x];
        const real dx = places.dx[x], dy = places.dy[x];
        const real top_left = four & 255, top_right = four >> 8 & 255;
        const real bottom_left = four >> 16 & 255, bottom_right = four >> 24 & 255;
        output[x] = (1 - dy) * ((1 - dx) * top_left + dx * top_right) + dy * ((1 - dx) * bottom_left + dx * bottom_right);
    }
}

inline bool is_identity(const float* transform) {
    const float identity[6] = {1, 0, 0, 0, 1, 0};
    return std::equal(identity, identity + 6, transform);
}

// Images of one shape, of which up to LANES are loaded at a time.
class ImageLoader {
public:
    explicit ImageLoader(const ImageShape& shape)
        : shape_(shape), bordered_(LANES * size_t(shape.channels) * shape.plane()) {}

    // Fills `input` with `num_images` of the (any, height, width, channels) bytes; the remaining lanes become 0. What an
    // augmentation leaves as it is, is only normalised.
    void load(
        const uint8_t* images, const int64_t* indices, int num_images, const Augmentation& augmentation, double mean,
        double std, const Tensor& input) {
        if (shape_.channels == 1 && shape_.height == 28 && shape_.width == 28)
            load_as(MnistSizes{}, images, indices, num_images, augmentation, mean, std, input);
        else load_as(shape_, images, indices, num_images, augmentation, mean, std, input);
    }

private:
    ImageShape shape_;
    std::vector<uint8_t> bordered_;  // one image for each lane, channel by channel
    Places places_[LANES];

    template <class Sizes>
    void load_as(
        const Sizes& sizes, const uint8_t* images, const int64_t* indices, int num_images,
        const Augmentation& augmentation, double mean, double std, const Tensor& input) {
        const real shift = real(255 * mean), scale = real(1 / (255 * std));
        if (num_images < LANES) std::memset(static_cast<void*>(input.data), 0, input.num_vectors() * sizeof(vector));
        bool moves[LANES] = {};
        for (int lane = 0; lane < num_images; ++lane) {
            moves[lane] = augmentation.transforms && !is_identity(augmentation.transforms + 6 * lane);
            if (moves[lane]) add_border(sizes, images + indices[lane] * sizes.num_bytes(), bordered(sizes, lane));
        }
        // A row of all images is written before the next one, while it is in the cache.
        for (int y = 0; y < sizes.height; ++y) {
            for (int lane = 0; lane < num_images; ++lane)
                if (moves[lane]) find_places(sizes, augmentation.transforms + 6 * lane, y, places_[lane]);
            for (int channel = 0; channel < sizes.channels; ++channel) {
                real* output = reinterpret_cast<real*>(input.row(channel, y));
                for (int lane = 0; lane < num_images; ++lane) {
                    real row[MAX_WIDTH];
                    if (moves[lane]) {
                        sample_row(sizes, bordered(sizes, lane) + channel * sizes.plane(), places_[lane], row);
                    } else {
                        const uint8_t* pixels = images + indices[lane] * sizes.num_bytes() +
                            size_t(y) * sizes.width * sizes.channels + channel;
                        for (int x = 0; x < sizes.width; ++x) row[x] = pixels[size_t(x) * sizes.channels];
                    }
                    for (int x = 0; x < sizes.width; ++x) row[x] = (row[x] - shift) * scale;
                    if (augmentation.tones) {
                        const real factor = augmentation.tones[2 * lane], summand = real(augmentation.tones[2 * lane + 1] / std);
                        for (int x = 0; x < sizes.width; ++x) row[x] = row[x] * factor + summand;
                    }
                    for (int x = 0; x < sizes.width; ++x) output[size_t(x) * LANES + lane] = row[x];
                }
            }
        }
    }

    template <class Sizes>
    uint8_t* bordered(const Sizes& sizes, int lane) {
        return bordered_.data() + lane * size_t(sizes.channels) * sizes.plane();
    }

    // Copies an image, channel by channel, into memory whose border is background.
    template <class Sizes>
    static void add_border(const Sizes& sizes, const uint8_t* image, uint8_t* to) {
        for (int channel = 0; channel < sizes.channels; ++channel)
            for (int y = 0; y < sizes.height; ++y) {
                uint8_t* row = to + channel * sizes.plane() + size_t(y + 1) * sizes.pitch() + 1;
                const uint8_t* from = image + size_t(y) * sizes.width * sizes.channels + channel;
                for (int x = 0; x < sizes.width; ++x) row[x] = from[size_t(x) * sizes.channels];
            }
    }
};
