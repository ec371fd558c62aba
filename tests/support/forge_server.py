"""Forges on 127.0.0.1: one model of repositories, pull requests, reviews and rules, with GitHub's and GitLab's interface.

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
from forge_writes import written
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
    title: str = ""
    body: str = ""
    is_closed: bool = False
    """Whether it was closed without a merge."""
    merged_as: str | None = None
    landed: list[str] = field(default_factory=list)
    """The commits of the main branch that it brought."""
    squashed_as: str | None = None
    """The one commit that it was squashed to."""

    @property
    def is_open(self) -> bool:
        return self.merged_at is None and not self.is_closed


class Hosted:
    """A repository on the forge, and the clone where its branches are."""

    def __init__(self, forge: ForgeServer, path: str, repository: Repository) -> None:
        self.forge, self.path, self.git = forge, path, repository.git
        self.repository = repository
        self.archived = False
        self.id = 1000 + len(forge.hosted)
        self.main = "main"
        self.pulls: list[Pull] = []
        self.rulesets: list[dict[str, Any]] = [ruleset(7)]
        self.protection: dict[str, Any] | None = None
        self.emails: dict[str, str] = {}
        """E-mail address -> login, as accounts confirmed them."""
        self.protected: list[dict[str, Any]] = [protected("main")]
        self.settings: dict[str, bool | None] = dict(SETTINGS)
        self.approval_rules: list[dict[str, Any]] = [approval_rule()]

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
            pull.squashed_as = self.git("rev-parse", "HEAD")
        elif how == "squash and merge":
            self.git("checkout", "--quiet", "--detach", pull.base)
            self.git("merge", "--quiet", "--squash", pull.head, by="forge")
            self.git("commit", "--quiet", "-m", f"Squashed {pull.number}", by="forge")
            pull.squashed_as = self.git("rev-parse", "HEAD")
            self.git("switch", "--quiet", pull.base)
            self.git(
                "merge", "--quiet", "--no-ff", "-m", f"Merge {pull.number}", pull.squashed_as, by="forge"
            )
        elif how == "fast-forward":
            self.git("merge", "--quiet", "--ff-only", pull.head, by="forge")
        else:
            self.git("checkout", "--quiet", "--detach", pull.head)
            self.git("rebase", "--quiet", "--force-rebase", pull.base, by="forge")
            self.git("branch", "--force", pull.base, "HEAD")
            self.git("switch", "--quiet", pull.base)
        pull.merged_as = self.git("rev-parse", "HEAD")
        pull.merged_at = self.forge.now()
        pull.landed = self.git("rev-list", f"{before}..HEAD").split("\n")
        return pull.merged_as

    def tip(self, branch: str) -> str | None:
        """The newest commit of a branch; None if there is none."""
        return self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}") or None

    def writes(self, branch: str, path: str, content: bytes, message: str) -> str:
        """Commits one file to a branch with the token's account, and returns the commit."""
        before = self.tip(branch)
        back = self.git("rev-parse", "--abbrev-ref", "HEAD")
        self.git("checkout", "--quiet", "--detach", before)
        self.repository.commit(message, {path: content.decode()}, by="forge")
        name = self.git("rev-parse", "HEAD")
        self.git("switch", "--quiet", back)
        self.git("branch", "--force", branch, name)
        return name

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


SETTINGS = {
    "reset_approvals_on_push": True,
    "disable_overriding_approvers_per_merge_request": True,
    "merge_requests_author_approval": False,
    "merge_requests_disable_committers_approval": True,
}


def protected(name: str, push: list[dict[str, Any]] | None = None, force: bool = False) -> dict[str, Any]:
    """A protected branch of GitLab, to which nobody pushes."""
    levels = [{"id": 1, "access_level": 0, "access_level_description": "No one"}]
    merge = [{"id": 2, "access_level": 30, "access_level_description": "Developers"}]
    return {"id": 1, "name": name, "push_access_levels": push or levels, "merge_access_levels": merge, "allow_force_push": force}  # fmt: skip


def approval_rule(required: int = 1, branches: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"id": 1, "name": "All", "rule_type": "any_approver", "approvals_required": required, "protected_branches": branches or [], "applies_to_all_protected_branches": False}  # fmt: skip


Hostile = Callable[[str], tuple[int, dict[str, str], bytes] | None]
"""Returns another answer than the true one to a path; None for the true one."""


