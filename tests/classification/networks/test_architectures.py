"""The networks: convolutions mirror each other, a seed alone decides the start, kept numbers rebuild a network."""

import numpy as np
import pytest
import torch
from torch import nn

from psmatch_core.classification.networks.architectures import (
    convolutional_network,
    from_arrays,
    layer_sizes,
    network_outputs,
    perceptron,
    to_arrays,
    transposed_network,
)

SHAPES = [(1, 8, 8), (3, 11, 13), (2, 16, 9)]
CHANNELS = (4, 6, 5)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def both(shape, n_between=7):
    draws = generator()
    return (
        convolutional_network(shape, CHANNELS, n_between, draws),
        transposed_network(shape, CHANNELS, n_between, draws),
    )


def some_networks():
    return [
        (perceptron((5, 4, 3), generator=generator()), (5,)),
        (perceptron((5, 6, 4, 3), batch_norm=True, dropout=0.3, generator=generator()), (5,)),
        (both((2, 9, 9))[0], (2, 9, 9)),
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_encoded_is_decoded_to_images_of_the_same_size(shape):
    encoder, decoder = both(shape)
    images = torch.randn((5, *shape), generator=generator())
    assert encoder(images).shape == (5, 7)
    assert decoder(encoder(images)).shape == images.shape


def test_the_decoder_has_the_encoders_layers_in_reverse():
    encoder, decoder = both((3, 16, 16))
    down, up = to_arrays(encoder), to_arrays(decoder)
    # a transposed convolution names its inputs first
    assert [up[f"{layer}.weight"].shape for layer in range(3)] == [
        down[f"{2 - layer}.weight"].shape for layer in range(3)
    ]
    assert up["input.weight"].shape == down["output.weight"].T.shape


@pytest.mark.parametrize("shape", SHAPES)
def test_the_transposed_convolutions_restore_the_sizes_that_torch_works_out(shape):
    """Torch's own modules, given the size of the output, choose the same paddings and give the same images."""
    _, decoder = both(shape)
    decoder.eval()
    sizes = layer_sizes(shape, len(CHANNELS))[::-1]
    codes = torch.randn((4, 7), generator=generator(1))
    hidden = codes
    for name, module in decoder.named_children():
        if isinstance(module, nn.ConvTranspose2d):
            free = nn.ConvTranspose2d(module.in_channels, module.out_channels, 3, 2, 1, bias=module.bias is not None)
            free.load_state_dict(module.state_dict())
            hidden = free(hidden, output_size=sizes[int(name) + 1])
        else:
            hidden = module(hidden)
    assert torch.allclose(decoder(codes), hidden, atol=1e-6)


def test_the_two_learn_to_restore_images():
    shape = (2, 12, 10)
    encoder, decoder = both(shape, n_between=3)
    spots = torch.randint(0, 8, (64, 2), generator=generator(2))
    images = torch.zeros((64, *shape))
    for image, (y, x) in zip(images, spots.tolist(), strict=True):
        image[:, y : y + 4, x : x + 3] = 1
    images = (images - images.mean()) / images.std()
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-2)
    losses = []
    for _ in range(60):
        loss = nn.functional.mse_loss(decoder(encoder(images)), images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("index", range(3))
def test_kept_numbers_give_the_same_outputs(index):
    network, shape = some_networks()[index]
    cells = torch.randn((6, *shape), generator=generator(1))
    network(cells)  # in training mode: moves the running means
    kept = to_arrays(network)
    with torch.no_grad():
        expected = network.eval()(cells).numpy()
    assert np.allclose(
        network_outputs({**kept, "channel_mean": np.zeros(2)}, [cells[:4], cells[4:]]), expected, atol=1e-6
    )
    assert {name: array.tolist() for name, array in to_arrays(from_arrays(kept)).items()} == {
        name: array.tolist() for name, array in kept.items()
    }


def test_kept_numbers_are_copies():
    network = perceptron((3, 2), generator=generator())
    kept = to_arrays(network)
    before = kept["0.weight"].copy()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 1
    assert np.array_equal(kept["0.weight"], before)


def test_numbers_are_named_as_in_the_files_of_earlier_versions():
    layer = {"weight", "bias", "gain", "shift", "mean", "variance"}
    assert set(to_arrays(some_networks()[1][0])) == {f"{i}.{part}" for i in (0, 1) for part in layer} | {
        "2.weight", "2.bias",
    }  # fmt: skip
    arrays = to_arrays(some_networks()[2][0])
    assert set(arrays) == {f"{i}.{part}" for i in range(3) for part in layer - {"bias"}} | {
        "output.weight", "output.bias",
    }  # fmt: skip
    assert arrays["output.weight"].shape == (5 * 2 * 2, 7)  # inputs × outputs


def test_the_same_draws_start_alike_and_leave_the_global_generator_alone():
    before = torch.random.get_rng_state()
    first, again = some_networks(), some_networks()
    for (network, shape), (twin, _) in zip(first, again, strict=True):
        pair = zip(to_arrays(network).values(), to_arrays(twin).values(), strict=True)
        assert all(np.array_equal(a, b) for a, b in pair)
        cells = torch.randn((6, *shape), generator=generator(1))
        assert torch.equal(network(cells), twin(cells))  # dropout draws the same as well
    assert torch.equal(before, torch.random.get_rng_state())


def test_dropout_leaves_out_its_share_and_keeps_the_mean():
    network = perceptron((1, 20_000, 1), dropout=0.25, generator=generator())
    dropout = dict(network.named_children())["0_dropout"]
    hidden = dropout(torch.ones(1, 20_000))
    assert float((hidden == 0).double().mean()) == pytest.approx(0.25, abs=0.02)
    assert float(hidden.mean()) == pytest.approx(1, abs=0.02)
    assert torch.equal(dropout.eval()(torch.ones(1, 5)), torch.ones(1, 5))
