"""Change data-product.yaml: inputs, description, classification, service levels and use cases; the rest stays."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshwright.check.rules.sample import ABOUT_FLIGHTS, USE_CASES
from meshwright.core.text import identifier, latin, singular
from meshwright.core.yaml import load_text
from meshwright.draft.contract import classification
from meshwright.draft.dataset import Dataset
from meshwright.draft.sample_files import suffix
from meshwright.draft.texts import Flow, enumerated, ruamel, sentence
from meshwright.inspection.model import Source
from meshwright.product import registry
from meshwright.product.metamodel import CLASSIFICATIONS, OPEN_UP_TO

SAMPLE = "sample_data"
_OF_THE_MACHINE = frozenset(
    [
        "path",
        "home",
        "user",
        "lang",
        "language",
        "shell",
        "term",
        "pwd",
        "oldpwd",
        "tmpdir",
        "temp",
        "tmp",
        "host",
        "hostname",
        "display",
        "editor",
        "pager",
        "mail",
        "logname",
        "ci",
        "columns",
        "lines",
        "uid",
        "gid",
        "proxy",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "debug",
        "env",
        "port",
        "url",
    ]
)
"""Variables that many machines set, in small letters."""


@dataclass(frozen=True)
class Place:
    """Where the sample of an input is, and the variable that names the real data."""

    variable: str
    path: str
    """File of the sample, from the product's root."""
    real: str
    """Value of the variable for the real data."""
    origin: str
    """`from` in the spec: the system, or the other product's port."""


def places(given: Mapping[str, tuple[str, Source]], spec: Mapping[str, Any]) -> dict[str, Place]:
    """Return the place of each input's sample; tables of one database share a file."""
    used = {
        name.lower()
        for item in (spec["spec"].get("outputs") or ())
        for name in re.findall(r"\$\{(\w+)", str(item))
    }
    result = {}
    databases: dict[str, tuple[str, str]] = {}
    for name, (named, source) in given.items():
        properties = source.properties
        if source.uses == "database@1":
            # Tables of one schema share a file; those of another one may have the same names.
            url, schema = str(properties.get("url", "")), str(properties.get("schema", ""))
            names = [plain := _file_name(url) or "source", _file_name(f"{plain}_{schema}"), name]
            database = next(one for one in names if databases.setdefault(one, (url, schema)) == (url, schema))
            variable = _variable(database, used)
            path = f"{SAMPLE}/{database}.sqlite"
            result[name] = Place(variable, path, url, _system(variable.removesuffix("_DATA")))
        elif source.uses == "data-product@1":
            registry_ = str(properties.get("addresses", ""))
            result[name] = Place("ADDRESSES", f"{SAMPLE}/{name}.parquet", registry_, named.partition("?")[0])
        else:
            path = f"{SAMPLE}/{name}{suffix(properties)}"
            real = str(properties.get("path") or f"/path/to/{Path(path).name}")
            result[name] = Place(_variable(name, used), path, real, _system(name))
    return result


def _file_name(url: str) -> str:
    """Return a file's name for a database, from its URL; empty if that names none."""
    last = url.partition("?")[0].rstrip("/").rpartition("/")[2]
    return re.sub(r"_(sqlite3?|db)$", "", identifier(last)) if last else ""


