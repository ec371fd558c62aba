"""A product whose repository is on a forge, and a catalog that opens pull requests in it for people who sign in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import oidc_provider_mock
import pytest
from catalog_server import Catalog, catalog
from forge_server import TOKEN, ForgeServer, Hosted
from records import value
from servers import ports
from signed import People, Repository

DEPARTURES = "airport-operations/departures"
POLICY = {
    "apiVersion": "meshwright/v1",
    "kind": "AccessPolicy",
    "roles": {
        "reader": {"kind": "human", "clearance": ["public"], "above": "mask"},
        "service": {"kind": "machine", "clearance": ["public", "internal"], "above": "deny", "maxDays": 30},
    },
}
SPEC = """\
apiVersion: meshwright/v1
kind: DataProduct
metadata: {domain: airport-operations, name: departures, version: 1.0.0}
spec:
  owner: {name: Ada Example, email: ada@example.org, team: operations}
  access: {mode: approval-required, policy: access/policy.yaml}
  outputs:
    - {name: lake, uses: parquet@1}
"""
POLICY_TEXT = """\
apiVersion: meshwright/v1
kind: AccessPolicy
roles:
  reader: {kind: human, clearance: [public], above: mask}
  service: {kind: machine, clearance: [public, internal], above: deny, maxDays: 30}
"""
USERS = [
    *(
        oidc_provider_mock.User(
            sub=name, claims={"email": f"{name.title()}@example.org", "email_verified": True}
        )
        for name in ("bo", "cy", "di", "ed")
    ),
    oidc_provider_mock.User(
        sub="ada@example.org", claims={"email": "x@example.org", "email_verified": False}
    ),
]
"""The last one's id looks like somebody's address, and is none that the provider has verified."""


def product_on(forge: ForgeServer, folder: Path, kind: str = "github") -> Hosted:
    """A repository on the forge with the files that a request is checked against."""
    repository = Repository(folder / f"product-{kind}", People(folder))
    files = {"data-product.yaml": SPEC, "access/policy.yaml": POLICY_TEXT}
    repository.commit("Born", files)
    forge.permissions |= {"contents:write", "pull_requests:write"}
    return forge.host(f"{kind}-example/departures", repository)


def record_at(url: str, **more: Any) -> Any:
    """The record of the product, with its repository at an address."""
    return value(DEPARTURES, policy=POLICY, source__repository=url, **more)


@contextmanager
def asking_catalog(folder: Path, *options: str) -> Iterator[Catalog]:
    """A catalog that people sign in to, with more options."""
    (port,) = ports(1)
    with (
        pytest.MonkeyPatch.context() as patch,
        oidc_provider_mock.run_server_in_thread(port=0, user_claims=USERS, require_nonce=True) as provider,
    ):
        patch.setenv("MESHWRIGHT_LOGIN_SECRET", "of-the-catalog")
        patch.setenv("MESHWRIGHT_CATALOG_FORGE_TOKEN", TOKEN)
        issuer, url = f"http://127.0.0.1:{provider.server_port}", f"http://127.0.0.1:{port}"
        login = ("--login", issuer, "--login-client", "catalog", "--port", str(port), "--url", url)
        with catalog(folder, None, False, *login, *options) as server:
            yield server


def sign_in(browser: httpx.Client, sub: str) -> None:
    form = browser.get("/login?next=/").headers["location"]
    assert browser.get(browser.post(form, data={"sub": sub}).headers["location"]).status_code == 303
