"""Whether an agreement is approved, by whom, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import PurePosixPath

from meshwright.access.approval.agreement_reviews import reviewed_approval
from meshwright.access.approval.agreement_versions import Version, agreement_versions
from meshwright.access.approval.capacities import signed_by, suffice
from meshwright.access.approval.evidence import Approval, Evidence
from meshwright.access.approval.provenance import provenance
from meshwright.access.approval.valid_approvers import Trust, trust_in
from meshwright.core.git_history import History
from meshwright.product.approvers import Approver, person
from meshwright.product.files import AGREEMENTS, APPROVERS

UNSIGNED = "To have it approved by review, leave its status `requested`."


def approval(
    history: History,
    path: str,
    needed: Sequence[str],
    not_by: frozenset[str],
    beyond_review: str = "",
    requester: str = "",
) -> Approval:
    """Return whether the agreement at a path is approved.

    `needed`: the capacities in which it has to be approved, each by another person; at least one approval is
    needed in any case. `not_by`: ids and e-mail addresses of the requester and of everybody who would get access: they cannot approve.
    `beyond_review`: why no review approves it; empty if one can. `requester`: whom the file names as such. Raises HistoryError, ForgeUnavailable.
    """
    if "agreements" not in history.cache:
        history.cache["agreements"] = _Agreements(history)
    agreements: _Agreements = history.cache["agreements"]
    return agreements.approval(path, needed, not_by, beyond_review, requester)


class _Agreements:
    """The agreements of one history."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.trust: Trust = trust_in(history)
        self.versions = agreement_versions(history)

    def approval(
        self, path: str, needed: Sequence[str], not_by: frozenset[str], beyond_review: str, requester: str
    ) -> Approval:
        if self.history.entry(self.history.commit, path) is None:
            return _refused("", "The commit has no such file. Commit it.")
        if len(alike := self._alike[person(path)]) > 1:
            names = ", ".join(map(repr, alike))
            return _refused("", f"These file names differ only in case: {names}. Keep one.")
        commit, problem = self._provenance(path)
        assert commit is not None  # the file exists, and so some commit brought it
        version = self.versions.at(self.history.commit, path)
        by_review = self.trust.review_settings(self.trust.now) is not None
        if by_review and version.status == "requested":
            parties = frozenset(map(person, not_by))
            return reviewed_approval(
                self.trust, self.versions, path, needed, parties, beyond_review, requester
            )
        if version.status != "approved":
            return _refused(commit, _pending(version, path))
        evidence: Evidence = "signature"
        if not problem:
            evidence, problem = self._evidence(path, commit, version)
        if problem := problem or self._withdrawn(path, commit, version):
            return _refused(commit, f"{problem} {UNSIGNED}" if by_review else problem)
        parties = frozenset(map(person, not_by))
        everybody = list(self._signers(path, commit, version))
        signers = [one for one in everybody if not self.trust.stands_for(one) & parties]
        if everybody and not signers:
            return _refused(
                commit,
                f"{everybody[0]} approved it, and asks for it, wrote terms of it or gains from it. Somebody else has to approve it: "
                f"{self._others(parties)}. {_once_more(path)}",
            )
        reasons = (
            () if self._suffice(needed, signers) else tuple(self._missing(path, needed, signers, parties))
        )
        return Approval(not reasons, commit, signed_by(signers), reasons, evidence)

    def _provenance(self, path: str) -> tuple[str | None, str]:
        return self._provenances.get(path) or provenance(self.history, self.history.commit, path)

    @cached_property
    def _provenances(self) -> Mapping[str, tuple[str | None, str]]:
        """Path of each agreement -> its provenance. The signatures of all agreements are verified side by side."""
        provenances = {
            path: provenance(self.history, self.history.commit, path)
            for path in self.history.list(AGREEMENTS)
        }
        self.trust.verify_together(
            commit
            for path in provenances
            for commit in self._approving(path, self.versions.at(self.history.commit, path))
        )
        return provenances

    @cached_property
    def _alike(self) -> Mapping[str, list[str]]:
        """The paths of agreements, by what a file system may take for the same name."""
        alike: dict[str, list[str]] = {}
        for path in self.history.paths(AGREEMENTS):
            if self.history.entry(self.history.commit, path) is not None:
                alike.setdefault(person(path), []).append(path)
        return alike

    def _is_older(self, commit: str) -> bool:
        """Return True if the older rule decides on a commit."""
        return self.history.position(commit) < self.trust.present_from

    def _before(self, commit: str, path: str) -> Version:
        """Return what a commit's first parent has."""
        parents = self.history.commits[commit].parents
        return self.versions.at(parents[0], path) if parents else Version("", "It is not there.")

    def _approving(self, path: str, version: Version) -> Iterator[str]:
        """Yield the commits that could be approvals of a version, by what they change, newest first."""
        if version.status != "approved":
            return
        for commit in reversed(list(self.history.touched(path))):
            if not self.versions.at(commit, path).agrees(version):
                continue
            if self._is_older(commit) or _approves(
                self._before(commit, path), self.versions.at(commit, path)
            ):
                yield commit

    def _evidence(self, path: str, commit: str, version: Version) -> tuple[Evidence, str]:
        """Return by which rule a version is approved, and why it is not; empty if it is.

        Goes back to the commit that approved it. On the way, commits can add an approval of their own or leave what
        the file says as it is; any other one would be a change that nobody approved.
        """
        newest = commit
        while True:
            now, before = self.versions.at(commit, path), self._before(commit, path)
            if self._is_older(commit):
                signer = self.trust.signer(commit)
                problem = signer if isinstance(signer, str) else self._unseen(path, commit, version, newest)
                return "older rule", problem
            if now != before and not self._joins(path, commit):
                problem = self._refusal(path, commit, before, now)
                if problem or before.status == "requested":
                    return "signature", problem or self._unseen(path, commit, version, newest)
            earlier, problem = provenance(self.history, self.history.commits[commit].parents[0], path)
            if problem or earlier is None:
                return "signature", problem
            commit = earlier

    def _unseen(self, path: str, approving: str, version: Version, newest: str) -> str:
        """Return why an approval does not count for the newest commit: something else was said in between."""
        changes = self._changes_since(path, approving, version, newest)
        if not changes:
            return ""
        since = self.history.commits[changes[-1]]
        return (
            f"{self.history.commits[approving]} approved it, and {since} took that back. {_once_more(path)}"
        )

    def _refusal(self, path: str, commit: str, before: Version, now: Version) -> str:
        """Return why a commit that changes what an agreement says does not approve it; empty if it does."""
        maker = self._maker(path, commit)
        if isinstance(maker, str):
            return maker
        about = self.history.commits[commit]
        if before.status not in ("requested", "approved"):
            return f"{maker} signed {about}, but in the commit before it the agreement was not requested. {_once_more(path)}"
        if before.terms != now.terms:
            return f"{maker} signed {about}, but it changes the terms, too. {_once_more(path)}"
        if not _approves(before, now) or not self._own_address(maker, before, now):
            return (
                f"{maker} signed {about}, but it changes `approvedBy` by something else than their own address. "
                f"{_once_more(path)}"
            )
        return ""

    def _maker(self, path: str, commit: str) -> Approver | str:
        """Return the approver who made and signed a commit; else why nobody did. A revert can restore their own approval."""
        maker = self.trust.maker(commit, path, restores=True)
        if isinstance(maker, str) or maker in self._earlier_makers(path, commit):
            return maker
        return self.trust.maker(commit, path)

    def _earlier_makers(self, path: str, commit: str) -> Iterator[Approver]:
        """Yield who approved, in a commit before and by no revert, what a commit says."""
        now = self.versions.at(commit, path)
        for earlier in self._approving(path, now):
            if earlier == commit or self._is_older(earlier) or not self.history.is_ancestor(earlier, commit):
                continue
            maker = self.trust.maker(earlier, path)
            before, then = self._before(earlier, path), self.versions.at(earlier, path)
            if isinstance(maker, Approver) and self._own_address(maker, before, then):
                yield maker

    def _own_address(self, maker: Approver, before: Version, now: Version) -> bool:
        """Return True if whoever a commit adds to `approvedBy` is the one who made it."""
        added = now.approved_by[len(before.approved_by) :]
        return all(person(address) in self.trust.addresses(maker) for address in added)

    def _joins(self, path: str, commit: str) -> bool:
        """Return True for a merge of two branches with approvals of the same terms, which lists nobody else."""
        parents = [self.versions.at(parent, path) for parent in self.history.commits[commit].parents]
        now = self.versions.at(commit, path)
        listed = {address for parent in parents for address in parent.approved_by}
        return (
            len(parents) == 2
            and all(parent.agrees(now) for parent in parents)
            and len({*now.approved_by}) == len(now.approved_by)
            and listed >= {*now.approved_by}
        )

    def _changes_since(self, path: str, approving: str, version: Version, commit: str) -> list[str]:
        """Return the commits up to a commit that say something else than a version, and that an approving one had not seen."""
        history = self.history
        return [
            touch
            for touch in history.touched(path)
            if not self.versions.at(touch, path).agrees(version)
            and history.is_ancestor(touch, commit)
            and not history.is_ancestor(touch, approving)
        ]

    def _signers(self, path: str, commit: str, version: Version) -> Iterator[Approver]:
        """Yield who approved a version, newest first: in any commit, if what it says has not been changed since."""
        for approving in self._approving(path, version):
            if self._changes_since(path, approving, version, commit):
                continue
            if self._is_older(approving):
                maker = self.trust.signer(approving)
            else:
                maker = self._maker(path, approving)
            if isinstance(maker, Approver) and (
                self._is_older(approving)
                or self._own_address(maker, self._before(approving, path), self.versions.at(approving, path))
            ):
                yield maker

    def _withdrawn(self, path: str, commit: str, version: Version) -> str:
        """Return why an approval no longer counts: an approver signed another version, and a merge dropped it."""
        history = self.history
        for other in history.touched(path):
            if self.versions.at(other, path).agrees(version) or history.is_ancestor(other, commit):
                continue
            if isinstance(signer := self.trust.signer(other), Approver):
                return (
                    f"{signer} signed another version of it in {history.commits[other]}, which is merged but not "
                    f"in effect. {_once_more(path)}"
                )
        return ""

    def _suffice(self, needed: Sequence[str], signers: Sequence[Approver]) -> bool:
        return suffice(needed, signers, self.trust.stands_for)

    def _missing(
        self, path: str, needed: Sequence[str], signers: Sequence[Approver], parties: frozenset[str]
    ) -> list[str]:
        missing = [
            f"It has no approval of {_article(capacity)}. {self._others(parties, capacity)} can add it "
            f"with `meshwright access approve {_id(path)}`, and sign the commit."
            for capacity in dict.fromkeys(needed)
            if not any(signer.capacity == capacity for signer in signers)
        ]
        if missing:
            return missing
        # Each capacity has a signer, but one person would count for two of them.
        return [
            f"It needs {len(needed)} different people, one as each of: {', '.join(needed)}. {_once_more(path)}"
        ]

    def _others(self, parties: frozenset[str], capacity: str | None = None) -> str:
        """Return who else can approve now, for a sentence."""
        able = [
            str(one)
            for one in self.trust.effective(self.trust.now)
            if capacity in (None, one.capacity)
            and one.term is None
            and not self.trust.addresses(one) & parties
        ]
        return " or ".join(able) or f"somebody whom an approver first has to name in {APPROVERS}"


def _refused(commit: str, reason: str) -> Approval:
    return Approval(False, commit, (), (reason,))


def _approves(before: Version, now: Version) -> bool:
    """Return True if a change can be an approval: of what was requested, or one more of what was approved."""
    if before.terms != now.terms or now.status != "approved":
        return False
    if before.status == "requested":
        return not before.approved_by and len(now.approved_by) <= 1
    return (
        before.status == "approved" and now.approved_by[:-1] == before.approved_by and bool(now.approved_by)
    )


def _id(path: str) -> str:
    return PurePosixPath(path).stem


def _once_more(path: str) -> str:
    """Return how an approver approves an agreement, whatever it says now."""
    return f"An approver runs `meshwright access approve {_id(path)}`, and signs the commit that it prints."


def _pending(version: Version, path: str) -> str:
    """Return why a version that is not approved does not count."""
    if not version.status:
        return version.terms
    if version.status == "requested":
        return f"It is requested, and nobody has approved it. {_once_more(path)}"
    return f"Its status is {version.status[:50]!r}. To approve it, set `status: requested` in a commit. {_once_more(path)}"


def _article(capacity: str) -> str:
    return f"{'an' if capacity[0] in 'aeiou' else 'a'} {capacity}"
