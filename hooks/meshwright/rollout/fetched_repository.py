"""Read a repository of a mesh and merge a release into it, working only on git objects."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from meshwright.core.git import FOLDER, ON_DEMAND, Git, GitError
from meshwright.core.git_url import same_template
from meshwright.core.loose_objects import Entry, LooseObjects, shared_objects
from meshwright.core.merge import Merge, merge
from meshwright.core.render import new, old
from meshwright.core.rendered_tree import rendered_tree
from meshwright.core.template_store import File, Release, Store, Unrenderable
from meshwright.core.yaml import MAX_BYTES, Unreadable, decode, load_text, parse
from meshwright.product.files import ANSWERS, ANSWERS_BESIDE, MANIFEST
from meshwright.product.ownership import TEMPLATE, owner
from meshwright.rollout.fleet import Repository
from meshwright.rollout.outcome import Outcome
from meshwright.rollout.remote import Remote, Unusable, fetch, look

ATTRIBUTES = ".gitattributes"
MAX_DIFF = 20_000
"""Maximum characters of a file's drift in the report."""


@dataclass(frozen=True)
class TemplateRelease:
    """The template of a mesh, at the version of the rollout."""

    store: Store
    url: str
    formerly: tuple[str, ...]
    commit: str
    version: str


@dataclass
class FetchedRepository:
    """A repository that was fetched and read."""

    git: Git
    remote: Remote
    branches: Mapping[str, str]
    """Branch -> commit, of the fetched branches."""
    head: str
    tree: str
    files: Mapping[str, Entry]
    """Path -> mode and object, of all files; of the root alone if it was not fetched deep."""
    objects: Collection[str]
    """The files' and folders' objects."""
    answers_file: str
    answers: dict[str, Any]
    answered: bytes
    """The content of the answers file."""
    recorded: str
    """The template's commit that it was made from, or last updated to."""
    folder: Path
    """A folder for intermediate files."""


def load_repository(
    template: TemplateRelease, repository: Repository, outcome: Outcome, folder: Path, timeout: float,
    more: tuple[str, ...] = (), deep: bool = True,
) -> FetchedRepository:  # fmt: skip
    """Fetch a repository and read its answers. Raises GitError, Unusable."""
    git = Git(folder / "product.git")
    remote = look(git, repository, timeout)
    branches = fetch(git, remote, more, timeout, deep)
    head = branches[remote.branch or "HEAD"]
    entries = git.in_root(head, below=deep)
    files = {path: entry for path, entry in entries.items() if entry[0] != FOLDER}
    name = ANSWERS_BESIDE if ANSWERS_BESIDE in files else ANSWERS
    answered = _answered(git, files, name, timeout)
    answers = _answers(name, answered)
    outcome.version = answers["_commit"]
    if not any(same_template(answers["_src_path"], known) for known in (template.url, *template.formerly)):
        fix = "Remove it from the mesh, or add that address to `formerly` in mesh.yaml."
        raise Unusable(f"It was made from another template: {answers['_src_path'][:200]}", fix)
    recorded = template.store.commit(answers["_commit"])
    if recorded is None:
        fix = "It was made from an unpublished version: run `copier recopy` with a published one."
        raise Unusable(f"The template has no version {answers['_commit'][:100]}.", fix)
    outcome.behind = template.store.between(recorded, template.commit)
    objects = {entry[1] for entry in entries.values()}
    tree = git.one("rev-parse", f"{head}^{{tree}}")
    return FetchedRepository(
        git, remote, branches, head, tree, files, objects, name, answers, answered, recorded, folder
    )


NO_PRODUCT = "Remove it from the mesh, or add the answers file that `copier copy` would have written."


def _answered(git: Git, root: Mapping[str, tuple[str, str]], file: str, timeout: float) -> bytes:
    try:
        mode, name = root[file]
    except KeyError:
        raise Unusable(f"It has no {file}, so it was not made from a template.", NO_PRODUCT) from None
    if mode not in ("100644", "100755"):
        raise Unusable(f"Its {file} is not a file.", NO_PRODUCT)
    # Of a partial clone, the file may have to be fetched.
    with contextlib.suppress(GitError):
        if (content := git.blobs([name], MAX_BYTES)[0]) is not None:
            return content
    if int(git.remote_command("cat-file", "-s", name, timeout=timeout, variables=ON_DEMAND)) > MAX_BYTES:
        raise Unusable(f"Its {file} is larger than {MAX_BYTES:,} bytes.", NO_PRODUCT)
    return git.blob(name)


def _answers(file: str, raw: bytes) -> dict[str, Any]:
    try:
        parse(file, decode(raw))  # a size limit and no aliases; then parsed as Copier does
        answers = yaml.safe_load(raw)
    except Unreadable as error:
        raise Unusable(f"Its {file}:{error.line}: {error}", error.fix) from error
    except (yaml.YAMLError, ValueError) as error:
        raise Unusable(f"Its {file}: {error}", NO_PRODUCT) from error
    if not isinstance(answers, dict):
        raise Unusable(f"Its {file} is not a mapping.", NO_PRODUCT)
    for key in ("_src_path", "_commit"):
        if not isinstance(answers.get(key), str) or not answers[key]:
            raise Unusable(f"{key} in its {file} is not a text.", NO_PRODUCT)
    return {
        key: value
        for key, value in answers.items()
        if key in ("_src_path", "_commit") or not str(key).startswith("_")
    }


