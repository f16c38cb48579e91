// The native trainer on networks read from stdin, to be compiled with sanitizers.
//
// Each network is a line: batch size, number of images, their channels, height and width, number of layers, then the
// numbers of each layer's LayerSpec. Every array has exactly the size that it needs.

#include <cstdio>
#include <iostream>
#include <random>

#include "trainer.cpp"

int main() {
    std::mt19937 random(0);
    int batch_size, num_images, num_layers, num_networks = 0;
    ImageShape shape;
    while (std::cin >> batch_size >> num_images >> shape.channels >> shape.height >> shape.width >> num_layers) {
        std::vector<LayerSpec> specs(num_layers);
        size_t num_statistics = 0;
        for (LayerSpec& spec : specs) {
            int relu, pool_kind, head;
            std::cin >> spec.width >> spec.kernel >> spec.padding >> spec.stride >> spec.separable >> spec.bias >>
                spec.batch_norm >> relu >> spec.dropout_threshold >> spec.pool >> pool_kind >> head >> spec.dropout;
            spec.relu = Relu(relu);
            spec.pool_kind = PoolKind(pool_kind);
            spec.head = Head(head);
            num_statistics += spec.batch_norm ? 2 * spec.width : 0;
        }
        std::vector<uint8_t> images(num_images * shape.num_bytes());
        for (uint8_t& pixel : images) pixel = uint8_t(random());
        std::vector<int64_t> labels(num_images), order(num_images), predicted(num_images);
        std::vector<float> transforms(6 * size_t(num_images)), tones(2 * size_t(num_images), 0.5f);
        // A net that ends with maps has more classes, which no image has as its label.
        const int num_classes = specs.back().width;
        std::vector<double> class_weights(num_classes, 0.7);
        for (int i = 0; i < num_images; ++i) {
            labels[i] = random() % num_classes;
            order[i] = num_images - 1 - i;
        }
        for (float& entry : transforms) entry = float(random() % 1000) / 400 - 1;
        const size_t num_steps = std::max(1, (num_images - 2 + batch_size) / batch_size);
        std::vector<double> learning_rates(num_steps, 0.01), momenta(num_steps, 0.9);

        Trainer* trainer = trainer_new(&shape, specs.data(), num_layers, batch_size + 1, 1);
        std::vector<real> params(trainer_num_params(trainer)), velocity(params.size()), statistics(num_statistics, 1);
        for (real& param : params) param = real(random() % 1000) / 2000 - real(0.25);
        Epoch epoch{};
        epoch.images = images.data();
        epoch.labels = labels.data();
        epoch.order = order.data();
        epoch.augmentation = {transforms.data(), tones.data()};
        epoch.class_weights = class_weights.data();
        epoch.predicted = predicted.data();
        epoch.learning_rates = learning_rates.data();
        epoch.momenta = momenta.data();
        epoch.num_images = num_images;
        epoch.batch_size = batch_size;
        epoch.mean = 0.13;
        epoch.std = 0.31;
        epoch.weight_decay = 1e-4;
        epoch.label_smoothing = 0.1;
        epoch.clip_norm = 1;
        epoch.nesterov = 1;
        trainer_train(trainer, &epoch, params.data(), velocity.data(), statistics.data());
        trainer_measure_statistics(trainer, &epoch, params.data(), statistics.data());
        trainer_evaluate(trainer, &epoch, params.data(), statistics.data());
        trainer_delete(trainer);
        ++num_networks;
    }
    std::printf("%d networks\n", num_networks);
}
