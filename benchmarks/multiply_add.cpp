// The arithmetic limit, measured by multiply-adds on vectors that never leave their registers.
#include "vectors.h"

constexpr int NUM_CHAINS = NUM_REGISTERS / 2;  // enough to hide the latency

// Returns a number that depends on all results, so that none is optimised away.
extern "C" double multiply_add(int64_t rounds) {
    vector sums[NUM_CHAINS] = {};
    vector factor = splat(real(0.999)), term = splat(real(0.001));
    for (int64_t i = 0; i < rounds; ++i) {
        asm volatile("" : "+m"(factor), "+m"(term));  // unknown to the compiler
        const vector a = factor, b = term;
#pragma GCC unroll 64
        for (int step = 0; step < 8; ++step)
#pragma GCC unroll 64
            for (int chain = 0; chain < NUM_CHAINS; ++chain) sums[chain] = sums[chain] * a + b;
    }
    double total = 0;
    for (const vector& sum : sums) total += sum_of(sum);
    return total;
}

extern "C" int64_t flop_per_round() { return int64_t(2) * 8 * NUM_CHAINS * LANES; }
