"""What all HTML pages of Meshwright share: the style, and a policy that runs and loads nothing else.

A page is one file with its style, script and data inline; its Content-Security-Policy allows exactly these, by
their hashes. Data of a mesh reaches a page through autoescaping or `as_script_data`, never as markup.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

FOLDER = Path(__file__).parent
STYLE = FOLDER / "style.css"


def environment(*folders: Path) -> jinja2.Environment:
    """Return an environment for these folders' templates, which can extend `page.html.jinja`."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, FOLDER]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["as_script_data"] = as_script_data
    made.tests["link"] = is_link
    return made


def rendered(template: jinja2.Template, style: str = "", script: str = "", **content: Any) -> str:
    """Render a page that extends `page.html.jinja`, with the common style, then its own style, and its own script."""
    whole = STYLE.read_text("utf-8") + style
    return template.render(style=whole, script=script, policy=policy(whole, script), **content)


def policy(style: str, script: str = "", forms: bool = False) -> str:
    """Return the Content-Security-Policy of a page with exactly this style and this script."""
    rules = ["default-src 'none'", f"style-src '{_hash(style)}'", "img-src data: 'self'", "base-uri 'none'"]
    rules.append(f"script-src '{_hash(script)}'" if script else "script-src 'none'")
    rules.append("form-action 'self'" if forms else "form-action 'none'")
    return "; ".join(rules)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def as_script_data(value: Any) -> Markup:
    """Return JSON for `<script type="application/json">`: it cannot end the element or open a comment."""
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign in ("<", ">", "&", "\u2028", "\u2029"):
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - escaped above, for the place it is made for


def is_link(address: str) -> bool:
    """Return True if an address can be used as a link: http or https, nothing that runs code."""
    try:
        return urlsplit(address).scheme in ("http", "https") and not any(ord(sign) < 33 for sign in address)
    except ValueError:
        return False
