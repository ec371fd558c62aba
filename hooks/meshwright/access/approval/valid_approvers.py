"""Who could approve at each point of a history, and whether a commit was signed by one of them."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cached_property
from itertools import accumulate

from meshwright.access.approval.approver_lists import ApproverLists
from meshwright.access.approval.authorship import Authorship, authorship
from meshwright.access.approval.change_chain import Guarded, Settled, again, change_refusal
from meshwright.access.approval.commit_signature import CommitSignature, Unsigned
from meshwright.access.approval.deputies import deputy_refusal
from meshwright.access.approval.foxtrot import foxtrot_hint
from meshwright.access.approval.older_rule import older_rule_ends
from meshwright.access.approval.provenance import AGAIN, provenance
from meshwright.access.approval.review_limits import change_beyond_review
from meshwright.access.approval.review_sources import AGAIN as AGAIN_BY_REVIEW
from meshwright.access.approval.reviews import CountedReviews, reviewed
from meshwright.access.approval.signatures import of_commit
from meshwright.core.git_history import History
from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable
from meshwright.product.approvers import Approver, ReviewSettings, person
from meshwright.product.files import AGREEMENTS, APPROVERS

Identity = tuple[str, str, bytes, str, str]
Identities = frozenset[Identity]
"""The people of a list of approvers (address, capacity, key, login, term), and in one entry without address where they review."""


def approvers(history: History) -> tuple[Approver, ...]:
    """Return who can approve now. Raises HistoryError."""
    trust = trust_in(history)
    return trust.effective(trust.now)


def trust_problem(history: History) -> str:
    """Return what is wrong with access/approvers.yaml as it is, with the fix; empty if nothing is. Raises HistoryError."""
    return trust_in(history).problem


def list_problem(history: History) -> tuple[str, str]:
    """Return why the present access/approvers.yaml adds nobody, and the commit of the mainline whose list counts. Raises HistoryError."""
    trust = trust_in(history)
    return trust.problem, trust.counts


def reviews_now(history: History) -> bool:
    """Return True if approvers also approve by review now. Raises HistoryError, ForgeUnavailable."""
    trust = trust_in(history)
    return trust.review_settings(trust.now) is not None


def root_of_trust(history: History) -> str | None:
    """Return the commit of the mainline that first named an approver; None if none did. Raises HistoryError."""
    trust = trust_in(history)
    return None if trust.founded is None else history.mainline[trust.founded]


def trust_in(history: History) -> Trust:
    """Return the trust of a history, which is computed once. Raises HistoryError."""
    if "trust" not in history.cache:
        history.cache["trust"] = Trust(history)
    trust: Trust = history.cache["trust"]
    return trust


class Trust:
    """Who could approve at each point of a history, and who signed its commits."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.now = len(history.mainline) - 1
        """The newest position of the mainline."""
        self.founded: int | None = None
        """The position of the root of trust."""
        self.present_from = 0
        """The position of the mainline from which on the present rule holds; before, the older one does."""
        self.problem = ""
        """What is wrong with the current access/approvers.yaml."""
        self.counts = ""
        """The commit of the mainline whose list of approvers counts."""
        self._lists = ApproverLists(history)
        self._authorised: tuple[Approver, ...] = ()
        self._settled: Settled[Identities] = Settled(frozenset(), "")
        self._since: list[int] = []
        """The positions at which the approvers changed, rising."""
        self._effective: list[tuple[Approver, ...]] = []
        """The approvers from each of these positions on."""
        self._settings: ReviewSettings | None = None
        """Where approvers review, as it is authorised."""
        self._effective_settings: list[ReviewSettings | None] = []
        """Where they review from each of these positions on."""
        self._reviewed: dict[tuple[str, str], CountedReviews | str] = {}
        """Commit of the mainline and path -> who approved the change by review; else why nobody did."""
        self._addresses: dict[bytes | str, frozenset[str]] = {}
        """Holder of a key, or login -> addresses."""
        self._claims: dict[str, tuple[Approver, CommitSignature] | str] = {}
        self._disproofs: dict[str, str] = {}
        for commit in filter(history.continues, history.touched(APPROVERS)):
            self._take_list(commit)

    def _take_list(self, commit: str) -> None:
        """Work out who can approve from a commit on that changes access/approvers.yaml."""
        present, unreadable = self._lists.at(commit)
        self.problem = f"{APPROVERS}: {unreadable}" if unreadable else ""
        if self.founded is None:
            settings = self._lists.settings_at(commit)
            if not any(approver.key or (approver.login and settings) for approver in present):
                return  # nobody could approve anything
            self.founded = self.history.position(commit)
            self.present_from = older_rule_ends(self.history, self.founded)
            refusal = ""
        elif self.history.position(commit) < self.present_from:
            refusal = self.older_refusal(commit, APPROVERS)
        else:
            refusal = self._change_refusal(commit)
        if refusal:
            self.problem = self.problem or f"{APPROVERS}: Its last change adds nobody. {refusal}"
        elif self._identities(commit) != self._settled.value:
            # A list without anybody is not kept, or nobody could ever be named again.
            self._authorised = present or self._authorised
            self._settings = self._lists.settings_at(commit) if present else self._settings
            for approver in present:
                for mark in approver.marks:
                    addresses = self._addresses.get(mark, frozenset())
                    self._addresses[mark] = addresses | {person(approver.email)}
            self.counts = commit
            self._settle(commit)
        identities = self._identities(commit)
        self._since.append(self.history.position(commit))
        self._effective.append(
            tuple(approver for approver in self._authorised if _identity(approver) in identities)
        )
        reviewing = _reviewing(self._settings)
        self._effective_settings.append(self._settings if reviewing <= identities else None)

    def _settle(self, commit: str) -> None:
        changer, _ = provenance(self.history, commit, APPROVERS)
        identities = frozenset(map(_identity, self._authorised)) | _reviewing(self._settings)
        if identities != self._settled.value:
            self._settled = self._settled.then(identities, changer or commit)

    def _change_refusal(self, commit: str) -> str:
        """Return why the list at a commit adds nobody by the present rule, and takes nobody away for good."""
        if self._identities(commit) == self._settled.value:
            return ""
        if not self._identities(commit) <= self._settled.value:
            return change_refusal(self, commit, self._guarded, self._settled) or self._new_key(commit)
        # Who is taken away without authority can be given back without it.
        changer, problem = provenance(self.history, commit, APPROVERS)
        restores = self._identities(commit) in self._settled.former
        maker = self.maker(changer, APPROVERS, restores) if changer else problem
        return problem or (maker if isinstance(maker, str) else "")

    @property
    def _guarded(self) -> Guarded[Identities]:
        # To take somebody away needs no authority.
        return Guarded(APPROVERS, self._identities, lambda before, after: after <= before)

    def _identities(self, commit: str) -> Identities:
        people = frozenset(map(_identity, self._lists.at(commit)[0]))
        return people | _reviewing(self._lists.settings_at(commit))

    def _new_key(self, commit: str) -> str:
        """Return why a list that only a review approved does not count: it names who signs, and signatures open more.

        Empty if it adds no key.
        """
        keys = {(email, key) for email, _, key, *_ in self._settled.value}
        new = [
            one for one in self._lists.at(commit)[0] if one.key and (person(one.email), one.key) not in keys
        ]
        if not new or not self.is_by_review(commit, APPROVERS):
            return ""
        who = ", ".join(map(str, new))
        return (
            f"A review adds no keys: {who} has a new one. Leave it out, or let an approver sign the change."
        )

    def effective(self, position: int) -> tuple[Approver, ...]:
        """Return who could approve at a position of the mainline."""
        index = bisect_right(self._since, position)
        return self._effective[index - 1] if index else ()

    def addresses(self, approver: Approver) -> frozenset[str]:
        """Return every address that the holder of a key went by: a new address makes no other person."""
        former = (self._addresses.get(mark, frozenset()) for mark in approver.marks)
        return frozenset({person(approver.email)}).union(*former)

    def stands_for(self, approver: Approver) -> frozenset[str]:
        """Return every address of an approver, and of the one whose deputy they are: together they are one person."""
        if approver.term is None:
            return self.addresses(approver)
        named = person(approver.term.deputy_for)
        # Not only of who approves now: an approver who left stays the same person.
        own = (addresses for addresses in self._addresses.values() if named in addresses)
        return self.addresses(approver).union({named}, *own)

    def review_settings(self, position: int) -> ReviewSettings | None:
        """Return where approvers could review at a position of the mainline; None if they only signed."""
        index = bisect_right(self._since, position)
        return self._effective_settings[index - 1] if index else None

    def counted_reviews(self, commit: str, path: str) -> CountedReviews | str:
        """Return who approved by review what a commit of the mainline made of a file; else why nobody did.

        Raises ForgeUnavailable.
        """
        if (commit, path) not in self._reviewed:
            self._reviewed[commit, path] = self._review(commit, path)
        return self._reviewed[commit, path]

    def review_refusal(self, commit: str, path: str) -> str | None:
        """Return why no approver reviewed what a commit of the mainline made of a file; empty if one did, None if none can."""
        if self.review_settings(self.history.position(commit) - 1) is None:
            return None
        counted = self.counted_reviews(commit, path)
        return counted if isinstance(counted, str) else ""

    def is_by_review(self, commit: str, path: str) -> bool:
        """Return True if what a commit of the mainline made of a file counts only because it was reviewed."""
        return isinstance(self._reviewed.get((commit, path)), CountedReviews)

    def _review(self, commit: str, path: str) -> CountedReviews | str:
        position = self.history.position(commit) - 1
        settings = self.review_settings(position)
        if settings is None:
            return f"It was merged before {APPROVERS} had approvers review. {AGAIN_BY_REVIEW}"
        is_agreement = path.startswith(f"{AGREEMENTS}/")
        if path != APPROVERS and not is_agreement and (limit := change_beyond_review(self.history, commit)):
            return limit
        able = [one for one in self.effective(position) if one.term is None or is_agreement]
        return reviewed(self.history, path, commit, settings, able, self.addresses)

    def older_refusal(self, tip: str, path: str) -> str:
        """Return why what a commit has at a path does not count by the older rule; empty if it does."""
        commit, problem = provenance(self.history, tip, path)
        if problem or commit is None:
            return problem
        signer = self.signer(commit)
        return signer if isinstance(signer, str) else ""

    def maker(self, commit: str, path: str, restores: bool = False) -> Approver | str:
        """Return the approver who both made and signed a commit, as one change of their own; else why nobody did.

        `path`: what it is about, for the fix. `restores`: what it brings back counted before, and so git may have reverted it.
        """
        signer = self.signer(commit)
        if isinstance(signer, str):
            return signer
        about = self.history.commits[commit]
        if refusal := self._deputy_refusal(signer, commit, path):
            return f"{refusal} {again(path)}"
        if len(about.parents) != 1:
            return f"{about} is a merge. {signer} signed it, but a merge approves nothing. {again(path)}"
        written = self._written(commit)
        if person(written.email) not in self.addresses(signer):
            return (
                f"{signer} signed {about}, but its author is {printable(written.email)[:100] or 'unknown'}: to rebase, "
                f"cherry-pick, amend or apply somebody else's change does not approve it. {again(path)}"
            )
        if not written.fresh:
            return (
                f"{signer} signed {about}, but it was written at another time than it was committed: rebased, "
                f"cherry-picked or amended. {again(path)}"
            )
        if written.squash:
            return f"{signer} signed {about}, but it is a squash of other commits. {again(path)}"
        if written.revert and not restores:
            return (
                f"{signer} signed {about}, but git made it of another commit, as a revert, and what it brings back never "
                f"counted. {again(path)}"
            )
        return signer

    def _deputy_refusal(self, signer: Approver, commit: str, path: str) -> str:
        """Return why a deputy could not approve a commit; empty if they could, and for everybody else.

        Its own time is the deputy's word, and so is that of the mainline where it came in without a merge commit. But
        it came in after everything that the mainline had before.
        """
        if signer.term is None:
            return ""
        came_in = self._came_in[self.history.position(commit)]
        seconds = (self._written(commit).seconds, came_in)
        moments = (datetime.fromtimestamp(min(max(one, 0), 2**33), UTC) for one in seconds)
        return deputy_refusal(signer, path, moments)

    @cached_property
    def _came_in(self) -> list[int]:
        """For each position of the mainline, the time before which it cannot have come in, in seconds since 1970."""
        return list(accumulate(map(self._mainline_seconds, self.history.mainline), max))

    def _mainline_seconds(self, commit: str) -> int:
        try:
            return self._written(commit).seconds
        except Unreadable:  # larger than any commit has to be
            return 0

    def _written(self, commit: str) -> Authorship:
        return authorship(self.history.raw(commit))

    def signer(self, commit: str) -> Approver | str:
        """Return who signed a commit, among those who could approve when it came in; else why nobody did."""
        if commit not in self._claims:
            self._claims[commit] = self._claim(commit)
        claim = self._claims[commit]
        if isinstance(claim, str):
            return claim
        approver, _ = claim
        if approver.term is not None and self.history.position(commit) < self.present_from:
            return f"{approver} signed {self.history.commits[commit]}, and by the older rule nobody approves for somebody else. {AGAIN}"
        if commit not in self._disproofs:
            self._disproofs[commit] = _disproof(claim)
        if disproof := self._disproofs[commit]:
            return f"The commit that changed it, {self.history.commits[commit]}, {disproof}. {AGAIN}"
        return approver

    def verify_together(self, commits: Iterable[str]) -> None:
        """Verify the signatures of several commits side by side, because that takes far longer than all the rest."""
        claims = {}
        for commit in commits:
            if commit not in self._claims:
                claims[commit] = self._claims[commit] = self._claim(commit)
        signed = {commit: claim for commit, claim in claims.items() if not isinstance(claim, str)}
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            self._disproofs.update(zip(signed, pool.map(_disproof, signed.values()), strict=True))

    def _claim(self, commit: str) -> tuple[Approver, CommitSignature] | str:
        """Return who signed a commit, if its signature is true; else why the signature cannot count."""
        about = self.history.commits[commit]
        try:
            signature = of_commit(self.history.raw(commit), self.history.sha256)
        except Unreadable:
            return f"The commit that changed it, {about}, is larger than any commit has to be. {AGAIN}"
        except Unsigned as unsigned:
            if len(self.history.commits[commit].parents) > 2:
                return (
                    f"The commit that changed it, {about}, merges more than two branches at once, so nobody can say whose "
                    f"version it has. Merge one branch after the other. {AGAIN}"
                )
            return (
                f"The commit that changed it, {about}, {unsigned}. A squash or a rebase drops signatures: "
                f"merge with a merge commit. {AGAIN}"
            )
        approver = self._approver(commit, signature)
        return approver if isinstance(approver, str) else (approver, signature)

    def _approver(self, commit: str, signature: CommitSignature) -> Approver | str:
        """Return the approver whose key signed a commit, if they could approve before it came in; else why not."""
        history, about = self.history, self.history.commits[commit]
        position = history.position(commit)
        merge = (
            ""
            if history.continues(commit)
            else f", with the merge {history.commits[history.mainline[position]]}"
        )
        signed = f"The commit that changed it, {about}, is signed with the key {signature.key_name}"
        before = self.effective(position - 1)
        if self.founded is None or not before:
            # Who had named approvers on the line that the commit is from, would wonder.
            lost = (
                foxtrot_hint(history, commit) if any(self._lists.at(one)[0] for one in about.parents) else ""
            )
            return f"{signed}, but nobody could approve when it came in{merge}: {APPROVERS} named nobody. {lost or AGAIN}"
        approver = next((one for one in before if signature.names(one)), None)
        if approver is None:
            who = ", ".join(map(str, before))
            return (
                f"{signed}, and that was no approver's when it came in{merge}. Approvers were {who}. {AGAIN}"
            )
        if history.base(commit) < self.founded:
            return (
                f"{signed}, on a line of history without {history.commits[history.mainline[self.founded]]}, where "
                f"this repository first named its approvers. Merge the main branch into it first. {AGAIN}"
            )
        for parent in about.parents:
            if not any(signature.names(one) for one in self._lists.at(parent)[0]):
                return (
                    f"{signed}, and {approver} was no approver yet in the commit before it, "
                    f"{history.commits[parent]}. Merge the main branch into the branch first. {AGAIN}"
                )
        return approver


def _disproof(claim: tuple[Approver, CommitSignature]) -> str:
    """Return why a signature is not true, as the end of a sentence; empty if it is."""
    approver, signature = claim
    try:
        signature.verify(approver)
    except Unsigned as unsigned:
        return str(unsigned)
    return ""


def _identity(approver: Approver) -> Identity:
    term = approver.term
    shown = f"{person(term.deputy_for)} {term.start.isoformat()} {term.end.isoformat()}" if term else ""
    return person(approver.email), approver.capacity, approver.key, approver.login, shown


def _reviewing(settings: ReviewSettings | None) -> Identities:
    """Return the entry for where approvers review: to add it needs authority, and to take it away does not."""
    if settings is None:
        return frozenset()
    return frozenset(
        {("", "", b"", f"{settings.repository} {settings.forge} {settings.api} {settings.catalog}", "")}
    )
