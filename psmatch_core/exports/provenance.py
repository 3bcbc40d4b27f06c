"""Where results come from: recipe, versions and inputs, and the lines that repeat the run."""

from __future__ import annotations

import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from psmatch_core.base.version import VERSION
from psmatch_core.data.modality import Modality
from psmatch_core.pipeline.recipe import DEMO_PREFIX, Recipe
from psmatch_core.pipeline.run import Run

PACKAGES = ("anndata", "numpy", "scipy", "scikit-learn", "torch", "scanpy", "POT", "numba", "umap-learn", "streamlit")


def provenance(run: Run) -> dict[str, Any]:
    """Recipe, versions, inputs, statuses and notes, as every exported h5ad holds them in ``uns``."""
    statuses = run.label_table[["label", "status", "note", "marginal_error", "verdict", "agreement", "flags"]]
    return {
        "recipe": json.dumps(portable_recipe(run.recipe)),
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


def portable_recipe(recipe: Recipe) -> dict[str, Any]:
    """The recipe with data files by name only: they are looked for beside it, and no server path is published."""
    data = recipe.to_dict()
    for spec in (data["source"], data["target"]):
        for key in ("path", "labels_path"):
            if spec and spec[key] and not spec[key].startswith(DEMO_PREFIX):
                spec[key] = Path(spec[key]).name
    return data


def lines_to_repeat(run: Run) -> tuple[str, str]:
    """The shell command and the Python script that repeat a run from its exported recipe."""
    if run.recipe.source is not None:
        lines = [
            "from pathlib import Path",
            "from psmatch_core import Recipe, export, run",
            "",
            'again = run(Recipe.read(Path("recipe.json")))  # the data files lie beside recipe.json',
            'export(again, "psmatch-again")',
        ]
        return "python -m psmatch_core run recipe.json --out psmatch-again", "\n".join(lines) + "\n"
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
    return "python reproduce.py", "\n".join(lines) + "\n"


def _reading_line(side: str, modality: Modality) -> str:
    arguments = f"label_key={modality.label_key!r}, name={modality.name!r}"
    return f'{side} = Modality.from_anndata(anndata.read_h5ad("{side}.h5ad"), {arguments})'
