"""`make bench-mesh`: a mesh of 10,000 records assessed and drawn, a catalog filled and searched, and peers on one product.

The records are made here, plausible and fictional; nothing of them is looked at beyond what they say (`--static`).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
import catalog_server
import demo_mesh
import meshes
from checkout import ROOT, git, snapshot

from meshwright.mesh.catalog_client import Catalog

BIN = Path(sys.executable).parent
UV = shutil.which("uv") or str(ROOT / "build" / "uv" / "bin" / "uv")
PRODUCTS = int(os.environ.get("PRODUCTS", "10000"))
PUBLISHED = int(os.environ.get("PUBLISHED", "1000"))
CLIENTS = int(os.environ.get("CLIENTS", "50"))
SECONDS = float(os.environ.get("SECONDS", "15"))
PACE = 5.0
"""Searches a second of a client that thinks before it asks again."""
RUNS = int(os.environ.get("RUNS", "3"))
WITH_PEERS = os.environ.get("PEERS", "yes") == "yes"
PEERS = {
    "dataproduct-cli lint": ("3.11", ["--from", "dataproduct-cli==0.3.2", "dataproduct", "lint", "product.odps.yaml"]),
    "checkup run, 3 metrics": (
        "3.12",
        ["--from", "checkup==0.8.0", "--with", "checkup-git", "--with", "checkup-python", "checkup", "run", "-p", "git",
         "-m", "git_days_since_last_update", "-m", "git_tracked_file_count", "-m", "python_version", "--dry-run"],
    ),
}  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-", dir=_build()) as name:
        folder = Path(name)
        print(f"{PRODUCTS:,} product records")
        files = {count: _written(folder, count) for count in sorted({max(1, PRODUCTS // 10), PRODUCTS})}
        for count, file in files.items():
            assess(folder, count, file)
        for count, file in files.items():
            draw(folder, count, file)
        catalog(folder)
        one_product(folder)


def assess(folder: Path, count: int, file: Path) -> None:
    """Cold, unchanged, and where one product in a hundred has changed."""
    command = ["assess", "--static", "--html", folder / "fitness.html", "--format", "json"]
    os.environ["MESHWRIGHT_CACHE"] = str(folder / f"cache-{count}")
    changed = folder / f"{count}-changed.jsonl"
    with file.open() as before, changed.open("w") as after:
        for number, line in enumerate(before):
            after.write(line.replace('"purpose": "', '"purpose": "Now ') if number % 100 == 0 else line)
    for what, source in (("cold", file), ("unchanged", file), ("1 % changed", changed)):
        seconds, peak = _timed([BIN / "meshwright", *command, source], folder, ok=(0, 1))
        report(
            f"assess, static, with the dashboard, {count:,}, {what}",
            seconds,
            f"{peak:5.0f} MB   {count / seconds:,.0f} a second",
        )


def draw(folder: Path, count: int, file: Path) -> None:
    page = folder / "map.html"
    seconds, peak = _timed([BIN / "meshwright", "map", file, "-o", page], folder, ok=(0, 1))
    report(f"map, as a page, {count:,}", seconds, f"{peak:5.0f} MB   page {page.stat().st_size / 1e6:.1f} MB")


def catalog(folder: Path) -> None:
    """Publishes to the embedded catalog, once more, the rest, and then searches it."""
    records = meshes.mesh(PRODUCTS)
    with catalog_server.catalog(folder / "catalog") as server:
        there = Catalog(server.url, server.token("admin"))
        print(f"the embedded catalog (SQLite), {PUBLISHED:,} of {PRODUCTS:,} records published one by one")
        for again in ("first", "again, unchanged"):
            started = time.perf_counter()
            for record in records[:PUBLISHED]:
                there.put(record)
            seconds = time.perf_counter() - started
            report(f"publish, {again}", seconds, f"{PUBLISHED / seconds:,.0f} a second")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(there.put, records[PUBLISHED:]))
        queries = [
            _words(record.purpose, record.title, number) for number, record in enumerate(records[:2000])
        ]
        print(f"search, {len(records):,} products, {CLIENTS} clients at once, {SECONDS:g} s")
        there.search("flights")  # what was published is taken in with the first search after it
        for pace, how in (
            (PACE, f"each {PACE:g} times a second, words that nobody has asked for yet"),
            (PACE, f"each {PACE:g} times a second, the same words again"),
            (None, "each as fast as it gets answers"),
        ):
            times = sorted(_search(server.url, queries, pace))
            p50, p99 = (1000 * times[int(len(times) * share)] for share in (0.5, 0.99))
            print(
                f"  {how:<62} {len(times) / SECONDS:6,.0f} a second   p50 {p50:6.1f} ms   p99 {p99:6.1f} ms"
            )


def one_product(folder: Path) -> None:
    """One fresh product: what we say of it, and what peers say of the same folder."""
    print("one product, the whole command (best of several)")
    product = demo_mesh.MESH[0]
    template = snapshot(folder / "template")
    demo_mesh.make(template, folder / "products", (product,))
    here = folder / "products" / product.name
    (here / "product.odps.yaml").write_bytes(_output([BIN / "meshwright", "export", "odps", here], folder))
    git("add", "--all", cwd=here)
    own = {
        "meshwright check": [BIN / "meshwright", "check"],
        "meshwright assess --static": [BIN / "meshwright", "assess", ".", "--static"],
        "meshwright map": [BIN / "meshwright", "map", ".", "-o", folder / "one.html"],
    }
    for name, command in own.items():
        report(name, min(_timed(command, here, ok=(0, 1))[0] for _ in range(RUNS)), "")
    for name, (version, words) in PEERS.items() if WITH_PEERS else ():
        python = _python(version)
        if python is None:
            print(f"  {name:<50} not run: no Python {version} or newer here")
            continue
        command = [UV, "tool", "run", "--quiet", "--python", python, *words]
        seconds = [_timed(command, here, ok=(0, 1))[0] for _ in range(RUNS + 1)][1:]  # the first installs it
        report(name, min(seconds), "")


def _search(url: str, queries: list[str], pace: float | None) -> list[float]:
    """Seconds of every search. In a process of its own, so that the clients do not wait for each other in this one."""
    script = [sys.executable, __file__, "--search", url, str(pace or 0)]
    done = subprocess.run(script, input=json.dumps(queries), capture_output=True, text=True, check=True)
    times: list[float] = json.loads(done.stdout)
    return times


async def _clients(url: str, queries: list[str], pace: float) -> list[float]:
    times: list[float] = []
    end = time.perf_counter() + SECONDS

    async def client(number: int) -> None:
        place = urlsplit(url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        if pace:
            await asyncio.sleep(number / CLIENTS / pace)
        turn = number
        while (started := time.perf_counter()) < end:
            query = quote(queries[turn % len(queries)])
            turn += CLIENTS
            writer.write(f"GET /api/products?q={query} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert b" 200 " in head.partition(b"\r\n")[0], head
            await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            times.append(time.perf_counter() - started)
            if pace:
                await asyncio.sleep(max(0.0, started + 1 / pace - time.perf_counter()))
        writer.close()

    await asyncio.gather(*map(client, range(CLIENTS)))
    return times


def _words(purpose: str, title: str, number: int) -> str:
    """What somebody might type: a word or two, now from the title, now from the purpose."""
    words = [word for word in (title if number % 2 else purpose).split() if len(word) > 3] or ["flights"]
    return " ".join(words[number % 3 : number % 3 + 1 + number % 2] or words[:1])


def _written(folder: Path, count: int) -> Path:
    file = folder / f"{count}.jsonl"
    with file.open("w") as lines:
        lines.writelines(json.dumps(value) + "\n" for value in meshes.values(count))
    return file


def _timed(command: list[object], folder: Path, ok: tuple[int, ...] = (0,)) -> tuple[float, float]:
    """Seconds, and the most memory (MB) that the command and all that it began held together."""
    started = time.perf_counter()
    with (
        subprocess.Popen(
            [str(word) for word in command], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process,
        _watched(process.pid) as peak,
    ):
        _, errors = process.communicate()
    seconds = time.perf_counter() - started
    if process.returncode not in ok:
        sys.exit(f"{command} ended with {process.returncode}:\n{errors.decode()}")
    return seconds, peak[0]


@contextmanager
def _watched(pid: int) -> Iterator[list[float]]:
    peak, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):  # asking takes the kernel a while, too
            peak[0] = max(peak[0], _memory(pid))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


def _memory(pid: int) -> float:
    """MB that a process and its children hold for themselves (Linux; 0 elsewhere)."""
    total, waiting = 0.0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
            total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1000
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return total


def _output(command: list[object], folder: Path) -> bytes:
    return subprocess.run(
        [str(word) for word in command], cwd=folder, check=True, stdout=subprocess.PIPE
    ).stdout


def _python(version: str) -> str | None:
    """A Python of at least this version."""
    required = tuple(map(int, version.split(".")))
    if sys.version_info[:2] >= required:
        return sys.executable
    found = [shutil.which(f"python3.{minor}") for minor in range(required[1], required[1] + 4)]
    found += map(str, sorted(Path.home().glob(f".pyenv/versions/3.{required[1]}*/bin/python")))
    for python in filter(None, found):
        if subprocess.run([python, "--version"], capture_output=True).returncode == 0:
            return python
    return None


def _build() -> Path:
    (ROOT / "build").mkdir(exist_ok=True)
    return ROOT / "build"


def report(what: str, seconds: float, more: str) -> None:
    print(f"  {what:<50} {seconds:8.2f} s   {more}".rstrip(), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--search"]:
        print(json.dumps(asyncio.run(_clients(sys.argv[2], json.load(sys.stdin), float(sys.argv[3])))))
    else:
        main()
