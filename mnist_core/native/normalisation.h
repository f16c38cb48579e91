// BatchNorm of a layer's channels: from sums over a batch to an affine map, and from sums of gradients to its gradient.
#pragma once

#include <algorithm>
#include <cmath>

#include "vectors.h"

constexpr double BATCH_NORM_EPSILON = 1e-5, BATCH_NORM_MOMENTUM = 0.1;  // PyTorch's defaults

// Without BatchNorm the map is the identity.
class Normalisation {
public:
    Normalisation() = default;
    // `relu_first`: a ReLU comes before BatchNorm.
    Normalisation(int channels, bool is_active, bool relu_first)
        : channels_(channels), is_active_(is_active), relu_first_(relu_first) {
        for (auto* sums : {&sum_, &product_sum_}) *sums = Array<vector>(channels);
        for (auto* values : {&shift_, &scale_, &offset_, &from_gradient_, &from_value_, &constant_})
            *values = Array<real>(channels);
        for (auto* values : {&mean_, &inverse_std_, &total_, &product_total_}) *values = Array<double>(channels);
        set_identity();
    }

    // ---- sums over the groups of a batch: of values and their squares, or of gradients and their products with values

    void start_sums() {
        total_.clear();
        product_total_.clear();
    }
    void start_group() {
        sum_.clear();
        product_sum_.clear();
    }
    vector* sum() { return sum_.data(); }
    vector* product_sum() { return product_sum_.data(); }
    void end_group(mask lanes) {
        if (!is_active_) return;
        for (int c = 0; c < channels_; ++c) {
            total_[c] += sum_of(where(lanes, sum_[c]));
            product_total_[c] += sum_of(where(lanes, product_sum_[c]));
        }
    }

    // ---- forward

    // Sets the shift of each channel, which is taken off values before they are summed: sums of squares lose precision
    // if the mean is far from 0, and the running mean is close to the batch's.
    void set_shift(const real* statistics) {
        for (int c = 0; c < channels_; ++c) shift_[c] = is_active_ ? statistics[c] : 0;
    }
    const real* shift() const { return shift_.data(); }

    // Computes mean and standard deviation from the sums over `count` values of each channel; moves the running
    // statistics towards the batch's by the fraction `momentum`.
    void normalise_batch(double count, const real* params, real* statistics, double momentum) {
        if (!is_active_) return;
        count_ = count;
        for (int c = 0; c < channels_; ++c) {
            const double mean = total_[c] / count;
            const double variance = std::max(0.0, product_total_[c] / count - mean * mean);
            // As in PyTorch, the batch is normalised with the biased variance, and the unbiased one is accumulated.
            real& running_mean = statistics[c];
            real& running_variance = statistics[channels_ + c];
            set_map(c, mean, variance, params);
            running_mean += real(momentum * (mean + shift_[c] - running_mean));
            running_variance += real(momentum * (variance * count / (count - 1) - running_variance));
        }
    }

    void normalise_by(const real* statistics, const real* params) {
        if (!is_active_) return;
        for (int c = 0; c < channels_; ++c)
            set_map(c, double(statistics[c]) - shift_[c], statistics[channels_ + c], params);
    }

    void set_identity() {
        for (int c = 0; c < channels_; ++c) {
            scale_[c] = 1;
            offset_[c] = 0;
        }
    }

    real scale(int c) const { return scale_[c]; }
    real offset(int c) const { return offset_[c]; }

    // ---- backward

    // Computes the gradients of scale and offset, and the affine map from gradients and values to the gradient of
    // values. The gradients that were summed lack the factor `kept`.
    void finish_gradient(double kept, const real* params, real* gradient) {
        for (int c = 0; c < channels_; ++c) from_gradient_[c] = real(kept);
        if (!is_active_) return;
        for (int c = 0; c < channels_; ++c) {
            const double total = total_[c] * kept;
            const double products = (product_total_[c] * kept - mean_[c] * total) * inverse_std_[c];
            gradient[c] = real(products);
            gradient[channels_ + c] = real(total);
            const double factor = params[c] * inverse_std_[c];
            const double slope = -factor * products / count_ * inverse_std_[c];
            from_gradient_[c] = real(factor * kept);
            from_value_[c] = real(slope);
            constant_[c] = real(-factor * total / count_ - slope * stored_mean(c));
        }
    }

    real from_gradient(int c) const { return from_gradient_[c]; }
    real from_value(int c) const { return from_value_[c]; }
    real constant(int c) const { return constant_[c]; }

private:
    int channels_ = 0;
    bool is_active_ = false, relu_first_ = false;
    double count_ = 0;
    Array<vector> sum_, product_sum_;
    Array<real> shift_, scale_, offset_, from_gradient_, from_value_, constant_;
    Array<double> mean_, inverse_std_, total_, product_total_;  // the mean is that of shifted values

    // Values are stored shifted, unless a ReLU must see them first.
    double stored_mean(int c) const { return relu_first_ ? mean_[c] + shift_[c] : mean_[c]; }

    // `mean` is that of shifted values; `params` are the scales, then the offsets.
    void set_map(int c, double mean, double variance, const real* params) {
        mean_[c] = mean;
        inverse_std_[c] = 1 / std::sqrt(variance + BATCH_NORM_EPSILON);
        scale_[c] = real(params[c] * inverse_std_[c]);
        offset_[c] = real(params[channels_ + c] - params[c] * inverse_std_[c] * stored_mean(c));
    }
};
