"""Find the fitness functions: Meshwright's, those of installed packages, and those in an organisation's folders."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from meshwright.assess import Fitness
from meshwright.assess.expectations import Expectations
from meshwright.core.yaml import Unreadable
from meshwright.mesh.scores import CHARACTERISTICS, SEVERITIES

GROUP = "meshwright.fitness"
"""Entry points of installed packages: each refers to a module, or a package of modules."""
OWN = "meshwright.assess"


def functions(folders: Sequence[Path] = ()) -> tuple[Fitness, ...]:
    """Return all functions, by characteristic and name. Runs the modules in `folders`. Raises Unreadable, with file and
    line, if one of them cannot be loaded, contains no function, or an invalid one."""
    found = list(_of(importlib.import_module(f"{OWN}.functions")))
    for entry in sorted(entry_points(group=GROUP), key=lambda one: (one.name, one.value)):
        found += _plugged_in(entry)
    for folder in folders:
        found += _in_folder(folder)
    _refuse_doubles(found)
    return tuple(sorted(found, key=lambda one: (CHARACTERISTICS.index(one.characteristic), one.id)))


def enabled_functions(expectations: Expectations) -> list[Fitness]:
    """Return the functions that an organisation has not switched off; raises Unreadable."""
    every = functions(expectations.folders)
    expectations.checked(every)
    enabled = [one for one in every if one.id not in expectations.off]
    if not enabled:
        raise Unreadable("Every fitness function is off: there is nothing to assess.", "Enable some of them.")
    return enabled


def is_built_in(function: Fitness) -> bool:
    """Return True if the function is part of Meshwright, and has a page in its documentation."""
    return type(function).__module__.startswith(f"{OWN}.")


def _plugged_in(entry: EntryPoint) -> list[Fitness]:
    where = f"The entry point {entry.name} = {entry.value} of {GROUP}"
    try:
        module = entry.load()
    except (Exception, SystemExit) as error:
        raise Unreadable(
            f"{where} cannot be loaded: {_named(error)}", "Fix its package, or remove the package."
        ) from error
    if not isinstance(module, ModuleType):
        raise Unreadable(f"{where} is not a module.", "Point it to the module with the functions.")
    return _some(list(_of(module)), where)


def _in_folder(folder: Path) -> list[Fitness]:
    """Return the functions of a folder's modules, loaded as a package with a unique name."""
    if not folder.is_dir():
        raise Unreadable(f"{folder}: the folder does not exist.", "Fix the entry in `folders`.")
    name = f"meshwright_fitness_{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]}"
    package = ModuleType(name)
    package.__path__ = [str(folder.resolve())]
    sys.modules[name] = package
    return _some(list(_of(package)), str(folder))


def _some(found: list[Fitness], where: str) -> list[Fitness]:
    if not found:
        raise Unreadable(
            f"{where}: it contains no fitness function.",
            "Write one: docs/how-to/add-a-fitness-function.md",
        )
    return found


def _of(module: ModuleType) -> Iterator[Fitness]:
    """Return the functions of a module, or of a package and its modules, in the order of definition."""
    names = [one.name for one in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{module.__name__}.")]
    for part in (module, *map(_imported, names)):
        for entry in list(vars(part).values()):
            if _is_function(entry) and entry.__module__ == part.__name__:
                yield _sound(entry)


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and name.startswith(f"{OWN}."):
            raise  # not the user's error: something of ours is not installed
        raise Unreadable(f"{_place(name, error)}: {_named(error)}", "Fix the module.") from error


def _is_function(entry: object) -> bool:
    """Return True for a fitness function; a class whose name begins with an underscore is a base class."""
    return isinstance(entry, type) and issubclass(entry, Fitness) and not entry.__name__.startswith("_")


def _sound(kind: type[Fitness]) -> Fitness:
    """Return the function if its class is complete."""
    if getattr(kind, "characteristic", None) not in CHARACTERISTICS:
        raise _senseless(kind, "`characteristic` is not one of the six", f"Write one of: {', '.join(CHARACTERISTICS)}.")  # fmt: skip
    if kind.severity not in SEVERITIES:
        raise _senseless(kind, "`severity` is unknown", f"Write one of: {', '.join(SEVERITIES)}.")
    if kind.check is Fitness.check:
        raise _senseless(kind, "it has no `check`", "Write it, or begin its name with an underscore.")
    try:
        function = kind()
    except Exception as error:
        raise _senseless(
            kind, f"it cannot be created: {_named(error)}", "Define it without required arguments."
        ) from error
    if not kind.__doc__ or not function.question:
        raise _senseless(kind, "its docstring does not contain the question", "Write the question there.")
    return function


def _refuse_doubles(found: Sequence[Fitness]) -> None:
    by_id: dict[str, Fitness] = {}
    for function in found:
        other = by_id.setdefault(function.id, function)
        if other is not function:
            problem = f"{_stands(type(other))} has the same name"
            raise _senseless(type(function), problem, "Rename one of them.")


def _senseless(kind: type[Fitness], problem: str, fix: str) -> Unreadable:
    return Unreadable(f"{_stands(kind)}: the fitness function {kind.__name__}: {problem}.", fix)


def _stands(kind: type[Fitness]) -> str:
    try:
        return f"{inspect.getsourcefile(kind)}:{inspect.getsourcelines(kind)[1]}"
    except (OSError, TypeError):
        return kind.__module__


def _place(name: str, error: BaseException) -> str:
    """Return the file and line of a module where loading it failed."""
    spec = importlib.util.find_spec(name)
    file = spec.origin if spec and spec.origin else name
    if isinstance(error, SyntaxError) and error.filename == file:
        return f"{file}:{error.lineno or 1}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{file}:{lines[-1] if lines else 1}"


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
