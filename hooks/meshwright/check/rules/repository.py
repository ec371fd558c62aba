"""Rules on other files of the repository that have to match the spec."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from meshwright.check.rules.base import Rule
from meshwright.core.text import listed
from meshwright.core.yaml import Document, inside, read, read_text
from meshwright.product import metamodel
from meshwright.product.cron import times
from meshwright.product.files import (
    ANSWERS_BESIDE,
    CODEOWNERS,
    EXCEPTIONS,
    HOOKS,
    PIPELINE,
    POLICY,
    SPEC,
    TEMPLATE_FILES,
    TIMED,
    answers_file,
)
from meshwright.product.ownership import is_below
from meshwright.product.problem import Problem


class OwnerReviews(Rule):
    """CODEOWNERS requests reviews from the owner in the spec.

    Where the team has a CODEOWNERS of its own, it names somebody else for `.meshwright/exceptions.yaml`, once there is one:
    a product cannot except itself.
    """

    broken = {SPEC: {"spec": {"owner": {"email": "somebody.else@example.org"}}}}

    def check(self, root: Path, spec: Document, answers: dict[str, Any]) -> Iterator[Problem]:
        email = spec.get("spec.owner.email")
        if not isinstance(email, str) or not email:
            return
        codeowners = CODEOWNERS["gitlab" if answers.get("forge") == "gitlab" else "github"]
        if is_declined(codeowners, answers):
            yield from _of_the_team(root, spec, email, codeowners)
            return
        if not inside(root, codeowners):
            fix = restore([codeowners], root, answers)
            yield Problem(spec, ("spec", "owner", "email"), f"There is no {codeowners}.", fix)
            return
        answer = shlex.quote(f"owner_email={email}")
        update = copier("update", root)
        fix = f"Commit (`git commit --no-verify`), then run `{update} --defaults --data {answer}`."
        for path, number, reviewers in _reviewers(read_text(root, codeowners), (SPEC, POLICY)):
            if email not in reviewers:
                detail = f"{path} is reviewed by {listed(reviewers)}, not by the owner {email}."
                yield Problem(codeowners, (), detail, fix, number)


def _reviewers(text: str, paths: Sequence[str]) -> Iterator[tuple[str, int, list[str]]]:
    """Yield each path with the last line of a CODEOWNERS that matches, which counts, and the reviewers there."""
    lines = [line.partition("#")[0].replace("\\ ", "?").split() for line in text.splitlines()]
    for path in paths:
        matching = [
            (number, line[1:]) for number, line in enumerate(lines, 1) if line and _names(line[0], path)
        ]
        number, reviewers = matching[-1] if matching else (1, [])
        yield path, number, reviewers


def _of_the_team(root: Path, spec: Document, email: str, declined: str) -> Iterator[Problem]:
    """Yield what is wrong with the team's own CODEOWNERS, which may be at the root of a repository around the product."""
    here = root.resolve()
    top = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
    prefix = "" if top == here else f"{here.relative_to(top).as_posix()}/"
    place = ("spec", "owner", "email")
    places = [declined, *(path for path in ("CODEOWNERS", "docs/CODEOWNERS") if path != declined)]
    found = next((path for path in places if inside(top, path)), None)
    if found is None:
        fix = f"Write {declined} at the root of the repository, with the line: /{prefix}{SPEC} {email}"
        yield Problem(spec, place, "There is no CODEOWNERS.", fix)
        return
    text = read_text(top, found)
    if inside(root, EXCEPTIONS) and email not in metamodel.GOVERNANCE:
        ((path, _, reviewers),) = _reviewers(text, (prefix + EXCEPTIONS,))
        if email in reviewers or not reviewers:
            detail = (
                f"{path} is reviewed by {listed(reviewers)} in {found}, but a product does not except itself."
            )
            fix = f"Write at the end of {found}: /{path} {metamodel.GOVERNANCE[0]}"
            yield Problem(EXCEPTIONS, (), detail, fix)
    for path, _, reviewers in _reviewers(text, (prefix + SPEC, prefix + POLICY)):
        if email not in reviewers:
            detail = f"{path} is reviewed by {listed(reviewers)} in {found}, not by the owner {email}."
            yield Problem(spec, place, detail, f"Write at the end of {found}: /{path} {email}")


