"""The tree that git would commit for rendered files.

Most renders need no git for that: files without carriage returns are committed as they are, and which files a
.gitignore names follows from its text and the paths. For others the files are written, and added by git.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from meshwright.core.git import Git, text
from meshwright.core.loose_objects import Entry, LooseObjects
from meshwright.core.template_store import File, Unrenderable

PLAIN_PATH = re.compile(r"[A-Za-z0-9_.+@,=() -]+(?:/[A-Za-z0-9_.+@,=() -]+)*")
SPECIAL_PART = re.compile(r"(?i)(?:^|/)(?:\.{1,2}|\.git[. ]*|[^/]*git~[^/]*)(?:/|$)")
"""Names that git does not add, or that are no names."""
LINK = "120000"
"""Git's mode of a symbolic link."""
EMPTY_FILE = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def rendered_tree(
    git: Git,
    objects: LooseObjects,
    files: Mapping[str, File],
    head: str,
    product: Mapping[str, Entry],
    present: Collection[str],
    attributes: bytes,
) -> str:
    """Return the tree of rendered files, as git would commit them beside the files of the product at `head`.

    A file that a rendered .gitignore names is included only if the product has it. `present`: objects that the
    repository has. `attributes`: the product's .gitattributes. Raises GitError, Unrenderable.
    """
    if not _is_plain(files, attributes):
        with TemporaryDirectory(dir=git.directory.parent) as folder:
            written = Path(folder) / "files"
            written.mkdir()
            write_files(written, files)
            return git.tree(written, head)
    rules = tuple((path, content) for path, (_, content) in files.items() if _name(path) == ".gitignore")
    ignored = _ignored(rules, tuple(sorted(files))) if rules else frozenset[str]()
    entries = {
        path: (mode, objects.write(git, "blob", content, present))
        for path, (mode, content) in files.items()
        if path not in ignored or path in product
    }
    try:
        return objects.tree(git, entries, present)
    except ValueError as error:
        raise Unrenderable(str(error)) from error


def write_files(folder: Path, files: Mapping[str, File]) -> None:
    """Write rendered files to a folder. Raises Unrenderable."""
    try:
        for path, (mode, content) in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if mode == LINK:
                file.symlink_to(os.fsdecode(content))
            else:
                file.write_bytes(content)
                file.chmod(int(mode[-3:], 8))
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise Unrenderable(f"A file is where another has its folder: {error.filename}") from error


def _is_plain(files: Mapping[str, File], attributes: bytes) -> bool:
    rules = [
        attributes,
        *(content for path, (_, content) in files.items() if _name(path) == ".gitattributes"),
    ]
    return (
        all(PLAIN_PATH.fullmatch(path) and not SPECIAL_PART.search(path) for path in files)
        and not any(b"working-tree-encoding" in rule for rule in rules)
        and not any(b"\r" in content or b"$Id" in content for _, content in files.values())
    )


def _name(path: str) -> str:
    return path.rpartition("/")[2]


@lru_cache(maxsize=256)
def _ignored(rules: tuple[tuple[str, bytes], ...], paths: tuple[str, ...]) -> frozenset[str]:
    """Return the paths that .gitignore files name."""
    with TemporaryDirectory(prefix="meshwright-") as temporary:
        folder = Path(temporary) / "files"
        git = Git(Path(temporary) / "rules.git")
        for path, content in rules:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        place = {"GIT_INDEX_FILE": str(git.directory / "index"), "GIT_WORK_TREE": str(folder)}
        feed = "".join(f"100644 {EMPTY_FILE}\t{path}\0" for path in paths).encode()
        git("update-index", "-z", "--index-info", feed=feed, variables=place)
        listing = ("ls-files", "--cached", "--ignored", "--exclude-standard", "-z")
        return frozenset(text(git(*listing, variables=place)).split("\0")[:-1])
