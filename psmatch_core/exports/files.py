"""What a run leaves for others: pairs, coupling, translation, recipe, and the lines that repeat it."""

from __future__ import annotations

import json
import platform
import zipfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from psmatch_core.base import disk
from psmatch_core.base.errors import plural
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.version import VERSION
from psmatch_core.data.images import SHAPE_KEY
from psmatch_core.data.modality import Modality
from psmatch_core.exports.pairs import Pairs, choose_pairs, guarded
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.recipe import DEMO_PREFIX, Recipe
from psmatch_core.pipeline.run import Run
from psmatch_core.translation.fit import translation_quality
from psmatch_core.translation.translate import TO_SOURCE, TO_TARGET, Translation
from psmatch_core.translation.translators import r2_table

if TYPE_CHECKING:
    from anndata import AnnData

ARCHIVE = "psmatch-export.zip"
PACKAGES = ("anndata", "numpy", "scipy", "scikit-learn", "torch", "scanpy", "POT", "numba", "umap-learn", "streamlit")


def coupling_anndata(run: Run) -> AnnData:
    """The coupling as source cells × target cells, sparse, total mass 1 less what ``uns`` says was left out."""
    from anndata import AnnData

    matrix = run.coupling.to_sparse(smallest=run.recipe.exports.smallest)
    obs = pd.DataFrame(
        {"label": pd.Categorical(run.source.labels), "n_effective": run.coupling.n_effective},
        index=run.source.obs_names,
    )
    var = pd.DataFrame({"label": pd.Categorical(run.target.labels)}, index=run.target.obs_names)
    left_out = 1 - float(matrix.sum())
    uns = {
        **provenance(run),
        "weights": "whole coupling: a row sums to 1 / matched source cells; divide it by its sum for weights",
        "smallest_kept_share_of_row": run.recipe.exports.smallest,
        "left_out_mass": left_out,
    }
    return AnnData(X=matrix, obs=obs, var=var, uns=uns)


def translation_anndata(run: Run, translation: Translation) -> AnnData:
    """Translated features as an AnnData; rows of cells without a match are NaN and marked in ``obs``."""
    from anndata import AnnData

    at = translation.at
    obs = pd.DataFrame({"label": pd.Categorical(at.labels), "has_match": translation.has_match}, index=at.obs_names)
    uns = {
        **provenance(run),
        "direction": translation.direction,
        "meaning": meaning_of(at.name, translation.of.name),
        "translator": json.dumps(translation.translator.to_dict()),
    }
    if translation.of.image_shape is not None:
        uns[SHAPE_KEY] = np.array(translation.of.image_shape)
    var = pd.DataFrame(index=translation.of.var_names)
    return AnnData(X=translation.values.astype(np.float32), obs=obs, var=var, uns=uns)


def meaning_of(at: str, of: str) -> str:
    """What a translation holds, in words that name both modalities."""
    return f"{of} features predicted at {at} cells"


def provenance(run: Run) -> dict[str, Any]:
    """Recipe, versions, inputs and statuses, as every exported file carries them."""
    statuses = run.label_table[["label", "status", "note", "marginal_error"]]
    return {
        "recipe": json.dumps(portable_recipe(run)),
        "versions": versions(),
        "source": {"name": run.source.name, "fingerprint": run.source.fingerprint},
        "target": {"name": run.target.name, "fingerprint": run.target.fingerprint},
        "label_status": statuses.to_json(orient="records"),
        "notes": list(run.notes),
    }


def versions() -> dict[str, str]:
    """Versions of the program, of Python and of the libraries."""
    found = {"python": platform.python_version()}
    for package in ("psmatch", *PACKAGES):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = VERSION if package == "psmatch" else "not installed"
    return found


def portable_recipe(run: Run) -> dict[str, Any]:
    """The recipe with data files by name only: they are looked for beside it, and no folder of a server is told."""
    return portable(run.recipe)


def portable(recipe: Recipe) -> dict[str, Any]:
    """See :func:`portable_recipe`."""
    data = recipe.to_dict()
    for side in ("source", "target"):
        if data[side]:
            for key in ("path", "labels_path"):
                path = data[side][key]
                if path and not path.startswith(DEMO_PREFIX):
                    data[side][key] = Path(path).name
    return data


def reproduction(run: Run) -> tuple[str, str]:
    """The command and the Python lines that repeat the run."""
    command = "python -m psmatch_core run recipe.json --out psmatch-again"
    if run.recipe.source is not None:
        lines = [
            "from pathlib import Path",
            "from psmatch_core import Recipe, export, run",
            "",
            'again = run(Recipe.read(Path("recipe.json")))  # the data files lie beside recipe.json',
            'export(again, "psmatch-again")',
        ]
    else:
        lines = [
            "import anndata",
            "from pathlib import Path",
            "from psmatch_core import Modality, Recipe, export, run",
            "",
            'recipe = Recipe.read(Path("recipe.json"))',
            "# source.h5ad and target.h5ad: the AnnData objects that you matched",
            *(_reading_line(side, modality) for side, modality in (("source", run.source), ("target", run.target))),
            "again = run(recipe, source, target)",
            'export(again, "psmatch-again")',
        ]
        command = "python reproduce.py"
    return command, "\n".join(lines) + "\n"


