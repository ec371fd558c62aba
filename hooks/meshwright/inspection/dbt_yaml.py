"""Read what YAML files of a dbt project describe. What has a shape that dbt refuses is passed over: dbt reports it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshwright.core.yaml import Document
from meshwright.inspection.dbt_nodes import DbtColumn, DbtNode, DbtTest, listed, nodes_read

SECTIONS = {"models": "model", "seeds": "seed", "snapshots": "snapshot"}
"""List in a YAML file -> kind of its nodes."""


def described(document: Document, path: str) -> dict[tuple[str, str], DbtNode]:
    """Return the nodes that a YAML file describes, by kind and name."""
    nodes: dict[tuple[str, str], DbtNode] = {}
    if not isinstance(document.value, dict):
        return nodes
    for section, kind in SECTIONS.items():
        for _, entry in document.items(section):
            if entry.get("name"):
                nodes[kind, str(entry["name"])] = node_of(kind, str(entry["name"]), entry, path)
    for _, source in document.items("sources"):
        for table in listed(source.get("tables")):
            if isinstance(table, dict) and table.get("name") and source.get("name"):
                name = f"{source['name']}.{table['name']}"
                config = _mapping(source, "config") | _mapping(table, "config")
                given = {
                    "database": source.get("database"),
                    "schema": source.get("schema") or source["name"],
                    "identifier": table["name"],
                    "loaded_at_field": source.get("loaded_at_field"),
                    "description": source.get("description"),
                    "freshness": source.get("freshness"),
                    **{key: value for key, value in table.items() if value is not None},
                    "config": config,
                    "meta": _meta(source) | _meta(table),
                }
                nodes["source", name] = node_of("source", name, given, path)
    for _, entry in document.items("exposures"):
        if entry.get("name"):
            nodes["exposure", str(entry["name"])] = node_of("exposure", str(entry["name"]), entry, path)
    return nodes


def node_of(kind: str, name: str, entry: Mapping[str, Any], path: str) -> DbtNode:
    config = _mapping(entry, "config")
    depends = " ".join(f"{{{{ {one} }}}}" for one in listed(entry.get("depends_on")) if isinstance(one, str))
    return DbtNode(
        kind,
        name,
        described_in=path,
        description=str(entry.get("description") or "").strip(),
        columns=tuple(
            _column(column)
            for column in listed(entry.get("columns"))
            if isinstance(column, dict) and column.get("name")
        ),
        tests=_tests(entry),
        reads=nodes_read(depends) if kind == "exposure" else (),
        materialized=str(config.get("materialized") or ""),
        database=str(entry.get("database") or config.get("database") or ""),
        schema=str(entry.get("schema") or config.get("schema") or ""),
        identifier=str(entry.get("identifier") or config.get("alias") or ""),
        owner=owner_of(entry),
        loaded_at=str(entry.get("loaded_at_field") or config.get("loaded_at_field") or ""),
        freshness=_freshness(entry.get("freshness") or config.get("freshness")),
        tags=_texts(entry.get("tags")) + _texts(config.get("tags")),
        meta=_meta(entry),
        constraints=tuple(
            (str(one.get("type")), _texts(one.get("columns")))
            for one in listed(entry.get("constraints"))
            if isinstance(one, dict)
        ),
        url=str(entry.get("url") or ""),
    )


def _column(entry: Mapping[str, Any]) -> DbtColumn:
    return DbtColumn(
        str(entry["name"]),
        str(entry.get("data_type") or ""),
        str(entry.get("description") or "").strip(),
        _tests(entry),
        tuple(str(one.get("type")) for one in listed(entry.get("constraints")) if isinstance(one, dict)),
        _meta(entry),
    )


def _tests(entry: Mapping[str, Any]) -> tuple[DbtTest, ...]:
    """Return the tests of a column or a table, in any of dbt's spellings."""
    tests = []
    for one in [*listed(entry.get("tests")), *listed(entry.get("data_tests"))]:
        if isinstance(one, str):
            tests.append(DbtTest(one))
        elif isinstance(one, dict) and one:
            named = one.get("test_name")
            name, given = (str(named), one) if named else next(iter(one.items()))
            given = given if isinstance(given, dict) else {}
            tests.append(DbtTest(str(name), {**given, **_mapping(given, "arguments")}))
    return tuple(tests)


def _mapping(entry: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = entry.get(key)
    return dict(value) if isinstance(value, dict) else {}


def _meta(entry: Mapping[str, Any]) -> dict[str, Any]:
    return _mapping(entry, "meta") | _mapping(_mapping(entry, "config"), "meta")


def owner_of(entry: Mapping[str, Any]) -> str:
    """Return who answers for a node: e-mail address before name, `owner` before `meta` before `group`."""
    for given in (entry.get("owner"), _meta(entry).get("owner")):
        if isinstance(given, dict):
            given = given.get("email") or given.get("name")
            given = given[0] if isinstance(given, list) and given else given
        if isinstance(given, str) and given:
            return given
    return str(entry.get("group") or _mapping(entry, "config").get("group") or "")


def _freshness(value: Any) -> str:
    """Return the age at which dbt reports an error, or else warns; empty if neither is set."""
    for key in ("error_after", "warn_after"):
        given = value.get(key) if isinstance(value, dict) else None
        if isinstance(given, dict) and isinstance(given.get("count"), int) and given.get("period"):
            return f"{given['count']} {given['period']}{'s' if given['count'] != 1 else ''}"
    return ""


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(map(str, listed(value)))


def groups_of(document: Document) -> dict[str, str]:
    return {str(group["name"]): owner_of(group) for _, group in document.items("groups") if group.get("name")}
