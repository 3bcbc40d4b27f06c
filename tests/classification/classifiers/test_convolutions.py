"""The convolutional networks mirror each other, whatever the size of the images."""

import numpy as np
import pytest
import torch

from psmatch_core.classification.classifiers.convolutions import (
    ConvolutionalNetwork,
    TransposedNetwork,
    convolutional_outputs,
)

SHAPES = [(1, 8, 8), (3, 11, 13), (2, 16, 9)]
CHANNELS = (4, 6, 5)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def both(shape, n_between=7):
    draws = generator()
    return (
        ConvolutionalNetwork(shape, CHANNELS, n_between, draws),
        TransposedNetwork(shape, CHANNELS, n_between, draws),
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_encoded_is_decoded_to_images_of_the_same_size(shape):
    encoder, decoder = both(shape)
    images = torch.randn((5, *shape), generator=generator())
    assert encoder(images).shape == (5, 7)
    assert decoder(encoder(images)).shape == images.shape


def test_the_decoder_has_the_encoders_layers_in_reverse():
    shape = (3, 16, 16)
    encoder, decoder = both(shape)
    down = [tuple(encoder.tensors[f"{layer}.weight"].shape) for layer in range(3)]
    up = [tuple(decoder.tensors[f"{layer}.weight"].shape) for layer in range(3)]
    assert up == down[::-1]  # a transposed convolution names its inputs first
    assert decoder.tensors["input.weight"].shape == encoder.tensors["output.weight"].T.shape


@pytest.mark.parametrize("shape", SHAPES)
def test_the_transposed_convolutions_are_those_of_torch(shape):
    """Torch's own modules, with output paddings found by trying, give the same images."""
    _, decoder = both(shape)
    t = decoder.tensors
    codes = torch.randn((4, 7), generator=generator(1))
    hidden = (codes @ t["input.weight"]).reshape(4, CHANNELS[-1], *decoder.sizes[0])
    norm = (1 + 1e-5) ** -0.5  # fresh batch norm in evaluation: mean 0, variance 1
    hidden = torch.nn.functional.leaky_relu(hidden * norm, 0.01)
    for layer, size in enumerate(decoder.sizes[1:]):
        weight = t[f"{layer}.weight"]
        module = torch.nn.ConvTranspose2d(weight.shape[0], weight.shape[1], 3, stride=2, padding=1, bias=layer == 2)
        with torch.no_grad():
            module.weight.copy_(weight)
            if layer == 2:
                module.bias.copy_(t["2.bias"])
        hidden = module(hidden, output_size=size)
        if layer < 2:
            hidden = torch.nn.functional.leaky_relu(hidden * norm, 0.01)
    assert torch.allclose(decoder(codes), hidden, atol=1e-6)


def test_the_two_learn_to_restore_images():
    shape = (2, 12, 10)
    encoder, decoder = both(shape, n_between=3)
    draws = generator(2)
    spots = torch.randint(0, 8, (64, 2), generator=draws)
    images = torch.zeros((64, *shape))
    for image, (y, x) in zip(images, spots.tolist(), strict=True):
        image[:, y : y + 4, x : x + 3] = 1
    images = (images - images.mean()) / images.std()
    optimizer = torch.optim.Adam([*encoder.trainable, *decoder.trainable], lr=1e-2)
    losses = []
    for _ in range(60):
        loss = torch.nn.functional.mse_loss(decoder(encoder(images, draws), draws), images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


def test_kept_numbers_give_the_same_outputs():
    encoder, _ = both((2, 9, 9))
    images = torch.randn((6, 2, 9, 9), generator=generator())
    encoder(images, generator())  # moves the running means
    with torch.no_grad():
        expected = encoder(images).numpy()
    assert np.allclose(convolutional_outputs(encoder.numbers(), images), expected, atol=1e-6)


def test_the_same_draws_start_alike():
    first, again = both((1, 8, 8)), both((1, 8, 8))
    for network, twin in zip(first, again, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(network.trainable, twin.trainable, strict=True))
