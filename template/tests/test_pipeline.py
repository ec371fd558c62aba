"""The pipeline keeps the promises of data-product.yaml and the contract, on the sample."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:  # folders of tests may have a conftest.py each
    from conftest import Run


def test_every_port_serves_the_data_set_of_the_contract(sample_run: Run) -> None:
    contract = yaml.safe_load(sample_run.product.contract.read_text("utf-8"))
    (table,) = contract["schema"]
    promised = [column.get("physicalName", column["name"]) for column in table["properties"]]
    assert sample_run.report["rowsOut"] > 0
    for port in sample_run.product.outputs:
        served = port.module().read(port, sample_run.product)
        assert served.column_names == promised
        assert served.num_rows == sample_run.report["rowsOut"]


def test_every_input_has_rows(sample_run: Run) -> None:
    assert all(rows > 0 for rows in sample_run.report["rowsIn"].values())


def test_every_check_of_the_contract_passed(sample_run: Run) -> None:
    assert {check["result"] for check in sample_run.report["checks"]} == {"passed"}


def test_every_service_level_was_measured_and_kept(sample_run: Run) -> None:
    slis = json.loads((sample_run.product.root / "build" / "slis.json").read_text("utf-8"))
    assert {level["name"] for level in slis["serviceLevels"]} == {
        level["name"] for level in sample_run.product.service_levels
    }
    # None: there is no earlier publication to compare with.
    assert all(level["kept"] is not False for level in slis["serviceLevels"])
