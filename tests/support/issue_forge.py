"""Issues of one repository on 127.0.0.1, by the API of GitHub and by GitLab's."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "issue-token-9c41"  # noqa: S105 - the fake has no other


@dataclass
class Issues:
    """The issues of the repository, and how the forge answers."""

    url: str = ""
    issues: list[dict[str, Any]] = field(default_factory=list)
    code: int = 0
    """The code of every answer, if it is not 0."""
    drops_labels: bool = False
    """What GitHub does for an account that may not set labels."""
    hours: float = 24.0
    """How long ago each issue was changed."""
    requests: list[str] = field(default_factory=list)

    def open(self) -> list[dict[str, Any]]:
        return [issue for issue in self.issues if issue["open"]]

    def answer(self, method: str, path: str, content: dict[str, Any], gitlab: bool) -> Any:
        """The answer to a request; None if there is no such thing."""
        place = urlsplit(path)
        match = re.fullmatch(
            r"/(?:repos/hotels/bookings|projects/7)/issues(?:/(\d+)(?:/(\w+))?)?", place.path
        )
        if match is None or ("/projects/" in path) is not gitlab:
            return None
        number, part = match.groups()
        if method == "GET" and not number:
            query = {name: values[0] for name, values in parse_qs(place.query).items()}
            assert query["state"] == ("opened" if gitlab else "open")
            return [self.shown(one) for one in self.open() if query["labels"] in one["labels"]]
        if method == "POST" and not number:
            labels = content["labels"].split(",") if gitlab else content["labels"]
            body = content["description" if gitlab else "body"]
            kept = [] if self.drops_labels else labels
            issue = {"number": len(self.issues) + 1, "title": content["title"], "texts": [body], "labels": kept, "open": True}  # fmt: skip
            self.issues.append(issue)
            return self.shown(issue)
        issue = self.issues[int(number) - 1]
        if part in ("comments", "notes") and (part == "notes") is gitlab:
            issue["texts"].append(content["body"])
        elif part == "labels":
            issue["labels"] += content["labels"]
            return [{"name": label} for label in issue["labels"]]
        elif (method, content.get("state_event" if gitlab else "state")) in (
            ("PUT", "close"),
            ("PATCH", "closed"),
        ):
            issue["open"] = False
        else:
            return None
        return self.shown(issue)

    def shown(self, issue: dict[str, Any]) -> dict[str, Any]:
        more = {"pull_request": {}} if issue.get("pull") else {}
        names = [{"name": label} for label in issue["labels"]]
        return {
            "number": issue["number"],
            "iid": issue["number"],
            "title": issue["title"],
            "labels": names,
            "updated_at": (datetime.now(UTC) - timedelta(hours=self.hours)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            **more,
        }


@contextlib.contextmanager
def issue_forge() -> Iterator[Issues]:
    known = Issues()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known.requests.append(f"{self.command} {self.path}")
            content = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            gitlab = self.headers.get("PRIVATE-TOKEN") == TOKEN
            code, answer = known.code, b"<html>"
            if not gitlab and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                code = 401
            if not code:
                value = known.answer(self.command, self.path, content, gitlab)
                code, answer = (404, b"{}") if value is None else (200, json.dumps(value).encode())
            self.send_response(code)
            if 300 <= code < 400:
                self.send_header("Location", f"{known.url}/elsewhere")
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_PUT = do_PATCH = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
