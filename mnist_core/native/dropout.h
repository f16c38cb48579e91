// Random bits for dropout from Marsaglia's xorshift128, one generator in each lane.
// (Journal of Statistical Software 8(14), 2003.)
#pragma once

#include <algorithm>

#include "vectors.h"

// One bit for each value: 1 where dropout keeps it. A vector's bits follow those of the vector before it.
class KeptBits {
public:
    KeptBits() = default;
    explicit KeptBits(const uint8_t* bits) : bits_(bits) {}
    explicit operator bool() const { return bits_; }

    ALWAYS_INLINE mask operator[](size_t vector_index) const {
        const size_t first = vector_index * LANES;
        uint16_t bits = bits_[first / 8];
        if constexpr (LANES == 16) std::memcpy(&bits, bits_ + first / 8, 2);
        mask powers;
        for (int lane = 0; lane < LANES; ++lane) powers[lane] = integer(1) << lane;
        return (powers & integer(bits >> first % 8)) != 0;
    }

private:
    const uint8_t* bits_ = nullptr;
};

class DropoutStream {
public:
    explicit DropoutStream(uint64_t seed) {
        for (auto& word : state_)
            for (int lane = 0; lane < NUM_WORDS; ++lane) word[lane] = uint32_t(splitmix(seed)) | 1;
    }

    // The bytes that `fill` writes for the bits of `num_vectors` vectors.
    static size_t num_bytes(size_t num_vectors) {
        return (num_vectors * LANES / 8 + VECTOR_BYTES) / VECTOR_BYTES * VECTOR_BYTES;
    }

    // Writes ones, and zeros with probability threshold / 65,536.
    void fill(uint8_t* bits, size_t num_vectors, uint32_t threshold) {
        // A value is dropped if a random number of 16 bits is less than the threshold; numbers are compared bit by bit
        // from the lowest one that matters, all those of a vector's bits at once.
        threshold = std::min(threshold, 65'535u);
        const size_t size = num_bytes(num_vectors);
        for (size_t first = 0; first < size; first += VECTOR_BYTES) {
            words dropped{};
            for (int bit = __builtin_ctz(threshold); bit < 16; ++bit)
                dropped = threshold >> bit & 1 ? dropped | draw() : dropped & draw();
            dropped = ~dropped;
            std::memcpy(bits + first, &dropped, VECTOR_BYTES);
        }
    }

private:
    static constexpr int NUM_WORDS = VECTOR_BYTES / 4;
    typedef uint32_t words __attribute__((vector_size(VECTOR_BYTES)));
    words state_[4];

    ALWAYS_INLINE words draw() {
        words t = state_[0] ^ (state_[0] << 11);
        t ^= t >> 8;
        state_[0] = state_[1];
        state_[1] = state_[2];
        state_[2] = state_[3];
        return state_[3] = state_[3] ^ (state_[3] >> 19) ^ t;
    }

    static uint64_t splitmix(uint64_t& state) {
        uint64_t z = state += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
};
