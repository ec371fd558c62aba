"""Rules on the capabilities that a product uses: known, of the right kind, and with their code in the repository."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshwright.check.rules.base import Rule
from meshwright.check.rules.repository import copier, is_declined, restore
from meshwright.core.text import listed
from meshwright.core.yaml import Document, Keys, inside
from meshwright.product import registry
from meshwright.product.dbt_folders import folders
from meshwright.product.environments import names
from meshwright.product.files import SPEC
from meshwright.product.problem import Problem

if TYPE_CHECKING:
    from meshwright.mesh.lineage import Issue

STARTERS = ("schedule", "trigger", "airflow", "dagster")
"""Traits that start runs."""


def used(spec: Document) -> Iterator[tuple[str, Keys, dict[str, Any]]]:
    """Yield every use of a capability in the spec: its kind, its place, and the entry."""
    for kind in ("inputs", "outputs", "traits"):
        for keys, item in spec.items(f"spec.{kind}"):
            yield kind, keys, item
    for kind, name in (
        ("transforms", "transform"),
        ("platforms", "platform"),
        ("infrastructure", "infrastructure"),
    ):
        item = spec.get(f"spec.{name}")
        if isinstance(item, dict):
            yield kind, ("spec", name), item
    for name in names(spec):
        yield from _bound(spec.value["spec"]["environments"][name], ("spec", "environments", name))


def _bound(environment: Any, place: Keys) -> Iterator[tuple[str, Keys, dict[str, Any]]]:
    if not isinstance(environment, dict):
        return
    bound: list[tuple[str, Keys, Any]] = [("platforms", ("platform",), environment.get("platform"))]
    for kind in ("inputs", "outputs"):
        items = environment.get(kind)
        bound += [
            (kind, (kind, name), item) for name, item in (items if isinstance(items, dict) else {}).items()
        ]
    for kind, keys, item in bound:
        if isinstance(item, dict) and "uses" in item:
            yield kind, (*place, *keys), item


class CapabilityKnown(Rule):
    """Every capability that the product uses is in the registry, in the given version."""

    broken = {SPEC: {"spec": {"transform": {"uses": "alchemy@1"}}}}

    def check(self, spec: Document) -> Iterator[Problem]:
        for kind, keys, item in used(spec):
            uses = item.get("uses")
            if isinstance(uses, str) and uses and registry.find(kind, uses) is None:
                known = listed(entry.uses for entry in registry.capabilities() if entry.kind == kind)
                yield Problem(
                    spec,
                    (*keys, "uses"),
                    f"The registry has no {registry.KINDS[kind]} {uses}.",
                    f"Use one of: {known}. `meshwright capabilities` explains them.",
                )


class CapabilityInstalled(Rule):
    """The code of every capability that the product uses is in the repository.

    The code comes from a blueprint. Copier's answers list the blueprints that a repository was made with; another one
    is added with `copier update --data`.
    """

    broken = {
        SPEC: {
            "spec": {
                "outputs": [
                    {"name": "tables", "uses": "delta@1", "properties": {"path": "build/ports/tables"}}
                ]
            }
        }
    }

    def check(self, root: Path, spec: Document, answers: dict[str, Any]) -> Iterator[Problem]:
        replaced = {path for _, entry in replacing(spec) for path in entry.replaces}
        for kind, keys, item in used(spec):
            entry = registry.find(kind, item["uses"]) if isinstance(item.get("uses"), str) else None
            chosen = answers.get(kind)
            # Of its CI files, a repository has only those of its forge, if any.
            brought = entry is not None and (
                entry.name in chosen if isinstance(chosen, list) else entry.name == chosen
            )
            elsewhere = ".github/" if brought and answers.get("forge") == "gitlab" else ".gitlab/"
            needed = [path for path in entry.files if path not in entry.optional] if entry else []
            missing = [
                path
                for path in needed
                if not path.startswith(elsewhere)
                and path not in replaced
                and not inside(root, path)
                and not is_declined(path, answers)
            ]
            if entry and kind == "infrastructure" and not brought and not missing:
                yield from _elsewhere(spec, keys, entry, chosen, root)
            if not entry or not missing:
                continue
            fix = restore(missing, root, answers)
            instead = [one for one in _answered(answers) if set(missing) <= set(one.replaces)]
            if instead:
                fix = f"Add `- uses: {instead[0].uses}` to spec.traits: Copier's answers have it, and its files do what this one did."
            elif isinstance(chosen, list | str) and not brought:
                answer = (
                    json.dumps([*_kept(chosen, spec), entry.name]) if isinstance(chosen, list) else entry.name
                )
                data = shlex.quote(f"{kind}={answer}")
                fix = f"Commit (`git commit --no-verify`), then run `{copier('update', root)} --defaults --data {data}`."
                here = next(
                    (
                        one
                        for one in registry.capabilities()
                        if (one.kind, one.name) == (kind, chosen) and one.files
                    ),
                    None,
                )
                fix += f" Or write `uses: {here.uses}`, whose files are there." if here else ""
            elif not answers:
                fix = f"Copy it from the template's blueprints/{kind}/{entry.name}/."
            detail = f"{entry.uses} needs {', '.join(missing)}, which is missing."
            yield Problem(spec, (*keys, "uses"), detail, fix)


def _elsewhere(
    spec: Document, keys: Keys, entry: registry.Capability, chosen: Any, root: Path
) -> Iterator[Problem]:
    """Yield that the repository was given the files of one place to run, and its spec names another one."""
    places = [one for one in registry.capabilities() if one.kind == "infrastructure" and one.name == chosen]
    for place in places:
        detail = f"Copier's answers have infrastructure: {place.name}, and the spec runs by {entry.uses}."
        command = f"{copier('update', root)} --defaults --data infrastructure={entry.name}"
        fix = f"Write `uses: {place.uses}`, or go back: commit (`git commit --no-verify`), then run `{command}`."
        yield Problem(spec, (*keys, "uses"), detail, fix)


def _kept(chosen: list[Any], spec: Document) -> list[Any]:
    """Return the chosen capabilities without those that start runs and that the spec has no more: Copier takes one alone."""
    uses = {str(item.get("uses")).partition("@")[0] for _, _, item in used(spec)}
    return [name for name in chosen if name not in STARTERS or name in uses]


def _answered(answers: dict[str, Any]) -> list[registry.Capability]:
    """Return the traits that Copier's answers have."""
    names = answers.get("traits")
    names = names if isinstance(names, list) else []
    return [one for one in registry.capabilities() if one.kind == "traits" and one.name in names]


