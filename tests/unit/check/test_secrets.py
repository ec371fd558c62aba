"""Secrets: refused in the spec by its rules, and anywhere in a repository by its hooks."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT, git
from edits import edit, extended, merged
from labelled_secrets import lines
from products import ALL, BIN, Make, findings

from meshwright.check.rules.secrets import REFERENCE
from meshwright.core.secret_detection import secrets_in
from meshwright.product.registry import capabilities

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
    spec.write_text(extended(spec.read_text(), f'source: "{url}"'))
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


A40, A36, HEX32 = "aB3dE5gH7j" * 4, "aB3dE5gH7jK9" * 3, "0a1b2c3d" * 4
SECRET = [
    # the project's own, and what a data platform has
    ("notes.md", f"export MESHWRIGHT_TOKEN=mwc_{HEX32[:8]}_{A40}aaa"),
    ("sample_data/config.json", f'{{"token": "mwc_{HEX32[:8]}_{A40}aaa"}}'),
    ("pipeline/own.py", f'connect("dapi{HEX32}")'),
    ("sample_data/notes.csv", f"id,note\n1,dapi{HEX32}-2\n"),
    ("models/own.sql", f"-- dbtc_{A40}"),
    # clouds
    ("sample_data/keys.csv", "id,key\n1,AKIA" + "Q3EXAMPLE0" + "123456\n"),
    ("infra/x.tf", f'aws_secret_access_key = "{A40}"'),
    ("notes.md", "AI" + "za" + A36[:35]),
    ("notes.md", f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={'aB3d' * 21}ab=="),
    ("sample_data/urls.csv", "url\nhttps://a.blob.core.windows.net/c/f?sv=2024-01-01&se=2027-01-01&sig=" + "a%2B" * 12),
    ("notes.md", "abc8Q~" + A40[:34]),
    # services
    ("notes.md", "sk_" + "live_" + A36[:24]),
    ("notes.md", "xox" + "b-123456789012-" + A36[:20]),
    ("notes.md", "https://hooks.slack." + "com/services/T01ABCDEF/B01ABCDEF/" + A36[:24]),
    ("notes.md", "gh" + "p_" + A36),
    ("notes.md", "gl" + "pat-" + A36[:20]),
    ("notes.md", "eyJ" + A36 + ".eyJ" + A36 + "." + A36),
    ("notes.md", "h" + "f_" + A40[:34]),
    # keys
    ("sample_data/id.pem", "-----BEGIN " + "RSA PRIVATE KEY-----"),
    ("sample_data/account.json", '{"private_key": "-----BEGIN ' + 'PRIVATE KEY-----\\nMII"}'),
    # passwords in addresses
    ("docs/x.md", "postgresql://ada:hunter2@db.example.org/x"),
    ("sample_data/x.json", '{"url": "redis://:hunter2@cache.example.org"}'),
    ("docs/x.md", "jdbc:postgresql://db.example.org/x?user=ada&password=hunter2"),
    ("docs/x.md", "jdbc:sqlserver://db.example.org;user=ada;password=hunter2;encrypt=true"),
    # names with a value
    ("infra/prod.tfvars", 'pw = "letmein"'),
    ("infra/prod.auto.tfvars", 'db_password="hunter2"'),
    ("infra/main.tf", 'password = "hunter2"'),
    (".env.production", "PGPASSWORD=hunter2"),
    ("conf/app.properties", "spring.datasource.password=hunter2"),
    ("conf/app.properties", "dbPassword=hunter2"),
    ("conf/app.ini", "pwd = correct-horse"),
    ("profiles.yml", "prod:\n  password: hunter2"),
    ("conf.toml", 'api_key = "3f9c2d"'),
    ("Containerfile", "ENV TOKEN=3f9c2d8a"),
    ("setup.sql", "create role ada login password 'hunter2'"),
]  # fmt: skip
NO_SECRET = [
    ("infra/main.tf", "password = var.password"),
    ("infra/variables.tf", 'variable "password" {\n  type = string\n}'),
    ("infra/prod.tfvars", 'pw = "${PASSWORD}"'),
    ("infra/prod.tfvars", 'password = "REPLACE-ME"'),
    ("conf.yaml", "password: ${PASSWORD}"),
    ("conf.yaml", "password: <ask the platform team>"),
    ("conf.yaml", "token: {type: string, description: A token.}"),
    ("conf.yaml", "token: string"),
    ("conf.yaml", "tokens: 4096"),
    ("conf.yaml", "password_policy: strict"),
    ("conf.json", '{"secret": {"$ref": "#/$defs/secret"}}'),
    ("models/x.sql", "select password, token from {{ source('inputs', 'users') }}"),
    ("sample_data/users.csv", "id,password\n1,hunter2"),
    ("sample_data/users.json", '[{"token": "a1b2c3d4"}]'),
    ("docs/x.md", "postgresql://reader@db.example.org/x"),
    ("docs/x.md", "postgresql://ada:${PASSWORD}@db.example.org/x and postgresql://ada:<password>@db.example.org/x"),
    ("docs/x.md", "https://api.example.org/at:noon/ada@example.org"),
    ("docs/x.md", "Set `password=` on the command line; jdbc:x?password={password}"),
    ("ci.yml", "token: ${{ secrets.TOKEN }}"),
    (".github/workflows/x.yml", "uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8"),
    ("uv.lock", f'hash = "sha256:{HEX32}{HEX32}"'),
    ("notes.md", "AKIA, mwc_ and dapi are how tokens begin; sk-learn-based-pipelines-of-the-team too"),
    ("conf.toml", f'api_key = "{A36}"  # pragma: allowlist secret'),
    ("conf.toml", f'# pragma: allowlist nextline secret\napi_key = "{A36}"'),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text"), SECRET)
def test_a_secret_in_a_file_is_seen(file: str, text: str) -> None:
    found = list(secrets_in(file, f"first\n{text}\n".encode()))
    assert found and {line for line, _ in found} <= {2, 3, 4}
    assert "hunter2" not in str(found) and A36 not in str(found)


@pytest.mark.parametrize(("file", "text"), NO_SECRET)
def test_what_is_no_secret_is_left_alone(file: str, text: str) -> None:
    assert list(secrets_in(file, f"{text}\n".encode())) == []


@pytest.mark.parametrize("part", ["tuning", "held_out"])
def test_secrets_are_told_from_what_looks_like_them(part: str) -> None:
    """Precision and recall on labelled lines."""
    right, blamed, missed = 0, [], []
    for secret, file, line in lines(part):
        seen = list(secrets_in(file, f"{line}\n".encode()))
        right += bool(seen and secret)
        blamed += [line] if seen and not secret else []
        missed += [line] if secret and not seen else []
    assert right / (right + len(blamed)) >= 0.95, "\n".join(blamed)
    assert right / (right + len(missed)) >= 0.95, "\n".join(missed)


@pytest.mark.parametrize("folder", ["template", "blueprints"])
def test_no_file_that_a_product_gets_is_taken_for_a_secret(folder: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix != ".pyc"]
    seen = {
        path.name for path in files if any(secrets_in(path.name.removesuffix(".jinja"), path.read_bytes()))
    }
    assert files and seen == set()


def test_the_check_looks_at_what_git_tracks(copy_of: Copy, departures: Path) -> None:
    product = copy_of(departures)
    git("init", "--quiet", cwd=product)
    (product / "sample_data/key.csv").write_text(f"a\nb\ndapi{HEX32}\n")
    (product / ".env").write_text("PASSWORD=hunter2\n")
    (product / "binary.bin").write_bytes(b"\0\xff" * 1000)
    git("add", "--all", cwd=product)  # .env is ignored
    found = findings(product)
    assert [(one.rule, one.file, one.line) for one in found] == [
        ("NoSecretCommitted", "sample_data/key.csv", 3)
    ]
    assert HEX32 not in str(found)
