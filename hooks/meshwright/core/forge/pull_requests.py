"""Open pull requests (GitHub) and merge requests (GitLab) with the command-line tools `gh` and `glab`.

Without them: return the address where a person can open one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlencode

from meshwright.core.git import GitError, parts, run, text

TIMEOUT = 120.0


def forge_of(url: str, forges: Mapping[str, str]) -> str | None:
    """Return `github` or `gitlab`: what the mesh names for the host, or else what the host's name contains."""
    place = parts(url)
    if place is None:
        return None
    host = place[0]
    return forges.get(host) or next((name for name in ("github", "gitlab") if name in host), None)


def new_pull_request_url(url: str, forge: str | None, branch: str, base: str | None) -> str:
    """Return the page where a person can open the pull request; empty if it is not known."""
    place = parts(url)
    if place is None or forge is None:
        return ""
    home = f"https://{place[0]}/{quote(place[1])}"
    if forge == "github":
        between = "...".join(quote(os.fsencode(name), safe="") for name in (base, branch) if name)
        return f"{home}/compare/{between}?expand=1"
    parameters = {"merge_request[source_branch]": branch} | (
        {"merge_request[target_branch]": base} if base else {}
    )
    return f"{home}/-/merge_requests/new?{urlencode(parameters, errors='surrogateescape')}"


def open_pull_request(
    url: str, forge: str | None, branch: str, base: str | None, title: str, body: str
) -> tuple[str, str]:
    """Open a pull request unless there is one. Return its address, and a note.

    Whatever the tools cannot do is left to a person, with the address and the tool's message.
    """
    by_hand = new_pull_request_url(url, forge, branch, base)
    place = parts(url)
    tool = TOOLS.get(forge or "")
    if tool is None or place is None or base is None:
        return by_hand, ""
    if shutil.which(tool[0]) is None:
        return by_hand, f"{tool[0]} is not installed: open the pull request by hand"
    try:
        return tool[1](place, branch, base, title, body)
    except (GitError, OSError, LookupError, ValueError, TypeError) as error:
        return by_hand, f"{tool[0]}: {error}"


def _github(place: tuple[str, str], branch: str, base: str, title: str, body: str) -> tuple[str, str]:
    repository = ["--repo", "/".join(place)]
    answer = _call("gh", "pr", "list", *repository, "--head", branch, "--state", "all", "--json", "url,state")
    existing = json.loads(answer)
    for pull_request in existing:
        if pull_request["state"] == "OPEN":
            return pull_request["url"], ""
    if existing:
        return existing[0]["url"], f"its pull request is {existing[0]['state'].lower()}; no other is opened"
    options = ("--head", branch, "--base", base, "--title", title, "--body", body)
    return _call("gh", "pr", "create", *repository, *options).split()[-1], ""


def _gitlab(place: tuple[str, str], branch: str, base: str, title: str, body: str) -> tuple[str, str]:
    repository = ["--repo", f"https://{'/'.join(place)}"]
    answer = _call("glab", "mr", "list", *repository, "--source-branch", branch, "--all", "--output", "json")
    existing = json.loads(answer or "[]")
    for merge_request in existing:
        if merge_request["state"] == "opened":
            return merge_request["web_url"], ""
    if existing:
        return existing[0]["web_url"], f"its merge request is {existing[0]['state']}; no other is opened"
    options = (
        "--source-branch",
        branch,
        "--target-branch",
        base,
        "--title",
        title,
        "--description",
        body,
        "--yes",
    )
    answer = _call("glab", "mr", "create", *repository, *options)
    return [word for word in answer.split() if word.startswith("http")][-1], ""


def _call(*command: str) -> str:
    quiet = {"GH_PROMPT_DISABLED": "1", "NO_PROMPT": "1", "NO_COLOR": "1", "GH_NO_UPDATE_NOTIFIER": "1"}
    return text(run(command, {**quiet, "GIT_DIR": os.devnull}, timeout=TIMEOUT).stdout)


TOOLS: dict[str, tuple[str, Callable[[tuple[str, str], str, str, str, str], tuple[str, str]]]] = {
    "github": ("gh", _github),
    "gitlab": ("glab", _gitlab),
}
"""Forge -> its command-line tool, and the function that uses it."""
