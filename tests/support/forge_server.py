"""Forges on 127.0.0.1: one model of repositories, pull requests, reviews and rules, with GitHub's interface.

Every answer is held against the forge's published description (`tests/data/forges`) before it is sent. The commits are
those of a real repository: merging moves its main branch.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from forge_descriptions import Description
from signed import Repository

TOKEN = "forge-token-5f2c"  # noqa: S105 - the fake has no other
READ = frozenset({"metadata", "contents", "pull_requests", "administration"})
"""The permissions that the documentation asks for, each to read."""

SUFFICIENT = {
    "required_approving_review_count": 1,
    "dismiss_stale_reviews_on_push": True,
}


@dataclass
class Account:
    id: int
    login: str
    type: str = "User"
    association: str = "COLLABORATOR"


@dataclass
class Review:
    id: int
    account: Account | None
    state: str
    commit: str | None
    at: datetime


@dataclass
class Pull:
    number: int
    author: Account | None
    base: str
    branch: str
    head: str
    commits: list[str]
    created_at: datetime
    pushed_at: datetime
    reviews: list[Review] = field(default_factory=list)
    merged_at: datetime | None = None
    merged_as: str | None = None
    landed: list[str] = field(default_factory=list)
    """The commits of the main branch that it brought."""


class Hosted:
    """A repository on the forge, and the clone where its branches are."""

    def __init__(self, forge: ForgeServer, path: str, repository: Repository) -> None:
        self.forge, self.path, self.git = forge, path, repository.git
        self.repository = repository
        self.id = 1000 + len(forge.hosted)
        self.main = "main"
        self.pulls: list[Pull] = []
        self.rulesets: list[dict[str, Any]] = [ruleset(7)]
        self.protection: dict[str, Any] | None = None
        self.emails: dict[str, str] = {}
        """E-mail address -> login, as accounts confirmed them."""

    @property
    def url(self) -> str:
        return f"{self.forge.url}/{self.path}"

    def open(self, author: str | None, branch: str, base: str = "main") -> Pull:
        head = self.git("rev-parse", branch)
        number = len(self.pulls) + 1
        now = self.forge.now()
        account = self.forge.account(author) if author else None
        pull = Pull(number, account, base, branch, head, self._commits(base, head), now, now)
        self.pulls.append(pull)
        return pull

    def push(self, pull: Pull) -> None:
        """Takes the branch's newest commit; approvals of an older one are dismissed if the rules say so."""
        pull.head = self.git("rev-parse", pull.branch)
        pull.commits = self._commits(pull.base, pull.head)
        pull.pushed_at = self.forge.now()
        if any(
            rule["type"] == "pull_request" and rule["parameters"]["dismiss_stale_reviews_on_push"]
            for one in self.rulesets
            for rule in one["rules"]
        ):
            for review in pull.reviews:
                review.state = "DISMISSED" if review.state == "APPROVED" else review.state

    def review(self, pull: Pull, login: str, state: str = "APPROVED", commit: str | None = None) -> Review:
        number = sum(len(one.reviews) for one in self.pulls) + 500
        account = self.forge.account(login)
        review = Review(number, account, state, commit or pull.head, self.forge.now())
        pull.reviews.append(review)
        return review

    def merge(self, pull: Pull, how: str = "merge") -> str:
        """Merges a pull request into its base, as the forge would; returns the newest commit there."""
        before = self.git("rev-parse", pull.base)
        self.git("switch", "--quiet", pull.base)
        if how == "merge":
            self.git("merge", "--quiet", "--no-ff", "-m", f"Merge {pull.number}", pull.head, by="forge")
        elif how == "squash":
            self.git("merge", "--quiet", "--squash", pull.head, by="forge")
            self.git("commit", "--quiet", "-m", f"Squashed {pull.number}", by="forge")
        else:
            self.git("checkout", "--quiet", "--detach", pull.head)
            self.git("rebase", "--quiet", "--force-rebase", pull.base, by="forge")
            self.git("branch", "--force", pull.base, "HEAD")
            self.git("switch", "--quiet", pull.base)
        pull.merged_as = self.git("rev-parse", "HEAD")
        pull.merged_at = self.forge.now()
        pull.landed = self.git("rev-list", f"{before}..HEAD").split("\n")
        return pull.merged_as

    def _commits(self, base: str, head: str) -> list[str]:
        return self.git("rev-list", "--reverse", f"{base}..{head}").split()


