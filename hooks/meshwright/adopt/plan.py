"""Plan what adopting does to each file, and the tree that results. Nothing in the team's repository changes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from meshwright.adopt import at_root, ignored, settings
from meshwright.adopt.answers import Answer, derived, given
from meshwright.adopt.dbt_files import own_project
from meshwright.adopt.merging import Unmergeable, merge
from meshwright.adopt.product_files import OwnData, own_data, readme, written
from meshwright.adopt.repository import LINK, REGULAR, SUBMODULE, Entry, TeamRepository
from meshwright.core.errors import Error
from meshwright.core.git_url import same_template
from meshwright.core.render import copy
from meshwright.core.template_store import Release, Unrenderable
from meshwright.core.text import listed, printable
from meshwright.core.yaml import load_text
from meshwright.inspection.dbt_project import PROJECT
from meshwright.product.files import ANSWERS, ANSWERS_BESIDE, CODEOWNERS, CONTRACT, HOOKS, MANIFEST, SPEC
from meshwright.product.ownership import PRODUCT, SHARED, is_below, owner

README = "README.md"
PROFILES = "profiles.yml"
OWN_PROFILE = (
    "it would hide your ~/.dbt/profiles.yml: dbt by hand goes on with the profile that your dbt_project.yml names, and after"
    " a run the pipeline's is there, too: `uv run dbt ls --profiles-dir build/dbt --profile product`"
)
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
    at_root: bool = False
    """True for a path from the repository's root, though the product is in a folder."""


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
    """What the repository does not tell, and what keeps the pipeline from running the models; with what to do."""
    tree: str = ""
    """The repository's whole tree afterwards."""

    def of(self, kind: str) -> list[Step]:
        return [step for step in self.steps if step.kind == kind]


class AlreadyAdopted(Exception):
    """The repository is a product of this template; the message says of which version."""


