"""The SQL of a dbt model with the names of what it reads, where that is certain without running any of its Jinja."""

from __future__ import annotations

import re

from meshwright.inspection.dbt_nodes import nodes_read

CALL = re.compile(r"\{\{-?\s*(?P<what>.*?)\s*-?\}\}", re.DOTALL)
READ = re.compile(r"ref\s*\([^(){},]*\)|source\s*\([^(){},]*,[^(){},]*\)")
"""A model of another package can have the name of one of this."""
CONFIG = re.compile(r"config\s*\(.*\)", re.DOTALL)
LATER_RUNS = re.compile(
    r"\{%-?\s*if\s+is_incremental\(\)\s*-?%\}\s*(?:where|and|qualify)\b(?P<body>.*?)\{%-?\s*endif\s*-?%\}",
    re.DOTALL | re.IGNORECASE,
)
"""A condition that only later runs of an incremental model have: it chooses rows, and makes no column."""
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)


def strictly_rendered(text: str) -> tuple[str, dict[str, str]] | None:
    """Return a model's SQL, and the name in it -> the node that it reads; None if it has other Jinja.

    A macro could bring any columns in, so that nothing is known of a model that has one.
    """
    nodes: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        if CONFIG.fullmatch(match["what"]):
            return ""
        read = nodes_read(match["what"]) if READ.fullmatch(match["what"]) else ()
        if len(read) != 1:
            return match[0]
        known = next((alias for alias, node in nodes.items() if node == read[0]), f"mw_node_{len(nodes)}")
        nodes[known] = read[0]
        return f" {known} "

    def later(match: re.Match[str]) -> str:
        other = re.search(r"\b(?:union|intersect|except)\b|\{%", match["body"], re.IGNORECASE)
        return match[0] if other else ""

    sql = CALL.sub(name, LATER_RUNS.sub(later, COMMENT.sub("", text)))
    return None if "{%" in sql or "{{" in sql else (sql, nodes)
