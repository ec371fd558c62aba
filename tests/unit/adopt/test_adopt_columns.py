"""The columns of a model and their types are read from its SQL, which is not run."""

from __future__ import annotations

from pathlib import Path

import pytest
from mesh import write

from meshwright.adopt.columns import columns_of
from meshwright.adopt.dbt_files import OwnProject
from meshwright.adopt.product_files import own_data
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
    "models/schema.yml": "models:\n  - name: mart\n    columns:\n      - {name: country, description: Where.}\n      - {name: Email, data_type: varchar}\n  - name: half\n    columns: [{name: day}, {name: later}]\nsources:\n  - name: erp\n    tables: [{name: customers}, {name: orders}, {name: items, columns: [{name: sku}]}]\n",
    "models/partly.sql": "select i.sku, upper(i.label) as label, s.day from {{ source('erp', 'items') }} i join {{ ref('stg') }} s on s.id = i.id\n",
    "models/items.sql": "select * from {{ source('erp', 'items') }}\n",
    "models/mart.sql": "with c as (select * from {{ source('erp', 'customers') }}), f as (select c.email, c.country, o.ordered_at, o.qty * 2 as twice from c join {{ source('erp', 'orders') }} o on o.customer = c.id) select * from f\n",
    "models/single.sql": "select id, email, upper(name) as loud from {{ source('erp', 'customers') }} where country = 'FR'\n",
    "models/beyond.sql": "select id, loud from {{ ref('single') }}\n",
    "models/half.sql": "select s.*, o.qty, o.day from {{ ref('stg') }} s join {{ source('erp', 'orders') }} o using (id)\n",
    "models/some.sql": "select *, 1 as one from {{ source('erp', 'orders') }}\n",
    "models/helper.sql": "select id, {{ dbt_utils.star(ref('stg')) }} from {{ ref('stg') }}\n",
    "models/call.sql": "select id, count(*) from {{ ref('stg') }} group by id\n",
}  # fmt: skip


@pytest.mark.parametrize(
    ("model", "columns", "are_all"),
    [
        ("stg", {"id": "BIGINT", "amount": "DOUBLE", "day": "DATE", "name": "VARCHAR"}, True),
        ("counts", {"day": "DATE", "n": "BIGINT", "total": "DOUBLE", "last_name": "VARCHAR"}, True),
        ("pivot", {"id": "BIGINT", "card_n": "BIGINT", "cash_n": "BIGINT"}, True),
        ("macro", {"id": "BIGINT", "later": ""}, True),
        ("mart", {"email": "VARCHAR", "country": "", "ordered_at": "", "twice": ""}, True),
        ("single", {"id": "", "email": "", "loud": "VARCHAR"}, True),
        ("beyond", {"id": "", "loud": "VARCHAR"}, True),
        ("items", {"sku": ""}, False),
        ("partly", {"sku": "", "label": "VARCHAR", "day": "DATE"}, True),
        ("some", {"one": "INTEGER"}, False),
        ("helper", {"id": "BIGINT"}, False),
        ("call", {"id": "BIGINT"}, False),
        *((model, {}, False) for model in ("jinja", "star", "broken", "loop")),
    ],
)
def test_columns_of_a_model(model: str, columns: dict[str, str], are_all: bool, tmp_path: Path) -> None:
    for path, text in FILES.items():
        write(tmp_path / path, text)
    found, whole = columns_of(OwnProject(tmp_path, read(tmp_path)), model)
    assert ({column.name: column.type for column in found}, whole) == (columns, are_all)


@pytest.mark.parametrize("model", ["half", "mart", "some", "jinja"])
def test_the_plan_names_a_model_whose_columns_are_not_all_known(model: str, tmp_path: Path) -> None:
    for path, text in FILES.items():
        write(tmp_path / path, text)
    data = own_data(OwnProject(tmp_path, read(tmp_path)), model)
    assert bool([one for one in data.missing if one.startswith(f"model {model}:")]) is (model != "mart")
    assert data.classification == ("confidential" if model == "mart" else "")
