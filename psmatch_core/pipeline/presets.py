"""Presets: named settings, as data in ``presets.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class Preset:
    """Named settings.

    Parameters
    ----------
    name
        Its name; one that ends in a number never changes again.
    about
        What it is for, in a sentence.
    version
        The day on which its settings were last changed.
    settings
        What differs from the defaults, as in a recipe: nested by setting, a method by its ``kind``.
    """

    name: str
    about: str
    version: str
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)


def read_presets() -> dict[str, Preset]:
    """All presets by name, in the order in which they are offered."""
    text = (resources.files("psmatch_core.pipeline") / "presets.toml").read_text(encoding="utf-8")
    found: dict[str, Preset] = {}
    for name, entry in tomllib.loads(text).items():
        based = found[entry["based_on"]].settings if "based_on" in entry else {}
        found[name] = Preset(name, entry["about"], entry["version"], {**based, **entry.get("settings", {})})
    return found
