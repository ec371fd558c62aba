"""Render any version of the template with Copier itself, many times in one process.

Copier decides the content of every file. Only work that it repeats for each render is avoided: cloning the
template, compiling its Jinja, and running git for each file. Most of that is done by passing objects to
Copier's worker that it would otherwise create itself (https://copier.readthedocs.io, 9.16 to 9.19);
if a version of Copier ignores them, renders become slow, not wrong.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from copier._jinja_ext import get_yield_context
from copier._main import Worker, _operation, as_operation
from copier._settings import SettingsModel
from copier._types import Phase
from copier.errors import YieldTagInFileError

from meshwright.core.rendered_once import RenderedOnce, key_of, names_in
from meshwright.core.template_store import File, Placement, Release, Unrenderable

MOST_YAML = 20_000
"""Longer texts are parsed each time."""

# Copier parses YAML for every computed answer, mostly the same; libyaml is ten times as fast.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@lru_cache(maxsize=1024)
def _parsed(text: str) -> bytes:
    return pickle.dumps(yaml.load(text, Loader=LOADER))  # noqa: S506 - a safe loader


def _safe_load(stream: Any) -> Any:
    """Return the value of YAML; a new one each time, because the caller may change it."""
    if isinstance(stream, str) and len(stream) < MOST_YAML:
        return pickle.loads(_parsed(stream))  # noqa: S301 - what we have written a line above
    return yaml.load(stream, Loader=LOADER)  # noqa: S506


yaml.safe_load = _safe_load


@dataclass(frozen=True)
class Rendered:
    """The files of a render, and its rules for paths."""

    files: dict[str, File]
    """Path -> file; empty if they were to be written."""
    excluded: Callable[[Path], bool]
    """True if updates leave a path alone (`_exclude`)."""
    skipped: Callable[[Path], bool]
    """True if a path is only written when missing (`_skip_if_exists`)."""


def read_files(folder: Path) -> dict[str, File]:
    """Return path -> file of the files and symbolic links below a folder."""
    found: dict[str, File] = {}
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            file = Path(parent, name)
            path = file.relative_to(folder).as_posix()
            if file.is_symlink():
                found[path] = ("120000", os.fsencode(os.readlink(file)))
            elif name in names:
                found[path] = ("100755" if file.stat().st_mode & 0o100 else "100644", file.read_bytes())
    return found


class Renderer(Worker):
    """Copier's worker with a shared release, and without the user's settings."""

    @cached_property
    def jinja_env(self) -> Any:
        release = self.template
        assert isinstance(release, Release)
        if release.environment is None:
            release.environment = _compiling_once(super().jinja_env)
        return release.environment

    @property
    def answers_relpath(self) -> Path:
        plain = Path(self.answers_file or self.template.answers_relpath)
        return super().answers_relpath if "{" in str(plain) else plain

    def _render_context(self) -> Any:
        # It does not change after all questions are answered, but Copier creates it again for every part of every path.
        settled = Phase.current() is Phase.RENDER and "{" not in str(self.template.answers_relpath)
        return self._settled if settled else super()._render_context()

    @cached_property
    def _settled(self) -> Any:
        return super()._render_context()

    def _sync_git_index_executable_bit(self, *_: Any) -> None:
        """Do nothing: there is no index here, and running git for each file takes most of the time."""

    kept: dict[str, File] | None = None
    """The files, if they are not to be written."""
    placed: list[Placement] | None = None

    def _render_template(self) -> None:
        # Which files there are follows from few values, and Copier decides it again for each of a thousand files.
        if self.kept is None:
            return super()._render_template()
        release = self.template
        assert isinstance(release, Release)
        names = release.placing_names(self.jinja_env)
        values = None if names is None else key_of(names, self._render_context())
        decides = (values, release.url, str(self.answers_relpath), tuple(self.exclude), _operation.get())
        key = hashlib.sha256(repr(decides).encode()).hexdigest()
        placements = release.placements.get(key) if values is not None else None
        if placements is not None:
            _ = self.match_exclude  # while the operation is known
            for placement in placements:
                self._render_file(*placement)
            return None
        self.placed = []
        super()._render_template()
        if values is not None and self.placed:  # none: this Copier does not call us
            release.keep_placements(key, self.placed)
        return None

    def _render_folder(self, dst_relpath: Path) -> None:
        if self.kept is None:
            super()._render_folder(dst_relpath)

    def _render_file(
        self, src_relpath: Path, dst_relpath: Path, extra_context: dict[str, Any] | None = None
    ) -> None:
        release = self.template
        if self.kept is None or not isinstance(release, Release):
            return super()._render_file(src_relpath, dst_relpath, extra_context)
        if self.placed is not None:
            self.placed.append((src_relpath, dst_relpath, extra_context or {}))
        content = self._content(release, src_relpath, extra_context or {})
        path = dst_relpath.as_posix()
        if path not in self.kept or not self.match_skip(dst_relpath):
            self.kept[path] = (release.mode(src_relpath), content)
        return None

    def _content(self, release: Release, source: Path, extra: Mapping[str, Any]) -> bytes:
        suffix = release.templates_suffix
        if not source.name.endswith(suffix):
            return release.content(source)
        try:
            template = self.jinja_env.get_template(source.as_posix())
        except UnicodeDecodeError:
            if suffix:
                raise
            return release.content(source)
        content: bytes = template.render(**self._render_context(), **extra).encode()
        if get_yield_context(self.jinja_env).yield_name:
            raise YieldTagInFileError(f"File {source} contains a yield tag, but it is not allowed.")
        return content


def old(
    release: Release, answers: Mapping[str, Any], exclude: Sequence[str], folder: Path, answers_file: str
) -> Rendered:
    """Render the base of `copier update`: the recorded version with the recorded answers. Keeps files in memory.

    `exclude` comes from the new version, so that excluded files do not look deleted. Raises Unrenderable.
    """
    return _render("update", release, folder, answers, {}, exclude, answers_file)


def new(release: Release, answers: Mapping[str, Any], folder: Path, answers_file: str) -> Rendered:
    """Render the result of `copier update --defaults`; new questions get their defaults. Keeps files in memory.

    Raises Unrenderable.
    """
    return _render("update", release, folder, {}, answers, (), answers_file)


def copy(release: Release, answers: Mapping[str, Any], folder: Path, answers_file: str) -> Rendered:
    """Render the result of `copier copy --defaults --data …` to a folder. Raises Unrenderable."""
    return _render("copy", release, folder, answers, {}, (), answers_file)


def _render(
    operation: Literal["copy", "update"],
    release: Release,
    folder: Path,
    given: Mapping[str, Any],
    last: Mapping[str, Any],
    exclude: Sequence[str],
    answers_file: str,
) -> Rendered:
    try:
        with Renderer(
            src_path=release.url,
            dst_path=folder,
            data=dict(given),
            exclude=tuple(exclude),
            answers_file=Path(answers_file),
            defaults=True,
            overwrite=True,
            quiet=True,
            settings=SettingsModel(),
        ) as worker:
            worker.template = release
            worker.subproject.last_answers = dict(last)
            if operation == "update" and not release.has_links:
                worker.kept = {}
            # The outermost operation counts, so that _exclude sees an update.
            as_operation(operation)(worker.run_copy)()
            files = worker.kept or {}
            if operation == "update":
                files = {**read_files(folder), **files}
            return Rendered(files, worker.match_exclude, worker.match_skip)
    except Exception as error:
        raise Unrenderable(f"{type(error).__name__}: {error}" if not str(error) else str(error)) from error


def _compiling_once(environment: Any) -> Any:
    """Return a Jinja environment that compiles each text only once, and renders it once for the same values."""
    compile_text, find = environment.from_string, environment.get_template

    def forget_yield() -> None:
        # Copier's yield tag keeps state in the environment, and relies on every text being compiled again.
        state = get_yield_context(environment)
        state.yield_name = state.yield_iterable = None

    @lru_cache(maxsize=4096)
    def text_once(source: str) -> RenderedOnce:
        return RenderedOnce(compile_text(source), names_in(environment, source))

    @lru_cache(maxsize=4096)
    def file_once(name: str) -> RenderedOnce:
        template = find(name)
        source = environment.loader.get_source(environment, name)[0]
        return RenderedOnce(template, names_in(environment, source, name))

    def from_string(source: Any) -> Any:
        forget_yield()
        if not isinstance(source, str):
            raise TypeError("Not a text.")  # as Jinja does; Copier then uses the value unchanged
        return text_once(source)

    def get_template(name: Any, *arguments: Any, **options: Any) -> Any:
        forget_yield()
        if arguments or options or not isinstance(name, str):
            return find(name, *arguments, **options)  # Jinja's own includes and imports
        return file_once(name)

    environment.from_string, environment.get_template = from_string, get_template
    environment.auto_reload = False  # a checkout does not change
    return environment
