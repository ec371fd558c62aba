"""Signing in to the catalog, with a provider that follows the protocol and with one that lies."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import oidc_provider_mock
import pytest
from catalog_server import Catalog, catalog
from cryptography.hazmat.primitives.asymmetric import rsa
from records import value
from servers import ports

from meshwright.serve import RequestProblem
from meshwright.serve.catalog_store.tokens import Right
from meshwright.serve.login import attempt as attempts
from meshwright.serve.login.provider import Person, Provider

ADA = oidc_provider_mock.User(
    sub="u-1",
    claims={"email": "Ada@example.org", "email_verified": True, "name": "Ada Example", "groups": ["readers"]},
)
MALLORY = oidc_provider_mock.User(
    sub="u-2 admin", claims={"email": "ada@example.org", "email_verified": False}
)
READER = "meshwright-session"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """A private catalog that people sign in to, with one product."""
    folder = tmp_path_factory.mktemp("login")
    (port,) = ports(1)
    with (
        pytest.MonkeyPatch.context() as patch,
        oidc_provider_mock.run_server_in_thread(
            port=0, user_claims=[ADA, MALLORY], require_nonce=True
        ) as provider,
    ):
        patch.setenv("MESHWRIGHT_LOGIN_SECRET", "of-the-catalog")
        issuer = f"http://127.0.0.1:{provider.server_port}"
        options = (
            "--login",
            issuer,
            "--login-client",
            "catalog",
            "--port",
            str(port),
            "--url",
            f"http://127.0.0.1:{port}",
        )
        with catalog(folder, None, True, *options) as server:
            assert server.put(value()).status == 201
            yield server


@pytest.fixture
def browser(served: Catalog) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, headers={"Accept": "text/html"}) as client:
        yield client


def sign_in(browser: httpx.Client, sub: str = "u-1", path: str = "/") -> httpx.Response:
    """Sign in as somebody, as a browser does it; returns the answer after the provider's."""
    form = browser.get(f"/login?next={path}").headers["location"]
    back = browser.post(form, data={"sub": sub}).headers["location"]
    return browser.get(back)


@pytest.mark.main
def test_a_person_signs_in_reads_and_signs_out(browser: httpx.Client, served: Catalog) -> None:
    sent = browser.get("/products/airport-operations/departures?a=b")
    assert sent.status_code == 303 and sent.headers["location"].startswith(
        f"{served.url}/login?next=%2Fproducts"
    )
    answer = sign_in(browser, path="/products/airport-operations/departures")
    assert answer.status_code == 303 and answer.headers["location"].endswith(
        "/products/airport-operations/departures"
    )
    cookie = next(line for line in answer.headers.get_list("set-cookie") if line.startswith(READER))
    assert {"HttpOnly", "SameSite=lax", "Max-Age=28800"} <= set(cookie.split("; "))
    assert browser.get("/products/airport-operations/departures").status_code == 200
    page = browser.get("/account")
    assert (
        page.status_code == 200
        and "ada@example.org" in page.text
        and page.headers["cache-control"].startswith(("private", "no-store"))
    )
    assert browser.post("/logout", data={"proof": "0" * 64}).status_code == 403
    proof = page.text.split('name="proof" value="')[1].split('"')[0]
    token = browser.cookies[READER]
    ended = browser.post("/logout", data={"proof": proof})
    assert ended.status_code == 200 and "signed out" in ended.text and READER not in browser.cookies
    assert httpx.get(f"{served.url}/api/products", cookies={READER: token}).status_code == 401


def test_an_address_that_nobody_verified_is_not_who_somebody_is(browser: httpx.Client) -> None:
    sign_in(browser, "u-2 admin")
    assert "u-2 admin" in browser.get("/account").text and "ada@" not in browser.get("/account").text
    assert browser.put("/api/products/airport-operations/departures", json={}).status_code == 401


