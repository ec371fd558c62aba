"""Files of this machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from meshwright.assess.storage import Absent, Allowed, Corrupt, Refusal, Unseen

NOT_DATA = (Path("/proc"), Path("/sys"), Path("/dev"), Path("/run"))
"""Files that the kernel and services make up; some never end."""
MOST = 20_000
"""Entries of a folder that are listed."""


class Folder:
    """A folder; names are relative to it."""

    def __init__(self, root: Path, allowed: Allowed) -> None:
        self.root, self.allowed = root, allowed
        if not permitted(root, allowed):
            raise Unseen(
                f"{root} is a path of a machine, and which one is not known here.",
                "Assess the product's repository there, or name the folder in `paths` of fitness.yaml.",
            )

    def fetched(self, name: str) -> Path:
        """The file itself. Raises Absent, Corrupt, Unseen."""
        path = self.root / name
        try:
            real = path.resolve()
            found = os.stat(real)
            reached = permitted(real, self.allowed)
        except (FileNotFoundError, NotADirectoryError):
            raise Absent(f"There is no file {path}.", "Run the pipeline, which writes it.") from None
        except (OSError, ValueError, RuntimeError) as error:
            raise Unseen(f"{path} cannot be looked at: {getattr(error, 'strerror', None) or 'it is no path'}.") from None  # fmt: skip
        if not reached:
            raise Corrupt(
                f"{path} is a link that leads out of the folders that may be read.",
                "Publish the file itself there.",
            )
        if not stat.S_ISREG(found.st_mode) or any(real.is_relative_to(folder) for folder in NOT_DATA):
            kind = "a folder" if stat.S_ISDIR(found.st_mode) else "no ordinary file"
            raise Corrupt(f"{path} is {kind}.", "Publish an ordinary file there.")
        if not os.access(real, os.R_OK):
            raise Unseen(f"{path} may not be read by the account that assesses.")
        return real

    def listed(self, folder: str) -> Sequence[str]:
        """The names in a folder; none if it is not there. Raises Unseen."""
        try:
            with os.scandir(self.root / folder) as entries:
                return sorted(entry.name for entry, _ in zip(entries, range(MOST), strict=False))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except (OSError, ValueError) as error:
            raise Unseen(f"{self.root / folder} cannot be listed: {getattr(error, 'strerror', 'it is no path')}.") from None  # fmt: skip

    def refusal(self, name: str) -> Refusal:
        """Whether other accounts of this machine can read the file. Raises Absent, Corrupt, Unseen."""
        path = self.fetched(name)
        closed = closed_by(path)
        if closed is not None:
            return Refusal(
                False, f"Other accounts of this machine are refused: {closed} is not open to them."
            )
        return Refusal(
            True,
            f"Every account of this machine can read {path}.",
            f"chmod 700 {self.root}, and give access to the roles' variants only.",
        )


def permitted(path: Path, allowed: Allowed) -> bool:
    """Whether files there may be read for this record."""
    if allowed.root is not None:
        return True
    try:
        real = path.resolve()
        return any(real.is_relative_to(folder.resolve()) for folder in allowed.paths)
    except (OSError, ValueError, RuntimeError):
        return False


def closed_by(path: Path) -> Path | None:
    """The file, or the outermost folder around it, that other accounts cannot get through; None if they can read it."""
    for folder in reversed(path.parents):
        if not os.stat(folder).st_mode & stat.S_IXOTH:
            return folder
    return None if os.stat(path).st_mode & (stat.S_IROTH if path.is_file() else stat.S_IXOTH) else path
