"""HTTP with a catalog: what is asked again, what is not, and what nobody gets to see."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from faults import DRIP, HALF, LOST, RESET, SILENCE, Network, Say, network

from meshwright.core.http import Http, NoAnswer, Refused, TooLarge, address, path, retry
from meshwright.core.yaml import Unreadable

TOKEN = "sesame-1234567890"  # noqa: S105


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.01)
    with network() as made:
        yield made


def later(seconds: float) -> str:
    """A date as HTTP writes it; without fractions of a second."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    "fault",
    [RESET, LOST, HALF, SILENCE, Say(409, {"error": "busy"}), *(Say(status) for status in (408, 425, 429, 500, 502, 503, 504))],
    ids=str,
)  # fmt: skip
def test_what_fails_for_a_moment_is_asked_again(net: Network, fault: Any) -> None:
    net.faults = [fault, fault]
    told: list[str] = []
    client = Http(net.url, TOKEN, timeout=0.3, notify=told.append)
    assert client.request("PUT", path("a b", "ü"), {"x": 1}).object() == {"outcome": "right"}
    assert [(asked.method, asked.path, asked.body) for asked in net.asked] == [("PUT", "/a%20b/%C3%BC", b'{"x": 1}')] * 3  # fmt: skip
    assert len(told) == 2 and all("asking again in" in sentence for sentence in told)


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        (lambda: "1", 1.0, 1.6),
        (lambda: later(2), 0.4, 2.6),
        (lambda: later(-100), 0.0, 0.5),
        (lambda: "-3", 0.0, 0.5),
        (lambda: "soon", 0.0, 0.5),
        (lambda: "99999999999", 0.0, 0.5),
        (lambda: "Thu, 99 Foo 0000 99:99:99 GMT", 0.0, 0.5),
    ],
    ids=["seconds", "date", "past", "negative", "word", "endless", "nonsense"],
)
def test_a_server_is_given_the_time_that_it_asks_for(
    net: Network, said: Callable[[], str], least: float, most: float
) -> None:
    net.faults = [Say(429, {"error": "slow down"}, {"Retry-After": said()})]
    Http(net.url).request("GET", "/x")
    first, second = net.asked
    assert least <= second.at - first.at <= most


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 422, 501, 505, 302, 307])
def test_what_is_refused_is_asked_once(net: Network, status: int) -> None:
    net.faults = [Say(status, {"error": "no", "detail": "It cannot be.", "fix": "Let it be."}, {"Location": "https://elsewhere.example.org/"})]  # fmt: skip
    with pytest.raises(Refused) as refused:
        Http(net.url, TOKEN).request("PUT", "/x", {})
    assert len(net.asked) == 1
    assert refused.value.status == status and refused.value.answer
    assert refused.value.fix == (
        "Let it be." if status >= 400 else "Give the address that it leads to, if you trust it."
    )
    assert ("It cannot be." in str(refused.value)) == (status >= 400)


def test_waits_grow_and_end_with_the_patience(net: Network) -> None:
    net.faults = [Say(500)] * 100
    begun = time.monotonic()
    client = Http(net.url, patience=1.0)
    with pytest.raises(NoAnswer, match=r"status 500\. It was asked [6-9] times"):
        client.request("GET", "/x")
    assert 0.9 < time.monotonic() - begun < 2
    gaps = [after.at - before.at for before, after in zip(net.asked, net.asked[1:], strict=False)]
    assert gaps[4] > 3 * gaps[0]
    count = len(net.asked)
    with pytest.raises(NoAnswer):  # the patience is for all requests together
        client.request("GET", "/y")
    assert len(net.asked) == count + 1


def test_nobody_waits_for_longer_than_there_is_patience(net: Network) -> None:
    net.faults = [Say(503, None, {"Retry-After": "3600"})]
    with pytest.raises(NoAnswer, match="come back in 3600 s, longer than the 5 s of patience"):
        Http(net.url, patience=5).request("GET", "/x")
    assert len(net.asked) == 1


@pytest.mark.parametrize(
    ("fault", "times"),
    [
        (LOST, 1),
        (HALF, 1),
        (SILENCE, 1),
        (Say(500), 1),
        (Say(429), 2),
        (Say(503), 2),
        (Say(409, {"error": "busy"}), 2),
    ],
    ids=str,
)
def test_what_must_not_be_done_twice_is_asked_again_only_if_it_was_not_done(
    net: Network, fault: Any, times: int
) -> None:
    net.faults = [fault]
    client = Http(net.url, timeout=0.3)
    if times == 1:
        with pytest.raises(NoAnswer, match="Whether it was done is not known"):
            client.request("POST", "/x", {})
    else:
        client.request("POST", "/x", {})
    assert len(net.asked) == times


def test_a_server_that_is_not_there_is_no_answer() -> None:
    with network() as gone:
        pass
    with pytest.raises(NoAnswer, match=r"no connection\. It was asked \d times"):
        Http(gone.url, patience=0.3).request("POST", "/x", {})


def test_a_name_that_nobody_knows_is_no_answer() -> None:
    with pytest.raises(NoAnswer, match="its name is not known"):
        Http("https://catalog.invalid", patience=0).request("GET", "/x")


