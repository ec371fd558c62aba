"""Keep the state of runs at a place that outlasts the machine: restored before a run, saved after it, locked in between.

`PIPELINE_STATE` names the place: `s3://bucket/prefix`, `file:///folder`, or `git:` for a branch of the repository. Without it,
the state is what is below build/ on this machine, and this module is not imported.

A run takes a lease, restores what the last run saved, and saves everything as one: files by the hash of their content, then
one record that names them all, which is replaced only if nobody else has replaced it. A run that ends without saving leaves
its lease behind as unsettled. The next one then rebuilds all models, as after a failed run on one machine: a port, or a
platform's own database, may have more than the saved state.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

from pipeline import disclosure, publish
from pipeline.build_folder import write
from pipeline.errors import MAKE_ROOM, PromiseBroken, UnreadableInput
from pipeline.incremental import RECORD
from pipeline.progress import say
from pipeline.spec import Product
from pipeline.state_stores import Bucket, Damaged, Entry, Folder, Lost, Store

VARIABLE = "PIPELINE_STATE"
TOKEN = "PIPELINE_STATE_TOKEN"  # noqa: S105 - the name of a variable
BUNDLE = "PIPELINE_STATE_BUNDLE"
HISTORY = "state/history.jsonl"
PARTS = {
    "state/{target}": "the engine's tables, loaded rows and their cursors, partitions, the record of the last publication, the"
    " types of histories: what `incremental@1`, `snapshot@1` and inputs with a `cursor` go on from",
    "inputs/{target}.json": "columns and types of each input at the last publication, and how many rows it had",
    HISTORY: "what was measured by earlier runs",
}
"""All of build/ that the next run goes on from, below `build/`, for one environment."""
TEMPORARY = ("attached", "written")
"""Folders in the first part that each run begins by removing: Spark's copies of files."""
VERSION = 1
POINTER, LOCK = "state.json", "lease.json"
FARTHEST = 86_400.0
"""Seconds from now until which a lease can be believed: each is for minutes, and only a wrong clock makes one that ends later."""
AT_ONCE = 8
"""Files that are restored at the same time."""
FORMS = "Set it to s3://<bucket>/<prefix>, file:///<folder>, git: (the branch meshwright/state of origin) or git:<address>#<branch>."


class InUse(UnreadableInput):
    """Another run holds the lease."""


@contextlib.contextmanager
def at_home(
    place: str,
    product: Product,
    variables: Mapping[str, str] | None = None,
    started: datetime | None = None,
) -> Iterator[datetime | None]:
    """Restore the state from its place, and save it there when the run in the context has ended. Raises UnreadableInput.

    Yields the start of the run before, if that one was killed: its machine may be gone, and the history of measurements with it.

    It is saved after a run that published, and after one whose data broke a promise: what that one has loaded counts as it
    does on one machine. After any other end only the history of measurements is. `variables`: where metrics are sent, because a
    run that cannot save its state fails after it has reported its success. `started`: when this run began.
    """
    if _is_of_a_proposal(os.environ):
        say("  state    not used: this run is of a change that is only proposed", level="warning")
        yield None
        return
    kept = _Kept(opened(place, product), product, started or datetime.now(UTC))
    kept.begin()
    publish.before_commit.append(kept.confirm)
    try:
        yield kept.killed
    except BaseException as problem:
        try:
            kept.end(problem)
        except UnreadableInput as error:
            if _is_missed(product):
                raise _recorded(product, error, variables or {}) from problem
            say(f"  state    {error}\nFix: {error.fix}", level="warning")
        raise
    else:
        try:
            kept.end(None)
        except UnreadableInput as error:
            raise _recorded(product, error, variables or {}) from error
    finally:
        publish.before_commit.remove(kept.confirm)