def test_a_session_reads_and_never_writes(browser: httpx.Client, served: Catalog) -> None:
    sign_in(browser)
    path = "/api/products/airport-operations/departures"
    assert browser.get(path).status_code == 200
    assert {browser.request(method, path, json={}).status_code for method in ("PUT", "DELETE")} <= {401, 405}
    assert browser.post("/api/assessments", json={}).status_code == 401
    stolen = browser.cookies[READER]
    headers = {"Authorization": f"Bearer {stolen}"}
    assert httpx.put(f"{served.url}{path}", json={}, headers=headers).status_code == 403


def test_an_answer_counts_for_its_own_browser_once_begun(browser: httpx.Client, served: Catalog) -> None:
    form = browser.get("/login").headers["location"]
    back = browser.post(form, data={"sub": "u-1"}).headers["location"]
    with httpx.Client(base_url=served.url) as other:
        assert other.get(back).status_code == 403, "another browser began no attempt"
        other.get("/login")
        assert other.get(back).status_code == 403, "its attempt is another one"
    assert browser.get(back.replace("state=", "state=x")).status_code == 403
    assert browser.get("/login/callback").status_code == 403
    assert browser.get(back).status_code == 303
    assert browser.get(back).status_code == 403, "the attempt is over"


def test_who_refuses_at_the_provider_is_not_let_in(browser: httpx.Client) -> None:
    form = browser.get("/login").headers["location"]
    back = browser.post(form, data={"action": "deny"}).headers["location"]
    answer = browser.get(back)
    assert answer.status_code == 403 and READER not in browser.cookies


@pytest.mark.parametrize(
    "path",
    ["//evil.example.org", "https://evil.example.org", "/\\evil.example.org", "evil", "", "/a\r\nb", "/ä"],
)
def test_signing_in_leads_nowhere_else(path: str) -> None:
    assert attempts.begin(path).path == "/"


def test_a_cookie_of_an_attempt_is_not_made_elsewhere() -> None:
    attempt = attempts.begin("/map")
    cookie = attempts.sealed(attempt, b"key")
    assert attempts.opened(cookie, b"key") == attempt
    assert attempts.opened(cookie, b"other") is None
    for changed in (cookie[:-6], "A" + cookie[1:], "", "é", "AAAA"):
        assert attempts.opened(changed, b"key") is None
    assert attempts.opened(attempts.sealed(replace(attempt, ends=time.time()), b"key"), b"key") is None


# --- a provider that lies -------------------------------------------------------------------------------------------

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SECRET_KEY = base64.urlsafe_b64encode(b"of-the-catalog").decode().rstrip("=")


def public(key: rsa.RSAPrivateKey, **more: str) -> dict[str, Any]:
    return {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())), "use": "sig", **more}


@dataclass
class Liar:
    """A provider whose every answer a test chooses."""

    url: str = ""
    description: dict[str, Any] = field(default_factory=dict)
    keys: list[dict[str, Any]] = field(default_factory=lambda: [public(KEY, kid="one")])
    claims: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[Mapping[str, Any]], str] = lambda claims: jwt.encode(
        dict(claims), KEY, "RS256", {"kid": "one"}
    )
    status: int = 200
    form: dict[str, list[str]] = field(default_factory=dict)

    def answer(self, path: str, body: str) -> Any:
        if "openid-configuration" in path:
            ends = {
                name: f"{self.url}/{name}"
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
            }
            return {"issuer": self.url, **ends, **self.description}
        if path == "/jwks_uri":
            return {"keys": self.keys}
        self.form = parse_qs(body)
        return {"id_token": self.sign(self.claims), "access_token": "x", "token_type": "Bearer"}


@pytest.fixture(scope="module")
def server() -> Iterator[Liar]:
    liar = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            text = json.dumps(self.server.liar.answer(self.path, body)).encode()  # type: ignore[attr-defined]
            self.send_response(self.server.liar.status)  # type: ignore[attr-defined]
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.liar = liar  # type: ignore[attr-defined]
        liar.url = f"http://127.0.0.1:{running.server_port}"
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running  # type: ignore[misc]
        running.shutdown()


@pytest.fixture
def liar(server: Any) -> Liar:
    server.liar = Liar(server.liar.url)
    made: Liar = server.liar
    return made


