"""Whether an agreement is approved, by whom, and what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from meshwright.access.approval.evidence import Approval
from meshwright.access.approval.provenance import AGAIN, provenance
from meshwright.access.approval.valid_approvers import Trust, trust_in
from meshwright.core.git_history import Entry, History
from meshwright.core.yaml import Unreadable, parse
from meshwright.product.approvers import Approver, person
from meshwright.product.files import AGREEMENTS, APPROVERS


def approval(history: History, path: str, needed: Sequence[str], not_by: frozenset[str]) -> Approval:
    """Return whether the agreement at a path is approved.

    `needed`: the capacities in which it has to be approved, each by another person; at least one approval is
    needed in any case. `not_by`: ids and e-mail addresses of the requester and of everybody who would get access: they cannot approve.
    Raises HistoryError.
    """
    if "agreements" not in history.cache:
        history.cache["agreements"] = _Agreements(history)
    agreements: _Agreements = history.cache["agreements"]
    return agreements.approval(path, needed, not_by)


class _Version(NamedTuple):
    """The content of one version of an agreement."""

    status: str
    """Empty if it says none."""
    terms: str
    """Everything but the status, as JSON; if there is no status, the reason."""


class _Agreements:
    """The agreements of one history."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.trust: Trust = trust_in(history)
        self._versions: dict[Entry, _Version] = {}

    def approval(self, path: str, needed: Sequence[str], not_by: frozenset[str]) -> Approval:
        history = self.history
        entry = history.entry(history.commit, path)
        if entry is None:
            return _refused("", "The commit has no such file. Commit it.")
        if len(alike := self._alike[person(path)]) > 1:
            names = ", ".join(map(repr, alike))
            return _refused("", f"These file names differ only in case: {names}. Keep one.")
        commit, problem = self._provenance(path)
        assert commit is not None  # the file exists, and so some commit brought it
        version = self._version(path, entry)
        if version.status != "approved":
            return _refused(commit, _pending(version))
        signer = problem or self.trust.signer(commit)
        if isinstance(signer, str):
            return _refused(commit, signer)
        if withdrawn := self._withdrawn(path, commit, version):
            return _refused(commit, withdrawn)
        parties = frozenset(map(person, not_by))
        if self.trust.addresses(signer) & parties:
            return _refused(
                commit,
                f"{signer} approved it, and asks for it or gains from it. Somebody else has to approve it: "
                f"{self._others(parties)}. {AGAIN}",
            )
        signers = [signer]
        if not self._suffice(needed, signers):
            earlier = self._earlier_signers(path, commit, version)
            signers += [one for one in earlier if not self.trust.addresses(one) & parties]
        reasons = () if self._suffice(needed, signers) else tuple(self._missing(needed, signers, parties))
        shown = tuple(dict.fromkeys(f"{signer.email} ({signer.capacity})" for signer in signers))
        return Approval(not reasons, commit, shown, reasons)

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
            commit for commit, problem in provenances.values() if commit is not None and not problem
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

    def _version(self, path: str, entry: Entry | None) -> _Version:
        if entry is None:
            return _Version("", "It is not there.")
        if entry not in self._versions:
            self._versions[entry] = self._parsed(path, entry)
        return self._versions[entry]

    def _parsed(self, path: str, entry: Entry) -> _Version:
        try:
            value = parse(path, self.history.text(path, entry)).value
        except Unreadable as error:
            return _Version("", f"{error} {error.fix}")
        if not isinstance(value, dict) or not isinstance(value.get("status"), str):
            return _Version("", "It has no status. Write `status: requested`.")
        # As text, because to Python 1, 1.0 and true are equal.
        rest = {key: part for key, part in value.items() if key != "status"}
        return _Version(value["status"], json.dumps(rest, sort_keys=True))

    def _version_at(self, commit: str, path: str) -> _Version:
        return self._version(path, self.history.entry(commit, path))

    def _withdrawn(self, path: str, commit: str, version: _Version) -> str:
        """Return why an approval no longer counts: an approver signed another version, and a merge dropped it."""
        history = self.history
        for other in history.touched(path):
            if self._version_at(other, path) == version or history.is_ancestor(other, commit):
                continue
            if isinstance(signer := self.trust.signer(other), Approver):
                return (
                    f"{signer} signed another version of it in {history.commits[other]}, which is merged but not "
                    f"in effect. {AGAIN}"
                )
        return ""

    def _earlier_signers(self, path: str, commit: str, version: _Version) -> list[Approver]:
        """Return who approved the same version in commits before, newest first, if no other version came since."""
        history = self.history
        touches = [
            touch for touch in history.touched(path) if touch != commit and history.is_ancestor(touch, commit)
        ]
        changed = [touch for touch in touches if self._version_at(touch, path) != version]
        same = [touch for touch in reversed(touches) if touch not in changed]
        signers = [
            self.trust.signer(touch)
            for touch in same
            if all(history.is_ancestor(other, touch) for other in changed)
        ]
        return [one for one in signers if isinstance(one, Approver)]

    def _suffice(self, needed: Sequence[str], signers: Sequence[Approver]) -> bool:
        """Return True if each capacity that is needed can be given to another person among the signers."""
        if not needed:
            return True
        addresses = self.trust.addresses
        return any(
            self._suffice(
                needed[1:],
                [other for other in signers if not addresses(other) & addresses(signer)],
            )
            for signer in signers
            if signer.capacity == needed[0]
        )

    def _missing(
        self, needed: Sequence[str], signers: Sequence[Approver], parties: frozenset[str]
    ) -> list[str]:
        missing = [
            f"It has no approval of {_article(capacity)}. {self._others(parties, capacity)} can sign a new commit that "
            "touches the file and leaves its terms as they are."
            for capacity in dict.fromkeys(needed)
            if not any(signer.capacity == capacity for signer in signers)
        ]
        if missing:
            return missing
        # Each capacity has a signer, but one person would count for two of them.
        return [f"It needs {len(needed)} different people, one as each of: {', '.join(needed)}. {AGAIN}"]

    def _others(self, parties: frozenset[str], capacity: str | None = None) -> str:
        """Return who else can approve now, for a sentence."""
        able = [
            str(one)
            for one in self.trust.effective(self.trust.now)
            if capacity in (None, one.capacity) and not self.trust.addresses(one) & parties
        ]
        return " or ".join(able) or f"somebody whom an approver first has to name in {APPROVERS}"


def _refused(commit: str, reason: str) -> Approval:
    return Approval(False, commit, (), (reason,))


def _pending(version: _Version) -> str:
    """Return why a version that is not approved does not count."""
    if not version.status:
        return version.terms
    if version.status == "requested":
        return "It is requested, and nobody has approved it. An approver sets `status: approved` in a commit that they sign."
    return f"Its status is {version.status[:50]!r}. To approve it, an approver sets `status: approved` in a commit that they sign."


def _article(capacity: str) -> str:
    return f"{'an' if capacity[0] in 'aeiou' else 'a'} {capacity}"
