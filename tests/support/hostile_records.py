"""A record in which every text is one that breaks out of what it is put into."""

from __future__ import annotations

from records import value

from meshwright.product.record import Record


def hostile() -> Record:
    """A record in which whatever can be a text is one that breaks out of what it is put into."""
    bad = value()
    product = bad["product"]
    product["metadata"] |= {"title": "\x1b[2J<script>alert(1)</script>" + "x" * 100_000, "name": "ev il/../x"}
    product["spec"]["description"]["purpose"] = 'y\x00\u202e: - "{{ ' * 100_000
    product["spec"]["owner"] |= {"name": "\ud800", "email": "a b@c", "team": "../../etc"}
    product["spec"]["outputs"].append({"name": "A b: #", "uses": "we ird@@"})
    product["spec"]["inputs"].append({"name": "x", "uses": "y", "from": "dp:\n---\n/../b#'\"`"})
    product["spec"]["useCases"].append({"name": "A: #" * 100, "users": ["x"], "action": "\n---\nkind: Group"})
    columns = bad["contract"]["schema"][0]["properties"]
    columns[0]["name"] = "col\ud800\n::x"
    columns[1] |= {"description": "z](javascript:alert(1))" * 10_000, "logicalType": "<b>"}
    columns.append(columns[2] | {"name": "n" * 5_000})
    columns.append(columns[2] | {"name": "n" * 4_999})
    bad["contract"]["tags"] = ["A B C", "ü", "x" * 1_000]
    bad["source"]["repository"] = "https://[bad"
    return Record(bad)
