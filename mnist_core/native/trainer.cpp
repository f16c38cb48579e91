// Training of one network on one thread, one epoch per call, with a plain C interface for trainer.py.

#include <chrono>
#include <cmath>
#include <vector>

#include "images.h"
#include "layer.h"

namespace {

using Clock = std::chrono::steady_clock;

enum Part { DATA, FORWARD, BACKWARD, UPDATE, NUM_PARTS };

class Stopwatch {
public:
    void lap(Part part) {
        const auto now = Clock::now();
        seconds_[part] += std::chrono::duration<double>(now - started_).count();
        started_ = now;
    }
    double seconds_[NUM_PARTS] = {};

private:
    Clock::time_point started_ = Clock::now();
};

}  // namespace

// Filled in by trainer.py.
struct Epoch {
    const uint8_t* images;  // (any, height, width, channels)
    const int64_t* labels;
    const int64_t* order;  // indices of the images and labels, in the order in which batches take them
    Augmentation augmentation;  // of the images in that order
    const double* class_weights;  // (num_classes,) factors of the loss, or null
    const double *learning_rates, *momenta;  // one per step
    int64_t num_images, batch_size;
    double mean, std;  // of pixels scaled to 0..1
    double weight_decay, label_smoothing, clip_norm;  // clip_norm 0: none
    int32_t nesterov;
    // Results.
    double loss;  // sum over the images
    int64_t num_right;
    int64_t* predicted;  // (num_images,): the class of the highest logit, in that order; or null
    double seconds[NUM_PARTS];
};

class Trainer {
public:
    Trainer(const ImageShape& images, const LayerSpec* specs, int num_layers, int batch_size, uint64_t dropout_seed)
        : loader_(images), dropout_(dropout_seed) {
        const int groups = num_groups(batch_size);
        Tensor shape{nullptr, images.channels, images.height, images.width, specs[0].padding};
        input_ = Groups(groups, shape);
        for (int i = 0; i < num_layers; ++i) {
            layers_.emplace_back(specs[i], shape, i + 1 < num_layers ? specs[i + 1].padding : 0, groups);
            shape = layers_.back().shape();
            num_params_ += layers_.back().num_params();
        }
        num_classes_ = shape.channels;
        gradient_ = Array<real>(num_params_);
    }

    size_t num_params() const { return num_params_; }
    void seed_dropout(uint64_t seed) { dropout_ = DropoutStream(seed); }

    void train(Epoch& epoch, real* params, real* velocity, real* statistics) {
        Stopwatch watch;
        epoch.loss = 0;
        epoch.num_right = 0;
        int64_t step = 0;
        for (int64_t first = 0; first < epoch.num_images; ++step) {
            const int64_t last = batch_end(epoch, first);
            load(epoch, first, last);
            watch.lap(DATA);
            forward(int(last - first), params, statistics, &dropout_, BATCH_NORM_MOMENTUM);
            add_loss(epoch, first, last, epoch.label_smoothing, true);
            watch.lap(FORWARD);
            backward(int(last - first));
            watch.lap(BACKWARD);
            update(epoch, step, params, velocity);
            watch.lap(UPDATE);
            first = last;
        }
        std::copy(watch.seconds_, watch.seconds_ + NUM_PARTS, epoch.seconds);
    }

    // Replaces the running statistics by averages over the batches, without dropout; returns the number of batches.
    int64_t measure_statistics(const Epoch& epoch, const real* params, real* statistics) {
        int64_t num_batches = 0;
        for (int64_t first = 0, last; first < epoch.num_images; first = last) {
            last = batch_end(epoch, first);
            load(epoch, first, last);
            forward(int(last - first), params, statistics, nullptr, 1 / double(++num_batches));
        }
        return num_batches;
    }

    // Evaluates without dropout and with the running statistics.
    void evaluate(Epoch& epoch, const real* params, const real* statistics) {
        epoch.loss = 0;
        epoch.num_right = 0;
        for (Layer& layer : layers_) {
            layer.prepare_evaluation(params, statistics);
            params += layer.num_params();
            statistics += layer.num_statistics();
        }
        for (int64_t first = 0; first < epoch.num_images; first += LANES) {
            const int64_t last = std::min(first + LANES, epoch.num_images);
            load(epoch, first, last);
            for (size_t i = 0; i < layers_.size(); ++i)
                layers_[i].evaluate(i > 0 ? layers_[i - 1].output(0) : input_[0], 0);
            add_loss(epoch, first, last, 0, false);
        }
    }

