"""An agent's query of a PostgreSQL port: its own login, its role's view alone, masked, read-only, and not for long."""

from __future__ import annotations

from pathlib import Path

import pytest
from postgres_product import COLUMNS, SENTINEL, Product, the_make, the_product, the_server  # noqa: F401  fixtures
from records import record

from meshwright.access.targets import postgres
from meshwright.catalog.agents.port_query import QueryFailed, QuerySettings, query
from meshwright.core.errors import Error
from meshwright.product.record import Record

ID, ME = "airport-operations/departures", "id:svc-agent"
PURPOSE = "Count what the role shows"


def published(product: Product, role: str) -> Record:
    """The record of a product whose registry has what `access apply` writes of the role."""
    where = postgres.location(product.port, product.dataset, role)
    view = next(view for view in product.views if view.role == role)
    value = dict(record(ID).value)
    for port in value["product"]["spec"]["outputs"]:
        port["uses"] = "postgres@1"
    columns = {visible.column.name: visible.mask for visible in view.columns}
    until = "2036-01-01T00:00:00+00:00"
    entry = {"role": role, "kind": "machine", **where, "columns": columns, "until": until}
    value["addresses"] = {f"dp:{ID}#lake": {"uses": "postgres@1", "location": where["location"], "version": "1.0.0", "agreements": {"ours": entry}}}  # fmt: skip
    value["readers"] = [{"agreement": "ours", "role": role, "principals": [ME], "until": until}]
    return Record(value)


@pytest.mark.main
def test_a_query_shows_what_the_role_shows_and_changes_nothing(
    product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = published(product, "masked-eu")
    settings = QuerySettings((ME,), (made.outputs[0].location,), 5, 2.0, tmp_path / "queries.jsonl")
    product.apply(ada="masked-eu")
    monkeypatch.setenv("PGUSER", product.login("ada"))
    answer = query(made, "lake", "ours", "select * from port order by id", PURPOSE, settings)
    assert [one["name"] for one in answer["columns"]] == list(COLUMNS)
    assert [one["mask"] for one in answer["columns"]] == [None, None, "domain", "year", "year", "empty"]
    assert [row[:3] for row in answer["rows"]] == [[1, "EU", "example.org"]]
    assert SENTINEL not in str(answer)
    endless = "select count(*) from generate_series(1, 1), " + ", ".join(f"port p{n}" for n in range(40))
    with pytest.raises(Error):
        query(made, "lake", "ours", endless, PURPOSE, settings)
    with pytest.raises(QueryFailed, match="QueryCanceled"):
        sql = "with recursive r(n) as (select 1 union all select n + 1 from r) select max(n) from r, port"
        query(made, "lake", "ours", sql, PURPOSE, settings)
    for other in ("agents.full", f'"{product.schema}"."{product.dataset}"', "pg_catalog.pg_authid"):
        with pytest.raises(Error, match="not the port"):
            query(made, "lake", "ours", f"select * from {other}", PURPOSE, settings)
    monkeypatch.setenv("PGUSER", product.login("eve"))
    with pytest.raises(QueryFailed, match="InsufficientPrivilege"):
        query(made, "lake", "ours", "select * from port", PURPOSE, settings)
