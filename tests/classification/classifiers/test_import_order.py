"""Members of an ensemble train side by side: libraries that several of them use are loaded before."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
import psmatch_core.classification.classifiers.ensemble as module
from psmatch_core.classification.classifiers.linear import LinearClassifier
from psmatch_core.classification.classifiers.mlp import MLPClassifier
Ensemble = module.EnsembleClassifier
assert "torch" not in sys.modules
module.side_by_side = lambda *_: sys.exit(0 if "torch" in sys.modules else 3)
Ensemble((LinearClassifier(), Ensemble((MLPClassifier(), MLPClassifier())))).fit(
    None, None, n_labels=2, folds=None, seed=0, progress=None
)
"""


def test_torch_is_loaded_before_the_members_train() -> None:
    """scipy asks a loaded torch for its arrays, and fails on one that another thread is still importing."""
    assert subprocess.run([sys.executable, "-c", PROGRAM], check=False).returncode == 0
