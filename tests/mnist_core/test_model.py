import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mnist_core.model import Dropout, GlobalMean, build_model, seed_dropout
from space.architecture import ArchitectureSpec

CPU = torch.device("cpu")
NET = ArchitectureSpec.from_text("4s:br p 6s:br p 8v:br gap fc10+")


def weights_equal(first: nn.Module, second: nn.Module) -> bool:
    pairs = zip(first.state_dict().items(), second.state_dict().items(), strict=True)
    return all(a[0] == b[0] and torch.equal(a[1], b[1]) for a, b in pairs)


def images(count: int = 3) -> Tensor:
    return torch.randn(count, 1, 28, 28, generator=torch.Generator().manual_seed(1))


def describe(module: nn.Module) -> str:
    match module:
        case nn.Conv2d():
            bias = "+" if module.bias is not None else ""
            kind = f"conv {module.in_channels}-{module.out_channels}"
            if module.groups > 1:
                assert module.groups == module.in_channels == module.out_channels
                kind = f"depthwise {module.groups}"
            return f"{kind} kernel {module.kernel_size} padding {module.padding}{bias}"
        case nn.Linear():
            return f"linear {module.in_features}-{module.out_features}{'' if module.bias is None else '+'}"
        case nn.BatchNorm2d():
            return f"batch norm {module.num_features}"
        case nn.MaxPool2d():
            return f"max pool {module.kernel_size} stride {module.stride}"
        case nn.AvgPool2d():
            return f"average pool {module.kernel_size} stride {module.stride}"
        case Dropout():
            return f"dropout {module.rate}{' of channels' if module.whole_channels else ''}"
        case _:
            return type(module).__name__


def test_each_token_becomes_its_modules_in_order() -> None:
    text = "4k5p1+:rbD0.25 p3 6k1:b 8v:brd0.1 8v flat fc12+:r fc10"
    model = build_model(ArchitectureSpec.from_text(text))
    assert [describe(module) for module in model] == [
        *("conv 1-4 kernel (5, 5) padding (1, 1)+", "ReLU", "batch norm 4", "dropout 0.25 of channels"),
        "max pool 3 stride 3",
        *("conv 4-6 kernel (1, 1) padding (0, 0)", "batch norm 6"),
        *("conv 6-8 kernel (3, 3) padding (0, 0)", "batch norm 8", "ReLU", "dropout 0.1"),
        "conv 8-8 kernel (3, 3) padding (0, 0)",
        "Flatten",
        *("linear 128-12+", "ReLU"),
        "linear 12-10",
    ]


def test_a_separable_convolution_is_a_depthwise_one_and_a_1x1_that_has_what_belongs_to_the_layer() -> None:
    model = build_model(ArchitectureSpec.from_text("4s ap3 sep6k5p1+:rbD0.25 sep8v gap"))
    assert [describe(module) for module in model] == [
        *("conv 1-4 kernel (3, 3) padding (1, 1)", "average pool 3 stride 3"),
        "depthwise 4 kernel (5, 5) padding (1, 1)",
        *("conv 4-6 kernel (1, 1) padding (0, 0)+", "ReLU", "batch norm 6", "dropout 0.25 of channels"),
        "depthwise 6 kernel (3, 3) padding (0, 0)",
        "conv 6-8 kernel (1, 1) padding (0, 0)",
        "GlobalMean",
    ]


def test_global_mean_is_average_pooling() -> None:
    x = torch.randn(2, 5, 7, 3)
    torch.testing.assert_close(GlobalMean()(x), nn.AdaptiveAvgPool2d(1)(x).flatten(1))


def test_the_seed_decides_the_weights() -> None:
    assert weights_equal(build_model(NET, seed=3), build_model(NET, seed=3))
    first, other = build_model(NET, seed=3).state_dict(), build_model(NET, seed=4).state_dict()
    changed = {name for name in first if not torch.equal(first[name], other[name])}
    # BatchNorm starts the same whatever the seed.
    assert changed == {"0.weight", "4.weight", "8.weight", "12.weight", "12.bias"}


def test_initialisation_is_torchs_default() -> None:
    conv = build_model(ArchitectureSpec.from_text("64s 64s gap"), seed=0)[1]
    assert isinstance(conv, nn.Conv2d)
    # Uniform within 1 / sqrt(fan in), as nn.Conv2d documents.
    bound = 1 / (64 * 9) ** 0.5
    weight = conv.weight.detach()
    assert weight.abs().max() == pytest.approx(bound, rel=1e-3)
    assert weight.std() == pytest.approx(bound / 3**0.5, rel=0.02)


