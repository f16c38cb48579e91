"""A search on grey images of 20x16 pixels in three class folders, with the real command, to the compiled C code."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from mnist_core.checkpoint import checkpoint_logits, load_checkpoint
from mnist_core.data import Split, find_data_root
from mnist_core.datasets.pictures import read_picture
from mnist_core.datasets.sources import ImageSource
from mnist_core.datasets.unpacking import read_about
from mnist_core.formats.c_model import run_c
from mnist_core.formats.c_source import export_c
from search.workers.machine import COMPILING_LINE
from tests.own_images import CLASSES, digits, images_of
from tests.search.conftest import Command, CommandHere, cache_with_trainer

NUM_IMAGES = 120


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Command:
    """The command in a folder with images, after a search on them whose front was confirmed."""
    folder = tmp_path_factory.mktemp("own")
    cache = cache_with_trainer(folder / "cache")
    for name, label in CLASSES.items():
        (folder / "pets" / name).mkdir(parents=True)
        for number, pixels in enumerate(images_of(label, NUM_IMAGES)):
            image = Image.fromarray(pixels).resize((16, 20), Image.Resampling.BILINEAR)
            image.save(folder / "pets" / name / f"{number:03d}.png")
    command = Command(folder, environment | {"SEARCH_CACHE_DIR": str(cache)})
    arguments = ("--dataset", "pets", "--budget", 2500, "--trials", 3, "--epochs", 5, "--workers", 1)
    made = command("run", *arguments, "--confirm", "--confirm-seeds", 2, "--class-weights", "balanced")
    assert made.returncode == 0, made.stderr
    assert COMPILING_LINE not in made.stderr
    assert " sealed test images of 20x16 pixels (height x width), grey, 3 classes\n" in made.stderr
    assert "training images of each class: cat " in made.stderr
    assert "augmentation of training images: turned by up to 12 degrees, " in made.stderr
    assert "not mirrored\n" in made.stderr
    assert "Confirmed, on the test set:" in made.stdout
    return command


@pytest.fixture
def here(own: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandHere:
    monkeypatch.setenv("SEARCH_CACHE_DIR", own.environment["SEARCH_CACHE_DIR"])
    return CommandHere(own.folder, own.environment, capsys)


def test_the_front_is_of_such_nets(here: CommandHere) -> None:
    front = here.json("front")
    assert front
    assert all(point["notation"].startswith("1x20x16 ") and point["notation"].endswith(" fc3+") for point in front)
    assert all(point["num_params"] <= 2_500 for point in front)
    assert max(point["val_accuracy"] for point in front) > 0.6
    confirmed = here.json("front", "--confirmed")
    assert all(1 / 3 < point["accuracy"] <= 1 for point in confirmed)
    (opened,) = here.json("status")["test_openings"]
    assert opened["num_models"] == 2 * len(confirmed)
    stored = [row for row in here.json("trials") if row["outcome"] == "complete"]
    assert stored


def test_the_same_command_goes_on_and_a_folder_that_grew_is_refused(own: Command, here: CommandHere) -> None:
    arguments = ("--dataset", "pets", "--budget", 2500, "--trials", 3, "--epochs", 5, "--class-weights", "balanced")
    again = here("run", *arguments)
    assert again.returncode == 0, again.stderr
    assert "reading " not in again.stderr
    added = own.folder / "pets/cat/added.png"
    Image.fromarray(digits()[0][0]).resize((16, 20)).save(added)
    try:
        refused = here("run", *arguments)
    finally:
        added.unlink()
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "was made differently: the SHA-256 of the images was " in refused.stderr.splitlines()[-1]


def test_images_are_classified_unless_they_are_sealed(own: Command, here: CommandHere) -> None:
    study = here.json("status")["study"]
    trial = here.json("front")[-1]["trial"]
    told = here.json("evaluate", trial)
    assert told["dataset"] == "pets"
    assert told["val_accuracy"] == pytest.approx(told["val_accuracy_when_trained"], abs=0.02)
    refused = here("evaluate", trial, "--images", "pets")
    assert refused.returncode == 2
    assert f"other images are in the sealed test set of study '{study}'" in refused.stderr
    (number,) = re.findall(r"and (\d+) other images", refused.stderr)
    assert refused.stderr.startswith("error: ")
    assert int(number) + 1 == read_about(find_data_root(ImageSource(str(own.folder / "pets")))).num_test


def test_the_exported_c_code_agrees_on_all_images(own: Command, here: CommandHere) -> None:
    exported = here("export", "--out", "best", "--force")
    assert exported.returncode == 0, exported.stderr
    config = json.loads((own.folder / "best/config.json").read_text())
    assert config["class_names"] == list(CLASSES)
    checkpoint = load_checkpoint(own.folder / "best/model.safetensors")
    files = sorted((own.folder / "pets").rglob("*.png"))
    images = np.stack([read_picture(file) for file in files])
    assert images.shape == (3 * NUM_IMAGES, 20, 16, 1)
    logits = checkpoint_logits(checkpoint, images).numpy()
    labels = np.array([list(CLASSES).index(file.parent.name) for file in files])
    model = export_c(checkpoint, Split(images[:10], labels[:10]))
    np.testing.assert_allclose(run_c(model, images), logits, rtol=1e-3, atol=1e-3)
    assert (logits.argmax(1) == labels).mean() > 0.6
    result = here("evaluate", "best/model.safetensors")
    assert result.returncode == 0, result.stderr
    assert "trained on these images as well" in result.stderr