    // Computes the gradient of one batch, without an update.
    void differentiate(Epoch& epoch, const real* params, real* statistics, real* gradient) {
        epoch.loss = 0;
        epoch.num_right = 0;
        load(epoch, 0, epoch.num_images);
        forward(int(epoch.num_images), params, statistics, &dropout_, BATCH_NORM_MOMENTUM);
        add_loss(epoch, 0, epoch.num_images, epoch.label_smoothing, true);
        backward(int(epoch.num_images));
        std::copy(gradient_.data(), gradient_.data() + num_params_, gradient);
    }

    // Writes the latest batch's dropout mask of one image, in the order of (channels, height, width).
    void keep_mask(int layer, int image, uint8_t* values) {
        const KeptBits kept = layers_[layer].kept(image / LANES);
        for (size_t i = 0; i < layers_[layer].num_outputs(); ++i) values[i] = kept[i][image % LANES] != 0;
    }

private:
    ImageLoader loader_;
    DropoutStream dropout_;
    Groups input_;
    std::vector<Layer> layers_;
    Array<real> gradient_;
    size_t num_params_ = 0;
    int num_classes_ = 0;

    static int num_groups(int num_images) { return (num_images + LANES - 1) / LANES; }

    static int64_t batch_end(const Epoch& epoch, int64_t first) {
        const int64_t last = std::min(first + epoch.batch_size, epoch.num_images);
        // A single image left over joins the last batch, as in plan.num_steps.
        return epoch.num_images - last == 1 ? epoch.num_images : last;
    }

    // The lanes that hold an image.
    static mask lanes_in_use(int group, int num_images) {
        mask lanes{};
        for (int lane = 0; lane < LANES; ++lane) lanes[lane] = -(group * LANES + lane < num_images);
        return lanes;
    }

    void load(const Epoch& epoch, int64_t first, int64_t last) {
        const Augmentation& all = epoch.augmentation;
        for (int64_t i = first; i < last; i += LANES) {
            const Augmentation own{all.transforms ? all.transforms + 6 * i : nullptr, all.tones ? all.tones + 2 * i : nullptr};
            const int num_images = int(std::min<int64_t>(LANES, last - i));
            loader_.load(
                epoch.images, epoch.order + i, num_images, own, epoch.mean, epoch.std, input_[int((i - first) / LANES)]);
        }
    }

    // Batches are normalised by themselves and move the running statistics. Without `dropout` every value is kept.
    void forward(int num_images, const real* params, real* statistics, DropoutStream* dropout, double momentum) {
        const int groups = num_groups(num_images);
        for (size_t i = 0; i < layers_.size(); ++i) {
            Layer& layer = layers_[i];
            layer.prepare(params);
            layer.start_statistics(statistics);
            // A group's activations from the previous layer are used while they are in the cache.
            for (int group = 0; group < groups; ++group) {
                if (i > 0) layers_[i - 1].activate(group, dropout);
                layer.convolve_group(
                    i > 0 ? layers_[i - 1].output(group) : input_[group], group, lanes_in_use(group, num_images));
            }
            layer.normalise_batch(num_images, statistics, momentum);
            params += layer.num_params();
            statistics += layer.num_statistics();
        }
        for (int group = 0; group < groups; ++group) layers_.back().activate(group, dropout);
    }

    // Adds softmax cross-entropy. With `differentiates`, the gradient of the mean loss overwrites the logits.
    void add_loss(Epoch& epoch, int64_t first, int64_t last, double label_smoothing, bool differentiates) {
        const double share = 1.0 / double(last - first), even = label_smoothing / num_classes_;
        std::vector<double> shares(num_classes_);
        for (int64_t i = first; i < last; ++i) {
            const int64_t index = i - first, label = epoch.labels[epoch.order[i]];
            real* logits = reinterpret_cast<real*>(layers_.back().output(int(index / LANES)).data) + index % LANES;
            int highest = 0;
            for (int k = 1; k < num_classes_; ++k)
                if (logits[k * LANES] > logits[highest * LANES]) highest = k;
            const double top = logits[highest * LANES];
            double total = 0;
            for (int k = 0; k < num_classes_; ++k) total += shares[k] = std::exp(logits[k * LANES] - top);
            const double log_total = std::log(total) + top;
            const double weight = epoch.class_weights ? epoch.class_weights[label] : 1;
            for (int k = 0; k < num_classes_; ++k) {
                const double target = even + (k == label ? 1 - label_smoothing : 0);
                if (target != 0) epoch.loss += weight * target * (log_total - logits[k * LANES]);
                if (differentiates) logits[k * LANES] = real((shares[k] / total - target) * share * weight);
            }
            epoch.num_right += highest == label;
            if (epoch.predicted) epoch.predicted[i] = highest;
        }
        if (!differentiates) return;
        // Lanes without an image do not contribute to the gradient.
        const int images = int(last - first), group = num_groups(images) - 1;
        vector* logits = layers_.back().output(group).data;
        const mask in_use = lanes_in_use(group, images);
        for (int k = 0; k < num_classes_; ++k) logits[k] = where(in_use, logits[k]);
    }

