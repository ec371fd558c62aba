"""The template as it stands, products made from it, and one environment that all of them run in."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from checkout import ROOT, git, snapshot
from children import default_signals
from copier import run_copy
from filelock import FileLock
from mesh import Mesh
from products import (
    ALL,
    BUILD,
    OWNER,
    Make,
    uv,
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fail-on-skip", action="store_true", help="what CI asks for: everything it needs is there"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what `make test` leaves to `make test-all`: products and real servers, but for each main path once."""
    for item in items:
        room = item.path.relative_to(ROOT / "tests").parts[0]
        if (
            room in ("products", "integration") or item.get_closest_marker("slow")
        ) and not item.get_closest_marker("main"):
            item.add_marker("beyond")


def pytest_configure() -> None:
    os.environ["MESHWRIGHT_CACHE"] = str(ROOT / "build" / "tests" / "cache")
    with contextlib.suppress(ValueError):  # a worker of pytest-xdist may run tests in a thread
        default_signals()


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """In CI a test that is skipped has failed: nothing there can be missing."""
    if (
        item.config.getoption("--fail-on-skip")
        and call.excinfo
        and call.excinfo.errisinstance(pytest.skip.Exception)
    ):
        reason = call.excinfo.value
        failed = AssertionError(f"skipped in CI: {reason}").with_traceback(reason.__traceback__)
        call.excinfo = pytest.ExceptionInfo.from_exception(failed)


@pytest.fixture(scope="session", autouse=True)
def _modes_are_heeded() -> Iterator[None]:
    """Spares a process of git for each file that Copier renders here, which asks whether git heeds modes.

    What Copier does otherwise is for Windows; where tests run it as a command, it asks.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("copier._main.is_git_available", lambda: False, raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def _templates_are_cloned_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps what Copier clones of a local template, for as long as its branches and tags stay the same.

    Copier clones and removes a thousand files for each product that is rendered here, which takes longer than to render
    it. It only reads them. Where tests run it as a command, it clones.
    """
    import copier._template as copier_template

    clone, folder, kept = copier_template.clone, tmp_path_factory.mktemp("clones"), {}

    def cloned(url: str, ref: str = "HEAD", location: str | None = None) -> str:
        if not Path(url).is_dir() or (ref == "HEAD" and git("status", "--porcelain", cwd=Path(url)).strip()):
            return clone(url, ref, location)
        refs = git("for-each-ref", cwd=Path(url))
        key = (url, ref, git("rev-parse", "HEAD", cwd=Path(url)) if ref == "HEAD" else "", refs)
        if key not in kept:
            place = folder / str(len(kept))
            place.mkdir()
            kept[key] = clone(url, ref, str(place))
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copier_template, "clone", cloned)
        yield
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template, committed and tagged."""
    # Caches of hooks outlive the tests, and know a template by its path and version: no path comes twice.
    target = snapshot(tmp_path_factory.mktemp(f"template-{uuid4().hex}") / "meshwright")
    git("tag", "v1.0.0", cwd=target)
    return target


@pytest.fixture(scope="session")
def make(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes a product as `copier copy --defaults` does, with the answers that are given."""

    def product(name: str = "product", **answers: object) -> Path:
        target = tmp_path_factory.mktemp(name) / "repository"
        run_copy(str(template), target, data={**OWNER, **answers}, defaults=True, quiet=True)
        return target

    return product


@pytest.fixture(scope="session")
def departures(make: Make) -> Path:
    """A source-oriented product with every output. Only to be read."""
    return make("departures", outputs=["parquet", "delta"])


@pytest.fixture(scope="session")
def punctuality(make: Make) -> Path:
    """A consumer-oriented product. Only to be read."""
    return make("punctuality", type="consumer-oriented")


@pytest.fixture(scope="session")
def every_port(make: Make) -> Iterator[Path]:
    """A product with every output, and the platform that shares code with one. Its package `pipeline` can be imported here, as long as no other one's is."""
    product = make(
        "ports", outputs=[*ALL["outputs"], "view"], inputs=["file", "data-product"], platforms=["postgres"]
    )
    sys.path.insert(0, str(product))
    yield product
    sys.path.remove(str(product))


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Path], Path]:
    """A copy of a product that a test may break."""
    return lambda product: Path(shutil.copytree(product, tmp_path / "copy"))


@pytest.fixture(scope="session")
def product_python(make: Make) -> Path:
    """The Python of an environment with all that any product needs, built once and kept between runs."""
    product = make("environment", **ALL)
    wanted = hashlib.sha256((product / "pyproject.toml").read_bytes()).hexdigest()[:12]
    environment = BUILD / f"environment-{wanted}"
    with FileLock(BUILD.parent / "tests.lock"):
        if not (environment / "ready").exists():
            uv("sync", "--quiet", cwd=product, UV_PROJECT_ENVIRONMENT=str(environment))
            (environment / "ready").touch()
    return environment / "bin" / "python"


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    """A template with two releases."""
    mesh = Mesh(tmp_path)
    mesh.change()
    return mesh
