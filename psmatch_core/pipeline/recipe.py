"""Recipe: every setting of a run and its seed, in one frozen object that JSON can carry."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from psmatch_core.base.config import Config, option
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.baselines import JointVAE
from psmatch_core.classification.classifiers import (
    Classifier,
    CNNClassifier,
    MLPClassifier,
    RecommendedClassifier,
    SingleNetworkClassifier,
)
from psmatch_core.classification.propensity import PropensityScores, Scoring
from psmatch_core.classification.scored_modality import Space
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.readers import DataSpec
from psmatch_core.evaluation.distributions import Comparing
from psmatch_core.evaluation.evaluate import Judging
from psmatch_core.matching.matchers import Matcher, NeighborMatcher, SinkhornMatcher
from psmatch_core.translation.translators import BarycentricTranslator, Translator

DEMO_PREFIX = "demo:"  # of the path of a data set that comes with the program
PRESETS = {
    "recommended": "Averaged small networks and ridge regression, entropic transport at 0.05 × mean cost.",
    "sharp": "As recommended, with fewer partners a cell (epsilon 0.02 × mean cost).",
    "smooth": "As recommended, with more partners a cell (epsilon 0.1 × mean cost).",
    "paper": "The settings of Xi et al. 2024: one network, raw logits, entropic transport, epsilon 0.05 absolute.",
    "paper-snn": "The same network, matched by shared neighbours: k = 1, logits of length 1 as in its released code.",
    "paper-vae": "The VAE baseline of Xi et al. 2024 (Yang et al. 2021) with the same network, matched as in paper.",
}
# AdamW without weight decay is Adam; without patience the whole schedule is run and its best epoch kept.
PAPER_NETWORK = SingleNetworkClassifier(
    network=MLPClassifier(
        hidden=(1024,) * 5,
        dropout=0.0,
        weight_decay=0.0,
        learning_rate=1e-4,
        n_epochs=250,
        patience=250,
        batch_size=256,
        batch_norm=True,
    ),
    image_network=CNNClassifier(
        channels=(32, 54, 128, 256, 512),
        weight_decay=0.0,
        learning_rate=1e-4,
        n_epochs=100,
        patience=100,
        batch_size=256,
    ),
)
PAPER_MATCHER = SinkhornMatcher(epsilon=0.05, epsilon_unit="absolute", align=False, max_iterations=1000)
PAPER_VAE = JointVAE(
    network=PAPER_NETWORK.network,
    image_network=PAPER_NETWORK.image_network,
    n_latent=128,
    kl_weight=1e-9,
    label_weight=1.0,
    modality_weight=0.1,
    discriminator=(1024,) * 3,
)


@dataclass(frozen=True)
class LabelRules(Config):
    """How the labels of two modalities are brought together; whatever is left out is listed by cell."""

    rename_source: tuple[tuple[str, str], ...] = option(
        (), help="Labels of the source to rename, as pairs (from, to).", advanced=True
    )
    rename_target: tuple[tuple[str, str], ...] = option(
        (), help="Labels of the target to rename, as pairs (from, to).", advanced=True
    )
    unshared: str = option(
        "leave out",
        choices=("leave out", "refuse"),
        help="What to do with cells whose label only one modality has: leave out and list them, or refuse the run.",
    )
    minimum_cells: int = option(
        1, minimum=1, unit="cells", help="Leave out labels with fewer cells than this on either side; 1 keeps all."
    )


@dataclass(frozen=True)
class ExportRules(Config):
    """What the exported files hold."""

    pairs: str = option(
        "heaviest",
        choices=("heaviest", "sampled"),
        help="Pairs of a source cell: its heaviest matches, or draws with the weights of its matches.",
    )
    top: int = option(
        10,
        minimum=1,
        maximum=1000,
        unit="matches",
        label="matches of a cell",
        help="Matches (or draws) of each source cell in the pairs table.",
    )
    least: float = option(
        0.0,
        minimum=0,
        maximum=1,
        label="least weight",
        help="Confidence threshold: pairs with less than this share of their source cell's weight are left out.",
    )
    smallest: float = option(
        1e-4,
        minimum=0,
        maximum=1,
        advanced=True,
        help="Entries of the coupling below this share of their row are left out of coupling.h5ad.",
    )


@dataclass(frozen=True)
class Recipe(Config):
    """Everything that determines a run. ``Recipe()`` is the default."""

    source_preprocessing: Preprocessing = option(Preprocessing(), help="How source values become features.")
    target_preprocessing: Preprocessing = option(Preprocessing(), help="How target values become features.")
    labels: LabelRules = option(LabelRules(), help="How labels are brought together.")
    space: Space = option(
        PropensityScores(),
        help="Where cells are compared: propensity scores of one classifier a modality, or the latents of a joint VAE "
        "(a baseline: JointVAE).",
    )
    classifier: Classifier = option(RecommendedClassifier(), help="What tells the labels from the features.")
    scoring: Scoring = option(Scoring(), help="Which scores serve for matching.")
    matcher: Matcher = option(SinkhornMatcher(), help="What couples the cells of a label.")
    translator: Translator = option(BarycentricTranslator(), help="What carries features across.")
    judging: Judging = option(Judging(), help="How known pairs are used to judge.")
    comparing: Comparing = option(Comparing(), help="How clouds of cells are compared where no pair is known.")
    exports: ExportRules = option(ExportRules(), help="What the exported files hold.")
    seed: int = option(0, minimum=0, help="Everything random derives from it.")
    source: DataSpec | None = option(None, help="The source file, where a run reads files.")
    target: DataSpec | None = option(None, help="The target file, where a run reads files.")

    @classmethod
    def preset(cls, name: str) -> Recipe:
        """A named recipe, one of :data:`PRESETS`.

        Source of ``paper…``: Xi et al. 2024, appendix on training details, as listed in docs/method.md.
        """
        if name not in PRESETS:
            raise PsmatchError(f"There is no preset {name!r}.", hint=f"Use one of {', '.join(PRESETS)}.")
        if name == "sharp":
            return cls(matcher=SinkhornMatcher.sharp())
        if name == "smooth":
            return cls(matcher=SinkhornMatcher.smooth())
        if name == "paper":
            return cls(classifier=PAPER_NETWORK, matcher=PAPER_MATCHER)
        if name == "paper-snn":
            return cls(classifier=PAPER_NETWORK, matcher=NeighborMatcher(n_neighbors=1, normalize=True, align=False))
        if name == "paper-vae":
            return cls(space=PAPER_VAE, classifier=PAPER_NETWORK, matcher=PAPER_MATCHER)
        return cls()

    def with_data(self, source: DataSpec | None, target: DataSpec | None) -> Recipe:
        """The same settings for other files."""
        return replace(self, source=source, target=target)

    def with_setting(self, path: str, value: Any) -> Recipe:
        """One setting changed by its dotted name, such as ``matcher.epsilon``.

        Raises
        ------
        PsmatchError
            For a name that does not exist or a value outside its range.
        """
        data = self.to_dict()
        *parents, last = path.split(".")
        at: Any = data
        for parent in parents:
            at = at.get(parent) if isinstance(at, dict) else None
        if not isinstance(at, dict) or (last not in at):
            raise PsmatchError(f"There is no setting {path!r}.", hint="`psmatch options` lists all settings by name.")
        at[last] = {"kind": value} if isinstance(at[last], dict) and isinstance(value, str) else value
        return type(self).from_dict(data)

    def to_json(self) -> str:
        """The recipe as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, *, name: str = "recipe.json") -> Self:
        """The recipe that JSON text describes.

        Raises
        ------
        PsmatchError
            If it is not JSON, or holds an unknown setting or a value outside its range.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise PsmatchError(
                f"{name} is not JSON: {error.msg} in line {error.lineno}.",
                hint="Export the recipe again, or mend the file at that line.",
            ) from None
        return cls.from_dict(data)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The recipe in a file; data files are looked for where it says, then beside it."""
        if not path.is_file():
            raise PsmatchError(f"There is no file {path.name}.", hint="Give the path of a recipe.json.")
        recipe = cls.from_json(path.read_text(encoding="utf-8"), name=path.name)
        here = path.parent
        return replace(recipe, source=_beside(recipe.source, here), target=_beside(recipe.target, here))


def _beside(spec: DataSpec | None, folder: Path) -> DataSpec | None:
    if spec is None:
        return None

    def found(path: str) -> str:
        if not path or path.startswith(DEMO_PREFIX) or (Path(path).is_absolute() and Path(path).exists()):
            return path
        for candidate in (folder / path, folder / Path(path.replace("\\", "/")).name):
            if candidate.exists():
                return str(candidate.resolve())
        return path

    return replace(spec, path=found(spec.path), labels_path=found(spec.labels_path))
