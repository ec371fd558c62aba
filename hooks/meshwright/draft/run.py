"""Draft a product from sources: plan, refuse what would overwrite a team's work, and write all or nothing."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshwright.core import git
from meshwright.core.errors import Error
from meshwright.core.text import listed
from meshwright.core.yaml import Document, Unreadable, inside, read, read_text
from meshwright.core.yaml_edit import edited
from meshwright.draft.atomic import replace_all
from meshwright.draft.compare import Change, applied, changes, chosen
from meshwright.draft.layout import refuse_broken_project
from meshwright.draft.plan import Plan, plan
from meshwright.draft.record import Record, column_facts, digest, recorded, without_password
from meshwright.draft.spec import places
from meshwright.inspection.described import DescribedSource
from meshwright.inspection.model import Source
from meshwright.product import registry
from meshwright.product.files import ANSWERS, DRAFT, SAMPLE_FILES, SPEC

LARGE = 2_000_000
"""Bytes from which a file is left out when a draft is checked."""


@dataclass(frozen=True)
class Drafted:
    """A draft, and what it writes."""

    plan: Plan
    changes: Mapping[str, bytes | None]
    """Path -> new content; None for a file that is removed."""


def of_another_kind(product: Document, given: Mapping[str, tuple[str, Source]], old: Record) -> list[str]:
    """Return the inputs whose source is read in another way, or has a sample of another kind, than at the last draft."""
    where = places(given, product.value)
    return [
        name
        for name, (_, source) in given.items()
        if source.uses != old.sources[name].get("uses", source.uses) or where[name].path not in old.files
    ]


def without_empty(
    given: Mapping[str, tuple[str, Source]],
) -> tuple[dict[str, tuple[str, Source]], list[str]]:
    """Return the sources without the empty tables of a wildcard, and a sentence on each of these.

    Any other empty table is drafted from its columns alone, if its source declares their types.
    """
    count = Counter(where for where, _ in given.values())
    empty = [
        name
        for name, (_, source) in given.items()
        if not isinstance(source, DescribedSource) and not source.profile().rows
    ]
    left_out = [name for name in empty if count[given[name][0]] > 1] if len(empty) < len(given) else []
    result = {name: one for name, one in given.items() if name not in left_out}
    for name in set(empty) & set(result):
        where, source = result[name]
        if source.uses != "file@1" or str(source.properties.get("path", "")).lower().endswith(".parquet"):
            result[name] = where, DescribedSource(name, source.uses, source.properties, source.table())
    return result, [f"{name} has no rows, and was left out." for name in left_out]


def unignored(root: Path, given: Mapping[str, tuple[str, Source]]) -> list[str]:
    """Return a sentence on each source that lies in the repository, and that git would commit."""
    notes = {}
    top = root.resolve()
    ignored = top / ".gitignore"
    lines = ignored.read_text("utf-8", "replace").splitlines() if ignored.is_file() else []
    for _, source in given.values():
        if isinstance(source, DescribedSource):
            continue
        place = str(source.properties.get("path") or source.properties.get("url") or "")
        where, is_server = place.removeprefix("sqlite:///").partition("?")[0], "://" in place
        if not where or (is_server and not place.startswith("sqlite:///")):
            continue
        full = Path(os.path.normpath(top / where))
        if not full.is_relative_to(top):
            continue
        path = full.relative_to(top)
        files = [one for one in top.glob(path.as_posix())] if set(path.as_posix()) & set("*?[") else [full]
        line = f"/{path.parts[0]}/" if len(path.parts) > 1 else f"/{path}"
        if line not in lines and any(_is_unignored(top, one) for one in files[:100]):
            notes[line] = (
                f"{path} lies in the repository, and git does not ignore it: committed, its real data is in the "
                f"history for good. Move it out, or add a line to .gitignore: echo {shlex.quote(line)} >> .gitignore"
            )
    return list(notes.values())


def _is_unignored(root: Path, file: Path) -> bool:
    """Return True if git does not ignore a file, or cannot tell because there is no repository yet."""
    command = ["git", *git.CAREFUL, "check-ignore", "-q", "--", str(file)]
    try:
        return git.run(command, git.ALWAYS, ok=(), cwd=root).returncode != 0
    except OSError:
        return True


def load(root: Path) -> Document:
    """Return data-product.yaml. Raises Error if there is none, or if it is not one."""
    if not (root / SPEC).is_file():
        raise Error(
            f"{root.resolve()} is not a data product: there is no {SPEC}.",
            "Make one, and draft in it: copier copy https://github.com/YOUR-ORGANISATION/meshwright my-product",
        )
    try:
        product = read(root, SPEC)
    except Unreadable as error:
        raise error.of(SPEC) from error
    for attribute in (
        "metadata.name",
        "metadata.domain",
        "spec.dataset.name",
        "spec.outputs",
        "spec.classification",
        "spec.owner",
        "spec.access",
    ):
        if not product.get(attribute):
            raise Error(f"{attribute} is missing.", "Add it; `meshwright check` says how.").of(SPEC)
    return product


def prepare(
    root: Path, given: Mapping[str, tuple[str, Source]], count: int | None = None, seed: bytes | None = None
) -> Drafted:
    """Return the draft from sources: input -> what was given for it, and the source. Raises Error, and writes nothing."""
    product = load(root)
    sources = {name: source for name, (_, source) in given.items()}
    _refuse_unfit(root, product, sources)
    drafted = plan(root, product, given, count, seed)
    old = recorded(root)
    files: dict[str, bytes | None] = {**drafted.files, **_gone(root, product, drafted, old)}
    _refuse_overwriting(root, files, product, old)
    refuse_broken_project(root, drafted.data.name, sources, files)
    files |= drafted.edits
    if inside(root, SAMPLE_FILES):
        files[SAMPLE_FILES] = _without(read_text(root, SAMPLE_FILES), files).encode()
    written = {path: digest(content) for path, content in drafted.files.items()}
    facts = {
        name: {"from": without_password(where), "uses": source.uses, "columns": _facts(drafted, name)}
        for name, (where, source) in given.items()
    }
    files[DRAFT] = Record(facts, written).text()
    refuse_broken(root, files)
    return Drafted(drafted, files)


def write(root: Path, drafted: Drafted) -> None:
    """Write a draft, all of it or nothing. Raises Error."""
    replace_all(root, drafted.changes)


def _without(fingerprints: str, changes: Mapping[str, bytes | None]) -> str:
    """Return the list of the template's example without the files that the draft has replaced."""

    def change(known: Any) -> None:
        for path in [path for path in known if path in changes or path.startswith("sample_data/")]:
            del known[path]

    return edited(fingerprints, change, SAMPLE_FILES)


