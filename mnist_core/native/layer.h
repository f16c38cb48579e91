// One convolution and the layers merged into it: optional BatchNorm and ReLU in either order, dropout, pooling.
// A separable convolution is a depthwise one followed by a 1x1 convolution; a fully connected layer is a 1x1 convolution
// of 1x1 maps.
#pragma once

#include <cmath>
#include <vector>

#include "convolution.h"
#include "depthwise.h"
#include "dropout.h"
#include "pooling.h"
#include "sinks.h"

constexpr double BATCH_NORM_EPSILON = 1e-5, BATCH_NORM_MOMENTUM = 0.1;  // PyTorch's defaults

enum class Head : int32_t { NONE, MEAN, FLATTEN };  // pooling at the end of the convolutions; FLATTEN also ends the net

// Filled in by trainer.py.
struct LayerSpec {
    int32_t width, kernel, padding;
    int32_t separable, bias, batch_norm;
    Relu relu;
    int32_t dropout_threshold;  // rate in units of 1/65,536
    int32_t pool;               // side of the pool's squares; 1 for none
    PoolKind pool_kind;
    Head head;
    double dropout;
};

// One tensor for each group of a batch.
class Groups {
public:
    Groups() = default;
    Groups(int num_groups, Tensor shape) : shape_(shape), memory_(num_groups * shape.num_vectors()) {}
    Tensor operator[](int group) {
        Tensor tensor = shape_;
        tensor.data = memory_.data() + group * shape_.num_vectors();
        return tensor;
    }

private:
    Tensor shape_;
    Array<vector> memory_;
};

class Layer {
public:
    // `next_padding` is the padding of the convolution that reads the outputs.
    Layer(const LayerSpec& spec, Tensor in, int next_padding, int num_groups) : spec_(spec), in_channels_(in.channels) {
        const int K = spec.kernel, width = spec.width;
        num_depthwise_ = spec.separable ? size_t(in.channels) * K * K : 0;
        if (!spec.separable) kernel_ = K, padding_ = spec.padding;
        num_weights_ = num_depthwise_ + size_t(width) * in.channels * kernel_ * kernel_;
        Tensor z{nullptr, width, in.height + 2 * spec.padding - K + 1, in.width + 2 * spec.padding - K + 1, 0};
        Tensor pooled{nullptr, width, z.height / spec.pool, z.width / spec.pool, 0};
        const bool pools = spec.pool > 1, has_head = spec.head != Head::NONE;
        Tensor y = z;
        if (!has_head) (pools ? pooled : y).halo = next_padding;
        z_ = Groups(num_groups, z);
        y_ = Groups(num_groups, y);
        if (pools) pooled_ = Groups(num_groups, pooled);
        row_ = Array<vector>(z.width);
        if (pools) unpooled_ = Array<vector>(size_t(spec.pool) * z.width);
        const Tensor& last = pools ? pooled : y;
        if (spec.head == Head::MEAN) head_ = Groups(num_groups, Tensor{nullptr, width, 1, 1, 0});
        if (spec.head == Head::FLATTEN) {
            flat_ = width * last.height * last.width;
            if (!pools) head_ = Groups(num_groups, y);
        }
        Tensor dz = z;
        dz.halo = kernel_ - 1 - padding_;
        dz_ = Groups(1, dz);
        if (spec.separable) {
            Tensor depthwise{nullptr, in.channels, z.height, z.width, 0};
            depthwise_ = Groups(num_groups, depthwise);
            depthwise.halo = K - 1 - spec.padding;
            depthwise_gradient_ = Groups(1, depthwise);
        }
        if (spec.dropout_threshold) {
            keep_size_ = (z.num_vectors() * LANES + DropoutStream::DRAWN_TOGETHER - 1) / DropoutStream::DRAWN_TOGETHER *
                         DropoutStream::DRAWN_TOGETHER;
            keep_ = Array<uint8_t>(keep_size_ * num_groups);
        }
        forward_weights_ = Array<real>(num_weights_);
        backward_weights_ = Array<real>(num_weights_);
        weight_sums_ = Array<vector>(num_weights_);
        for (auto* sums : {&sum_, &sum_squares_, &bias_sums_}) *sums = Array<vector>(width);
        for (auto* values : {&shift_, &scale_, &offset_, &from_gradient_, &from_value_, &constant_})
            *values = Array<real>(width);
        for (auto* values : {&mean_, &inverse_std_, &total_, &total_squares_}) *values = Array<double>(width);
    }

