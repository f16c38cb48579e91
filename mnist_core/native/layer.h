// One convolution and the layers merged into it: optional BatchNorm and ReLU in either order, dropout, pooling.
// A separable convolution is a depthwise one followed by a 1x1 convolution; a fully connected layer is a 1x1 convolution
// of 1x1 maps.
#pragma once

#include "activation.h"
#include "convolution.h"
#include "depthwise.h"
#include "dropout.h"
#include "normalisation.h"
#include "sinks.h"

enum class Head : int32_t { NONE, MEAN, FLATTEN };  // pooling at the end of the convolutions; FLATTEN also ends the net

// Filled in by trainer.py.
struct LayerSpec {
    int32_t width, kernel, padding, stride;
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
    Layer(const LayerSpec& spec, Tensor in, int next_padding, int num_groups)
        : spec_(spec),
          in_channels_(in.channels),
          norm_(spec.width, spec.batch_norm, spec.relu == Relu::BEFORE_BATCH_NORM) {
        const int K = spec.kernel, width = spec.width;
        num_depthwise_ = spec.separable ? size_t(in.channels) * K * K : 0;
        if (!spec.separable) kernel_ = K, padding_ = spec.padding;
        num_weights_ = num_depthwise_ + size_t(width) * in.channels * kernel_ * kernel_;
        // With a stride of 2, the outputs are those in every second column of every second row of these.
        const int full_height = in.height + 2 * spec.padding - K + 1, full_width = in.width + 2 * spec.padding - K + 1;
        Tensor z{nullptr, width, (full_height - 1) / spec.stride + 1, (full_width - 1) / spec.stride + 1, 0};
        Tensor y{nullptr, width, z.height / spec.pool, z.width / spec.pool, spec.head == Head::NONE ? next_padding : 0};
        z_ = Groups(num_groups, z);
        y_ = Groups(num_groups, y);
        if (spec.head == Head::MEAN) head_ = Groups(num_groups, Tensor{nullptr, width, 1, 1, 0});
        if (spec.head == Head::FLATTEN) {
            flat_ = width * y.height * y.width;
            if (spec.pool == 1) head_ = Groups(num_groups, y);
        }
        // With a stride of 2, gradients of a convolution that reads the inputs have zeros in between, so that they are
        // those of a convolution of stride 1.
        Tensor dz = z;
        if (!spec.separable) dz.height = full_height, dz.width = full_width;
        dz.halo = kernel_ - 1 - padding_;
        dz_ = Groups(1, dz);
        if (spec.separable) {
            Tensor depthwise{nullptr, in.channels, z.height, z.width, 0};
            depthwise_ = Groups(num_groups, depthwise);
            depthwise.height = full_height, depthwise.width = full_width;
            depthwise.halo = K - 1 - spec.padding;
            depthwise_gradient_ = Groups(1, depthwise);
            zeros_ = Array<vector>(std::max(in.width + 2 * spec.padding, full_width + 2 * depthwise.halo));
        }
        if (spec.dropout_threshold) {
            kept_size_ = DropoutStream::num_bytes(z.num_vectors());
            kept_ = Array<uint8_t>(kept_size_ * num_groups);
        }
        forward_weights_ = Array<real>(num_weights_);
        backward_weights_ = Array<real>(num_weights_);
        weight_sums_ = Array<vector>(num_weights_);
        bias_sums_ = Array<vector>(width);
        starts_ = Array<real>(width);
    }

    size_t num_params() const { return num_weights_ + spec_.width * (spec_.bias + 2 * spec_.batch_norm); }
    // Values for the running mean and variance.
    size_t num_statistics() const { return spec_.batch_norm ? 2 * size_t(spec_.width) : 0; }
    bool stores_gradient() const { return spec_.pool > 1 || spec_.head != Head::NONE; }

    // The next layer's input. After that layer's `backward_inputs` it holds the gradient.
    Tensor output(int group) {
        if (spec_.head == Head::NONE) return y_[group];
        if (spec_.head == Head::MEAN) return head_[group];
        return Tensor{spec_.pool > 1 ? y_[group].data : head_[group].data, flat_, 1, 1, 0};
    }
    Tensor shape() { return output(0); }
    size_t num_outputs() { return z_[0].num_vectors(); }  // before pooling
    // Which of the convolution's outputs the latest dropout kept.
    KeptBits kept(int group) const { return KeptBits(kept_.data() + group * kept_size_); }

