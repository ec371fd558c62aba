"""The forges, GitHub and GitLab: who approved what there, and pull requests that a command-line tool opens.

`Forge` only reads; `proposals` opens pull requests with a token, over the same REST client. `pull_requests` opens
those of rollouts, with `gh` and `glab`.
"""

from __future__ import annotations

from meshwright.core.forge.client import TOKEN, Forge, client
from meshwright.core.forge.proposals import OpenedPullRequest, Proposal, Proposals, proposals
from meshwright.core.forge.pull_requests import forge_of, new_pull_request_url, open_pull_request
from meshwright.core.forge.repository import ForgeRepository, forge_repository
from meshwright.core.forge.reviewed import Account, BranchRules, Review, ReviewedMerge
from meshwright.core.forge.unavailable import ForgeBusy, ForgeRefuses, ForgeUnavailable

__all__ = [
    "TOKEN",
    "Account",
    "BranchRules",
    "Forge",
    "ForgeBusy",
    "ForgeRefuses",
    "ForgeRepository",
    "ForgeUnavailable",
    "OpenedPullRequest",
    "Proposal",
    "Proposals",
    "Review",
    "ReviewedMerge",
    "client",
    "forge_of",
    "forge_repository",
    "new_pull_request_url",
    "open_pull_request",
    "proposals",
]