class ForgeServer:
    """The forge, while it is entered."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        """Answers that the description does not allow."""
        self._lock = threading.Lock()
        self.github, self.gitlab = Description("github.json"), Description("gitlab.json")
        self.reset()

    def reset(self) -> None:
        """Forgets everything but its address."""
        self.hosted: dict[str, Hosted] = {}
        self.accounts: dict[str, Account] = {}
        self.permissions = READ | {"administration:write"}
        self.hostile: Hostile = lambda _: None
        self.requests: list[str] = []
        self.writes: list[str] = []
        """Method and path of each request that changes something."""
        self.writes_left: int | None = None
        """How many more are done before the forge is away; None: all."""
        self.tokens: set[str] = set()
        """Every token that was sent here."""
        self.bot = Account(90, "catalog[bot]", "Bot", "NONE")
        """Whose the token is, for what is written with it."""
        self._clock = datetime(2026, 1, 1, tzinfo=UTC)

    def __enter__(self) -> ForgeServer:
        forge = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                self._do()

            def do_POST(self) -> None:
                self._do()

            def do_PUT(self) -> None:
                self._do()

            def _do(self) -> None:
                size = int(self.headers.get("Content-Length", 0))
                value = json.loads(self.rfile.read(size)) if size else None
                token = self.headers.get("PRIVATE-TOKEN") or self.headers.get(
                    "Authorization", ""
                ).removeprefix("Bearer ")
                status, headers, body = forge.answer(self.path, token, self.command, value)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:  # a client that had enough has gone
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        assert not self.failures, "\n".join(self.failures)

    def _may_write(self) -> bool:
        assert self.writes_left is not None
        self.writes_left -= 1
        return self.writes_left >= 0

    def now(self) -> datetime:
        """A minute later than the last time."""
        self._clock += timedelta(minutes=1)
        return self._clock

    def as_bot(self) -> str:
        """The login of the token's account."""
        self.accounts.setdefault(self.bot.login.lower(), self.bot)
        return self.bot.login

    def account(self, login: str) -> Account:
        return self.accounts.setdefault(login.lower(), Account(100 + len(self.accounts), login))

    def host(self, path: str, repository: Repository) -> Hosted:
        return self.hosted.setdefault(path.lower(), Hosted(self, path, repository))

    def answer(
        self, target: str, token: str, method: str = "GET", sent: Any = None
    ) -> tuple[int, dict[str, str], bytes]:
        with self._lock:
            self.requests.append(target)
            self.tokens.add(token)
            if method != "GET":
                self.writes.append(f"{method} {target}")
            if (self.writes_left is not None and method != "GET") and not self._may_write():
                return 502, {}, b"{}"
            if (other := self.hostile(target)) is not None:
                return other
            divided = urlsplit(target)
            query = dict(parse_qsl(divided.query))
            is_gitlab = divided.path.startswith("/api/v4/")
            description = self.gitlab if is_gitlab else self.github
            if method == "GET":
                status, value, template = self._routed(divided.path, query, token, is_gitlab)
            else:
                status, value, template = written(self, description, divided.path, token, method, sent)
            errors = description.errors(template, status, value, method.lower())
            self.failures += [f"{target}: {error}" for error in errors]
            return status, {"Content-Type": "application/json"}, json.dumps(value).encode()

    def _routed(
        self, path: str, query: Mapping[str, str], token: str, is_gitlab: bool
    ) -> tuple[int, Any, str]:
        if token != TOKEN:
            return 401, {"message": "Bad credentials"}, ""
        start = "/api/v4/projects/([^/]+)" if is_gitlab else "/api/v3/repos/([^/]+/[^/]+)"
        for pattern, template, permission, answer in GITLAB_ROUTES if is_gitlab else ROUTES:
            if matched := re.fullmatch(f"{start}{pattern}", path):
                name, *arguments = map(unquote, matched.groups())
                hosted = self.hosted.get(name.lower())
                if hosted is None:
                    return 404, {"message": "Not Found"}, template
                if permission not in self.permissions:
                    return 403, {"message": "Resource not accessible by personal access token"}, template
                face: GitHubFace | GitLabFace = (
                    GitLabFace(self, hosted) if is_gitlab else GitHubFace(self, hosted)
                )
                return self._answered(answer(face, *arguments, query), query, template)
        if is_gitlab and (matched := re.fullmatch("/api/v4/users/([0-9]+)", path)):
            account = next(one for one in self.accounts.values() if one.id == int(matched[1]))
            value = {"id": account.id, "username": account.login, "bot": account.type != "User"}
            return 200, self.gitlab.filled("User", value), "/users/{id}"
        return 404, {"message": "Not Found"}, ""

    def _answered(self, value: Any, query: Mapping[str, str], template: str) -> tuple[int, Any, str]:
        if isinstance(value, Missing):
            return 404, {"message": value.message}, template
        if isinstance(value, list):
            page, size = int(query.get("page", 1)), int(query.get("per_page", 30))
            value = value[(page - 1) * size : page * size]
        return 200, value, template


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
        return {
            "id": hosted.id,
            "full_name": hosted.path,
            "default_branch": hosted.main,
            "archived": hosted.archived,
        }

    def ref(self, branch: str, _: Query) -> Any:
        if (name := self.hosted.tip(branch)) is None:
            return Missing()
        value = {"ref": f"refs/heads/{branch}", "object": {"type": "commit", "sha": name}}
        return self.fill("git-ref", value)

    def open_pulls(self, query: Query) -> Any:
        branch = query.get("head", "").partition(":")[2]
        pulls = [one for one in self.hosted.pulls if one.is_open and one.branch == branch]
        return [self.fill("pull-request-simple", self._pull(one)) for one in pulls]

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
        return next(pull for pull in self.hosted.pulls if pull.number == int(number))

    def _pull(self, pull: Pull) -> dict[str, Any]:
        merged = pull.merged_at and f"{pull.merged_at:%Y-%m-%dT%H:%M:%SZ}"
        return {
            "number": pull.number,
            "html_url": f"{self.hosted.url}/pull/{pull.number}",
            "state": "open" if pull.is_open else "closed",
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
    ("/pulls", "/repos/{owner}/{repo}/pulls", "pull_requests", GitHubFace.open_pulls),
    ("/git/ref/heads/(.+)", "/repos/{owner}/{repo}/git/ref/{ref}", "contents", GitHubFace.ref),
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


class GitLabFace:
    """The model as GitLab shows it."""

    def __init__(self, forge: ForgeServer, hosted: Hosted) -> None:
        self.forge, self.hosted, self.fill = forge, hosted, forge.gitlab.filled

    def project(self, _: Query) -> Any:
        hosted = self.hosted
        values = {
            "id": hosted.id,
            "path_with_namespace": hosted.path,
            "default_branch": hosted.main,
            "archived": hosted.archived,
        }
        return self.fill("Project", values)

    def branch(self, branch: str, _: Query) -> Any:
        name = self.hosted.tip(branch)
        return (
            Missing() if name is None else self.fill("Branch", {"name": branch, "commit": self._commit(name)})
        )

    def open_requests(self, query: Query) -> Any:
        branch = query.get("source_branch")
        return [self._request(one) for one in self.hosted.pulls if one.is_open and one.branch == branch]

    def requests_of_commit(self, commit: str, _: Query) -> Any:
        return [self._request(one) for one in self.hosted.pulls if commit in one.landed]

    def request(self, number: str, _: Query) -> Any:
        return self._request(self._numbered(number))

    def approvals(self, number: str, _: Query) -> Any:
        approved = [
            self.fill(
                "Approvals",
                {"user": self._user(review.account), "approved_at": f"{review.at:%Y-%m-%dT%H:%M:%S.000Z}"},
            )
            for review in self._numbered(number).reviews
            if review.state == "APPROVED" and review.account
        ]
        return self.fill("MergeRequestApprovals", {"approved_by": approved})

    def reviewers(self, number: str, _: Query) -> Any:
        states = {"APPROVED": "approved", "CHANGES_REQUESTED": "requested_changes", "DISMISSED": "unapproved", "COMMENTED": "reviewed"}  # fmt: skip
        newest = {one.account.login: one for one in self._numbered(number).reviews if one.account}
        return [
            self.fill("MergeRequestReviewer", {"user": self._user(one.account), "state": states[one.state]})
            for one in newest.values()
        ]

    def versions(self, number: str, _: Query) -> Any:
        pull = self._numbered(number)
        at = f"{pull.pushed_at:%Y-%m-%dT%H:%M:%S.000Z}"
        return [self.fill("MergeRequestDiff", {"head_commit_sha": pull.head, "created_at": at})]

    def commits(self, number: str, _: Query) -> Any:
        return [self._commit(name) for name in self._numbered(number).commits]

    def file(self, path: str, query: Query) -> Any:
        value = GitHubFace(self.forge, self.hosted).content(path, query)
        if isinstance(value, Missing):
            return value
        content = value["content"].replace("\n", "")
        return self.fill(
            "File", {"file_path": path, "content": content, "blob_id": value["sha"], "ref": query["ref"]}
        )

    def protected_branches(self, _: Query) -> Any:
        return self.hosted.protected

    def settings(self, _: Query) -> Any:
        return self.fill("ApprovalSettings", self.hosted.settings)

    def approval_rules(self, _: Query) -> Any:
        return self.hosted.approval_rules

    def _numbered(self, number: str) -> Pull:
        return next(pull for pull in self.hosted.pulls if pull.number == int(number))

    def _request(self, pull: Pull) -> Any:
        merged = pull.merged_at and f"{pull.merged_at:%Y-%m-%dT%H:%M:%S.000Z}"
        is_merge = (
            bool(pull.merged_as)
            and len(self.hosted.git("rev-list", "--parents", "-n1", pull.merged_as or "").split()) == 3
        )
        values = {
            "iid": pull.number,
            "web_url": f"{self.hosted.url}/-/merge_requests/{pull.number}",
            "source_branch": pull.branch,
            "source_project_id": self.hosted.id,
            "state": "merged" if merged else "opened" if pull.is_open else "closed",
            "author": self._user(pull.author),
            "merged_at": merged,
            "target_branch": pull.base,
            "target_project_id": self.hosted.id,
            "sha": pull.head,
            "merge_commit_sha": pull.merged_as if is_merge else None,
            "squash_commit_sha": pull.squashed_as,
        }
        return self.fill("MergeRequest", values)

    def _user(self, account: Account | None) -> Any:
        assert account is not None, "GitLab keeps a ghost user in the place of a deleted one"
        return {"id": account.id, "username": account.login}

    def _commit(self, name: str) -> Any:
        form = "%ae%x00%ce%x00%B"
        author, committer, message = self.hosted.git("show", "-s", f"--format={form}", name).split("\0")
        values = {"id": name, "author_email": author, "committer_email": committer, "message": message}
        return self.fill("Commit", values)


REQUEST = "/projects/{id}/merge_requests/{iid}"
GITLAB_ROUTES: list[tuple[str, str, str, Callable[..., Any]]] = [
    ("", "/projects/{id}", "metadata", GitLabFace.project),
    ("/merge_requests", "/projects/{id}/merge_requests", "pull_requests", GitLabFace.open_requests),
    ("/repository/branches/([^/]+)", "/projects/{id}/repository/branches/{branch}", "contents", GitLabFace.branch),
    ("/repository/commits/([^/]+)/merge_requests", "/projects/{id}/repository/commits/{sha}/merge_requests", "pull_requests", GitLabFace.requests_of_commit),
    ("/merge_requests/([0-9]+)", REQUEST, "pull_requests", GitLabFace.request),
    ("/merge_requests/([0-9]+)/approvals", f"{REQUEST}/approvals", "pull_requests", GitLabFace.approvals),
    ("/merge_requests/([0-9]+)/reviewers", f"{REQUEST}/reviewers", "pull_requests", GitLabFace.reviewers),
    ("/merge_requests/([0-9]+)/versions", f"{REQUEST}/versions", "pull_requests", GitLabFace.versions),
    ("/merge_requests/([0-9]+)/commits", f"{REQUEST}/commits", "pull_requests", GitLabFace.commits),
    ("/repository/files/([^/]+)", "/projects/{id}/repository/files/{path}", "contents", GitLabFace.file),
    ("/protected_branches", "/projects/{id}/protected_branches", "administration", GitLabFace.protected_branches),
    ("/approvals", "/projects/{id}/approvals", "administration", GitLabFace.settings),
    ("/approval_rules", "/projects/{id}/approval_rules", "administration", GitLabFace.approval_rules),
]  # fmt: skip
"""The same for GitLab."""