def replacing(spec: Document) -> list[tuple[Keys, registry.Capability]]:
    """Return the traits that do what files of other capabilities do, and their places."""
    entries = [
        (keys, registry.find("traits", str(item.get("uses")))) for keys, item in spec.items("spec.traits")
    ]
    return [(keys, entry) for keys, entry in entries if entry and entry.replaces]


class OneStartsTheRuns(Rule):
    """An orchestrator that starts the runs is alone: the repository has no other one, and no workflow that does the same.

    A run that two start is at best made twice. With a trait such as `airflow@1`, the trait `schedule@1` still says when; without
    it, the orchestrator itself waits for the inputs, as `trigger@1` would.
    """

    broken = {
        SPEC: {
            "spec": {
                "traits": [
                    {"uses": "airflow@1"},
                    {"uses": "schedule@1", "properties": {"cron": "0 5 * * *"}},
                ]
            }
        }
    }

    def check(self, root: Path, spec: Document) -> Iterator[Problem]:
        for number, (keys, entry) in enumerate(replacing(spec)):
            present = [path for path in entry.replaces if inside(root, path)]
            if present:
                detail = f"{entry.uses} starts the runs, and {', '.join(present)} starts them too."
                yield Problem(spec, (*keys, "uses"), detail, f"Run `git rm {shlex.join(present)}`.")
            triggers = [
                item["uses"]
                for _, item in spec.items("spec.traits")
                if str(item.get("uses")).startswith("trigger@")
            ]
            if number or triggers:
                detail = f"{entry.uses} starts the runs, and {listed(triggers) or 'another trait'} does."
                yield Problem(spec, (*keys, "uses"), detail, "Remove one of the two traits.")


