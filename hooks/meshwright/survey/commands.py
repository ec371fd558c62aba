"""The commands that make a product of a candidate, quoted for a POSIX shell."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from meshwright.core.git_url import copier_address
from meshwright.core.text import latin
from meshwright.inspection.database_address import DatabaseAddress
from meshwright.inspection.file_address import with_options
from meshwright.inspection.model import Table
from meshwright.product.files import ADDRESSES
from meshwright.product.record import Record
from meshwright.survey.estate import Estate
from meshwright.survey.model import CONSUMER_ORIENTED, SOURCE_ORIENTED, Attribute, Candidate, Part, Source
from meshwright.survey.names import words

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TEMPLATE = "https://git.example.org/platform/meshwright"
"""Address of the template in the commands if it is not known: a person has to replace it."""
PORT = "lake"
"""The output port that the template gives a product."""
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


class Commands:
    """Makes the commands for the candidates of a survey."""

    def __init__(
        self,
        estate: Estate,
        domain: str,
        template: Template,
        candidates: Iterable[Candidate],
        products: Mapping[str, Record],
    ) -> None:
        """`products`: those that are there, by id."""
        self.estate, self.domain, self.template, self.products = (
            estate,
            domain or NO_DOMAIN,
            template,
            products,
        )
        self._by_name = {candidate.name: candidate for candidate in candidates}
        self._adopted: set[str] = set()
        """Repositories that the command of another candidate adopts: each becomes one product."""

    def of(self, candidate: Candidate) -> list[str]:
        """Return the commands for one candidate; empty if it is a product already, or cannot be made yet."""
        if candidate.state != "planned":
            return []
        model = self.estate.models.get(candidate.main.id)
        if model and model[0].repository and model[0].where not in self._adopted:
            self._adopted.add(model[0].where)
            return self._adopt(candidate, model[0])
        answers = _answers(candidate, self.domain)
        if candidate.reads:
            inputs, froms = ["data-product"], self._ports(candidate)
        else:
            # Without a product to read, the template takes it for what it reads: an operational system.
            answers["type"] = SOURCE_ORIENTED
            kind = self.estate.source_of[candidate.main.id].kind
            inputs, froms = ["file" if kind == "files" else "database"], _froms(candidate, self.estate)
        answers |= {"inputs": json.dumps(inputs), "start_with": "own-data"}
        copy = ["copier", "copy", "--defaults", *self.template.version_option, *_data("-d", answers)]
        copy += [copier_address(self.template.url), candidate.name]
        draft = ["meshwright", "draft", candidate.name, *(word for one in froms for word in ("--from", one))]
        return [shlex.join(copy), shlex.join(draft)] if froms else [shlex.join(copy)]

    def grants(self, candidate: Candidate) -> list[str]:
        """Return the statements without which the commands of a candidate, if it has any, could not read its tables."""
        if candidate.reads or not candidate.commands or " draft " not in candidate.commands[-1]:
            return []
        tables = [part.table for part, _ in table_addresses(candidate, self.estate)]
        return list(dict.fromkeys(one for table in tables for one in table.grants))

    def _adopt(self, candidate: Candidate, project: Source) -> list[str]:
        clone = [["git", "clone", "--", project.address, candidate.name]] if _is_url(project.address) else []
        folder = candidate.name if clone else str(Path(project.address).resolve())
        more = ["--project", project.dbt] if project.dbt not in ("", ".") else []
        answers = _answers(candidate, self.domain)
        if candidate.type == CONSUMER_ORIENTED:
            answers["inputs"] = json.dumps(["data-product", "file"])
        words = [
            "meshwright",
            "adopt",
            folder,
            "--template",
            copier_address(self.template.url),
            *self.template.version_option,
        ]
        return [shlex.join(one) for one in (*clone, [*words, *more, *_data("--data", answers)])]

    def _ports(self, candidate: Candidate) -> list[str]:
        """Return the inputs that read other products; each finds the ports of its neighbour in the registry of its last run."""
        found: dict[str, str] = {}
        for name in candidate.reads:
            other = self._by_name[name]
            product = self.products.get(other.product)
            port = next((port.name for port in product.outputs), PORT) if product else PORT
            root = product.root.resolve() if product and product.root else Path("..", name)
            where = f"dp:{other.product or f'{self.domain}/{name}'}#{port}"
            registry = "" if product and not product.root else f"?addresses={root / ADDRESSES}"
            found.setdefault(_input_name(name, found), where + registry)
        return [f"{name}={where}" for name, where in found.items()]


def _answers(candidate: Candidate, domain: str) -> dict[str, str]:
    answers = {"product_name": candidate.name, "domain": domain, "type": candidate.type}
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
            if where and (encoding := source.encodings.get(part.table.name)):
                where = with_options(where, encoding=encoding)
        if where:
            yield part, where


def _input_name(table: str, taken: dict[str, str]) -> str:
    plain = [re.sub(r"[^a-z0-9]", "", word) for word in words(latin(table.rpartition("/")[2]))]
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
