"""The convolutional networks of one member, built from torch.nn."""

import torch
from torch import nn

from gan_core.networks.convolution import Canvas
from gan_core.networks.dense import LEAK


def with_values(layer, weight, bias):
    """The layer in float64 with this weight and bias."""
    layer = layer.double()
    layer.weight.data.copy_(weight)
    if layer.bias is not None:
        layer.bias.data.copy_(bias)
    return layer


def of_member(parameters, member, prefix=""):
    """One member's parameters whose names begin with the prefix, without it."""
    return {name.removeprefix(prefix): value[member] for name, value in parameters.items() if name.startswith(prefix)}


def norm_layer(normalisation, channels):
    """torch's layer of a normalisation, and the number of its groups."""
    if normalisation == "batch":
        return nn.BatchNorm2d(channels)
    groups = {"group": next(groups for groups in (8, 4, 2, 1) if channels % groups == 0), "layer": 1}[normalisation]
    return nn.GroupNorm(groups, channels)


class Reshape(nn.Module):
    """Numbers of a sample as channels on a grid."""

    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.view(len(x), *self.shape)


def torch_critic(parameters, shape, normalisation, outputs=1):
    """nn.Conv2d, normalisation, nn.LeakyReLU, and nn.Linear at the end, for padded images."""
    canvas, layers = Canvas.around(shape), []
    for layer in range(canvas.layers):
        weight, bias, gain = (parameters.get(f"{layer}.{kind}") for kind in ("weight", "bias", "gain"))
        assert (gain is None) == (normalisation == "none" or layer == 0)
        convolution = nn.Conv2d(weight.shape[1], weight.shape[0], 4, stride=2, padding=1, bias=gain is None)
        layers.append(with_values(convolution, weight, bias))
        if gain is not None:
            layers.append(with_values(norm_layer(normalisation, len(gain)), gain, bias))
        layers.append(nn.LeakyReLU(LEAK))
    head = nn.Linear(parameters["head.weight"].shape[1], outputs)
    return nn.Sequential(*layers, nn.Flatten(), with_values(head, parameters["head.weight"], parameters["head.bias"]))


def torch_generator(parameters, shape, normalisation, activation=nn.ReLU):
    """nn.Linear, normalisation, activation, and nn.ConvTranspose2d, for canvases."""
    canvas, layers = Canvas.around(shape), []
    for layer in range(canvas.layers + 1):
        weight, bias, gain = (parameters.get(f"{layer}.{kind}") for kind in ("weight", "bias", "gain"))
        assert (gain is None) == (normalisation == "none" or layer == canvas.layers)
        if layer == 0:
            each = None if bias is None else bias.repeat_interleave(canvas.grid[0] * canvas.grid[1])
            linear = nn.Linear(weight.shape[1], weight.shape[0], bias=gain is None)
            layers += [with_values(linear, weight, each), Reshape(len(bias), *canvas.grid)]
        else:
            convolution = nn.ConvTranspose2d(weight.shape[1], weight.shape[0], 4, 2, 1, bias=gain is None)
            layers.append(with_values(convolution, weight.transpose(0, 1), bias))
        if gain is not None:
            layers.append(with_values(norm_layer(normalisation, len(gain)), gain, bias))
        if layer < canvas.layers:
            layers.append(activation())
    return nn.Sequential(*layers).train()


def padded(samples, shape):
    """Flattened samples as images with the canvas's margins of zeros."""
    images = samples.view(len(samples), *shape.shape)
    left, right, top, bottom = Canvas.around(shape).margins
    _, height, width = shape.shape
    canvas = torch.zeros((len(samples), shape.shape[0], top + height + bottom, left + width + right)).to(images)
    canvas[..., top : top + height, left : left + width] = images
    return canvas
