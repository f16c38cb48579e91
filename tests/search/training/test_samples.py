import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mnist_core.torch_session import TorchSession
from search.training import folder as training_folder
from search.training.request import TrainRequest, train_model
from search.training.samples import COLUMNS, draw_samples

pytestmark = pytest.mark.usefixtures("one_thread")


def test_samples_are_what_the_net_sees_first(request_: TrainRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_folder, "NUM_SAMPLES", 7)
    drawn: dict[str, Any] = {}

    def draw(inputs: Any, labels: Any, *, title: str) -> bytes:
        drawn.update(inputs=inputs, labels=labels)
        return b"picture"

    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    step = TorchSession._step

    def watched(self: TorchSession, inputs: torch.Tensor, labels: torch.Tensor) -> Any:
        seen.append((inputs.clone(), labels))
        return step(self, inputs, labels)

    monkeypatch.setattr("search.training.samples.draw_samples", draw)
    monkeypatch.setattr(TorchSession, "_step", watched)
    train_model(request_)
    inputs, labels = seen[0]
    np.testing.assert_array_equal(drawn["inputs"], inputs[:7].permute(0, 2, 3, 1).numpy())
    assert drawn["labels"] == [str(label) for label in labels[:7].tolist()]


@pytest.mark.parametrize(("num_images", "num_rows"), [(1, 1), (COLUMNS, 1), (COLUMNS + 1, 2), (40, 5)])
def test_a_picture_has_the_rows_that_its_images_need(num_images: int, num_rows: int) -> None:
    inputs = np.zeros((num_images, 28, 28, 1), np.float32)
    inputs[0, 0, 0] = 1.0
    width, height = Image.open(io.BytesIO(draw_samples(inputs, range(num_images), title="Images"))).size
    # Images of 28 pixels, with 9 above each for its label and 4 around, and 0.4 inches for the title.
    assert (width, height) == pytest.approx((100 * (8 * 32 + 4) / 32, 100 * ((num_rows * 37 + 4) / 32 + 0.4)), abs=1)


def test_the_lowest_value_is_black_and_the_highest_white() -> None:
    inputs = np.full((COLUMNS, 28, 28, 1), -0.42, np.float32)
    inputs[:4] = 2.8
    pixels = np.asarray(Image.open(io.BytesIO(draw_samples(inputs, [""] * COLUMNS, title=""))).convert("L"))
    left, right = pixels[:, : pixels.shape[1] // 2], pixels[:, pixels.shape[1] // 2 :]
    assert (left > 250).mean() > 0.99
    assert (right < 5).mean() > 0.4