def refuse_broken(root: Path, files: Mapping[str, bytes | None]) -> None:
    """Raise Error if a rule that is kept now would be broken by the draft; open decisions are no such rule."""
    from meshwright.check.engine import check
    from meshwright.check.rules.proposals import DecisionOpen

    with tempfile.TemporaryDirectory(prefix="meshwright-draft-") as folder:
        before, copy = Path(folder) / "before", Path(folder) / "product"
        shutil.copytree(root, copy, symlinks=True, ignore=_large)
        replace_all(copy, files)
        broken = [one for one in check([copy]) if one.level == "error" and one.rule != DecisionOpen.__name__]
        if broken:  # a product in a folder leaves files at the root of its repository, so copies are compared
            shutil.copytree(root, before, symlinks=True, ignore=_large)
        known = {one.rule for one in check([before])} if broken else set()
        for one in broken:
            if one.rule not in known:
                file = Path(one.file).relative_to(copy).as_posix()
                raise Error(
                    f"The draft would break {one.rule}: {one.message} Nothing was changed.", one.fix
                ).of(file)


def _large(folder: str, names: list[str]) -> set[str]:
    """Return what a check does not need: environments, results, and large files."""
    here = Path(folder)
    return {
        name
        for name in names
        if name in (".git", ".venv", "build", "node_modules", "__pycache__")
        or ((here / name).is_file() and (here / name).stat().st_size > LARGE)
    }


@dataclass(frozen=True)
class Comparison:
    """What has changed at the sources since the last draft."""

    product: Document
    plan: Plan
    old: Record
    changes: Sequence[Change]


def compare(root: Path, given: Mapping[str, tuple[str, Source]], count: int | None = None) -> Comparison:
    """Return what has changed at the sources since the last draft. Raises Error."""
    product, old = load(root), recorded(root)
    if old is None:
        raise Error("There is no draft to compare with.", f"Restore it: git checkout -- {DRAFT}")
    drafted = plan(root, product, given, count)
    return Comparison(product, drafted, old, changes(root, product, drafted, old))


def apply(
    root: Path, found: Comparison, selectors: Sequence[str], dry_run: bool = False
) -> tuple[list[str], list[str]]:
    """Apply the chosen changes, all of them or none; return the paths written, and what is left for the team. Raises Error."""
    level = str(found.product.get("spec.classification"))
    selected = chosen(found.changes, selectors, found.old)
    if not selected:
        return [], []
    files, notes = applied(root, found.product, found.plan, found.old, found.changes, selected, level)
    if not dry_run:
        replace_all(root, files)
    return [*files], notes


