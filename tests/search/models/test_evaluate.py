import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from mnist_core.checkpoint import Checkpoint, cpu_weights, restore_model, save_checkpoint
from mnist_core.data import Dataset, load_dataset, open_test_set
from mnist_core.engine import TORCH
from mnist_core.model import build_model
from mnist_core.training import train
from search.models.names import load_model
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from space.errors import InputError
from studies.trials import Outcome
from tests.stores import BUDGET, make_search, suggest, train_one

NET = "4s:br p 8s:br p 8v:br gap fc10+"

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits", None, train_size=400)


@pytest.fixture(scope="module")
def checkpoint(digits: Dataset) -> Checkpoint:
    candidate = CandidateSpec(ArchitectureSpec.from_text(NET), TrainingConfig(epochs=5, batch_size=16))
    model = build_model(candidate.architecture, seed=1)
    results = list(train(model, digits, candidate.training, seed=1, engine=TORCH))
    assert results[-1].val_accuracy > 0.6
    return Checkpoint(
        candidate=candidate,
        weights=cpu_weights(model),
        mean=digits.mean,
        std=digits.std,
        dataset="digits",
        dataset_sha256=digits.sha256,
        val_accuracy=results[-1].val_accuracy,
        seed=1,
    )


@pytest.fixture
def write(tmp_path: Path, checkpoint: Checkpoint) -> Callable[..., Checkpoint]:
    """Writes the trained model, with what a test changes of it, to the folder that commands run in."""

    def save(name: str = "model.safetensors", **changes: object) -> Checkpoint:
        changed = replace(checkpoint, **changes)
        save_checkpoint(tmp_path / name, changed)
        return changed

    return save