    void prepare(const real* params) {
        params_ = params;
        pack_forward_weights([](int) { return real(1); });
    }

    void prepare_backward() {
        // The gradient of the inputs is a convolution with the kernels rotated by 180 degrees and the channels swapped.
        const size_t kernel_area = size_t(kernel_) * kernel_;
        pack_weights(
            params_ + num_depthwise_, in_channels_, spec_.width, kernel_, kernel_area, in_channels_ * kernel_area, true,
            backward_weights_.data() + num_depthwise_, [](int) { return real(1); });
        const size_t area = size_t(spec_.kernel) * spec_.kernel;
        for (size_t i = 0; i < num_depthwise_; ++i)
            backward_weights_[i] = params_[i / area * area + area - 1 - i % area];
    }

    // ---- forward: `convolve_group` for each group, then `normalise_batch` once, then `activate` for each group

    void start_statistics(const real* statistics) {
        norm_.start_sums();
        norm_.set_shift(statistics);
        // Outputs are stored shifted, unless a ReLU must see them first.
        const bool shifts = spec_.relu != Relu::BEFORE_BATCH_NORM;
        for (int c = 0; c < spec_.width; ++c)
            starts_[c] = (spec_.bias ? params_[num_weights_ + c] : 0) - (shifts ? norm_.shift()[c] : 0);
    }

    void convolve_group(const Tensor& in, int group, mask lanes) {
        norm_.start_group();
        ForwardSink sink{z_[group], starts_.data(), spec_.relu == Relu::BEFORE_BATCH_NORM, norm_.shift(), norm_.sum(),
                         norm_.product_sum()};
        convolve_into(sink, in, group);
        norm_.end_group(lanes);
    }

    void normalise_batch(int num_images, real* statistics, double momentum) {
        const Tensor z = z_[0];
        norm_.normalise_batch(double(num_images) * z.height * z.width, norm_params(), statistics, momentum);
    }

    void activate(int group, DropoutStream* dropout) {
        const Tensor z = z_[group], y = y_[group];
        drops_ = dropout && spec_.dropout_threshold;
        if (drops_)
            dropout->fill(kept_.data() + group * kept_size_, z.num_vectors(), spec_.dropout_threshold);
        for (int c = 0; c < z.channels; ++c)
            with_channel(group, c, [&](const auto& activation) {
                if (spec_.pool > 1)
                    return with_pool(spec_.pool_kind, spec_.pool, [&](auto pool) { pool_channel(pool, activation, z, y, c); });
                size_t index = size_t(c) * z.height * z.width;
                for (int row = 0; row < z.height; ++row) {
                    vector* to = y.row(c, row);
                    for (int x = 0; x < z.width; ++x, ++index) to[x] = activation.value(z.data[index], index);
                }
            });
        fill_head(group);
    }

    // ---- evaluation: `prepare_evaluation` once, then `evaluate` for each group

    // Folds BatchNorm, with the running statistics, into the weights, unless a ReLU comes between.
    void prepare_evaluation(const real* params, const real* statistics) {
        params_ = params;
        start_statistics(statistics);
        norm_.normalise_by(statistics, norm_params());
        const bool folds = spec_.relu != Relu::BEFORE_BATCH_NORM;
        pack_forward_weights([&](int out) { return folds ? norm_.scale(out) : 1; });
        if (!folds) return;
        for (int c = 0; c < spec_.width; ++c) starts_[c] = starts_[c] * norm_.scale(c) + norm_.offset(c);
        norm_.set_identity();
    }

    void evaluate(const Tensor& in, int group) {
        const bool is_activated = spec_.pool == 1 && spec_.relu != Relu::BEFORE_BATCH_NORM;
        EvaluationSink sink{is_activated ? y_[group] : z_[group], starts_.data(),
                            is_activated && spec_.relu == Relu::LAST};
        convolve_into(sink, in, group);
        if (is_activated) fill_head(group);
        else activate(group, nullptr);
    }

    // ---- backward: `backward_outputs` for each group, unless the next layer's convolution feeds `GradientSink`; then
    // `finish_gradient_sums` once; then `backward_convolution` and `backward_inputs` for each group

    void start_gradient_sums() {
        norm_.start_sums();
        bias_sums_.clear();
        weight_sums_.clear();
    }

    GradientSink gradient_sink(int group) {
        norm_.start_group();
        return {y_[group], z_[group], spec_.relu, drops_ ? kept(group) : KeptBits(), norm_.shift(), norm_.sum(),
                norm_.product_sum()};
    }