    size_t num_params() const { return num_weights_ + spec_.width * (spec_.bias + 2 * spec_.batch_norm); }
    // Values for the running mean and variance.
    size_t num_statistics() const { return spec_.batch_norm ? 2 * size_t(spec_.width) : 0; }
    bool stores_gradient() const { return spec_.pool > 1 || spec_.head != Head::NONE; }

    // The next layer's input. After that layer's `backward_outputs` it holds the gradient.
    Tensor output(int group) {
        if (spec_.head == Head::NONE) return last(group);
        if (spec_.head == Head::MEAN) return head_[group];
        return Tensor{spec_.pool > 1 ? last(group).data : head_[group].data, flat_, 1, 1, 0};
    }
    Tensor shape() { return output(0); }
    const uint8_t* keep(int group) const { return keep_.data() + group * keep_size_; }
    size_t keep_size() { return z_[0].num_vectors() * LANES; }

    void prepare(const real* params) {
        const int K = kernel_, C = in_channels_;
        params_ = params;
        const real* weights = params + num_depthwise_;
        pack_weights(spec_.width, C, K, forward_weights_.data(), [&](int out, int in, int ky, int kx) {
            return weights[((size_t(out) * C + in) * K + ky) * K + kx];
        });
    }

    void prepare_backward() {
        // The gradient of the inputs is a convolution with the kernels rotated by 180 degrees and the channels swapped.
        const int K = kernel_, C = in_channels_;
        const real* weights = params_ + num_depthwise_;
        pack_weights(C, spec_.width, K, backward_weights_.data() + num_depthwise_, [&](int in, int out, int ky, int kx) {
            return weights[((size_t(out) * C + in) * K + K - 1 - ky) * K + K - 1 - kx];
        });
        const size_t area = size_t(spec_.kernel) * spec_.kernel;
        for (size_t i = 0; i < num_depthwise_; ++i)
            backward_weights_[i] = params_[i / area * area + area - 1 - i % area];
    }

    // ---- forward: `convolve_group` for each group, then `normalise_batch` once, then `activate` for each group

    void start_statistics(const real* statistics) {
        total_.clear();
        total_squares_.clear();
        // Sums of squares lose precision if the mean is far from 0, and the running mean is close to the batch's.
        for (int c = 0; c < spec_.width; ++c) shift_[c] = spec_.batch_norm ? statistics[c] : 0;
    }

    void convolve_group(const Tensor& in, int group, vector lanes) {
        sum_.clear();
        sum_squares_.clear();
        ForwardSink sink{z_[group], bias(), shift_.data(), spec_.relu == Relu::BEFORE_BATCH_NORM, lanes, sum_.data(),
               sum_squares_.data()};
        if (spec_.separable) {
            StoreSink store{depthwise_[group]};
            convolve_depthwise(in, params_, spec_.kernel, spec_.padding, store);
        }
        const Tensor& maps = spec_.separable ? depthwise_[group] : in;
        convolve(maps, forward_weights_.data(), kernel_, padding_, spec_.width, sink);
        if (!spec_.batch_norm) return;
        for (int c = 0; c < spec_.width; ++c) {
            total_[c] += sum_of(sum_[c]);
            total_squares_[c] += sum_of(sum_squares_[c]);
        }
    }

