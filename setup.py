"""What ``pyproject.toml`` cannot say: the app travels inside the package ``psmatch``, as the folder ``psmatch/app``."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
APP = ("app.py", "main.py", "pages", "static", ".streamlit")


class BuildWithApp(build_py):
    """Copies the app beside the modules; Streamlit runs it from there as it does from a checkout."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # the checkout itself is used then
            return
        folder = Path(self.build_lib) / "psmatch" / "app"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in APP:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(ROOT / name, folder / name)


setup(cmdclass={"build_py": BuildWithApp})