def remember(root: Path, given: Mapping[str, tuple[str, Source]]) -> list[str]:
    """Store where sources are that have moved since the last draft; return their inputs."""
    old = recorded(root)
    if old is None:
        return []
    now = {name: without_password(where) for name, (where, _) in given.items()}
    moved = [name for name, source in old.sources.items() if source.get("from") != now.get(name)]
    if moved:
        sources = {name: {**source, "from": now[name]} for name, source in old.sources.items()}
        replace_all(root, {DRAFT: Record(sources, old.files).text()})
    return moved


def _facts(drafted: Plan, name: str) -> dict[str, dict[str, Any]]:
    out = {column.field.column.name: column.name for column in drafted.data.columns if column.input == name}
    return {
        column: column_facts(field, out.get(column, ""))
        for column, field in drafted.data.inputs[name].fields.items()
    }


def _refuse_unfit(root: Path, product: Document, sources: Mapping[str, Source]) -> None:
    """Raise Error if the product lacks what reads the sources, or has another type than they need: both at once."""
    missing = {}
    for source in sources.values():
        entry = registry.find("inputs", source.uses)
        gone = [path for path in (entry.files if entry else ()) if not inside(root, path)]
        if entry and gone:
            missing[entry.name] = gone
    type_, what, otherwise = _other_type(product, sources)
    if not missing:
        if type_:
            raise Error(what, f"Write `type: {type_}` in {SPEC}, or add {otherwise}.")
        return
    answers: Any = {}
    if inside(root, ANSWERS):
        answers = read(root, ANSWERS).value
    chosen = answers.get("inputs") if isinstance(answers, dict) else None
    chosen = [
        *(chosen if isinstance(chosen, list) else []),
        *(name for name in missing if name not in (chosen or ())),
    ]
    data = f"--data {shlex.quote(f'inputs={json.dumps(chosen)}')}" + (
        f" --data type={type_}" if type_ else ""
    )
    files = listed(path for paths in missing.values() for path in paths)
    raise Error(
        f"The product cannot read {listed(missing)}: {files} is missing." + (f" {what}" if type_ else ""),
        (f"Write `type: {type_}` in {SPEC}. " if type_ else "")
        + f"Commit what is there, run `uvx copier update --defaults --vcs-ref=:current: {data}`, and draft again.",
    )


def _other_type(product: Document, sources: Mapping[str, Source]) -> tuple[str, str, str]:
    """Return the type that a product with these inputs has, why, and what else would do; empty if it has it."""
    reads = [source.uses == "data-product@1" for source in sources.values()]
    type_ = product.get("spec.type")
    if type_ == "consumer-oriented" and not any(reads):
        return (
            "source-oriented",
            "A consumer-oriented product reads another data product, and none of the sources is one.",
            "`--from NAME=dp:domain/product#port`",
        )
    if type_ == "source-oriented" and all(reads):
        return (
            "consumer-oriented",
            "A source-oriented product reads an operational system, and all sources are data products.",
            "a source that is none",
        )
    return "", "", ""


def _gone(root: Path, product: Document, drafted: Plan, old: Record | None) -> dict[str, None]:
    """Return files of the template's example, or of an earlier draft, that the draft does not need."""
    from meshwright.product.sample_files import is_untouched, written_files

    example = []
    with contextlib.suppress(Unreadable):  # an older template did not write the list
        example = [
            path
            for path in written_files(root)
            if path.startswith(("sample_data/", "models/")) and is_untouched(root, path)
        ]
    earlier = [path for path in (old.files if old else ()) if old and old.is_as_written(root, path)]
    return {
        path: None for path in (*example, *earlier) if path not in drafted.files and (root / path).is_file()
    }


def _refuse_overwriting(
    root: Path, changes: Mapping[str, bytes | None], product: Document, old: Record | None
) -> None:
    """Raise Error if a file that a team has written, or inputs that it has named, would be replaced."""
    from meshwright.draft.missing import own_inputs
    from meshwright.product.sample_files import is_untouched

    theirs = [
        path
        for path in changes
        if (root / path).exists()
        and not is_untouched(root, path)
        and not (old and old.is_as_written(root, path))
    ]
    if theirs:
        raise Error(
            f"These files hold edits or accepted decisions, which a new draft would lose: {listed(theirs)}. Nothing was changed.",
            ("Draft from the sources of the last draft to keep them. " if old else "")
            + "If they are not needed, move them away, and draft "
            f"again: mkdir -p ../before-draft && mv {shlex.join(theirs)} ../before-draft/",
        )
    own = own_inputs(product, old)
    if own:
        raise Error(
            f"The product has inputs of its own: {listed(own)}. Nothing was changed.",
            f"Draft these, which adds samples and types that they lack: --from {next(iter(own))}=SOURCE. Remove them from "
            f"spec.inputs of {SPEC} if the draft shall replace them.",
        )
