"""What an agreement in force lets a program read of a port: where, as which role, until when."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from meshwright.core.errors import Error
from meshwright.mesh.port_places import place
from meshwright.product.record import Port, Record

FILES, DATABASES = ("parquet", "delta"), ("postgres",)


class NotGranted(Error):
    """The agreement does not let this caller read the port."""


@dataclass(frozen=True)
class Grant:
    """A role's own data of a port."""

    kind: str
    """`parquet`, `delta` or `postgres`."""
    location: str
    """Where the role's variant is: a path, or the address of a database, without credentials."""
    table: str
    """Its view in a database, `<schema>.<view>`; empty for files."""
    role: str
    until: str
    columns: Mapping[str, str | None]
    """The columns that the role shows -> the mask; None: as they are."""


def grant(
    record: Record,
    port: str,
    agreement: str,
    principals: Collection[str],
    places: Sequence[str],
    now: datetime,
) -> Grant:
    """Return what an agreement grants on a port, by the address registry of its product. Raises NotGranted.

    `principals`: who asks (`id:<id>`, `group:<name>`). `places`: where this server may read, as its operator says.
    """
    found = next((one for one in record.outputs if one.name == port), None)
    if found is None:
        names = ", ".join(one.name for one in record.outputs) or "none"
        raise NotGranted(f"{record.id} has no output port {port}.", f"Choose one of: {names}.")
    kind = found.uses.partition("@")[0]
    if kind not in FILES + DATABASES:
        fix = "Read another port of that product: parquet@1, delta@1 or postgres@1."
        raise NotGranted(f"The port is served by {found.uses}, on which no agreement has an effect.", fix)
    entry = _in_force(record, found, agreement, now)
    _refuse_others(record, agreement, port, principals)
    made = Grant(
        kind,
        str(entry.get("location", "")),
        str(entry.get("table", "")),
        str(entry.get("role", "")),
        str(entry.get("until", "")),
        {str(name): mask for name, mask in dict(entry.get("columns", {})).items()},
    )
    return replace(made, location=_allowed_location(made, places))


def _in_force(record: Record, port: Port, agreement: str, now: datetime) -> Mapping[str, Any]:
    ask = f"Ask for one: the tool how_to_ask says how, for {record.id}."
    if port.agreements is None:
        raise NotGranted("Access was never applied to this port, so nothing enforces an agreement there.", "Ask the owner to run `meshwright access apply`, and to publish.")  # fmt: skip
    entry = port.agreements.get(agreement)
    if not isinstance(entry, dict):
        raise NotGranted(f"No agreement {agreement} is in force on this port.", ask)
    if entry.get("kind") != "machine":
        whom = "people" if entry.get("kind") == "human" else "nobody that the registry knows to be a program"
        raise NotGranted(f"The agreement {agreement} is in a role for {whom}.", f"Ask for one in a role for programs (kind: machine). {ask}")  # fmt: skip
    if entry.get("consumer"):
        raise NotGranted(f"The agreement {agreement} is for the data product {entry['consumer']}.", ask)
    try:
        ends = datetime.fromisoformat(str(entry.get("until", "")))
    except ValueError:
        ends = None
    if ends is None or ends.tzinfo is None:
        raise NotGranted(f"The agreement {agreement} names no end.", ask)
    if ends <= now:
        raise NotGranted(f"The agreement {agreement} ended on {entry['until']}.", "Ask its owner to renew it: `meshwright access renew`.")  # fmt: skip
    return entry


def _refuse_others(record: Record, agreement: str, port: str, principals: Collection[str]) -> None:
    """Refuse a caller whom the agreement does not name, as far as the catalog shows its principals."""
    mine = [one for one in record.readers if one.agreement == agreement and one.port in ("", port)]
    if not mine:
        raise NotGranted(f"{record.id} lists no approved agreement {agreement} for this port.", "Name an agreement that its page lists.")  # fmt: skip
    if not any(set(one.principals) & set(principals) for one in mine):
        who = ", ".join(sorted(principals)) or "nobody"
        raise NotGranted(f"The agreement {agreement} is not for {who}.", "Use the agreement of this program, or start the server with its --principal.")  # fmt: skip


def _allowed_location(made: Grant, places: Sequence[str]) -> str:
    """Return where an engine is to read: what was compared, and nothing else of the text. Raises NotGranted.

    A record is untrusted: a location has to be in a place that the server's operator has named.
    """
    database_port = made.kind in DATABASES
    where = _normal(made.location, made.kind) if database_port or _is_one_place(made.location) else ""
    allowed = [one for one in (_normal(one, made.kind) for one in places) if one]
    inside = any(where.startswith(one.rstrip("/") + "/") for one in allowed) and not database_port
    if not where or not (where in allowed or inside):
        raise NotGranted(f"The port's data are at {made.location}, where this server may not read.", "Start it with --place and that address, if you trust it.")  # fmt: skip
    if database_port and made.table.count(".") != 1:
        raise NotGranted("The address registry does not say which view the role has.", "Ask the owner to run `meshwright access apply`, and to publish.")  # fmt: skip
    return made.location if database_port else where


def _is_one_place(location: str) -> bool:
    """Return False for patterns, variables, options and escapes, which an engine reads otherwise than `place` does."""
    return not set("*?[$\\" + ("%#" if "://" in location else "")).intersection(location)


def _normal(address: str, kind: str) -> str:
    """Return one text for all spellings of a place; empty if it is none."""
    if kind in DATABASES:
        found = database(address)
        return f"postgresql://{found['host']}:{found['port']}/{found['dbname']}" if found else ""
    where = place(address, None)
    user, _, _ = address.partition("://")[2].partition("/")[0].rpartition("@")
    if not user:
        return where
    # abfss://container@account: the container is a part of the place. Anything else before @ would be credentials.
    is_container = where.startswith("abfss://") and ":" not in user
    return where.replace("abfss://", f"abfss://{user}@") if is_container else ""


def database(address: str) -> dict[str, str]:
    """Return host, port and name of a database, and nothing else that an address can say; empty if it is none."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        known = conninfo_to_dict(address) if address.startswith(("postgresql://", "postgres://")) else {}
    except ProgrammingError:
        known = {}
    host, name = str(known.get("host") or ""), str(known.get("dbname") or "")
    if not host or not name:
        return {}
    return {
        "host": host.lower() if "/" not in host else host,
        "port": str(known.get("port") or 5432),
        "dbname": name,
    }