WILDCARDS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _names(pattern: str, path: str) -> bool:
    """Return True if a line of CODEOWNERS matches a path: gitignore's patterns, without `!` and `[`."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.strip("/"))
    inner = "".join(WILDCARDS.get(part, re.escape(part)) for part in parts)
    anywhere = "" if "/" in pattern.rstrip("/") else "(?:.*/)?"
    below = "/.*" if pattern.endswith("/") else "(?:/.*)?"
    return re.fullmatch(anywhere + inner + below, path) is not None


class HookAtTemplateVersion(Rule):
    """The hook that checks the product has the version of the product's template.

    A newer hook requires things that the repository does not have yet, and the next update would conflict. So the hook
    is updated by `copier update`, not by `pre-commit autoupdate`.
    """

    broken = {
        HOOKS: {
            "repos": [
                {
                    "repo": "https://github.com/YOUR-ORGANISATION/meshwright",
                    "rev": "v0.0.1",
                    "hooks": [{"id": "meshwright-check"}],
                }
            ]
        }
    }

    def check(self, root: Path, answers: dict[str, Any]) -> Iterator[Problem]:
        version = answers.get("_commit")
        if not isinstance(version, str):
            return  # it was made without Copier
        if not inside(root, HOOKS):
            yield Problem(HOOKS, (), f"There is no {HOOKS}.", restore([HOOKS], root, answers))
            return
        config = read(root, HOOKS)
        ours = [(keys, item) for keys, item in config.items("repos") if _brings(item, "meshwright-check")]
        if not ours:
            source = json.dumps(template_url(answers), ensure_ascii=False)
            fix = f"Write as the first of `repos`: - {{repo: {source}, rev: {version}, hooks: [{{id: meshwright-check}}]}}"
            yield Problem(config, ("repos",), "The hook meshwright-check is missing.", fix)
        for keys, item in ours:
            if item.get("rev") != version:
                detail = f"The hook is at {item.get('rev') or 'no version'}, but the repository is at version {version} of the template."
                fix = f"Write `rev: {version}` here; a newer one comes with `{copier('update', root)}`."
                yield Problem(config, (*keys, "rev"), detail, fix)


def _brings(repository: dict[str, Any], hook: str) -> bool:
    hooks = repository.get("hooks")
    return isinstance(hooks, list) and any(
        isinstance(item, dict) and item.get("id") == hook for item in hooks
    )


class TemplateFilesPresent(Rule):
    """Every template-owned file that the pipeline and the checks need is in the repository.

    `copier update` does not restore deleted files, and the pipeline does not run without them.
    """

    broken = {"pipeline/publish.py": None}

    def check(self, root: Path, answers: dict[str, Any]) -> Iterator[Problem]:
        if missing := [path for path in _gone(root, answers) if not path.startswith(CI)]:
            detail = f"Missing: {listed(missing)}."
            yield Problem(answers_file(root), (), detail, restore(missing, root, answers))


class CiPresent(Rule):
    """Every CI file that the template owns is in the repository.

    After a workflow is deleted, nothing is checked, published or granted any more, and no update restores it.
    """

    broken = {PIPELINE: None}
    usually = "warning"

    def check(self, root: Path, answers: dict[str, Any]) -> Iterator[Problem]:
        if missing := [path for path in _gone(root, answers) if path.startswith(CI)]:
            detail = f"Missing: {listed(missing)}."
            yield Problem(answers_file(root), (), detail, restore(missing, root, answers))


CI = (".github/", ".gitlab")


def _gone(root: Path, answers: dict[str, Any]) -> list[str]:
    """Return the template's files that are missing; repositories made before 0.3.0 get the list with an update."""
    if not answers or not inside(root, TEMPLATE_FILES):
        return []
    other = ".github/" if answers.get("forge") == "gitlab" else ".gitlab"
    paths = read(root, TEMPLATE_FILES).value
    return [
        path
        for path in (paths if isinstance(paths, list) else [])
        if isinstance(path, str)
        and not path.startswith(other)
        and not path.endswith("/CODEOWNERS")  # left to OwnerReviews
        and not is_declined(path, answers)
        and not (root / path).is_file()
    ]


