"""Fuzzing of the readers: ``python -m benchmarks.fuzz [--count 1000] [--reader h5ad] [--seconds 600]``.

Mutants of good files are read by a worker process, as ``inspect`` reads them, and at most 10 s of the processor are
spent on each. Counted are the answers by their code, deaths of the worker (a crash or the time limit: in the product
its parent answers), answers of the catch-all (PM-F62), and mutants that load with other values than the good file
without any word that the good file does not get. Prints the counts, and with ``--out`` writes them as JSON.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from pathlib import Path
from typing import Any

from benchmarks.fuzz_mutants import mutant

READERS = ("h5ad", "csv", "csv.gz", "npz", "h5mu", "loom", "zarr.zip", "mtx.zip")
LIMIT_S, LIMIT_MB = 10.0, 2048
LABEL = "cell_type"


def good_files(folder: Path) -> dict[str, list[Path]]:
    """Good files of each kind: h5ad dense, sparse, by column, compressed, with checksums; tables; npz."""
    import anndata
    import h5py
    import numpy as np
    import pandas as pd
    from scipy import sparse

    rng = np.random.default_rng(0)
    X = rng.poisson(3.0, (40, 12)).astype(np.float32)
    X[::2, 0] += 9
    cells = [f"AAAC{i:02d}GT-1" for i in range(40)]
    obs = pd.DataFrame({LABEL: pd.Categorical(["B", "T"] * 20), "batch": [1, 1, 2, 2] * 10}, index=cells)
    var = pd.DataFrame(index=[f"G{i}" for i in range(12)])
    found: dict[str, list[Path]] = {each: [] for each in READERS}
    for name, values, packed in (
        ("dense", X, None),
        ("csr", sparse.csr_matrix(X), None),
        ("csc", sparse.csc_matrix(X), "gzip"),
        ("packed", X, "lzf"),
    ):
        path = folder / f"{name}.h5ad"
        adata = anndata.AnnData(values, obs=obs, var=var, layers={"counts": values}, obsm={"X_pca": X[:, :2]})
        adata.write_h5ad(path, compression=packed)
        found["h5ad"].append(path)
    path = folder / "checked.h5ad"  # as our own exports could be: each chunk carries its checksum
    path.write_bytes((folder / "dense.h5ad").read_bytes())
    with h5py.File(path, "a") as file:
        del file["X"]
        file.create_dataset("X", data=X, chunks=(10, 12), compression="gzip", fletcher32=True)
    found["h5ad"].append(path)
    table = pd.concat([obs[[LABEL]], pd.DataFrame(X, index=cells, columns=var.index)], axis=1)
    for kind in ("csv", "csv.gz"):
        path = folder / f"table.{kind}"
        table.to_csv(path, index_label="cell")
        found[kind].append(path)
    for save in (np.savez, np.savez_compressed):
        path = folder / f"{save.__name__}.npz"
        names = {"obs_names": np.array(cells), "var_names": np.array(list(var.index), dtype=str)}
        save(path, X=X, **names, **{LABEL: np.array(["B", "T"] * 20)})  # type: ignore[arg-type]
        found["npz"].append(path)
    adata = anndata.AnnData(X, obs=obs, var=var, obsm={"protein": pd.DataFrame(X[:, :3], cells, ["A", "B", "C"])})
    found["h5mu"].append(_h5mu(folder / "two.h5mu", adata))
    found["loom"].append(_loom(folder / "good.loom", adata))
    found["zarr.zip"] += [_zarr(folder, adata, version) for version in (2, 3)]
    found["mtx.zip"].append(_mtx(folder / "good.mtx.zip", adata))
    return found


def _h5mu(path: Path, adata: Any) -> Path:
    """Two modalities, as mudata writes them; by h5py, since the benchmarks do not need mudata."""
    import h5py

    adata.write_h5ad(path)
    with h5py.File(path, "a") as file:
        for name in ("rna", "prot"):
            group = file.create_group(f"mod/{name}")
            for each in list(file):
                if each != "mod":
                    file.copy(each, group)
        for each in set(file) - {"mod", "obs"}:
            del file[each]
        file["mod"].attrs["mod-order"] = ["rna", "prot"]
    return path


def _loom(path: Path, adata: Any) -> Path:
    import h5py

    with h5py.File(path, "w") as file:
        file["matrix"] = adata.X.T
        columns = {
            "col_attrs/CellID": adata.obs_names,
            "row_attrs/Gene": adata.var_names,
            f"col_attrs/{LABEL}": adata.obs[LABEL],
        }
        for place, values in columns.items():
            file.create_dataset(place, data=list(values), dtype=h5py.string_dtype())
    return path


def _zarr(folder: Path, adata: Any, version: int) -> Path:
    import anndata

    anndata.settings.zarr_write_format = version
    store = folder / f"z{version}.zarr"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of defaults that will change
        adata.write_zarr(store)
    return _packed(folder / f"z{version}.zarr.zip", {each: each.relative_to(store) for each in store.rglob("*")})


def _mtx(path: Path, adata: Any) -> Path:
    from scipy import io, sparse

    place = path.with_suffix("")
    place.mkdir()
    io.mmwrite(place / "matrix.mtx", sparse.coo_matrix(adata.X.T.astype(int)))
    for name, values in (
        ("barcodes.tsv", adata.obs_names),
        ("genes.tsv", [f"E{i}\t{n}" for i, n in enumerate(adata.var_names)]),
    ):
        (place / name).write_text("\n".join(values) + "\n")
    return _packed(path, {each: each.relative_to(place) for each in place.iterdir()})


def _packed(path: Path, files: dict[Path, Path]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for each, name in files.items():
            if each.is_file():
                archive.write(each, name)
    return path


def work() -> None:
    """The worker: a path on each line of stdin, an answer in JSON on each line of stdout."""
    import resource
    import signal

    from psmatch_core.data.readers.inspection import open_chosen, summarise

    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_MB * 2**20,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        signal.setitimer(signal.ITIMER_PROF, LIMIT_S)  # of the processor; its signal ends this process
        print(json.dumps(_answer(path, summarise, open_chosen)), flush=True)
        signal.setitimer(signal.ITIMER_PROF, 0)


def _answer(path: Path, inspect: Any, opened: Any) -> dict[str, Any]:
    import traceback

    from psmatch_core.base.errors import PsmatchError
    from psmatch_core.data.readers.data_spec import DataSpec

    has_labels = not path.name.endswith("mtx.zip")
    spec = DataSpec(path=str(path), label_key=LABEL if has_labels else "", part="rna" if path.suffix == ".h5mu" else "")
    try:
        summary = inspect(spec, path.name, memory_mb=LIMIT_MB).to_dict()
        source, _ = opened(spec, path.name, memory_mb=LIMIT_MB)
        try:
            usable = [each["key"] for each in summary["matrices"] if each["kind"] != "unusable"]
            digest = _digest(source, usable[0])
        finally:
            source.close()
    except PsmatchError as error:
        return {"code": error.code, "text": str(error)}
    except MemoryError:
        return {"code": "PM-F63", "text": "memory"}
    except Exception as error:
        inner = [each for each in traceback.extract_tb(error.__traceback__) if "psmatch_core" in each.filename]
        place = f"{Path(inner[-1].filename).name}:{inner[-1].name}" if inner else "?"
        return {"code": "PM-F62", "text": f"{type(error).__name__} in {place}: {str(error)[:80]}"}
    return {"code": "", "findings": sorted(each["code"] for each in summary["findings"]), "digest": digest}


def _digest(source: Any, matrix: str) -> str:
    """A hash of everything that a run would take from the file."""
    import numpy as np

    X = source.whole(matrix)
    dense = np.asarray(X.todense() if hasattr(X, "todense") else X, dtype=np.float64)
    digest = hashlib.sha256(np.ascontiguousarray(dense).tobytes())
    labels = [source.column(LABEL).astype(str)] if LABEL in source.column_names else []
    for names in (source.obs_names, source.var_names(matrix), *labels):
        digest.update("\x1f".join(map(str, names)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


class Worker:
    """A process that reads files, started again when it dies."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def ask(self, path: Path) -> dict[str, Any]:
        """The answer of the worker; its death is one too."""
        if self._process is None:
            command = [sys.executable, "-c", "from benchmarks.fuzz import work; work()"]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        ended = self._process.wait()
        self._process = None
        return {"code": "time limit" if ended == -27 else "crash", "text": f"signal {-ended}"}

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def fuzz(reader: str, count: int, *, seed: int = 0, seconds: float = 1e9) -> dict[str, Any]:
    """Read ``count`` mutants of the good files of a reader, or as many as ``seconds`` allow, and count the answers."""
    codes: collections.Counter[str] = collections.Counter()
    causes: collections.Counter[str] = collections.Counter()
    silent, same, slowest, done, started = [], 0, 0.0, 0, time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="psmatch-fuzz-") as name:
        folder, worker = Path(name), Worker()
        files = good_files(folder)[reader]
        good = {path: worker.ask(path) for path in files}
        assert all(each["code"] == "" for each in good.values()), good
        try:
            for number in range(count):
                if time.perf_counter() - started > seconds:
                    break
                rng = random.Random(f"{reader} {seed} {number}")
                base = rng.choice(files)
                path = folder / f"m.{reader}"
                data, are_bytes = mutant(base.read_bytes(), reader, rng, folder / "scratch.h5")
                path.write_bytes(data)
                before = time.perf_counter()
                answer = worker.ask(path)
                slowest = max(slowest, time.perf_counter() - before)
                done += 1
                code = answer["code"]
                if code:
                    codes[code] += 1
                    causes[f"{code} {answer['text']}" if code in ("PM-F62", "crash", "time limit") else code] += 1
                elif answer["digest"] == good[base]["digest"]:
                    same += 1
                elif set(answer["findings"]) - set(good[base]["findings"]):
                    codes["other values, said"] += 1
                else:
                    silent.append((number, base.name, are_bytes))
        finally:
            worker.close()
    taken = time.perf_counter() - started
    return {
        "reader": reader,
        "seed": seed,
        "mutants": done,
        "per_second": round(done / taken, 1),
        "slowest_s": round(slowest, 2),
        "same_values": same,
        "other_values_without_a_word": len(silent),
        "of_these_by_changed_bytes": sum(are_bytes for _, _, are_bytes in silent),
        "silent_bases": dict(collections.Counter(base for _, base, are_bytes in silent if are_bytes)),
        "silent_examples": silent[:20],
        "codes": dict(codes.most_common()),
        "top_causes": causes.most_common(20),
    }


def main() -> int:
    """Fuzz the readers that are asked for, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="mutants of each reader")
    parser.add_argument("--reader", choices=READERS, action="append", help="default: all")
    parser.add_argument("--seconds", type=float, default=1e9, help="end each reader after this time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the counts as JSON")
    options = parser.parse_args()
    results = []
    for reader in options.reader or READERS:
        results.append(fuzz(reader, options.count, seed=options.seed, seconds=options.seconds))
        print(json.dumps(results[-1], indent=1), flush=True)
    if options.out:
        options.out.write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
