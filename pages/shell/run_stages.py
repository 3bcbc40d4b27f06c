"""The stages of a run: their names on pages, and the share of a run's time that each takes."""

from __future__ import annotations

from psmatch_core.base.progress import Event

# Rough shares of a run's time, for the progress bar only. The map of scores is left out: nobody waits for it.
SHARES = {
    "read": 0.04,
    "preprocess": 0.1,
    "propensity": 0.4,
    "match": 0.1,
    "halves": 0.2,
    "hidden labels": 0.06,
    "evaluate": 0.05,
    "held-out pairs": 0.3,
    "export": 0.05,
}
PARTS = {
    "preprocess": 2,
    "propensity": 2,
    "halves": 6,
    "held-out pairs": 2,
}  # sides; and both sides and a matching for two halvings
SAME_AS = {"latents": "propensity"}  # a stage that takes the place of another
TRAINING = ("read", "preprocess", "propensity")
DOING = {
    "read": "reading the files",
    "preprocess": "selecting and scaling features",
    "propensity": "training the propensity models",
    "latents": "training the joint VAE of both modalities",
    "match": "matching label by label",
    "halves": "matching again from halves of the data",
    "hidden labels": "hiding labels and finding them again",
    "null": "matching with shuffled labels",
    "cycle consistency": "comparing direct matches with those through a third modality",
    "evaluate": "evaluating the result with the known pairs",
    "held-out pairs": "training on other cells, to judge held-out pairs",
    "compare": "comparing translated and observed cells",
    "translate": "predicting the features of the other modality",
    "export": "writing the exports",
    "map": "The map of scores is being drawn; everything else is ready.",
}
STAGE_NAMES = {  # in the order of the work
    "read": "reading",
    "preprocess": "preprocessing",
    "propensity": "training",
    "latents": "training",
    "match": "matching",
    "halves": "measuring agreement",
    "hidden labels": "hidden labels",
    "translator": "training the translator",
    "evaluate": "evaluation",
    "held-out pairs": "judging held-out pairs",
    "export": "export",
}


def fraction_done(events: list[Event], *, stop_after: str = "match") -> float:
    """Fraction of a run that is done, 0 to 1, from the last event of each stage."""
    last: dict[str, dict[str, float]] = {}
    for event in events:
        kind = event.stage.partition(":")[0]
        last.setdefault(SAME_AS.get(kind, kind), {})[event.stage] = event.fraction
    shares = {kind: share for kind, share in SHARES.items() if stop_after == "match" or kind in TRAINING}
    done = 0.0
    begun = [place for place, kind in enumerate(shares) if kind in last]
    for place, (kind, share) in enumerate(shares.items()):
        if begun and place < begun[-1] and kind not in last:  # a stage that this run does not have
            done += share
            continue
        done += share * min(1.0, sum(last.get(kind, {}).values()) / PARTS.get(kind, 1))
    return done / sum(shares.values())