def merge_release(template: TemplateRelease, fetched: FetchedRepository) -> Merge:
    """Merge the release into the product. Raises GitError, Unrenderable, Unusable."""
    source = fetched.answers["_src_path"]
    recorded = _release(template, fetched.recorded, source)
    # If the template has moved, hooks and updates use its present address from now on.
    target = _release(
        template, template.commit, source if same_template(source, template.url) else template.url
    )
    for stage in ("before", "after"):
        if target.migration_tasks(stage, recorded):
            fix = "Release it without migrations: docs/how-to/blueprints-that-update.md."
            raise Unusable("The release has migrations, but a rollout does not run code.", fix)
    # Templates can use the name of the folder.
    name = _folder_name(fetched.remote.url)
    before, after = fetched.folder / "before" / name, fetched.folder / "after" / name
    was = old(recorded, fetched.answers, target.exclude, before, fetched.answers_file)
    will = new(target, fetched.answers, after, fetched.answers_file)
    base, theirs, files = dict(was.files), dict(will.files), fetched.files
    if target.skip_if_exists:
        for path in [path for path in base if was.skipped(Path(path)) or will.skipped(Path(path))]:
            del base[path]
        for path in [path for path in theirs if path in files and will.skipped(Path(path))]:
            del theirs[path]
    # Copier always takes this file from the new version, so there is nothing to merge.
    base[fetched.answers_file] = (base.get(fetched.answers_file, ("100644", b""))[0], fetched.answered)
    attributes = _attributes(fetched)
    trees = [_tree(fetched, rendered, attributes) for rendered in (base, theirs)]
    return merge(
        fetched.git, trees[0], fetched.tree, trees[1], will.excluded, fetched.answers_file,
        _shared(fetched), files,
    )  # fmt: skip


def _tree(fetched: FetchedRepository, files: Mapping[str, File], attributes: bytes) -> str:
    return rendered_tree(
        fetched.git, _shared(fetched), files, fetched.head, fetched.files, fetched.objects, attributes
    )


def _shared(fetched: FetchedRepository) -> LooseObjects:
    return shared_objects(fetched.folder.parent / "objects")


def _folder_name(url: str) -> str:
    name = url.rstrip("/").removesuffix(".git").replace(":", "/").rpartition("/")[2]
    return name if name not in ("", ".", "..") else "product"


def _attributes(fetched: FetchedRepository) -> bytes:
    """Apply the product's own .gitattributes to rendered files; return it."""
    mode, name = fetched.files.get(ATTRIBUTES, ("", ""))
    rules = fetched.git.blobs([name], MAX_BYTES)[0] if mode == "100644" else None
    if rules is not None:
        fetched.git.attributes(rules)
    return rules or b""


def _release(template: TemplateRelease, commit: str, url: str) -> Release:
    try:
        return template.store.release(commit, url)
    except GitError as error:
        raise Unrenderable(f"The template at {commit[:12]}: {error}") from error


def changes(fetched: FetchedRepository, files: Mapping[str, Entry]) -> list[tuple[str, str]]:
    """Return the changes by a merge: (A, M, D or T, path), in the order of the paths."""
    paths = [
        path for path in sorted({**fetched.files, **files}) if fetched.files.get(path) != files.get(path)
    ]
    return [(_change(fetched.files.get(path), files.get(path)), path) for path in paths]


def _change(was: Entry | None, will: Entry | None) -> str:
    if was is None or will is None:
        return "D" if will is None else "A"
    return "M" if was[0][:3] == will[0][:3] else "T"


def drift(template: TemplateRelease, fetched: FetchedRepository) -> list[tuple[str, str, str]]:
    """Return the template's files that differ from the recorded version: (A, M or D, path, diff).

    Raises GitError, Unrenderable, Unusable.
    """
    folder = fetched.folder / "fresh" / _folder_name(fetched.remote.url)
    release = _release(template, fetched.recorded, fetched.answers["_src_path"])
    files = old(release, fetched.answers, (), folder, fetched.answers_file).files
    if MANIFEST not in files:
        fix = f"Update it first to a version with {MANIFEST}."
        raise Unusable(
            f"Version {fetched.answers['_commit']} does not have the list of the template's files.", fix
        )
    manifest = load_text(files[MANIFEST][1].decode())
    fresh = _tree(fetched, files, _attributes(fetched))
    desired, actual = fetched.git.entries(fresh), fetched.files
    found = []
    for path, entry in desired.items():
        if actual.get(path) != entry and path != fetched.answers_file and owner(path, manifest) == TEMPLATE:
            found.append(
                ("M" if path in actual else "D", path, _diff(fetched, fresh, path, actual.get(path)))
            )
    return found


def _diff(fetched: FetchedRepository, fresh: str, path: str, entry: tuple[str, str] | None) -> str:
    """Return the diff from the template's file to the product's."""
    if entry and entry[0] != "160000" and int(fetched.git.one("cat-file", "-s", entry[1])) > MAX_BYTES:
        return f"{path} is larger than {MAX_BYTES:,} bytes."
    output = fetched.git(
        "--literal-pathspecs", "diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames",
        "--src-prefix=template/", "--dst-prefix=product/", fresh, fetched.head, "--", path,
    ).decode("utf-8", "replace")  # fmt: skip
    return (
        output
        if len(output) <= MAX_DIFF
        else f"{output[:MAX_DIFF]}\n… {len(output) - MAX_DIFF:,} more characters"
    )
