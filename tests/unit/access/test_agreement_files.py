"""Which files are agreements, and by what name: no other file can speak for one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from signed import People, Repository

from meshwright.access.agreement import agreements
from meshwright.check.engine import check
from meshwright.core.git_history import History
from meshwright.product.files import AGREEMENTS

AGREEMENT: dict[str, Any] = {
    "apiVersion": "v0.9.0",
    "kind": "AccessAgreement",
    "id": "delays",
    "status": "requested",
    "description": {"purpose": "Why flights are late."},
    "provider": {"dataProductId": "airport-operations/departures"},
    "consumer": {"teamId": "operations"},
    "roles": [{"role": "reader"}],
    "startTimestamp": "2026-01-01T00:00:00Z",
    "endTimestamp": "2026-06-30T00:00:00Z",
    "customProperties": [
        {"property": "principal", "value": "group:analysts"},
        {"property": "requester", "value": "bo@example.org"},
    ],
}
ELSEWHERE = ("z/delays.yaml", "delays.yml", "a/b/delays.yaml", "Delays.yaml", "delays.yaml.yaml")


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_file_elsewhere_does_not_speak_for_an_agreement(name: str, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    repository = Repository(tmp_path / "product", People(tmp_path / "keys"))
    for path, text in (
        ("delays.yaml", AGREEMENT),
        (name, AGREEMENT | {"description": {"purpose": "Another purpose altogether."}}),
    ):
        file = repository.root / AGREEMENTS / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(text))
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message", "Ask")
    found = {one.path.removeprefix(f"{AGREEMENTS}/"): one for one in agreements(History(repository.root))}
    assert found["delays.yaml"].id == "delays" and not found["delays.yaml"].problem
    assert found[name].id != "delays"
    assert f"{AGREEMENTS}/delays.yaml" in found[name].problem
    reported = {one.file for one in check([repository.root]) if one.rule == "AgreementNamedAsFile"}
    assert {Path(file).relative_to(repository.root / AGREEMENTS).as_posix() for file in reported} == {name}
