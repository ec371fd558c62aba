"""Secrets: refused in the spec by its rules, and anywhere in a repository by its hooks."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checkout import git
from conftest import ALL, BIN, Make, findings
from test_rules import edit, merged

from meshwright.registry import capabilities
from meshwright.rules.secrets import REFERENCE

Copy = Callable[[Path], Path]
INPUT = {"name": "flights", "uses": "database@1", "from": "system:flight-operations"}
REST = {"name": "flights", "uses": "rest-api@1", "from": "system:flight-operations"}


def found(product: Path, patch: dict[str, Any]) -> set[str]:
    """The rules about secrets that a change of the spec breaks. What was planted is never repeated."""
    edit(product / "data-product.yaml", lambda spec: merged(spec, {"spec": patch}))
    said = findings(product)
    assert "planted" not in str(said)
    return {finding.rule for finding in said} & {"SecretsByReference", "NoPasswordInUrl"}


def _input(**properties: Any) -> dict[str, Any]:
    return {
        "inputs": [
            {
                **INPUT,
                "properties": {"url": "postgresql://reader@db.example.org/b", "table": "t", **properties},
            }
        ]
    }


def _bound(**properties: Any) -> dict[str, Any]:
    environments = {"production": {"inputs": {"flights": {"properties": properties}}}}
    return {**_input(), "environments": environments}


@pytest.mark.parametrize("patch", [_input, _bound])
@pytest.mark.parametrize(
    "value", ["planted", "${PASSWORD:-planted}", "x${PASSWORD}", "${PASSWORD}${OTHER}", 5]
)
def test_a_secret_in_the_spec_is_refused(
    patch: Callable[..., Any], value: Any, copy_of: Copy, departures: Path
) -> None:
    assert found(copy_of(departures), patch(password=value)) == {"SecretsByReference"}


@pytest.mark.parametrize("patch", [_input, _bound])
def test_a_reference_to_a_secret_is_kept(patch: Callable[..., Any], copy_of: Copy, departures: Path) -> None:
    assert found(copy_of(departures), patch(**{"password": "${PASSWORD}"})) == set()


def test_a_secret_deep_in_the_properties_is_found(copy_of: Copy, departures: Path) -> None:
    properties = {"url": "https://api.example.org", "auth": {"type": "bearer", "token": "planted"}}
    rules = found(copy_of(departures), {"inputs": [{**REST, "properties": properties}]})
    assert rules == {"SecretsByReference"}


@pytest.mark.parametrize("patch", [_input, _bound])
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://reader:planted@db.example.org/b",
        "${BOOKINGS:-postgresql://reader:planted@db.example.org/b}",
        "postgresql://:planted@db.example.org/b",
        "postgresql://reader:${PASSWORD:-planted}@db.example.org/b",
        "postgresql://db.example.org/b?user=reader&password=planted",
    ],
)
def test_a_url_with_a_password_is_refused(
    patch: Callable[..., Any], url: str, copy_of: Copy, departures: Path
) -> None:
    assert found(copy_of(departures), patch(url=url)) == {"NoPasswordInUrl"}


@pytest.mark.parametrize(
    "url",
    [
        "${BOOKINGS:-sqlite:///sample_data/flights.sqlite}",
        "postgresql://reader@db.example.org:5432/b?sslmode=require",
        "postgresql://reader:${PASSWORD}@db.example.org/b",
        "https://api.example.org/at:noon/ada@example.org",
    ],
)
def test_a_url_without_one_is_kept(url: str, copy_of: Copy, departures: Path) -> None:
    assert found(copy_of(departures), _input(url=url)) == set()


def test_every_capability_says_of_its_secrets_that_they_are_references() -> None:
    def patterns(schema: Any) -> list[Any]:
        if isinstance(schema, list):
            return [pattern for part in schema for pattern in patterns(part)]
        if not isinstance(schema, dict):
            return []
        own = [schema.get("pattern")] if schema.get("writeOnly") is True else []
        return own + [pattern for part in schema.values() for pattern in patterns(part)]

    said = {pattern for entry in capabilities() for pattern in patterns(entry.properties)}
    assert said == {f"^{REFERENCE.pattern}$"}


@pytest.fixture(scope="module")
def repository(make: Make) -> Path:
    """A fresh product with all that there is, committed."""
    product = make("secrets", **ALL)
    git("init", "--quiet", "--initial-branch", "main", cwd=product)
    git("add", "--all", cwd=product)
    git("commit", "--quiet", "--message", "As it was made", cwd=product)
    return product


def hook(product: Path, name: str) -> subprocess.CompletedProcess[str]:
    git("add", "--all", "--force", cwd=product)
    return subprocess.run(
        [BIN / "prek", "run", "--all-files", name], cwd=product, capture_output=True, text=True
    )


PLANTED = "tr0ub4dor-3xample"


@pytest.mark.slow
def test_planted_passwords_are_found_and_a_fresh_product_has_none(copy_of: Copy, repository: Path) -> None:
    product = copy_of(repository)
    (product / "uv.lock").write_text(f'hash = "sha256:{"0a1b2c3d" * 8}"\n')
    quiet = hook(product, "detect-secrets")
    assert quiet.returncode == 0, quiet.stdout + quiet.stderr
    (product / "profiles.yml").write_text(f"prod:\n  password: {PLANTED}\n")
    (product / "pipeline" / "run.py").open("a").write(f'PASSWORD = "{PLANTED}"\n')
    spec = product / "data-product.yaml"
    url = f"sftp://ada:{PLANTED}@example.org/f"
    spec.write_text(spec.read_text().replace("extensions: {}", f'extensions: {{source: "{url}"}}'))
    assert url in spec.read_text()
    token = "ghp_" + "a1B2" * 9
    (product / "README.md").open("a").write(f"{token}\n")
    done = hook(product, "detect-secrets")
    assert done.returncode != 0
    for file in ("profiles.yml", "pipeline/run.py", "data-product.yaml", "README.md"):
        assert f"{file}:" in done.stdout, done.stdout
    assert PLANTED not in done.stdout
    assert token not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "file", [".env", ".env.production", ".dlt/secrets.toml", "keys/id_ed25519", "client.p12"]
)
def test_a_file_of_secrets_is_refused(file: str, copy_of: Copy, repository: Path) -> None:
    product = copy_of(repository)
    (product / file).parent.mkdir(exist_ok=True)
    (product / file).write_text("x = 1\n")
    done = hook(product, "no-secret-file")
    assert done.returncode != 0
    assert file in done.stdout
