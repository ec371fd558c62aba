"""Open an issue in this repository when a run that nobody started by hand fails, comment on it when the next one fails too, and
close it when one is good again. CI of GitHub and of GitLab runs it, with nothing but Python.

Usage: run_issue.py good|failed ADDRESS-OF-THE-RUN

Exit codes: 0 done, or nothing to do; 77 a failure could not be reported, which is a warning; 2 wrong usage.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

LABEL = "scheduled-run-failed"
TITLE = "The scheduled run fails"
BODY = """The pipeline's run failed, or could not start in time: {address}

The ports serve what the last good run published, unless the log says that a service level was missed. The log has the cause and the
fix. Further failures are comments here, at most one in six hours; the next good run closes this issue.
"""
QUIET = timedelta(hours=6)
"""A product that asks every few minutes whether it should run fails as often."""
AGAIN = "It failed again: {address}"
GOOD = "The run is good again: {address}"
NOT_REPORTED = 77
PATIENCE = 30.0
"""Seconds to wait for the forge."""

Json = dict[str, Any]


class Refused(Exception):
    """The forge did not do what it was asked; the message says what, and what to change."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token must not reach another server."""

    def redirect_request(self, *arguments: Any, **options: Any) -> None:
        return None


class Forge:
    """Issues of one repository, by its API."""

    fix = ""

    def __init__(self, api: str, headers: dict[str, str]) -> None:
        self._api = api.rstrip("/")
        self._headers = {"Accept": "application/json", "User-Agent": "meshwright", **headers}
        self._opener = urllib.request.build_opener(_NoRedirect())

    def call(self, method: str, path: str, content: Json | None = None) -> Any:
        """Return the answer to a request. Raises Refused."""
        body = None if content is None else json.dumps(content).encode()
        headers = self._headers | ({"Content-Type": "application/json"} if body else {})
        request = urllib.request.Request(f"{self._api}{path}", body, headers, method=method)  # noqa: S310
        try:
            with self._opener.open(request, timeout=PATIENCE) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise Refused(f"{method} {path} answered HTTP {error.code}. Fix: {self.fix}") from error
        except (OSError, ValueError) as error:
            raise Refused(
                f"{method} {path}: the forge cannot be reached ({type(error).__name__})."
            ) from error

    def open_issue(self) -> tuple[int, datetime] | None:
        """Return the number of the oldest open issue about scheduled runs, and when it was last changed."""
        raise NotImplementedError

    def create(self, body: str) -> None:
        raise NotImplementedError

    def comment(self, number: int, body: str) -> None:
        raise NotImplementedError

    def close(self, number: int) -> None:
        raise NotImplementedError


class GitHub(Forge):
    """https://docs.github.com/en/rest/issues"""

    fix = "switch issues on (Settings > General > Features), and let the job's token write them (`issues: write`)."

    def __init__(self, environment: dict[str, str]) -> None:
        token, self._path = (
            environment["GITHUB_TOKEN"],
            f"/repos/{quote(environment['GITHUB_REPOSITORY'])}/issues",
        )
        version = {"X-GitHub-Api-Version": "2022-11-28", "Accept": "application/vnd.github+json"}
        super().__init__(environment["GITHUB_API_URL"], {"Authorization": f"Bearer {token}", **version})

    def open_issue(self) -> tuple[int, datetime] | None:
        query = urlencode(
            {"labels": LABEL, "state": "open", "sort": "created", "direction": "asc", "per_page": 100}
        )
        issues = self.call("GET", f"{self._path}?{query}")
        # To this part of the API, a pull request is an issue, too.
        return next(
            (
                (issue["number"], datetime.fromisoformat(issue["updated_at"]))
                for issue in issues
                if "pull_request" not in issue
            ),
            None,
        )

    def create(self, body: str) -> None:
        made = self.call("POST", self._path, {"title": TITLE, "body": body, "labels": [LABEL]})
        if LABEL not in [label["name"] for label in made["labels"]]:  # the API drops them in silence
            self.call("POST", f"{self._path}/{made['number']}/labels", {"labels": [LABEL]})

    def comment(self, number: int, body: str) -> None:
        self.call("POST", f"{self._path}/{number}/comments", {"body": body})

    def close(self, number: int) -> None:
        self.call("PATCH", f"{self._path}/{number}", {"state": "closed", "state_reason": "completed"})


class GitLab(Forge):
    """https://docs.gitlab.com/api/issues/"""

    fix = "ISSUES_TOKEN has to be a token of the project with the scope `api` and the role Reporter, and issues switched on."

    def __init__(self, environment: dict[str, str]) -> None:
        super().__init__(environment["CI_API_V4_URL"], {"PRIVATE-TOKEN": environment["ISSUES_TOKEN"]})
        self._path = f"/projects/{quote(environment['CI_PROJECT_ID'], safe='')}/issues"

    def open_issue(self) -> tuple[int, datetime] | None:
        query = urlencode(
            {"labels": LABEL, "state": "opened", "order_by": "created_at", "sort": "asc", "per_page": 1}
        )
        issues = self.call("GET", f"{self._path}?{query}")
        return next(((issue["iid"], datetime.fromisoformat(issue["updated_at"])) for issue in issues), None)

    def create(self, body: str) -> None:
        self.call("POST", self._path, {"title": TITLE, "description": body, "labels": LABEL})

    def comment(self, number: int, body: str) -> None:
        self.call("POST", f"{self._path}/{number}/notes", {"body": body})

    def close(self, number: int) -> None:
        self.call("PUT", f"{self._path}/{number}", {"state_event": "close"})


def reported(forge: Forge, *, good: bool, address: str) -> str:
    """Report how a run ended that nobody started by hand; return what was done. Raises Refused."""
    known = forge.open_issue()
    if known is None and good:
        return "The run is good, and no issue is open."
    if known is None:
        forge.create(BODY.format(address=address))
        return "An issue is open: the run failed."
    number, changed = known
    if good:
        forge.comment(number, GOOD.format(address=address))
        forge.close(number)
        return f"Issue {number} is closed: the run is good again."
    if datetime.now(UTC) - changed < QUIET:
        return f"Issue {number} stays open: the run failed again. It has no further comment, because it changed in the last six hours."
    forge.comment(number, AGAIN.format(address=address))
    return f"Issue {number} has a comment: the run failed again."


def main(arguments: list[str], environment: dict[str, str]) -> int:
    """Report how a run ended; return the exit code."""
    if len(arguments) != 2 or arguments[0] not in ("good", "failed") or not urlsplit(arguments[1]).scheme:
        print(__doc__)
        return 2
    good, on_gitlab = arguments[0] == "good", bool(environment.get("GITLAB_CI"))
    warning = "" if on_gitlab else "::warning::"
    if on_gitlab and not environment.get("ISSUES_TOKEN"):
        if not good:
            print(f"The run failed, and no issue says so, because ISSUES_TOKEN is not set. Fix: {GitLab.fix}")
        return 0 if good else NOT_REPORTED
    try:
        print(reported((GitLab if on_gitlab else GitHub)(environment), good=good, address=arguments[1]))
    except (Refused, LookupError, TypeError, ValueError) as error:
        why = (
            str(error)
            if isinstance(error, Refused)
            else f"The forge answered something else ({type(error).__name__})."
        )
        print(f"{warning}The issue about scheduled runs could not be updated: {why}")
        return NOT_REPORTED if on_gitlab else 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], dict(os.environ)))
