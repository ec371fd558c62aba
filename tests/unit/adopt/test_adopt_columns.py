"""The columns of a model and their types are read from its SQL, which is not run."""

from __future__ import annotations

from pathlib import Path

import pytest
from mesh import write

from meshwright.adopt.columns import columns_of
from meshwright.adopt.dbt_files import OwnProject
from meshwright.inspection.dbt_project import read

FILES = {
    "dbt_project.yml": "name: shop\n",
    "seeds/raw.csv": "id,cents,day,name\n1,250,2026-01-01,a\n2,,2026-01-02,007\n",
    "models/stg.sql": "{{ config(materialized='view') }}\nwith s as (select * from {{ ref('raw') }})\nselect id, cents / 100.0 as amount, day, name from s\n",
    "models/counts.sql": "select day, count(*) as n, sum(amount) as total, max(name) as last_name from {{ ref('stg') }} group by day\n",
    "models/pivot.sql": "{% set ways = ['card', 'cash'] %}\nselect id,\n{% for way in ways -%}\nsum(case when name = '{{ way }}' then 1 else 0 end) as {{ way }}_n{% if not loop.last %},{% endif %}\n{% endfor %}\nfrom {{ ref('stg') }} group by id\n",
    "models/macro.sql": "select id, {{ ours('day') }} as later from {{ ref('stg') }}\n{% if is_incremental() %}where id > (select max(id) from {{ this }}){% endif %}\n",
    "models/jinja.sql": "select {% for c in range(3) %}{{ c }},{% endfor %} 1 as a\n",
    "models/star.sql": "select * from {{ ref('unknown') }}\n",
    "models/broken.sql": "select from where\n",
    "models/loop.sql": "select * from {{ ref('loop') }}\n",
}  # fmt: skip


@pytest.mark.parametrize(
    ("model", "columns"),
    [
        ("stg", {"id": "BIGINT", "amount": "DOUBLE", "day": "DATE", "name": "VARCHAR"}),
        ("counts", {"day": "DATE", "n": "BIGINT", "total": "DOUBLE", "last_name": "VARCHAR"}),
        ("pivot", {"id": "BIGINT", "card_n": "BIGINT", "cash_n": "BIGINT"}),
        ("macro", {"id": "BIGINT", "later": ""}),
        *((model, {}) for model in ("jinja", "star", "broken", "loop")),
    ],
)
def test_columns_of_a_model(model: str, columns: dict[str, str], tmp_path: Path) -> None:
    for path, text in FILES.items():
        write(tmp_path / path, text)
    found = columns_of(OwnProject(tmp_path, read(tmp_path)), model)
    assert {column.name: column.type for column in found} == columns
