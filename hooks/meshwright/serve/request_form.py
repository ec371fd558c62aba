"""The form that asks for access: what a product's page gives to `request.js`, which writes the file in the browser.

The file is opened in the forge's own editor, on the login of whoever asks: the catalog needs no token for it. With a token
of its own, it also opens the pull request (`pull_requests`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from meshwright.core.forge import forge_of
from meshwright.core.git import parts
from meshwright.core.git_url import is_remote
from meshwright.mesh.role_columns import CLEAR, treatment
from meshwright.product.agreement_length import longest_days
from meshwright.product.agreement_text import ESCAPED, LINES
from meshwright.product.break_glass import is_break_glass
from meshwright.product.files import AGREEMENTS
from meshwright.product.record import Record
from meshwright.serve.page_details import ReaderEntry


@dataclass(frozen=True)
class RequestSending:
    """How the form is sent to the catalog, which then opens the pull request."""

    proof: str
    """Lets the form be sent; empty: nobody has signed in."""
    person: str
    """The e-mail address of who has signed in; empty if the provider has verified none."""
    sign_in: str
    """Where to sign in."""


LONGEST_ADDRESS = 8_000
"""How many bytes of an address GitHub accepts; a longer file is pasted by hand."""
FORGES = {"github": "GitHub", "gitlab": "GitLab"}


def request_form(record: Record, readers: Sequence[ReaderEntry]) -> dict[str, Any]:
    """Return the data of the form; its `roles` are empty where the product has no policy, and then there is no form."""
    forge, address = _new_file(record)
    return {
        "lines": LINES,
        "escaped": ESCAPED,
        "longestAddress": LONGEST_ADDRESS,
        "folder": AGREEMENTS,
        "forge": forge,
        "forgeName": _forge_name(forge, address),
        "newFile": address,
        "product": record.id,
        "providerTeam": record.owner.team or record.domain,
        "ports": [port.name for port in record.outputs],
        "roles": {
            name: _role(record, role) for name, role in record.roles.items() if not is_break_glass(role)
        },
        "renewable": [
            {
                "id": reader.agreement,
                "role": reader.role,
                "port": reader.port,
                "team": reader.team,
                "principals": [
                    *(f"group:{name}" for name in reader.groups),
                    *(f"id:{name}" for name in reader.programs),
                ],
                "people": reader.people,
                "until": reader.until,
            }
            for reader in readers
            if reader.state in ("in force", "ending soon")
            and not is_break_glass(record.roles.get(reader.role, {}))
        ],
        "taken": [reader.agreement for reader in readers],
    }


def _role(record: Record, role: Mapping[str, Any]) -> dict[str, Any]:
    rows = role.get("rows")
    purposes = role.get("purposes")
    return {
        "kind": str(role.get("kind", "")),
        "description": str(role.get("description", "")),
        "maxDays": longest_days(role),
        "purposes": [str(one) for one in purposes] if isinstance(purposes, list) else [],
        "rows": len(rows) if isinstance(rows, list) else 0,
        "columns": [list(one) for one in _columns(record, role)],
    }


def _columns(record: Record, role: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each column's name, and what the role sees of it: `clear`, the name of a mask, or `nothing`."""
    for column in record.columns:
        sees = treatment(record, role, column)
        yield column.name, "clear" if sees == CLEAR else sees or "nothing"


def _forge_name(forge: str, address: str) -> str:
    """Return what the page calls a forge: with its host, unless that is the forge's own."""
    host = urlsplit(address).netloc
    name = FORGES.get(forge, "")
    return name if host in ("", f"{forge}.com") else f"{name} ({host})"


def _new_file(record: Record) -> tuple[str, str]:
    """Return the forge (`github`, `gitlab` or nothing), and the page where it makes a new file, without its parameters."""
    url = record.repository
    place = parts(url) if is_remote(url) else None
    named = record.get("source.forge")
    forge = forge_of(url, {place[0]: named} if place and named in FORGES else {}) if place else None
    if place is None or forge is None:
        return "", ""
    branch = record.get("source.branch")
    branch = quote(branch if isinstance(branch, str) and branch else "main")
    home = f"https://{place[0]}/{quote(place[1].removesuffix('.git'))}"
    return forge, f"{home}/new/{branch}" if forge == "github" else f"{home}/-/new/{branch}"