def test_building_draws_from_no_global_state() -> None:
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1]
    model = build_model(NET, seed=3)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert np.array_equal(np.random.get_state()[1], states[2])
    torch.rand(5)
    assert weights_equal(build_model(NET, seed=3), model)


def test_dropout_does_not_change_the_initial_weights() -> None:
    plain = build_model(NET, seed=3)
    dropping = build_model(ArchitectureSpec.from_text("4s:brd0.1 p 6s:brD0.2 p 8v:br gap fc10+"), seed=3)
    for ours, theirs in zip(plain.parameters(), dropping.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def dropout(rate: float, *, whole_channels: bool = False, seed: int = 0) -> Dropout:
    module = Dropout(rate, whole_channels=whole_channels)
    seed_dropout(module, seed, CPU)
    return module.train()


LAYOUTS: list[Callable[[Tensor], Tensor]] = [
    torch.Tensor.contiguous,
    lambda x: x.contiguous(memory_format=torch.channels_last),
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3, 0.9])
def test_dropout_zeroes_its_share_and_scales_the_rest(rate: float, layout: Callable[[Tensor], Tensor]) -> None:
    x = layout(torch.ones(64, 16, 14, 14))
    dropped = dropout(rate)(x)
    zeroed = dropped == 0
    # Four standard deviations of the share in 200,704 values.
    assert zeroed.float().mean() == pytest.approx(rate, abs=4 * (rate * (1 - rate) / x.numel()) ** 0.5)
    torch.testing.assert_close(dropped[~zeroed], torch.full_like(dropped[~zeroed], 1 / (1 - rate)))
    assert dropped.stride() == x.stride()
    # No image, channel or pixel is favoured, whatever the order in memory: six deviations of a group's share.
    for kept_axis in range(4):
        others = [axis for axis in range(4) if axis != kept_axis]
        shares = zeroed.float().mean(others)
        size = x.numel() / x.shape[kept_axis]
        assert (shares - rate).abs().max() < 6 * (rate * (1 - rate) / size) ** 0.5


@pytest.mark.parametrize("layout", LAYOUTS)
def test_two_dimensional_dropout_zeroes_whole_channels(layout: Callable[[Tensor], Tensor]) -> None:
    x = layout(torch.rand(500, 40, 5, 5) + 0.1)
    dropped = dropout(0.25, whole_channels=True)(x)
    zeroed = (dropped == 0).flatten(2)
    assert torch.equal(zeroed.any(2), zeroed.all(2))
    assert zeroed.all(2).float().mean() == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 20_000) ** 0.5)
    kept = ~zeroed.view_as(x)
    torch.testing.assert_close(dropped[kept], x[kept] / 0.75)


def test_gradients_pass_where_values_passed() -> None:
    x = torch.ones(8, 4, 6, 6, requires_grad=True)
    dropped = dropout(0.5)(x)
    dropped.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, dropped)


def test_dropout_is_the_identity_in_evaluation() -> None:
    x = images()
    assert torch.equal(Dropout(0.9, whole_channels=False).eval()(x), x)
    plain = build_model(NET, seed=3).eval()
    dropping = build_model(ArchitectureSpec.from_text("4s:brd0.5 p 6s:brD0.5 p 8v:br gap fc10+"), seed=3)
    assert torch.equal(dropping.eval()(x), plain(x))


def test_dropouts_seed_decides_its_masks() -> None:
    x = torch.ones(4, 4, 8, 8)
    first, same, other = dropout(0.5, seed=1), dropout(0.5, seed=1), dropout(0.5, seed=2)
    mask = first(x)
    assert torch.equal(same(x), mask)
    assert not torch.equal(other(x), mask)
    assert not torch.equal(first(x), mask), "each step has a mask of its own"


def test_the_layers_of_a_model_share_one_stream() -> None:
    model = nn.Sequential(Dropout(0.5, whole_channels=False), Dropout(0.5, whole_channels=False)).train()
    seed_dropout(model, 0, CPU)
    x = torch.ones(100, 4, 8, 8)
    # Equal masks would zero half; independent ones zero three quarters.
    assert (model(x) == 0).float().mean() == pytest.approx(0.75, abs=0.02)


def test_the_memory_layout_changes_no_result() -> None:
    x = images()
    for text in ("4s:br p 6s:br p 8v:br gap fc10+", "4v:rb p 6k1+:b flat fc12+:r fc10+"):
        model = build_model(ArchitectureSpec.from_text(text)).eval()
        expected = model(x)
        turned = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        torch.testing.assert_close(turned(x.to(memory_format=torch.channels_last)), expected)
