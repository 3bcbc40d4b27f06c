"""What tests share: small modalities whose answer is known, the real data sets, and how tests run."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import PropensityModel, fit_propensity
from psmatch_core.data.modality import Modality

SHARED = Path(__file__).resolve().parents[2] / "shared"
STAND_INS = Path(__file__).with_name("stand_ins")
# Folders whose tests stay on one worker: browsers and servers take all cores, and pages share one finished run.
TOGETHER = ("e2e", "pages")
SLOW = 10.0  # seconds of processor time from which a test carries the mark ``slow``
QUICK = 5.0  # seconds under which no test carries it; between the two machines differ


def make_adata(n: int = 60, n_features: int = 8, labels: tuple[str, ...] = ("A", "B", "C"), seed: int = 0) -> AnnData:
    """Cells whose features lie around their label's own corner, in random order."""
    rng = np.random.default_rng(seed)
    label = np.array(labels)[np.arange(n) % len(labels)]
    corner = np.random.default_rng(99).normal(size=(len(labels), n_features)) * 0.9
    X = corner[np.arange(n) % len(labels)] + rng.normal(size=(n, n_features))
    obs = pd.DataFrame({"label": label}, index=[f"s{seed}_cell{i}" for i in range(n)])
    return AnnData(X=X.astype(np.float32), obs=obs, var=pd.DataFrame(index=[f"f{i}" for i in range(n_features)]))


def make_modality(name: str = "RNA", **settings: object) -> Modality:
    """A modality of such cells; equal names are the same physical cell, which only two of one seed share."""
    return with_ids(Modality.from_anndata(make_adata(**settings), label_key="label", name=name))  # type: ignore[arg-type]


def with_ids(modality: Modality) -> Modality:
    """The modality with the names of its cells as the names of the physical cells."""
    return replace(modality, pair_ids=modality.obs_names)


@pytest.fixture(scope="session", autouse=True)
def quick_maps() -> Iterator[None]:
    """Maps are drawn by a stand-in, here and in the processes that tests start: UMAP compiles for 15 s in each."""
    spec = importlib.util.spec_from_file_location("umap", STAND_INS / "umap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "umap", module)
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(STAND_INS), os.environ.get("PYTHONPATH", "")])))
        yield


@pytest.fixture(scope="session")
def models() -> tuple[PropensityModel, PropensityModel]:
    """Two trained modalities of unequal size with the same labels."""
    source, target = make_modality("RNA", n=66, seed=1), make_modality("ADT", n=48, n_features=5, seed=2)
    return fit_propensity(source, LinearClassifier(), seed=0), fit_propensity(target, LinearClassifier(), seed=0)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data; tests that need it carry the marker ``data``."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the real data sets are not beside this checkout (../shared/data)")
    return SHARED


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a file on one worker, so that its fixtures are made once (``pytest -n 2``)."""
    from xdist.scheduler import LoadScopeScheduling  # only where tests run on several workers

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::")[0]
            folder = file.split("/")[1]
            return folder if folder in TOGETHER else file

    config.option.loadscopereorder = False  # the long groups come first by the order of collection
    return ByFile(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Workers share the cores: one thread each, and an engine that is compiled once, before they start."""
    from psmatch_core.transport import (  # imports numba: only where tests run on several workers
        compile_engine,
        is_compiled,
    )

    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    if not is_compiled():
        compile_engine()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On several workers the long groups start first, so that none is left alone at the end."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        ranks = {folder: rank for rank, folder in enumerate(TOGETHER)}
        items.sort(key=lambda item: ranks.get(item.path.relative_to(Path(__file__).parent).parts[0], len(ranks)))


def processor_seconds() -> float:
    """Processor time of this process and of those that it started and waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    began = processor_seconds()
    try:
        return (yield)
    finally:
        item.user_properties.append(("processor_seconds", processor_seconds() - began))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Compare the mark ``slow`` with what was measured, in processor time: a busy machine changes nothing."""
    wrong = []
    for report in terminalreporter.getreports("passed"):
        seconds = dict(report.user_properties).get("processor_seconds", 0.0)
        if report.when == "call" and "browser" not in report.keywords:
            if seconds > SLOW and "slow" not in report.keywords:
                wrong.append(f"{seconds:5.1f} s, not marked slow: {report.nodeid}")
            elif seconds < QUICK and "slow" in report.keywords:
                wrong.append(f"{seconds:5.1f} s, marked slow: {report.nodeid}")
    if wrong:
        terminalreporter.section("marks that the measured processor time does not bear out")
        terminalreporter.write("\n".join([*wrong, ""]))
