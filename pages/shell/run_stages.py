"""The stages of a run: what they are called, and how much of the whole each is."""

from __future__ import annotations

from psmatch_core.base.progress import Event

# How the time of a run is shared between its stages, roughly: for the bar and the time left only. The map of scores
# is not among them, since nobody has to wait for it.
SHARES = {"read": 0.04, "preprocess": 0.1, "propensity": 0.6, "match": 0.16, "evaluate": 0.05, "export": 0.05}
SAME = {"latents": "propensity"}  # takes the place of that stage, one part a side
TRAINING = ("read", "preprocess", "propensity")
WHAT = {
    "read": "reading the files",
    "preprocess": "choosing and scaling features",
    "propensity": "training the propensity models",
    "latents": "training the joint VAE of both modalities",
    "match": "matching label by label",
    "evaluate": "holding the result against the known pairs",
    "compare": "comparing translated with observed cells",
    "export": "writing the exports",
    "map": "The map of scores (UMAP) is being drawn; everything else is ready.",
}
NAMES = {  # in the order of the work
    "read": "reading",
    "preprocess": "preprocessing",
    "propensity": "training",
    "latents": "training",
    "match": "matching",
    "translator": "training the translator",
    "evaluate": "judging",
    "export": "exports",
}


def fraction(events: list[Event], *, stop_after: str = "match") -> float:
    """How much of a run is done, 0 to 1, from the last word of each of its stages."""
    last: dict[str, dict[str, float]] = {}
    for event in events:
        kind = event.stage.partition(":")[0]
        last.setdefault(SAME.get(kind, kind), {})[event.stage] = event.fraction
    shares = {kind: share for kind, share in SHARES.items() if stop_after == "match" or kind in TRAINING}
    done = 0.0
    for kind, share in shares.items():
        n_parts = 2 if kind in ("preprocess", "propensity") else 1
        done += share * min(1.0, sum(last.get(kind, {}).values()) / n_parts)
    return done / sum(shares.values())
