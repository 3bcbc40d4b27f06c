"""Documentation is tested like code: lines that users copy are those that CI runs; tables agree with their source."""

import re
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from psmatch_core.cli.main import main
from psmatch_core.pipeline.recipe import PRESETS

ROOT = Path(__file__).parents[1]
GENERATED = {"_build", "api", "codes", "jupyter_execute"}  # below docs, written when the site is built
PAGES = [
    path
    for path in [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
    if not GENERATED & {*path.relative_to(ROOT).parts}
]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_ci_calls_the_readmes_test_line():
    line = re.search(r"^(python3 -m venv .*requirements-dev\.txt.*pytest.*)$", README, re.M).group(1)
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert line.replace("pip install", "pip install -q") in run


def test_readme_starts_the_app_in_one_line():
    assert re.search(
        r"^python3 -m venv .*-r requirements-torch\.txt && .*-r requirements\.lock && .*streamlit run app\.py$",
        README,
        re.M,
    )
    assert re.search(r"^py -m venv .*streamlit run app\.py$", README, re.M)


def test_options_page_is_what_the_program_says(capsys):
    main(["options", "--markdown"])
    page = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out.strip() in page


def test_guide_and_method_name_what_exists():
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")) + README
    for name in ("SinkhornMatcher", "NeighborMatcher", "ExactMatcher", *PRESETS):
        assert name in text
    for path in re.findall(r"\]\(((?!http)[^)#]+)\)", README):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_files_and_modules_that_a_page_names_exist(page):
    text = page.read_text(encoding="utf-8").partition("## Module names")[0]  # which lists the old ones on purpose
    for name in re.findall(r"`((?:psmatch_core|pages|tests|benchmarks)/[\w./-]+)`", text):
        assert (ROOT / name).exists(), name
    for link in re.findall(r"\]\(((?!http)[^)#]+)\)", text):
        assert (page.parent / link).exists(), link


def test_the_readme_shows_the_slider_moving_and_the_guide_every_page():
    images = ROOT / "docs" / "images"
    assert "(docs/images/epsilon.webp)" in README.partition("## Start")[0]
    with Image.open(images / "epsilon.webp") as moving:
        assert moving.n_frames > 10
    assert (images / "epsilon.webp").stat().st_size < 1_500_000
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    for page in (ROOT / "pages").glob("*.py"):
        if page.stem != "__init__":
            assert f"(images/page-{page.stem}.webp)" in guide
            assert (images / f"page-{page.stem}.webp").exists()


def test_every_page_is_in_a_menu_of_the_site():
    """Or sphinx warns, and a warning ends the build (tests/test_docs_site.py, which is slow)."""
    docs = ROOT / "docs"
    named = set()
    for page in [*docs.glob("*.md"), *docs.glob("*/index.md")]:
        for tree in re.findall(r"```\{toctree\}(.*?)```", page.read_text(encoding="utf-8"), re.S):
            named |= {page.parent / line.strip() for line in tree.splitlines() if line.strip() and line[0] != ":"}
    pages = {path.with_suffix("") for path in PAGES if docs in path.parents}
    assert pages - named == {docs / "index"}


def test_no_page_names_a_machine():
    for path in PAGES:
        assert not re.search(r"(?<![\w.])/(home|work|root|Users|tmp)/", path.read_text(encoding="utf-8")), path.name


def test_every_code_of_a_message_is_explained_and_used():
    page = (ROOT / "docs" / "messages.md").read_text(encoding="utf-8")
    used = {
        code
        for folder in ("psmatch_core", "pages")
        for path in (ROOT / folder).rglob("*.py")
        for code in re.findall(r"PM-[A-Z]\d{2}", path.read_text(encoding="utf-8"))
    }
    explained = re.findall(r"^\| (PM-[A-Z]\d{2}) \| .+ \| .+ \|$", page, re.M)
    assert sorted(explained) == sorted(used)


def test_the_readme_counts_laws_and_not_rows_of_tables():
    stated = int(re.search(r"more than ([\d,]+) laws", README).group(1).replace(",", ""))
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    laws = sum(len(re.findall(r"^ *def test_", text, re.M)) for text in texts)
    assert stated <= laws < stated + 200


def test_the_lock_holds_every_pin_with_hashes_and_the_licences_every_package():
    def plain(name):
        return re.sub(r"[-_.]+", "-", name).lower()

    pin = re.compile(r"^([\w.-]+)==([\w.]+)", re.M)
    pinned = {plain(name): version for name, version in pin.findall((ROOT / "requirements.txt").read_text())}
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = {plain(name): version for name, version in pin.findall(lock)}
    assert pinned.items() <= locked.items()
    parts = re.split(r"^(?=[\w.-]+==)", lock, flags=re.M)[1:]
    assert all("--hash=sha256:" in part for part in parts)
    licences = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    listed = {plain(name) for name in re.findall(r"^\| ([\w.-]+) \| [\w.]+ \| \S", licences, re.M)}
    elsewhere = {plain(name) for name in re.search(r"other systems \((.+?)\)", licences).group(1).split(", ")}
    assert locked.keys() == (listed - {"package"}) | elsewhere  # the heading is no package


def plain_name(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_no_install_pulls_cuda():
    """torch comes first and without its dependencies; the lock has no package of CUDA that would come later."""
    first = (ROOT / "requirements-torch.txt").read_text(encoding="utf-8")
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert "--extra-index-url https://download.pytorch.org/whl/cpu" in first
    assert re.search(r"^torch==.+$", first, re.M).group() == re.search(r"^torch==.+$", pins, re.M).group()
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"^(nvidia|cuda|triton)", lock, re.M)
    for line in re.findall(r"^(?:python3|py) -m venv .*$", README, re.M):
        assert line.index("--no-deps -r requirements-torch.txt") < line.index("-r requirements.lock"), line


def test_the_ranges_of_the_package_hold_the_tested_set():
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ranges = {plain_name(each.name): each for each in map(Requirement, project["dependencies"])}
    pins = dict(re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(), re.M))
    assert ranges.keys() == {plain_name(name) for name in pins}
    for name, version in pins.items():
        found = ranges[plain_name(name)].specifier
        assert found.contains(version), name
        assert not found.contains("99999"), name
