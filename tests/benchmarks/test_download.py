"""The downloader against a server in a thread that breaks off, knows ranges or not, and changes its file."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from benchmarks.paper import download as module
from benchmarks.paper.download import URL, download, fetch, main, split, unpack
from psmatch_core.base.errors import PsmatchError

NAME = "study.h5ad.gz"
N_RNA, N_ADT, N_CELLS = 30, 7, 40


class Server(ThreadingHTTPServer):
    """Serves one file; each answer is noted as (status, first byte)."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.knows_ranges = True
        self.has_tags = True
        self.breaks_after: int | None = None  # bytes, once
        self.claims: int | None = None  # a length that is not there
        self.answers: list[tuple[int, int]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{NAME}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, content = self.server, self.server.content
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if self.path != f"/{NAME}":
            return self.send_error(404, "Not Found")
        start = int(asked[1]) if asked and server.knows_ranges and self.headers.get("If-Range") == tag else 0
        status = 206 if start else 200
        if start >= len(content):
            status = 416
        server.answers.append((status, start))
        self.send_response(status)
        if server.has_tags:
            self.send_header("ETag", tag)
        if status == 416:
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(server.claims or len(content) - start))
        self.end_headers()
        body = content[start:]
        if server.breaks_after is not None:
            body, server.breaks_after = body[: server.breaks_after], None
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Nothing on the terminal of the tests."""


def study() -> anndata.AnnData:
    rng = np.random.default_rng(0)
    counts = sparse.csr_matrix(rng.poisson(1.0, (N_CELLS, N_RNA + N_ADT)).astype(np.float32))
    kinds = ["GEX"] * N_RNA + ["ADT"] * N_ADT
    obs = pd.DataFrame({"cell_type": np.resize(["B", "T"], N_CELLS)}, [f"c{i}" for i in range(N_CELLS)])
    var = pd.DataFrame({"feature_types": rng.permutation(kinds)}, [f"f{i}" for i in range(len(kinds))])
    return anndata.AnnData(X=counts.log1p(), obs=obs, var=var, layers={"counts": counts})


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("study") / "study.h5ad"
    study().write_h5ad(path)
    return gzip.compress(path.read_bytes(), mtime=0)


@pytest.fixture
def server(content: bytes):
    with Server(content) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# From the address to the two files


def test_the_study_comes_split_with_labels(server: Server, tmp_path: Path, content: bytes) -> None:
    paths = download(tmp_path, server.url, digest(content))
    assert [path.name for path in paths] == ["mod1.h5ad", "mod2.h5ad"]
    whole = study()
    for path, kind, n in zip(paths, ("GEX", "ADT"), (N_RNA, N_ADT), strict=True):
        part = anndata.read_h5ad(path)
        assert part.shape == (N_CELLS, n)
        expected = whole[:, whole.var["feature_types"] == kind]
        assert list(part.var_names) == list(expected.var_names)
        assert np.allclose(part.X.toarray(), expected.X.toarray())
        assert np.allclose(part.layers["counts"].toarray(), expected.layers["counts"].toarray())
        assert part.obs["label"].tolist() == whole.obs["cell_type"].tolist()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mod1.h5ad", "mod2.h5ad", "study.h5ad", NAME]


def test_what_is_there_is_not_made_again(server: Server, tmp_path: Path) -> None:
    first = [path.stat().st_mtime_ns for path in download(tmp_path, server.url)]
    again = [path.stat().st_mtime_ns for path in download(tmp_path, server.url)]
    assert first == again
    assert len(server.answers) == 1


def test_the_command_prints_what_it_wrote_and_the_checksum(server: Server, tmp_path: Path, capsys, content) -> None:
    assert main([str(tmp_path), "--url", server.url]) == 0
    out = capsys.readouterr().out
    assert f"SHA-256 {digest(content)}, nothing to compare it with" in out
    assert f"written: {tmp_path / 'mod2.h5ad'}" in out


def test_progress_tells_bytes_and_ends_at_1(server: Server, tmp_path: Path, content: bytes, monkeypatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0.0)
    monkeypatch.setattr(module, "CHUNK", 1000)
    events = []
    fetch(tmp_path, server.url, digest(content), progress=events.append)
    mine = [event for event in events if event.stage.startswith("download")]
    fractions = [event.fraction for event in mine]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert len(mine) > 3
    assert any("min left" in event.message for event in mine)


def test_the_default_address_is_that_of_the_study() -> None:
    assert URL.startswith("https://ftp.ncbi.nlm.nih.gov/geo/series/GSE194nnn/GSE194122/suppl/")
    assert URL.endswith("GSE194122_openproblems_neurips2021_cite_BMMC_processed.h5ad.gz")


# Interruptions


def test_a_broken_download_goes_on_where_it_stopped(server: Server, tmp_path: Path, content: bytes) -> None:
    server.breaks_after = 3000
    with pytest.raises(PsmatchError, match=r"the connection broke: 0\.0 MB of .* came") as caught:
        fetch(tmp_path, server.url)
    assert "resumes where it stopped" in caught.value.hint
    assert not (tmp_path / NAME).exists()  # never under its name before it is whole
    assert (tmp_path / f"{NAME}.part").read_bytes() == content[:3000]
    assert fetch(tmp_path, server.url, digest(content)).read_bytes() == content
    assert server.answers == [(200, 0), (206, 3000)]
    assert [each.name for each in tmp_path.iterdir()] == [NAME]


def test_a_part_that_is_whole_needs_no_byte(server: Server, tmp_path: Path, content: bytes) -> None:
    server.breaks_after = 3000
    with pytest.raises(PsmatchError):
        fetch(tmp_path, server.url)
    (tmp_path / f"{NAME}.part").write_bytes(content)
    assert fetch(tmp_path, server.url, digest(content)).read_bytes() == content
    assert server.answers[-1][0] == 416


@pytest.mark.parametrize("lacks", ["ranges", "tags"])
def test_a_server_that_cannot_go_on_starts_over_and_says_so(
    server: Server, tmp_path: Path, content: bytes, lacks: str
) -> None:
    server.knows_ranges, server.has_tags = lacks != "ranges", lacks != "tags"
    server.breaks_after = 3000
    with pytest.raises(PsmatchError, match="the connection broke"):
        fetch(tmp_path, server.url)
    events = []
    assert fetch(tmp_path, server.url, digest(content), progress=events.append).read_bytes() == content
    assert [status for status, _ in server.answers] == [200, 200]
    assert any(event.stage == "download again from the start" for event in events)


def test_a_part_of_a_file_that_has_changed_is_not_gone_on_with(server: Server, tmp_path: Path, content: bytes) -> None:
    server.breaks_after = 3000
    with pytest.raises(PsmatchError):
        fetch(tmp_path, server.url)
    server.content = content[::-1]
    assert fetch(tmp_path, server.url).read_bytes() == content[::-1]


# Refusals


def test_a_wrong_checksum_is_refused_and_costs_no_second_download(server: Server, tmp_path: Path, content) -> None:
    with pytest.raises(PsmatchError, match=f"its SHA-256 is {digest(content)}, and 00ff was asked for") as caught:
        fetch(tmp_path, server.url, "00ff")
    assert "Delete" in caught.value.hint
    assert not (tmp_path / NAME).exists()
    assert fetch(tmp_path, server.url, digest(content).upper()).read_bytes() == content
    assert [status for status, _ in server.answers] == [200, 416]


def test_no_network_is_said_with_what_to_do(tmp_path: Path, capsys) -> None:
    with Server(b"") as gone:
        url = gone.url
    assert main([str(tmp_path), "--url", url]) == 1
    said = capsys.readouterr().err
    assert "127.0.0.1" in said
    assert "cannot be reached" in said
    assert f"Or put {NAME}, downloaded elsewhere, into the folder" in said


def test_a_missing_file_names_the_answer(server: Server, tmp_path: Path) -> None:
    with pytest.raises(PsmatchError, match=r"answers 404 \(Not Found\) for other\.gz") as caught:
        fetch(tmp_path, server.url.replace(NAME, "other.gz"))
    assert "--url" in caught.value.hint


@pytest.mark.parametrize("url", ["study.gz", "ftp://host/study.gz", "https://host/"])
def test_what_is_no_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(PsmatchError, match="is not the address of a file"):
        fetch(tmp_path, url)


def test_a_folder_that_is_a_file_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(PsmatchError, match=r"taken.*: cannot be written \((File exists|Not a directory)\)"):
        download(tmp_path / "taken", server.url)
    with pytest.raises(PsmatchError, match="cannot be written"):
        download(tmp_path / "taken" / "below", server.url)
    assert not server.answers


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_cannot_be_written(server: Server, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PsmatchError, match="cannot be written"):
        download(tmp_path / "below", server.url)


def test_a_file_larger_than_the_disk_is_refused_before_it_comes(server: Server, tmp_path: Path) -> None:
    server.claims = 10**18
    with pytest.raises(PsmatchError, match=r"1,000,000,000.00 GB are to come and .* are free"):
        fetch(tmp_path, server.url)
    assert not list(tmp_path.glob("*.part"))


def test_a_damaged_archive_leaves_nothing_behind(tmp_path: Path, content: bytes) -> None:
    packed = tmp_path / NAME
    for broken in (content[:-100], b"no gzip at all"):
        packed.write_bytes(broken)
        with pytest.raises(PsmatchError, match="cannot be unpacked") as caught:
            unpack(packed)
        assert "download it again" in caught.value.hint
        assert [each.name for each in tmp_path.iterdir()] == [NAME]


def test_another_kind_of_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.h5ad"
    path.write_text("hello", encoding="utf-8")
    with pytest.raises(PsmatchError, match="is no h5ad file"):
        split(path, tmp_path)
    other = study()
    other.var["feature_types"] = "ATAC"
    other.write_h5ad(path)
    with pytest.raises(PsmatchError, match="no feature is of the type GEX, only ATAC"):
        split(path, tmp_path)
    with pytest.raises(PsmatchError, match="there is no column 'celltype', only cell_type") as caught:
        split(path, tmp_path, label="celltype")
    assert "--label" in caught.value.hint
