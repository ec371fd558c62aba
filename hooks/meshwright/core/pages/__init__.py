"""What every HTML page of Meshwright has in common: its looks, and that nothing in it runs or is loaded unasked.

A page is one file: style, script and data stand in it, and its Content-Security-Policy allows just these, by their
hashes. Whatever a mesh says of itself reaches a page through autoescaping or `as_script_data`, never as markup.
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
    """Templates of these folders, which can extend `page.html.jinja` (blocks: title, header, main, data)."""
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
    """A page that extends `page.html.jinja`, with the common style, one of its own after it, and a script of its own."""
    whole = STYLE.read_text("utf-8") + style
    return template.render(style=whole, script=script, policy=policy(whole, script), **content)


def policy(style: str, script: str = "", forms: bool = False) -> str:
    """The Content-Security-Policy of a page with exactly this one style and this one script in it."""
    rules = ["default-src 'none'", f"style-src '{_hash(style)}'", "img-src data: 'self'", "base-uri 'none'"]
    rules.append(f"script-src '{_hash(script)}'" if script else "script-src 'none'")
    rules.append("form-action 'self'" if forms else "form-action 'none'")
    return "; ".join(rules)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def as_script_data(value: Any) -> Markup:
    """JSON for `<script type="application/json">`: nothing in it can end the element or open a comment."""
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign in ("<", ">", "&", "\u2028", "\u2029"):
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - escaped above, for the place it is made for


def is_link(address: str) -> bool:
    """Whether an address can be linked to: http or https, and nothing that runs."""
    try:
        return urlsplit(address).scheme in ("http", "https") and not any(ord(sign) < 33 for sign in address)
    except ValueError:
        return False
