"""A repository whose approvers review on a forge, for the tests of approval by review."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from forge_server import TOKEN, ForgeServer, Hosted, Pull
from signed import APPROVERS, PATH, People, Repository, agreement

from meshwright.access.approval import Approval, ForgeReviews, approval, read_from
from meshwright.core.git_history import History

PARTIES = frozenset({"bo@example.org"})
LOGINS = {
    "ada": ("owner", "Ada"),
    "dan": ("data-protection", "dan-x"),
    "sam": ("steward", "sam"),
    "eve": ("owner", "eve"),
}
"""Person -> capacity, and login as the forge shows it."""
POLICY = "access/policy.yaml"
OPEN_POLICY = "roles: {reader: {clearance: [public, internal]}}\n"


def approvers(
    url: str, *names: str, keys: Mapping[str, str] | None = None, by: str = "review", forge: str = "github"
) -> str:
    """approvers.yaml with people who review at an address."""
    lines = [
        "apiVersion: meshwright/v1",
        "kind: Approvers",
        f"approvals: {{by: {by}, repository: {url}, forge: {forge}}}",
        "approvers:",
    ]
    for name in names:
        capacity, login = LOGINS[name]
        lines += [f"  - name: {name.title()} Example", f"    email: {name}@example.org", f"    capacity: {capacity}", f"    login: {login.upper()}"]  # fmt: skip
        if name in (keys or {}):
            lines.append(f"    key: {(keys or {})[name]}")
    return "\n".join([*lines, ""])


class Team:
    """A repository with approvers who review, on a forge."""

    def __init__(self, forge: ForgeServer, root: Path, people: People, kind: str = "github") -> None:
        self.forge, self.kind = forge, kind
        is_born = root.exists()
        self.repository = Repository(root, people)
        self.hosted: Hosted = forge.host("example/product", self.repository)
        if not is_born:
            self.repository.commit("Born", {"README.md": "x\n", POLICY: OPEN_POLICY}, by="ada")
            self.repository.commit("Name approvers", {APPROVERS: self.approvers("ada", "dan")}, by="ada")
        self.hosted.emails = {f"{name}@example.org": login for name, (_, login) in LOGINS.items()}

    def approvers(self, *names: str, keys: Mapping[str, str] | None = None, by: str = "review") -> str:
        return approvers(self.hosted.url, *names, keys=keys, by=by, forge=self.kind)

    def asks(
        self, text: str = agreement(), author: str = "bo", branch: str = "ask", path: str = PATH
    ) -> Pull:
        """Opens a pull request that adds an agreement."""
        return self.proposes({path: text}, author, branch)

    def proposes(self, files: Mapping[str, str | None], author: str = "bo", branch: str = "change") -> Pull:
        self.repository.git("switch", "--quiet", "-C", branch, "main")
        self.repository.commit(f"Change {', '.join(files)}", files, by=author)
        return self.hosted.open(author, branch)

    def pushes(self, pull: Pull, files: Mapping[str, str | None], by: str = "bo") -> None:
        self.repository.switch(pull.branch)
        self.repository.commit("More", files, by=by)
        self.hosted.push(pull)

    def lands(self, pull: Pull, *reviewers: str, how: str = "merge") -> str:
        """Merges it, after approvals."""
        for reviewer in reviewers:
            self.hosted.review(pull, LOGINS[reviewer][1])
        return self.hosted.merge(pull, how)

    def history(self, token: str = TOKEN) -> History:
        history = History(self.repository.root, "main")
        read_from(history, ForgeReviews(token))
        return history

    def decision(self, *needed: str, beyond: str = "", path: str = PATH) -> Approval:
        return approval(self.history(), path, needed or ("owner",), PARTIES, beyond)
