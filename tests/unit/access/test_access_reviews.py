"""Approval by review: what counts, and what every way around it comes to."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from forge_server import ForgeServer, Hosted, Pull, approval_rule, protected, ruleset
from reviewed import OPEN_POLICY, Team
from signed import APPROVERS, PATH, People, agreement

from meshwright.access.approval import Approval, approval, authorised, evidence_from, trust_problem
from meshwright.access.approval import approvers as approvers_now
from meshwright.core.forge import ForgeUnavailable


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def running() -> Iterator[ForgeServer]:
    with ForgeServer() as forge:
        yield forge


@pytest.fixture
def forge(running: ForgeServer) -> ForgeServer:
    running.reset()
    return running


@pytest.fixture(scope="module")
def born(
    running: ForgeServer, tmp_path_factory: pytest.TempPathFactory, people: People
) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("born")
    roots = {
        kind: Team(running, folder / kind, people, kind).repository.root for kind in ("github", "gitlab")
    }
    return roots.__getitem__


@pytest.fixture
def team(
    request: pytest.FixtureRequest,
    forge: ForgeServer,
    born: Callable[[str], Path],
    tmp_path: Path,
    people: People,
) -> Team:
    kind = getattr(request, "param", "github")
    return Team(forge, Path(shutil.copytree(born(kind), tmp_path / "product", symlinks=True)), people, kind)


BOTH = pytest.mark.parametrize("team", ["github", "gitlab"], indirect=True)


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_what_an_approver_reviewed_counts_however_it_is_merged(team: Team, how: str) -> None:
    pull = team.asks()
    team.repository.switch("main")
    team.repository.commit("Meanwhile", {"README.md": "y\n"})
    commit = team.lands(pull, "ada", how=how)
    decision = team.decision()
    assert decision.accepted, decision.reasons
    assert (decision.commit, decision.signers, decision.evidence) == (
        commit,
        ("ada@example.org (owner)",),
        "review",
    )
    review = decision.review
    assert review is not None
    assert (review.path, review.commit, review.pull, review.author) == (PATH, commit, 1, "bo")
    assert review.blob == team.repository.git("rev-parse", f"main:{PATH}")
    assert [one.login for one in review.reviews] == ["Ada"]
    assert review.rules == "ruleset 7"


@pytest.mark.parametrize("how", ["merge", "squash", "squash and merge", "fast-forward"])
@pytest.mark.parametrize("team", ["gitlab"], indirect=True)
def test_what_an_approver_approved_counts_however_gitlab_merges_it(team: Team, how: str) -> None:
    pull = team.asks()
    team.pushes(pull, {"README.md": "more\n"})
    team.lands(pull, "ada", how=how)
    decision = team.decision()
    assert decision.accepted, decision.reasons
    assert (decision.signers, decision.evidence) == (("ada@example.org (owner)",), "review")
    assert decision.review is not None
    assert decision.review.author == "bo"
    assert decision.review.rules == "protected branch, approval rule, approval settings"


def test_a_change_of_several_commits_counts_after_a_rebase(team: Team) -> None:
    pull = team.asks()
    team.pushes(pull, {"README.md": "more\n"})
    team.pushes(pull, {"LICENSE": "more\n"})
    team.lands(pull, "ada", how="rebase")
    assert team.decision().accepted


def test_the_request_stays_in_force_while_others_land(team: Team) -> None:
    commit = team.lands(team.asks(), "ada")
    team.lands(team.proposes({"README.md": "other\n"}))
    assert team.decision().accepted
    assert team.decision().commit == commit


@BOTH
def test_two_people_review_in_two_capacities(team: Team) -> None:
    needed = ("owner", "data-protection")
    pull = team.asks()
    team.lands(pull, "ada")
    assert "no approval as data-protection" in team.decision(*needed).reasons[0]
    pull = team.asks(agreement(more="# again\n"), branch="again")
    team.lands(pull, "ada", "dan")
    assert team.decision(*needed).signers == ("ada@example.org (owner)", "dan@example.org (data-protection)")


@BOTH
@pytest.mark.parametrize("within", [True, False])
def test_a_deputys_review_counts_within_the_term(team: Team, within: bool) -> None:
    start = team.forge.now() if within else team.forge.now() - timedelta(days=9)
    times = {"from": start, "until": start + timedelta(days=8)}
    term = "".join(f"    {key}: {time:%Y-%m-%dT%H:%M:%SZ}\n" for key, time in times.items())
    listed = team.approvers("ada", "dan", "eve") + f"    deputyFor: ada@example.org\n{term}"
    team.lands(team.proposes({APPROVERS: listed}), "ada")
    team.lands(team.asks(), "eve")
    decision = team.decision()
    assert decision.accepted is within
    if within:
        assert decision.signers == ("eve@example.org (owner, for ada@example.org)",)
    else:
        assert "eve@example.org, owner, for ada@example.org) could approve from" in decision.reasons[0]


# Ways around it


def _nobody(team: Team) -> None:
    team.lands(team.asks())


def _somebody_else(team: Team) -> None:
    team.lands(team.asks(), "eve")


def _author(team: Team) -> None:
    team.lands(team.asks(author="Ada"), "ada")


def _writer(team: Team) -> None:
    pull = team.asks()
    team.pushes(pull, {"README.md": "mine\n"}, by="ada")
    team.lands(pull, "ada")


def _writer_with_another_account(team: Team) -> None:
    del team.hosted.emails["ada@example.org"]
    _writer(team)


def _co_author(team: Team) -> None:
    pull = team.asks()
    team.repository.switch("ask")
    team.repository.commit("More\n\nCo-authored-by: Ada <ADA@example.org>", {"README.md": "mine\n"})
    team.hosted.push(pull)
    team.lands(pull, "ada")


def _comment(team: Team) -> None:
    pull = team.asks()
    team.hosted.review(pull, "Ada", "COMMENTED")
    team.lands(pull)


def _later_refusal(team: Team) -> None:
    pull = team.asks()
    team.hosted.review(pull, "Ada")
    team.hosted.review(pull, "Ada", "CHANGES_REQUESTED")
    team.lands(pull)


def _dismissed(team: Team) -> None:
    pull = team.asks()
    team.hosted.review(pull, "Ada").state = "DISMISSED"
    team.lands(pull)


def _dismissed_after_the_merge(team: Team) -> None:
    pull = team.asks()
    team.lands(pull, "ada")
    pull.reviews[0].state = "DISMISSED"


def _push_after_the_review(team: Team) -> None:
    team.hosted.rulesets = [ruleset(7, dismiss_stale_reviews_on_push=True)]
    pull = team.asks()
    team.hosted.review(pull, "Ada")
    team.pushes(pull, {PATH: agreement(role="everything")})
    for review in pull.reviews:  # a forge that forgot its own rule
        review.state = "APPROVED"
    team.lands(pull)


def _review_after_the_merge(team: Team) -> None:
    pull = team.asks()
    team.lands(pull)
    team.hosted.review(pull, "Ada")


def _bot(team: Team) -> None:
    team.forge.account("Ada").type = "Bot"
    team.lands(team.asks(), "ada")


def _stranger_with_the_login(team: Team) -> None:
    team.forge.account("Ada").association = "NONE"
    team.lands(team.asks(), "ada")


def _deleted_account(team: Team) -> None:
    pull = team.asks()
    team.hosted.review(pull, "Ada").account = None
    team.lands(pull)


def _pushed(team: Team) -> None:
    team.repository.switch("main")
    team.repository.commit("Pushed", {PATH: agreement()}, by="ada")


def _edited_in_the_merge(team: Team) -> None:
    pull = team.asks()
    team.hosted.review(pull, "Ada")
    team.repository.switch("main")
    pull.merged_as = team.repository.merge("ask", files={PATH: agreement(role="everything")})
    pull.merged_at, pull.landed = team.forge.now(), [pull.merged_as]


def _edited_in_a_squash(team: Team) -> None:
    pull = team.asks()
    team.hosted.review(pull, "Ada")
    team.repository.switch("main")
    pull.merged_as = team.repository.commit("Squashed", {PATH: agreement(role="everything")})
    pull.squashed_as = pull.merged_as
    pull.merged_at, pull.landed = team.forge.now(), [pull.merged_as]


def _edited_afterwards(team: Team) -> None:
    team.lands(team.asks(), "ada")
    team.lands(team.proposes({PATH: agreement(role="everything")}), "eve")


def _brought_back(team: Team) -> None:
    team.lands(team.asks(), "ada")
    team.lands(team.proposes({PATH: None}))
    team.lands(team.proposes({PATH: agreement()}, branch="back"))


def _other_branch(team: Team) -> None:
    team.repository.branch("side", "main")
    team.repository.switch("main")
    pull = team.asks()
    pull.base = "side"
    team.lands(pull, "ada")
    team.repository.switch("main")
    team.repository.git("merge", "--quiet", "--ff-only", "side")


def _approver_named_in_the_same_pull_request(team: Team) -> None:
    text = team.approvers("ada", "dan", "eve")
    pull = team.proposes({PATH: agreement(), APPROVERS: text}, branch="ask")
    team.lands(pull, "eve")


def _in_a_later_change_that_was_made_on_top(team: Team) -> None:
    """What somebody else reviewed lands first; the forge names the later pull request, whose branch has it, too."""
    pull = team.asks()
    team.repository.git("switch", "--quiet", "-C", "later", "ask")
    team.repository.commit("More", {"README.md": "more\n"}, by="bo")
    team.repository.commit("And more", {"LICENSE": "more\n"}, by="bo")
    later = team.hosted.open("bo", "later")
    landed = team.lands(pull, "eve", how="rebase")
    team.lands(later, "ada", how="rebase")
    later.landed.append(landed)
    team.hosted.pulls.reverse()  # no order of a forge is promised


def _status_by_hand(team: Team) -> None:
    team.lands(team.asks(agreement("approved")), "ada")


AROUND: dict[Callable[[Team], None], str] = {
    _nobody: "No approver approved the pull request 1",
    _somebody_else: "No approver approved",
    _author: "No approver approved",
    _writer: "No approver approved",
    _writer_with_another_account: "No approver approved",
    _co_author: "No approver approved",
    _comment: "No approver approved",
    _later_refusal: "No approver approved",
    _dismissed: "No approver approved",
    _dismissed_after_the_merge: "No approver approved",
    _push_after_the_review: "No approver approved",
    _review_after_the_merge: "No approver approved",
    _bot: "No approver approved",
    _stranger_with_the_login: "No approver approved",
    _deleted_account: "No approver approved",
    _pushed: "No merged pull request brought it",
    _edited_in_the_merge: "was reviewed with another content",
    _edited_in_a_squash: "was reviewed with another content",
    _edited_afterwards: "No approver approved the pull request 2",
    _brought_back: "No approver approved the pull request 3",
    _other_branch: "was merged into side, and not into main",
    _approver_named_in_the_same_pull_request: "No approver approved",
    _in_a_later_change_that_was_made_on_top: "No approver approved the pull request 1",
    _status_by_hand: "leave its status `requested`",
}


OF_GITHUB = {_stranger_with_the_login, _in_a_later_change_that_was_made_on_top}
"""What GitLab prevents itself: nobody approves there who is no member, and what it rebases is pushed and approved again."""


@pytest.mark.parametrize(
    ("team", "around"),
    [
        (kind, one)
        for kind in ("github", "gitlab")
        for one in AROUND
        if kind == "github" or one not in OF_GITHUB
    ],
    indirect=["team"],
    ids=lambda one: one if isinstance(one, str) else one.__name__.strip("_"),
)
def test_no_way_around_an_approvers_review_counts(team: Team, around: Callable[[Team], None]) -> None:
    around(team)
    decision = team.decision()
    assert not decision.accepted
    assert AROUND[around] in decision.reasons[0], decision.reasons[0]


@BOTH
def test_nobody_reviews_what_they_ask_for(team: Team) -> None:
    pull = team.proposes({APPROVERS: team.approvers("ada", "dan", "eve")})
    team.lands(pull, "ada")
    text = agreement(more="# for Ada\n")
    team.lands(team.asks(text), "ada")

    decision = approval(team.history(), PATH, ("owner",), frozenset({"ADA@example.org"}))
    assert not decision.accepted
    assert "neither asks for it nor gains from it" in decision.reasons[0]


# Approvers, policy and the limits of reviews


@BOTH
def test_approvers_change_by_review(team: Team) -> None:
    with_eve = team.approvers("ada", "dan", "eve")
    team.lands(team.proposes({APPROVERS: with_eve}), "eve")
    assert {one.login for one in approvers_now(team.history())} == {"ada", "dan-x"}
    team.lands(team.proposes({APPROVERS: team.approvers("ada", "dan")}, branch="back"))
    team.lands(team.proposes({APPROVERS: with_eve}, branch="two"), "ada")
    assert {one.login for one in approvers_now(team.history())} == {"ada", "dan-x", "eve"}
    team.lands(team.asks(), "eve")
    assert team.decision().accepted


@BOTH
def test_a_review_adds_no_keys(team: Team, people: People) -> None:
    text = team.approvers("ada", "dan", "eve", keys={"eve": people.public("eve")})
    team.lands(team.proposes({APPROVERS: text}), "ada")
    history = team.history()
    assert {(one.login, one.key) for one in approvers_now(history)} == {("ada", b""), ("dan-x", b"")}
    assert "A review adds no keys: Eve Example" in trust_problem(history)
    without = team.approvers("ada", "dan")
    team.lands(team.proposes({APPROVERS: without}, branch="back"))
    team.lands(team.proposes({APPROVERS: team.approvers("ada", "dan", "eve")}, branch="again"), "ada")
    assert {one.login for one in approvers_now(team.history())} == {"ada", "dan-x", "eve"}


@BOTH
def test_a_review_of_the_form_approves_no_request(team: Team) -> None:
    team.lands(team.asks())
    team.lands(team.proposes({PATH: agreement() + "# tidied up\n"}), "ada")
    assert "brought that, and nobody approved it" in team.decision().reasons[0]
    team.lands(team.proposes({PATH: agreement(more="purpose: other\n")}, branch="anew"), "ada")
    assert team.decision().accepted
    team.lands(
        team.proposes({PATH: agreement(more="purpose: other\n") + "# tidied up\n"}, branch="tidy"), "ada"
    )
    assert team.decision().accepted


def test_a_review_authorises_nothing_that_came_before(team: Team) -> None:
    policy = "access/policy.yaml"
    other = OPEN_POLICY + "masks: {}\n"
    team.lands(team.proposes({policy: other}))
    team.lands(team.proposes({policy: other + "# tidied up\n"}, branch="tidy"), "ada")
    newest = authorised(team.history(), policy)
    assert newest.text == OPEN_POLICY
    assert "nobody authorised" in newest.problem
    team.lands(team.proposes({policy: OPEN_POLICY}, branch="back"))
    team.lands(team.proposes({policy: other}, branch="again"), "ada")
    assert authorised(team.history(), policy).text == other


def test_the_policy_changes_by_review_as_far_as_reviews_open(team: Team) -> None:
    narrower, wider = "roles: {reader: {clearance: [public]}}\n", "roles: {reader: {clearance: [secret]}}\n"
    team.lands(team.proposes({"access/policy.yaml": narrower}), "ada")
    assert authorised(team.history(), "access/policy.yaml").text == narrower
    team.lands(team.proposes({"access/policy.yaml": wider}, branch="wide"), "ada", "dan")
    newest = authorised(team.history(), "access/policy.yaml")
    assert newest.text == narrower
    assert "sees secret data, so no review changes who sees what" in newest.problem
    team.lands(team.proposes({"data-product.yaml": "x: 1\n"}, branch="spec"), "ada")
    assert authorised(team.history(), "data-product.yaml").text is None


def test_what_sees_more_than_reviews_open_is_signed(team: Team) -> None:
    team.lands(team.asks(), "ada")
    decision = team.decision(beyond="It sees secret data.")
    assert (decision.accepted, decision.reasons) == (False, ("It sees secret data.",))


def test_approvals_by_signature_stay_and_only_a_signature_switches(
    forge: ForgeServer, tmp_path: Path, people: People
) -> None:
    team = Team(forge, tmp_path / "product", people)
    switched = team.approvers("ada", "dan", keys={"ada": people.public("ada")})
    signing = team.approvers("ada", "dan", keys={"ada": people.public("ada")}, by="signature")
    team.repository.git("reset", "--quiet", "--hard", "HEAD^")
    team.repository.commit("Name approvers", {APPROVERS: signing}, by="ada")
    team.lands(team.asks(), "ada")
    assert "It is requested, and nobody has approved it" in team.decision().reasons[0]
    team.lands(team.proposes({APPROVERS: switched}, branch="switch"), "ada", "dan")
    assert not team.decision().accepted
    team.repository.switch("main")
    team.repository.commit("Back", {APPROVERS: signing})
    team.repository.commit("Switch", {APPROVERS: switched}, signed="ada")
    assert "merged before access/approvers.yaml had approvers review" in team.decision().reasons[0]
    other = "access/agreements/signed.yaml"
    team.repository.commit("Ask", {other: agreement()}, by="bo")
    team.repository.commit("Approve", {other: agreement("approved")}, signed="ada")
    signed = team.decision(path=other)
    assert (signed.accepted, signed.evidence) == (True, "signature")


# The forge


RULES: list[tuple[list[dict[str, object]], str]] = [
    ([], "require a pull request with at least one approval"),
    ([ruleset(7, "pull_request")], "require a pull request with at least one approval"),
    ([ruleset(7, "non_fast_forward")], "block force pushes"),
    ([ruleset(7, "deletion")], "restrict deletions"),
    ([ruleset(7, required_approving_review_count=0)], "require a pull request with at least one approval"),
    ([ruleset(7, dismiss_stale_reviews_on_push=False)], "dismiss approvals when new commits are pushed"),
    ([{**ruleset(7), "enforcement": "evaluate"}], "require a pull request"),
    (
        [ruleset(7, bypass=[{"actor_type": "RepositoryRole", "actor_id": 4, "bypass_mode": "always"}])],
        "bypass",
    ),
    ([ruleset(7, bypass=[{"actor_type": "DeployKey", "actor_id": None, "bypass_mode": "always"}])], "bypass"),
    ([ruleset(7, bypass=[{"actor_type": "Team", "actor_id": 3, "bypass_mode": "pull_request"}])], "bypass"),
]


@pytest.mark.parametrize(("rulesets", "says"), RULES)
def test_rules_of_the_branch_that_do_not_suffice(
    team: Team, rulesets: list[dict[str, object]], says: str
) -> None:
    team.lands(team.asks(), "ada")
    team.hosted.rulesets = rulesets
    decision = team.decision()
    assert not decision.accepted
    assert says in decision.reasons[0]


CLASSIC = {
    "required_pull_request_reviews": {"required_approving_review_count": 1, "dismiss_stale_reviews": True, "require_code_owner_reviews": False},
    "allow_force_pushes": {"enabled": False},
    "allow_deletions": {"enabled": False},
}  # fmt: skip


def test_classic_protection_suffices_where_rulesets_do_not(team: Team) -> None:
    team.lands(team.asks(), "ada")
    team.hosted.rulesets = [ruleset(7, "pull_request", "deletion")]
    team.hosted.protection = CLASSIC
    decision = team.decision()
    assert decision.review is not None
    assert decision.review.rules == "ruleset 7, branch protection"
    for name in CLASSIC:
        team.hosted.protection = {key: value for key, value in CLASSIC.items() if key != name}
        assert team.decision().accepted == (name == "allow_force_pushes")  # which the ruleset forbids


@pytest.mark.parametrize(
    ("permission", "says"),
    [
        ("administration:write", "does not show this token who may bypass the ruleset 7"),
        ("pull_requests", "status 403"),
        ("metadata", "status 403"),
    ],
)
def test_what_the_token_may_not_read_does_not_count(team: Team, permission: str, says: str) -> None:
    team.lands(team.asks(), "ada")
    team.forge.permissions = team.forge.permissions - {permission}
    with pytest.raises(ForgeUnavailable, match=says) as raised:
        team.decision()
    assert "MESHWRIGHT_FORGE_TOKEN a token" in raised.value.fix
    assert raised.value.exit_code == 1


def test_classic_protection_needs_no_token_that_writes(team: Team) -> None:
    team.lands(team.asks(), "ada")
    team.forge.permissions = team.forge.permissions - {"administration:write"}
    team.hosted.protection = CLASSIC
    assert team.decision().accepted


MAINTAINERS = [{"id": 3, "access_level": 40, "access_level_description": "Maintainers"}]
DEPLOY_KEY = [{"id": 3, "access_level": 0, "access_level_description": "Key", "deploy_key_id": 1}]
GITLAB_RULES: dict[str, Callable[[Hosted], None]] = {
    "protect the branch": lambda hosted: hosted.protected.clear(),
    "allow no one to push and merge directly to main": lambda hosted: hosted.protected.__setitem__(0, protected("main", MAINTAINERS)),
    "allow no one to push and merge directly to ma*": lambda hosted: hosted.protected.append(protected("ma*", MAINTAINERS)),
    "allow no one to push and merge directly to *": lambda hosted: hosted.protected.append(protected("*", DEPLOY_KEY)),
    "do not allow force pushes to main": lambda hosted: hosted.protected.append(protected("main", force=True)),
    "remove all approvals when commits are added": lambda hosted: hosted.settings.update(reset_approvals_on_push=None),
    "prevent approval by the merge request's creator": lambda hosted: hosted.settings.update(merge_requests_author_approval=True),
    "prevent approvals by users who add commits": lambda hosted: hosted.settings.update(merge_requests_disable_committers_approval=False),
    "prevent editing approval rules": lambda hosted: hosted.settings.update(disable_overriding_approvers_per_merge_request=False),
    "require at least one approval": lambda hosted: hosted.approval_rules.__setitem__(0, approval_rule(0)),
    "approval in an approval rule for the branch": lambda hosted: hosted.approval_rules.__setitem__(0, approval_rule(1, [protected("dev")])),
}  # fmt: skip


@pytest.mark.parametrize("says", GITLAB_RULES)
@pytest.mark.parametrize("team", ["gitlab"], indirect=True)
def test_rules_of_a_branch_on_gitlab_that_do_not_suffice(team: Team, says: str) -> None:
    team.lands(team.asks(), "ada")
    GITLAB_RULES[says](team.hosted)
    decision = team.decision()
    assert not decision.accepted
    assert says in decision.reasons[0]


@pytest.mark.parametrize("team", ["gitlab"], indirect=True)
def test_gitlab_free_has_no_rules_that_suffice(team: Team) -> None:
    team.lands(team.asks(), "ada")
    team.forge.hostile = lambda target: (404, {}, b"{}") if "/approval_rules" in target else None
    with pytest.raises(ForgeUnavailable, match="status 404") as raised:
        team.decision()
    assert "GitLab Premium" in raised.value.fix


def asks_as_bot(team: Team, requester: str = "bo@example.org") -> Pull:
    """A pull request that a program opened, for somebody whom its file names."""
    text = agreement().replace("bo@example.org", requester)
    return team.asks(text, author=team.forge.as_bot())


def decided(team: Team, requester: str = "bo@example.org") -> Approval:
    return approval(team.history(), PATH, ("owner",), frozenset({requester}), "", requester)


@BOTH
def test_nobody_approves_alone_what_a_bot_opened_for_somebody_unknown(team: Team) -> None:
    pull = asks_as_bot(team)
    team.lands(pull, "ada")
    decision = decided(team)
    assert not decision.accepted
    assert "whose account on the forge is unknown" in decision.reasons[0]
    assert "two approvers" in decision.reasons[0]
    assert decision.review is not None and decision.review.by_bot


@BOTH
def test_two_approvers_approve_what_a_bot_opened(team: Team) -> None:
    pull = asks_as_bot(team)
    team.lands(pull, "ada", "dan")
    assert decided(team).accepted


@BOTH
def test_an_approver_and_their_deputy_are_not_two_for_a_bot(team: Team) -> None:
    start = team.forge.now()
    times = {"from": start, "until": start + timedelta(days=8)}
    term = "".join(f"    {key}: {time:%Y-%m-%dT%H:%M:%SZ}\n" for key, time in times.items())
    listed = team.approvers("ada", "dan", "eve") + f"    deputyFor: ada@example.org\n{term}"
    team.lands(team.proposes({APPROVERS: listed}), "ada")
    pull = asks_as_bot(team)
    team.lands(pull, "ada", "eve")
    decision = decided(team)
    assert not decision.accepted and "two approvers" in decision.reasons[0]


@BOTH
@pytest.mark.parametrize("catalog", ["catalog[bot]", "other[bot]", ""])
@pytest.mark.parametrize("reviewers", [["ada"], ["dan"], ["ada", "sam"], ["ada", "dan"]], ids="+".join)
def test_an_approver_who_asks_with_the_catalog_does_not_approve_it(
    team: Team, catalog: str, reviewers: list[str]
) -> None:
    """Whoever may push to the branch can change whom the file names, so one approver never suffices."""
    named = team.approvers("ada", "dan", "sam")
    if catalog:
        named = named.replace("forge: ", f'catalog: "{catalog}", forge: ')
    team.lands(team.proposes({APPROVERS: named}, "bo", "name"), "ada")
    team.lands(asks_as_bot(team, "Dan@example.org"), *reviewers)
    dan = frozenset({"Dan@example.org"})
    decision = approval(team.history(), PATH, (), dan, "", "Dan@example.org")
    assert decision.accepted is (reviewers == ["ada", "sam"])


def test_who_the_catalog_is_changes_with_an_approval_only(team: Team) -> None:
    named = team.approvers("ada", "dan").replace("forge: ", 'catalog: "catalog[bot]", forge: ')
    team.lands(team.proposes({APPROVERS: named}, "bo", "name"))
    pull = asks_as_bot(team, "Dan@example.org")
    team.lands(pull, "ada")
    assert not decided(team, "Dan@example.org").accepted


def test_a_machine_user_that_approvers_name_is_a_bot_and_no_approver(team: Team) -> None:
    named = team.approvers("ada", "dan").replace("forge: github", "forge: github, catalog: Sam")
    approving = team.proposes({APPROVERS: named}, "bo", "name")
    team.lands(approving, "ada")
    assert not trust_problem(team.history())
    pull = team.asks(author="sam")
    team.lands(pull, "ada")
    decision = decided(team)
    assert not decision.accepted and "opened by sam" in decision.reasons[0]


def test_evidence_of_earlier_runs_has_no_bot(team: Team) -> None:
    pull = team.asks()
    team.lands(pull, "ada")
    review = decided(team).review
    assert review is not None
    value = review.as_json()
    assert evidence_from(value) == review
    del value["by_bot"]
    assert evidence_from(value) == review
    assert evidence_from(value | {"by_bot": "no"}) is None
