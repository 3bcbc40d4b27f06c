"""score_modalities: the stages before matching, which give features, then propensity scores or joint latents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial

from psmatch_core.base.cores import side_by_side
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.classification.baselines import JointLatents, JointVAE, fit_joint_vae
from psmatch_core.classification.networks.devices import training_on
from psmatch_core.classification.propensity import PropensityModel, fit_propensity
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import FittedPreprocessing, Preprocessing
from psmatch_core.data.sides import SIDES
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.stage_keys import features_key, latents_key, propensity_key, stage_key
from psmatch_core.pipeline.stage_store import NoStageStore, StageStore


@dataclass(frozen=True, eq=False)
class ScoredModalities:
    """Both modalities scored, and the fitted preprocessing that made their features.

    Parameters
    ----------
    preprocessing
        Of the source and of the target.
    models
        The source and the target, in the space in which they are matched.
    """

    preprocessing: tuple[FittedPreprocessing, FittedPreprocessing]
    models: tuple[ScoredModality, ScoredModality]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about both steps."""
        return tuple(note for each in (*self.preprocessing, *self.models) for note in each.notes)


def score_modalities(
    recipe: Recipe,
    source: Modality,
    target: Modality,
    *,
    store: StageStore | None = None,
    progress: Progress = silent,
) -> ScoredModalities:
    """Preprocess two modalities with the same labels, and score both in the space of the recipe.

    Raises
    ------
    PsmatchError
        For features that the classifier or the matcher cannot use; before anything is trained.
    """
    stages = _Stages(recipe, source.label_names, store or NoStageStore(), progress)
    (of_source, source), (of_target, target) = (
        stages.features(side, cells) for side, cells in zip(SIDES, (source, target), strict=True)
    )
    for features in (source, target):  # all checks come before minutes of training
        if isinstance(recipe.space, JointVAE):  # which uses no classifier
            recipe.space.check(features)
        else:
            recipe.classifier.check(features.in_shape(features.X), name=features.name)
    recipe.matcher.check(source, target)
    with training_on(recipe.device):
        if isinstance(recipe.space, JointVAE):
            models = stages.latents(recipe.space, source, target)
        else:
            models = stages.scores(source, target)
    return ScoredModalities((of_source, of_target), models)


def score_several(
    recipe: Recipe,
    modalities: Mapping[str, Modality],
    *,
    preprocessing: Mapping[str, Preprocessing] | None = None,
    store: StageStore | None = None,
    progress: Progress = silent,
) -> tuple[dict[str, FittedPreprocessing], dict[str, PropensityModel]]:
    """Preprocess modalities with the same labels, and train one classifier for each, whatever it is matched with.

    Parameters
    ----------
    preprocessing
        By name; of the others :func:`preprocessing_of` the recipe.

    Raises
    ------
    PsmatchError
        For features that the classifier or the matcher cannot use, before anything is trained; and for a space that
        is made for two modalities only.
    """
    if isinstance(recipe.space, JointVAE):
        raise PsmatchError(
            "A joint VAE is trained for two modalities, and several are to be matched.",
            hint="Set space to propensity_scores.",
        )
    first = next(iter(modalities.values()))
    stages = _Stages(recipe, first.label_names, store or NoStageStore(), progress)
    sides = stage_sides(len(modalities))
    settings = preprocessing_of(recipe, tuple(modalities), preprocessing)
    made = [
        stages.features(side, cells, settings[name])
        for side, (name, cells) in zip(sides, modalities.items(), strict=True)
    ]
    features = [each for _, each in made]
    for each in features:
        recipe.classifier.check(each.in_shape(each.X), name=each.name)
    for other in features[1:]:
        recipe.matcher.check(features[0], other)
    with training_on(recipe.device):
        models = side_by_side(lambda one: stages.score(*one), list(zip(sides, features, strict=True)))
    fitted = [each for each, _ in made]
    return dict(zip(modalities, fitted, strict=True)), dict(zip(modalities, models, strict=True))


def stage_sides(n_modalities: int) -> list[str]:
    """How the stages of several modalities begin: source, target, target2, target3 …

    A store that keeps stages by side must not take those of two modalities for versions of one.
    """
    return [SIDES[0], SIDES[1], *(f"{SIDES[1]}{at}" for at in range(2, n_modalities))]


