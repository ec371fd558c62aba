"""Configures the site that `make docs` builds: https://www.sphinx-doc.org/en/master/usage/configuration.html"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

project = html_title = "Meshwright"
root_doc = "README"
extensions = ["myst_parser"]
myst_heading_anchors = 4
suppress_warnings = ["misc.highlighting_failure"]  # SQL with Jinja in it
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = html_show_copyright = html_show_sphinx = html_use_index = False
smartquotes = False  # text is shown as it is written


def add_navigation(app: Sphinx, page: str, source: list[str]) -> None:
    """Make the pages that a folder's README links to its children, in that order."""
    if page.rpartition("/")[2] == "README":
        linked = dict.fromkeys(re.findall(r"\]\(([\w-]+(?:/README)?)\.md\)", source[0]))
        source[0] += "\n".join(["", "```{toctree}", ":hidden:", *linked, "```", ""])


def shorten_navigation(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: object) -> None:
    """Leave out of a page's navigation what is below other sections: 200 entries on 200 pages take a minute."""
    whole = context["toctree"]
    context["toctree"] = lambda **options: whole(**{**options, "collapse": True})


def add_index_files(app: Sphinx, error: Exception | None) -> None:
    """Let a folder's address lead to its README."""
    for page in Path(app.outdir).rglob("README.html"):
        shutil.copy(page, page.with_name("index.html"))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", add_navigation)
    app.connect("html-page-context", shorten_navigation, priority=400)  # before the theme
    app.connect("build-finished", add_index_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