    void add_gradient_sums() { norm_.end_group(all_lanes()); }

    // Takes the gradient in `output(group)`: adds to the sums that BatchNorm's gradient needs and, unless there is a
    // pool, turns y into the gradient of BatchNorm's output.
    void backward_outputs(int group) {
        GradientSink sink = gradient_sink(group);
        const Tensor y = y_[group], z = z_[group];
        for (int c = 0; c < spec_.width; ++c) {
            if (spec_.head == Head::MEAN) {
                const vector gradient = head_[group].row(c, 0)[0] * splat(real(1) / (y.height * y.width));
                for (int row = 0; row < y.height; ++row)
                    for (int x = 0; x < y.width; ++x)
                        if (spec_.pool > 1) y.row(c, row)[x] = gradient;
                        else sink.put<1>(c, row, x, &gradient);
            }
            if (spec_.pool > 1)
                add_pooled_gradient_sums(group, c);
            else if (spec_.head == Head::FLATTEN)
                for (int row = 0; row < y.height; ++row)
                    for (int x = 0; x < y.width; ++x) sink.put<1>(c, row, x, head_[group].row(c, row) + x);
        }
        add_gradient_sums();
    }

    // Computes the gradients of BatchNorm's scale and offset.
    void finish_gradient_sums(real* gradient) {
        norm_.finish_gradient(kept_factor(), norm_params(), gradient + num_weights_ + spec_.width * spec_.bias);
    }

    // Computes the gradients of the convolution's sums, weights and bias.
    void backward_convolution(const Tensor& in, int group, mask lanes) {
        for (int c = 0; c < spec_.width; ++c) backward_normalisation(group, c, lanes);
        const Tensor dz = dz_[0];
        if (!spec_.separable) return add_weight_gradient(in, dz, kernel_, padding_, weight_sums_.data());
        add_weight_gradient(depthwise_[group], dz, kernel_, padding_, weight_sums_.data() + num_depthwise_);
        const Tensor to = depthwise_gradient_[0];
        const real* weights = backward_weights_.data() + num_depthwise_;
        if (spec_.stride == 1) {
            StoreSink store{to};
            convolve(dz, weights, 1, 0, in_channels_, store);
        } else {
            SpreadingSink spread{to};
            convolve(dz, weights, 1, 0, in_channels_, spread);
        }
        add_depthwise_weight_gradient(in, zeros_.data(), to, spec_.kernel, spec_.padding, weight_sums_.data());
    }

    template <class Sink>
    void backward_inputs(Sink& sink) {
        const int padding = spec_.kernel - 1 - spec_.padding;
        const real* weights = backward_weights_.data();
        if (spec_.separable)
            convolve_depthwise(depthwise_gradient_[0], zeros_.data(), weights, spec_.kernel, padding, sink);
        else
            convolve(dz_[0], weights, kernel_, padding, in_channels_, sink);
    }

    void store_gradients(real* gradient) {
        for (size_t i = 0; i < num_weights_; ++i) gradient[i] = sum_of(weight_sums_[i]);
        if (spec_.bias)
            for (int c = 0; c < spec_.width; ++c) gradient[num_weights_ + c] = sum_of(bias_sums_[c]);
    }

private:
    LayerSpec spec_;
    int in_channels_, flat_ = 0;
    int kernel_ = 1, padding_ = 0;  // of the convolution over all channels
    size_t num_weights_, num_depthwise_, kept_size_ = 0;
    bool drops_ = false;  // whether the latest forward pass dropped values
    const real* params_ = nullptr;
    Normalisation norm_;
    // z: the convolution's output; y: after BatchNorm, ReLU, dropout and pool, later its gradient; dz: the gradient of z.
    Groups z_, y_, head_, dz_, depthwise_, depthwise_gradient_;
    Array<uint8_t> kept_;
    Array<real> forward_weights_, backward_weights_, starts_;
    Array<vector> weight_sums_, bias_sums_, zeros_;

    // BatchNorm's scales, then its offsets.
    const real* norm_params() const { return params_ + num_weights_ + spec_.width * spec_.bias; }
    real kept_factor() const { return drops_ ? 1 / (1 - real(spec_.dropout)) : 1; }

    // Calls body with what takes the sums of a convolution of stride 1.
    template <class Sink, class Body>
    void with_stride(Sink& sink, Body body) const {
        if (spec_.stride == 1) return body(sink);
        EverySecond<Sink> some{sink};
        body(some);
    }

