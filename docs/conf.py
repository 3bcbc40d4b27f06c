"""The documentation site: ``python -m sphinx -W -b html docs docs/_build``."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "extensions")]

from psmatch_core.base.version import VERSION  # noqa: E402

project = "psmatch"
author = "the psmatch developers"
release = VERSION
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_design",
    "api_pages",
    "example_report",
    "mathml",
    "message_pages",
    "plotly_script",
]
exclude_patterns = ["_build", "extensions", "jupyter_execute", "**/.ipynb_checkpoints"]
suppress_warnings = ["mystnb.unknown_mime_type"]

# Markdown and notebooks, which import psmatch from this checkout
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH", "")]))
os.environ["PLOTLY_RENDERER"] = "notebook_connected"  # the script itself comes from the site: plotly_script
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True

# The API, from the docstrings
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Source", "notes_style")]

# The look of scverse
html_theme = "sphinx_book_theme"
html_title = "psmatch"
html_logo = "../static/logo.svg"
html_favicon = "../static/icon.png"
html_static_path: list[str] = []
html_copy_source = False
html_show_copyright = False
html_theme_options = {"use_fullscreen_button": False, "use_download_button": False, "navbar_persistent": []}
