"""Read what a repository says of data: who owns it, when it runs, which tables its scripts write, what it uses.

Nothing of it is executed, and no link out of it is followed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

import yaml

from meshwright.core.git import CAREFUL, ISOLATED, GitError, run, text, tracked
from meshwright.inspection import technologies

MAX_FILES, MAX_BYTES = 50_000, 1_000_000
"""Files of a repository, and bytes of a script, that are read at most."""
INSTALLED = {"dbt_packages", "dbt_modules", "dbt_internal_packages", "target", "node_modules", ".venv", "venv", "site-packages", ".git", "integration_tests"}  # fmt: skip
"""Folders with files that are not the repository's own."""
NO_CODE = {"test", "tests", "docs", "doc", "examples", "fixtures"}
"""Folders whose scripts do not run in production."""
CODE = {".py", ".sql", ".sh", ".scala", ".java", ".r", ".ipynb", ".yml", ".yaml", ".toml", ".cfg", ".conf", ".ini", ".js", ".ts"}  # fmt: skip
OWNERS = ("CODEOWNERS", ".github/CODEOWNERS", ".gitlab/CODEOWNERS", "docs/CODEOWNERS")
TEMPLATES = {
    ".copier-answers.yml": "_src_path",
    ".copier-answers.yaml": "_src_path",
    ".cruft.json": "template",
}
"""Files of templates -> the key that says which one."""
CRON = re.compile(
    r"""(?:cron|schedule|schedule_interval)["']?\s*[:=]\s*["']?((?:[\d*/,-]+\s+){4}[\d*/,-]+|@\w+)"""
)
CRONTAB = re.compile(
    r"^\s*((?:[\d*/,-]+\s+){4}[\d*/,-]+|@(?:hourly|daily|weekly|monthly))\s+(\S.*)", re.MULTILINE
)
_NAME = r"[\w\"`.\[\]]*\w[\"`\]]?"
WRITES = (
    re.compile(r"\.to_sql\(\s*[\"'](?P<name>[\w.]+)[\"'](?P<rest>[^)]{0,300})"),
    re.compile(rf"\binsert\s+(?:overwrite\s+)?into\s+(?:table\s+)?(?P<name>{_NAME})\s*(?:\((?P<columns>[^)]{{0,2000}})\))?", re.IGNORECASE),
    re.compile(rf"\bcreate\s+(?:or\s+replace\s+)?table\s+(?:if\s+not\s+exists\s+)?(?P<name>{_NAME})\s+as\b", re.IGNORECASE),
    re.compile(rf"\bmerge\s+into\s+(?P<name>{_NAME})", re.IGNORECASE),
    re.compile(rf"\bcopy\s+(?P<name>{_NAME})\s*(?:\((?P<columns>[^)]{{0,2000}})\))?\s+from\s+(?:stdin|program\b|[\"'@:%{{])", re.IGNORECASE),
    re.compile(r"\.(?:write_database|saveAsTable|insertInto|writeTo)\(\s*[\"'](?P<name>[\w.]+)[\"']"),
    re.compile(r"\.(?:write_parquet|write_csv|write_delta|to_parquet|to_csv|to_json|parquet|save)\(\s*f?[\"'](?P<name>(?:s3|s3a|gs|abfss?|az)://[^\"'{}]+)[\"']"),
)  # fmt: skip
"""Calls and statements that write a table or a file."""
_SCHEMA = re.compile(r"schema\s*=\s*[\"'](\w+)[\"']")


@dataclass(frozen=True)
class Place:
    """A line of a file of the repository."""

    path: str
    line: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Written:
    """A table or file that a script writes."""

    name: str
    """With the schema, as far as the script says it; an address for files."""
    columns: tuple[str, ...]
    """As far as the script names them."""
    place: Place


@dataclass(frozen=True)
class Used:
    """A technology that the repository uses, of technologies.TECHNOLOGIES."""

    name: str
    place: Place


