"""The description of the API: the OpenAPI document, and its requests as the page shows them, with examples."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI

EXAMPLES: Mapping[str, Any] = {
    "domain": "airport-operations",
    "name": "departures",
    "hash": "5d41402abc4b2a76b9719d911017c592ae2d6d1c8b7d8e6d3f2a0f3f1b5f9c3e",
    "run": "0198c3f2-6a3e-7cc1-9d0b-2f6d3a1b7e55",
    "share": "airport-operations",
    "schema": "departures",
    "table": "lake",
    "link": "…",
    "q": "delays",
    "of": "airport-operations/departures",
    "role": "reader",
}
"""Parameter -> a value of it. Those of a query are in the example of a request as well."""
MEANINGS: Mapping[str, str] = {
    "domain": "The domain of the product.",
    "name": "The name of the product in its domain.",
    "hash": "The hash of the version, in the list of versions.",
    "run": "The id of the run, in the list of runs.",
    "share": "The domain.",
    "schema": "The product.",
    "table": "The output port.",
}
"""Parameter of a path -> what it is."""
ERROR = {
    "type": "object",
    "required": ["error", "detail", "fix"],
    "properties": {
        "error": {"type": "string", "description": "A code that stays the same."},
        "detail": {"type": "string", "description": "What is wrong, in a sentence."},
        "fix": {"type": "string", "description": "What to do, in a sentence."},
        "findings": {
            "type": "array",
            "items": {},
            "description": "Of `invalid`: each rule that is not kept.",
        },
    },
}
TOKEN = {"type": "http", "scheme": "bearer", "description": "From `meshwright catalog token create`."}
VARIABLE = "MESHWRIGHT_CATALOG_TOKEN"


@dataclass(frozen=True)
class Parameter:
    """A parameter of a request."""

    name: str
    where: str
    """`path` or `query`."""
    kind: str
    """Its type, and its limits."""
    default: str
    """Empty: it has none."""
    required: bool
    meaning: str


@dataclass(frozen=True)
class Answer:
    """An answer to a request."""

    status: str
    media_type: str
    """Empty: it has no body."""
    meaning: str
    example: str
    errors: Sequence[str]
    """Codes of errors; empty for what is none."""


@dataclass(frozen=True)
class Operation:
    """A request that the API answers."""

    method: str
    path: str
    group: str
    meaning: str
    token: bool
    """True if it needs one."""
    parameters: Sequence[Parameter]
    body: str
    """An example of the body; empty if it takes none."""
    answers: Sequence[Answer]
    curl: str
    python: str

    @property
    def anchor(self) -> str:
        """The id of its place on the page."""
        return re.sub("[^a-z0-9]+", "-", f"{self.method} {self.path}".lower()).strip("-")


@dataclass(frozen=True)
class ApiDescription:
    """What the page about the API shows."""

    address: str
    """The catalog's own."""
    private: bool
    """True if reading needs a token, too."""
    operations: Sequence[Operation]
    others: Sequence[tuple[str, str, str]]
    """Method, path and meaning of each page or file for browsers, which the document does not have."""


def described(app: FastAPI, address: str, private: bool) -> ApiDescription:
    """Return the description of an application's API. `address`, `private`: of the catalog."""
    paths = api_document(app)["paths"].items()
    found = [
        _operation(method, path, about, address, private)
        for path, methods in paths
        for method, about in methods.items()
    ]
    return ApiDescription(address, private, found, _others(app))


def api_document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an application; it is made once."""
    known: dict[str, Any] | None = getattr(app.state, "api_document", None)
    if known is None:
        known = app.state.api_document = _completed(json.loads(json.dumps(app.openapi())))
    return known


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with the errors as they are, and with what is the same for all requests."""
    for methods in document["paths"].values():
        for operation in methods.values():
            if "x-errors" not in operation["responses"].get("422", {"x-errors": ()}):
                del operation["responses"]["422"]  # the framework's own form, which nobody gets
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    parameter.setdefault("description", MEANINGS.get(parameter["name"], ""))
                if parameter["name"] in EXAMPLES:
                    parameter["example"] = EXAMPLES[parameter["name"]]
    components = document.setdefault("components", {})
    components["securitySchemes"] = {"token": TOKEN}
    components["schemas"] = {"Error": ERROR}
    return document


