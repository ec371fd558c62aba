"""Files of this machine."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from meshwright.product.store import MAX_NAMES, Absent, Content, Corrupt, Unseen

NOT_DATA = (Path("/proc"), Path("/sys"), Path("/dev"), Path("/run"))
"""Files that the kernel and services make up; some never end. No address of somebody else may lead there."""


class Folder:
    """A folder of this machine."""

    def __init__(self, root: Path, permits: Callable[[Path], bool] | None = None) -> None:
        """`permits`: whether a file may be read that a symbolic link leads to; None: no link is followed."""
        self.root, self.permits = root, permits

    def address(self, name: str) -> str:
        return str(self.root / name)

    def local(self, name: str) -> Path:
        """Return the path of a regular file. Raises Absent, Corrupt, Unseen."""
        path = self.root / name
        try:
            real = path.resolve() if self.permits else path
            entry = os.lstat(real)
            is_permitted = self.permits is None or self.permits(real)
        except (FileNotFoundError, NotADirectoryError):
            raise Absent(f"There is no file {path}.", "Run the pipeline, which writes it.") from None
        except (OSError, ValueError, RuntimeError) as error:
            raise Unseen(f"{path} cannot be read: {_reason(error)}.") from None
        if not is_permitted:
            problem = f"{path} is a link that leads out of the folders that may be read."
            raise Corrupt(problem, "Publish the file itself there.")
        is_data = self.permits is None or not any(real.is_relative_to(folder) for folder in NOT_DATA)
        if not stat.S_ISREG(entry.st_mode) or not is_data:
            kind = "a folder" if stat.S_ISDIR(entry.st_mode) else "no ordinary file"
            raise Corrupt(f"{path} is {kind}.", "Publish an ordinary file there.")
        if not os.access(real, os.R_OK):
            raise Unseen(f"{path} may not be read by this account.")
        return real

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[Content]:
        # Should a link or a pipe have taken the file's place meanwhile, this fails instead of following or waiting.
        try:
            descriptor = os.open(self.local(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            problem = f"There is no file {self.root / name}."
            raise Absent(problem, "Run the pipeline, which writes it.") from None
        with open(descriptor, "rb") as file:
            yield Content(file, os.fstat(descriptor).st_size)

    def tail(self, name: str, size: int) -> bytes:
        """Return the last bytes of a file. Raises Absent, Corrupt, Unseen."""
        with self.opened(name) as content:
            content.file.seek(max(0, content.size - size))
            return content.file.read()

    def names(self, folder: str) -> Sequence[str]:
        try:
            with os.scandir(self.root / folder) as entries:
                return sorted(entry.name for entry, _ in zip(entries, range(MAX_NAMES), strict=False))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except (OSError, ValueError) as error:
            raise Unseen(f"{self.root / folder} cannot be listed: {_reason(error)}.") from None

    def files(self, prefix: str) -> Iterator[str]:
        """Yield the names of everything below a folder that is no folder: symbolic links, too. Raises Corrupt."""
        top = self.root / prefix
        if top.is_symlink():
            raise Corrupt(f"{top} is a symbolic link.", "Remove it: nothing behind it belongs here.")
        for folder, folders, names in os.walk(top, onerror=_raised):
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            for entry in (*names, *links):
                yield os.path.relpath(os.path.join(folder, entry), self.root)


def closed_by(path: Path) -> Path | None:
    """Return the file, or the outermost folder around it, that is closed to other accounts; None if they can read it."""
    for folder in reversed(path.parents):
        if not os.stat(folder).st_mode & stat.S_IXOTH:
            return folder
    return None if os.stat(path).st_mode & (stat.S_IROTH if path.is_file() else stat.S_IXOTH) else path


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or "it is no path"


def _raised(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
