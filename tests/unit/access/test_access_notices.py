"""Notices from audit records: what is told, once for each thing, and at least once to whoever listens."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from meshwright.access import notify
from meshwright.access.notices import Notice, notices
from meshwright.core.errors import Error
from meshwright.core.yaml import Unreadable

PRODUCT = "airport/departures"
START = datetime(2026, 12, 1, tzinfo=UTC)
UNTIL = START + timedelta(days=90)


def terms(
    status: str = "approved", counts: bool = True, until: datetime = UNTIL, renews: str = ""
) -> dict[str, Any]:
    return {
        "status": status, "counts": counts, "role": "reader", "purpose": "Why flights are late", "requester": "bo@example.org",
        "team": "operations", "renews": renews, "start": START.isoformat(), "until": until.isoformat(),
    }  # fmt: skip


def record(day: float, confirmed: tuple[str, ...] = (), **agreements: dict[str, Any]) -> dict[str, Any]:
    at = (START + timedelta(days=day)).isoformat()
    commits = {name: {"commit": f"c{one['status']}"} for name, one in agreements.items()}
    return {"at": at, "terms": agreements, "agreements": commits, "confirmed": list(confirmed)}


def kinds(records: list[dict[str, Any]], day: float) -> list[tuple[str, str]]:
    return [(one.kind, one.agreement) for one in notices(PRODUCT, records, START + timedelta(days=day))]


ASKED = record(0, delays=terms("requested", False))
APPROVED = record(1, delays=terms())


def test_a_life_is_told_step_by_step() -> None:
    life = [
        ASKED,
        record(0.5, delays=terms("requested", False)),
        APPROVED,
        record(2, ("The clock was set back.",), delays=terms()),
        record(91, delays=terms(counts=False)),
        record(92, delays=terms(counts=False)),
    ]
    assert kinds(life, 92) == [
        ("requested", "delays"),
        ("decided", "delays"),
        ("alarm", ""),
        ("ended", "delays"),
    ]


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        (record(2, delays=terms("rejected", False)), [("decided", "delays"), ("ended", "delays")]),
        (record(2), [("ended", "delays")]),
        (record(2, delays=terms("requested", False)), [("requested", "delays"), ("ended", "delays")]),
        (record(2, delays=terms()), []),
    ],
)
def test_what_comes_after_an_approval(last: dict[str, Any], kind: list[tuple[str, str]]) -> None:
    assert kinds([APPROVED, last], 2)[1:] == kind


@pytest.mark.parametrize(
    ("day", "days"), [(75, None), (76, "14"), (86, "14"), (87, "3"), (89.9, "3"), (90, None)]
)
def test_an_end_is_announced_14_and_3_days_before(day: float, days: str | None) -> None:
    ending = [
        one for one in notices(PRODUCT, [APPROVED], START + timedelta(days=day)) if one.kind == "ending"
    ]
    assert [one.key.split(" ")[1] for one in ending] == ([days] if days else [])


def test_what_is_renewed_is_not_announced() -> None:
    renewed = record(1, delays=terms(), again=terms(until=UNTIL + timedelta(days=90), renews="delays"))
    assert ("ending", "delays") not in kinds([renewed], 80)
    asked = record(1, delays=terms(), again=terms("requested", False, UNTIL + timedelta(days=90), "delays"))
    assert ("ending", "delays") in kinds([asked], 80)


@pytest.mark.parametrize("other", [{"role": "auditor"}, {"team": "network-planning"}])
def test_an_agreement_for_somebody_else_silences_no_notice(other: dict[str, str]) -> None:
    claims = terms(until=UNTIL + timedelta(days=90), renews="delays") | other
    assert ("ending", "delays") in kinds([record(1, delays=terms(), again=claims)], 80)


def test_records_that_are_older_tell_nothing() -> None:
    old = {"at": START.isoformat(), "members": []}
    assert kinds([old, ASKED], 1) == [("requested", "delays")] and kinds([old], 1) == []


def test_an_id_depends_on_what_it_is_about_alone() -> None:
    ports = [list(notices(PRODUCT, [ASKED, APPROVED], START + timedelta(days=shift))) for shift in (80, 81)]
    assert [one.id for one in ports[0]] == [one.id for one in ports[1]]
    everything = [*ports[0], *notices("airport/arrivals", [ASKED, APPROVED], START + timedelta(days=80))]
    assert len({one.id for one in everything}) == 6


def test_a_notice_is_a_cloud_event() -> None:
    event = next(notices(PRODUCT, [ASKED], START)).event()
    assert (event["specversion"], event["type"], event["subject"]) == ("1.0", "org.meshwright.access.requested", "delays")  # fmt: skip
    assert event["source"] == "/data-products/airport/departures" and event["time"] == "2026-12-01T00:00:00Z"
    assert event["data"]["purpose"] == "Why flights are late" and "principals" not in event["data"]
    assert json.loads(json.dumps(event)) == event


class Listener(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.path, dict(self.headers), json.loads(body)))  # type: ignore[attr-defined]
        status = self.server.answers.pop(0) if self.server.answers else 204  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def listener() -> Iterator[Any]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    server.heard, server.answers = [], []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def delivered(listener: Any, cursor: Path, day: float = 80) -> list[str]:
    now = START + timedelta(days=day)
    sent = notify.Cursor(cursor)
    pending = notify.due(notices(PRODUCT, [ASKED, APPROVED], now), sent, now)
    sinks = [notify.webhook(f"http://127.0.0.1:{listener.server_port}/hook?a=b")]
    return [one.kind for one in notify.deliver(pending, sinks, sent, lambda: now)]


def test_each_notice_arrives_once_and_what_failed_comes_again(
    listener: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESHWRIGHT_WEBHOOK_TOKEN", "hunter2")
    cursor = tmp_path / "notices.json"
    listener.answers = [204, 500]
    monkeypatch.setattr(notify, "PATIENCE", 0.0)
    monkeypatch.setattr(notify, "FORGOTTEN", timedelta(days=365))
    with pytest.raises(Error):
        delivered(listener, cursor)
    assert delivered(listener, cursor) == ["decided", "ending"]
    assert delivered(listener, cursor) == []
    assert delivered(listener, cursor, 88) == ["ending"]
    paths, headers, events = zip(*listener.heard, strict=True)
    assert set(paths) == {"/hook?a=b"}
    assert headers[0]["Content-Type"] == "application/cloudevents+json; charset=UTF-8"
    assert headers[0]["Authorization"] == "Bearer hunter2"
    assert [event["type"].rpartition(".")[2] for event in events] == ["requested", "decided", "decided", "ending", "ending"]  # fmt: skip
    assert events[1] == events[2], "the second one has the id of the first"


def test_a_new_cursor_does_not_tell_the_whole_past(listener: Any, tmp_path: Path) -> None:
    assert delivered(listener, tmp_path / "notices.json", 80) == ["ending"]


def test_a_cursor_that_cannot_be_read_sends_nothing(tmp_path: Path) -> None:
    (tmp_path / "notices.json").write_text("[]")
    with pytest.raises(Unreadable):
        notify.Cursor(tmp_path / "notices.json")


def test_no_token_goes_to_a_server_without_encryption(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_WEBHOOK_TOKEN", "hunter2")
    with pytest.raises(Unreadable):
        notify.webhook("http://hooks.example.org/x")


class Postman(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        def say(text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        say("220 mail.example.org")
        while line := self.rfile.readline().decode().strip():
            if line.upper() == "DATA":
                say("354 go on")
                letter = b""
                while not letter.endswith(b"\r\n.\r\n"):
                    letter += self.rfile.readline()
                self.server.letters.append(letter.decode())  # type: ignore[attr-defined]
            say("221 bye" if line.upper() == "QUIT" else "250 fine")
            if line.upper() == "QUIT":
                return


def test_mail_has_one_subject_whatever_somebody_wrote() -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), Postman) as server:
        server.letters = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings = notify.settings_of(
            f"127.0.0.1:{server.server_address[1]}", "mesh@example.org", ["ada@example.org"]
        )
        assert settings
        data = {"purpose": "a\r\nBcc: eve@example.org"}
        notice = Notice("requested", PRODUCT, "x", "k", START, "Asked\r\nBcc: eve@example.org", data)
        notify.mail(settings)(notice)
        server.shutdown()
        (letter,) = server.letters  # type: ignore[attr-defined]
    head = letter.partition("\r\n\r\n")[0]
    assert "\nBcc:" not in letter and "To: ada@example.org" in head and f"Message-ID: <{notice.id}@" in head


@pytest.mark.parametrize(
    ("smtp", "sender", "to"),
    [
        (None, "a@example.org", "b@example.org"),
        ("h:25", None, "b@example.org"),
        ("h:25", "a@example.org", "b@x,c@x"),
    ],
)
def test_mail_without_a_part_is_refused(smtp: str | None, sender: str | None, to: str) -> None:
    with pytest.raises(Unreadable):
        notify.settings_of(smtp, sender, [to])