def bring(place: str, product: Product, file: Path) -> None:
    """Restore one file of the state below build/ without a lease, unless this folder has one. Raises UnreadableInput.

    For what decides whether a run is due at all.
    """
    if file.exists() or _is_of_a_proposal(os.environ):
        return
    token = os.environ.get(TOKEN)
    store = opened(place, product)
    if token:
        os.environ[TOKEN] = token  # the run opens the place again
    try:
        if pointer := store.read(POINTER):
            parts = [part.format(target=product.target or "default") for part in PARTS]
            saved = _parsed_pointer(pointer.content, product, parts, store)
            if about := saved["files"].get(file.relative_to(product.build).as_posix()):
                partial = file.with_name(f".{file.name}.partial")
                file.parent.mkdir(parents=True, exist_ok=True)
                partial.unlink(missing_ok=True)
                store.fetch(about["sha256"], about["size"], partial)
                os.replace(partial, file)
    except Damaged as error:
        raise _unreadable(store, str(error)) from error
    except OSError as error:
        raise UnreadableInput(f"The state cannot be restored: {error}", fix=MAKE_ROOM) from error
    finally:
        store.close()


def opened(place: str, product: Product) -> Store:
    """Return the store that PIPELINE_STATE names. Raises UnreadableInput."""
    inside = (product.domain, product.name, product.target or "default")
    token = os.environ.pop(TOKEN, "")  # nothing that a run starts needs it
    scheme, _, rest = place.partition(":")
    if scheme == "s3" and rest.startswith("//") and rest[2:].split("/")[0] and "?" not in rest:
        return Bucket(place, *inside)
    if place.startswith("file:///") or place.startswith("/"):
        return Folder(Path(place.removeprefix("file://")), *inside)
    if scheme == "git":
        from pipeline.state_branch import BRANCH, Branch

        _refuse_in_repository(product)
        remote, _, branch = rest.partition("#")
        if branch.startswith(("-", "refs/")) or remote.startswith("-"):
            raise UnreadableInput(f"{VARIABLE} is {place}, which names no branch.", fix=FORMS)
        branch = (branch or BRANCH) + (f"-{product.target}" if product.target else "")
        user = "gitlab-ci-token" if "GITLAB_CI" in os.environ else "x-access-token"
        bundle = os.environ.get(BUNDLE)
        later = product.root / bundle if bundle else None
        return Branch(product.root, product.scratch, remote, branch, token, user, later)
    shown = place if "@" not in place else f"{scheme}:…"
    raise UnreadableInput(f"{VARIABLE} is {shown}, which is no place for the state of runs.", fix=FORMS)


def _refuse_in_repository(product: Product) -> None:
    """Raise UnreadableInput if rows of a product above `internal` would be pushed to a repository."""
    if product.state is None or (product.classification in disclosure.OPEN and disclosure.of_input(product)):
        return
    raise UnreadableInput(
        f"{VARIABLE} is a git repository, and the product, or a column of its contract, is classified above internal: whoever reads"
        " the repository would read its rows.",
        fix=f"Give {VARIABLE} an encrypted bucket that only the run may read (s3://…), or a folder (file:///…).",
    )


def _is_of_a_proposal(environment: Mapping[str, str]) -> bool:
    """Return True in a pipeline for a pull request or a merge request, whose code nobody has approved."""
    return (
        environment.get("GITHUB_EVENT_NAME", "").startswith("pull_request")
        or environment.get("CI_PIPELINE_SOURCE") == "merge_request_event"
    )


