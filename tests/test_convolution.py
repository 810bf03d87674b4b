"""The canvas around an image, and the initial parameters of convolutional layers."""

import pytest
import torch
from torch.testing import assert_close

from gan_core.networks.convolution import Canvas, Drawing
from gan_core.shapes import SampleShape

pytestmark = pytest.mark.shapes


def image(*shape):
    return SampleShape(shape=shape, bounded=True)


@pytest.mark.parametrize(
    ("size", "layers", "grid", "side"),
    [
        (8, 2, 2, 8),
        (12, 2, 3, 12),
        (16, 2, 4, 16),
        (17, 3, 3, 24),
        (28, 3, 4, 32),
        (32, 3, 4, 32),
        (48, 4, 3, 48),
        (64, 4, 4, 64),
        (100, 5, 4, 128),
    ],
)
def test_coarsest_grid_has_at_most_four_points_per_side_and_the_canvas_holds_the_image(size, layers, grid, side):
    canvas = Canvas.around(image(3, size, size))
    assert (canvas.channels, canvas.layers, canvas.grid) == (3, layers, (grid, grid))
    left, right, top, bottom = canvas.margins
    assert left + size + right == top + size + bottom == side
    assert 0 <= right - left <= 1


def test_sides_of_an_image_may_differ_and_the_margin_is_smallest_in_each():
    canvas = Canvas.around(image(1, 30, 9))
    assert (canvas.layers, canvas.grid, canvas.margins) == (3, (4, 2), (3, 4, 1, 1))


def test_cropping_undoes_padding_and_the_margins_are_zero():
    canvas, samples = Canvas.around(image(3, 28, 21)), torch.randn(5, 3 * 28 * 21).abs() + 1
    padded = canvas.padded(samples)
    assert padded.shape == (5, 3, 32, 24)
    assert torch.equal(canvas.cropped(padded), samples)
    assert (padded == 0).sum() == 5 * 3 * (32 * 24 - 28 * 21)
    assert torch.equal(padded[:, :, 2:30, 1:22], samples.view(5, 3, 28, 21))


def test_an_image_without_margins_is_not_copied():
    samples = torch.randn(2, 64)
    assert Canvas.around(image(1, 8, 8)).padded(samples).data_ptr() == samples.data_ptr()


def test_points_have_no_canvas():
    with pytest.raises(ValueError, match=r"^convolutions need images .* but a sample has the shape \(2,\)$"):
        Canvas.around(SampleShape(shape=(2,), bounded=True))


def test_channels_double_from_layer_to_layer():
    assert Canvas.around(image(3, 64, 64)).widths(16) == [3, 16, 32, 64, 128]
    assert Canvas.around(image(1, 28, 28)).features(16) == 64 * 4 * 4


def test_weights_of_he_are_uniform_with_the_variance_of_the_inputs_of_one_output():
    drawing = Drawing("he", False, torch.Generator().manual_seed(1))
    down, up = drawing.down([64, 64, 128]), drawing.up(100, [128, 64, 64], (4, 4))
    variances = {"0": 2 / (64 * 16), "1": 2 / (64 * 16)}
    for name, variance in variances.items():
        assert down[f"{name}.weight"].var().item() == pytest.approx(variance, rel=0.02)
    # a transposed convolution of stride 2 adds up 2 x 2 of its kernel's 4 x 4 numbers for each input channel
    for name, variance in {"0": 2 / 100, "1": 2 / (128 * 4), "2": 1 / (64 * 4)}.items():
        assert up[f"{name}.weight"].var().item() == pytest.approx(variance, rel=0.02)
    assert drawing.head(4096, 8)["head.weight"].var().item() == pytest.approx(1 / 4096, rel=0.02)
    assert all((value == 0).all() for layers in (down, up) for name, value in layers.items() if "bias" in name)


def test_weights_of_dcgan_are_normal_and_gains_lie_around_one():
    drawing = Drawing("dcgan", True, torch.Generator().manual_seed(1))
    layers = drawing.down([64, 512, 512])
    assert layers["1.weight"].std().item() == pytest.approx(0.02, rel=0.01)
    kurtosis = (layers["1.weight"] / 0.02).pow(4).mean().item()
    assert kurtosis == pytest.approx(3, rel=0.05)
    assert layers["1.gain"].mean().item() == pytest.approx(1, abs=0.004)
    assert layers["1.gain"].std().item() == pytest.approx(0.02, rel=0.15)


def test_normalised_layers_have_a_gain_except_the_first_of_a_critic_and_the_last_of_a_generator():
    drawing = Drawing("he", True, torch.Generator())
    assert [name for name in drawing.down([3, 4, 8]) if "gain" in name] == ["1.gain"]
    assert [name for name in drawing.up(5, [8, 4, 3], (2, 2)) if "gain" in name] == ["0.gain", "1.gain"]
    assert_close(drawing.down([3, 4, 8])["1.gain"], torch.ones(8, dtype=torch.float64))


def test_weights_have_their_outputs_along_the_first_axis():
    drawing = Drawing("he", False, torch.Generator())
    shapes = {name: tuple(value.shape) for name, value in drawing.up(5, [8, 4, 3], (2, 3)).items()}
    assert shapes == {
        "0.weight": (48, 5),
        "0.bias": (8,),
        "1.weight": (4, 8, 4, 4),
        "1.bias": (4,),
        "2.weight": (3, 4, 4, 4),
        "2.bias": (3,),
    }
