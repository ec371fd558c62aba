"""Plan an adoption, check the result, and commit it if asked."""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from meshwright.adopt import dbt_files
from meshwright.adopt.plan import Plan, planned
from meshwright.adopt.repository import BRANCH, TeamRepository
from meshwright.check.engine import check
from meshwright.check.findings import Finding
from meshwright.core.errors import Error
from meshwright.core.git import GitError, is_path, without_credentials
from meshwright.core.git_url import copier_address
from meshwright.core.template_store import Release, Store, Unrenderable
from meshwright.core.text import listed
from meshwright.inspection.dbt_project import PROJECT

TIMEOUT = 120.0


@dataclass
class Result:
    """A plan, and what became of it."""

    repository: TeamRepository
    plan: Plan
    findings: Sequence[Finding]
    """What the metamodel finds wrong in the result."""
    commit: str = ""
    """The commit on the branch, if it was applied."""
    is_new: bool = False
    """False if the branch had that commit already."""


def adopted(
    place: Path,
    template: str,
    version: str | None,
    data: tuple[str, ...],
    project: str | None,
    subdirectory: str | None,
    dataset: str | None,
    temporary: Path,
    *,
    apply: bool,
) -> Result:
    """Plan the adoption, and apply it if asked. Raises AlreadyAdopted, Error."""
    repository = TeamRepository.opened(place, temporary)
    folder = _folder(repository, place, project, subdirectory)
    release = _release(template, version, temporary)
    try:
        plan = planned(repository, release, folder, data, dataset, temporary)
        findings = _checked(repository, plan, temporary / "result")
    except GitError as error:
        raise Error(f"git fails: {error}", "Run `git fsck` in the repository.") from error
    result = Result(repository, plan, findings)
    tip = repository.tip()
    if tip and repository.tree_of(tip) == (plan.tree, [repository.head]):
        result.commit = tip
    elif apply and tip:
        raise Error(
            f"The branch {BRANCH} is there, with another content.",
            f"Merge it, or delete it (`git branch -D {BRANCH}`), then run this again.",
        )
    elif apply:
        result.commit, result.is_new = repository.keep_branch(plan.tree, _message(plan)), True
    return result


def _message(plan: Plan) -> str:
    counts = Counter(step.kind for step in plan.steps)
    lines = [f"Adopt the template at {plan.version}", ""]
    lines += [
        "By `meshwright adopt`: " + ", ".join(f"{count} {kind}" for kind, count in counts.items()) + "."
    ]
    return "\n".join([*lines, ""])


def _folder(repository: TeamRepository, place: Path, project: str | None, subdirectory: str | None) -> str:
    """Return the product's folder in the repository: as given, or that of the only dbt project. Raises Error."""
    if project is not None and subdirectory is not None and _relative(project) != _relative(subdirectory):
        raise Error(
            "--project and --subdirectory differ.", "Give one: a dbt project's product is in its folder."
        )
    own = dbt_files.projects(repository)
    if project is not None:
        folder = _relative(project)
        if folder not in own:
            raise Error(
                f"{project} has no {PROJECT}.",
                f"The dbt projects are in {listed(one or '.' for one in own)}.",
            )
        return folder
    if subdirectory is not None:
        return _relative(subdirectory)
    if len(own) > 1:
        raise Error(
            f"There are {len(own)} dbt projects, and each becomes a product of its own.",
            f"Choose one with --project: {listed(own)}.",
        )
    return own[0] if own else ""


def _relative(path: str) -> str:
    """Return a folder's path from the repository's root. Raises Error for one outside."""
    plain = os.path.normpath(path.replace("\\", "/"))
    if (
        plain.startswith(("/", ".."))
        or re.match(r"[A-Za-z]:", plain)
        or plain == ".git"
        or plain.startswith(".git/")
    ):
        raise Error(
            f"{path} is not a folder of the repository.",
            "Write it as seen from the repository's root, such as analytics/dbt.",
        )
    return "" if plain == "." else plain


def _release(template: str, version: str | None, temporary: Path) -> Release:
    """Return the template at a version. Raises Error."""
    url = str(Path(template).expanduser().resolve()) if _is_folder(template) else copier_address(template)
    try:
        store = Store.cloned(_made(temporary / "store"), url, TIMEOUT)
        chosen = version or store.newest()
        if chosen is None or not store.versions():
            tag = f"`git -C {shlex.quote(template)} tag v0.1.0`" if _is_folder(template) else "v0.1.0, say"
            raise Error(
                "The template has no release, so that what adopts it could not be updated.",
                f"Tag one in the template: {tag}. See docs/how-to/release.md.",
            )
        commit = store.head() if chosen == "HEAD" else store.commit(chosen)
    except GitError as error:
        raise Error(
            f"The template cannot be fetched from {without_credentials(template)}: {error}",
            "Check --template.",
        ) from error
    if commit is None:
        known = listed(tag for _, tag in store.versions()[-5:])
        raise Error(f"The template has no version {chosen}.", f"Its last releases are: {known}.")
    try:
        release = store.release(commit, url)
    except Unrenderable as error:
        raise Error(
            f"The template cannot be used. {error}", "See docs/how-to/blueprints-that-update.md."
        ) from error
    if release.version is None:
        raise Error(
            f"{chosen} comes before the template's first release, and could not be updated.",
            "Give a release, or a commit after one, with --vcs-ref.",
        )
    return release


def _is_folder(template: str) -> bool:
    return is_path(template) and not template.startswith(("file://", "gh:", "gl:", "git+"))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _checked(repository: TeamRepository, plan: Plan, folder: Path) -> list[Finding]:
    """Return what the metamodel finds wrong in the product, from a copy of its regular files."""
    root = folder / plan.folder
    (folder / ".git").mkdir(parents=True)  # where the repository begins
    prefix = f"{plan.folder}/" if plan.folder else ""
    repository.extract(plan.tree, folder, prefix, ".github/", ".gitlab/", "CODEOWNERS", "docs/CODEOWNERS")
    start = f"{root.as_posix()}/"
    from dataclasses import replace

    return [
        replace(finding, file=finding.file.removeprefix(start))
        for finding in check([root])
        if finding.level in ("error", "warning")
    ]
