"""The documentation site: what is generated follows its source, and a build has no warning."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import psmatch
import psmatch_core.plotting

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))


@pytest.fixture
def extensions(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS / "extensions"))


@pytest.mark.usefixtures("extensions")
def test_each_code_of_the_table_has_a_page_with_its_meaning_and_its_advice():
    from message_pages import pages

    table = "## F: files\n\n| code | meaning | what to do |\n|---|---|---|\n| PM-F90 | It is odd. | Look | at it. |\n"
    made = pages(table)
    assert made.keys() == {"index.md", "PM-F90.md"}
    assert "It is odd." in made["PM-F90.md"]
    assert "a message about files" in made["PM-F90.md"]
    assert "(PM-F90.md)" in made["index.md"]
    text = (DOCS / "messages.md").read_text(encoding="utf-8")
    codes = re.findall(r"^\| (PM-[A-Z]\d{2}) ", text, re.M)
    assert pages(text).keys() == {"index.md", *(f"{code}.md" for code in codes)}


@pytest.mark.usefixtures("extensions")
def test_the_python_pages_hold_every_public_name_once():
    from api_pages import pages

    found = re.findall(r"^\.\. auto(?:class|function):: (\S+)", "\n".join(pages().values()), re.M)
    figures = [name for name in psmatch_core.plotting.__all__ if callable(getattr(psmatch_core.plotting, name))]
    names = [f"psmatch.{name}" for name in psmatch.__all__ if not name.startswith("__")]
    assert sorted(found) == sorted([*names, *(f"psmatch_core.plotting.{name}" for name in figures)])


@pytest.mark.usefixtures("extensions")
def test_a_page_that_is_the_same_is_not_written_again_and_an_old_one_goes(tmp_path):
    from generated_pages import write_pages

    write_pages(tmp_path / "made", {"a.md": "a", "b.md": "b"})
    before = (tmp_path / "made" / "a.md").stat().st_mtime_ns
    write_pages(tmp_path / "made", {"a.md": "a"})
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["a.md"]
    assert (tmp_path / "made" / "a.md").stat().st_mtime_ns == before


@pytest.mark.usefixtures("extensions")
def test_figures_ask_no_other_server():
    import plotly.graph_objects as go
    import plotly.io as pio
    from plotly_script import own_script

    drawn = pio.to_html(go.Figure(), include_plotlyjs="cdn", include_mathjax="cdn", full_html=False)
    drawn += '<script type="module">import "https://cdn.plot.ly/plotly-4.1.1.min"</script>'
    own = own_script(drawn, "../")
    assert "https://cdn" not in own
    assert own.count('src="../_static/plotly.min.js"') == 1


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs_and_imports_psmatch(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert "import psmatch" in "".join("".join(cell["source"]) for cell in code)
    assert "uniform plan" in "".join("".join(cell["source"]) for cell in cells)


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_needs_no_other_server(tmp_path):
    command = f"-m sphinx -W -q -b html -d {tmp_path}/trees docs {tmp_path}/site"
    built = subprocess.run(
        [sys.executable, *command.split()],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert built.returncode == 0, built.stderr[-3000:]
    site = tmp_path / "site"
    assert (site / "example-report.html").stat().st_size > 1_000_000
    assert "<math" in (site / "method.html").read_text(encoding="utf-8")
    for page in site.rglob("*.html"):
        if page.name != "example-report.html":
            text = page.read_text(encoding="utf-8")
            assert not re.search(r'<(?:script|link|img)[^>]+(?:src|href)="https?:|import "https?:', text), page.name
    for notebook in NOTEBOOKS:
        drawn = (site / "notebooks" / f"{notebook.stem}.html").read_text(encoding="utf-8")
        assert drawn.count("plotly-graph-div") >= 4, notebook.name
        assert (site / "_static" / "plotly.min.js").stat().st_size > 1_000_000
