"""Save and load every type of result: its arrays and its plain data in one array file, with its kind and version."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from psmatch_core.base.array_files import read_arrays, write_arrays
from psmatch_core.base.disk import of_this_version
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import FittedPreprocessing
from psmatch_core.evaluation.held_out_pairs import HeldOutScores
from psmatch_core.exploration.maps import ScoreMap
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.link import LinkedPositions
from psmatch_core.monitor.halves import HalfScores
from psmatch_core.pipeline.result_formats import FORMATS
from psmatch_core.translation.translators import FittedTranslator

Result = TypeVar("Result")


def save(result: object, path: Path | str) -> Path:
    """Write a result to a file, from which the ``load_…`` function of its type makes an equal one.

    Returns
    -------
    The file.

    Raises
    ------
    PsmatchError
        For anything that is not a modality, a fitted preprocessing, a scored modality, a coupling, a trained
        translator, a map of scores, or the scores of halves or of held-out pairs.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> place = Path(tempfile.mkdtemp())
    >>> psmatch.save(source, place / "source.npz").name
    'source.npz'
    """
    for each in FORMATS:
        if isinstance(result, each.result):
            arrays, meta = each.to_data(result)
            return write_arrays(Path(path), arrays, {**meta, "kind": each.kind, "version": each.version})
    raise PsmatchError(f"A {type(result).__name__} has no file format.", hint="Save a modality, a model or a coupling.")


def load_modality(path: Path | str) -> Modality:
    """The modality in a file.

    Returns
    -------
    The same modality.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> place = Path(tempfile.mkdtemp())
    >>> psmatch.load_modality(psmatch.save(source, place / "source.npz"))
    Modality(RNA: 1,000 cells × 200 features, dense, 13 labels)
    """
    return _load(path, Modality)


def load_preprocessing(path: Path | str) -> FittedPreprocessing:
    """The fitted preprocessing in a file.

    Returns
    -------
    The transform that was fitted, for new cells too.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> place = Path(tempfile.mkdtemp())
    >>> fitted = psmatch.Preprocessing(n_top_genes=50).fit(source)
    >>> psmatch.load_preprocessing(psmatch.save(fitted, place / "fitted.npz")).config
    Preprocessing(n_top_genes=50)
    """
    return _load(path, FittedPreprocessing)


def load_scored(path: Path | str, modality: Modality) -> ScoredModality:
    """The propensity model or the joint latents in a file, for the cells from which they were computed.

    Returns
    -------
    The same scores or latents.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> place = Path(tempfile.mkdtemp())
    >>> model = psmatch.fit_propensity(source, psmatch.LinearClassifier(strength=0.05))
    >>> psmatch.load_scored(psmatch.save(model, place / "model.npz"), source)
    PropensityModel(RNA: 13 labels, validation loss ... of ... nats, accuracy ...)
    """
    return _load(path, ScoredModality, modality)  # type: ignore[type-abstract]


def load_propensity(path: Path | str, modality: Modality) -> PropensityModel:
    """The propensity model in a file, for the cells from which it was computed.

    Returns
    -------
    The same model.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> place = Path(tempfile.mkdtemp())
    >>> model = psmatch.fit_propensity(source, psmatch.LinearClassifier(strength=0.05))
    >>> psmatch.load_propensity(psmatch.save(model, place / "model.npz"), source)
    PropensityModel(RNA: 13 labels, validation loss ... of ... nats, accuracy ...)
    """
    return _load(path, PropensityModel, modality)


def load_coupling(path: Path | str, source: ScoredModality, target: ScoredModality) -> Coupling:
    """The coupling in a file, between the models from which it was computed.

    Returns
    -------
    The same coupling.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> quick = psmatch.LinearClassifier(strength=0.05)
    >>> models = [psmatch.fit_propensity(each, quick) for each in (source, target)]
    >>> coupling = psmatch.match(*models)
    >>> place = Path(tempfile.mkdtemp())
    >>> path = psmatch.save(coupling, place / "coupling.npz")
    >>> psmatch.load_coupling(path, *models)
    Coupling(RNA → Image: 13 labels, 1,000 × 850 cells, 0 needing attention)
    """
    return _load(path, Coupling, source, target)


def load_translator(path: Path | str) -> FittedTranslator:
    """The trained translator in a file, with the preprocessing of its input modality where it has one.

    Returns
    -------
    The same translator.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> quick = psmatch.LinearClassifier(strength=0.05)
    >>> models = [psmatch.fit_propensity(each, quick) for each in (source, target)]
    >>> coupling = psmatch.match(*models)
    >>> place = Path(tempfile.mkdtemp())
    >>> fitted = psmatch.fit_translator(coupling, psmatch.RidgeTranslator())
    >>> psmatch.load_translator(psmatch.save(fitted, place / "translator.npz"))
    FittedTranslator(target_to_source: Image features from RNA cells, trained on 800 cells, 200 held out)
    """
    return _load(path, FittedTranslator)


def load_score_map(path: Path | str) -> ScoreMap:
    """The map of scores in a file."""
    return _load(path, ScoreMap)


def load_halves(path: Path | str) -> HalfScores:
    """The scores of two classifiers, each trained on one half of the cells, in a file."""
    return _load(path, HalfScores)


def load_linked(path: Path | str) -> LinkedPositions:
    """The linked positions of one modality in a file."""
    return _load(path, LinkedPositions)


def load_held_out_scores(path: Path | str) -> HeldOutScores:
    """The scores of held-out pairs in a file."""
    return _load(path, HeldOutScores)


@of_this_version
def _load(path: Path | str, result: type[Result], *refers_to: object) -> Result:
    """The result of a type in a file, with the results that it refers to.

    Raises
    ------
    PsmatchError
        If the file is missing or damaged, holds another kind of result, or is of a later version.
    """
    name = Path(path).name
    arrays, meta = read_arrays(Path(path))
    wanted = [each for each in FORMATS if issubclass(each.result, result)]
    kind = meta.get("kind", wanted[0].kind)  # files of earlier versions name no kind but joint latents
    for each in wanted:
        if each.kind == kind:
            if meta.get("version", 1) > each.version:
                raise PsmatchError(f"{name} was written by a later version.", hint="Update the program to open it.")
            found: Result = each.from_data(arrays, meta, *refers_to)
            return found
    raise PsmatchError(
        f"{name} holds no {wanted[0].kind}: its content is of the kind {kind!r}.", hint="Give another file."
    )