def ruleset(
    number: int, *without: str, bypass: list[dict[str, Any]] | None = None, **parameters: Any
) -> dict[str, Any]:
    """A ruleset for the main branch that suffices, without some of its rules."""
    more = {
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_review_thread_resolution": False,
    }
    rules = [
        {"type": "pull_request", "parameters": more | SUFFICIENT | parameters},
        {"type": "non_fast_forward"},
        {"type": "deletion"},
    ]
    return {
        "id": number,
        "enforcement": "active",
        "bypass_actors": bypass or [],
        "rules": [rule for rule in rules if rule["type"] not in without],
    }


Hostile = Callable[[str], tuple[int, dict[str, str], bytes] | None]
"""Returns another answer than the true one to a path; None for the true one."""


class ForgeServer:
    """The forge, while it is entered."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        """Answers that the description does not allow."""
        self._lock = threading.Lock()
        self.github = Description("github.json")
        self.reset()

    def reset(self) -> None:
        """Forgets everything but its address."""
        self.hosted: dict[str, Hosted] = {}
        self.accounts: dict[str, Account] = {}
        self.permissions = READ | {"administration:write"}
        self.hostile: Hostile = lambda _: None
        self.requests: list[str] = []
        self._clock = datetime(2026, 1, 1, tzinfo=UTC)

    def __enter__(self) -> ForgeServer:
        forge = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                status, headers, body = forge.answer(self.path, self.headers.get("Authorization", ""))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        assert not self.failures, "\n".join(self.failures)

    def now(self) -> datetime:
        """A minute later than the last time."""
        self._clock += timedelta(minutes=1)
        return self._clock

    def account(self, login: str) -> Account:
        return self.accounts.setdefault(login.lower(), Account(100 + len(self.accounts), login))

    def host(self, path: str, repository: Repository) -> Hosted:
        return self.hosted.setdefault(path.lower(), Hosted(self, path, repository))

    def answer(self, target: str, authorization: str) -> tuple[int, dict[str, str], bytes]:
        with self._lock:
            self.requests.append(target)
            if (other := self.hostile(target)) is not None:
                return other
            divided = urlsplit(target)
            query = dict(parse_qsl(divided.query))
            status, value, template = self._routed(divided.path, query, authorization)
            self.failures += [f"{target}: {error}" for error in self.github.errors(template, status, value)]
            return status, {"Content-Type": "application/json"}, json.dumps(value).encode()

    def _routed(self, path: str, query: Mapping[str, str], authorization: str) -> tuple[int, Any, str]:
        if authorization != f"Bearer {TOKEN}":
            return 401, {"message": "Bad credentials"}, ""
        for pattern, template, permission, answer in ROUTES:
            if matched := re.fullmatch(f"/api/v3/repos/([^/]+/[^/]+){pattern}", path):
                name, *arguments = map(unquote, matched.groups())
                hosted = self.hosted.get(name.lower())
                if hosted is None:
                    return 404, {"message": "Not Found"}, template
                if permission not in self.permissions:
                    return 403, {"message": "Resource not accessible by personal access token"}, template
                value = answer(GitHubFace(self, hosted), *arguments, query)
                if isinstance(value, Missing):
                    return 404, {"message": value.message}, template
                if isinstance(value, list):
                    page, size = int(query.get("page", 1)), int(query.get("per_page", 30))
                    value = value[(page - 1) * size : page * size]
                return 200, value, template
        return 404, {"message": "Not Found"}, ""


@dataclass
class Missing:
    message: str = "Not Found"


Query = Mapping[str, str]


class GitHubFace:
    """The model as GitHub shows it."""

    def __init__(self, forge: ForgeServer, hosted: Hosted) -> None:
        self.forge, self.hosted, self.fill = forge, hosted, forge.github.filled

    def repository(self, _: Query) -> Any:
        return self.fill("full-repository", self._repository())

    def _repository(self) -> dict[str, Any]:
        hosted = self.hosted
        return {"id": hosted.id, "full_name": hosted.path, "default_branch": hosted.main}

    def pulls_of_commit(self, commit: str, _: Query) -> Any:
        pulls = [one for one in self.hosted.pulls if commit in one.landed]
        return [self.fill("pull-request-simple", self._pull(one)) for one in pulls]

    def pull(self, number: str, _: Query) -> Any:
        pull = self._numbered(number)
        more = {"commits": len(pull.commits), "merged": pull.merged_at is not None}
        return self.fill("pull-request", self._pull(pull) | more)

    def reviews(self, number: str, _: Query) -> Any:
        return [
            self.fill(
                "pull-request-review",
                {
                    "id": review.id,
                    "user": self._user(review.account),
                    "state": review.state,
                    "commit_id": review.commit,
                    "submitted_at": f"{review.at:%Y-%m-%dT%H:%M:%SZ}",
                    "author_association": review.account.association if review.account else "NONE",
                },
            )
            for review in self._numbered(number).reviews
        ]

    def commits(self, number: str, _: Query) -> Any:
        return [self._commit(name) for name in self._numbered(number).commits[:250]]

    def content(self, path: str, query: Query) -> Any:
        git = self.hosted.git
        listing = git("ls-tree", query["ref"], "--", path).split()
        if len(listing) < 4 or listing[1] != "blob":
            return Missing()
        text = (
            git("cat-file", "blob", listing[2]) + "\n"
        )  # `git` strips the line end that all files here have
        content = base64.encodebytes(text.encode()).decode()
        value = {"type": "file", "sha": listing[2], "path": path, "content": content, "encoding": "base64"}
        return self.fill("content-file", value)

    def rules(self, branch: str, _: Query) -> Any:
        if branch != self.hosted.main:
            return []
        return [
            {
                **rule,
                "ruleset_id": one["id"],
                "ruleset_source_type": "Repository",
                "ruleset_source": self.hosted.path,
            }
            for one in self.hosted.rulesets
            if one["enforcement"] == "active"
            for rule in one["rules"]
        ]

    def ruleset(self, number: str, _: Query) -> Any:
        one = next((one for one in self.hosted.rulesets if str(one["id"]) == number), None)
        if one is None:
            return Missing()
        known = one if "administration:write" in self.forge.permissions else {**one, "bypass_actors": None}
        value = {key: value for key, value in known.items() if value is not None}
        return self.fill("repository-ruleset", {"target": "branch", "source": self.hosted.path, **value})

    def protection(self, branch: str, _: Query) -> Any:
        if self.hosted.protection is None or branch != self.hosted.main:
            return Missing("Branch not protected")
        return self.fill("branch-protection", self.hosted.protection)

    def _numbered(self, number: str) -> Pull:
        return self.hosted.pulls[int(number) - 1]

    def _pull(self, pull: Pull) -> dict[str, Any]:
        merged = pull.merged_at and f"{pull.merged_at:%Y-%m-%dT%H:%M:%SZ}"
        return {
            "number": pull.number,
            "html_url": f"{self.hosted.url}/pull/{pull.number}",
            "state": "closed" if merged else "open",
            "user": self._user(pull.author),
            "merged_at": merged,
            "merge_commit_sha": pull.merged_as,
            "base": {"ref": pull.base, "repo": self._repository()},
            "head": {"ref": pull.branch, "sha": pull.head, "repo": self._repository()},
        }

    def _user(self, account: Account | None) -> Any:
        if account is None:
            return None
        return {"id": account.id, "login": account.login, "type": account.type}

    def _commit(self, name: str) -> Any:
        form = "%an%x00%ae%x00%cn%x00%ce%x00%B"
        author, email, committer, other, message = self.hosted.git(
            "show", "-s", f"--format={form}", name
        ).split("\0")
        people = {"author": (author, email), "committer": (committer, other)}
        accounts = {role: self._known(address) for role, (_, address) in people.items()}
        about = {role: {"name": who, "email": address} for role, (who, address) in people.items()}
        return self.fill("commit", {"sha": name, "commit": {**about, "message": message}, **accounts})

    def _known(self, email: str) -> Any:
        login = self.hosted.emails.get(email)
        return self.fill("simple-user", self._user(self.forge.account(login))) if login else None


ROUTES: list[tuple[str, str, str, Callable[..., Any]]] = [
    ("", "/repos/{owner}/{repo}", "metadata", GitHubFace.repository),
    ("/commits/([^/]+)/pulls", "/repos/{owner}/{repo}/commits/{commit_sha}/pulls", "pull_requests", GitHubFace.pulls_of_commit),
    ("/pulls/([0-9]+)", "/repos/{owner}/{repo}/pulls/{pull_number}", "pull_requests", GitHubFace.pull),
    ("/pulls/([0-9]+)/reviews", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews", "pull_requests", GitHubFace.reviews),
    ("/pulls/([0-9]+)/commits", "/repos/{owner}/{repo}/pulls/{pull_number}/commits", "pull_requests", GitHubFace.commits),
    ("/contents/(.+)", "/repos/{owner}/{repo}/contents/{path}", "contents", GitHubFace.content),
    ("/rules/branches/([^/]+)", "/repos/{owner}/{repo}/rules/branches/{branch}", "metadata", GitHubFace.rules),
    ("/rulesets/([0-9]+)", "/repos/{owner}/{repo}/rulesets/{ruleset_id}", "metadata", GitHubFace.ruleset),
    ("/branches/([^/]+)/protection", "/repos/{owner}/{repo}/branches/{branch}/protection", "administration", GitHubFace.protection),
]  # fmt: skip
"""Pattern below the repository, path in the description, permission, and what answers."""