def _others(app: FastAPI) -> Sequence[tuple[str, str, str]]:
    found = [
        (method, route.path, _without_verb(" ".join((route.endpoint.__doc__ or "").split())))
        for route in routes_of(app)
        if not route.include_in_schema
        for method in sorted(route.methods - {"HEAD"})
    ]
    return sorted(found, key=lambda one: one[1])


def _without_verb(sentence: str) -> str:
    """Return what a route returns, for readers who see no function."""
    rest = sentence.removeprefix("Return ")
    return rest[:1].upper() + rest[1:]


def routes_of(app: FastAPI) -> Iterator[Any]:
    """Yield every route of an application, whichever way the framework keeps those of its routers."""
    waiting = list(app.routes)
    while waiting:
        route = waiting.pop(0)
        inner = getattr(route, "original_router", None)
        if inner is not None:
            waiting += inner.routes
        elif hasattr(route, "endpoint"):
            yield route


def _operation(method: str, path: str, about: Mapping[str, Any], address: str, private: bool) -> Operation:
    parameters = [_parameter(one) for one in about.get("parameters", ())]
    content = about.get("requestBody", {}).get("content", {})
    body = next((_text(one.get("example")) for one in content.values()), "")
    here = path
    for one in parameters:
        if one.where == "path":
            here = here.replace(f"{{{one.name}}}", str(EXAMPLES.get(one.name, one.name)))
    query = {
        one.name: EXAMPLES[one.name] for one in parameters if one.where == "query" and one.name in EXAMPLES
    }
    if "domain" in {one.name for one in parameters if one.where == "query"}:
        query.pop("domain", None)  # a search is shown with words alone
    token = bool(about.get("security")) and (private or method != "get" or "/delta-sharing/" in path)
    samples = about.get("x-codeSamples") or ()
    return Operation(
        method.upper(),
        path,
        next(iter(about.get("tags") or ()), "Others"),
        " ".join((about.get("description") or about.get("summary") or "").split()),
        token,
        parameters,
        body,
        [_answer(status, one) for status, one in sorted(about["responses"].items())],
        _curl(method.upper(), f"{address}{here}", query, token, body),
        next((one["source"] for one in samples), "") or (_read(here, query) if method == "get" else ""),
    )


def _parameter(about: Mapping[str, Any]) -> Parameter:
    schema = about.get("schema", {})
    for one in schema.get("anyOf", ()):
        schema = one if one.get("type") != "null" else schema
    kind = (
        "several texts"
        if schema.get("type") == "array"
        else schema.get("type", "text").replace("string", "text")
    )
    limits = [
        f"{words} {schema[key]:,}" for key, words in (("minimum", "from"), ("maximum", "to")) if key in schema
    ]
    default = about.get("schema", {}).get("default")
    return Parameter(
        about["name"],
        about["in"],
        " ".join([kind, *limits]),
        "" if default in (None, "") else json.dumps(default),
        bool(about.get("required")),
        about.get("description", ""),
    )


def _answer(status: str, about: Mapping[str, Any]) -> Answer:
    contents: Mapping[str, Any] = about.get("content", {})
    media = next(iter(contents), "")
    example = _text(contents.get(media, {}).get("example"))
    return Answer(status, media, about["description"], example, about.get("x-errors", ()))


def _text(example: Any) -> str:
    if example is None or isinstance(example, str):
        return example or ""
    return json.dumps(example, indent=2, ensure_ascii=False)


def _curl(method: str, url: str, query: Mapping[str, Any], token: bool, body: str) -> str:
    """Return a command for a shell. The token is in a variable."""
    lines = ["curl"] if method == "GET" else [f"curl -X {method}"]
    if token:
        lines.append(f'-H "Authorization: Bearer ${VARIABLE}"')
    if body:
        lines.append("-H 'Content-Type: application/json' --data @body.json")
    whole = f"{url}?{urlencode(query)}" if query else url
    between = " \\\n  " if len(lines) > 1 else " "
    return between.join([*lines, shlex.quote(whole)])


def _read(path: str, query: Mapping[str, Any]) -> str:
    given = "".join(f", {name}={json.dumps(value)}" for name, value in query.items())
    return f"answer = catalog.read({json.dumps(path)}{given})"