    // Computes mean and standard deviation from the sums over `num_images` images; moves the running statistics towards
    // the batch's by the fraction `momentum`.
    void normalise_batch(int num_images, real* statistics, double momentum) {
        if (!spec_.batch_norm) return identity();
        const Tensor z = z_[0];
        count_ = double(num_images) * z.height * z.width;
        for (int c = 0; c < spec_.width; ++c) {
            const double mean = total_[c] / count_;
            const double variance = std::max(0.0, total_squares_[c] / count_ - mean * mean);
            // As in PyTorch, the batch is normalised with the biased variance, and the unbiased one is accumulated.
            real& running_mean = statistics[c];
            real& running_variance = statistics[spec_.width + c];
            set_norm(c, mean + shift_[c], variance);
            running_mean += real(momentum * (mean + shift_[c] - running_mean));
            running_variance += real(momentum * (variance * count_ / (count_ - 1) - running_variance));
        }
    }

    void normalise_by(const real* statistics) {
        if (!spec_.batch_norm) return identity();
        for (int c = 0; c < spec_.width; ++c) set_norm(c, statistics[c], statistics[spec_.width + c]);
    }

    void activate(int group, DropoutStream* dropout) {
        const Tensor z = z_[group], y = y_[group];
        const bool drops = dropout && spec_.dropout_threshold;
        uint8_t* keep = keep_.data() + group * keep_size_;
        if (drops) dropout->fill(keep, keep_size(), spec_.dropout_threshold);
        const real kept = drops ? 1 / (1 - real(spec_.dropout)) : 1;
        for (int c = 0; c < z.channels; ++c) {
            // The factor for values that dropout keeps is part of the affine map, after which at most a ReLU follows.
            const vector a = splat(scale_[c] * kept), b = splat(offset_[c] * kept);
            for (int row = 0; row < z.height; ++row) {
                const vector* from = z.row(c, row);
                vector* to = y.row(c, row);
                if (spec_.relu == Relu::LAST)
                    for (int x = 0; x < z.width; ++x) to[x] = relu(from[x] * a + b);
                else if (spec_.relu == Relu::BEFORE_BATCH_NORM)
                    for (int x = 0; x < z.width; ++x) to[x] = relu(from[x]) * a + b;
                else
                    for (int x = 0; x < z.width; ++x) to[x] = from[x] * a + b;
                if (!drops) continue;
                for (int x = 0; x < z.width; ++x, keep += LANES) to[x] *= widened(keep);
            }
            if (spec_.pool > 1) pool_channel(spec_.pool_kind, spec_.pool, y, pooled_[group], c);
        }
        if (spec_.head == Head::MEAN) average(group);
        if (spec_.head == Head::FLATTEN && spec_.pool == 1)
            std::memcpy(static_cast<void*>(head_[group].data), y.data, y.num_vectors() * sizeof(vector));
    }

    // ---- backward: `backward_outputs` for each group, unless the next layer's convolution feeds `GradientSink`; then
    // `finish_gradient_sums` once; then `backward_convolution` and `backward_inputs` for each group

    void start_gradient_sums() {
        total_.clear();
        total_squares_.clear();
        bias_sums_.clear();
        weight_sums_.clear();
    }

    GradientSink gradient_sink(int group) {
        sum_.clear();
        sum_squares_.clear();
        const bool drops = spec_.dropout_threshold;
        return {y_[group], z_[group], spec_.relu, drops ? keep(group) : nullptr,
                drops ? 1 / (1 - real(spec_.dropout)) : 1, shift_.data(), sum_.data(), sum_squares_.data()};
    }

    void add_gradient_sums() {
        for (int c = 0; c < spec_.width; ++c) {
            total_[c] += sum_of(sum_[c]);
            total_squares_[c] += sum_of(sum_squares_[c]);
        }
    }

