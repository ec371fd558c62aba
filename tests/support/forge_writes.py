"""What the forges of `forge_server` let a token change: a branch, a file in a commit, and a pull request.

The bodies of requests are held against the forge's published description, as the answers are.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from forge_descriptions import Description

if TYPE_CHECKING:
    from forge_server import ForgeServer, Hosted

Answered = tuple[int, Any, str]
EXISTS = {"message": "Reference already exists"}


def written(
    forge: ForgeServer, description: Description, path: str, token: str, method: str, sent: Any
) -> Answered:
    """The answer to a request that changes something: status, value, and the path in the description."""
    import forge_server

    if token != forge_server.TOKEN:
        return 401, {"message": "Bad credentials"}, ""
    for pattern, template, permission, answer in WRITES:
        if (matched := re.fullmatch(pattern, path)) is None:
            continue
        name, *arguments = map(unquote, matched.groups())
        hosted = forge.hosted.get(name.lower())
        if hosted is None:
            return 404, {"message": "Not Found"}, template
        if f"{permission}:write" not in forge.permissions:
            return 403, {"message": "Resource not accessible by personal access token"}, template
        if hosted.archived:
            return 403, {"message": "Repository was archived so is read-only."}, template
        forge.failures += [
            f"{path}: {error}" for error in description.body_errors(template, method.lower(), sent)
        ]
        return (*answer(forge, hosted, sent, *arguments), template)
    return 404, {"message": "Not Found"}, ""


def _ref(forge: ForgeServer, hosted: Hosted, sent: Any) -> tuple[int, Any]:
    branch = sent["ref"].removeprefix("refs/heads/")
    if hosted.tip(branch):
        return 422, EXISTS
    hosted.git("branch", branch, sent["sha"])
    value = {"ref": sent["ref"], "object": {"type": "commit", "sha": sent["sha"]}}
    return 201, forge.github.filled("git-ref", value)


def _put(forge: ForgeServer, hosted: Hosted, sent: Any, path: str) -> tuple[int, Any]:
    branch = sent["branch"]
    if hosted.tip(branch) is None:
        return 404, {"message": f"Branch {branch} not found"}
    present = hosted.git("ls-tree", branch, "--", path).split()
    if present and sent.get("sha") != present[2]:
        return 422, {"message": "sha was not supplied"}
    name = hosted.writes(branch, path, base64.b64decode(sent["content"]), sent["message"])
    value = {"content": {"path": path}, "commit": {"sha": name}}
    return (200 if present else 201), forge.github.filled("file-commit", value)


def _pull(forge: ForgeServer, hosted: Hosted, sent: Any) -> tuple[int, Any]:
    from forge_server import GitHubFace

    branch = sent["head"]
    if any(one.is_open and one.branch == branch for one in hosted.pulls):
        return 422, {"message": "Validation Failed: A pull request already exists"}
    pull = hosted.open(forge.as_bot(), branch, sent["base"])
    pull.title, pull.body = sent["title"], sent["body"]
    return 201, GitHubFace(forge, hosted).pull(str(pull.number), {})


def _commits(forge: ForgeServer, hosted: Hosted, sent: Any) -> tuple[int, Any]:
    from forge_server import GitLabFace

    branch, (action,) = sent["branch"], sent["actions"]
    if "start_branch" in sent:
        if hosted.tip(branch):
            return 400, {"message": f"A branch called '{branch}' already exists."}
        hosted.git("branch", branch, sent["start_branch"])
    present = hosted.git("ls-tree", branch, "--", action["file_path"])
    if bool(present) != (action["action"] == "update"):
        return 400, {"message": "A file with this name already exists"}
    name = hosted.writes(
        branch, action["file_path"], base64.b64decode(action["content"]), sent["commit_message"]
    )
    return 201, GitLabFace(forge, hosted)._commit(name)


def _request(forge: ForgeServer, hosted: Hosted, sent: Any) -> tuple[int, Any]:
    from forge_server import GitLabFace

    branch = sent["source_branch"]
    if any(one.is_open and one.branch == branch for one in hosted.pulls):
        return 409, {"message": ["Another open merge request already exists for this source branch: !1"]}
    pull = hosted.open(forge.as_bot(), branch, sent["target_branch"])
    pull.title, pull.body = sent["title"], sent["description"]
    return 201, GitLabFace(forge, hosted).request(str(pull.number), {})


HUB, LAB = "/api/v3/repos/([^/]+/[^/]+)", "/api/v4/projects/([^/]+)"
WRITES: list[tuple[str, str, str, Any]] = [
    (f"{HUB}/git/refs", "/repos/{owner}/{repo}/git/refs", "contents", _ref),
    (f"{HUB}/contents/(.+)", "/repos/{owner}/{repo}/contents/{path}", "contents", _put),
    (f"{HUB}/pulls", "/repos/{owner}/{repo}/pulls", "pull_requests", _pull),
    (f"{LAB}/repository/commits", "/projects/{id}/repository/commits", "contents", _commits),
    (f"{LAB}/merge_requests", "/projects/{id}/merge_requests", "pull_requests", _request),
]
"""Pattern, path in the description, permission, and what answers."""
