"""save and load every result: its arrays and its plain data in one array file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from psmatch_core.base.array_files import read_arrays, write_arrays
from psmatch_core.base.disk import of_this_version
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.baselines import JointLatents, JointVAE
from psmatch_core.classification.classifiers import Classifier, LossCurve
from psmatch_core.classification.propensity import PropensityModel, Scoring
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.checks import Finding
from psmatch_core.data.images import ImageShape
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import FittedPreprocessing, Preprocessing
from psmatch_core.exploration.maps import ScoreMap
from psmatch_core.matching.blocks import Block, DenseBlock, PotentialBlock, SparseBlock
from psmatch_core.matching.coupling import Coupling, Outcome, Status
from psmatch_core.monitor.stability import HalfScores
from psmatch_core.translation.translators import FittedTranslator

LATENTS = "joint latents"
LATENT_ARRAYS = ("latents", "head_logits", "held_out_logits", "history")


def save(
    result: Modality | FittedPreprocessing | FittedTranslator | ScoredModality | Coupling | ScoreMap | HalfScores,
    path: Path | str,
) -> Path:
    """Write a result to a file, from which the ``load_…`` function of its kind makes an equal one."""
    path = Path(path)
    if isinstance(result, Modality):
        return write_arrays(path, *_modality_data(result))
    if isinstance(result, FittedPreprocessing):
        return write_arrays(path, *_preprocessing_data(result))
    if isinstance(result, FittedTranslator):
        arrays, meta = result.data()
        if result.preprocessing is not None:
            inner, meta["preprocessing"] = _preprocessing_data(result.preprocessing)
            arrays |= {f"preprocessing/{name}": value for name, value in inner.items()}
        return write_arrays(path, arrays, meta)
    if isinstance(result, PropensityModel):
        arrays = {"logits": result.logits, "held_out_logits": result.held_out_logits}
        arrays |= {f"fitted/{name}": value for name, value in result.fitted.state().items()}
        meta = {
            "label_names": list(result.label_names),
            "classifier": result.classifier.to_dict(),
            "scoring": result.scoring.to_dict(),
            "seed": result.seed,
            "curves": [asdict(curve) for curve in result.curves],
            "notes": list(result.notes),
        }
        return write_arrays(path, arrays, meta)
    if isinstance(result, JointLatents):
        arrays = {each: getattr(result, each) for each in LATENT_ARRAYS}
        arrays |= {f"parameters/{name}": value for name, value in result.parameters.items()}
        meta = {
            "kind": LATENTS,
            "label_names": list(result.label_names),
            "best": result.best,
            "vae": result.vae.to_dict(),
            "seed": result.seed,
            "curves": [asdict(curve) for curve in result.curves],
            "notes": list(result.notes),
        }
        return write_arrays(path, arrays, meta)
    if isinstance(result, Coupling):
        return _save_coupling(result, path)
    if isinstance(result, ScoreMap | HalfScores):
        return write_arrays(path, result.arrays(), {})
    raise PsmatchError(f"A {type(result).__name__} has no file format.", hint="Save a modality, a model or a coupling.")


@of_this_version
def load_modality(path: Path | str) -> Modality:
    """The modality in a file."""
    arrays, meta = read_arrays(Path(path))
    X: Any
    if "X" in arrays:
        X = arrays["X"]
    else:
        X = sparse.csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=tuple(meta["shape"]))
    for array in (*arrays.values(),):
        array.setflags(write=False)
    return Modality(
        name=meta["name"],
        X=X,
        labels=arrays["labels"],
        obs_names=arrays["obs_names"],
        var_names=arrays["var_names"],
        label_key=meta["label_key"],
        pair_ids=arrays.get("pair_ids"),
        findings=tuple(Finding.from_dict(finding) for finding in meta["findings"]),
        excluded=tuple((cell, reason) for cell, reason in meta["excluded"]),
        image_shape=_shape(meta),
    )


@of_this_version
def load_preprocessing(path: Path | str) -> FittedPreprocessing:
    """The fitted transform in a file."""
    return _preprocessing_from(*read_arrays(Path(path)))


@of_this_version
def load_translator(path: Path | str) -> FittedTranslator:
    """The trained translator in a file, with the preprocessing of its input modality where it has one."""
    path = Path(path)
    arrays, meta = read_arrays(path)
    if "predictor" not in {name.partition("/")[0] for name in arrays}:
        raise PsmatchError(
            f"{path.name} holds no translator.", hint="Give a run's folder, or a file translator_….npz of its exports."
        )
    inner = {name.partition("/")[2]: value for name, value in arrays.items() if name.startswith("preprocessing/")}
    preprocessing = _preprocessing_from(inner, meta["preprocessing"]) if inner else None
    return FittedTranslator.from_data(arrays, meta, preprocessing)


def _preprocessing_data(fitted: FittedPreprocessing) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    arrays = {name: getattr(fitted, name) for name in ("columns", "mean", "spread", "components")}
    arrays["var_names"] = np.array(fitted.var_names, dtype=str)
    meta = {"config": fitted.config.to_dict(), "normalize": fitted.normalize, "target_sum": fitted.target_sum}
    return arrays, {**meta, "notes": list(fitted.notes), "image_shape": fitted.image_shape}


def _preprocessing_from(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> FittedPreprocessing:
    return FittedPreprocessing(
        config=Preprocessing.from_dict(meta["config"]),
        normalize=meta["normalize"],
        target_sum=meta["target_sum"],
        var_names=tuple(arrays["var_names"].tolist()),
        columns=arrays["columns"],
        mean=arrays["mean"],
        spread=arrays["spread"],
        components=arrays["components"],
        notes=tuple(meta["notes"]),
        image_shape=_shape(meta),
    )


def _shape(meta: Mapping[str, Any]) -> ImageShape | None:
    shape = meta.get("image_shape")  # results of earlier versions have none
    return (shape[0], shape[1], shape[2]) if shape else None


@of_this_version
def load_scored(path: Path | str, modality: Modality) -> ScoredModality:
    """The propensity model or the latents in a file, for the cells that they were made of."""
    arrays, meta = read_arrays(Path(path))
    n_cells = arrays["held_out_logits"].shape[0]
    if n_cells != modality.n_cells:
        raise PsmatchError(
            f"{Path(path).name} holds scores of {n_cells:,} cells, {modality.name} has {modality.n_cells:,}.",
            hint="Load the modality that the scores were made of.",
        )
    return (_latents_from if meta.get("kind") == LATENTS else _propensity_from)(arrays, meta, modality)


def load_propensity(path: Path | str, modality: Modality) -> PropensityModel:
    """The propensity model in a file, for the cells that it was made of."""
    scored = load_scored(path, modality)
    if not isinstance(scored, PropensityModel):
        raise PsmatchError(
            f"{Path(path).name} holds {scored.space_name}, not a propensity model.", hint="Load it with `load_scored`."
        )
    return scored


def _latents_from(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any], modality: Modality) -> JointLatents:
    return JointLatents(
        modality=modality,
        label_names=tuple(meta["label_names"]),
        **{each: arrays[each] for each in LATENT_ARRAYS},
        parameters={name.partition("/")[2]: each for name, each in arrays.items() if name.startswith("parameters/")},
        best=meta["best"],
        vae=JointVAE.from_dict(meta["vae"]),
        seed=meta["seed"],
        curves=_curves(meta),
        notes=tuple(meta["notes"]),
    )


def _curves(meta: Mapping[str, Any]) -> tuple[LossCurve, ...]:
    return tuple(
        LossCurve(curve["name"], tuple(curve["training"]), tuple(curve["validation"]), curve["best"])
        for curve in meta["curves"]
    )


def _propensity_from(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any], modality: Modality) -> PropensityModel:
    classifier = Classifier.from_dict(meta["classifier"])
    state = {name.partition("/")[2]: value for name, value in arrays.items() if name.startswith("fitted/")}
    return PropensityModel(
        modality=modality,
        label_names=tuple(meta["label_names"]),
        logits=arrays["logits"],
        held_out_logits=arrays["held_out_logits"],
        fitted=classifier.restore(state),
        classifier=classifier,
        scoring=Scoring.from_dict(meta["scoring"]),
        seed=meta["seed"],
        curves=_curves(meta),
        notes=tuple(meta["notes"]),
    )


@of_this_version
def load_coupling(path: Path | str, source: ScoredModality, target: ScoredModality) -> Coupling:
    """The coupling in a file, between the models that it was made of."""
    arrays, meta = read_arrays(Path(path))
    blocks: dict[str, Block] = {}
    for index, entry in enumerate(meta["blocks"]):
        part = {name.partition("/")[2]: value for name, value in arrays.items() if name.startswith(f"b{index}/")}
        blocks[entry["label"]] = _block_from(entry, part)
    statuses = tuple(Status(**{**status, "outcome": Outcome[status["outcome"]]}) for status in meta["statuses"])
    return Coupling(source, target, blocks, statuses)


@of_this_version
def load_map(path: Path | str) -> ScoreMap:
    """The map of scores in a file."""
    arrays, _ = read_arrays(Path(path))
    return ScoreMap(arrays["source_cells"], arrays["target_cells"], arrays["source_xy"], arrays["target_xy"])


def _modality_data(modality: Modality) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    X = modality.X
    arrays: dict[str, np.ndarray] = (
        {"data": X.data, "indices": X.indices, "indptr": X.indptr} if sparse.issparse(X) else {"X": np.asarray(X)}
    )
    arrays |= {"labels": modality.labels, "obs_names": modality.obs_names, "var_names": modality.var_names}
    if modality.pair_ids is not None:
        arrays["pair_ids"] = modality.pair_ids
    meta = {
        "name": modality.name,
        "label_key": modality.label_key,
        "shape": list(X.shape),
        "findings": [finding.to_dict() for finding in modality.findings],
        "excluded": [list(entry) for entry in modality.excluded],
        "image_shape": modality.image_shape,
    }
    return arrays, meta


def _save_coupling(coupling: Coupling, path: Path) -> Path:
    arrays: dict[str, np.ndarray] = {}
    entries = []
    for index, (label, block) in enumerate(coupling.blocks.items()):
        entry: dict[str, Any] = {"label": label, "kind": type(block).__name__}
        if isinstance(block, SparseBlock):
            entry["shape"] = list(block.shape)
            part = {"data": block.P.data, "indices": block.P.indices, "indptr": block.P.indptr}
        elif isinstance(block, PotentialBlock | DenseBlock):
            values = {each.name: getattr(block, each.name) for each in fields(block)}
            part = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
            entry |= {name: value for name, value in values.items() if name not in part}
        else:
            raise PsmatchError(f"A {type(block).__name__} has no file format.", hint="Use one of the three storages.")
        arrays |= {f"b{index}/{name}": value for name, value in part.items()}
        entries.append(entry)
    statuses = [{**asdict(status), "outcome": status.outcome.name} for status in coupling.statuses]
    return write_arrays(path, arrays, {"blocks": entries, "statuses": statuses})


def _block_from(entry: Mapping[str, Any], part: Mapping[str, np.ndarray]) -> Block:
    if entry["kind"] == "SparseBlock":
        triple = (part["data"], part["indices"], part["indptr"])
        return SparseBlock(sparse.csr_matrix(triple, shape=tuple(entry["shape"])))
    if entry["kind"] == "DenseBlock":
        return DenseBlock(part["P"])
    return PotentialBlock(
        x=part["x"],
        y=part["y"],
        f=part["f"],
        g=part["g"],
        epsilon=float(entry["epsilon"]),
        a=part["a"],
        b=part["b"],
        cost=str(entry["cost"]),
    )
