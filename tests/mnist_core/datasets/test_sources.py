import json
from pathlib import Path

import pytest

from mnist_core.datasets.sources import ImageSource, Kind, kind_of, parse_source, read_contents
from space.errors import InputError
from tests.kinds_of_files import make_other


def refusal(text: str, **options: object) -> str:
    with pytest.raises(InputError) as error:
        parse_source(text, **options)  # type: ignore[arg-type]
    return str(error.value)


def test_names_and_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_source("mnist") == "mnist"
    assert parse_source("cifar10", grey=True) == ImageSource("cifar10", grey=True)
    (tmp_path / "pets").mkdir()
    monkeypatch.chdir(tmp_path)
    expected = ImageSource(str(tmp_path / "pets"), (24, 32), skip_corrupt=True)
    assert parse_source("pets", image_size="24x32", skip_corrupt=True) == expected
    assert parse_source("./pets/", image_size="32") == ImageSource(str(tmp_path / "pets"), (32, 32))
    assert ImageSource.from_json(json.loads(json.dumps(expected.to_json()))) == expected


@pytest.mark.parametrize(
    ("location", "name"),
    [
        ("/data/pets", "pets"),
        ("/data/my pets.npz", "my-pets"),
        ("/data/train.csv.gz", "train"),
        ("/data/KMNIST/raw", "KMNIST"),
        ("/data/emnist-letters-train-images-idx3-ubyte.gz", "emnist-letters-train-images-idx3"),
        ("/data/mnist", "mnist-images"),
        ("/data/...", "own-images"),
        ("svhn", "svhn"),
    ],
)
def test_a_short_name_is_made_of_a_path(location: str, name: str) -> None:
    assert ImageSource(location).name == name


def test_what_is_no_name_and_no_path_is_refused() -> None:
    told = refusal("mnits")
    assert told.startswith("--dataset must be one of mnist, fashion-mnist, kmnist, digits, emnist-balanced, ")
    assert told.endswith("or a folder or file that exists, not 'mnits'; did you mean mnist or kmnist?")
    assert refusal("").endswith("not ''")
    assert refusal("~nobody-of-this-name").endswith("not '~nobody-of-this-name'")


@pytest.mark.parametrize("size", ["", "0", "32x", "x32", "32x32x3", "-5", "3.5", "1025", "32x2000"])
def test_sizes_that_cannot_be_are_refused(size: str) -> None:
    assert refusal("cifar10", image_size=size).endswith(f"of at most 1024, not {size!r}")


@pytest.mark.parametrize(
    ("options", "option"),
    [({"image_size": "14"}, "--image-size"), ({"grey": True}, "--grey"), ({"skip_corrupt": True}, "--skip-corrupt")],
)
def test_known_datasets_are_read_as_they_are(options: dict[str, object], option: str) -> None:
    assert refusal("mnist", **options) == f"{option} is for images of your own: mnist is read as it is"


def test_kinds(tmp_path: Path) -> None:
    for name, kind in (
        ("a.npz", Kind.ARCHIVE),
        ("a.csv", Kind.TABLE),
        ("a.csv.gz", Kind.TABLE),
        ("train-images-idx3-ubyte.gz", Kind.IDX),
    ):
        (tmp_path / name).touch()
        assert kind_of(ImageSource(str(tmp_path / name))) == kind
    assert kind_of(ImageSource(str(tmp_path))) == Kind.IDX
    (tmp_path / "train-images-idx3-ubyte.gz").unlink()
    assert kind_of(ImageSource(str(tmp_path))) == Kind.FOLDERS
    assert kind_of(ImageSource("svhn")) == Kind.NAMED
    (tmp_path / "a.zip").touch()
    with pytest.raises(InputError, match=r"a\.zip is of no kind that can be read: name a folder of class folders"):
        kind_of(ImageSource(str(tmp_path / "a.zip")))
    with pytest.raises(InputError, match=r"gone can't be read: No such file"):
        kind_of(ImageSource(str(tmp_path / "gone")))
    made = make_other(tmp_path / "other.npz", "named pipe")
    with pytest.raises(InputError, match=rf"other\.npz is {made}: a folder or a file is needed"):
        kind_of(ImageSource(str(tmp_path / "other.npz")))


def test_only_folders_have_damaged_images_to_skip(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--skip-corrupt is for folders of image files, not for CSV"):
        read_contents(ImageSource(str(tmp_path / "a.csv"), skip_corrupt=True), Kind.TABLE, [], tmp_path)
