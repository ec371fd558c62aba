"""By which agreement the assessment itself reads a port: it has one like every other program, or does not read."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from meshwright.assess.storage import Unseen
from meshwright.mesh.agreements import ended
from meshwright.product.record import Port, Record

DAYS = 180
"""How long an agreement is asked for."""
WHOLE = ""
"""Instead of a role: the data set itself, as nobody has to be admitted, or governance names no principal."""


def role(record: Record, port: Port, settings: Mapping[str, Any], now: datetime) -> str:
    """Return the role in which the assessment reads a port; WHOLE without one. Raises Unseen if no agreement admits it.

    `settings`: `principal` names the assessment in agreements: `id:mesh-assessment`.
    """
    principal = settings.get("principal")
    if not isinstance(principal, str) or record.access_mode == "open":
        return WHOLE
    for reader in record.readers:
        if principal not in reader.principals or reader.port not in ("", port.name) or ended(reader, now):
            continue
        if record.roles.get(reader.role, {}).get("kind") != "machine":
            continue
        return reader.role
    programs = [name for name, role in record.roles.items() if role.get("kind") == "machine"]
    longest = record.roles[programs[0]].get("maxDays") if programs else None
    days = min(longest, DAYS) if isinstance(longest, int) and longest > 0 else DAYS
    ask = (
        f"In its repository, run `meshwright access request mesh-assessment --role {shlex.quote(programs[0])} --principal {shlex.quote(principal)}"
        f" --for 'Fitness of the mesh' --until {now + timedelta(days=days):%Y-%m-%d} --team governance --requester \"$(git config user.email)\"`, and open a pull request."
        if programs
        else "Add a role of `kind: machine` to its access policy first."
    )
    raise Unseen(
        f"No agreement in force admits the assessment ({principal}) to the port {port.name} in a role for programs.",
        f"Ask the owner of {record.id}. {ask}",
    )
