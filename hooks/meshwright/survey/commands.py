"""The commands that make a product of a candidate, quoted for a POSIX shell."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from meshwright.inspection.database_address import DatabaseAddress
from meshwright.inspection.model import Table
from meshwright.survey.estate import Estate
from meshwright.survey.model import CONSUMER_ORIENTED, Attribute, Candidate, Part, Source
from meshwright.survey.names import words

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TEMPLATE = "https://git.example.org/platform/meshwright"
"""Address of the template in the commands if it is not known: a person has to replace it."""
NO_DOMAIN = "unassigned"
"""Domain in the commands if none was given."""


@dataclass(frozen=True)
class Template:
    """The template of the products to be, as the commands name it."""

    url: str
    version: str = ""
    """Empty for its newest release."""

    @property
    def version_option(self) -> list[str]:
        return ["--vcs-ref", self.version] if self.version else []


def own_template() -> Template:
    """Return where this package was installed from, which is the template, and the version of it."""
    from importlib.metadata import PackageNotFoundError, distribution
    from urllib.parse import unquote, urlsplit

    try:
        origin = json.loads(distribution("meshwright").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        origin = {}
    url = str(origin.get("url", ""))
    if "dir_info" in origin:
        return Template(unquote(urlsplit(url).path), "HEAD")
    vcs = origin.get("vcs_info") or {}
    return Template(url or TEMPLATE, str(vcs.get("requested_revision") or vcs.get("commit_id") or ""))


def commands(
    candidate: Candidate, estate: Estate, domain: str, template: Template, adopted: set[str]
) -> list[str]:
    """Return the commands for one candidate; empty if it is a product already, or cannot be made yet.

    `adopted`: dbt projects that another candidate's `adopt` takes; extended by this one's.
    """
    if candidate.state != "planned":
        return []
    source = estate.source_of[candidate.main.id]
    model = estate.models.get(candidate.main.id)
    if model and model[0].address and model[0].name not in adopted:
        adopted.add(model[0].name)
        return [_adopt(candidate, model[0], domain, template)]
    froms = _froms(candidate, estate)
    inputs = ["file"] if source.kind == "files" else ["database"]
    if candidate.type == CONSUMER_ORIENTED:
        inputs.insert(0, "data-product")
    data = {**_answers(candidate, domain), "inputs": json.dumps(inputs), "start_with": "own-data"}
    copy = [
        "copier",
        "copy",
        "--defaults",
        *template.version_option,
        *_data("-d", data),
        template.url,
        candidate.name,
    ]
    draft = ["meshwright", "draft", candidate.name, *(word for one in froms for word in ("--from", one))]
    return [shlex.join(copy), shlex.join(draft)] if froms else [shlex.join(copy)]


def _adopt(candidate: Candidate, project: Source, domain: str, template: Template) -> str:
    folder = project.address if _is_url(project.address) else str(Path(project.address).resolve())
    more = ["--project", project.dbt] if project.dbt not in ("", ".") else []
    words = [
        "meshwright",
        "adopt",
        folder,
        "--template",
        template.url,
        *template.version_option,
        *more,
        *_data("--data", _answers(candidate, domain)),
    ]
    return shlex.join(words)


def _answers(candidate: Candidate, domain: str) -> dict[str, str]:
    answers = {"product_name": candidate.name, "domain": domain or NO_DOMAIN, "type": candidate.type}
    derived = {
        attribute.rule: attribute for attribute in candidate.attributes if attribute.state == "derivable"
    }
    if level := derived.get("ClassificationGiven"):
        answers["classification"] = level.value
    return answers | _person(derived.get("OwnerAndStewardNamed"))


def _person(owner: Attribute | None) -> dict[str, str]:
    """Return name and address of an owner, as far as both are certain."""
    if owner is None:
        return {}
    emails = re.findall(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", owner.value)
    if len(emails) != 1:
        return {}
    name = " ".join(owner.value.replace(emails[0], " ").split())
    return {"owner_email": emails[0]} | (
        {"owner_name": name} if name and "@" not in name and name.isprintable() else {}
    )


def _data(option: str, answers: dict[str, str]) -> list[str]:
    return [word for key, value in answers.items() for word in (option, f"{key}={value}")]


def _froms(candidate: Candidate, estate: Estate) -> list[str]:
    """Return the inputs for `draft`: each table of the candidate that it can read, under a name of its own."""
    found: dict[str, str] = {}
    for part, where in table_addresses(candidate, estate):
        found.setdefault(_input_name(part.table.name, found), where)
    return [f"{name}={where}" for name, where in found.items()]


def table_addresses(candidate: Candidate, estate: Estate) -> Iterator[tuple[Part, str]]:
    """Yield the tables of a candidate that `draft` can read, and their addresses for it."""
    for part in candidate.parts:
        source = estate.source_of[part.id]
        where = ""
        if source.database:
            where = table_address(source.database, part.table)
        elif source.kind == "files":
            where = source.paths.get(part.table.name, "")
            where = str(Path(where).resolve()) if where and not _is_url(where) else ""  # it reads no buckets
        elif part.id in estate.models and source.address:
            where = (
                source.address if _is_url(source.address) else str(Path(source.address, source.dbt).resolve())
            )
        if where:
            yield part, where


def _input_name(table: str, taken: dict[str, str]) -> str:
    plain = [re.sub(r"[^a-z0-9]", "", word) for word in words(table.rpartition("/")[2])]
    name = "_".join(filter(None, plain)) or "data"
    name = name if name[0].isalpha() else f"t_{name}"
    free, number = name, 2
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def table_address(database: DatabaseAddress, table: Table) -> str:
    """Return the address of a table, as `draft` takes it. The password is the variable that holds it."""
    base, _, options = database.url.partition("?")
    scheme, _, rest = base.partition("://")
    if scheme.startswith("sqlite"):
        base = f"{scheme}:///{(database.root / rest.removeprefix('/')).resolve()}"
    elif database.variable:
        user, at, host = rest.rpartition("@")
        base = f"{scheme}://{user}:${{{database.variable}}}{at}{host}"
    schema, name = table.schema, table.name
    if not scheme.startswith("sqlite") and base.rpartition("/")[2] and PLAIN.fullmatch(name) and PLAIN.fullmatch(schema or name):  # fmt: skip
        return f"{base}.{'.'.join(filter(None, (schema, name)))}{'?' * bool(options)}{options}"
    given = [f"schema={quote(schema, safe='')}"] * bool(schema) + [f"table={quote(name, safe='')}"]
    return f"{base}?{'&'.join([*filter(None, [options]), *given])}"


def _is_url(text: str) -> bool:
    return "://" in text or (":" in text.partition("/")[0] and not Path(text).exists())