def test_an_answer_that_does_not_end_is_given_up(net: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    net.faults = [DRIP]
    assert Http(net.url, timeout=0.05).request("GET", "/x").status == 200
    assert len(net.asked) == 2


@pytest.mark.parametrize(
    "body",
    [b"<html>Please log in</html>", b"", b'{"a": NaN}', b"[" * 100_000, b"\xff\xfe", b'"text"', b"[1]", b"9" * 10_000],
    ids=["page", "nothing", "NaN", "deep", "bytes", "text", "list", "digits"],
)  # fmt: skip
def test_an_answer_that_is_none_is_told_cleanly(net: Network, body: bytes) -> None:
    net.faults = [Say(200, body, {"Content-Type": "text/\x1b[31mhtml"})]
    with pytest.raises(NoAnswer, match=r"is not (a )?JSON") as error:
        Http(net.url).request("GET", "/x").object()
    assert str(error.value).isprintable() and len(str(error.value)) < 300


def test_an_answer_has_an_end(net: Network) -> None:
    net.faults = [Say(200, b"x" * 2_000_000)]
    with pytest.raises(TooLarge, match="larger than 1,000,000 bytes"):
        Http(net.url, most=1_000_000).request("GET", "/x")


def test_a_token_that_comes_back_goes_no_further(net: Network) -> None:
    net.faults = [Say(200, {"url": f"https://catalog.example.org/?{TOKEN}"})]
    assert Http(net.url, TOKEN).request("GET", "/x").object() == {
        "url": "https://catalog.example.org/?(token)"
    }


def test_an_error_is_short_steers_no_terminal_and_never_tells_the_token(net: Network) -> None:
    detail = f"\x1b[2JBearer {TOKEN} \u202e https://ada:secret@example.org/ " + "x" * 100_000
    net.faults = [Say(403, {"detail": detail, "fix": detail}), Say(500, {"detail": detail})]
    told: list[str] = []
    client = Http(net.url, f"{TOKEN}\n", notify=told.append)
    for _ in range(2):
        try:
            client.request("PUT", "/x", {})
        except Refused as refused:
            told += [str(refused), refused.fix]
    assert len(told) == 3
    for words in told:
        assert TOKEN not in words and "secret" not in words
        assert words.isprintable() and len(words) < 3000
    assert net.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("url", ["http://catalog.example.org", "http://127.0.0.1.example.org", "http://localhost.example.org", "http://10.0.0.1"])  # fmt: skip
def test_a_token_goes_nowhere_in_the_clear(url: str) -> None:
    with pytest.raises(Unreadable, match="neither https nor on this machine") as error:
        Http(url, TOKEN)
    assert TOKEN not in str(error.value)
    Http(url)  # to read without one is everybody's own business


@pytest.mark.parametrize("url", ["https://catalog.example.org/a/", "http://localhost:8420", "http://127.0.0.1:1", "http://[::1]:8420"])  # fmt: skip
def test_a_token_goes_over_https_and_to_this_machine(url: str) -> None:
    assert Http(url, TOKEN).url == url.rstrip("/")


@pytest.mark.parametrize("token", ["a\r\nX-Admin: yes", "ä", "a b\x00", "   ", "x" * 20_000])
def test_what_is_no_token_is_not_told(token: str) -> None:
    with pytest.raises(Unreadable, match="token") as error:
        Http("https://catalog.example.org", token)
    assert token.strip() == "" or token not in str(error.value)


@pytest.mark.parametrize(
    "url",
    ["", "catalog.example.org", "ftp://catalog.example.org", "file:///etc/passwd", "https://", "https://a b", "https://a/?q=1",
     "https://a/#x", "https://a:99999", "https://[::1", "https://ada:s3cret@catalog.example.org", "https://a/\x1b[2J", "http://ä.example"],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Unreadable) as error:
        address(url)
    assert "s3cret" not in str(error.value) and str(error.value).isprintable()


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_a_path_leads_nowhere_else(part: str) -> None:
    with pytest.raises(Unreadable):
        path("api", part, "x")
    assert path("api", "../../x?y#z") == "/api/..%2F..%2Fx%3Fy%23z"


def test_a_redirect_is_told_and_not_followed(net: Network) -> None:
    with network() as other:
        net.faults = [Say(308, None, {"Location": f"{other.url}/x"})]
        with pytest.raises(Refused, match=f"see {other.url}/x. Redirects are not followed"):
            Http(net.url, TOKEN).request("PUT", "/x", {})
        assert other.asked == []


def test_a_proxy_never_sees_what_stays_on_this_machine(net: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    with network() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        Http(net.url, TOKEN).request("GET", "/x")
        assert len(net.asked) == 1 and proxy.asked == []
        proxy.faults = [Say(200, {"by": "proxy"})]
        assert Http("http://catalog.example.org").request("GET", "/x").object() == {"by": "proxy"}
        assert proxy.asked[0].path == "http://catalog.example.org/x"


def test_a_certificate_counts_only_if_somebody_vouches_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with network(certificate=_certificate(tmp_path)) as net:
        with pytest.raises(NoAnswer, match="certificate cannot be verified") as error:
            Http(net.url, TOKEN).request("PUT", "/x", {})
        assert net.asked == [] and "SSL_CERT_FILE" in error.value.fix
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        assert Http(net.url, TOKEN).request("PUT", "/x", {}).status == 200


def test_records_and_texts_arrive_as_they_are(net: Network) -> None:
    Http(net.url).request("PUT", "/x", {"text": "ü\u2028\ud800\x00"})
    assert json.loads(net.asked[0].body) == {"text": "ü\u2028?\x00"}  # half a character is none


def _certificate(folder: Path) -> Path:
    """A certificate of localhost that it has given itself, with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "certificate.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return file