def template_url(answers: Mapping[str, Any]) -> str:
    """Return the git address of the template, without Copier's short forms (blueprints/template-url.jinja)."""
    url = str(answers.get("_src_path", "")).removeprefix("git+")
    for short, host in (("gh", "https://github.com/"), ("gl", "https://gitlab.com/")):
        url = re.sub(rf"^{short}:/?(.+?)(\.git)?$", rf"{host}\1", url)
    return url


def is_declined(path: str, answers: Mapping[str, Any]) -> bool:
    """Return True if the team has a file of its own in the place of this one of the template (`meshwright adopt`)."""
    declined = answers.get("declined")
    return is_below(path, declined if isinstance(declined, list) else ())


def copier(command: str, root: Path) -> str:
    """Return a command of Copier for a product, which has to name the answers file if there are two."""
    beside = answers_file(root) == ANSWERS_BESIDE
    return f"uvx copier {command} --answers-file {ANSWERS_BESIDE}" if beside else f"uvx copier {command}"


def restore(paths: Sequence[str], root: Path, answers: Mapping[str, Any]) -> str:
    """Return the command that restores these files of the template in the product's version, and changes nothing else."""
    if not answers.get("_commit"):
        return f"Restore it from git: `git checkout HEAD -- {shlex.join(paths)}`."
    chosen = " ".join(f"--exclude {shlex.quote(f'!/{path}')}" for path in paths)
    return (
        f"Run `{copier('recopy', root)} --vcs-ref=:current: --defaults --overwrite --exclude '*' {chosen}`."
    )


class ScheduleValid(Rule):
    """The cron expression of a trait, `schedule@1` or `trigger@1`, is valid and matches a time."""

    broken = {SPEC: {"spec": {"traits": [{"uses": "schedule@1", "properties": {"cron": "0 25 * * *"}}]}}}

    def check(self, spec: Document) -> Iterator[Problem]:
        for keys, cron in (one for trait in TIMED for one in _crons(spec, trait)):
            if not _comes_to_pass(cron):
                yield Problem(
                    spec,
                    (*keys, "properties", "cron"),
                    f"{cron!r} is not a valid schedule: minute, hour, day of the month, month, day of the week.",
                    'Write five fields, such as "0 5 * * *" for five o\'clock every day (UTC).',
                )


class ScheduleAgrees(Rule):
    """The workflow that runs the pipeline has the same cron expression as the trait, `schedule@1` or `trigger@1`.

    GitHub reads the expression only from the workflow, so it has to be in both. GitLab keeps schedules outside of
    the repository, and CI sets them from the trait.
    """

    broken = {SPEC: {"spec": {"traits": [{"uses": "schedule@1", "properties": {"cron": "30 4 * * 1"}}]}}}

    def check(self, root: Path, spec: Document) -> Iterator[Problem]:
        for trait, workflow in TIMED.items():
            yield from _agrees(root, spec, trait, workflow)


def _agrees(root: Path, spec: Document, trait: str, file: str) -> Iterator[Problem]:
    """Yield how a workflow differs from the trait that it is for."""
    traits = spec.get("spec.traits", [])
    desired = [cron for _, cron in _crons(spec, trait)]
    timed = [item for _, item in spec.items("spec.traits") if str(item.get("uses")).startswith(f"{trait}@")]
    if not inside(root, file) or not isinstance(traits, list) or len(desired) < len(timed):
        return  # left to the schema, or to another rule
    workflow = read(root, file)
    actual = [str(item.get("cron")) for _, item in workflow.items("on.schedule")]
    if actual != desired:
        detail = f"It runs at {actual or 'no time'}, but the {trait} trait says {desired or 'never'}."
        same = f"Write the same in the workflow: {', '.join(map(repr, desired))}."
        other = f"Add the {trait} trait to the spec, or remove {file}."
        yield Problem(workflow, ("on", "schedule"), detail, same if desired else other)


def _crons(spec: Document, trait: str) -> Iterator[tuple[Any, str]]:
    for keys, item in spec.items("spec.traits"):
        properties = item.get("properties")
        cron = properties.get("cron") if isinstance(properties, dict) else None
        if str(item.get("uses")).startswith(f"{trait}@") and isinstance(cron, str):
            yield keys, cron


@lru_cache(maxsize=1024)
def _comes_to_pass(cron: str) -> bool:
    try:
        return next(times(cron, datetime(2026, 1, 1, tzinfo=UTC)), None) is not None
    except ValueError:
        return False