def person(liar: Liar, admitted: tuple[str, ...] = (), **claims: Any) -> Person:
    """Who signs in with a token of these claims; None takes one away."""
    attempt = attempts.begin("/")
    now = int(time.time())
    whole = {
        "iss": liar.url,
        "aud": "catalog",
        "sub": "u-1",
        "iat": now,
        "exp": now + 300,
        "nonce": attempt.nonce,
    }
    liar.claims = {name: content for name, content in (whole | claims).items() if content is not None}
    provider = Provider(liar.url, "catalog", "of-the-catalog", admitted)
    return provider.person(attempt, "the-code", "http://127.0.0.1/login/callback")


def test_the_code_is_exchanged_with_the_verifier(liar: Liar) -> None:
    assert person(liar, email="Ada@Example.org", email_verified=True, name="Ada") == Person(
        "ada@example.org", "Ada", has_email=True
    )
    assert liar.form["code"] == ["the-code"] and len(liar.form["code_verifier"][0]) >= 43
    assert liar.form["grant_type"] == ["authorization_code"]


LIES: Mapping[str, Mapping[str, Any]] = {
    "another issuer": {"iss": "https://evil.example.org"},
    "no issuer": {"iss": None},
    "another program": {"aud": "other"},
    "several programs, for another": {"aud": ["catalog", "other"], "azp": "other"},
    "no audience": {"aud": None},
    "ended": {"exp": int(time.time()) - 3600},
    "no end": {"exp": None},
    "of the future": {"iat": int(time.time()) + 3600},
    "another attempt": {"nonce": "x"},
    "no attempt": {"nonce": None},
    "nobody": {"sub": None},
    "a number": {"sub": 7},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_says_something_else_does_not_count(lie: str, liar: Liar) -> None:
    with pytest.raises(RequestProblem) as refused:
        person(liar, **LIES[lie])
    assert refused.value.status == 403


def without_signature(claims: Mapping[str, Any]) -> str:
    return jwt.encode(dict(claims), None, "none", {"kid": "one"})


FORGERIES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "not signed": without_signature,
    "signed by another key": lambda claims: jwt.encode(dict(claims), OTHER, "RS256", {"kid": "one"}),
    "a key of its own in the header": lambda claims: jwt.encode(
        dict(claims), OTHER, "RS256", {"kid": "two", "jwk": public(OTHER)}
    ),
    "the client's secret as a key": lambda claims: jwt.encode(
        dict(claims), "of-the-catalog" * 4, "HS256", {"kid": "one"}
    ),
    "the public key as a secret": lambda claims: jwt.encode(
        dict(claims), public(KEY)["n"], "HS256", {"kid": "one"}
    ),
    "no token": lambda _: "",
    "three words": lambda _: "a.b.c",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_token_that_the_provider_did_not_sign_does_not_count(forgery: str, liar: Liar) -> None:
    liar.sign = FORGERIES[forgery]
    with pytest.raises(RequestProblem) as refused:
        person(liar)
    assert refused.value.status == 403


def test_a_key_is_the_one_that_the_token_names(liar: Liar) -> None:
    liar.keys = [public(OTHER, kid="two"), public(KEY, kid="one")]
    assert person(liar).id == "u-1"
    liar.keys = [public(KEY), public(OTHER)]
    liar.sign = lambda claims: jwt.encode(dict(claims), KEY, "RS256")
    with pytest.raises(RequestProblem, match="does not name"):
        person(liar)
    liar.keys = [{**public(KEY, kid="one"), "use": "enc"}]
    with pytest.raises(RequestProblem):
        person(liar)
    liar.keys = []
    with pytest.raises(RequestProblem):
        person(liar)


@pytest.mark.parametrize(
    "description",
    [
        {"issuer": "https://evil.example.org"},
        {"token_endpoint": "http://evil.example.org/token"},
        {"token_endpoint": None},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
    ids=str,
)
def test_a_provider_that_is_not_itself_is_refused(description: dict[str, Any], liar: Liar) -> None:
    liar.description = description
    with pytest.raises(RequestProblem) as refused:
        person(liar)
    assert refused.value.status in (403, 503) and "of-the-catalog" not in str(refused.value)


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_provider_that_refuses_lets_nobody_in(status: int, liar: Liar) -> None:
    liar.status = status
    with pytest.raises(RequestProblem) as refused:
        person(liar)
    assert refused.value.status in (403, 503)


GROUPS: Mapping[str, tuple[Any, bool]] = {
    "a member": (["x", "readers"], True),
    "of another": (["Readers", "readers "], False),
    "of none": ([], False),
    "not said": (None, False),
    "a text": ("readers", False),
    "not texts": ([1, None, ["readers"]], False),
}


@pytest.mark.parametrize("case", GROUPS)
def test_only_members_are_let_in(case: str, liar: Liar) -> None:
    groups, is_let_in = GROUPS[case]
    if is_let_in:
        assert person(liar, ("readers",), groups=groups).id == "u-1"
        return
    with pytest.raises(RequestProblem) as refused:
        person(liar, ("readers",), groups=groups)
    assert refused.value.status == 403 and "groups" in refused.value.detail


def test_only_governance_is_told_who_reads(liar: Liar) -> None:
    attempt = attempts.begin("/")
    provider = Provider(liar.url, "catalog", "of-the-catalog", ("readers",), ("governance",))
    now = int(time.time())
    for groups, sees in ((["readers"], False), (["governance"], True), (["readers", "governance"], True)):
        liar.claims = {"iss": liar.url, "aud": "catalog", "sub": "u-1", "iat": now, "exp": now + 300}
        liar.claims |= {"nonce": attempt.nonce, "groups": groups}
        assert provider.person(attempt, "the-code", "http://127.0.0.1/login/callback").sees_readers is sees
    assert Right(frozenset({"read", "readers"})).may_see_readers
    assert not Right(frozenset({"read", "person:readers"})).may_see_readers


NAMES: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "verified": ({"email": "A@Example.org", "email_verified": True}, "a@example.org"),
    "not verified": ({"email": "a@example.org", "email_verified": False}, "u-1"),
    "not said": ({"email": "a@example.org"}, "u-1"),
    "said as a text": ({"email": "a@example.org", "email_verified": "true"}, "u-1"),
    "no text": ({"email": ["a@example.org"], "email_verified": True}, "u-1"),
    "empty": ({"email": " ", "email_verified": True}, "u-1"),
}


@pytest.mark.parametrize("case", NAMES)
def test_only_a_verified_address_names_a_person(case: str, liar: Liar) -> None:
    claims, id = NAMES[case]
    assert person(liar, **claims).id == id


def test_the_secret_is_not_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from meshwright.cli import main

    monkeypatch.delenv("MESHWRIGHT_LOGIN_SECRET", raising=False)
    arguments = [
        "catalog",
        "serve",
        "--database",
        str(tmp_path / "c.db"),
        "--login",
        "https://id.example.org",
    ]
    lacking = CliRunner().invoke(main, arguments)
    assert lacking.exit_code == 2 and "--login-client" in lacking.output
    lacking = CliRunner().invoke(main, [*arguments, "--login-client", "x", "--url", "https://c.example.org"])
    assert lacking.exit_code == 2 and "MESHWRIGHT_LOGIN_SECRET is not set" in lacking.output


def test_the_address_has_what_the_protocol_wants(liar: Liar) -> None:
    attempt = attempts.begin("/")
    address = urlsplit(Provider(liar.url, "catalog", "s").address(attempt, "http://127.0.0.1/login/callback"))
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert query["response_type"] == "code" and query["code_challenge_method"] == "S256"
    assert (
        query["scope"].split()[0] == "openid"
        and query["state"] == attempt.state
        and query["nonce"] == attempt.nonce
    )
    assert attempt.verifier not in address.query


@pytest.mark.parametrize("counts", [False, True])
def test_groups_count_in_agreements_only_where_the_operator_says_so(counts: bool) -> None:
    provider = Provider("https://login.example.org", "catalog", "secret", groups_read=counts)
    person = provider._admitted({"sub": "u-1", "groups": ["readers", 7, *(f"g{n:03}" for n in range(300))]})
    assert ("g000" in person.groups) is counts and len(person.groups) == (200 if counts else 0)