def _system(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", latin(name).lower()).strip("-")
    return f"system:{plain if plain[:1].isalpha() else 'source'}"


def _variable(name: str, used: set[str]) -> str:
    plain = re.sub(r"\W+", "_", latin(name)).lower()
    return (
        f"{plain}_data".upper()
        if plain in _OF_THE_MACHINE or plain in used or not re.match("[a-z]", plain)
        else plain.upper()
    )


def change(
    spec: Any,
    data: Dataset,
    sources: Mapping[str, Source],
    where: Mapping[str, Place],
    levels: Sequence[Any],
    notes: list[str],
) -> None:
    """Change the value of data-product.yaml in place; `notes` gets sentences on what a person has to do."""
    body = spec["spec"]
    proposed: list[Flow] = []
    _describe(body, data, proposed)
    selected = max(
        (classification(column.field, body["classification"]) for column in data.columns),
        key=CLASSIFICATIONS.index,
    )
    proposed += _raised(body, selected)
    body.ca.items.pop("inputs", None)  # what a product without inputs says there
    body["inputs"] = ruamel([_input(name, source, where[name]) for name, source in sources.items()])
    if any(source.uses != "data-product@1" for source in sources.values()):
        proposed.append(
            Flow(at="spec.inputs", reason="The systems in `from` are guessed from the names of the inputs.")
        )
    if any(is_server(source) for source in sources.values()):
        environments = body.setdefault("environments", ruamel({}))
        production = environments.setdefault("production", ruamel({}))
        inputs = production.setdefault("inputs", ruamel({}))
        for name, source in sources.items():
            inputs[name] = ruamel({"properties": _real(source, where[name])})
    _drop_bindings(body, sources)
    there = {column.name for column in data.columns}
    mine = [
        level
        for level in body.get("serviceLevels") or ()
        if level.get("name") not in {"fresh", "airline-known", *(one["name"] for one in levels)}
        and level.get("column", next(iter(there))) in there
    ]
    body["serviceLevels"] = ruamel([*(Flow(level) for level in levels), *(Flow(level) for level in mine)])
    notes += _without_traits(body)
    ports = [item["name"] for item in body["outputs"]]
    cases = body.get("useCases") or []
    if not cases or all(
        USE_CASES.get(str(item.get("name"))) == (item.get("users"), item.get("action")) for item in cases
    ):
        name = f"Analysis of {_plural(data.base.name)}"
        team = str(body["owner"].get("team") or body["owner"].get("name") or "The owner's team")
        body["useCases"] = ruamel(
            [Flow(name=name, users=[team], action="Decide with what the data shows", outputs=ports[:1])]
        )
        proposed.append(
            Flow(at="spec.useCases", reason="Who uses the data set, and for what, is not in the data.")
        )
    _mark(spec, proposed)


def raise_classification(spec: Any, selected: str) -> None:
    """Raise the classification in the value of data-product.yaml to `selected`, as a proposal."""
    _mark(spec, _raised(spec["spec"], selected))


def _raised(body: Any, selected: str) -> list[Flow]:
    """Raise the classification if `selected` is above it; return the marks."""
    if CLASSIFICATIONS.index(selected) <= CLASSIFICATIONS.index(body["classification"]):
        return []
    body["classification"] = selected
    marks = [Flow(at="spec.classification", reason="The contract has a column that is as sensitive.")]
    if (
        CLASSIFICATIONS.index(selected) > CLASSIFICATIONS.index(OPEN_UP_TO)
        and body["access"].get("mode") == "open"
    ):
        body["access"]["mode"] = "approval-required"
        marks.append(Flow(at="spec.access.mode", reason=f"Data that is {selected} cannot be open."))
    return marks


def _mark(spec: Any, proposed: Sequence[Flow]) -> None:
    """Add marks of proposals to the value of data-product.yaml."""
    if not isinstance(spec.get("extensions"), dict) or not spec["extensions"]:
        spec["extensions"] = ruamel({})
    mine = {mark["at"] for mark in proposed}
    old = [Flow(mark) for mark in spec["extensions"].get("proposed") or [] if mark.get("at") not in mine]
    if old or proposed:
        spec["extensions"]["proposed"] = ruamel([*old, *proposed])


def _drop_bindings(body: Any, sources: Mapping[str, Source]) -> None:
    """Remove what environments say of inputs that are no longer there."""
    environments = body.get("environments") or {}
    for name in [*environments]:
        inputs = environments[name].get("inputs")
        if isinstance(inputs, dict):
            for one in [one for one in inputs if one not in sources]:
                del inputs[one]
            if not inputs:
                del environments[name]["inputs"]
        if not environments[name]:
            del environments[name]
    if "environments" in body and not environments:
        del body["environments"]


def _without_traits(body: Any) -> list[str]:
    """Remove traits that are as the template wrote them and name columns of its example; return a sentence on each."""
    examples = [
        load_text(text)
        for entry in registry.capabilities()
        if entry.kind == "traits" and entry.of_columns
        for text in (entry.example, entry.consumer_example)
        if text
    ]
    traits = body.get("traits") or []
    notes: list[str] = []
    for index in reversed(range(len(traits))):
        if any(traits[index] == item for example in examples for item in example):
            properties = ", ".join(traits[index].get("properties") or ())
            notes.append(
                f"{traits[index]['uses']} was removed from spec.traits, because it names columns of the template's example. "
                f"If the product needs it, add it again with columns of your data ({properties})."
            )
            del traits[index]
    return notes[::-1]


def _describe(body: Any, data: Dataset, proposed: list[Flow]) -> None:
    description = body.get("description")
    description = description if isinstance(description, dict) else {}
    keep = {
        key: text
        for key, text in description.items()
        if isinstance(text, str) and not ABOUT_FLIGHTS.search(text) and not re.search("REPLACE-ME", text)
    }
    if "purpose" not in keep:
        others = [singular(link.parent).replace("_", " ") for link in data.joins]
        known = f", with what is known of its {enumerated(others)}" if others else ""
        purpose = sentence(f"{_plural(data.base.name)}, one row each{known}")
        proposed.append(
            Flow(at="spec.description.purpose", reason="What the product is for is not in the data.")
        )
        keep = {"purpose": purpose, **keep}
    key = data.key
    if "usage" not in keep and key:
        together = "is the key" if len(key) == 1 else "together are the key"
        keep["usage"] = sentence(
            f"One row for each {singular(data.base.name).replace('_', ' ')}; {', '.join(column.name for column in key)} {together}"
        )
    body["description"] = ruamel(keep)


def _plural(name: str) -> str:
    return name.replace("_", " ")


def _input(name: str, source: Source, place: Place) -> dict[str, Any]:
    given = {
        key: value
        for key, value in source.properties.items()
        if key not in ("path", "url", "schema", "password", "addresses", "from", "address")
    }
    if source.uses == "database@1":
        properties = {"url": f"${{{place.variable}:-sqlite:///{place.path}}}", **given}
    elif source.uses == "data-product@1":
        properties = {"addresses": f"${{ADDRESSES:-{SAMPLE}/addresses.yaml}}", **given}
    else:
        properties = {"path": f"${{{place.variable}:-{place.path}}}", **given}
    return {
        "name": name,
        "uses": source.uses,
        "from": place.origin,
        "properties": Flow(properties),
    }


def is_server(source: Source) -> bool:
    """Return True for a table of a database that is no file."""
    return source.uses == "database@1" and not str(source.properties.get("url", "")).startswith("sqlite")


def _real(source: Source, place: Place) -> Flow:
    """Return the properties of the real data: a variable without a default, so that no run reads the sample instead.

    The address of a database is known, except from a dbt project.
    """
    if source.uses == "data-product@1":
        return Flow(addresses=f"${{{place.variable}}}")
    if not is_server(source):
        return Flow({"url" if source.uses == "database@1" else "path": f"${{{place.variable}}}"})
    given = {key: value for key, value in source.properties.items() if key in ("url", "schema", "password")}
    return Flow({"url": f"${{{place.variable}}}", **given})


def service_levels(data: Dataset, shares: Mapping[str, float], rows: int) -> list[dict[str, Any]]:
    """Return the service levels that can be measured: freshness, completeness and volume.

    `shares`: column -> the smaller per cent of its rows that have a value, at the source and in the sample. `rows`: those
    of the smaller one; 0 if there are none at the source.
    """
    levels: list[dict[str, Any]] = [{"name": "fresh", "indicator": "freshness", "objective": "<= 24h"}]
    nearly = [(name, share) for name, share in shares.items() if 90 <= share < 100]
    for name, share in nearly[:3]:
        objective = int(share) - 1 if share > 91 else int(share)
        levels.append(
            {
                "name": f"{name.replace('_', '-')}-known",
                "indicator": "completeness",
                "column": name,
                "objective": f">= {objective}%",
            }
        )
    if rows:
        levels.append({"name": "rows", "indicator": "volume", "objective": f">= {max(1, rows // 2)} rows"})
    return levels
