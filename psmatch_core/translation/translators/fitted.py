"""A trained translator: it predicts any cells of one modality, and names the cells it never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.classification.classifiers import LossCurve
from psmatch_core.data.modality import Matrix, Modality
from psmatch_core.data.preprocessing import FittedPreprocessing
from psmatch_core.data.scaling import moments, scaled
from psmatch_core.translation.translators.base import Predictor, TrainedTranslator


@dataclass(frozen=True, eq=False)
class FeatureScale:
    """Names of features with the mean and standard deviation ``(n_features,)`` used to standardise them, and ids."""

    names: tuple[str, ...]
    mean: np.ndarray
    spread: np.ndarray
    ids: tuple[str, ...] = ()

    @classmethod
    def of(cls, modality: Modality) -> FeatureScale:
        """The scale of the cells of a modality."""
        ids = () if modality.feature_ids is None else tuple(modality.feature_ids.tolist())
        return cls(tuple(modality.var_names.tolist()), *moments(modality.X), ids)

    def standardised(self, X: Matrix) -> np.ndarray:
        """Mean 0, variance 1, clipped at ±10, ``(n_cells, n_features)``; a constant feature is 0."""
        return scaled(X, self.mean, self.spread, True)

    def restored(self, Z: np.ndarray) -> np.ndarray:
        """Standardised values in their original units."""
        return np.asarray(Z * self.spread + self.mean)


@dataclass(frozen=True, eq=False)
class FittedTranslator:
    """A trained translator: it predicts the features of the other modality for any cells of the input modality.

    Parameters
    ----------
    direction
        ``target_to_source``: target features for source cells; ``source_to_target``: source features for target cells.
    input_name, output_name
        The modality to predict from, and the modality that is predicted.
    inputs, outputs
        Their features and scales.
    translator, seed
        The strategy and the seed with which it was trained.
    predictor
        The map between standardised features.
    n_training
        Number of training cells.
    held_out
        Names of the cells that were held out of training.
    notes
        What the user should know.
    preprocessing
        The run's transform of the input modality, from raw values; None outside a run.
    """

    direction: str
    input_name: str
    output_name: str
    inputs: FeatureScale
    outputs: FeatureScale
    translator: TrainedTranslator
    predictor: Predictor
    seed: int
    n_training: int
    held_out: np.ndarray = field(repr=False)
    curves: tuple[LossCurve, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()
    preprocessing: FittedPreprocessing | None = field(default=None, repr=False)

    def can_predict(self, labels: np.ndarray) -> np.ndarray:
        """Mask ``(n_cells,)`` of the cells that can be predicted, by their labels: all, unless labels are read."""
        known = self.predictor.known_labels
        return np.isin(labels, known) if known else np.ones(labels.size, dtype=bool)

    def predict(
        self, X: Matrix, var_names: Sequence[str] | np.ndarray, *, labels: Sequence[str] | np.ndarray | None = None
    ) -> np.ndarray:
        """Features of the other modality, ``(n_cells, n_outputs)``, in the units of the training cells.

        Parameters
        ----------
        X
            Features of cells, ``(n_cells, n_inputs)``, as :meth:`FittedPreprocessing.readable` gives them.
        var_names
            Their names ``(n_inputs,)``, which must be those of training, in the same order.
        labels
            Label of each cell ``(n_cells,)``; only a translator that reads labels needs it.

        Raises
        ------
        PsmatchError
            For features that are missing, unknown, or in another order, and for labels that are missing or unknown to a
            translator that reads them; the message names them.
        """
        check_features(tuple(str(name) for name in var_names), self.inputs.names, self.input_name)
        known = self.predictor.known_labels
        named = None if labels is None else np.asarray(labels, dtype=str)
        if known:
            _check_labels(named, known, self.input_name)
        return self.outputs.restored(self.predictor.predict(self.inputs.standardised(X), named))

    def predict_raw(
        self,
        X: Matrix,
        var_names: Sequence[str] | np.ndarray,
        *,
        batch_of: Sequence[str] | None = None,
        labels: Sequence[str] | np.ndarray | None = None,
    ) -> np.ndarray:
        """The same for raw values, as in the file of the run: the preprocessing of the run is applied first.

        Parameters
        ----------
        X, var_names
            As in the file of the run.
        batch_of
            The batch of each cell ``(n_cells,)``, where the run standardised features within batches.
        labels
            As for :meth:`predict`.

        Raises
        ------
        PsmatchError
            As :meth:`predict`; all features of the run's file must be there, even those that were not used.
        """
        if self.preprocessing is None:
            return self.predict(X, var_names, labels=labels)
        check_features(tuple(str(name) for name in var_names), self.preprocessing.var_names, self.input_name)
        return self.predict(self.preprocessing.readable_values(X, batch_of), self.inputs.names, labels=labels)

    def data(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays and plain data from which :meth:`from_data` rebuilds the translator, without its preprocessing."""
        arrays = {f"predictor/{name}": value for name, value in self.predictor.state().items()}
        for side, scale in (("inputs", self.inputs), ("outputs", self.outputs)):
            arrays |= {f"{side}/mean": scale.mean, f"{side}/spread": scale.spread}
            arrays[f"{side}/names"] = np.array(scale.names, dtype=str)
            arrays[f"{side}/ids"] = np.array(scale.ids, dtype=str)
        arrays["held_out"] = self.held_out.astype(str)
        plain = ("direction", "input_name", "output_name", "seed", "n_training")
        meta: dict[str, Any] = {name: getattr(self, name) for name in plain}
        meta["translator"] = self.translator.to_dict()
        meta["curves"] = [asdict(curve) for curve in self.curves]
        return arrays, {**meta, "notes": list(self.notes)}

    @classmethod
    def from_data(
        cls, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any], preprocessing: FittedPreprocessing | None
    ) -> FittedTranslator:
        """The translator whose :meth:`data` these are."""
        translator = TrainedTranslator.from_dict(meta["translator"])
        inputs, outputs = (
            FeatureScale(
                tuple(arrays[f"{side}/names"].tolist()),
                arrays[f"{side}/mean"],
                arrays[f"{side}/spread"],
                tuple(arrays[f"{side}/ids"].tolist()) if f"{side}/ids" in arrays else (),
            )
            for side in ("inputs", "outputs")
        )
        state = {name.partition("/")[2]: value for name, value in arrays.items() if name.startswith("predictor/")}
        return cls(
            direction=meta["direction"],
            input_name=meta["input_name"],
            output_name=meta["output_name"],
            inputs=inputs,
            outputs=outputs,
            translator=translator,
            predictor=translator.restore(state),
            seed=meta["seed"],
            n_training=meta["n_training"],
            held_out=arrays["held_out"],
            curves=tuple(
                LossCurve(curve["name"], tuple(curve["training"]), tuple(curve["validation"]), curve["best"])
                for curve in meta["curves"]
            ),
            notes=tuple(meta["notes"]),
            preprocessing=preprocessing,
        )

    def __repr__(self) -> str:
        return (
            f"FittedTranslator({self.direction}: {self.output_name} features from {self.input_name} cells, trained on "
            f"{self.n_training:,} cells, {len(self.held_out):,} held out)"
        )