    // Calls body with the Activation of channel c.
    template <class Body>
    ALWAYS_INLINE void with_channel(int group, int c, Body body) const {
        const real factor = kept_factor();
        with_activation(
            spec_.relu, splat(norm_.scale(c) * factor), splat(norm_.offset(c) * factor),
            drops_ ? kept(group) : KeptBits(), splat(norm_.shift()[c]), body);
    }

    // `factor(out)` scales the weights of an output channel.
    template <class Factor>
    void pack_forward_weights(Factor factor) {
        const size_t area = size_t(kernel_) * kernel_;
        pack_weights(
            params_ + num_depthwise_, spec_.width, in_channels_, kernel_, in_channels_ * area, area, false,
            forward_weights_.data(), factor);
    }

    template <class Sink>
    void convolve_into(Sink& sink, const Tensor& in, int group) {
        if (!spec_.separable) {
            with_stride(sink, [&](auto& to) {
                convolve(in, forward_weights_.data(), kernel_, padding_, spec_.width, to);
            });
            return;
        }
        StoreSink store{depthwise_[group]};
        with_stride(store, [&](auto& to) {
            convolve_depthwise(in, zeros_.data(), params_, spec_.kernel, spec_.padding, to);
        });
        convolve(depthwise_[group], forward_weights_.data(), kernel_, padding_, spec_.width, sink);
    }

    void fill_head(int group) {
        const Tensor y = y_[group];
        if (spec_.head == Head::MEAN) average(group);
        if (spec_.head == Head::FLATTEN && spec_.pool == 1)
            std::memcpy(static_cast<void*>(head_[group].data), y.data, y.num_vectors() * sizeof(vector));
    }

    void average(int group) {
        const Tensor maps = y_[group], means = head_[group];
        const real share = real(1) / (maps.height * maps.width);
        for (int c = 0; c < spec_.width; ++c) {
            vector total{};
            for (int y = 0; y < maps.height; ++y)
                for (int x = 0; x < maps.width; ++x) total += maps.row(c, y)[x];
            means.row(c, 0)[0] = total * share;
        }
    }

    NOINLINE void add_pooled_gradient_sums(int group, int c) {
        const Tensor z = z_[group], y = y_[group];
        vector &sum = norm_.sum()[c], &product_sum = norm_.product_sum()[c];
        with_channel(group, c, [&](const auto& activation) {
            with_pool(spec_.pool_kind, spec_.pool, [&](auto pool) {
                vector added[2][2] = {}, products[2][2] = {};  // several sums, since each addition waits for the last
                for_pooled_gradients(pool, activation, z, y, c, [&](int row, int x, vector gradient, vector value) {
                    added[row % 2][x % 2] += gradient;
                    products[row % 2][x % 2] += gradient * activation.shifted(value);
                });
                for (int i = 0; i < 4; ++i) {
                    sum += added[i / 2][i % 2];
                    product_sum += products[i / 2][i % 2];
                }
            });
        });
    }

    // Computes channel c of dz.
    NOINLINE void backward_normalisation(int group, int c, mask lanes) {
        const Tensor y = y_[group], z = z_[group], dz = dz_[0];
        const vector a = splat(norm_.from_gradient(c));
        // Lanes without an image must not contribute to the gradients of weights.
        const vector b = where(lanes, splat(norm_.from_value(c))), d = where(lanes, splat(norm_.constant(c)));
        const int step = spec_.separable ? 1 : spec_.stride;
        with_channel(group, c, [&](const auto& activation) {
            const auto gradient_of = [&](vector gradient, vector value) {
                return activation.before_normalisation(gradient * a + value * b + d, value);
            };
            if (spec_.pool > 1) {
                with_pool(spec_.pool_kind, spec_.pool, [&](auto pool) {
                    for_pooled_gradients(pool, activation, z, y, c, [&](int row, int x, vector gradient, vector value) {
                        dz.row(c, step * row)[step * x] = gradient_of(gradient, value);
                    });
                });
            } else {
                for (int row = 0; row < z.height; ++row) {
                    const vector *gradients = y.row(c, row), *values = z.row(c, row);
                    vector* to = dz.row(c, step * row);
                    for (int x = 0; x < z.width; ++x) to[step * x] = gradient_of(gradients[x], values[x]);
                }
            }
        });
        if (!spec_.bias) return;
        for (int row = 0; row < z.height; ++row)
            for (int x = 0; x < z.width; ++x) bias_sums_[c] += dz.row(c, step * row)[step * x];
    }
};
