"""How each type of result becomes named arrays and plain data, and comes back: one pair of functions for each.

Names of arrays and keys stay: files of earlier versions are read by the same functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.records import from_plain, to_plain
from psmatch_core.base.shifted_rows import ShiftedRows
from psmatch_core.classification.baselines import JointLatents, JointVAE
from psmatch_core.classification.classifiers import Classifier, LossCurve
from psmatch_core.classification.propensity import PropensityModel, Scoring
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.batch_scale import BatchScale
from psmatch_core.data.checks import Finding
from psmatch_core.data.images import ImageShape
from psmatch_core.data.lsi import Lsi
from psmatch_core.data.modality import Matrix, Modality
from psmatch_core.data.original_columns import plain_columns
from psmatch_core.data.preprocessing import FittedPreprocessing, Preprocessing
from psmatch_core.evaluation.held_out_pairs import HeldOutScores
from psmatch_core.exploration.maps import ScoreMap
from psmatch_core.matching.blocks import Block, DenseBlock, PotentialBlock, SparseBlock
from psmatch_core.matching.coupling import Coupling, Status
from psmatch_core.matching.link import LinkedPositions
from psmatch_core.monitor.halves import HalfScores
from psmatch_core.translation.translators import FittedTranslator

Arrays = Mapping[str, np.ndarray]
Meta = Mapping[str, Any]
PREPROCESSING_ARRAYS = ("columns", "mean", "spread", "components")
BATCH_ARRAYS = ("center", "spread", "cells", "batch_of")
LATENT_ARRAYS = ("latents", "head_logits", "held_out_logits", "history")


@dataclass(frozen=True)
class ResultFormat:
    """How one type of result is stored.

    Parameters
    ----------
    kind
        What its files say they hold; files of earlier versions say it of joint latents only.
    result
        The type.
    to_data
        Gives its arrays and its plain data.
    from_data
        Makes an equal result of these, and of the results that it refers to.
    version
        Raised when files of this kind change so that an earlier program cannot read them.
    """

    kind: str
    result: type[Any]
    to_data: Callable[[Any], tuple[Arrays, Meta]]
    from_data: Callable[..., Any]
    version: int = 1


def _modality_data(modality: Modality) -> tuple[Arrays, Meta]:
    X = modality.X
    if isinstance(X, ShiftedRows):
        arrays = X.parts
    else:
        is_sparse = sparse.issparse(X)
        arrays = {"data": X.data, "indices": X.indices, "indptr": X.indptr} if is_sparse else {"X": np.asarray(X)}
    arrays |= {"labels": modality.labels, "obs_names": modality.obs_names, "var_names": modality.var_names}
    if modality.pair_ids is not None:
        arrays["pair_ids"] = modality.pair_ids
    if modality.feature_ids is not None:
        arrays["feature_ids"] = modality.feature_ids
    arrays |= _nested("var", {} if modality.var is None else plain_columns(modality.var))
    return arrays, {
        **_attributes(modality, "name", "label_key", "image_shape"),
        "shape": list(X.shape),
        "findings": to_plain(modality.findings),
        "excluded": [list(entry) for entry in modality.excluded],
    }


def _modality_from(arrays: Arrays, meta: Meta) -> Modality:
    for array in arrays.values():
        array.setflags(write=False)
    return Modality(
        **_entries(meta, "name", "label_key"),
        **_entries(arrays, "labels", "obs_names", "var_names"),
        X=_matrix_from(arrays, meta),
        pair_ids=arrays.get("pair_ids"),
        feature_ids=arrays.get("feature_ids"),
        var=_var_from(arrays),
        findings=from_plain(meta["findings"], tuple[Finding, ...]),
        excluded=tuple((cell, reason) for cell, reason in meta["excluded"]),
        image_shape=_image_shape(meta),
    )


def _matrix_from(arrays: Arrays, meta: Meta) -> Matrix:
    if "X" in arrays:
        return arrays["X"]
    stored = _csr(arrays, meta["shape"])
    return ShiftedRows(stored, arrays["shift"]) if "shift" in arrays else stored


def _var_from(arrays: Arrays) -> pd.DataFrame | None:
    columns = _within("var", arrays)  # results of earlier versions have none
    return pd.DataFrame(columns, index=pd.Index(arrays["var_names"])) if columns else None


def _preprocessing_data(fitted: FittedPreprocessing) -> tuple[Arrays, Meta]:
    arrays = _attributes(fitted, *PREPROCESSING_ARRAYS) | {"var_names": np.array(fitted.var_names, dtype=str)}
    meta = _attributes(fitted, "normalize", "target_sum", "image_shape")
    if fitted.batch_scale is not None:
        arrays |= _nested("batch", _attributes(fitted.batch_scale, *BATCH_ARRAYS))
        arrays["batch/batches"] = np.array(fitted.batch_scale.batches, dtype=str)
    if fitted.idf.size:
        arrays["idf"] = fitted.idf
    if fitted.lsi is not None:
        arrays["lsi/axes"] = fitted.lsi.axes
        meta["lsi_first"] = fitted.lsi.first
    return arrays, {**meta, "config": fitted.config.to_dict(), "notes": list(fitted.notes)}


def _preprocessing_from(arrays: Arrays, meta: Meta) -> FittedPreprocessing:
    batch = _within("batch", arrays)
    scale = BatchScale(tuple(batch["batches"].tolist()), **_entries(batch, *BATCH_ARRAYS)) if batch else None
    return FittedPreprocessing(
        **_entries(meta, "normalize", "target_sum"),
        **_entries(arrays, *PREPROCESSING_ARRAYS),
        config=Preprocessing.from_dict(meta["config"]),
        var_names=tuple(arrays["var_names"].tolist()),
        notes=tuple(meta["notes"]),
        image_shape=_image_shape(meta),
        batch_scale=scale,
        idf=arrays.get("idf", np.zeros(0)),
        lsi=Lsi(arrays["lsi/axes"], int(meta["lsi_first"])) if "lsi/axes" in arrays else None,
    )


def _propensity_data(model: PropensityModel) -> tuple[Arrays, Meta]:
    arrays = _attributes(model, "logits", "held_out_logits")
    return arrays | _nested("fitted", model.fitted.state()), {
        "classifier": model.classifier.to_dict(),
        "scoring": model.scoring.to_dict(),
        **_scored_meta(model),
    }


def _propensity_from(arrays: Arrays, meta: Meta, modality: Modality) -> PropensityModel:
    classifier = Classifier.from_dict(meta["classifier"])
    return PropensityModel(
        **_entries(arrays, "logits", "held_out_logits"),
        fitted=classifier.restore(_within("fitted", arrays)),
        classifier=classifier,
        scoring=Scoring.from_dict(meta["scoring"]),
        **_scored_fields(arrays, meta, modality),
    )


def _latents_data(latents: JointLatents) -> tuple[Arrays, Meta]:
    arrays = _attributes(latents, *LATENT_ARRAYS)
    return arrays | _nested("parameters", latents.parameters), {
        "best": latents.best,
        "vae": latents.vae.to_dict(),
        **_scored_meta(latents),
    }


def _latents_from(arrays: Arrays, meta: Meta, modality: Modality) -> JointLatents:
    return JointLatents(
        **_entries(arrays, *LATENT_ARRAYS),
        parameters=_within("parameters", arrays),
        best=meta["best"],
        vae=JointVAE.from_dict(meta["vae"]),
        **_scored_fields(arrays, meta, modality),
    )


def _scored_meta(model: PropensityModel | JointLatents) -> Meta:
    return {
        "label_names": list(model.label_names),
        "seed": model.seed,
        "curves": to_plain(model.curves),
        "notes": list(model.notes),
    }


def _scored_fields(arrays: Arrays, meta: Meta, modality: Modality) -> dict[str, Any]:
    n_cells = arrays["held_out_logits"].shape[0]
    if n_cells != modality.n_cells:
        raise PsmatchError(
            f"The file holds scores of {n_cells:,} cells, but {modality.name} has {modality.n_cells:,}.",
            hint="Load the modality from which the scores were computed.",
        )
    return {
        "modality": modality,
        "label_names": tuple(meta["label_names"]),
        "seed": meta["seed"],
        "curves": from_plain(meta["curves"], tuple[LossCurve, ...]),
        "notes": tuple(meta["notes"]),
    }


def _translator_data(fitted: FittedTranslator) -> tuple[Arrays, Meta]:
    arrays, meta = fitted.data()
    if fitted.preprocessing is None:
        return arrays, meta
    inner, inner_meta = _preprocessing_data(fitted.preprocessing)
    return arrays | _nested("preprocessing", inner), meta | {"preprocessing": inner_meta}


def _translator_from(arrays: Arrays, meta: Meta) -> FittedTranslator:
    inner = _within("preprocessing", arrays)
    preprocessing = _preprocessing_from(inner, meta["preprocessing"]) if inner else None
    return FittedTranslator.from_data(arrays, meta, preprocessing)


def _coupling_data(coupling: Coupling) -> tuple[Arrays, Meta]:
    arrays: dict[str, np.ndarray] = {}
    entries = []
    for index, (label, block) in enumerate(coupling.blocks.items()):
        part, entry = _block_data(block)
        arrays |= _nested(f"b{index}", part)
        entries.append({"label": label, "kind": type(block).__name__, **entry})
    return arrays, {"blocks": entries, "statuses": to_plain(coupling.statuses)}


def _coupling_from(arrays: Arrays, meta: Meta, source: ScoredModality, target: ScoredModality) -> Coupling:
    blocks = {
        entry["label"]: _block_from(entry, _within(f"b{index}", arrays)) for index, entry in enumerate(meta["blocks"])
    }
    return Coupling(source, target, blocks, from_plain(meta["statuses"], tuple[Status, ...]))


def _block_data(block: Block) -> tuple[Arrays, Meta]:
    if isinstance(block, SparseBlock):
        part = {"data": block.P.data, "indices": block.P.indices, "indptr": block.P.indptr}
        return part, {"shape": list(block.shape)}
    if isinstance(block, PotentialBlock | DenseBlock):
        values = _attributes(block, *(each.name for each in fields(block) if each.compare))  # what makes the plan
        part = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        return part, {name: value for name, value in values.items() if name not in part}
    raise PsmatchError(f"A {type(block).__name__} has no file format.", hint="Use one of the three storages.")


def _block_from(entry: Meta, part: Arrays) -> Block:
    if entry["kind"] == "SparseBlock":
        return SparseBlock(_csr(part, entry["shape"]))
    if entry["kind"] == "DenseBlock":
        return DenseBlock(part["P"])
    points, potentials, masses = (part["x"], part["y"]), (part["f"], part["g"]), (part["a"], part["b"])
    return PotentialBlock(*points, *potentials, float(entry["epsilon"]), *masses, str(entry["cost"]))


def _attributes(result: object, *names: str) -> dict[str, Any]:
    return {name: getattr(result, name) for name in names}


def _entries(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: data[name] for name in names}


def _nested(name: str, arrays: Arrays) -> dict[str, np.ndarray]:
    """Arrays of a part, named as in ``fitted/weights``."""
    return {f"{name}/{key}": value for key, value in arrays.items()}


def _within(name: str, arrays: Arrays) -> dict[str, np.ndarray]:
    return {key.partition("/")[2]: value for key, value in arrays.items() if key.startswith(f"{name}/")}


def _csr(arrays: Arrays, shape: list[int]) -> sparse.csr_matrix:
    return sparse.csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=tuple(shape))


def _image_shape(meta: Meta) -> ImageShape | None:
    shape = meta.get("image_shape")  # results of earlier versions have none
    return (shape[0], shape[1], shape[2]) if shape else None


def _arrays_only(kind: str, result: type[Any]) -> ResultFormat:
    """The format of a result that is nothing but arrays."""
    names = [each.name for each in fields(result)]
    return ResultFormat(
        kind,
        result,
        lambda found: (_attributes(found, *names), {}),
        lambda arrays, _: result(**_entries(arrays, *names)),
    )


FORMATS = (
    ResultFormat("modality", Modality, _modality_data, _modality_from, version=2),
    ResultFormat("preprocessing", FittedPreprocessing, _preprocessing_data, _preprocessing_from),
    ResultFormat("propensity model", PropensityModel, _propensity_data, _propensity_from),
    ResultFormat("joint latents", JointLatents, _latents_data, _latents_from),
    ResultFormat("coupling", Coupling, _coupling_data, _coupling_from),
    ResultFormat("translator", FittedTranslator, _translator_data, _translator_from, version=2),
    _arrays_only("map of scores", ScoreMap),
    _arrays_only("halves", HalfScores),
    _arrays_only("held-out scores", HeldOutScores),
    _arrays_only("linked positions", LinkedPositions),
)