def check_features(given: tuple[str, ...], wanted: tuple[str, ...], name: str) -> None:
    """Refuse cells whose features differ from those of training in name or order.

    Raises
    ------
    PsmatchError
        The message names the missing and unknown features, or the first one in another position.
    """
    if given == wanted:
        return
    missing = [each for each in wanted if each not in set(given)]
    unknown = [each for each in given if each not in set(wanted)]
    if missing or unknown:
        parts = [f"{plural(len(missing), 'feature')} missing ({some(missing)})"] if missing else []
        parts += [f"{plural(len(unknown), 'feature')} unknown ({some(unknown)})"] if unknown else []
        raise PsmatchError(
            f"{name}: the features are not those that the translator was trained on: {' and '.join(parts)}.",
            hint=f"Give exactly the {len(wanted):,} features of the run, with the same names and in the same order.",
        )
    place = next(i for i, (mine, its) in enumerate(zip(given, wanted, strict=False)) if mine != its)
    raise PsmatchError(
        f"{name}: the features are in another order than in training; feature {place + 1:,} is {given[place]}, "
        f"it was {wanted[place]}.",
        hint="Sort the features as in the file of the run.",
    )


def _check_labels(labels: np.ndarray | None, known: tuple[str, ...], name: str) -> None:
    """Refuse cells without a label that the translator was trained on; the message names the others."""
    if labels is None:
        raise PsmatchError(
            f"{name}: this translator starts from the mean of each cell's label, but the cells come without labels.",
            hint="Give the label of each cell, by the names of the run, or train RidgeTranslator, which needs none.",
        )
    unknown = sorted(set(labels.tolist()) - set(known))
    if unknown:
        raise PsmatchError(
            f"{name}: {plural(len(unknown), 'label')} unknown to this translator: {some(unknown)}.",
            hint=f"It knows {some(known)}. Leave the other cells out, or train RidgeTranslator, which needs no label.",
        )
