"""The whole CITE-seq study of P's Experiment 2 (GSE194122, about 90,000 cells), as mod1.h5ad and mod2.h5ad.

    python -m benchmarks.paper.download FOLDER
    python -m benchmarks.paper.experiment2 --full FOLDER

If a download breaks off, run the command again: it resumes where it stopped, as long as the server still has the same
file. A file gets its final name only when it is complete. Splitting the file takes a few GB of memory. GEO publishes no
checksum: give one with --sha256 if you know it; otherwise the checksum of the downloaded file is printed.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import http.client
import shutil
import sys
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from psmatch_core.base.errors import PsmatchError, some
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.cli.common import TerminalProgress
from psmatch_core.exports.files import write_h5ad

URL = (
    "https://ftp.ncbi.nlm.nih.gov/geo/series/GSE194nnn/GSE194122/suppl/"
    "GSE194122_openproblems_neurips2021_cite_BMMC_processed.h5ad.gz"
)
PARTS = {"mod1": "GEX", "mod2": "ADT"}  # files, and the var["feature_types"] that goes into each
LABEL = "cell_type"
CHUNK = 1 << 20  # bytes
PATIENCE = 60  # seconds without a byte
EVERY = 1.0  # seconds between two reports
CONTINUES = "Run the same command again: it resumes where it stopped."


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder for the files")
    parser.add_argument("--url", default=URL, help="another address of the file, such as a mirror")
    parser.add_argument("--sha256", default="", help="expected checksum of the file as it is downloaded")
    parser.add_argument("--label", default=LABEL, help="column of obs that becomes the label")
    options = parser.parse_args(arguments)
    try:
        for path in download(
            options.folder, options.url, options.sha256, label=options.label, progress=TerminalProgress()
        ):
            print(f"written: {path}")
    except PsmatchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def download(
    folder: Path, url: str = URL, sha256: str = "", *, label: str = LABEL, progress: Progress = silent
) -> list[Path]:
    """Fetch, check, unpack and split the study; what is already there is not made again.

    Raises
    ------
    PsmatchError
        Without a network, with a folder that cannot be written, a wrong checksum, or another kind of file.
    """
    done = [folder / f"{name}.h5ad" for name in PARTS]
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        packed = fetch(folder, url, sha256, progress=progress)
        whole = unpack(packed, progress=progress)
        if not all(path.exists() and path.stat().st_mtime >= whole.stat().st_mtime for path in done):
            split(whole, folder, label=label, progress=progress)
    return done


def fetch(folder: Path, url: str, sha256: str = "", *, progress: Progress = silent) -> Path:
    """The file behind ``url``, whole and checked; a part from before is gone on with."""
    name = unquote(Path(urlsplit(url).path).name)
    if urlsplit(url).scheme not in ("http", "https") or not name:
        raise PsmatchError(f"{url!r} is not the address of a file.", hint="Give an address as in https://host/file.gz.")
    path, part = folder / name, folder / f"{name}.part"
    if not path.exists():
        try:
            _transfer(url, part, progress)
        except urllib.error.HTTPError as error:
            raise PsmatchError(
                f"{urlsplit(url).netloc} answers {error.code} ({error.reason}) for {name}.",
                hint="Look for the file's present address on its page (GEO series GSE194122) and give it with --url.",
            ) from None
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
            raise PsmatchError(
                f"{urlsplit(url).netloc or url} cannot be reached, or the connection broke: "
                f"{getattr(error, 'reason', error)}.",
                hint=f"Connect to the internet. {CONTINUES} Or put {name}, downloaded elsewhere, into the folder.",
            ) from None
    came = path if path.exists() else part
    found = checksum(came, progress)
    if sha256 and found != sha256.strip().lower():
        raise PsmatchError(
            f"{came.name} is not the expected file: its SHA-256 is {found}, and {sha256} was asked for.",
            hint=f"Delete {came.name} and download it again, or correct --sha256.",
        )
    message = "as expected" if sha256 else f"SHA-256 {found}, nothing to compare it with"
    progress(Event("checksum", 1.0, message))
    if not sha256:
        print(f"{name}: {message}")
    came.replace(path)
    _validator(part).unlink(missing_ok=True)
    return path


def _transfer(url: str, part: Path, progress: Progress) -> None:
    """Bring ``part`` to its full length. A server that knows no ranges, or has another file now, starts over."""
    have = part.stat().st_size if part.exists() else 0
    known = _validator(part).read_text(encoding="utf-8") if have and _validator(part).exists() else ""
    headers = {"Accept-Encoding": "identity", "User-Agent": "psmatch benchmarks"}
    if known:  # without a word on which file the part is of, nothing can be put to it
        headers |= {"Range": f"bytes={have}-", "If-Range": known}
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        if error.code == 416 and error.headers.get("Content-Range", "").endswith(f"/{have}"):
            return  # nothing is missing
        if error.code != 416:
            raise
        part.unlink()
        return _transfer(url, part, progress)
    with answer:
        resumed = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        start = have if resumed else 0
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length else None
        _has_room(part.parent, (total or 0) - start)
        if have and not resumed:
            progress(Event("download again from the start", 0.0, "the server cannot go on, or its file has changed"))
        # a weak tag does not promise the same bytes (RFC 9110, section 13.1.5)
        tag = answer.headers.get("ETag", "")
        mark = tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")
        _validator(part).write_text(mark, encoding="utf-8")
        with part.open("ab" if resumed else "wb") as out:
            got = _copy(answer.read, out, start, total, f"download {part.stem}", progress)
    if total is not None and got < total:
        raise ConnectionError(f"{_size(got)} of {_size(total)} came")


def _validator(part: Path) -> Path:
    """Beside a part: by which mark the server knows the file that it is of."""
    return part.with_suffix(".mark")


def checksum(path: Path, progress: Progress = silent) -> str:
    """SHA-256 of a file, as hexadecimal text."""
    digest = hashlib.sha256()

    class Into:
        write = staticmethod(digest.update)

    with path.open("rb") as stream:
        _copy(stream.read, Into, 0, path.stat().st_size, "checksum", progress)
    return digest.hexdigest()


def unpack(packed: Path, *, progress: Progress = silent) -> Path:
    """The unpacked file next to a ``.gz``; an unpacked file is returned as it is."""
    if packed.suffix != ".gz":
        return packed
    whole = packed.with_suffix("")
    if whole.exists() and whole.stat().st_mtime >= packed.stat().st_mtime:
        return whole
    partial = whole.with_name(f"{whole.name}.part")
    try:
        with gzip.open(packed) as stream, partial.open("wb") as out:
            _copy(stream.read, out, 0, None, f"unpack {whole.name}", progress)
        partial.replace(whole)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise PsmatchError(
            f"{packed.name} cannot be unpacked: {error}.", hint=f"Delete {packed.name} and download it again."
        ) from None
    finally:
        partial.unlink(missing_ok=True)
    return whole


def split(whole: Path, folder: Path, *, label: str = LABEL, progress: Progress = silent) -> list[Path]:
    """One h5ad per modality, by ``var["feature_types"]``, with ``obs["label"]``; X and counts as they were."""
    import h5py  # these take a second: only who splits pays for it
    from anndata import AnnData
    from anndata.io import read_elem

    try:
        file = h5py.File(whole, "r")
    except OSError:
        raise PsmatchError(
            f"{whole.name} is no h5ad file.", hint="Give the address of the study's h5ad or h5ad.gz with --url."
        ) from None
    written = []
    with file:
        obs, var = read_elem(file["obs"]), read_elem(file["var"])
        for table, column in ((obs, label), (var, "feature_types")):
            if column not in table.columns:
                raise PsmatchError(
                    f"{whole.name}: there is no column {column!r}, only {some(table.columns, 12)}.",
                    hint="Choose the column of labels with --label, or another file with --url.",
                )
        obs["label"] = obs[label].astype(str).to_numpy()
        kinds = var["feature_types"].astype(str)
        for index, (name, kind) in enumerate(PARTS.items()):
            mine = (kinds == kind).to_numpy()
            if not mine.any():
                raise PsmatchError(
                    f"{whole.name}: no feature is of the type {kind}, only {some(sorted(set(kinds)))}.",
                    hint="Give the CITE-seq file of the study with --url.",
                )
            progress(Event("split", index / len(PARTS), f"{name}.h5ad: {mine.sum():,} features of type {kind}"))
            counts = file.get("layers/counts")
            adata = AnnData(
                X=read_elem(file["X"])[:, mine],  # one whole matrix at a time in memory
                obs=obs,
                var=var[mine],
                layers=None if counts is None else {"counts": read_elem(counts)[:, mine]},
            )
            written.append(write_h5ad(adata, folder / f"{name}.h5ad"))
    progress(Event("split", 1.0))
    return written


def _copy(
    read: Callable[[int], bytes], out: BinaryIO | Any, at: int, total: int | None, stage: str, progress: Progress
) -> int:
    """Copy all that ``read`` gives; how long the whole is then. Says every second how far it is."""
    begun = said = time.monotonic()
    start = at
    progress(Event(stage, at / total if total else 0.0, f"{_size(at)} are there" if at else ""))
    while chunk := read(CHUNK):
        out.write(chunk)
        at += len(chunk)
        now = time.monotonic()
        if now - said >= EVERY:
            said, pace = now, (at - start) / (now - begun)
            left = f" of {_size(total)}, about {(total - at) / pace / 60:.0f} min left" if total else ""
            progress(Event(stage, at / total if total else 0.0, f"{_size(at)}{left}, {_size(pace)}/s"))
    progress(Event(stage, 1.0 if total is None else at / total, _size(at)))
    return at


def _size(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:,.2f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:,.1f} MB"


def _has_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise PsmatchError(
            f"{folder.name}: {_size(needed)} are to come and {_size(free)} are free.",
            hint="Make room, or give a folder on another disk; the unpacked files take about as much again.",
        )


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Errors of the disk as messages."""
    try:
        yield
    except OSError as error:
        raise PsmatchError(
            f"{folder}: cannot be written ({error.strerror or error}).",
            hint=f"Give another folder, or make room there. {CONTINUES}",
        ) from None


if __name__ == "__main__":
    sys.exit(main())