def planned(
    repository: TeamRepository,
    release: Release,
    folder: str,
    data: tuple[str, ...],
    dataset: str | None,
    temporary: Path,
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
    at_root.refuse_odd(folder)
    _refuse_place(repository, folder)
    project = own_project(repository, folder, temporary / "project")
    if project is None and dataset is not None:
        raise Error(f"--dataset {dataset}: there is no dbt project.", "Leave it out.")
    own = own_data(project, dataset) if project else OwnData()
    answers = derived(repository, project, own, folder)
    answers = {name: one for name, one in answers.items() if name in questions}
    answers |= {name: Answer(value, "--data") for name, value in given(data, questions).items()}
    plan = Plan(folder, answers, answers_file, str(release.commit))
    values = {name: answer.value for name, answer in answers.items()}

    first = _rendered(repository, release, values, temporary / "first", plan)
    plan.steps, contents = _steps(repository, prefix, first)
    _refuse_essential(prefix, plan)
    fresh = _without_declined(repository, release, values, temporary / "second", plan, first)
    edits = _edits(repository, prefix, plan, own, fresh, contents)
    plan.missing = list(own.missing)
    if "domain" in questions and "domain" not in answers:
        plan.missing.insert(0, "domain: nothing in the repository names it. Run this again with `--data domain=…`.")  # fmt: skip
    plan.missing += [
        f"{prefix}{step.path} was not merged ({step.note}): write into it by hand what the template's has."
        for step in plan.of(DECLINED)
        if step.path in ("dbt_project.yml", "pyproject.toml")
    ]
    kept = {step.path for step in plan.steps if step.kind in (THEIRS, DECLINED)}
    plan.missing += settings.sentences(repository, prefix, kept)
    lock = f"{prefix}uv.lock"
    if lock in repository.entries:
        plan.missing.append(
            f"{lock} does not have what the pipeline needs yet: run `uv lock`, and commit it."
        )
    for path, text in _own_files(repository, prefix, plan, own, fresh, values).items():
        edits[path] = ("100644", repository.git.keep(text.encode()))
    for path, text in _at_root(repository, prefix, plan, first).items():
        mode = repository.entries.get(path, ("100644", ""))[0]
        edits[path] = (mode, repository.git.keep(text.encode()))
    plan.tree = repository.git.edited(f"{repository.head}^{{tree}}", edits)
    plan.missing += _hidden(repository, prefix, plan, own, temporary / "ignored")
    return plan


def _hidden(repository: TeamRepository, prefix: str, plan: Plan, own: OwnData, folder: Path) -> Iterator[str]:
    """Yield what to write where the team's .gitignore files hide the template's files, or those of inputs."""
    contents = {}
    for path, (mode, name) in repository.git.entries(plan.tree).items():
        if mode in REGULAR and path.rpartition("/")[2] == ignored.NAME:
            contents[path] = repository.git.blob(name).decode("utf-8", "replace")
    places = [prefix + step.path for step in plan.of(NEW) if not step.at_root]
    places += [step.path for step in plan.of(NEW) if step.at_root]
    samples = [one.path for one in own.inputs if "*" not in one.path] or ["sample_data/NAME.csv"]
    places += [prefix + path for path in samples]
    yield from ignored.sentences(contents, places, folder)


def _edits(
    repository: TeamRepository,
    prefix: str,
    plan: Plan,
    own: OwnData,
    fresh: _Fresh,
    contents: Mapping[str, bytes],
) -> dict[str, Entry | None]:
    """Return the entries of files that are new or merged, by path."""
    edits: dict[str, Entry | None] = {}
    for step in plan.steps:
        if step.kind == NEW:
            edits[prefix + step.path] = fresh.entries[step.path]
        elif step.kind == MERGED:
            mode = repository.entries[prefix + step.path][0]
            edits[prefix + step.path] = (mode, repository.git.keep(contents[step.path]))
    if (path := f"{prefix}{README}") in edits:
        made = contents.get(README) or (fresh.folder / README).read_bytes()
        mode = repository.entries.get(path, ("100644", ""))[0]
        edits[path] = (mode, repository.git.keep(readme(made.decode(), own).encode()))
    return edits


def _without_declined(
    repository: TeamRepository,
    release: Release,
    values: dict[str, Any],
    parent: Path,
    plan: Plan,
    first: _Fresh,
) -> _Fresh:
    """Render again with the declined files among the answers. Raises Error."""
    declined = [step.path for step in plan.of(DECLINED)]
    if not declined:
        return first
    again = _rendered(repository, release, {**values, DECLINED_QUESTION: declined}, parent, plan)
    if again.entries.keys() != {path for path in first.entries if not is_below(path, declined)}:
        raise Error(
            "The template renders other files once some are declined.",
            "Report this as a defect of Meshwright, with the output of `git ls-files`.",
        )
    return again


def _own_files(
    repository: TeamRepository,
    prefix: str,
    plan: Plan,
    own: OwnData,
    fresh: _Fresh,
    values: Mapping[str, Any],
) -> dict[str, str]:
    """Return the spec, the contract and the sources with what the dbt project says: path -> text."""
    made = {step.path for step in plan.of(NEW)}
    texts = {path: (fresh.folder / path).read_text("utf-8") for path in (SPEC, CONTRACT) if path in made}
    found = {}
    for path, text in written(texts, own, str(values.get("classification") or "internal")).items():
        # The team may have a file of that name.
        taken = path not in made and prefix + path in repository.entries
        free = path.replace("sources.yml", "product_inputs.yml") if taken else path
        if free not in made:
            plan.steps.append(Step(free, NEW))
        found[prefix + free] = text
    return found


def _at_root(repository: TeamRepository, prefix: str, plan: Plan, first: _Fresh) -> dict[str, str]:
    """Return what the forge reads at the repository's root only: path -> text."""
    answers = load_text((first.folder / plan.answers_file).read_text("utf-8"))
    forge = "gitlab" if answers.get("forge") == "gitlab" else "github"
    declined = [step.path for step in plan.of(DECLINED)]
    found: dict[str, str] = {}
    reviewers = first.folder / CODEOWNERS[forge]
    if is_below(CODEOWNERS[forge], declined) and reviewers.is_file():
        there = next((path for path in at_root.READ_FIRST[forge] if path in repository.entries), "")
        present = repository.text(there) if there else ""
        if present is not None and "\r" not in present:
            path = there or at_root.READ_FIRST[forge][0]
            lines = reviewers.read_text("utf-8")
            found[path] = at_root.with_reviewers(present, path, lines, plan.folder, declined)
            plan.steps.append(Step(path, MERGED if there else NEW, "with the template's reviewers", True))
    if prefix and HOOKS not in repository.entries:
        found[HOOKS] = at_root.WORKSPACE
        plan.steps.append(Step(HOOKS, NEW, "lets prek find the hooks of folders", True))
    product = str(answers.get("product_name") or "product")
    ci = at_root.CI[forge]
    if prefix and forge == "github" and ci in first.entries:
        files = {
            path: (first.folder / path).read_text("utf-8")
            for path in first.entries
            if path.startswith(at_root.FOLDER)
        }
        for path, text in at_root.workflows(files, product, plan.folder).items():
            if path in repository.entries:
                plan.steps.append(Step(path, THEIRS, "", True))
            else:
                found[path] = text
                plan.steps.append(Step(path, NEW, f"runs in {plan.folder}", True))
        plan.missing += [
            f"CI: no workflow of {name} is written for a folder: {why}."
            for name, why in at_root.NOT_IN_A_FOLDER.items()
            if f"{at_root.FOLDER}{name}.yml" in files
        ]
    elif prefix and forge == "gitlab":
        plan.missing.append(
            f"CI: GitLab reads {ci} at the root only, and Meshwright writes none there for a folder. Let yours run {at_root.STEPS} in {plan.folder}; jobs that run it on a schedule, deploy it or grant access are yours to add, too."
        )
    elif is_below(ci, declined):
        plan.missing.append(
            f"CI: let yours run {at_root.STEPS}{f' in {plan.folder}' if prefix else ''}; the template's {ci} is declined."
        )
    return found


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
    forge: str


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
    forge = "gitlab" if values.get("forge") == "gitlab" else "github"
    return _Fresh(folder, entries, load_text((folder / MANIFEST).read_text("utf-8")), forge)


def _steps(repository: TeamRepository, prefix: str, fresh: _Fresh) -> tuple[list[Step], dict[str, bytes]]:
    """Return what becomes of each path of the template, and the merged contents."""
    occupied = _Occupied(repository.entries)
    tracked = frozenset(path.removeprefix(prefix) for path in repository.entries if path.startswith(prefix))
    steps: list[Step] = []
    contents: dict[str, bytes] = {}
    outside = at_root.ONLY_AT_ROOT[fresh.forge] if prefix else ()
    steps += [Step(one, DECLINED, "it is read at the root of a repository only") for one in outside]
    for path, entry in fresh.entries.items():
        if is_below(path, outside):
            continue
        whose = owner(path, fresh.ownership)
        present = repository.entries.get(prefix + path)
        ours = THEIRS if whose in (PRODUCT, None) else DECLINED
        elsewhere = next(
            (other for other in ELSEWHERE.get(path, ()) if prefix + other in repository.entries), ""
        )
        if path == "ruff.toml":
            elsewhere = settings.own_ruff(repository, prefix)
        if present == entry:
            steps.append(Step(path, SAME))
        elif present is None and path == PROFILES and prefix + PROJECT in repository.entries:
            steps.append(Step(path, DECLINED, OWN_PROFILE))
        elif present is None and path in settings.TESTS and (own := occupied.first(prefix, settings.TESTS)):
            steps.append(Step(path, DECLINED, f"it needs another {own} than yours"))
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

    def first(self, prefix: str, paths: Sequence[str]) -> str:
        """Return the first of these paths that the repository has, in any spelling; empty if it has none."""
        return next((path for path in paths if _alike(prefix + path) in self.alike), "")

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
