"""Plan what adopting does to each file, and the tree that results. Nothing in the team's repository changes."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from meshwright.adopt import dbt_files
from meshwright.adopt.answers import Answer, derived, given
from meshwright.adopt.merging import Unmergeable, merge
from meshwright.adopt.product_files import own_product
from meshwright.adopt.repository import LINK, REGULAR, SUBMODULE, Entry, TeamRepository
from meshwright.core.errors import Error
from meshwright.core.git_url import same_template
from meshwright.core.render import Release, Unrenderable, copy
from meshwright.core.text import listed, printable
from meshwright.core.yaml import load_text
from meshwright.product.files import ANSWERS, ANSWERS_BESIDE, MANIFEST, SPEC
from meshwright.product.ownership import PRODUCT, SHARED, owner

NEW, SAME, MERGED, THEIRS, DECLINED = "new", "same", "merged", "theirs", "declined"
ESSENTIAL = ("pipeline/", ".meshwright/")
"""Folders without whose files a product does not run, or is not checked."""
ELSEWHERE = {
    ".github/CODEOWNERS": ("CODEOWNERS", "docs/CODEOWNERS"),
    ".gitlab/CODEOWNERS": ("CODEOWNERS", "docs/CODEOWNERS"),
    "renovate.json": ("renovate.json5", ".github/renovate.json", ".github/renovate.json5", ".gitlab/renovate.json", ".gitlab/renovate.json5", ".renovaterc", ".renovaterc.json", ".renovaterc.json5"),
}  # fmt: skip
"""A file of the template -> other places of the same, one of which only the forge or the tool reads."""
DECLINED_QUESTION = "declined"


@dataclass(frozen=True)
class Step:
    """What becomes of one path of the template."""

    path: str
    """In the product."""
    kind: str
    note: str = ""


@dataclass
class Plan:
    """All that adopting does."""

    folder: str
    """The product's folder in the repository; empty for the root."""
    answers: Mapping[str, Answer]
    answers_file: str
    version: str
    steps: list[Step] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """What keeps the pipeline from running the models, with what to do."""
    tree: str = ""
    """The repository's whole tree afterwards."""

    def of(self, kind: str) -> list[Step]:
        return [step for step in self.steps if step.kind == kind]


class AlreadyAdopted(Exception):
    """The repository is a product of this template; the message says of which version."""


def planned(
    repository: TeamRepository, release: Release, folder: str, data: tuple[str, ...], temporary: Path
) -> Plan:
    """Return the plan. Raises AlreadyAdopted, Error, GitError."""
    prefix = f"{folder}/" if folder else ""
    answers_file = _answers_file(repository, release, prefix)
    questions = release.questions_data
    if DECLINED_QUESTION not in questions:
        raise Error(
            f"Version {release.commit} of the template cannot adopt a repository.",
            f"Give a newer one with --vcs-ref: it has the question `{DECLINED_QUESTION}` in copier.yml.",
        )
    _refuse_place(repository, folder)
    project = dbt_files.read(repository, folder)
    answers = {name: one for name, one in derived(repository, project, folder).items() if name in questions}
    answers |= {name: Answer(value, "--data") for name, value in given(data, questions).items()}
    plan = Plan(folder, answers, answers_file, str(release.commit))
    values = {name: answer.value for name, answer in answers.items()}

    fresh = _rendered(repository, release, values, temporary / "first", plan)
    plan.steps, contents = _steps(repository, prefix, fresh)
    _refuse_essential(prefix, plan)
    declined = [step.path for step in plan.of(DECLINED)]
    if declined:
        values[DECLINED_QUESTION] = declined
        again = _rendered(repository, release, values, temporary / "second", plan)
        if again.entries.keys() != fresh.entries.keys() - set(declined):
            raise Error(
                "The template renders other files once some are declined.",
                "Report this as a defect of Meshwright, with the output of `git ls-files`.",
            )
        fresh = again
    git = repository.git
    edits: dict[str, Entry | None] = {}
    for step in plan.steps:
        if step.kind == NEW:
            edits[prefix + step.path] = fresh.entries[step.path]
        elif step.kind == MERGED:
            mode = repository.entries[prefix + step.path][0]
            edits[prefix + step.path] = (mode, git.keep(contents[step.path]))
    made = {step.path for step in plan.of(NEW)}
    texts, missing = own_product(
        {
            path: (fresh.folder / path).read_text("utf-8")
            for path in (SPEC, "contract.odcs.yaml")
            if path in made
        },
        project,
    )
    plan.missing += missing
    for path, text in texts.items():
        edits[prefix + path] = ("100644", git.keep(text.encode()))
    plan.tree = git.edited(f"{repository.head}^{{tree}}", edits)
    return plan


def _answers_file(repository: TeamRepository, release: Release, prefix: str) -> str:
    """Return the name for the answers: Copier's own, unless another template has it. Raises AlreadyAdopted, Error."""
    taken = False
    for name in (ANSWERS, ANSWERS_BESIDE):
        if prefix + name not in repository.entries:
            continue
        text = repository.text(prefix + name)
        try:
            value = load_text(text) if text else None
        except Error:
            value = None
        value = value if isinstance(value, dict) else {}
        source = value.get("_src_path")
        ours = isinstance(source, str) and same_template(source, release.url)
        if ours or (prefix + MANIFEST in repository.entries and "product_name" in value):
            raise AlreadyAdopted(str(value.get("_commit")))
        if name == ANSWERS_BESIDE:
            raise Error(
                f"{prefix}{name} is there, but is not this template's.",
                f"Rename it (`git mv {prefix}{name} …`), or adopt with --template {source or 'its own address'}.",
            )
        taken = True
    return ANSWERS_BESIDE if taken else ANSWERS