    // Turns the gradient in `output(group)` into the gradient in y.
    void backward_outputs(int group) {
        GradientSink sink = gradient_sink(group);
        const bool pools = spec_.pool > 1;
        if (spec_.head == Head::MEAN) {
            const Tensor maps = last(group), means = head_[group];
            const real share = real(1) / (maps.height * maps.width);
            for (int c = 0; c < spec_.width; ++c) {
                std::fill_n(row_.data(), maps.width, means.row(c, 0)[0] * share);
                for (int y = 0; y < maps.height; ++y)
                    if (pools) std::copy_n(row_.data(), maps.width, maps.row(c, y));
                    else put_row(sink, c, y, row_.data(), maps.width);
            }
        }
        if (pools) unpool(group, sink);
        else if (spec_.head == Head::FLATTEN) {
            const Tensor flat = head_[group];
            for (int c = 0; c < spec_.width; ++c)
                for (int y = 0; y < flat.height; ++y) put_row(sink, c, y, flat.row(c, y), flat.width);
        }
        add_gradient_sums();
    }

    // Computes the gradients of BatchNorm's scale and offset, and the affine map from gradients and values to the
    // gradient of the convolution's output.
    void finish_gradient_sums(real* gradient) {
        for (int c = 0; c < spec_.width; ++c) {
            from_gradient_[c] = 1;
            from_value_[c] = constant_[c] = 0;
        }
        if (!spec_.batch_norm) return;
        real* scale_gradient = gradient + num_weights_ + spec_.width * spec_.bias;
        real* offset_gradient = scale_gradient + spec_.width;
        for (int c = 0; c < spec_.width; ++c) {
            // The sums are relative to shift, the statistics relative to the mean.
            const double products = (total_squares_[c] + (shift_[c] - mean_[c]) * total_[c]) * inverse_std_[c];
            scale_gradient[c] = real(products);
            offset_gradient[c] = real(total_[c]);
            const double factor = params_gamma()[c] * inverse_std_[c];
            from_gradient_[c] = real(factor);
            from_value_[c] = real(-factor * products / count_ * inverse_std_[c]);
            constant_[c] = real(-factor * (total_[c] / count_ - products / count_ * inverse_std_[c] * mean_[c]));
        }
    }

    // Computes the gradients of the convolution's sums, weights and bias from the gradient in y.
    void backward_convolution(const Tensor& in, int group, vector lanes) {
        const Tensor y = y_[group], z = z_[group], dz = dz_[0];
        for (int c = 0; c < z.channels; ++c) {
            const vector a = splat(from_gradient_[c]), b = splat(from_value_[c]), d = splat(constant_[c]) * lanes;
            vector added{};
            for (int row = 0; row < z.height; ++row) {
                const vector *g = y.row(c, row), *values = z.row(c, row);
                vector* to = dz.row(c, row);
                if (spec_.relu == Relu::BEFORE_BATCH_NORM)
                    for (int x = 0; x < z.width; ++x)
                        to[x] = where(values[x] > vector{}, g[x] * a + (values[x] * b) * lanes + d);
                else
                    for (int x = 0; x < z.width; ++x) to[x] = g[x] * a + (values[x] * b) * lanes + d;
                if (spec_.bias)
                    for (int x = 0; x < z.width; ++x) added += to[x];
            }
            bias_sums_[c] += added;
        }
        if (!spec_.separable) return add_weight_gradient(in, dz, kernel_, padding_, weight_sums_.data());
        add_weight_gradient(depthwise_[group], dz, kernel_, padding_, weight_sums_.data() + num_depthwise_);
        StoreSink store{depthwise_gradient_[0]};
        convolve(dz, backward_weights_.data() + num_depthwise_, 1, 0, in_channels_, store);
        add_depthwise_weight_gradient(in, store.to, spec_.kernel, spec_.padding, weight_sums_.data());
    }

