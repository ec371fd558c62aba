"""What a process and all that it began hold and use (Linux; nothing elsewhere)."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Seen:
    """What has been seen of them so far."""

    peak: float = 0.0
    """The most memory that they held at once, in MB; what several of them share is counted once."""
    ticks: dict[int, int] = field(default_factory=dict)
    """Process -> what it used of the cores."""

    @property
    def cpu(self) -> float:
        """Seconds of all cores; of processes too that nobody waited for."""
        return sum(self.ticks.values()) / TICKS


@contextmanager
def watched(pid: int) -> Iterator[Seen]:
    """Looks at them while the context lasts."""
    seen, ended = Seen(), threading.Event()

    def watch() -> None:
        while not ended.wait(0.25):  # asking takes the kernel a while, too
            look(pid, seen)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def look(pid: int, seen: Seen) -> None:
    total, waiting = 0.0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            known = Path(f"/proc/{one}/smaps_rollup").read_text()
            total += (
                sum(int(line.split()[1]) for line in known.splitlines() if line.startswith("Pss:")) / 1000
            )
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            seen.ticks[one] = int(fields[11]) + int(fields[12])
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    seen.peak = max(seen.peak, total)
