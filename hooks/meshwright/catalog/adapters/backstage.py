"""Backstage: write `catalog-info.yaml`, which the repository commits and Backstage fetches. Nothing is sent.

The product is a System with a Component (its pipeline), an API (its contract) and a Resource for each output port.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from meshwright.catalog import CatalogConnection, Payload
from meshwright.catalog.adapters import _common as common
from meshwright.catalog.adapters._common import TextLimiter
from meshwright.core import files
from meshwright.core.http import Refused
from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable
from meshwright.export import odcs
from meshwright.mesh.publish_result import PublishOutcome, PublishResult
from meshwright.product.record import DESCRIPTIVE, Record

NAME = "backstage"

SETTINGS: common.Settings = {
    "owner": ("", "the Backstage group or user that owns the product (default: its team's group)"),
    "lifecycle": ("production", "the lifecycle of its component and its API"),
    "shared": (
        "no",
        "`yes`: the file also defines domain and group; Backstage reads each from only one file",
    ),
}

FILE = "catalog-info.yaml"
MARK = "# Written by `meshwright catalog publish --to backstage`, from data-product.yaml. Changes here will be lost.\n"
WRITTEN = "# Written by `meshwright catalog publish --to backstage`"
"""How a file of any release begins."""
PREFIX = "meshwright/"
"""Of the annotations and labels."""
NAMES = 63
DEFINITION = 200_000
"""Maximum characters of a contract in the file; Backstage stores each entity in a database row."""


def payloads(record: Record, settings: Mapping[str, str] | None = None) -> Sequence[Payload]:
    """Return the entities for the file."""
    return [
        Payload(
            f"write {FILE}", _entities(record, common.chosen(SETTINGS, settings), TextLimiter("Backstage"))
        )
    ]


def publish(record: Record, connection: CatalogConnection) -> PublishResult:
    """Write the file atomically; a file that this command has not written is left alone."""
    limiter = TextLimiter("Backstage")
    entities = _entities(record, common.chosen(SETTINGS, connection.settings), limiter)
    limiter.notes.append(f"Commit {FILE}: Backstage fetches it from the repository.")
    file = _file(connection.url)
    actual = _read(file)
    outcome: PublishOutcome = "created" if actual is None else "updated"
    if actual is not None and (of := _product(actual)) not in ("", record.id):
        raise Refused(f"{file} belongs to {printable(of)}.", "Give the folder of this product's repository.")
    text = _text(entities)
    if actual == text:
        return PublishResult("unchanged", record.id, str(file), tuple(dict.fromkeys(limiter.notes[:-1])))
    files.write(file, text)
    return PublishResult(outcome, record.id, str(file), tuple(dict.fromkeys(limiter.notes)))


def retire(id: str, connection: CatalogConnection, reason: str, successor: str | None) -> PublishResult:
    """Mark the entities as deprecated, with the reason; they stay, so that references to them still work."""
    file = _file(connection.url)
    actual = _read(file)
    if actual is None or _product(actual) != id:
        raise Refused(f"{file} does not belong to {printable(id)}.", "Give the folder of its repository.")
    limiter = TextLimiter("Backstage")
    why = f"Retired: {limiter.line(reason, common.PARAGRAPH, 'The reason')}"
    why += f" Its successor is {printable(successor)}." if successor else ""
    entities = list(yaml.safe_load_all(actual))
    for entity in entities:
        if entity["kind"] in ("Domain", "Group"):
            continue
        entity["metadata"]["description"] = why
        if "lifecycle" in entity["spec"]:
            entity["spec"]["lifecycle"] = "deprecated"
    files.write(file, _text(entities))
    return PublishResult(
        "retired",
        id,
        str(file),
        (*limiter.notes, f"Commit {FILE}: Backstage fetches it from the repository."),
    )


# -- the entities -------------------------------------------------------------------------------------


def _entities(record: Record, settings: Mapping[str, str], limiter: TextLimiter) -> list[dict[str, Any]]:
    record = _still(record)
    name = _name(record.domain, record.name)
    group = common.identifier(record.owner.team or record.domain, most=NAMES, allowed="A-Za-z0-9_-")
    owner = settings["owner"] or f"group:default/{group}"
    of = {"owner": owner, "system": name}
    stage = {"lifecycle": limiter.line(settings["lifecycle"], NAMES, "The lifecycle") or "production"}
    ports = [port for port in limiter.first(record.outputs, "output ports", 100) if port.name]
    reads = limiter.first(
        dict.fromkeys(_resource(one.source) for one in record.inputs if one.product), "inputs"
    )
    columns = common.columns(record, limiter)
    described = limiter.line(record.purpose or record.title, common.PARAGRAPH, "The purpose")
    entities = _shared(record, owner, group, limiter) if settings["shared"] == "yes" else []
    if common.one_of(settings, "shared", "yes", "no") == "no":
        limiter.notes.append(
            f"The domain {_name(record.domain)} and the owner {printable(owner)[:100]} must be defined for Backstage in "
            "another file; or use --set shared=yes."
        )
    system = {"owner": owner, "domain": _name(record.domain)}
    entities.append(_entity("System", _metadata(record, name, record.title, described, limiter), system))
    component = {"type": "data-product", **stage, **of, "dependsOn": reads}
    if columns:
        component["providesApis"] = [f"api:default/{name}"]
    entities.append(
        _entity("Component", _metadata(record, name, record.title, described, limiter), component)
    )
    if columns:
        title = f"{record.title}: contract"
        api = {"type": "odcs", **stage, **of, "definition": _definition(record, limiter)}
        entities.append(_entity("API", _metadata(record, name, title, described, limiter), api))
    for port in ports:
        title = f"{record.title}: {port.name}"
        description = limiter.line(port.uses, common.PARAGRAPH, "A port's type")
        metadata = _metadata(
            record, _name(record.domain, record.name, port.name), title, description, limiter
        )
        spec = {"type": _type(port.uses), **of, "dependsOn": [f"component:default/{name}"]}
        entities.append(_entity("Resource", metadata, spec))
    return entities


def _still(record: Record) -> Record:
    """Return the record without commit and measurements, which would change the file on each run."""
    kept = {key: record.value[key] for key in DESCRIPTIVE if key in record.value}
    return Record({**kept, "source": {"repository": record.repository}}, fallback=record.fallback)


def _entity(kind: str, metadata: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def _shared(record: Record, owner: str, group: str, limiter: TextLimiter) -> list[dict[str, Any]]:
    domain = {
        "name": _name(record.domain),
        "title": limiter.line(record.domain, common.SHORT, "The domain") or "-",
    }
    team = {
        "name": group,
        "title": limiter.line(record.owner.team or record.domain, common.SHORT, "The team") or "-",
    }
    return [
        _entity("Group", team, {"type": "team", "children": []}),
        _entity("Domain", domain, {"owner": owner}),
    ]


def _metadata(
    record: Record, name: str, title: str, description: str, limiter: TextLimiter
) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "name": name,
        "title": limiter.line(title, common.SHORT, "A title") or name,
        "description": description,
        "annotations": _annotations(record, limiter),
        "tags": _tags(record),
    }
    if record.classification:
        metadata["labels"] = {f"{PREFIX}classification": record.classification}
    if address := common.web(record.repository):
        metadata["annotations"]["backstage.io/source-location"] = f"url:{address}/"
        metadata["links"] = [{"url": address, "title": "Repository"}]
    return metadata


def _annotations(record: Record, limiter: TextLimiter) -> dict[str, str]:
    """Return annotations for properties that Backstage has no field for. A key that has to change gets a hash."""
    found = {}
    for key, value in common.facts(record).items():
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", key)
        name = common.identifier(name.lower().replace(".", "-"), most=NAMES, allowed="a-z0-9-")
        found[PREFIX + name] = limiter.line(value, common.PARAGRAPH, "An annotation")
    return found


def _tags(record: Record) -> list[str]:
    found = {record.classification, record.type, *record.tags[:100]} - {""}
    return sorted(
        {common.identifier(tag.lower(), most=NAMES, allowed="a-z0-9-").replace("--", "-") for tag in found}
    )


def _definition(record: Record, limiter: TextLimiter) -> str:
    contract = odcs.document(record, published=True)
    text = yaml.safe_dump(contract, sort_keys=False, allow_unicode=True, width=110)
    if len(text) <= DEFINITION:
        return str(text)
    limiter.notes.append(
        f"The contract is longer than {DEFINITION:,} characters; Backstage gets its path instead."
    )
    return f"The contract is too long to be shown: {common.facts(record).get('contract', '')} in the repository.\n"


def _resource(source: str) -> str:
    """Return the reference to another product's port."""
    product, _, port = source.removeprefix("dp:").partition("#")
    domain, _, name = product.partition("/")
    return f"resource:default/{_name(domain, name, port)}"


