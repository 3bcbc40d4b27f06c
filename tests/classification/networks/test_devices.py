"""Devices: what is asked for is used or refused in words, everything a step touches is there, and results come back."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.baselines import JointVAE, fit_joint_vae, vae_training
from psmatch_core.classification.classifiers import CNNClassifier, MLPClassifier, network_classifier
from psmatch_core.classification.networks import architectures, devices
from psmatch_core.classification.networks.devices import device_notes, find_device, seen_devices, training_on
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.pipeline.recipe import Recipe
from tests.conftest import make_modality

CARDS = {"cuda": "NVIDIA H200", "mps": "Apple GPU"}
QUICK = MLPClassifier(n_epochs=2, batch_norm=True)


@pytest.fixture(params=[(), ("cuda",), ("mps",), ("cuda", "mps")], ids=lambda each: "+".join(each) or "none")
def cards(request, monkeypatch):
    monkeypatch.setattr(
        devices, "seen_devices", lambda: {"cpu": "processor", **{each: CARDS[each] for each in request.param}}
    )
    return request.param


def test_auto_takes_a_card_where_there_is_one_and_the_note_says_which(cards):
    used = find_device("auto")
    assert used == next(iter(cards), "cpu")
    (note,) = device_notes("auto")
    if cards:
        assert f"trained on {used} ({CARDS[used]})" in note
        assert "differ slightly" in note
    else:
        assert "trained on the processor, since torch sees no graphics card" in note


def test_the_processor_is_always_there_and_needs_no_note(cards):
    assert find_device("cpu") == "cpu"
    assert device_notes("cpu") == ()
    assert Recipe().device == "cpu"


@pytest.mark.parametrize("asked", CARDS)
def test_a_card_that_is_not_there_is_refused_with_those_that_are(cards, asked):
    if asked in cards:
        assert find_device(asked) == asked
        return
    with pytest.raises(PsmatchError, match=f"The device {asked} was asked for, but torch sees only cpu") as caught:
        find_device(asked)
    assert all(CARDS[each] in caught.value.problem for each in cards)
    assert "auto or cpu" in caught.value.hint


def test_torch_is_asked_for_the_cards_of_this_machine(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: CARDS["cuda"])
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert seen_devices() == {"cpu": "processor", **CARDS}


@pytest.fixture
def elsewhere(monkeypatch):
    """A device that is none: its tensors hold no numbers, and no operation may mix them with those of the processor."""
    for module in (network_classifier, vae_training):
        monkeypatch.setattr(module, "find_device", lambda _: "meta")
        monkeypatch.setattr(module, "device_notes", lambda _: ())
    monkeypatch.setattr(torch.Tensor, "__float__", lambda tensor: float(tensor.ndim == 0))
    steps = []

    def to_arrays(network):
        steps.append({tensor.device.type for tensor in network.state_dict().values()})
        return {name: np.zeros(tensor.shape, np.float32) for name, tensor in architectures._tensors(network).items()}

    monkeypatch.setattr(architectures, "to_arrays", to_arrays)
    return steps


@pytest.mark.parametrize("classifier", [QUICK, CNNClassifier(n_epochs=2, channels=(2, 3))])
def test_everything_that_a_step_of_a_classifier_touches_is_on_its_device(elsewhere, classifier):
    modality = make_modality("RNA", n=40, n_features=64, labels=tuple("AB"))
    if isinstance(classifier, CNNClassifier):
        modality = replace(modality, image_shape=(1, 8, 8))
    fitted = fit_propensity(modality, classifier)
    assert {"meta"} in elsewhere
    assert np.isfinite(fitted.logits).all()  # what was trained elsewhere scores on the processor


def test_everything_that_a_step_of_a_joint_vae_touches_is_on_its_device(elsewhere):
    sides = make_modality("RNA", n=40, labels=tuple("AB")), make_modality("ADT", n=36, seed=1, labels=tuple("AB"))
    models = fit_joint_vae(*sides, JointVAE(network=QUICK, n_latent=3, discriminator=(4,)))
    assert all(each == {"meta"} for each in elsewhere)
    assert all(np.isfinite(each.latents).all() for each in models)


def test_a_device_that_is_asked_for_reaches_every_member():
    modality = make_modality("RNA", n=40, labels=tuple("AB"))
    plain = fit_propensity(modality, QUICK)
    with training_on("auto"):
        automatic = fit_propensity(modality, QUICK)
    assert sum("device = auto" in note or "trained on" in note for note in automatic.notes) == 1
    assert not any("trained on" in note for note in plain.notes)
    if find_device("auto") == "cpu":
        np.testing.assert_array_equal(plain.logits, automatic.logits)
    else:
        np.testing.assert_allclose(plain.logits, automatic.logits, atol=0.1)
