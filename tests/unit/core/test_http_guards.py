"""The guards of the HTTP client against servers that mean harm, each as the option that it is."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults import Say, network
from servers import certificate

from meshwright.core.http import ANY, Http, NoAnswer, Refused, public_address, split
from meshwright.core.yaml import Unreadable

TOKEN = "sesame-1234567890"  # noqa: S105


def here(host: str, port: int) -> str:
    return "127.0.0.1"


def exempt(host: str, port: int) -> bool:
    return False


@contextlib.contextmanager
def talking(opening: bytes, drip: bytes = b"", pause: float = 0.05) -> Iterator[int]:
    """A server that sends an opening, and then drips for ever; yields its port."""
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if opening:
                connection.recv(65_536)
                connection.sendall(opening)
            while drip and not over.wait(pause):
                connection.sendall(drip)
            over.wait(10)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        over.set()


def test_a_connection_leads_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []
    with network() as net:
        port = net.server.server_port

        def resolve(host: str, port: int) -> str:
            asked.append((host, port))
            return "127.0.0.1"

        real, looked_up = socket.getaddrinfo, []

        def look_up(host: Any, *rest: Any, **more: Any) -> Any:
            looked_up.append(host)
            return real(host, *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        Http(f"http://rebinding.example.org:{port}", resolve=resolve).request("GET", "/x")
        assert asked == [("rebinding.example.org", port)]
        assert looked_up == ["127.0.0.1"]  # the name is not looked up a second time
        assert net.asked[0].headers["Host"] == f"rebinding.example.org:{port}"


def test_a_certificate_is_for_the_name_and_not_for_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = certificate(tmp_path, "DNS:right.example.org")
    both = tmp_path / "both.pem"
    both.write_bytes(own.read_bytes() + (tmp_path / "server.key").read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    with network(certificate=both) as net:
        port = net.server.server_port
        assert (
            Http(f"https://right.example.org:{port}", TOKEN, resolve=here).request("GET", "/x").status == 200
        )
        with pytest.raises(NoAnswer) as error:
            Http(f"https://wrong.example.org:{port}", TOKEN, resolve=here).request("GET", "/x")
        assert error.value.reason == "tls" and len(net.asked) == 1


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "::1", "0.0.0.0", "169.254.169.254", "10.0.0.1", "192.168.1.1", "::ffff:127.0.0.1",  # noqa: S104
     "2130706433", "2002:7f00:1::", "fe80::1", "224.0.0.1", "100.64.0.1"],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused(host: str) -> None:
    with pytest.raises(NoAnswer) as error:
        public_address(host, 80, exempt)
    assert error.value.reason == "not public"
    assert public_address(host, 80, lambda name, port: (name, port) == (host, 80))


def test_a_host_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
    with pytest.raises(NoAnswer, match="private network"):
        public_address("two.example.org", 80, exempt)
    del entries[1]
    assert public_address("two.example.org", 80, exempt) == "93.184.216.34"


def test_a_refusal_of_an_address_ends_the_request_at_once() -> None:
    def refuse(host: str, port: int) -> str:
        raise Unreadable("no", "")

    with pytest.raises(Unreadable, match="no"):
        Http("http://example.org", resolve=refuse).request("GET", "/x")


@pytest.mark.parametrize(
    ("scheme", "opening"),
    [("http", b"HTTP/1.0 200 OK\r\nX: "), ("http", b"HTTP/1.0 200 OK\r\n\r\n"), ("http", b"HTT"), ("https", b"\x16\x03\x03\x40\x00\x02")],
    ids=["headers", "body", "status", "handshake"],
)  # fmt: skip
def test_a_server_that_sends_a_byte_at_a_time_ends_with_the_total(scheme: str, opening: bytes) -> None:
    with talking(opening, b"x") as port:
        begun = time.monotonic()
        with pytest.raises(NoAnswer) as error:
            Http(f"{scheme}://127.0.0.1:{port}", total=0.4, patience=0).request("GET", "/x")
        assert error.value.reason == "timeout"
        assert 0.3 < time.monotonic() - begun < 2


def test_what_is_cut_off_by_the_total_is_no_answer() -> None:
    with talking(b"HTTP/1.0 200 OK\r\n\r\nhalf of it") as port, pytest.raises(NoAnswer):
        Http(f"http://127.0.0.1:{port}", total=0.3, patience=0).request("GET", "/x")


def test_redirects_are_followed_as_often_as_allowed_and_without_the_token() -> None:
    with network() as net, network() as other:
        hops = [Say(302, None, {"Location": "/y"}), Say(307, None, {"Location": f"{other.url}/z"})]
        net.faults = [*hops]
        assert Http(net.url, TOKEN, redirects=2).request("GET", "/x").object() == {"outcome": "right"}
        assert [one.headers.get("Authorization") for one in (*net.asked, *other.asked)] == [f"Bearer {TOKEN}", None, None]  # fmt: skip
        net.faults = [*hops]
        with pytest.raises(NoAnswer, match="more than 1 times"):
            Http(net.url, redirects=1).request("GET", "/x")


def test_what_is_sent_is_not_sent_on() -> None:
    with network() as net, network() as other:
        net.faults = [Say(307, None, {"Location": f"{other.url}/x"})]
        with pytest.raises(Refused):
            Http(net.url, redirects=2).request("PUT", "/x", {"secret": 1})
        assert other.asked == []


@pytest.mark.parametrize("target", ["file:///etc/hostname", "gopher://x", "http://[", "ftp://example.org/"])
def test_a_redirect_leads_to_no_other_kind_of_address(target: str) -> None:
    with network() as net:
        net.faults = [Say(302, None, {"Location": target})]
        with pytest.raises(Refused):
            Http(net.url, redirects=3).request("GET", "/x")


def test_a_redirect_to_an_address_that_is_refused_is_not_followed() -> None:
    with network() as net, network() as other:
        net.faults = [Say(302, None, {"Location": f"{other.url}/x"})]

        def resolve(host: str, port: int) -> str:
            return public_address(host, port, lambda _, port: port == net.server.server_port)

        with pytest.raises(NoAnswer) as error:
            Http(net.url, redirects=3, resolve=resolve).request("GET", "/x")
        assert error.value.reason == "not public" and other.asked == []


def test_the_body_of_a_redirect_is_not_read() -> None:
    with network() as net:
        endless = f"HTTP/1.1 302 Found\r\nLocation: {net.url}/x\r\n\r\n".encode()
        with talking(endless, b"x" * 65_536, 0) as port:
            assert Http(f"http://127.0.0.1:{port}", redirects=1, total=5).request("GET", "/x").status == 200


def test_a_proxy_of_the_environment_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with network() as net, network() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        url = f"http://catalog.example.org:{net.server.server_port}"
        Http(url, proxy=False, resolve=here).request("GET", "/x")
        assert len(net.asked) == 1 and proxy.asked == []


def test_a_request_is_tried_as_often_as_allowed() -> None:
    with network() as net:
        net.faults = [Say(429, None, {"Retry-After": "0"})] * 9
        with pytest.raises(NoAnswer) as error:
            Http(net.url, tries=2).request("GET", "/x")
        assert (error.value.reason, error.value.status, len(net.asked)) == ("status", 429, 2)


def test_a_server_that_does_not_listen_is_told_from_one_that_does_not_answer() -> None:
    with network() as gone:
        pass
    with pytest.raises(NoAnswer) as error:
        Http(gone.url, patience=0).request("GET", "/x")
    assert error.value.reason == "refused"


def test_a_body_goes_into_a_file_whole_once() -> None:
    with network() as net:
        net.faults = ["half"]
        sink = io.BytesIO()
        assert Http(net.url).request("GET", "/x", sink=sink).body == b""
        assert sink.getvalue() == b'{"outcome": "right"}' and len(net.asked) == 2


def test_a_caller_that_looks_at_every_status_gets_the_first_one() -> None:
    with network() as net:
        for status in (302, 404, 409, 429, 500):
            net.faults = [Say(status, {"error": "busy"})]
            assert Http(net.url).request("GET", "/x", ok=ANY).status == status


def test_no_more_is_read_than_is_enough() -> None:
    with talking(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 100, b"x") as port:
        assert len(Http(f"http://127.0.0.1:{port}", total=5).request("GET", "/x", enough=64).body) >= 64


def test_a_url_is_split_into_a_server_and_what_it_is_asked_for() -> None:
    assert split("https://example.org:8/a/b?c=d#e") == ("https://example.org:8", "/a/b?c=d")
    for wrong in ("https://ada:secret@example.org/x", "file:///x", "http://[", "https://exa mple/x"):
        with pytest.raises(Unreadable) as error:
            split(wrong)
        assert "secret" not in str(error.value)
