"""Files for the tests of the readers: a valid one of each format, from which the damaged ones are derived."""

import json
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import Severity
from psmatch_core.data.readers import DataSpec, FileSummary
from psmatch_core.data.readers.inspection import summarise

N_CELLS, N_FEATURES = 60, 20
COUNTS = np.random.default_rng(0).poisson(3.0, (N_CELLS, N_FEATURES)).astype(np.float32)
COUNTS[::3, -1] += 6  # a marker of the first cell type, so that the labels mean something


def good_adata(X=None, **columns) -> anndata.AnnData:
    """60 cells, 20 genes, three cell types."""
    X = sparse.csr_matrix(COUNTS) if X is None else X
    index = [f"cell{i}" for i in range(X.shape[0])]
    types = pd.Categorical((["B cell", "T cell", "Mono"] * 1000)[: len(index)])
    obs = pd.DataFrame({"cell_type": types, **columns}, index=index)
    return anndata.AnnData(X=X, obs=obs, var=pd.DataFrame(index=[f"GENE{i}" for i in range(X.shape[1])]))


def write(folder: Path, adata=None, name="good.h5ad", **keywords) -> Path:
    """The file written by anndata itself."""
    path = folder / name
    (good_adata() if adata is None else adata).write_h5ad(path, **keywords)
    return path


def table(
    folder: Path, name="good.csv", *, separator=",", header=True, labels=True, encoding="utf-8", change=None
) -> Path:
    """A text table: cell names, labels if wanted, counts; ``change`` edits the list of lines."""
    adata = good_adata()
    lines = []
    if header:
        lines.append(separator.join(["cell", *(["cell_type"] if labels else []), *adata.var_names]))
    for cell, label, row in zip(adata.obs_names, adata.obs["cell_type"], COUNTS, strict=True):
        fields = [cell, *([label] if labels else []), *(f"{each:g}" for each in row)]
        lines.append(separator.join(fields))
    if change:
        lines = change(lines)
    path = folder / name
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


def look(path, label_key="cell_type", matrix="", labels_path="", name="", **settings) -> FileSummary:
    """Inspect without the child process, which has tests of its own and costs half a second each time."""
    spec = DataSpec(path=str(path), label_key=label_key, labels_path=str(labels_path), matrix=matrix or "X", **settings)
    found = summarise(spec, name or Path(path).name, memory_mb=1024, is_final=bool(matrix))
    return FileSummary.from_dict(json.loads(json.dumps(found.to_dict())))


def refusal(path, **keywords) -> str:
    """The message with which the file, or what is chosen of it, is refused, checked to read like one."""
    try:
        summary = look(path, **keywords)
    except PsmatchError as error:
        return readable(error)
    rejected = [each for each in summary.findings if each.severity is Severity.REJECT]
    assert rejected, "it is not refused"
    return readable(rejected[0].error())


def readable(error: PsmatchError) -> str:
    """The whole message, once it is short and free of the program's inner words."""
    text = str(error)
    assert len(text) <= 300, text
    assert error.code.startswith("PM-")
    for word in ("Traceback", "Error", "dtype", "object at", "h5py", "numpy.", "pandas.", "float32", "/tmp", "\\"):
        assert word not in text, text
    return text


def warnings_of(summary: FileSummary) -> str:
    """All warnings of a summary in one text."""
    assert all(each.severity is Severity.WARN and len(str(each)) <= 300 for each in summary.findings)
    return " ".join(str(each) for each in summary.findings)


STORAGES = {
    "csr": sparse.csr_matrix(COUNTS),
    "csc": sparse.csc_matrix(COUNTS),
    "csr64": sparse.csr_matrix(COUNTS.astype(np.float64) / 3),
    "dense": COUNTS / 3,
    "integers": COUNTS.astype(np.int32),
    "booleans": COUNTS > 3,
    "half": COUNTS.astype(np.float16),
    "big-endian": COUNTS.astype(">f4"),
}


def broken(path, change):
    """The file after ``change`` was made to it through h5py."""
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def replaced(place, values, **keywords):
    def change(file):
        attributes = dict(file[place].attrs)
        del file[place]
        file.create_dataset(place, data=values, **keywords).attrs.update(attributes)

    return change
