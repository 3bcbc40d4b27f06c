"""The scripts of our canvases: all in one module, sent once, and none of it with a message of a single canvas."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pages.shell import scripts

HERE = Path(scripts.__file__).parent


def test_every_script_has_a_style_and_ends_with_what_draws() -> None:
    for name in scripts.NAMES:
        script = (HERE / f"{name}.js").read_text(encoding="utf-8")
        assert script.count("export default function") == 1
        assert script.rstrip().endswith("}")
        assert (HERE / f"{name}.css").read_text(encoding="utf-8").strip()


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_joined_scripts_are_one_module_and_draw_what_came_before_them(tmp_path: Path) -> None:
    (tmp_path / "scripts.mjs").write_text(scripts.joined_scripts(), encoding="utf-8")
    names = "', '".join(scripts.NAMES)
    (tmp_path / "look.mjs").write_text(
        f"""globalThis.window = globalThis;
        const at = (isConnected) => ({{parentElement: {{isConnected}}}});
        const seen = [], given = at(true), gone = at(false);
        window.psmatchScripts = {{scripts: {{}}, waits: [["early", given], ["early", gone]]}};
        window.psmatchScripts.scripts.early = (each) => seen.push(each);
        const keep = (await import("./scripts.mjs")).default;
        keep({{}});
        const {{scripts, waits}} = window.psmatchScripts;
        const right = ['{names}'].every((name) => typeof scripts[name] === "function");
        process.exit(right && seen.length === 1 && seen[0] === given && !waits.length ? 0 : 1);""",
        encoding="utf-8",
    )
    assert subprocess.run(["node", "look.mjs"], cwd=tmp_path, timeout=60, check=False).returncode == 0