def probabilities(checkpoint: Checkpoint, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    pixels = (np.moveaxis(images, 3, 1).astype(np.float32) / 255 - checkpoint.mean) / checkpoint.std
    with torch.no_grad():
        logits = restore_model(checkpoint)(torch.tensor(pixels, dtype=torch.float32)).double().numpy()
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(1, keepdims=True)


# On validation images


def test_a_model_file_is_evaluated_on_the_validation_images(search_here, write, digits: Dataset) -> None:
    checkpoint = write(mean=0.2, std=0.5)  # other than the data's, so that the file's own are used
    labels = digits.validation.labels
    expected = probabilities(checkpoint, digits.validation.images)
    told = search_here.json("evaluate", "model.safetensors")
    assert told == {
        "notation": NET,
        "num_params": checkpoint.candidate.num_params,
        "dataset": "digits",
        "num_images": 300,
        "val_accuracy": pytest.approx((expected.argmax(1) == labels).mean(), abs=1e-9),
        "val_loss": pytest.approx(-np.log(expected[np.arange(300), labels]).mean(), rel=1e-4),
        "val_accuracy_when_trained": checkpoint.val_accuracy,
    }


def test_the_text_says_the_same(search_here, write) -> None:
    checkpoint = write()
    result = search_here("evaluate", "model.safetensors")
    assert (result.returncode, result.stderr) == (0, "")
    net, line = result.stdout.splitlines()
    assert net == f"1,030 parameters: {NET}"
    accuracy = f"{100 * checkpoint.val_accuracy:.2f} %"
    assert line.startswith(f"{accuracy} of 300 validation images of digits ({accuracy} when it was trained), loss 0.")


def test_a_trial_is_evaluated_by_its_number(search_here, small_study) -> None:
    front = search_here.json("front", "--storage", small_study.url)
    for point in front:
        told = search_here.json("evaluate", point["trial"], "--storage", small_study.url)
        assert (told["notation"], told["num_params"]) == (point["notation"], point["num_params"])
        assert told["val_accuracy"] == pytest.approx(point["val_accuracy"], abs=1.01 / 300)
        assert told["val_accuracy_when_trained"] == point["val_accuracy"]


def test_another_dataset_may_be_named(search_here, write) -> None:
    write(dataset="fashion-mnist", dataset_sha256="0" * 64)
    result = search_here("evaluate", "model.safetensors", "--dataset", "digits")
    assert (result.returncode, result.stderr) == (0, "")
    assert "300 validation images of digits, loss" in result.stdout
    told = search_here.json("evaluate", "model.safetensors", "--dataset", "digits")
    assert told["val_accuracy_when_trained"] is None


def test_other_images_under_the_same_name_get_a_warning(search_here, write) -> None:
    write(dataset_sha256="0" * 64)
    result = search_here("evaluate", "model.safetensors")
    assert result.returncode == 0
    assert result.stderr.startswith("warning: the digits found here is not the one that the model was trained on")
    assert "not 000000000000..." in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "when it was trained" not in result.stdout


@pytest.mark.mnist
def test_mnist_is_the_dataset_of_a_model_that_was_trained_on_it(search_here, write, mnist_root: Path) -> None:
    data = load_dataset("mnist", mnist_root, train_size=2)
    checkpoint = write(dataset="mnist", dataset_sha256=data.sha256)
    told = search_here.json("evaluate", "model.safetensors", "--data-root", mnist_root)
    assert (told["dataset"], told["num_images"]) == ("mnist", 10_000)
    expected = probabilities(checkpoint, data.validation.images).argmax(1) == data.validation.labels
    assert told["val_accuracy"] == pytest.approx(expected.mean(), abs=2e-4)


# On a person's own images


def test_a_folder_of_images_is_classified(search_here, write, tmp_path: Path, digits: Dataset) -> None:
    checkpoint = write(dataset="fashion-mnist")
    (tmp_path / "mine").mkdir()
    images = digits.validation.images[:8]
    for position, image in enumerate(images):
        Image.fromarray(image[..., 0]).save(tmp_path / "mine" / f"[red]{position}.png")
    expected = probabilities(checkpoint, images)
    told = search_here.json("evaluate", "model.safetensors", "--images", "mine")
    assert [row["file"] for row in told] == [f"[red]{position}.png" for position in range(8)]
    assert [row["class"] for row in told] == [checkpoint.class_names[label] for label in expected.argmax(1)]
    assert [row["confidence"] for row in told] == pytest.approx(expected.max(1).tolist(), abs=1e-4)
    result = search_here("evaluate", "model.safetensors", "--images", "mine")
    assert (result.returncode, result.stderr) == (0, "")
    heading, *lines = result.stdout.splitlines()
    assert heading.split() == ["file", "class", "confidence"]
    for line, row in zip(lines, told, strict=True):
        assert line.split(maxsplit=1)[0] == row["file"]
        assert f" {row['class']} " in line
        assert line.endswith(f" {100 * row['confidence']:.2f} %")


def test_arrays_are_classified_as_the_dataset_is(search_here, write, tmp_path: Path, digits: Dataset) -> None:
    write()
    np.save(tmp_path / "images.npy", digits.validation.images[..., 0])
    told = search_here.json("evaluate", "model.safetensors", "--images", "images.npy")
    accuracy = np.mean([int(row["class"]) == label for row, label in zip(told, digits.validation.labels, strict=True)])
    assert accuracy == search_here.json("evaluate", "model.safetensors")["val_accuracy"]


def test_an_image_that_shows_nothing_among_others_gets_a_warning(
    search_here, write, tmp_path: Path, digits: Dataset
) -> None:
    write()
    np.save(tmp_path / "images.npy", np.stack([*digits.validation.images[:2, ..., 0], np.zeros((28, 28), np.uint8)]))
    result = search_here("evaluate", "model.safetensors", "--images", "images.npy")
    assert (result.returncode, len(result.stdout.splitlines())) == (0, 4)
    assert result.stderr == "warning: every pixel of images.npy[2] has the same value\n"


def test_dark_on_light_gets_a_note(search_here, write, tmp_path: Path, digits: Dataset) -> None:
    write()
    np.save(tmp_path / "images.npy", 255 - digits.validation.images[:20, ..., 0])
    result = search_here("evaluate", "model.safetensors", "--images", "images.npy")
    assert result.returncode == 0
    (line,) = result.stderr.splitlines()
    assert line.startswith(
        "note: inverted, being dark on light where the data are light on dark: 20 of 20 images, such as"
    )
    assert line.endswith("images.npy[0] (--strict refuses them)")
    np.save(tmp_path / "images.npy", digits.validation.images[:20, ..., 0])
    assert search_here("evaluate", "model.safetensors", "--images", "images.npy").stdout == result.stdout
    np.save(tmp_path / "images.npy", 255 - digits.validation.images[:20, ..., 0])
    refused = search_here("evaluate", "model.safetensors", "--images", "images.npy", "--strict")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "error: images.npy[0] is dark on light, and the data are light on dark\n"


def test_folders_that_name_classes_give_an_accuracy(search_here, write, tmp_path: Path, digits: Dataset) -> None:
    checkpoint = write()
    images, labels = digits.validation.images[:40], digits.validation.labels[:40]
    for position, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
        folder = tmp_path / "mine" / checkpoint.class_names[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(folder / f"{position}.png")
    right = probabilities(checkpoint, images).argmax(1) == labels
    of_classes = [right[labels == label].mean() for label in set(labels.tolist())]
    result = search_here("evaluate", "model.safetensors", "--images", "mine")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == (
        f"{100 * right.mean():.2f} % of 40 images are of the class that their folder names; mean of the classes' "
        f"accuracies (balanced accuracy) {100 * np.mean(of_classes):.2f} %"
    )
    told = search_here.json("evaluate", "model.safetensors", "--images", "mine")
    assert {row["file"].partition("/")[0] for row in told} == {row["true"] for row in told}
    (tmp_path / "mine/other").mkdir()
    Image.fromarray(images[0, ..., 0]).save(tmp_path / "mine/other/one.png")
    result = search_here("evaluate", "model.safetensors", "--images", "mine")
    assert result.stderr == "note: 1 other image is in no folder with the name of a class\n"
    assert "% of 40 images" in result.stdout


def test_sealed_images_are_refused(search_here, write, tmp_path: Path, small_study) -> None:
    write()
    test = open_test_set("digits", None).images[:2]
    (tmp_path / "mine").mkdir()
    for position, image in enumerate(test):
        Image.fromarray(image[..., 0]).save(tmp_path / f"mine/{position}.png")
    result = search_here("evaluate", "model.safetensors", "--images", "mine")
    assert result.returncode == 0, "there is no store here"
    refused = search_here("evaluate", "model.safetensors", "--images", "mine", "--storage", small_study.url)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        f"error: 0.png and 1 other image are in the sealed test set of study 'digits-3000' in {small_study.url}, which "
        "is opened only by 'python -m search confirm --study digits-3000'\n"
    )


# What is refused


@pytest.fixture
def files(tmp_path: Path, write, small_study) -> Path:
    """The folder that the cases below name files of."""
    write()
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "model.safetensors").read_bytes()[:-1])
    (tmp_path / "model.onnx").write_bytes(b"onnx")
    other = cpu_weights(build_model(ArchitectureSpec.from_text("5s:br gap fc10+")))
    write("other.safetensors", weights=other)
    nine = CandidateSpec(ArchitectureSpec.from_text("4s:br gap fc9+"))
    weights = cpu_weights(build_model(nine.architecture))
    write("nine.safetensors", candidate=nine, weights=weights)
    write("nine-clothes.safetensors", candidate=nine, weights=weights, dataset="fashion-mnist")
    write("letters.safetensors", dataset="letters")
    broken = {name: tensor * torch.nan if tensor.is_floating_point() else tensor for name, tensor in other.items()}
    five = CandidateSpec(ArchitectureSpec.from_text("5s:br gap fc10+"))
    write("nan.safetensors", candidate=five, weights=broken)
    np.save(tmp_path / "good.npy", np.eye(28, dtype=np.uint8))
    np.save(tmp_path / "blank.npy", np.stack([np.zeros((28, 28), np.uint8), np.full((28, 28), 7, np.uint8)]))
    Image.new("L", (32, 28)).save(tmp_path / "wide.png")
    shutil.copytree(small_study.folder, tmp_path, dirs_exist_ok=True)
    return tmp_path