@dataclass(frozen=True)
class Owners:
    """A line of CODEOWNERS."""

    pattern: str
    names: tuple[str, ...]
    place: Place


@dataclass(frozen=True)
class Schedule:
    """When something in the repository runs."""

    cron: str
    """Cron expression, or `schedule` where the forge keeps it."""
    place: Place
    command: str = ""
    """What runs; empty for a pipeline of the whole repository."""


@dataclass
class Repository:
    """What a repository says of data."""

    folder: Path
    files: tuple[str, ...] = ()
    dbt_projects: tuple[str, ...] = ()
    """Folders with a dbt_project.yml, `.` for the root."""
    owners: list[Owners] = field(default_factory=list)
    """In the order of the file: the last one that matches a path owns it."""
    schedules: list[Schedule] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    used: list[Used] = field(default_factory=list)
    template: str = ""
    """The template that it was made from."""
    last_commit: datetime | None = None
    unread: list[str] = field(default_factory=list)
    """What could not be read, and why."""

    def schedules_of(self, path: str) -> Iterator[Schedule]:
        """Yield when a file runs: by a pipeline of the whole repository, or by a command that names the file."""
        stem = PurePosixPath(path).stem
        for schedule in self.schedules:
            if not schedule.command or re.search(rf"\b{re.escape(stem)}\b", schedule.command):
                yield schedule

    def owners_of(self, path: str) -> Owners | None:
        """Return the line of CODEOWNERS that owns a path."""
        return next((line for line in reversed(self.owners) if _matches(line.pattern, path)), None)


def is_repository(folder: Path) -> bool:
    """Return True for the root of a work tree of git."""
    return (folder / ".git").exists()


def is_bare(folder: Path) -> bool:
    """Return True for a repository of git without a work tree."""
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def read(folder: Path) -> Repository:
    """Return what a work tree says. Files that cannot be read are in `unread`."""
    repository = Repository(folder)
    paths = [path for path in tracked(folder) if not INSTALLED & {*PurePosixPath(path).parts}]
    if len(paths) > MAX_FILES:
        repository.unread.append(f"It has {len(paths):,} files; only the first {MAX_FILES:,} were looked at.")
    repository.files = tuple(paths[:MAX_FILES])
    repository.dbt_projects = tuple(
        sorted(
            str(PurePosixPath(path).parent)
            for path in repository.files
            if PurePosixPath(path).name == "dbt_project.yml"
        )
    )
    repository.last_commit = _last_commit(folder)
    for path in repository.files:
        _look(repository, path)
    repository.used = sorted(set(repository.used), key=lambda one: (one.name, one.place.path, one.place.line))
    return repository


def _look(repository: Repository, path: str) -> None:
    plain = PurePosixPath(path)
    in_format = technologies.of_file(path)
    if in_format:
        repository.used.append(Used(in_format, Place(path)))
        return
    is_known = path in OWNERS or path in TEMPLATES or plain.name in ("crontab", "requirements.in")
    if not is_known and plain.suffix.lower() not in CODE and not plain.name.startswith("requirements"):
        return
    content = _content(repository, path)
    if content is None:
        return
    if path in OWNERS:
        repository.owners = list(_owners(content, path))
    elif path in TEMPLATES:
        repository.template = _template(content, TEMPLATES[path])
    elif plain.name == "crontab":
        repository.schedules += [
            Schedule(match[1], Place(path, _line(content, match)), match[2])
            for match in CRONTAB.finditer(content)
        ]
    elif plain.name.startswith("requirements") or plain.name in ("pyproject.toml", "setup.cfg"):
        found = technologies.of_requirements(content, plain.suffix == ".toml")
        repository.used += [Used(name, Place(path, line)) for name, line in found]
    elif not NO_CODE & {*plain.parts[:-1]} and not plain.name.startswith("test_"):
        _code(repository, path, content)


