// The limits of training on one core: multiply-adds in registers, and the traffic between the caches and the core.
#include <algorithm>
#include <chrono>

#include "vectors.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int NUM_REPEATS = 5;

// The fewest seconds that a call of `work` takes.
template <class Work>
double fastest(Work work) {
    double fewest = 1e9;
    for (int repeat = 0; repeat < NUM_REPEATS; ++repeat) {
        const auto started = Clock::now();
        work();
        fewest = std::min(fewest, std::chrono::duration<double>(Clock::now() - started).count());
    }
    return fewest;
}

// In assembly, since a compiler may keep such sums in memory. Registers 0 and 1 hold the factor and the term; every
// other register is a chain of its own, in which each result waits for the one before it.
#if defined(__AVX512F__)
#define INSTRUCTIONS "AVX-512"
#define LOAD "vbroadcastss %1, %%zmm0\n\tvbroadcastss %2, %%zmm1\n\t"
#define START(number) "vmovaps %%zmm1, %%zmm" #number "\n\t"
#define STEP(number) "vfmadd213ps %%zmm1, %%zmm0, %%zmm" #number "\n\t"
#elif defined(__FMA__)
#define INSTRUCTIONS "AVX2"
#define LOAD "vbroadcastss %1, %%ymm0\n\tvbroadcastss %2, %%ymm1\n\t"
#define START(number) "vmovaps %%ymm1, %%ymm" #number "\n\t"
#define STEP(number) "vfmadd213ps %%ymm1, %%ymm0, %%ymm" #number "\n\t"
#elif defined(__aarch64__)
#define INSTRUCTIONS "NEON"
#define LOAD "ld1r {v0.4s}, [%1]\n\tld1r {v1.4s}, [%2]\n\t"
#define START(number) "mov v" #number ".16b, v1.16b\n\t"
#define STEP(number) "fmla v" #number ".4s, v0.4s, v1.4s\n\t"
#endif

#ifdef INSTRUCTIONS

#if defined(__aarch64__)
#define IN_MEMORY(number) "r"(&number)
#define COUNT_DOWN "subs %0, %0, #1\n\tb.ne 1b"
#define REGISTERS "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15"
#else
#define IN_MEMORY(number) "m"(number)
#define COUNT_DOWN "dec %0\n\tjnz 1b"
#define REGISTERS \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", \
        "xmm13", "xmm14", "xmm15"
#endif
#define EIGHT(DO) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9)
#define TEN(DO) EIGHT(DO) DO(10) DO(11)
#define TWELVE(DO) TEN(DO) DO(12) DO(13)
#define FOURTEEN(DO) TWELVE(DO) DO(14) DO(15)

// GFLOP/s of a loop of two steps of each of the `count` CHAINS.
#define SPEED_OF(count, CHAINS)                                                                                     \
    (2e-9 * 2 * (count) * LANES * double(rounds) / fastest([&] {                                                    \
        int64_t left = rounds;                                                                                      \
        asm volatile(LOAD FOURTEEN(START) "1:\n\t" CHAINS(STEP) CHAINS(STEP) COUNT_DOWN                             \
                     : "+r"(left) : IN_MEMORY(factor), IN_MEMORY(term) : "cc", "memory", REGISTERS);                \
    }))

double multiply_adds(int64_t rounds) {
    const float factor = 0.999f, term = 0.001f;
    return std::max({SPEED_OF(8, EIGHT), SPEED_OF(10, TEN), SPEED_OF(12, TWELVE), SPEED_OF(14, FOURTEEN)});
}

#else

#define INSTRUCTIONS "none known"
double multiply_adds(int64_t) { return 0; }

#endif

}  // namespace

extern "C" {

// The instructions that `multiply_add_gflops` runs.
const char* multiply_add_instructions() { return INSTRUCTIONS; }

// Returns the most GFLOP/s of several numbers of chains: few can't hide the latency, and CPUs differ in how many can.
// 0 on a CPU whose multiply-add instructions are not known here.
double multiply_add_gflops(int64_t rounds) { return multiply_adds(rounds); }

// Returns the GB/s of reading two arrays and writing a third, which have `num_bytes` together, `rounds` times.
double traffic_gbytes(int64_t num_bytes, int64_t rounds) {
    const size_t size = std::max<size_t>(1, num_bytes / 3 / sizeof(vector));
    Array<vector> first(size), second(size), sums(size);
    const double seconds = fastest([&] {
        for (int64_t round = 0; round < rounds; ++round) {
            for (size_t i = 0; i < size; ++i) sums[i] = first[i] + second[i];
            asm volatile("" : : "r"(sums.data()) : "memory");
        }
    });
    return 3e-9 * double(size * sizeof(vector) * rounds) / seconds;
}
}
