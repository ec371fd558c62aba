"""Whether an agreement counts, who reads by it and what a role sees: Rego decides, this module asks it.

The platform's policy is `policy/decision.rego`; a team's own Rego (`team_rego.py`) may only deny more. The engine
is regopy. It gives texts back as they are, in what it calls JSON, so that a quotation mark in an agreement could
write an answer of its own: every text is encoded on its way in, and no policy puts texts together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from meshwright.access.grants import Column, Principal, Refused
from meshwright.product import metamodel

POLICY = Path(__file__).parent / "policy" / "decision.rego"
UNSAFE = re.compile(r"[^ !#$&-\[\]-~]")
"""All but printable ASCII, and `"`, `%` and `\\` of that."""

Agreement = Mapping[str, Any]


def encoded(value: Any) -> Any:
    """Return JSON whose texts have only plain printable characters; `decoded` is the way back."""
    match value:
        case str():
            return UNSAFE.sub(
                lambda unsafe: "".join(f"%{byte:02X}" for byte in unsafe[0].encode("utf-8", "surrogatepass")),
                value,
            )
        case Mapping():
            return {encoded(key): encoded(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [encoded(item) for item in value]
        case _:
            return value


def decoded(value: Any) -> Any:
    """Return what `encoded` was given, with lists for tuples and sets."""
    match value:
        case str():
            return unquote(value, errors="surrogatepass")
        case dict():
            return {decoded(key): decoded(item) for key, item in value.items()}
        case list():
            return [decoded(item) for item in value]
        case _:
            return value


class PolicyEngine:
    """The policies, ready to be asked."""

    def __init__(self, team: Mapping[str, str] | None = None) -> None:
        """`team`: path -> text of a team's Rego, linted before (`team_rego.problems`). Raises Refused."""
        self.modules = {"decision.rego": POLICY.read_text("utf-8"), **(team or {})}

    @cached_property
    def _compiled(self) -> tuple[Any, Any]:
        from regopy import Interpreter, RegoError

        compiler, runner = Interpreter(), Interpreter()
        runner.strict_built_in_errors = True
        try:
            for name, text in self.modules.items():
                compiler.add_module(name, text)
            entries = [f"meshwright/access/{entry}" for entry in ("agreement", "everybody", "columns")]
            return runner, compiler.build(None, entries)
        except (RegoError, ValueError) as error:
            reason = " ".join(str(error).split())[:500]
            raise Refused(f"The policies cannot be compiled: {reason}", "Fix access/rego/.") from error

    def _ask(self, entry: str, question: Mapping[str, Any]) -> dict[str, Any]:
        from regopy import RegoError

        runner, bundle = self._compiled
        try:
            runner.set_input(encoded(question))
            output = runner.query_bundle_entrypoint(bundle, f"meshwright/access/{entry}")
            answer = json.loads(str(output))["expressions"][0] if output.ok() else None
        except (RegoError, ValueError, LookupError) as error:
            raise Refused(f"The policies give no answer: {error}", "Fix access/rego/.") from error
        if not isinstance(answer, dict):  # no answer is not a permission
            raise Refused(
                "The policies give no answer.", "Fix access/rego/, where they may contradict themselves."
            )
        plain: dict[str, Any] = decoded(answer)
        return plain

    def agreement(
        self,
        now: int,
        product: Mapping[str, Any],
        role: Mapping[str, Any] | None,
        agreement: Agreement,
        subjects: Sequence[Principal],
    ) -> dict[str, Any]:
        """Return `{refused: [reason], unfit: {id: [reason]}, members: [id]}`; `now` in seconds since 1970, UTC."""
        return self._ask("agreement", _question(now, product, role, subjects) | {"agreement": agreement})

    def everybody(
        self, now: int, product: Mapping[str, Any], role: Mapping[str, Any], subjects: Sequence[Principal]
    ) -> dict[str, Any]:
        """Return `{unfit: {id: [reason]}, members: [id]}` of a role, without an agreement: nobody, unless it is open to all."""
        return self._ask("everybody", _question(now, product, role, subjects))

    def columns(
        self, roles: Mapping[str, Any], masks: Mapping[str, Any], columns: Sequence[Column]
    ) -> dict[str, dict[str, str]]:
        """Return role -> column -> `clear` or the name of a mask; a column that is left out is not seen."""
        return self._ask(
            "columns",
            {
                "roles": roles,
                "masks": masks,
                "order": metamodel.CLASSIFICATIONS,
                "columns": [
                    {
                        "name": column.name,
                        "type": column.logical_type,
                        "classification": column.classification,
                    }
                    for column in columns
                ],
            },
        )


def _question(
    now: int, product: Mapping[str, Any], role: Mapping[str, Any] | None, subjects: Sequence[Principal]
) -> dict[str, Any]:
    question: dict[str, Any] = {
        "now": now,
        "product": product,
        "subjects": {
            subject.id: {
                "kind": subject.kind,
                "attributes": {
                    name: [value] if isinstance(value, str) else list(value)
                    for name, value in subject.attributes.items()
                },
            }
            for subject in subjects
        },
    }
    return question | ({"role": role} if role is not None else {})


def filled(reason: str, facts: Mapping[str, str]) -> str:
    """Return a reason with its braces filled from the agreement and its role."""
    return re.sub(r"\{(\w+)\}", lambda brace: facts.get(brace[1], brace[0]), reason)