class InputsFitType(Rule):
    """A source-oriented product reads an operational system; a consumer-oriented one reads another data product."""

    broken = {SPEC: {"spec": {"type": "consumer-oriented"}}}

    def check(self, spec: Document) -> Iterator[Problem]:
        sources = [str(item.get("from")) for _, item in spec.items("spec.inputs")]
        needed = {
            "source-oriented": ("system:", "an operational system"),
            "consumer-oriented": ("dp:", "another data product"),
        }
        prefix, words = needed.get(str(spec.get("spec.type")), ("", ""))
        if sources and not any(source.startswith(prefix) for source in sources):
            yield Problem(
                spec,
                ("spec", "type"),
                f"The product is {spec.get('spec.type')}, but no input reads {words}.",
                f"Add an input whose `from` starts with {prefix}, or fix spec.type.",
            )


class InputFitsSource(Rule):
    """An input uses a capability that can read its source: a data product, or a system."""

    broken = {
        SPEC: {
            "spec": {
                "inputs": [
                    {
                        "name": "flights",
                        "uses": "file@1",
                        "from": "dp:airport-operations/flights#lake",
                        "properties": {"path": "sample_data/flights.csv"},
                    },
                    {
                        "name": "airlines",
                        "uses": "file@1",
                        "from": "system:reference-data",
                        "properties": {"path": "sample_data/airlines.csv"},
                    },
                ]
            }
        }
    }

    def check(self, spec: Document) -> Iterator[Problem]:
        for keys, item in spec.items("spec.inputs"):
            entry = registry.find("inputs", item["uses"]) if isinstance(item.get("uses"), str) else None
            source = str(item.get("from"))
            prefix = {"system": "system:", "data-product": "dp:"}.get(entry.reads if entry else "")
            if entry and prefix and re.match("system:|dp:", source) and not source.startswith(prefix):
                fitting = ", ".join(
                    other.uses
                    for other in registry.capabilities()
                    if other.kind == "inputs" and other.reads != entry.reads
                )
                yield Problem(
                    spec,
                    (*keys, "from"),
                    f"{entry.uses} cannot read {source}.",
                    f"Use {fitting}, or give a source that starts with {prefix}.",
                )


class ReadsOthersOnly(Rule):
    """A product does not read itself."""

    broken = {
        SPEC: {
            "metadata": {"domain": "airport-operations", "name": "departures"},
            "spec": {
                "inputs": [
                    {
                        "name": "departures",
                        "uses": "data-product@1",
                        "from": "dp:airport-operations/departures#lake",
                        "properties": {"addresses": SPEC},
                    }
                ]
            },
        }
    }

    def check(self, spec: Document) -> Iterator[Problem]:
        own = f"dp:{spec.get('metadata.domain')}/{spec.get('metadata.name')}#"
        for keys, item in spec.items("spec.inputs"):
            if str(item.get("from")).startswith(own):
                yield Problem(
                    spec,
                    (*keys, "from"),
                    f"{item['from']} is a port of this product itself.",
                    "Read another product.",
                )


class PortsReadExist(Rule):
    """A port that the product reads exists in its source.

    Checks the products of this run and those of the mesh given with `--mesh`; with a mesh, a product that is not in it
    is reported as missing.
    """

    broken = {"twin": "a consumer"}

    def check(self, spec: Document, issues: Sequence[Issue]) -> Iterator[Problem]:
        for issue in issues:
            if issue.kind == "dangling-input":
                yield Problem(spec, (*at_input(spec, issue.input), "from"), issue.sentence, issue.fix)


def at_input(spec: Document, name: str) -> Keys:
    """Return the place of an input, by its name."""
    return next(
        (keys for keys, item in spec.items("spec.inputs") if item.get("name") == name), ("spec", "inputs")
    )


class ModelExists(Rule):
    """The model of the data set is in the repository."""

    broken = {"models/departures.sql": None}

    def check(self, root: Path, spec: Document) -> Iterator[Problem]:
        name = spec.get("spec.dataset.name")
        uses = str(spec.get("spec.transform.uses"))
        if not uses.startswith("dbt@") or not isinstance(name, str) or not re.fullmatch("[a-z0-9_]+", name):
            return  # left to the schema
        if spec.get("spec.inputs") == []:
            return  # there are no data yet to make a model of: InputsGiven
        places = folders(root)
        models = [file for place in places for end in ("sql", "py") for file in place.rglob(f"{name}.{end}")]
        if not any(inside(root, str(model.relative_to(root))) for model in models):
            below = places[0].relative_to(root).as_posix() if places else "models"
            fix = f"Write {below}/{name}.sql, or give the data set the name of its model."
            yield Problem(spec, ("spec", "dataset", "name"), f"There is no model {name} in {below}/.", fix)