    template <class Sink>
    void backward_inputs(Sink& sink) {
        const int padding = spec_.kernel - 1 - spec_.padding;
        if (spec_.separable) convolve_depthwise(depthwise_gradient_[0], backward_weights_.data(), spec_.kernel, padding, sink);
        else convolve(dz_[0], backward_weights_.data(), kernel_, padding, in_channels_, sink);
    }

    void store_gradients(real* gradient) {
        for (size_t i = 0; i < num_weights_; ++i) gradient[i] = real(sum_of(weight_sums_[i]));
        if (spec_.bias)
            for (int c = 0; c < spec_.width; ++c) gradient[num_weights_ + c] = real(sum_of(bias_sums_[c]));
    }

private:
    LayerSpec spec_;
    int in_channels_, flat_ = 0;
    int kernel_ = 1, padding_ = 0;  // of the convolution over all channels
    size_t num_weights_, num_depthwise_, keep_size_ = 0;
    const real* params_ = nullptr;
    double count_ = 0;
    // z: the convolution's output; y: after BatchNorm, ReLU and dropout, later its gradient; dz: the gradient of z.
    Groups z_, y_, pooled_, head_, dz_, depthwise_, depthwise_gradient_;
    Array<uint8_t> keep_;
    Array<real> forward_weights_, backward_weights_;
    Array<vector> weight_sums_, sum_, sum_squares_, bias_sums_, row_, unpooled_;
    Array<real> shift_, scale_, offset_, from_gradient_, from_value_, constant_;
    Array<double> mean_, inverse_std_, total_, total_squares_;

    // The output before the head.
    Tensor last(int group) { return spec_.pool > 1 ? pooled_[group] : y_[group]; }
    const real* bias() const { return spec_.bias ? params_ + num_weights_ : nullptr; }
    const real* params_gamma() const { return params_ + num_weights_ + spec_.width * spec_.bias; }
    const real* params_beta() const { return params_gamma() + spec_.width; }

    void identity() {
        for (int c = 0; c < spec_.width; ++c) {
            scale_[c] = 1;
            offset_[c] = 0;
        }
    }

    void set_norm(int c, double mean, double variance) {
        mean_[c] = mean;
        inverse_std_[c] = 1 / std::sqrt(variance + BATCH_NORM_EPSILON);
        scale_[c] = real(params_gamma()[c] * inverse_std_[c]);
        offset_[c] = real(params_beta()[c] - params_gamma()[c] * inverse_std_[c] * mean);
    }

    void average(int group) {
        const Tensor maps = last(group), means = head_[group];
        const real share = real(1) / (maps.height * maps.width);
        for (int c = 0; c < spec_.width; ++c) {
            vector total{};
            for (int y = 0; y < maps.height; ++y)
                for (int x = 0; x < maps.width; ++x) total += maps.row(c, y)[x];
            means.row(c, 0)[0] = total * share;
        }
    }

    void unpool(int group, GradientSink& sink) {
        const Tensor y = y_[group], pooled = pooled_[group];
        const int size = spec_.pool;
        for (int c = 0; c < spec_.width; ++c) {
            for (int row = 0; row < pooled.height; ++row) {
                unpool_row(spec_.pool_kind, size, y, pooled, c, row, unpooled_.data());
                for (int i = 0; i < size; ++i)
                    put_row(sink, c, row * size + i, unpooled_.data() + size_t(i) * y.width, y.width);
            }
            // Rows that do not fill a square get zeros; such columns are already zero in `unpooled_`.
            std::fill_n(row_.data(), y.width, vector{});
            for (int row = pooled.height * size; row < y.height; ++row) put_row(sink, c, row, row_.data(), y.width);
        }
    }

    static void put_row(GradientSink& sink, int channel, int row, const vector* gradients, int width) {
        for_tiles(width, MAX_COLUMNS, [&](int x, int columns) {
            with_constant<MAX_COLUMNS>(
                columns, [&](auto COLUMNS) { sink.template put<COLUMNS>(channel, row, x, gradients + x); });
        });
    }
};
