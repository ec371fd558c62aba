"""Read the sources of a survey: databases, dbt projects, repositories, folders and buckets of files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import unquote

from meshwright.core.errors import Error
from meshwright.core.git import MAX_BLOB, Git, GitError, is_path, without_credentials
from meshwright.core.git_url import is_remote
from meshwright.core.text import listed, printable
from meshwright.inspection import dbt_project, repository
from meshwright.inspection.database_address import SCHEMES, is_database
from meshwright.inspection.dbt_nodes import DbtNode, DbtProject
from meshwright.inspection.file_listing import is_bucket, listing
from meshwright.inspection.repository import Place, Repository, Used
from meshwright.mesh.sources import of_repository, repositories
from meshwright.product.files import SPEC
from meshwright.survey.model import DbtSource, Model, Note, Source

GIVEN_NAME = re.compile(r"([A-Za-z][\w-]{0,60})=(.+)", re.DOTALL)
TIMEOUT = 120.0
"""Seconds for a repository's server."""
DEPTH = 3
"""How deep repositories may be in a folder."""
MAX_REPOSITORIES = 2_000


class Reader:
    """Reads sources; keeps the clones of repositories until it is closed."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._names: set[str] = set()
        self.unread: list[tuple[str, str, str]] = []
        """Source, what is wrong with it, and the fix."""

    def read(self, given: str) -> list[Source]:
        """Return what one source of the command line is; empty, with an entry in `unread`, if it cannot be read."""
        match = GIVEN_NAME.fullmatch(given)
        name, where = (match[1], match[2]) if match else ("", given)
        try:
            return [self._unique(source) for source in self._sources(name, where)]
        except Error as error:
            self.unread.append((without_credentials(where), error.sentence, error.fix))
            return []

    def _unique(self, source: Source) -> Source:
        name, number = source.name, 2
        while name in self._names:
            name, number = f"{source.name}-{number}", number + 1
        self._names.add(name)
        source.name = name
        return source

    def _sources(self, name: str, where: str) -> list[Source]:
        if is_database(where):
            return [of_database(name, where)]
        if is_bucket(where):
            return [of_files(name or where.rstrip("/").rpartition("/")[2], where)]
        place = Path(where)
        if repository.is_bare(place):
            return self._cloned(name, f"file://{place.resolve()}")
        if place.is_dir():
            return of_folder(name or place.resolve().name, place, where)
        if place.is_file():
            return [_of_file(name, place, where)]
        if is_remote(where) or (where.startswith("file://") and is_path(where)):
            return self._cloned(name, where)
        scheme = re.match(r"(?:jdbc:)?([a-z0-9+]+)://", where)
        if scheme:
            raise Error(
                f"{printable(without_credentials(where))}: a survey does not read {scheme[1]}.",
                f"It reads databases ({', '.join(SCHEMES)}), s3, gs, and repositories by https, ssh, git and file.",
            )
        raise Error(
            f"{printable(without_credentials(where))}: there is no such folder or file, and it is no address of a database, bucket or repository.",
            "Give a folder, postgresql://user@host/database, sqlite:///file.db, s3://bucket/prefix, or a repository's address.",
        )

    def _cloned(self, name: str, url: str) -> list[Source]:
        folder = Path(self._stack.enter_context(TemporaryDirectory(prefix="survey-")))
        name = name or PurePosixPath(url.rstrip("/").removesuffix(".git")).name.rpartition(":")[2]
        git = Git(folder / "repository.git")
        shown = without_credentials(url)
        try:
            git.remote_command(
                "fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
                f"--filter=blob:limit={MAX_BLOB}", "--", url, "+HEAD:refs/heads/survey", timeout=TIMEOUT,
            )  # fmt: skip
        except GitError as error:
            fix = "Correct the address, or allow this account to read it; a database's address begins with postgresql://, mysql:// or sqlite:///."
            raise Error(f"{shown} cannot be fetched: {error}", fix) from error
        work = folder / "work"
        unread = list(_checked_out(git, work))
        found = of_folder(name, work, shown)
        found[0].unread = (*unread, *found[0].unread)
        return found


def _checked_out(git: Git, work: Path) -> Iterator[str]:
    """Write the files of the fetched commit to a folder, without links; yield what is left out."""
    work.mkdir()
    for path, (mode, name) in git.entries("refs/heads/survey").items():
        plain = PurePosixPath(path)
        if mode == "120000":
            yield f"{printable(path)}: a link; it is not followed."
        elif mode != "160000" and ".git" not in plain.parts and ".." not in plain.parts:
            file = work / path
            try:
                content = git.blob(name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            except (GitError, OSError):
                yield f"{printable(path)}: larger than {MAX_BLOB}, or not a name for a file here; it was not read."


# -- one kind at a time -----------------------------------------------------------------------------------


def of_database(name: str, url: str) -> Source:
    """Return the catalog of a database. Raises Error."""
    from meshwright.inspection import database_address, databases

    address = database_address.parse(url, Path())
    if name and address.password:  # a person sees at once what it is the password of
        address = replace(address, variable=database_address.password_variable(name))
    found = name or _database_name(address.url)
    engine = address.engine()
    with database_address.readable(address, ": its catalog"):
        seen = databases.tables(engine, address)
    engine.dispose()
    unread = [
        f"{listed(printable(table.qualified) for table in seen if table.problem == problem)}: {printable(problem)}."
        for problem in dict.fromkeys(table.problem for table in seen)
        if problem
    ]
    if not seen:
        unread.append(
            "This account sees no table in it. If there are any: grant usage on their schemas, or name the right database."
        )
    tables = tuple(table for table in seen if not table.problem)
    return Source(found, "database", address.shown, tables, database=address, unread=tuple(unread))


def _database_name(url: str) -> str:
    path = unquote(url.partition("?")[0].rstrip("/").rpartition("/")[2])
    if url.startswith("sqlite"):
        return PurePosixPath(path).stem or "sqlite"
    return path or "database"


def of_files(name: str, where: str) -> Source:
    """Return the data files of a folder or bucket. Raises Error."""
    found = listing(where)
    used = tuple(Used(technology, Place(path)) for technology, path in found.used)
    return Source(
        name, "files", where, tuple(found.tables), used=used, unread=tuple(found.unread), address=where, paths=found.paths, encodings=found.encodings
    )  # fmt: skip


def _of_file(name: str, place: Path, where: str) -> Source:
    if dbt_project.is_project(place):
        project = dbt_project.read(place)
        return _with_project(
            Source(name or project.name or place.stem, "dbt", where, address=where), project, None
        )
    if place.suffix.lower() in (".db", ".sqlite", ".sqlite3"):
        raise Error(f"{printable(where)}: a file of SQLite is a database.", f"Write sqlite:///{where}")
    raise Error(
        f"{printable(where)}: it is no manifest of dbt.",
        "Give the folder that it is in; `meshwright draft` reads a single file.",
    )


def of_folder(name: str, folder: Path, where: str = "") -> list[Source]:
    """Return what a folder is: a repository, a dbt project, a folder of repositories, or one of data files. Raises Error."""
    where = where or str(folder)
    if repository.is_repository(folder) or (folder / SPEC).is_file() or dbt_project.is_project(folder):
        return _of_repository(name, folder, where)
    inner = list(_repositories(folder))
    if inner:
        return [
            source for one in inner[:MAX_REPOSITORIES] for source in _of_repository(one.name, one, str(one))
        ]
    found = of_files(name, where)
    code = repository.read(folder)
    if not found.tables and not found.used and not code.written and not code.dbt_projects:
        raise Error(
            f"{printable(where)}: it is no repository, and has no data files.",
            "Give a git repository, a dbt project, a folder of either, or one with CSV, JSON or Parquet files.",
        )
    if found.tables:
        return [found]
    return _of_repository(name, folder, where)


def _repositories(folder: Path, depth: int = 1) -> Iterator[Path]:
    try:
        children = sorted(folder.iterdir())
    except OSError:
        return  # the files of the folder are listed with the reason
    for child in children:
        if child.is_symlink() or not child.is_dir() or child.name in repository.INSTALLED:
            continue
        if repository.is_repository(child) or (child / SPEC).is_file() or dbt_project.is_project(child):
            yield child
        elif depth < DEPTH:
            yield from _repositories(child, depth + 1)


def _of_repository(name: str, folder: Path, where: str) -> list[Source]:
    contents = repository.read(folder)
    own = Source(
        name, "repository", where, written=tuple(contents.written), used=tuple(contents.used), unread=tuple(contents.unread),
        address=where, repository=contents,
    )  # fmt: skip
    own.products = tuple(of_repository(root) for root in repositories(folder))
    own.unread = (*own.unread, *(record.problem for record in own.products if record.problem))
    roots = {root.resolve() for root in repositories(folder)}
    projects = [one for one in contents.dbt_projects if not _within(folder / one, roots)]
    found = [own]
    for number, path in enumerate(projects):
        try:
            project = dbt_project.read(folder / path)
        except Error as error:
            own.unread = (*own.unread, f"the dbt project in {path}: {error.sentence} fix: {error.fix}")
            continue
        if number == 0:
            own.kind, own.dbt = "dbt", path
            _with_project(own, project, contents)
        else:
            found.append(
                _with_project(
                    Source(
                        f"{name}-{project.name}", "dbt", where, address=where, repository=contents, dbt=path
                    ),
                    project,
                    contents,
                )
            )
    return found


def _within(folder: Path, roots: set[Path]) -> bool:
    """Return True for a dbt project of a product, which is read as a product."""
    place = folder.resolve()
    return any(place == root or root in place.parents for root in roots)


def _with_project(source: Source, project: DbtProject, contents: Repository | None) -> Source:
    exposed: dict[str, list[DbtNode]] = {}
    for exposure in project.exposures:
        for name in exposure.reads:
            exposed.setdefault(name, []).append(exposure)
    source.models = tuple(
        Model(
            _plain(node).table(),
            node.path,
            node.reads,
            node.owner,
            tuple(one.name for one in exposed.get(node.name, ())),
        )
        for node in project.models
        if node.materialized != "ephemeral"
    )
    ephemeral = {node.name: node.reads for node in project.models if node.materialized == "ephemeral"}
    source.models = tuple(_through(model, ephemeral) for model in source.models)
    source.seeds = tuple(node.name for node in project.of("seed"))
    source.sources = tuple(
        DbtSource(node.name, _plain(node).table(), node.described_in) for node in project.sources
    )
    source.notes = tuple(_notes(source.name, project, exposed, contents))
    return source


def _plain(node: DbtNode) -> DbtNode:
    """Return a node without what only dbt can compute of its place in the database: `{{ var('schema') }}`."""

    def plain(text: str) -> str:
        return "" if "{" in text else text

    return replace(
        node, identifier=plain(node.identifier), schema=plain(node.schema), database=plain(node.database)
    )


def _through(model: Model, ephemeral: dict[str, tuple[str, ...]]) -> Model:
    """Return a model that reads what the ephemeral models read that it reads."""
    reads: dict[str, None] = {}
    waiting, seen = list(model.reads), set()
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        if name in ephemeral:
            waiting += ephemeral[name]
        else:
            reads[name] = None
    return Model(model.table, model.path, tuple(reads), model.owner, model.exposed)


def _notes(
    name: str, project: DbtProject, exposed: dict[str, list[DbtNode]], contents: Repository | None
) -> Iterator[Note]:
    for node in project.models:
        where = f"{name}/{node.described_in or node.path}"
        if node.description:
            yield Note(node.name, "description", node.description, where)
        if node.owner:
            email = str(node.meta.get("owner_email") or node.meta.get("email") or "")
            yield Note(node.name, "owner", " ".join(filter(None, (node.owner, email))), where)
        for exposure in exposed.get(node.name, ()):
            origin = f"{name}/{exposure.described_in}"
            yield Note(node.name, "reader", f"exposure {exposure.name}{f' of {exposure.owner}' if exposure.owner else ''}", origin)  # fmt: skip
        yield Note(node.name, "writer", f"the dbt project {project.name}", f"{name}/{node.path}")
        if contents is not None:
            yield from _of_the_repository(name, node, contents)
    for node in project.sources:
        if node.freshness:
            yield Note(node.name, "freshness", node.freshness, f"{name}/{node.described_in}")


def _of_the_repository(name: str, node: DbtNode, contents: Repository) -> Iterator[Note]:
    if owners := contents.owners_of(node.path):
        yield Note(node.name, "owner", " ".join(owners.names), f"{name}/{owners.place}")
    for schedule in contents.schedules_of(node.path):
        yield Note(node.name, "schedule", schedule.cron, f"{name}/{schedule.place}")