def _name(*words: str) -> str:
    return common.identifier(*words, most=NAMES, allowed="a-z0-9_-")


def _type(uses: str) -> str:
    return common.identifier(uses.partition("@")[0], most=NAMES)


# -- the file -----------------------------------------------------------------------------------------


def _file(address: str) -> Path:
    if address.startswith(("http://", "https://")):
        raise Unreadable(
            "Backstage fetches a file; nothing is sent to it.", "Give the product's repository: --catalog ."
        )
    path = Path(address)
    return path / FILE if path.is_dir() else path


def _read(file: Path) -> str | None:
    """Return the content of the file; None if it does not exist. Raises Unreadable if this command has not written it."""
    if file.is_symlink():
        raise Unreadable(f"{file} is a link.", "Replace it by a file, or remove it.")
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Unreadable(f"{file} cannot be read.", "Replace it by a readable file, or remove it.") from error
    if not text.startswith(WRITTEN):
        raise Unreadable(
            f"{file} was not written by `meshwright catalog publish`, so it was not changed.",
            "Give another file, such as catalog-info.product.yaml, and register it in Backstage as well.",
        )
    return text


def _product(text: str) -> str:
    """Return the id of the product that the file belongs to; empty if unknown."""
    try:
        for entity in yaml.safe_load_all(text):
            product = entity["metadata"].get("annotations", {}).get(f"{PREFIX}product-id")
            if product:
                return str(product)
    except (yaml.YAMLError, TypeError, LookupError, AttributeError) as error:
        raise Unreadable("The file was changed by hand.", f"Remove {FILE}, and run it again.") from error
    return ""


def _text(entities: list[dict[str, Any]]) -> str:
    return MARK + str(
        yaml.safe_dump_all(entities, sort_keys=False, allow_unicode=True, explicit_start=True, width=110)
    )