def _code(repository: Repository, path: str, content: str) -> None:
    plain = PurePosixPath(path)
    if match := CRON.search(content):
        repository.schedules.append(Schedule(match[1], Place(path, _line(content, match))))
    elif path.startswith(".gitlab") and (
        match := re.search(r"CI_PIPELINE_SOURCE\s*==\s*[\"']schedule", content)
    ):
        repository.schedules.append(Schedule("schedule", Place(path, _line(content, match))))
    if plain.suffix in (".yml", ".yaml", ".cfg", ".ini", ".conf"):
        marks = technologies.of_code(content, False)
    else:
        marks = technologies.of_code(content, plain.suffix in (".py", ".ipynb"))
        repository.written += _writes(path, content)
    repository.used += [Used(name, Place(path, line)) for name, line in marks]


def _writes(path: str, content: str) -> Iterator[Written]:
    seen = set()
    for pattern in WRITES:
        for match in pattern.finditer(content):
            parts = match.groupdict()
            name = re.sub(r"[\"`\[\]]", "", parts["name"])
            if parts.get("rest") and (schema := _SCHEMA.search(parts["rest"])):
                name = f"{schema[1]}.{name}"
            columns = tuple(
                column.strip().strip('"`[]')
                for column in (parts.get("columns") or "").split(",")
                if re.fullmatch(r"\s*[\"`\[]?\w+[\"`\]]?\s*", column)
            )
            if name not in seen and not name.isdigit():
                seen.add(name)
                yield Written(name, columns, Place(path, _line(content, match)))


def _content(repository: Repository, path: str) -> str | None:
    """Return a text file of the repository; None, with a note, if it cannot be read."""
    file = repository.folder / path
    try:
        if not file.resolve().is_relative_to(repository.folder.resolve()):
            repository.unread.append(f"{path}: a link out of the repository; it is not followed.")
            return None
        if not file.is_file():
            if file.exists() and not file.is_dir():
                repository.unread.append(f"{path}: no regular file; it is not read.")
            return None  # a submodule, or a file that is not checked out
        if file.stat().st_size > MAX_BYTES:
            repository.unread.append(f"{path}: larger than {MAX_BYTES:,} bytes; it was not searched.")
            return None
        return file.read_text("utf-8")
    except UnicodeDecodeError:
        repository.unread.append(f"{path}: it is not UTF-8; it was not searched.")
    except OSError as error:
        repository.unread.append(f"{path}: {error.strerror or error}")
    return None


def _owners(content: str, path: str) -> Iterator[Owners]:
    for number, line in enumerate(content.splitlines(), 1):
        parts = line.partition(" #")[0].split()
        if len(parts) > 1 and not parts[0].startswith(("#", "[", "^[")):
            yield Owners(parts[0], tuple(parts[1:]), Place(path, number))


def _matches(pattern: str, path: str) -> bool:
    """Return True if a pattern of CODEOWNERS, which is one of .gitignore, names a path."""
    plain = pattern.strip("/")
    if plain in ("", "*", "**"):
        return True
    parts = []
    for part in re.split(r"(\*\*/|\*\*|\*|\?)", plain):
        parts.append({"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part)))
    start = "" if pattern.startswith("/") or "/" in plain else "(?:.*/)?"
    return bool(re.fullmatch(f"{start}{''.join(parts)}(?:/.*)?", path))


def _template(content: str, key: str) -> str:
    try:
        value = json.loads(content) if key == "template" else yaml.safe_load(content)
    except (ValueError, yaml.YAMLError, RecursionError):
        return ""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _last_commit(folder: Path) -> datetime | None:
    """Return when the last commit was made; None where git cannot tell."""
    command = ["git", *CAREFUL, "-c", "log.showSignature=false", "log", "-1", "--format=%cI"]
    try:
        return datetime.fromisoformat(text(run(command, ISOLATED, cwd=folder, timeout=10).stdout).strip())
    except (GitError, OSError, ValueError):
        return None


def _line(content: str, match: re.Match[str]) -> int:
    return content.count("\n", 0, match.start()) + 1
