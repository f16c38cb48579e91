// Random bits for dropout from Marsaglia's xorshift128, one generator in each of 16 lanes.
// (Journal of Statistical Software 8(14), 2003.)
#pragma once

#include "vectors.h"

class DropoutStream {
public:
    static constexpr int DRAWN_TOGETHER = 32;

    explicit DropoutStream(uint64_t seed) {
        for (auto& word : state_)
            for (auto& lane : word) lane = uint32_t(splitmix(seed)) | 1;
    }

    // Writes ones, and zeros with probability threshold / 65,536. `keep` has room for a multiple of DRAWN_TOGETHER.
    void fill(uint8_t* keep, size_t size, uint32_t threshold) {
        for (size_t first = 0; first < size; first += DRAWN_TOGETHER)
            for (int lane = 0; lane < NUM_LANES; ++lane) {
                uint32_t t = state_[0][lane] ^ (state_[0][lane] << 11);
                t ^= t >> 8;
                state_[0][lane] = state_[1][lane];
                state_[1][lane] = state_[2][lane];
                state_[2][lane] = state_[3][lane];
                const uint32_t bits = state_[3][lane] = state_[3][lane] ^ (state_[3][lane] >> 19) ^ t;
                keep[first + lane] = (bits & 0xffff) >= threshold;
                keep[first + NUM_LANES + lane] = (bits >> 16) >= threshold;
            }
    }

private:
    static constexpr int NUM_LANES = 16;
    uint32_t state_[4][NUM_LANES];

    static uint64_t splitmix(uint64_t& state) {
        uint64_t z = state += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
};
