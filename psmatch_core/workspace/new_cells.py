"""Predict the other modality of new cells in a file, with a translator that a run has trained."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.base.h5ad_elements import H5adContent, write_h5ad
from psmatch_core.data.checks import label_texts
from psmatch_core.data.readers import DataSpec, copy_into
from psmatch_core.evaluation.gain import Gain, gain_sentence
from psmatch_core.exports.files import describe_translation
from psmatch_core.exports.provenance import versions
from psmatch_core.exports.tables import write_csv
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.translation.translate import TO_SOURCE, checked_direction
from psmatch_core.translation.translators import FittedTranslator
from psmatch_core.workspace import files
from psmatch_core.workspace.new_folder import check_free_file

SUFFIXES = (".h5ad", ".csv")
ACCURACY_COLUMNS = ("r2_matched", "r2_uniform", "gain", "gain_low", "gain_high")
MORE_FEATURES_THAN_CELLS = "[PM-M34]"  # a warning for training, which does not happen here


@dataclass(frozen=True)
class TranslatedFile:
    """A written prediction of the other modality; as text it is what a terminal shows.

    Parameters
    ----------
    file
        Where it was written.
    direction
        ``target_to_source`` predicts target features of source cells, ``source_to_target`` the reverse.
    meaning
        What is predicted of which cells.
    n_cells, n_features
        Its size.
    accuracy
        R² within labels over the cells of the run (``ACCURACY_COLUMNS``); None if the run knew no true pairs.
    notes
        What the user should know.
    """

    file: str
    direction: str
    meaning: str
    n_cells: int
    n_features: int
    accuracy: dict[str, float] | None
    notes: tuple[str, ...]

    def __str__(self) -> str:
        size = f"{plural(self.n_cells, 'cell')} × {plural(self.n_features, 'feature')}."
        first = f"{self.meaning} ({self.direction}): {size}"
        return "\n".join([first, *self.notes, f"Written: {self.file}"])


def translate_file(
    where: Path, cells: str, *, direction: str = "", matrix: str = "", out: Path, may_replace: bool = False
) -> TranslatedFile:
    """Predict the other modality of the cells in a file, and write the prediction.

    Parameters
    ----------
    where
        Folder of a run (or of its exports), or the file of one translator.
    cells
        h5ad, csv or tsv with the features of the run, by name and in the same order. Like the files of a run, it is
        opened in a child process with limits.
    direction
        Which translator of the folder; not needed for a file.
    matrix
        Matrix of the file; by default that of the run if the folder has its recipe, otherwise ``X``.
    out
        ``….h5ad`` or ``….csv``; the direction is added to the name if it is missing.
    may_replace
        Whether a file of this name may be replaced, once the new one is complete.

    Returns
    -------
    What was written.

    Raises
    ------
    PsmatchError
        If there is no such translator, the file to write exists, the file cannot be used, or its features are not
        those of the run.
    """
    if out.suffix not in SUFFIXES:
        raise PsmatchError(f"--out {out.name} is neither h5ad nor csv.", hint="End the name in .h5ad or .csv.")
    fitted = load_one(where, direction)
    if fitted.direction not in out.stem:
        out = out.with_name(f"{out.stem}_{fitted.direction}{out.suffix}")
    check_free_file(out, may_replace=may_replace)
    spec = _run_spec(where, fitted.direction)
    given = DataSpec(
        path=cells,
        label_key=spec.label_key if spec else "",
        label_with=spec.label_with if spec else (),
        matrix=matrix or (spec.matrix if spec else "X"),
        name=fitted.input_name,
    )
    with tempfile.TemporaryDirectory(prefix="psmatch-") as folder:
        import anndata  # a second: only who reads pays for it

        reads_labels = fitted.translator.reads_labels
        adata = anndata.read_h5ad(copy_into(given, Path(folder) / "cells.h5ad", needs_labels=reads_labels))
    values = fitted.predict_raw(
        adata.X,
        names_as_trained(adata.var, fitted),
        batch_of=_batches_as_trained(adata.obs, fitted),
        labels=_labels_as_trained(adata.obs, given, where, fitted.direction) if reads_labels else None,
    )
    accuracy = _accuracy(where, fitted.direction)
    written = _write(fitted, adata.obs, values, given=given, accuracy=accuracy, out=out)
    notes = [str(note) for note in adata.uns["psmatch"]["warnings"] if MORE_FEATURES_THAN_CELLS not in str(note)]
    return TranslatedFile(
        file=str(written),
        direction=fitted.direction,
        meaning=describe_translation(fitted.input_name, fitted.output_name),
        n_cells=values.shape[0],
        n_features=values.shape[1],
        accuracy=None if accuracy is None else {name: float(accuracy[name].iloc[0]) for name in ACCURACY_COLUMNS},
        notes=(*_accuracy_in_words(accuracy), *notes),
    )


def names_as_trained(var: pd.DataFrame, fitted: FittedTranslator) -> list[str]:
    """The names of the features; their ids if these are what the translator was trained on, as in earlier versions."""
    trained = fitted.inputs.names if fitted.preprocessing is None else fitted.preprocessing.var_names
    ids = [str(each) for each in var.get("feature_id", ())]
    return ids if ids == list(trained) else [str(each) for each in var.index]


def _batches_as_trained(obs: pd.DataFrame, fitted: FittedTranslator) -> list[str] | None:
    """The batch of each cell by the column of the run; None if the run used none, or the file lacks it."""
    key = fitted.preprocessing.config.batch_key if fitted.preprocessing else ""
    return [each or "" for each in label_texts(obs[key]).tolist()] if key in obs else None


def _labels_as_trained(obs: pd.DataFrame, given: DataSpec, where: Path, direction: str) -> list[str] | None:
    """The label of each cell by the column and the renamings of the run; None if the file or the recipe lacks it."""
    recipe = _run_recipe(where)
    if recipe is None or given.label_name not in obs:
        return None
    renaming = recipe.labels.renaming("source" if direction == TO_SOURCE else "target")
    found = [each or "" for each in label_texts(obs[given.label_name]).tolist()]
    return [renaming.get(each, each) for each in found]


def load_one(where: Path, direction: str) -> FittedTranslator:
    """The translator in a file, or the translator of one direction in a folder.

    Raises
    ------
    PsmatchError
        If there is none, or the folder has two and no direction is given.
    """
    if direction:
        checked_direction(direction)
    if where.is_file():
        fitted = result_files.load_translator(where)
        if direction and fitted.direction != direction:
            raise PsmatchError(
                f"{where.name} translates {fitted.direction}, not {direction}.",
                hint="Omit --direction, or give the file of the other direction.",
            )
        return fitted
    if not where.is_dir():
        raise PsmatchError(f"There is no {where.name}.", hint="Give the folder of a run, or a file translator_….npz.")
    paths = sorted(where.glob(files.TRANSLATOR.name.format("*_to_*")))
    if not paths:
        raise PsmatchError(
            f"{where.name} contains no trained translator.",
            hint="Run again with a translator that is trained, such as --set translator=RidgeTranslator.",
        )
    found = {path.stem.removeprefix("translator_"): path for path in paths}
    if not direction and len(found) > 1:
        fitted = result_files.load_translator(found.get(TO_SOURCE, paths[0]))
        raise PsmatchError(
            f"{where.name} contains translators of both directions.",
            hint=f"Choose one: --direction {TO_SOURCE} predicts {fitted.output_name} features of {fitted.input_name} "
            "cells, source_to_target the reverse.",
        )
    chosen = direction or next(iter(found))
    if chosen not in found:
        raise PsmatchError(f"{where.name} contains no translator {chosen}.", hint=f"It contains {', '.join(found)}.")
    return result_files.load_translator(found[chosen])


def _run_spec(where: Path, direction: str) -> DataSpec | None:
    """How the run read its own file of this modality; None if there is no recipe beside the translator."""
    recipe = _run_recipe(where)
    if recipe is None:
        return None
    return recipe.source if direction == TO_SOURCE else recipe.target


def _run_recipe(where: Path) -> Recipe | None:
    """The recipe beside a translator, if it is there."""
    path = (where if where.is_dir() else where.parent) / "recipe.json"
    return Recipe.read(path) if path.is_file() else None


def _accuracy(where: Path, direction: str) -> pd.DataFrame | None:
    """R² within labels as the run exported it; None if no pair was known, or its file is not beside the translator."""
    folder = where if where.is_dir() else where.parent
    name = Path(files.TRANSLATION_R2.name.format(direction))
    for path in (folder / name, folder / name.name):
        if path.exists():
            table = files.TRANSLATION_R2.load(path)
            return table if set(ACCURACY_COLUMNS) <= set(table.columns) else None
    return None


def _accuracy_in_words(table: pd.DataFrame | None) -> list[str]:
    """What the matching of the run adds, if it is known."""
    if table is None:
        return [
            "How accurate these predictions are is not known: the run knew no true pairs, or the file "
            "translation_r2_….csv of its exports is not beside the translator."
        ]
    matched, uniform, value, low, high = (float(table[name].iloc[0]) for name in ACCURACY_COLUMNS)
    return [f"Over the cells of the run: {gain_sentence(Gain(value, low, high), matched, uniform)}."]


def _write(
    fitted: FittedTranslator,
    obs: pd.DataFrame,
    values: np.ndarray,
    *,
    given: DataSpec,
    accuracy: pd.DataFrame | None,
    out: Path,
) -> Path:
    out.parent.mkdir(parents=True, exist_ok=True)
    labels = obs[given.label_name].astype(str) if given.label_name in obs.columns else None
    if out.suffix == ".csv":
        table = pd.DataFrame(values.astype(np.float32), columns=list(fitted.outputs.names))
        table.insert(0, "cell", obs.index, allow_duplicates=True)
        return write_csv(table, out)
    known = accuracy[list(ACCURACY_COLUMNS)].iloc[1:].to_dict("list") if accuracy is not None else {}
    var = pd.DataFrame(known, index=list(fitted.outputs.names), dtype=np.float64)
    if fitted.outputs.ids:
        var.insert(0, "feature_id", fitted.outputs.ids)
    uns: dict[str, Any] = {
        "direction": fitted.direction,
        "meaning": describe_translation(fitted.input_name, fitted.output_name),
        "translator": json.dumps(fitted.translator.to_dict()),
        "versions": versions(),
        "notes": list(fitted.notes),
    }
    kept = pd.DataFrame({} if labels is None else {"label": pd.Categorical(labels)}, index=obs.index)
    return write_h5ad(H5adContent(X=values.astype(np.float32), obs=kept, var=var, uns=uns), out)