def _refuse_place(repository: TeamRepository, folder: str) -> None:
    """Refuse a folder that is, or is below, a link, a submodule or a file."""
    parents = [PurePosixPath(folder), *PurePosixPath(folder).parents] if folder else []
    for parent in parents:
        mode = repository.entries.get(parent.as_posix(), ("", ""))[0]
        if mode:
            what = {LINK: "a symbolic link", SUBMODULE: "a submodule"}.get(mode, "a file")
            fix = (
                "Adopt it in its own repository."
                if mode == SUBMODULE
                else "Give a folder with --subdirectory."
            )
            raise Error(f"{printable(parent.as_posix())} is {what}.", fix)


@dataclass(frozen=True)
class _Fresh:
    folder: Path
    entries: Mapping[str, Entry]
    ownership: Mapping[str, Sequence[str]]


def _rendered(
    repository: TeamRepository, release: Release, values: Mapping[str, Any], parent: Path, plan: Plan
) -> _Fresh:
    """Render a fresh product as files and as git entries. Raises Error."""
    folder = parent / (plan.folder.rpartition("/")[2] or repository.top.name or "product")
    try:
        copy(release, values, folder, plan.answers_file)
    except Unrenderable as error:
        given = ", ".join(f"{name}={answer.value}" for name, answer in plan.answers.items())
        raise Error(
            f"The template does not take the answers: {error}",
            f"Correct them with --data; they were {given}.",
        ) from error
    git = repository.git
    if attributes := repository.content(".gitattributes"):
        git.attributes(attributes)
    entries = git.entries(git.tree(folder, repository.head))
    return _Fresh(folder, entries, load_text((folder / MANIFEST).read_text("utf-8")))


def _steps(repository: TeamRepository, prefix: str, fresh: _Fresh) -> tuple[list[Step], dict[str, bytes]]:
    """Return what becomes of each path of the template, and the merged contents."""
    occupied = _Occupied(repository.entries)
    tracked = frozenset(path.removeprefix(prefix) for path in repository.entries if path.startswith(prefix))
    steps: list[Step] = []
    contents: dict[str, bytes] = {}
    for path, entry in fresh.entries.items():
        whose = owner(path, fresh.ownership)
        present = repository.entries.get(prefix + path)
        ours = THEIRS if whose in (PRODUCT, None) else DECLINED
        elsewhere = next(
            (other for other in ELSEWHERE.get(path, ()) if prefix + other in repository.entries), ""
        )
        if present == entry:
            steps.append(Step(path, SAME))
        elif present is None and (blocker := occupied.blocker(prefix + path)):
            steps.append(Step(path, ours, f"{printable(blocker)} is in its place"))
        elif present is None and elsewhere:
            steps.append(Step(path, ours, f"{elsewhere} would no longer be read beside it"))
        elif present is None:
            steps.append(Step(path, NEW))
        elif whose == SHARED and present[0] in REGULAR:
            content = repository.content(prefix + path)
            try:
                if content is None:
                    raise Unmergeable("it is too large")
                template = (fresh.folder / path).read_bytes()
                contents[path], notes = merge(path, content, template, tracked)
                steps.append(Step(path, MERGED, "; ".join(notes)))
            except Unmergeable as error:
                steps.append(Step(path, DECLINED, str(error)))
        else:
            what = {LINK: "a symbolic link", SUBMODULE: "a submodule"}.get(present[0], "")
            steps.append(Step(path, ours, what and f"it is {what}"))
    return steps, contents


class _Occupied:
    """The paths of a repository, as a file system without case or with other forms of letters sees them."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.files = entries
        self.folders = {
            parent.as_posix() for path in entries for parent in PurePosixPath(path).parents if parent.parts
        }
        self.alike: dict[str, str] = {}
        for path in (*entries, *self.folders):
            self.alike[_alike(path)] = path

    def blocker(self, path: str) -> str:
        """Return what keeps a new file from its path: a folder there, a file above it, or another spelling."""
        if path in self.folders:
            return f"the folder {path}"
        for parent in PurePosixPath(path).parents:
            if parent.as_posix() in self.files:
                return parent.as_posix()
        for part in (PurePosixPath(path), *PurePosixPath(path).parents):
            other = self.alike.get(_alike(part.as_posix()))
            if other is not None and other != part.as_posix() and part.as_posix() not in self.folders:
                return other
        return ""


def _alike(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def _refuse_essential(prefix: str, plan: Plan) -> None:
    """Refuse a repository whose files are where the pipeline's have to be. Raises Error."""
    taken = [
        step for step in plan.steps if step.kind in (DECLINED, THEIRS) and step.path.startswith(ESSENTIAL)
    ]
    if not taken:
        return
    folders = sorted({step.path.split("/")[0] for step in taken})
    raise Error(
        f"The product cannot do without {listed(prefix + step.path for step in taken)}, but the repository has files of its own there.",
        "Rename them first, such as "
        + " and ".join(f"`git mv {prefix}{name} {prefix}{name.strip('.')}-own`" for name in folders)
        + ", and commit.",
    )
