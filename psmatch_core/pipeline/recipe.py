"""Recipe: all settings of a run and its seed in one frozen object, which can be saved as JSON."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from psmatch_core.base.config import Config, option
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import (
    Classifier,
    RecommendedClassifier,
)
from psmatch_core.classification.networks.devices import AUTO, CPU, CUDA, MPS
from psmatch_core.classification.propensity import PropensityScores, Scoring
from psmatch_core.classification.scored_modality import Space
from psmatch_core.data.labels.label_rules import LabelRules
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.readers import DataSpec
from psmatch_core.evaluation.compared_cells import Comparing
from psmatch_core.evaluation.evaluate import Judging
from psmatch_core.matching.link import Linking
from psmatch_core.matching.matchers import Matcher, SinkhornMatcher
from psmatch_core.monitor.report import Monitoring
from psmatch_core.pipeline.presets import read_presets
from psmatch_core.translation.translators import BarycentricTranslator, Translator

DEMO_PREFIX = "demo:"  # of the path of a data set that comes with the program
PRESETS = {preset.name: preset.about for preset in read_presets().values()}


@dataclass(frozen=True)
class ExportRules(Config):
    """What the exported files contain.

    Examples
    --------
    >>> import psmatch
    >>> psmatch.Recipe(exports=psmatch.ExportRules(h5mu="barycentric", top=5))
    Recipe(exports=ExportRules(top=5, h5mu='barycentric'))
    """

    pairs: str = option(
        "heaviest",
        choices=("heaviest", "sampled"),
        help="Which pairs of a source cell are listed: its heaviest matches, or random draws by weight.",
    )
    top: int = option(
        10,
        minimum=1,
        maximum=1000,
        unit="matches",
        label="matches per cell",
        help="Number of matches (or draws) per source cell in the table of pairs.",
    )
    smallest: float = option(
        1e-4,
        minimum=0,
        maximum=1,
        advanced=True,
        help="Entries of the coupling below this share of their row are not written to coupling.h5ad.",
    )
    h5mu: str = option(
        "none",
        choices=("none", "best", "sampled", "barycentric", "pairs"),
        label="matched.h5mu",
        help="Whether matched cells are also written as MuData, and with which target features: of each source cell's "
        "heaviest match, of a match drawn by weight, the weighted mean of its matches, or those of all pairs listed.",
    )


@dataclass(frozen=True)
class Recipe(Config):
    """All settings that determine a run. ``Recipe()`` is the default.

    Examples
    --------
    >>> import psmatch
    >>> psmatch.Recipe(matcher=psmatch.SinkhornMatcher(epsilon=0.02), seed=1)
    Recipe(matcher=SinkhornMatcher(epsilon=0.02), seed=1)
    >>> psmatch.Recipe().with_setting("matcher.epsilon", 0.02) == psmatch.Recipe.preset("sharp")
    True
    """

    source_preprocessing: Preprocessing = option(Preprocessing(), help="How source values become features.")
    target_preprocessing: Preprocessing = option(Preprocessing(), help="How target values become features.")
    labels: LabelRules = option(LabelRules(), help="How the labels of both modalities are reconciled.")
    space: Space = option(
        PropensityScores(),
        label="space",
        help="Where cells are compared: the propensity scores of one classifier per modality, or the latents of a "
        "joint VAE (a baseline: JointVAE).",
    )
    classifier: Classifier = option(RecommendedClassifier(), help="How labels are predicted from features.")
    scoring: Scoring = option(Scoring(), label="scores", help="Which scores are used for matching.")
    matcher: Matcher = option(SinkhornMatcher(), label="method", help="How the cells of a label are matched.")
    linking: Linking = option(Linking(), label="link", help="Whether features take part in matching beside scores.")
    translator: Translator = option(BarycentricTranslator(), help="How features are predicted in the other modality.")
    judging: Judging = option(Judging(), label="evaluation", help="How matches are evaluated where pairs are known.")
    comparing: Comparing = option(
        Comparing(), label="distances", help="How distributions of cells are compared where no pair is known."
    )
    monitoring: Monitoring = option(
        Monitoring(), label="monitor", help="What is measured to say what the matches are good for."
    )
    exports: ExportRules = option(ExportRules(), label="export", help="What the exported files contain.")
    seed: int = option(0, minimum=0, help="All random numbers derive from it.")
    device: str = option(
        CPU,
        choices=(CPU, AUTO, CUDA, MPS),
        advanced=True,
        help="Where networks train: the processor, whose numbers are the same on every machine; auto, a graphics card "
        "if torch sees one; or the named card, without which the run is refused.",
    )
    source: DataSpec | None = option(None, help="The source file, if the run reads files.")
    target: DataSpec | None = option(None, help="The target file, if the run reads files.")

    @classmethod
    def preset(cls, name: str) -> Recipe:
        """A named recipe, one of :data:`PRESETS`.

        Their settings, with sources, are data: ``presets.toml`` (:func:`~psmatch_core.pipeline.presets.read_presets`).
        """
        if name not in PRESETS:
            raise PsmatchError(f"There is no preset {name!r}.", hint=f"Use one of {', '.join(PRESETS)}.")
        return cls.from_dict(read_presets()[name].settings)

    def with_data(self, source: DataSpec | None, target: DataSpec | None) -> Recipe:
        """The same settings with these files."""
        return replace(self, source=source, target=target)

    def with_setting(self, path: str, value: Any) -> Recipe:
        """The recipe with one setting changed, by its dotted name such as ``matcher.epsilon``.

        Raises
        ------
        PsmatchError
            For an unknown name or a value outside its range.
        """
        data = self.to_dict()
        *parents, last = path.split(".")
        at: Any = data
        for parent in parents:
            at = at.get(parent) if isinstance(at, dict) else None
        if not isinstance(at, dict) or (last not in at):
            raise PsmatchError(f"There is no setting {path!r}.", hint="`psmatch options` lists all names.")
        at[last] = {"kind": value} if isinstance(at[last], dict) and isinstance(value, str) else value
        return type(self).from_dict(data)

    def to_json(self) -> str:
        """The recipe as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, *, name: str = "recipe.json") -> Self:
        """The recipe in a JSON text.

        Raises
        ------
        PsmatchError
            If the text is not JSON, or has an unknown setting or a value outside its range.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise PsmatchError(
                f"{name} is not JSON: {error.msg} in line {error.lineno}.",
                hint="Export the recipe again, or correct that line of the file.",
            ) from None
        return cls.from_dict(data)

    @classmethod
    def from_toml(cls, text: str, *, name: str = "recipe.toml") -> Self:
        """The recipe in a TOML text, as ``psmatch init`` writes it.

        Raises
        ------
        PsmatchError
            If the text is not TOML, or has an unknown setting or a value outside its range.
        """
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise PsmatchError(
                f"{name} is not TOML: {error}.", hint='Correct that line; a text stands in quotation marks: "ko".'
            ) from None
        return cls.from_dict(data)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The recipe in a file, JSON or TOML by its name; what it does not set has its default.

        Data files are looked for at their path, then in the folder of the recipe.
        """
        if not path.is_file():
            raise PsmatchError(
                f"There is no file {path.name}.", hint="Give the path of a recipe.json, or of a recipe.toml."
            )
        read = cls.from_toml if path.suffix.lower() == ".toml" else cls.from_json
        recipe = read(path.read_text(encoding="utf-8"), name=path.name)
        here = path.parent
        return replace(recipe, source=_beside(recipe.source, here), target=_beside(recipe.target, here))


def _beside(spec: DataSpec | None, folder: Path) -> DataSpec | None:
    if spec is None:
        return None

    def locate(path: str) -> str:
        if not path or path.startswith(DEMO_PREFIX) or (Path(path).is_absolute() and Path(path).exists()):
            return path
        for candidate in (folder / path, folder / Path(path.replace("\\", "/")).name):
            if candidate.exists():
                return str(candidate.resolve())
        return path

    return replace(spec, path=locate(spec.path), labels_path=locate(spec.labels_path))