def _is_missed(product: Product) -> bool:
    """Return True if the run published, and a service level was missed."""
    try:
        return "missed" in json.loads((product.build / "run.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False


def _recorded(product: Product, error: UnreadableInput, variables: Mapping[str, str]) -> UnreadableInput:
    """Record in build/run.json and the metrics that a run which published could not save its state; return the error."""
    from pipeline import metrics

    with contextlib.suppress(OSError, ValueError, UnreadableInput):
        report = json.loads((product.build / "run.json").read_text("utf-8"))
        report |= {"exitCode": error.exit_code, "problem": str(error)}
        try:
            write(product.root, "run.json", report)
        finally:  # a server can still take what the disk cannot
            metrics.emit(product.root, report, variables, product)
    return error


class _Kept:
    """The state of one product in one environment, as a run holds it."""

    def __init__(self, store: Store, product: Product, started: datetime) -> None:
        self._store, self._product, self._started = store, product, started
        self.killed: datetime | None = None
        """When the run before began, if it never gave its lease back."""
        target = product.target or "default"
        self._parts = [part.format(target=target) for part in PARTS]
        self._mark = product.build / "state" / f".home-{target}.json"
        self._run = uuid4().hex
        self._since = datetime.now(UTC).isoformat(timespec="seconds")
        self._until = 0.0
        self._lease: Entry | None = None
        self._pointer: Entry | None = None
        self._saved: dict[str, Any] = {}
        self._is_settled = True
        self._published: bytes | None = None
        self._mutex, self._ended = threading.Lock(), threading.Event()

    # -- the lease ----------------------------------------------------------------------------------------------------

    def _take(self) -> str:
        """Take the lease; return the run that left it unsettled, if one did. Raises InUse."""
        before = self._store.read(LOCK)
        last = _parsed_lease(before)
        if before and not _has_ended(last):
            raise self._in_use(last)
        self._is_settled = not before or last.get("settled") is True
        self.killed = None if last.get("free") is True else _moment(last.get("started"))
        try:
            self._extend(before)
        except Lost:
            raise self._in_use(_parsed_lease(self._store.read(LOCK))) from None
        threading.Thread(target=self._keep_extending, daemon=True).start()
        return "" if self._is_settled else str(last.get("run", ""))

    def _in_use(self, lease: Mapping[str, Any]) -> InUse:
        until = datetime.fromtimestamp(float(lease.get("until", 0)), UTC).isoformat(timespec="seconds")
        return InUse(
            f"Another run of this product is in progress: {lease.get('who', 'it')} has held the state at {self._store.name} since"
            f" {lease.get('since', '?')}.",
            fix=f"Wait until it has ended. If it was killed, its lease ends by itself at {until}.",
        )

    def _extend(self, before: Entry | None, **more: Any) -> None:
        until = time.time() + self._store.lease
        content = {
            "version": VERSION,
            "run": self._run,
            "who": f"{socket.gethostname()}, process {os.getpid()}",
            "since": self._since,
            "started": self._started.isoformat(timespec="microseconds"),
            "until": until,
            "machine": _machine(),
            "process": [os.getpid(), _started(os.getpid())],
            "settled": False,
            **more,
        }
        self._lease = self._store.swap(LOCK, _text(content), before)
        self._until = until

    def _keep_extending(self) -> None:
        while not self._ended.wait(self._store.lease / 5):
            with self._mutex, contextlib.suppress(UnreadableInput):  # tried again; `confirm` decides
                if self._ended.is_set():
                    return
                try:
                    self._extend(self._lease)
                except Lost:
                    self._until = 0.0
                    return

    def confirm(self) -> None:
        """Raise InUse unless this run still holds the lease. Called before anything is replaced that others see."""
        with self._mutex:
            if self._until - time.time() > self._store.lease * 0.9:  # it was extended just now
                return
            try:
                if self._until:
                    self._extend(self._lease)
            except Lost:
                self._until = 0.0
            except UnreadableInput:
                if time.time() > self._until - 60:
                    raise
        if not self._until:
            raise InUse(
                f"Another run has taken over the state at {self._store.name}, because this one did not extend its lease in time. This"
                " one has overwritten nothing.",
                fix="Wait until the other run has ended, and run again.",
            )

    def _release(self, *, settled: bool) -> None:
        self._ended.set()
        with self._mutex, contextlib.suppress(Lost):
            if self._until:
                self._extend(self._lease, settled=settled, free=True)

    # -- restore ------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Take the lease and restore the state. Raises UnreadableInput."""
        left = self._take()
        try:
            self._restore(left)
        except BaseException:
            with contextlib.suppress(UnreadableInput):
                self._release(settled=self._is_settled)
            raise
        if self._product.state and self._store.is_deferred and not _has_all(self._product):
            # Nobody sees that this run changes the database before it has ended: if it is killed, nobody ever does.
            (self._product.state / RECORD).unlink(missing_ok=True)
        elif self._product.state and not self._is_settled:
            (self._product.state / RECORD).unlink(missing_ok=True)
            say(
                f"  state    the last run did not save its state at {self._store.name}: this one rebuilds all models, because the ports"
                " may have more than the state. A version of a row that only that run has seen is not in a history of snapshot@1",
                level="warning",
            )
        self._published = self._record()

    def _restore(self, left: str) -> None:
        mark = self._marked()
        self._pointer = self._store.read(POINTER)
        known = (self._store.name, _hash(self._pointer.content) if self._pointer else "")
        is_known = (mark.get("home"), mark.get("id")) == known
        if self._pointer:
            self._saved = _parsed_pointer(self._pointer.content, self._product, self._parts, self._store)
        if is_known and "ahead" in mark:  # this folder's run could not be saved, and nobody has saved since
            self._is_settled = self._is_settled or mark["ahead"] == left
            return
        if not self._pointer or (is_known and self._is_here(mark.get("times"))):
            return
        self._refuse_moved()
        try:
            self._download()
        except Damaged as error:
            raise _unreadable(self._store, str(error)) from error
        except OSError as error:
            raise UnreadableInput(f"The state cannot be restored: {error}", fix=MAKE_ROOM) from error
        size = sum(file["size"] for file in self._saved["files"].values())
        say(
            f"  state    restored {len(self._saved['files']):,} files ({size:,} bytes), saved at {self._saved['saved']} at {self._store.name}"
        )

    def _download(self) -> None:
        build, incoming = self._product.build, self._product.build / "state" / ".incoming"
        shutil.rmtree(incoming, ignore_errors=True)
        incoming.mkdir(parents=True)
        for folder in self._saved["folders"]:
            (incoming / folder).mkdir(parents=True, exist_ok=True)

        def one(name: str) -> None:
            target, about = incoming / name, self._saved["files"][name]
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._store.fetch(about["sha256"], about["size"], target)
            except Damaged as error:
                raise Damaged(f"{name}: {error}") from None

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(one, self._saved["files"]))
        for part in self._parts:
            _remove(build / part)
            if (incoming / part).exists():
                (build / part).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(incoming / part, build / part)
        shutil.rmtree(incoming, ignore_errors=True)

    def _marked(self) -> dict[str, Any]:
        """Return which saved state this folder has, and forget it: from here on it changes."""
        try:
            mark = json.loads(self._mark.read_text("utf-8"))
            self._mark.unlink()
        except (OSError, ValueError):
            return {}
        return mark if isinstance(mark, dict) else {}

    def _is_here(self, times: Any) -> bool:
        """Return True if this folder has the saved files, which were changed at these times, and no others."""
        try:
            here, folders = self._collected()
            files = self._saved["files"]
            return (here.keys(), folders) == (files.keys(), self._saved["folders"]) and all(
                path.stat().st_size == files[name]["size"]
                and (path.stat().st_mtime_ns == times[name] or _file_hash(path) == files[name]["sha256"])
                for name, path in here.items()
            )
        except (OSError, UnreadableInput, LookupError, TypeError):
            return False

    def _refuse_moved(self) -> None:
        """Raise UnreadableInput if Spark's tables are named by the path of another folder."""
        moved = self._saved["folder"] != str(self._product.root)
        if moved and self._product.platform.uses.startswith("spark@") and _has_all(self._product):
            raise UnreadableInput(
                f"The state at {self._store.name} is of spark@1, whose tables are named by their path: it was made in"
                f" {self._saved['folder']}, and cannot be used in {self._product.root}.",
                fix="Run in a folder of that path, or give the platform a `storage` in data-product.yaml.",
            )

    # -- save ---------------------------------------------------------------------------------------------------------

    def end(self, problem: BaseException | None) -> None:
        """Save what the run has left, and give the lease back. Raises UnreadableInput if it cannot be saved."""
        is_whole = problem is None or isinstance(problem, PromiseBroken)
        is_same, is_saved = self._record() == self._published, False
        try:
            if is_whole:
                here, folders = self._collected()
                self._note(ahead=self._run)
                self._save(here, folders)
                self._note(times={name: path.stat().st_mtime_ns for name, path in here.items()})
                is_saved = True
            elif self._pointer:
                self._save_history()
        except (OSError, Lost) as error:
            reason = "another run has saved its own meanwhile" if isinstance(error, Lost) else str(error)
            raise UnreadableInput(
                f"The state could not be saved at {self._store.name}: {reason}. Nothing was overwritten.",
                fix=f"{MAKE_ROOM} The next run goes on from this folder, or, on another machine, from the state before.",
            ) from error
        finally:
            with contextlib.suppress(UnreadableInput):
                self._release(settled=is_saved or (self._is_settled and is_same))
        self._store.close()

    def _save(self, here: Mapping[str, Path], folders: list[str]) -> None:
        files: dict[str, dict[str, Any]] = {
            name: {"size": path.stat().st_size, "sha256": _file_hash(path)} for name, path in here.items()
        }
        if self._pointer and (files, folders) == (self._saved["files"], self._saved["folders"]):
            return
        self.confirm()
        for name, path in here.items():
            self._store.add(files[name]["sha256"], path)
        before = {file["sha256"] for file in self._saved.get("files", {}).values()}
        self._replace(files, folders)
        now = {file["sha256"] for file in files.values()}
        with contextlib.suppress(InUse):
            self.confirm()
            self._store.forget(before - now)

    def _save_history(self) -> None:
        """Save the history of measurements alone, beside the files of the last run that was saved."""
        path = self._product.build / HISTORY
        if path.is_file():
            digest = _file_hash(path)
            if self._saved["files"].get(HISTORY, {}).get("sha256") != digest:
                self._store.add(digest, path)
                entry = {"size": path.stat().st_size, "sha256": digest}
                self._replace({**self._saved["files"], HISTORY: entry}, self._saved["folders"])

    def _replace(self, files: dict[str, dict[str, Any]], folders: list[str]) -> None:
        """Replace the record of all files. Raises Lost, InUse."""
        self.confirm()
        content = _text(
            {
                "version": VERSION,
                "product": _product_name(self._product),
                "environment": self._product.target or "default",
                "saved": datetime.now(UTC).isoformat(timespec="seconds"),
                "run": self._run,
                "folder": str(self._product.root),
                "files": files,
                "folders": folders,
            }
        )
        keep = {file["sha256"] for file in files.values()}
        with self._mutex:
            self._pointer = self._store.swap(POINTER, content, self._pointer, keep)

    def _note(self, **more: Any) -> None:
        """Write down which saved state this folder has (`times` of its files), or that it is one run (`ahead`) further."""
        known = _hash(self._pointer.content) if self._pointer else ""
        mark = {"home": self._store.name, "id": known, **more}
        self._mark.parent.mkdir(parents=True, exist_ok=True)
        self._mark.write_text(json.dumps(mark), "utf-8")

    def _collected(self) -> tuple[dict[str, Path], list[str]]:
        """Return the files of the state by their paths below build/, and the folders that have none."""
        build = self._product.build
        files: dict[str, Path] = {}
        folders: list[str] = []
        for part in self._parts:
            for path in sorted([build / part, *(build / part).rglob("*")]):
                name = path.relative_to(build).as_posix()
                if name[len(part) + 1 :].split("/")[0] in TEMPORARY:
                    continue
                if path.is_symlink() and path != build / part:
                    raise UnreadableInput(f"build/{name} is a link, which cannot be saved.", fix="Remove it.")
                if path.is_file():
                    files[name] = path
                elif path.is_dir() and not any(path.iterdir()):
                    folders.append(name)
        return files, folders

    def _record(self) -> bytes | None:
        """Return the record of the last publication, which a run removes before it changes the models."""
        try:
            return (self._product.state / RECORD).read_bytes() if self._product.state else None
        except OSError:
            return None


def _has_all(product: Product) -> bool:
    """Return True if the platform's tables are part of the state, and not in a database or a storage of their own."""
    platform = product.platform
    return platform.uses.startswith("duckdb@") or (
        platform.uses.startswith("spark@") and not platform.properties.get("storage")
    )


def _parsed_pointer(content: bytes, product: Product, parts: list[str], store: Store) -> dict[str, Any]:
    """Return the record of a saved state. Raises UnreadableInput for one that is damaged, of another product or unsafe."""
    try:
        saved = json.loads(content)
        version = saved["version"]
    except (ValueError, RecursionError, LookupError, TypeError) as error:
        raise _unreadable(store, f"its record is not readable: {error}") from error
    if isinstance(version, int) and version > VERSION:
        raise UnreadableInput(
            f"The state at {store.name} was written by a newer release of the template (version {version} of its form; this"
            f" repository knows {VERSION}).",
            fix="Update this repository: `uvx copier update --defaults`.",
        )
    whose = (_product_name(product), product.target or "default")
    if (saved.get("product"), saved.get("environment")) != whose:
        raise UnreadableInput(
            f"The state at {store.name} is of {saved.get('product')} as {saved.get('environment')}, and not of {whose[0]} as"
            f" {whose[1]}.",
            fix="Give each product, and each environment, a place of its own: correct PIPELINE_STATE. If the product was renamed,"
            f" remove the old state to begin anew: {store.removal}",
        )
    try:
        for name, about in saved["files"].items():
            if type(about["size"]) is not int or about["size"] < 0 or not _is_hash(about["sha256"]):
                raise ValueError(f"{name} has no size or hash")
        for name in [*saved["files"], *saved["folders"]]:
            _refuse_outside(name, parts)
        if not isinstance(saved["folder"], str) or not isinstance(saved["saved"], str):
            raise ValueError("a field has another type")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise _unreadable(store, f"its record is not valid: {error}") from error
    return dict(saved)


def _refuse_outside(name: str, parts: list[str]) -> None:
    """Raise ValueError for a path that is not of the state."""
    path = PurePosixPath(name)
    is_plain = (
        path.as_posix() == name
        and not path.is_absolute()
        and not {"..", "."} & set(path.parts)
        and not set(name) & set("\\:\0")
    )
    is_within = any(name == part or name.startswith(f"{part}/") for part in parts)
    if not is_plain or not is_within:
        raise ValueError(f"{name!r} is no path of the state")


def _unreadable(store: Store, reason: str) -> UnreadableInput:
    return UnreadableInput(
        f"The state at {store.name} is damaged: {reason}. Nothing was restored.",
        fix="Bring back an older version of it, if its place keeps versions; or remove it to begin anew, with a full run and without"
        f" the histories of snapshot@1: {store.removal}",
    )


def _parsed_lease(entry: Entry | None) -> dict[str, Any]:
    """Return a lease; one that cannot be read, or that no run of this time makes, counts as ended and unsettled.

    If that was wrong, the run that holds it finds out before it publishes: see `_Kept.confirm`.
    """
    try:
        lease = json.loads(entry.content) if entry else {}
        is_lease = isinstance(lease, dict) and 0 <= float(lease["until"]) <= time.time() + FARTHEST
        return lease if is_lease else {}
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}


