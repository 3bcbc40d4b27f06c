"""export: everything of a run as files to download: pairs, coupling, translations, tables, recipe, and a zip of all."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

from psmatch_core.base import disk
from psmatch_core.base.errors import plural
from psmatch_core.base.h5ad_elements import H5adContent, write_h5ad
from psmatch_core.base.progress import UNHEARD, Event, Progress, StagePart, silent
from psmatch_core.data.feature_names import with_ids
from psmatch_core.data.images import SHAPE_KEY
from psmatch_core.data.original_columns import with_originals
from psmatch_core.evaluation.evaluate import INFLATED
from psmatch_core.evaluation.within_labels import NO_ACCURACY, accuracy_in_words, accuracy_table
from psmatch_core.exports.matched_h5mu import MATCHED_FILE, write_matched
from psmatch_core.exports.pairs import choose_pairs, verdict_columns
from psmatch_core.exports.post_conditions import check_exports
from psmatch_core.exports.provenance import lines_to_repeat, portable_recipe, provenance
from psmatch_core.exports.tables import escape_formulas
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.run import Run
from psmatch_core.translation.translate import DIRECTIONS, Translation

EXPORT_ARCHIVE = "psmatch-export.zip"
COMPRESSED = (".h5ad", ".h5mu", ".npz", ".parquet")  # files whose content is compressed already
MOST_FILES = 16  # that an export can hold beside the zip; progress is a share of them


def coupling_content(run: Run, *, part: StagePart = UNHEARD) -> H5adContent:
    """The coupling as source cells × target cells, sparse; its total mass is 1 less ``uns["left_out_mass"]``."""
    matrix = run.coupling.to_sparse(smallest=run.recipe.exports.smallest, part=part)
    obs, var = (
        with_originals(
            side.obs,
            side.obs_names,
            {"label": pd.Categorical(side.labels), **more, **verdict_columns(side.labels, run.monitor)},
        )
        for side, more in ((run.source, {"n_effective": run.coupling.n_effective}), (run.target, {}))
    )
    uns = {
        **provenance(run),
        "weights": "whole coupling: each row sums to 1 / matched source cells; divide it by its sum to get weights",
        "smallest_kept_share_of_row": run.recipe.exports.smallest,
        "left_out_mass": 1 - float(matrix.sum()),
    }
    return H5adContent(X=matrix, obs=obs, var=var, uns=uns)


def translation_content(run: Run, translation: Translation) -> H5adContent:
    """Translated features; rows of cells without a match are NaN, and ``obs["has_match"]`` is false for them."""
    at = translation.at
    results = {"label": pd.Categorical(at.labels), "has_match": translation.has_match}
    obs = with_originals(at.obs, at.obs_names, results)
    uns = {
        **provenance(run),
        "direction": translation.direction,
        "meaning": describe_translation(at.name, translation.of.name),
        "translator": json.dumps(translation.translator.to_dict()),
    }
    if translation.of.image_shape is not None:
        uns[SHAPE_KEY] = np.array(translation.of.image_shape)
    accuracy = run.accuracy.get(translation.direction, ())
    columns = accuracy[0].table().drop(columns="feature").iloc[1:].to_dict("list") if accuracy else {}
    if translation.of.feature_ids is not None:
        columns = {"feature_id": translation.of.feature_ids, **columns}
    var = with_originals(translation.of.var, translation.of.var_names, columns)
    return H5adContent(X=translation.values.astype(np.float32, copy=False), obs=obs, var=var, uns=uns)


def describe_translation(at: str, of: str) -> str:
    """What a translation holds, with the names of both modalities."""
    return f"{of} features predicted at {at} cells"


def export(run: Run, folder: Path | str, *, progress: Progress = silent) -> Path:
    """Write all exports of a run into a folder, and one zip with all of them.

    ``pairs.csv``, ``pairs.parquet``, ``coupling.h5ad``, ``matched.h5mu`` if ``exports.h5mu`` asks for it,
    ``translation_target_to_source.h5ad`` (target features at
    source cells) and ``translation_source_to_target.h5ad``, ``translation_r2_….csv`` (R² within labels of each feature,
    beside the uniform plan) if pairs are known, ``translator_….npz`` if the translator was trained, ``labels.csv``,
    ``excluded_cells.csv``, ``evaluation.csv`` if pairs are known, ``recipe.json``, ``reproduce.py``, ``README.txt``.

    Returns
    -------
    The folder.

    Raises
    ------
    PsmatchError
        If the result breaks a rule (:func:`~psmatch_core.exports.post_conditions.check_exports`); nothing is written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> place = Path(tempfile.mkdtemp())
    >>> quick = psmatch.Recipe(classifier=psmatch.LinearClassifier(strength=0.05))
    >>> written = psmatch.export(psmatch.run(quick, source, target), place / "my-run")
    >>> sorted(path.name for path in written.iterdir())[:3]
    ['README.txt', 'coupling.h5ad', 'excluded_cells.csv']
    """
    folder = Path(folder)
    files: list[Path] = []
    n_escaped = 0

    def add(path: Path) -> None:
        files.append(path)
        progress(Event("export", min(1.0, len(files) / MOST_FILES), path.name))

    def part(message: str, begun: float = 0.0) -> StagePart:
        """Half of the next file; what is done for it is told before it is done, since a large plan takes minutes."""
        start, stop = (min(1.0, (len(files) + share) / MOST_FILES) for share in (begun, begun + 0.5))
        progress(Event("export", start, message))
        return StagePart(progress, "export", message, start, stop)

    def add_csv(name: str, table: pd.DataFrame) -> None:
        nonlocal n_escaped
        safe, n_changed = escape_formulas(table)
        n_escaped += n_changed
        add(disk.write_whole(folder / name, lambda stream: safe.to_csv(stream, index=False, encoding="utf-8")))

    def add_pairs() -> None:
        choosing = part("pairs.csv: choosing pairs")
        pairs = choose_pairs(run.coupling, run.recipe.exports, seed=run.recipe.seed, part=choosing)
        check_exports(run, pairs)
        folder.mkdir(parents=True, exist_ok=True)
        pairs = pairs.assign(**verdict_columns(pairs["label"].to_numpy(), run.monitor))
        part(f"pairs.csv: writing {len(pairs):,} pairs", 0.5)
        add_csv("pairs.csv", pairs)
        add(disk.write_whole(folder / "pairs.parquet", lambda stream: pairs.to_parquet(stream, index=False)))

    add_pairs()  # of many cells they are gone before larger tables come
    content = coupling_content(run, part=part("coupling.h5ad: reading the plan"))
    writing = part(f"coupling.h5ad: writing {content.X.nnz:,} entries", 0.5)
    add(write_h5ad(content, folder / "coupling.h5ad", part=writing))
    del content
    if run.recipe.exports.h5mu != "none":
        part(f"{MATCHED_FILE}: writing")
        add(_write_matched(run, folder))
    for direction in DIRECTIONS:
        name = f"translation_{direction}.h5ad"
        translating = part(f"{name}: translating")
        translation, trained = run.translate(direction, progress=translating.hear), run.translators.get(direction)
        writing = part(f"{name}: writing", 0.5)
        add(write_h5ad(translation_content(run, translation), folder / name, part=writing))
        if accuracy := run.accuracy.get(direction):
            add_csv(f"translation_r2_{direction}.csv", with_ids(accuracy_table(accuracy), translation.of.id_by_name))
        if trained:
            add(result_files.save(trained, folder / f"translator_{direction}.npz"))
    add_csv("labels.csv", run.label_table)
    add_csv("excluded_cells.csv", run.excluded)
    if run.evaluation is not None:
        add_csv("evaluation.csv", _evaluation_table(run))
    command, script = lines_to_repeat(run)
    add(disk.write_json(folder / "recipe.json", portable_recipe(run.recipe)))
    add(disk.write_text(folder / "reproduce.py", script))
    readme = _readme(run, command, files, [*run.notes, *_export_notes(n_escaped)])
    add(disk.write_text(folder / "README.txt", readme))
    part(f"{EXPORT_ARCHIVE}: packing {len(files)} files")
    disk.write_whole(folder / EXPORT_ARCHIVE, lambda stream: _zip(stream, files))
    progress(Event("export", 1.0, EXPORT_ARCHIVE))
    return folder


def _write_matched(run: Run, folder: Path) -> Path:
    rules = run.recipe.exports
    return write_matched(
        run.coupling,
        (run.source, run.target),
        folder / MATCHED_FILE,
        values=rules.h5mu,
        rules=rules,
        monitor=run.monitor,
        seed=run.recipe.seed,
        uns=provenance(run),
    )


def _evaluation_table(run: Run) -> pd.DataFrame:
    """The metrics by label: first of held-out pairs, then of all pairs; the first column says which."""
    parts = {"held-out pairs": run.held_out_evaluation, f"all pairs, {INFLATED}": run.evaluation}
    tables = [each.table().assign(judged=name) for name, each in parts.items() if each is not None]
    table = pd.concat(tables, ignore_index=True)
    return table[["judged", *(name for name in table.columns if name != "judged")]]


def rebuild_archive(folder: Path) -> Path:
    """Zip all files that lie in an exports folder now."""
    files = [path for path in sorted(folder.iterdir()) if path.name != EXPORT_ARCHIVE and not path.name.startswith(".")]
    return disk.write_whole(folder / EXPORT_ARCHIVE, lambda stream: _zip(stream, files))


def _zip(stream: BinaryIO, files: list[Path]) -> None:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:  # compressing again what is compressed takes long and gains nothing
            archive.write(path, path.name, zipfile.ZIP_STORED if path.suffix in COMPRESSED else None)


def _export_notes(n_escaped: int) -> list[str]:
    if not n_escaped:
        return []
    return [
        f"{plural(n_escaped, 'text')} in the csv files would run as a formula in a spreadsheet (first character = "
        "+ - @) and got an apostrophe in front. The parquet and h5ad files hold them unchanged."
    ]


def _readme(run: Run, command: str, files: list[Path], notes: list[str]) -> str:
    return "\n".join(
        [
            f"Matched pairs of {run.source.name} (source) and {run.target.name} (target)",
            "",
            "The weight of a pair is its share of the source cell's mass, 0 to 1. Pairs are inferred, not measured.",
            "",
            f"{run.monitor.verdict.title} ({run.monitor.counted()} of {plural(len(run.monitor.labels), 'label')}):",
            *(f"- {reason}" for reason in run.monitor.reasons),
            "The columns verdict, agreement and flags of pairs and cells are those of their label. Agreement says how",
            "well the matches are reproduced from halves of the cells and of the features: 1 the same, 0 unrelated. It",
            "does not show that they are correct.",
            "",
            *(f"  {path.name}" for path in files),
            "",
            "To repeat the run, put the data files beside recipe.json and run",
            f"  {command}",
            "or use reproduce.py.",
            "",
            "What the matching adds to the prediction of features, over the mean of a cell's label:",
            *(f"- {line}" for line in accuracy_in_words(run.accuracy) or [NO_ACCURACY]),
            "",
            "Notes:",
            *(f"- {note}" for note in notes or ["none"]),
            "",
        ]
    )