REFUSED = {
    "file absent": ("none.safetensors", "there is no model file none.safetensors"),
    "file corrupt": ("cut.safetensors", "cut.safetensors can't be read as safetensors"),
    "file of another architecture": ("other.safetensors", f"its weights do not fit '{NET}'"),
    "an ONNX model": ("model.onnx", "model.onnx is an ONNX model: name the safetensors file"),
    "a folder": (".", "is a folder: name the model file in it"),
    "a reference system": ("001", "001 is a reference system, not a trained model: 'python -m search train 001 --out "),
    "a notation": ("8s:br|gap|fc10+", "8s:br gap fc10+ is a net, not a trained model: 'python -m search train "),
    "a long notation": ("8s:br|" * 500 + "gap", "... is a net, not a trained model"),
    "trial absent": ("999", "study 'digits-3000' has no trial 999"),
    "store absent": ("0 --storage sqlite:///none.db", "there is no study store at sqlite:///none.db"),
    "study absent": ("0 --study digits-300", "no study 'digits-300'"),
    "dataset": ("model.safetensors --dataset mnits", "--dataset must be one of mnist, fashion-mnist, kmnist, digits"),
    "dataset of the file": (
        "letters.safetensors",
        "must be one of mnist, fashion-mnist, kmnist, digits, not 'letters'",
    ),
    "other classes": ("nine.safetensors", "the model has 9 outputs, but digits has 10 classes"),
    "other classes, own images": (
        "nine-clothes.safetensors --images good.npy",
        "the model has 9 outputs, but fashion-mnist has 10 classes",
    ),
    "weights not finite": ("nan.safetensors", "the model's outputs are not finite"),
    "weights not finite, own images": ("nan.safetensors --images good.npy", "the model's outputs are not finite"),
    "both": ("model.safetensors --dataset digits --images good.npy", "give --dataset or --images, not both"),
    "images absent": ("model.safetensors --images none", "--images none: there is no such file or folder"),
    "images of nothing": (
        "model.safetensors --images blank.npy",
        "--images blank.npy shows nothing: no image has pixels of different values",
    ),
    "images too wide": (
        "model.safetensors --images wide.png --strict",
        "wide.png is of 28x32 pixels (height x width): images of 28x28 are needed",
    ),
    "strict without images": ("model.safetensors --strict", "--strict needs --images"),
    "a size without a dataset": (
        "model.safetensors --image-size 28",
        "--image-size, --grey and --skip-corrupt need --da",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_input_gets_one_line(search_here, files: Path, case: str) -> None:
    arguments, message = REFUSED[case]
    result = search_here("evaluate", *(argument.replace("|", " ") for argument in arguments.split()))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_trials_without_weights_are_refused(tmp_path: Path) -> None:
    study = make_search(tmp_path)
    train_one(study, 8, [0.9])
    train_one(study, 8, [0.5], Outcome.PRUNED)
    study.add_rejected(suggest(100), BUDGET)
    study.add_duplicate(suggest(8), 0)
    for number, message in enumerate(
        [
            "trial 0 has no weights in ",
            "trial 1 was not completed (pruned), so it has no weights",
            "trial 2 was not completed (rejected), so it has no weights",
            "trial 3 is equal to trial 0: use that one",
        ]
    ):
        with pytest.raises(InputError) as error:
            load_model(str(number), storage=study.store.url, study=None)
        assert str(error.value).startswith(message)
