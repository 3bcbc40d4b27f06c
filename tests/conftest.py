"""What tests share: small modalities whose answer is known, and the real data sets beside the checkout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import PropensityModel, fit_propensity
from psmatch_core.data.modality import Modality

SHARED = Path(__file__).resolve().parents[2] / "shared"


def make_adata(n: int = 60, n_features: int = 8, labels: tuple[str, ...] = ("A", "B", "C"), seed: int = 0) -> AnnData:
    """Cells whose features lie around their label's own corner, in random order."""
    rng = np.random.default_rng(seed)
    label = np.array(labels)[np.arange(n) % len(labels)]
    corner = np.random.default_rng(99).normal(size=(len(labels), n_features)) * 0.9
    X = corner[np.arange(n) % len(labels)] + rng.normal(size=(n, n_features))
    obs = pd.DataFrame({"label": label}, index=[f"s{seed}_cell{i}" for i in range(n)])
    return AnnData(X=X.astype(np.float32), obs=obs, var=pd.DataFrame(index=[f"f{i}" for i in range(n_features)]))


def make_modality(name: str = "RNA", **settings: object) -> Modality:
    return Modality.from_anndata(make_adata(**settings), label_key="label", name=name)  # type: ignore[arg-type]


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