def _reading_line(side: str, modality: Modality) -> str:
    arguments = f"label_key={modality.label_key!r}, name={modality.name!r}"
    return f'{side} = Modality.from_anndata(anndata.read_h5ad("{side}.h5ad"), {arguments})'


def export(run: Run, folder: Path | str, *, progress: Progress = silent) -> Path:
    """Write every export of a run into a folder, and all of them as one zip.

    ``pairs.csv``, ``pairs.parquet``, ``coupling.h5ad``, ``translation_target_to_source.h5ad`` (target features at
    source cells) and ``translation_source_to_target.h5ad``, with ``translation_r2_….csv`` (R² of each feature) where it
    could be judged and ``translator_….npz`` where the translator was trained, ``labels.csv``,
    ``excluded_cells.csv``, ``evaluation.csv`` where pairs are known, ``recipe.json``, ``reproduce.py``, ``README.txt``.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    chosen = choose_pairs(run.coupling, run.recipe.exports, seed=run.recipe.seed)
    pairs = chosen.table
    written: list[Path] = []

    def told(path: Path) -> None:
        written.append(path)
        progress(Event("export", min(1.0, len(written) / 13), path.name))

    told(_csv(pairs, folder / "pairs.csv"))
    told(disk.write_whole(folder / "pairs.parquet", lambda stream: pairs.to_parquet(stream, index=False)))
    told(write_h5ad(coupling_anndata(run), folder / "coupling.h5ad"))
    for direction in (TO_SOURCE, TO_TARGET):
        translation, trained = run.translate(direction), run.translators.get(direction)
        told(write_h5ad(translation_anndata(run, translation), folder / f"translation_{direction}.h5ad"))
        quality = trained.quality if trained else translation_quality(translation)
        if quality:
            told(_csv(r2_table(quality), folder / f"translation_r2_{direction}.csv"))
        if trained:
            told(result_files.save(trained, folder / f"translator_{direction}.npz"))
    told(_csv(run.label_table, folder / "labels.csv"))
    told(_csv(run.excluded, folder / "excluded_cells.csv"))
    if run.evaluation is not None:
        told(_csv(run.evaluation.table(), folder / "evaluation.csv"))
    command, lines = reproduction(run)
    told(disk.write_json(folder / "recipe.json", portable_recipe(run)))
    told(disk.write_text(folder / "reproduce.py", lines))
    n_guarded = sum(guarded(table)[1] for table in (pairs, run.label_table, run.excluded))
    told(disk.write_text(folder / "README.txt", _readme(run, command, written, chosen, n_guarded)))
    disk.write_whole(folder / ARCHIVE, lambda stream: _zip(stream, written))
    progress(Event("export", 1.0, ARCHIVE))
    return folder


def zip_again(folder: Path) -> Path:
    """The archive of an exports folder made anew of all files that lie there now."""
    files = [path for path in sorted(folder.iterdir()) if path.name != ARCHIVE and not path.name.startswith(".")]
    return disk.write_whole(folder / ARCHIVE, lambda stream: _zip(stream, files))


def _csv(table: pd.DataFrame, path: Path) -> Path:
    return disk.write_text(path, guarded(table)[0].to_csv(index=False))


def write_h5ad(adata: AnnData, path: Path) -> Path:
    """Write an h5ad with compression, completely or not at all."""
    with disk.replacing(path) as partial:
        adata.write_h5ad(partial, compression="gzip", compression_opts=4)
    return path


def _zip(stream: Any, paths: list[Path]) -> None:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            archive.write(path, path.name)


def _readme(run: Run, command: str, written: list[Path], chosen: Pairs, n_guarded: int) -> str:
    files = "\n".join(f"  {path.name}" for path in written)
    notes = "\n".join(f"- {note}" for note in run.notes) or "- nothing"
    if chosen.n_left_out:
        notes += (
            f"\n- {plural(chosen.n_left_out, 'pair')} with less than {run.recipe.exports.least:.1%} of their source "
            f"cell's weight left out; {plural(chosen.n_unpaired, 'source cell')} with no pair left"
        )
    if n_guarded:
        notes += (
            f"\n- {plural(n_guarded, 'text')} in the csv files begin with one of = + - @, which spreadsheets run as a "
            "formula; an apostrophe stands before each. The parquet and h5ad files hold them unchanged"
        )
    repeat = f"To repeat it: put the data files beside recipe.json and run\n  {command}\n"
    return (
        f"Matched pairs of {run.source.name} (source) and {run.target.name} (target)\n\n"
        f"Weights are shares of a source cell's mass, 0 to 1. These pairs are inferred, not measured.\n\n{files}\n\n"
        f"{repeat}or use reproduce.py.\n\nNoticed on the way:\n{notes}\n"
    )
