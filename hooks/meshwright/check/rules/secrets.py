"""Rules on secrets: the spec refers to them by variables, and no file contains them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import Any

from meshwright.check.rules.base import Rule
from meshwright.core.git import tracked
from meshwright.core.secret_detection import secrets_in
from meshwright.core.yaml import Document, Keys
from meshwright.product import registry
from meshwright.product.environments import names
from meshwright.product.files import SPEC
from meshwright.product.problem import Problem

REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
IN_URL = re.compile(
    r"://[^/\s:@]*:(?P<password>[^/\s@]+)@"
    r"|[?&;](?:password|passwd|pwd|pw|secret|token|access_token|api_key|apikey|sig)=(?P<parameter>[^&;#\s}]+)",
    re.IGNORECASE,
)
"""A password before the host, or as a parameter. The pattern begins with a rare text, so that long texts are fast."""


class SecretsByReference(Rule):
    """A property with a secret is a variable without a default, ${NAME}, in every environment.

    Everybody who can read the repository, its history and its logs can read the spec. The secret itself is set where
    the pipeline runs, or is in a vault that dlt's providers read.
    """

    broken = {
        SPEC: {
            "spec": {
                "inputs": [
                    {
                        "name": "flights",
                        "uses": "database@1",
                        "from": "system:flight-operations",
                        "properties": {
                            "url": "sqlite:///sample_data/flights.csv",
                            "table": "flights",
                            "password": "${PASSWORD:-example}",
                        },
                    }
                ]
            }
        }
    }

    def check(self, spec: Document) -> Iterator[Problem]:
        for kind, keys, uses, properties in _properties(spec):
            entry = registry.find(kind, uses) if isinstance(uses, str) else None
            for place, value in _secrets(entry.properties, properties) if entry else ():
                if not isinstance(value, str) or not REFERENCE.fullmatch(value):
                    name = ".".join(map(str, place))
                    yield Problem(
                        spec,
                        (*keys, "properties", *place),
                        f"{name} is a secret, so it must be a variable without a default.",
                        f"Write ${{{_variable(place)}}}, and set the variable where the pipeline runs."
                        " If this was a real secret, replace it: it stays in git's history.",
                    )


LEAK = "${LAKE:-https://ada:example@example.org/lake}"  # pragma: allowlist secret


class NoPasswordInUrl(Rule):
    """No URL in the spec contains a password, not even as the default of a variable."""

    broken = {SPEC: {"spec": {"outputs": [{"properties": {"path": LEAK}}]}}}

    def check(self, spec: Document) -> Iterator[Problem]:
        for keys, text in spec.texts():
            for found in IN_URL.finditer(text):
                if not REFERENCE.fullmatch(found["password"] or found["parameter"]):
                    yield Problem(
                        spec,
                        keys,
                        "A URL contains a password or a token.",
                        "Remove it: use a variable in the property for it, or for the whole URL."
                        " If it was a real one, replace it: it stays in git's history.",
                    )
                    break


class NoSecretCommitted(Rule):
    """No file of the repository contains a password, a key or a token.

    Everybody who can read a repository, its history and its forks can read its secrets. The rule searches every file that
    git tracks, also sample data, for private keys, tokens of well-known services and of the Meshwright catalog, addresses
    with a password, and names such as `password`, `pw`, `token` or `api_key` that have a value in files of
    configuration. It ignores a line with `pragma: allowlist secret`, or with `pragma: allowlist nextline secret` on the
    line before.
    """

    broken = {"infra/production.auto.tfvars": 'pw = "tr0ub4dor-3xample"\n'}

    def check(self, root: Path) -> Iterator[Problem]:
        for path in tracked(root):
            for line, kind in _secrets_of(root / path, path):
                yield Problem(
                    path,
                    (),
                    f"This line contains {kind}.",
                    "Replace the secret where it is used, because it stays in git's history. Then use a variable here; or add"
                    " `pragma: allowlist secret` to the line if it is not a secret.",
                    line,
                )


SKIPPED = (".meshwright/", "uv.lock")
"""Files of the template, and files written by a tool: schemas and hashes."""
LARGEST = 4_000_000
"""Maximum bytes of a file that are searched; larger files are not committed (check-added-large-files)."""


def _secrets_of(file: Path, path: str) -> tuple[tuple[int, str], ...]:
    if path.startswith(SKIPPED):
        return ()
    try:
        state = file.lstat()
    except OSError:
        return ()
    return _scan(file, path, state.st_mtime_ns, state.st_size) if S_ISREG(state.st_mode) else ()


@lru_cache(maxsize=4096)
def _scan(file: Path, path: str, changed: int, size: int) -> tuple[tuple[int, str], ...]:
    """Return the secrets of a file; cached until the file changes."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(LARGEST)
    except OSError:
        return ()
    return tuple(secrets_in(path, raw))


def _properties(spec: Document) -> Iterator[tuple[str, Keys, Any, Any]]:
    """Yield everything with properties, in the spec and in its environments: kind, place, capability, properties."""
    uses: dict[tuple[str, Any], Any] = {}
    for kind in ("inputs", "outputs", "traits"):
        for keys, item in spec.items(f"spec.{kind}"):
            uses[kind, str(item.get("name"))] = item.get("uses")
            yield kind, keys, item.get("uses"), item.get("properties")
    for kind, name in (("transforms", "transform"), ("platforms", "platform")):
        item = spec.get(f"spec.{name}")
        if isinstance(item, dict):
            uses[kind, name] = item.get("uses")
            yield kind, ("spec", name), item.get("uses"), item.get("properties")
    for environment in names(spec):
        place = ("spec", "environments", environment)
        bound = spec.value["spec"]["environments"][environment]
        for key, items in bound.items() if isinstance(bound, dict) else ():
            kind, items = ("platforms", {"": items}) if key == "platform" else (key, items)
            for name, item in items.items() if isinstance(items, dict) else ():
                if isinstance(item, dict):
                    # An environment without a capability uses the one in the spec.
                    meant = item.get("uses") or uses.get((kind, str(name) or "platform"))
                    yield kind, (*place, key, *([name] if name else [])), meant, item.get("properties")


def _secrets(schema: Any, value: Any) -> Iterator[tuple[Keys, Any]]:
    """Yield each value that the schema marks as a secret (`writeOnly`), with its path below `value`."""
    if not isinstance(schema, dict):
        return
    if schema.get("writeOnly"):
        yield (), value
        return
    for key in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(key, ()):
            yield from _secrets(part, value)
    if isinstance(value, dict):
        known = schema.get("properties", {})
        for key, item in value.items():
            for place, secret in _secrets(known.get(key, schema.get("additionalProperties")), item):
                yield (key, *place), secret
    if isinstance(value, list):
        for index, item in enumerate(value):
            for place, secret in _secrets(schema.get("items"), item):
                yield (index, *place), secret


def _variable(place: Keys) -> str:
    return re.sub(r"\W+", "_", ".".join(map(str, place))).upper()