def _moment(text: Any) -> datetime | None:
    """Return a time with its zone; None if the text is none."""
    try:
        value = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return value if value.tzinfo else None


def _has_ended(lease: Mapping[str, Any]) -> bool:
    """Return True for a lease that was given back, has expired, or is of a process of this machine that has ended."""
    if not lease or lease.get("free") is True or float(lease["until"]) < time.time():
        return True
    machine = _machine()
    if not machine or lease.get("machine") != machine:
        return False
    process = lease.get("process")
    return isinstance(process, list) and len(process) == 2 and _started(process[0]) != process[1]


def _machine() -> str:
    """Return what only processes have in common that see each other; empty where that is unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
        return f"{boot} {os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""


def _started(process: Any) -> str:
    """Return when a process of this machine has started, in the system's own count; empty if there is none."""
    try:
        fields = Path(f"/proc/{int(process)}/stat").read_text("utf-8").rpartition(")")[2].split()
        # A process that was killed stays as a zombie (Z) where nobody waits for it, as in a container without an init.
        return "" if fields[0] in "ZXx" else fields[19]
    except (OSError, ValueError, TypeError, OverflowError, IndexError):
        return ""


def _product_name(product: Product) -> str:
    return f"{product.domain}/{product.name}"


def _text(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_hash(text: Any) -> bool:
    return isinstance(text, str) and len(text) == 64 and not set(text) - set("0123456789abcdef")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
