"""Images of one's own as datasets: their parts, found again where they moved, changed or were deleted."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from mnist_core.checkpoint import Checkpoint, cpu_weights, load_checkpoint, save_checkpoint
from mnist_core.data import (
    check_same_data,
    find_data_again,
    find_data_root,
    find_kind,
    hash_test_set,
    load_all_but_test,
    load_dataset,
    open_test_set,
)
from mnist_core.datasets.parting import digests_of
from mnist_core.datasets.sources import ImageSource
from mnist_core.model import build_model
from mnist_core.torch_session import TorchSession
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from space.errors import InputError
from space.image_kinds import ImageKind
from tests.own_images import CLASSES, images_of, write_class, write_folder

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def source(tmp_path: Path) -> ImageSource:
    return ImageSource(str(write_folder(tmp_path / "pets", CLASSES, num=40)))


def test_the_parts_of_a_dataset(source: ImageSource) -> None:
    root = find_data_root(source)
    data, whole, test = load_dataset(source, root), load_all_but_test(source, root), open_test_set(source, root)
    assert (data.name, data.source, data.class_names, data.input_shape) == (
        "pets",
        source,
        ("cat", "dog", "eel"),
        (1, 8, 8),
    )
    assert len(data.train) + len(data.validation) + len(test) == 120
    assert data.num_test == len(test)
    np.testing.assert_array_equal(whole.train.images, np.concatenate([data.train.images, data.validation.images]))
    np.testing.assert_array_equal(whole.train.labels, np.concatenate([data.train.labels, data.validation.labels]))
    np.testing.assert_array_equal(whole.validation.images, data.validation.images)
    for part, mean, std in ((data.train, data.mean, data.std), (whole.train, whole.mean, whole.std)):
        assert (mean, std) == pytest.approx(((part.images / 255).mean(), (part.images / 255).std()))
    sealed = hash_test_set(source, root)
    np.testing.assert_array_equal(sealed, digests_of(test.images))
    assert not {key.tobytes() for key in sealed} & {key.tobytes() for key in digests_of(whole.train.images)}
    assert find_kind(source) == ImageKind("pets", (1, 8, 8), 3)


def test_fewer_training_images(source: ImageSource) -> None:
    root = find_data_root(source)
    whole, few = load_dataset(source, root), load_dataset(source, root, train_size=30)
    exact = np.bincount(whole.train.labels) * (30 / len(whole.train))
    assert np.abs(np.bincount(few.train.labels) - exact).max() < 1
    assert len(few.train) == 30
    assert (few.mean, few.std) == pytest.approx(((few.train.images / 255).mean(), (few.train.images / 255).std()))
    np.testing.assert_array_equal(few.validation.images, whole.validation.images)
    with pytest.raises(InputError, match=f"--train-size must be from 2 to {len(whole.train)} for pets, not 1$"):
        load_dataset(source, root, train_size=1)


def test_training_shares_the_mapped_images(source: ImageSource) -> None:
    data = load_dataset(source, find_data_root(source))
    model = build_model(ArchitectureSpec.from_text("1x8x8 4s:br gap fc3+"))
    session = TorchSession(model, data, TrainingConfig(epochs=1), device=torch.device("cpu"))
    assert session._images.data_ptr() == data.train.images.ctypes.data
    assert np.shares_memory(data.train.images, data.validation.images.base)


def test_they_are_found_again_although_they_moved_or_changed(source: ImageSource, cache: Path) -> None:
    root = find_data_root(source)
    data = load_dataset(source, root)
    folder = Path(source.location)
    write_class(folder / "cat", images_of(3, 45)[40:], first=40)
    assert find_data_again(source, data.sha256, None) == root
    other = load_dataset(source, find_data_root(source))
    with pytest.raises(InputError, match=f"the pets in {folder} is not the one that the study was made with"):
        check_same_data(other, data.sha256, "the study was made with")
    shutil.rmtree(folder)
    assert find_data_again(source, data.sha256, None) == root
    shutil.rmtree(cache)
    with pytest.raises(InputError) as error:
        find_data_again(source, data.sha256, None)
    assert str(error.value) == (
        f"--dataset {folder} can't be read: No such file or directory; images were read from there, and the cache "
        "holds no copy of them any more"
    )


def test_a_deleted_cache_is_made_again(source: ImageSource, cache: Path) -> None:
    data = load_dataset(source, find_data_root(source))
    shutil.rmtree(cache)
    told: list[str] = []
    assert load_dataset(source, find_data_again(source, data.sha256, None, tell=told.append)).sha256 == data.sha256
    assert told == [f"reading {source.location} once into {cache}"]


def test_a_model_file_keeps_where_its_images_were(source: ImageSource, tmp_path: Path) -> None:
    data = load_dataset(source, find_data_root(source))
    candidate = CandidateSpec(ArchitectureSpec.from_text("1x8x8 4s:br gap fc3+"), TrainingConfig())
    weights = cpu_weights(build_model(candidate.architecture))
    save_checkpoint(
        tmp_path / "a.safetensors", Checkpoint.trained_on(data, candidate, weights, val_accuracy=0.5, seed=1)
    )
    loaded = load_checkpoint(tmp_path / "a.safetensors")
    assert (loaded.source, loaded.class_names) == (source, ("cat", "dog", "eel"))


def test_images_from_which_nothing_can_be_learnt_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "blank.npz", images=np.zeros((40, 8, 8), np.uint8), labels=np.arange(40) % 2)
    source = ImageSource(str(tmp_path / "blank.npz"))
    with pytest.raises(InputError, match=r"class '0' of .* has 1 different image: at least 10 are needed"):
        find_data_root(source)
