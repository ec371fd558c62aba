"""Rules have the levels of their pages here, whatever level an organisation gives them."""

from __future__ import annotations

import pytest

from meshwright.product import metamodel


@pytest.fixture(autouse=True)
def _usual_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metamodel, "LEVELS", {})
