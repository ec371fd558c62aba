"""The OpenID Connect provider: where to send people, and who came back."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from meshwright.core.http import Http, NoAnswer, Refused
from meshwright.core.yaml import Unreadable
from meshwright.serve import RequestProblem
from meshwright.serve.login.attempt import Attempt

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures with a key pair. `none`, and a secret that the catalog shares, never count."""
LEEWAY = 60
"""Seconds that the provider's clock may be off."""
SCOPES = "openid email profile"
GROUPS = 200
"""Groups of a person that are remembered."""
MOST = 1_000_000
"""Bytes of an answer of the provider."""
AGAIN = "Sign in again."
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True)
class Person:
    """Who has signed in."""

    id: str
    """The e-mail address, in lower case, if the provider has verified it; else the provider's own id."""
    name: str
    sees_readers: bool = False
    """Whether they are told who reads what."""
    has_email: bool = False
    """Whether the id is an e-mail address that the provider has verified."""
    groups: frozenset[str] = frozenset()
    """The groups that count in agreements."""


@dataclass(frozen=True)
class Provider:
    """A provider, and what it knows this catalog by."""

    issuer: str
    client: str
    secret: str = field(repr=False)
    groups: Sequence[str] = ()
    """Only members of one of these are let in; empty: everybody whom the provider lets sign in."""
    governance: Sequence[str] = ()
    """Members of one of these are let in, too, and are told who reads what."""
    groups_read: bool = False
    """Whether the provider's groups are those that agreements name."""

    @property
    def key(self) -> bytes:
        """The key of the cookies: the same for every server of a catalog."""
        return hmac.digest(
            self.secret.encode(), b"meshwright sign-in " + self.client.encode(), hashlib.sha256
        )

    def address(self, attempt: Attempt, back: str) -> str:
        """Return where a browser signs in. `back`: the address that it comes back to. Raises RequestProblem."""
        endpoint: str = self._discovered()["authorization_endpoint"]
        query = {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": back,
            "scope": SCOPES,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def person(self, attempt: Attempt, code: str, back: str) -> Person:
        """Return who has signed in, by the code that came back. Raises RequestProblem."""
        known = self._discovered()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": attempt.verifier,
        }
        pair = f"{quote(self.client, safe='')}:{quote(self.secret, safe='')}"
        client = self._client(known["token_endpoint"], base64.b64encode(pair.encode()).decode())
        answer = self._answer(
            client,
            "POST",
            body=urlencode(form).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        claims = self._claims(answer.get("id_token"), self._answer(self._client(known["jwks_uri"]), "GET"))
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), attempt.nonce.encode()):
            raise _refused("The provider's token is of another attempt to sign in.")
        return self._admitted(claims)

    def _admitted(self, claims: Mapping[str, Any]) -> Person:
        groups = claims.get("groups")
        named = {one for one in groups if isinstance(one, str)} if isinstance(groups, list) else set()
        sees_readers = bool(named & set(self.governance))
        if self.groups and not named & set(self.groups) and not sees_readers:
            raise RequestProblem(
                403,
                "forbidden",
                "Your account is in none of the groups that may read this catalog.",
                "Ask the catalog's administrator.",
            )
        email = claims.get("email")
        is_verified = isinstance(email, str) and bool(email.strip()) and claims.get("email_verified") is True
        id = email.strip().lower() if is_verified and isinstance(email, str) else str(claims["sub"])
        name = claims.get("name")
        shown = name if isinstance(name, str) and name.strip() else id
        reading = frozenset(sorted(named)[:GROUPS]) if self.groups_read else frozenset()
        return Person(id, shown, sees_readers, is_verified, reading)

    def _discovered(self) -> Mapping[str, Any]:
        """Return the provider's own description. https://openid.net/specs/openid-connect-discovery-1_0.html"""
        known = self._answer(
            self._client(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"), "GET"
        )
        if known.get("issuer") != self.issuer:
            raise _unavailable(f"it calls itself {str(known.get('issuer'))[:200]!r}")
        for name in ENDPOINTS:
            if not isinstance(known.get(name), str):
                raise _unavailable(f"it has no {name}")
            self._client(known[name])  # refuses what is no address
        return known

    def _claims(self, token: object, keys: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the provider's token says, if it is the provider's, for this catalog, and of now."""
        import jwt

        try:
            kid = jwt.get_unverified_header(str(token)).get("kid")
            known = jwt.PyJWKSet.from_dict(dict(keys)).keys
            fitting = [
                key for key in known if kid in (None, key.key_id) and key.public_key_use in (None, "sig")
            ]
            if len(fitting) != 1:
                raise _refused("The provider's token is signed with a key that it does not name.")
            claims: Mapping[str, Any] = jwt.decode(
                str(token),
                fitting[0],
                algorithms=list(ALGORITHMS),
                audience=self.client,
                issuer=self.issuer,
                leeway=LEEWAY,
                options={"require": ["iss", "aud", "sub", "exp", "iat"]},
            )
        except jwt.PyJWTError as error:
            raise _refused(f"The provider's token does not count: {type(error).__name__}.") from error
        if claims.get("azp", self.client) != self.client:
            raise _refused("The provider's token was made for another program.")
        return claims

    def _client(self, address: str, pair: str | None = None) -> Http:
        try:
            return Http(
                address,
                pair,
                scheme="Basic",
                server="provider",
                patience=10.0,
                timeout=10.0,
                most=MOST,
            )
        except Unreadable as error:
            raise _unavailable(str(error)) from error

    def _answer(self, client: Http, method: str, **more: Any) -> Mapping[str, Any]:
        try:
            return client.request(method, "", **more).object()
        except Refused as error:
            # Only the code of the protocol is repeated: a description could name people.
            code = error.answer.text("error") if error.answer else ""
            raise _refused(f"The provider refused ({code or error.status}).") from error
        except NoAnswer as error:
            raise _unavailable(str(error)) from error


def _refused(detail: str) -> RequestProblem:
    return RequestProblem(403, "sign-in-refused", detail, AGAIN)


def _unavailable(reason: str) -> RequestProblem:
    return RequestProblem(
        503,
        "provider-unavailable",
        f"Nobody can sign in now: {reason}",
        "Try again; if it stays, ask the catalog's administrator.",
    )
