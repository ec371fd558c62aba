"""Which repository on which forge is meant, and where the forge's interface is."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from meshwright.core.forge.pull_requests import forge_of
from meshwright.core.http import address, split
from meshwright.core.yaml import Unreadable


@dataclass(frozen=True)
class ForgeRepository:
    """A repository on a forge."""

    forge: str
    """`github` or `gitlab`."""
    url: str
    """Its page, without a final slash and `.git`."""
    path: str
    """`owner/name`; on GitLab with any number of groups."""
    api: str
    """The address of the forge's REST interface."""


def forge_repository(url: str, forge: str = "", api: str = "") -> ForgeRepository:
    """Return the repository with a page at `url`. Raises Unreadable.

    `forge`: where the host's name does not say which it is. `api`: where the interface is elsewhere than the forge has it.
    """
    page = address(url).removesuffix(".git")
    server, place = split(page)
    path = unquote(place.strip("/"))
    kind = forge or forge_of(page, {}) or ""
    if kind not in APIS:
        raise Unreadable(
            f"{page} does not say which forge it is on.", "Add `forge: github` or `forge: gitlab` to it."
        )
    names = path.split("/")
    is_path = len(names) == 2 if kind == "github" else len(names) >= 2
    if not is_path or any(name in ("", ".", "..") for name in names):
        raise Unreadable(f"{page} is not the page of a repository.", "Write it as the browser shows it.")
    return ForgeRepository(kind, page, path, address(api) if api else APIS[kind](server))


def _github_api(server: str) -> str:
    """Return where GitHub, GitHub Enterprise Cloud with data residency, or GitHub Enterprise Server answers."""
    scheme, _, host = server.partition("://")
    if host == "github.com" or host.endswith(".ghe.com"):
        return f"{scheme}://api.{host}"
    return f"{server}/api/v3"


def _gitlab_api(server: str) -> str:
    return f"{server}/api/v4"


APIS = {"github": _github_api, "gitlab": _gitlab_api}
