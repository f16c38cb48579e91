// Vectors that hold one number per image: LANES images are computed side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#ifdef DOUBLE_PRECISION  // for comparing gradients
using real = double;
using integer = int64_t;
#else
using real = float;
using integer = int32_t;
#endif

#define ALWAYS_INLINE __attribute__((always_inline)) inline
#define NOINLINE __attribute__((noinline))

#if defined(__AVX512F__)
constexpr int VECTOR_BYTES = 64;
constexpr int NUM_REGISTERS = 32;
#elif defined(__AVX__)
constexpr int VECTOR_BYTES = 32;
constexpr int NUM_REGISTERS = 16;
#elif defined(__aarch64__)
constexpr int VECTOR_BYTES = 16;
constexpr int NUM_REGISTERS = 32;
#else
constexpr int VECTOR_BYTES = 16;
constexpr int NUM_REGISTERS = 16;
#endif
constexpr int LANES = VECTOR_BYTES / sizeof(real);

typedef real vector __attribute__((vector_size(VECTOR_BYTES)));
typedef integer mask __attribute__((vector_size(VECTOR_BYTES)));

// Keeps the compiler from reading a value from memory again wherever it is used.
ALWAYS_INLINE void keep_in_register(vector& value) {
#if defined(__x86_64__)
    asm("" : "+v"(value));
#elif defined(__aarch64__)
    asm("" : "+w"(value));
#endif
}

inline vector splat(real value) { return value - vector{}; }

inline mask all_lanes() { return mask{} == mask{}; }

inline vector where(mask condition, vector value) { return (vector)(condition & (mask)value); }

// Unlike a maximum, this keeps a NaN, so that it reaches the loss.
inline vector relu(vector value) { return value < vector{} ? vector{} : value; }

template <int BYTES>
struct Part {
    typedef real type __attribute__((vector_size(BYTES)));
};

// The sum of the lanes.
template <int BYTES = VECTOR_BYTES>
ALWAYS_INLINE real sum_of(typename Part<BYTES>::type value) {
    if constexpr (BYTES == 2 * sizeof(real)) {
        return value[0] + value[1];
    } else {
        typename Part<BYTES / 2>::type low, high;
        std::memcpy(&low, &value, BYTES / 2);
        std::memcpy(&high, reinterpret_cast<const char*>(&value) + BYTES / 2, BYTES / 2);
        return sum_of<BYTES / 2>(low + high);
    }
}

// Zeroed memory, aligned for vectors.
template <class T>
class Array {
public:
    Array() = default;
    explicit Array(size_t size) : size_(size) {
        const size_t bytes_needed = (size * sizeof(T) + VECTOR_BYTES - 1) / VECTOR_BYTES * VECTOR_BYTES;
        void* memory = std::aligned_alloc(VECTOR_BYTES, bytes_needed ? bytes_needed : VECTOR_BYTES);
        if (!memory) throw std::bad_alloc();
        std::memset(memory, 0, bytes_needed);
        data_.reset(static_cast<T*>(memory));
    }
    T* data() { return data_.get(); }
    const T* data() const { return data_.get(); }
    T& operator[](size_t i) { return data_.get()[i]; }
    const T& operator[](size_t i) const { return data_.get()[i]; }
    void clear() { std::memset(static_cast<void*>(data_.get()), 0, size_ * sizeof(T)); }

private:
    struct Free {
        void operator()(T* memory) const { std::free(memory); }
    };
    std::unique_ptr<T[], Free> data_;
    size_t size_ = 0;
};

// The channels of one group of LANES images. Each row has `halo` zeros at both ends, read by convolutions as padding.
struct Tensor {
    vector* data = nullptr;
    int channels = 0, height = 0, width = 0, halo = 0;

    size_t pitch() const { return width + 2 * halo; }
    size_t num_vectors() const { return channels * height * pitch(); }
    // The first pixel of a row, after its halo.
    vector* row(int channel, int y) const { return data + (size_t(channel) * height + y) * pitch() + halo; }
};
