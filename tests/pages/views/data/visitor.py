"""What a visitor does on the Data page, for its tests."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pandas as pd
from streamlit.testing.v1 import AppTest

from pages.shell.data_steps import DataStep
from tests.pages.conftest import Open


def csv(labels: list[str], *, prefix: str = "a", n_features: int = 3, seed: int = 0) -> bytes:
    values = np.random.default_rng(seed).normal(size=(len(labels), n_features)).round(3)
    table = pd.DataFrame(values, columns=[f"{prefix}_gene{i}" for i in range(n_features)])
    table.insert(0, "label", labels)
    table.insert(0, "cell", [f"{prefix}{i}" for i in range(len(labels))])
    return table.to_csv(index=False).encode()


def hand_over(app: AppTest, side: str, name: str, content: bytes) -> AppTest:
    """Upload a file on one side."""
    (widget,) = [each for each in app.get("file_uploader") if each.key.startswith(f"upload.{side}")]
    widget.set_value((name, content, "text/csv")).run()
    assert not app.exception
    return app


def press(app: AppTest, label: str) -> AppTest:
    (button,) = [each for each in app.button if each.label.startswith(label)]
    button.click().run()
    assert not app.exception
    return app


def at(app: AppTest, step: DataStep) -> AppTest:
    """Go to a step by the list of steps."""
    app.button(key=f"data.step.{step}").click().run()
    assert not app.exception
    assert [each.value for each in app.header] == [f"Step {step.number} of 4: {step.heading}"]
    return app


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def loaded(empty: Open, source: list[str], target: list[str], *, step: DataStep = DataStep.FILES) -> AppTest:
    """Two tables with these labels, and the page at a step."""
    app = empty()
    hand_over(app, "source", "rna.csv", csv(source))
    hand_over(app, "target", "protein.csv", csv(target, prefix="b", seed=1))
    return app if step is DataStep.FILES else at(app, step)


def in_batches(prefix: str, batches: list[str]) -> bytes:
    """Two labels, each of them in two batches."""
    table = pd.read_csv(BytesIO(csv([*"AABB"] * 10, prefix=prefix)))
    table.insert(2, "batch", [batches[i % 2] for i in range(40)])
    return table.to_csv(index=False).encode()
