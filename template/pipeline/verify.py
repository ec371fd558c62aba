"""Stage 3: datacontract-cli verifies the data set against its contract, before anybody can read it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import duckdb
from datacontract.data_contract import DataContract
from open_data_contract_standard.model import OpenDataContractStandard, Server

from pipeline.dataset import Dataset
from pipeline.errors import PromiseBroken, UnreadableInput
from pipeline.spec import Product
from pipeline.sql import identifier

logging.getLogger("datacontract").setLevel(logging.CRITICAL)  # what it finds, the run prints


@dataclass(frozen=True)
class Check:
    """One promise of the contract and what came of it: `passed`, `failed`, `error` or `warning`."""

    name: str
    field: str
    result: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.result}" + (f" ({self.reason})" if self.reason else "")


def read_contract(product: Product) -> OpenDataContractStandard:
    """Reads the contract; a promise that is misspelled would never be checked, so it is refused."""
    run = DataContract(data_contract_file=str(product.contract)).lint()
    wrong = [
        check.reason or check.name for check in run.checks if getattr(check.result, "value", "") != "passed"
    ]
    if wrong:
        raise UnreadableInput(
            f"{product.contract.name}: {'; '.join(wrong)}",
            mend="`uvx prek run --all-files meshwright-check` tells where.",
        )
    return OpenDataContractStandard.from_file(str(product.contract))


def promised_columns(product: Product, contract: OpenDataContractStandard) -> list[str]:
    """The contract's columns in its own order."""
    for table in contract.schema_ or []:
        if table.name == product.dataset:
            return [column.physicalName or column.name for column in table.properties or []]
    raise UnreadableInput(
        f"{product.contract.name}: it says nothing of {product.dataset}, the data set of data-product.yaml.",
        mend=f"Name the contract's schema {product.dataset}.",
    )


def verify(product: Product, contract: OpenDataContractStandard, dataset: Dataset) -> list[Check]:
    """Every check of the contract against the very files that are published next.

    What is promised of each row, the rows that have not changed since they were published have kept already: it is
    asked of the others. What is promised of the data set as a whole is asked of the whole.
    """
    # A database with one view over those files: there, unlike in bare Parquet, types are checked too.
    database = product.scratch / "verify.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"create view {identifier(product.dataset)} as from {dataset.scan}")
    contract = contract.model_copy(deep=True)
    for table in contract.schema_ or []:
        table.physicalName = table.name  # as the view is called, whatever it is called at the ports
    contract.servers = [Server(server="staged", type="duckdb", database=str(database), schema="main")]
    if dataset.changes is None:
        found = _found(contract)
    else:
        whole = _found(_without_rows(contract))
        asked = {check.key for check in whole if check.key}
        changed = {product.dataset: dataset.changes.rows}
        rows = _found(contract, check_categories={"schema"}, filters=changed)
        found = whole + [check for check in rows if check.key not in asked]
    checks = [
        Check(
            check.name or check.type,
            check.field or "",
            str(getattr(check.result, "value", check.result)),
            check.reason or "",
        )
        for check in found
    ]
    if not checks:
        raise UnreadableInput(f"{product.contract.name}: it holds no promise that can be checked.")
    return checks


def _found(contract: OpenDataContractStandard, **options: Any) -> list[Any]:
    """datacontract-cli's own checks, each with what came of it."""
    return DataContract(data_contract=contract, server="staged", **options).test().checks


def _without_rows(contract: OpenDataContractStandard) -> OpenDataContractStandard:
    """The contract without what it promises of each row for itself: a row that has not changed keeps that still."""
    whole = contract.model_copy(deep=True)
    for table in whole.schema_ or []:
        for column in table.properties or []:
            column.required = column.logicalTypeOptions = None
    return whole


def refuse_broken(product: Product, checks: list[Check]) -> None:
    """Raises PromiseBroken if any check failed or could not be made; a warning is told, and no more."""
    broken = [check for check in checks if check.result not in ("passed", "warning")]
    if broken:
        raise PromiseBroken(
            "\n".join(str(check) for check in broken),
            mend=f"Mend the data, or change what {product.contract.name} promises "
            "(with a new major version, if a consumer loses by it).",
        )