def preprocessing_of(
    recipe: Recipe, names: tuple[str, ...], given: Mapping[str, Preprocessing] | None = None
) -> dict[str, Preprocessing]:
    """The preprocessing of each modality: its own, else the recipe's of the source for the first, of the target else.

    Raises
    ------
    PsmatchError
        For the settings of a modality that is not there.
    """
    given = given or {}
    unknown = [name for name in given if name not in names]
    if unknown:
        raise PsmatchError(
            f"There is no modality {unknown[0]!r} to preprocess.", hint=f"The modalities are {', '.join(names)}."
        )
    own = [recipe.source_preprocessing, *(recipe.target_preprocessing for _ in names[1:])]
    return {name: given.get(name, each) for name, each in zip(names, own, strict=True)}


@dataclass(frozen=True)
class _Stages:
    """The stages of one recipe, with what they share."""

    recipe: Recipe
    label_names: tuple[str, ...]
    store: StageStore
    progress: Progress

    def features(
        self, side: str, cells: Modality, config: Preprocessing | None = None
    ) -> tuple[FittedPreprocessing, Modality]:
        recipe, seed = self.recipe, self.recipe.seed
        own = config
        config = own or (recipe.source_preprocessing if side == "source" else recipe.target_preprocessing)
        self.progress(Event(f"preprocess: {cells.name}", 0.0, "choosing and scaling features"))
        key = features_key(cells, config, seed)
        with_name = stage_key(key, cells.name)
        # Notes and features carry the name. Of several modalities two may hold the same data; and the data of a
        # modality may have had another name in an earlier run, whose features lie under the key without one.
        for each in (with_name,) if own is not None else (key, with_name):
            fitted, features = self._made(side, cells, config, each)
            if features.name == cells.name:
                break
        self.progress(Event(f"preprocess: {cells.name}", 1.0))
        return fitted, features

    def _made(
        self, side: str, cells: Modality, config: Preprocessing, key: str
    ) -> tuple[FittedPreprocessing, Modality]:
        fitted = self.store.load_or_make(
            f"{side}_preprocessing",
            key,
            result_files.load_preprocessing,
            lambda: config.fit(cells, seed=self.recipe.seed),
        )
        features = self.store.load_or_make(
            f"{side}_features", key, result_files.load_modality, lambda: fitted.transform(cells)
        )
        return fitted, features

    def scores(self, source: Modality, target: Modality) -> tuple[ScoredModality, ScoredModality]:
        """One propensity model for each modality; both train at once."""
        first, second = side_by_side(lambda one: self.score(*one), list(zip(SIDES, (source, target), strict=True)))
        return first, second

    def score(self, side: str, features: Modality) -> PropensityModel:
        """The propensity model of one modality."""
        model = self.store.load_or_make(
            f"{side}_propensity",
            propensity_key(features, self.label_names, self.recipe),
            partial(result_files.load_propensity, modality=features),
            lambda: fit_propensity(
                features,
                self.recipe.classifier,
                label_names=self.label_names,
                scoring=self.recipe.scoring,
                seed=self.recipe.seed,
                progress=self.progress,
            ),
        )
        self.progress(Event(f"propensity: {features.name}", 1.0, "trained"))
        return model

    def latents(self, vae: JointVAE, source: Modality, target: Modality) -> tuple[ScoredModality, ScoredModality]:
        """The latents of both modalities, from one training; each is a stage of its own, so that pages find it."""
        both = (source, target)

        @cache
        def train() -> tuple[JointLatents, JointLatents]:
            return fit_joint_vae(
                *both, vae, label_names=self.label_names, seed=self.recipe.seed, progress=self.progress
            )

        def score(index: int) -> ScoredModality:
            model = self.store.load_or_make(
                f"{SIDES[index]}_propensity",
                latents_key(SIDES[index], both, self.label_names, self.recipe),
                partial(result_files.load_scored, modality=both[index]),
                lambda: train()[index],
            )
            self.progress(Event(f"latents: {both[index].name}", 1.0, "trained"))
            return model

        return score(0), score(1)
