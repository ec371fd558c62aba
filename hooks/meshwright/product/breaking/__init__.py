"""What of a product's promises has changed since another commit, and which of it its consumers feel.

About the contract datacontract-cli decides (https://cli.datacontract.com, `breaking`). What it does not look at, and a
consumer does, is decided here, one module a subject: how values are written and stored, who sees them, how long they are
kept, service levels, output ports, rights, roles, the product's name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from meshwright.core.yaml import Document, Unreadable, parse
from meshwright.product.breaking import (
    access_rights,
    contract_rules,
    data_classification,
    port_locations,
    promised_levels,
    row_retention,
    stored_values,
)
from meshwright.product.breaking.kinds_of_change import Comparison, unreadable
from meshwright.product.files import SPEC


def compare(
    root: Path, commit: str, spec: Document, contract: Document, current_policy: Document | None = None
) -> Comparison:
    """Return what has changed since `commit`; raises Unreadable if git cannot say."""
    from meshwright.core.git_history import History, HistoryError

    try:
        history = History(root, commit, anywhere=True)
        text = history.read(SPEC)
        was = parse(SPEC, text) if text is not None else None
        promised = _document(history, was, "spec.dataset.contract")
        policy = _document(history, was, "spec.access.policy")
    except HistoryError as error:
        raise Unreadable(str(error), error.fix) from error
    except Unreadable as error:
        return Comparison(changes=(unreadable(contract, f"What {commit} promises cannot be read: {error}"),))
    if was is None or promised is None:
        return Comparison()
    now = current_policy if current_policy is not None else Document(Path(str(was.get("spec.access.policy"))))
    changes = (
        *contract_rules.by_library(promised, contract),
        *stored_values.of_options(promised, contract),
        *data_classification.of_classifications(was, spec, promised, contract, now),
        *stored_values.of_formats(promised, contract),
        *contract_rules.of_unchecked_rules(promised, contract),
        *promised_levels.of_contract(promised, contract),
        *port_locations.of_ports(was, spec),
        *promised_levels.of_product(was, spec),
        *port_locations.of_locations(was, spec),
        *row_retention.of_rows(was, spec),
        *access_rights.of_rights(was, spec),
        *(access_rights.of_roles(policy, now) if policy is not None and current_policy is not None else ()),
    )
    return Comparison(promised.get("version"), was.get("metadata.version"), changes)


def _document(history: Any, spec: Document | None, place: str) -> Document | None:
    """Return what a commit has at the path that its spec names; None if it has nothing there."""
    path = spec.get(place) if spec else None
    text = history.read(path) if isinstance(path, str) else None
    return parse(str(path), text) if text is not None else None