    void backward(int num_images) {
        const int groups = num_groups(num_images);
        real* gradient = gradient_.data() + num_params_;
        for (size_t i = layers_.size(); i-- > 0;) {
            Layer& layer = layers_[i];
            if (i + 1 == layers_.size()) {
                layer.start_gradient_sums();
                for (int group = 0; group < groups; ++group) layer.backward_outputs(group);
            }
            gradient -= layer.num_params();
            layer.finish_gradient_sums(gradient);
            layer.prepare_backward();
            if (i > 0) layers_[i - 1].start_gradient_sums();
            for (int group = 0; group < groups; ++group) {
                const Tensor in = i > 0 ? layers_[i - 1].output(group) : input_[group];
                layer.backward_convolution(in, group, lanes_in_use(group, num_images));
                if (i > 0) backward_inputs(layer, layers_[i - 1], group);
            }
            layer.store_gradients(gradient);
        }
    }

    static void backward_inputs(Layer& layer, Layer& below, int group) {
        if (!below.stores_gradient()) {
            auto sink = below.gradient_sink(group);
            layer.backward_inputs(sink);
            below.add_gradient_sums();
            return;
        }
        StoreSink store{below.output(group)};
        layer.backward_inputs(store);
        below.backward_outputs(group);
    }

    // Updates the parameters like torch.optim.SGD.
    void update(const Epoch& epoch, int64_t step, real* params, real* velocity) {
        real factor = 1;
        if (epoch.clip_norm > 0) {
            double squares = 0;
            for (size_t i = 0; i < num_params_; ++i) squares += double(gradient_[i]) * gradient_[i];
            factor = real(std::min(1.0, epoch.clip_norm / (std::sqrt(squares) + 1e-6)));
        }
        const real rate = real(epoch.learning_rates[step]), momentum = real(epoch.momenta[step]);
        const real decay = real(epoch.weight_decay);
        for (size_t i = 0; i < num_params_; ++i) {
            const real g = gradient_[i] * factor + decay * params[i];
            velocity[i] = momentum * velocity[i] + g;
            params[i] -= rate * (epoch.nesterov ? g + momentum * velocity[i] : velocity[i]);
        }
    }
};

extern "C" {

// Returns null if there is too little memory.
Trainer* trainer_new(
    const ImageShape* images, const LayerSpec* specs, int num_layers, int batch_size, uint64_t dropout_seed) {
    try {
        return new Trainer(*images, specs, num_layers, batch_size, dropout_seed);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

void trainer_delete(Trainer* trainer) { delete trainer; }

uint64_t trainer_num_params(const Trainer* trainer) { return trainer->num_params(); }

void trainer_seed_dropout(Trainer* trainer, uint64_t seed) { trainer->seed_dropout(seed); }

void trainer_train(Trainer* trainer, Epoch* epoch, real* params, real* velocity, real* statistics) {
    trainer->train(*epoch, params, velocity, statistics);
}

int64_t trainer_measure_statistics(Trainer* trainer, const Epoch* epoch, const real* params, real* statistics) {
    return trainer->measure_statistics(*epoch, params, statistics);
}

void trainer_evaluate(Trainer* trainer, Epoch* epoch, const real* params, const real* statistics) {
    trainer->evaluate(*epoch, params, statistics);
}

void trainer_differentiate(Trainer* trainer, Epoch* epoch, const real* params, real* statistics, real* gradient) {
    trainer->differentiate(*epoch, params, statistics, gradient);
}

void trainer_keep_mask(Trainer* trainer, int layer, int image, uint8_t* mask) {
    trainer->keep_mask(layer, image, mask);
}
}
