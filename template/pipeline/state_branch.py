"""The state of runs on a branch of a git repository: for a product that runs in CI alone.

The branch has one commit without a parent, so that it does not grow. A push replaces it only if it still is the commit that
this run has seen (`--force-with-lease`).

Where the run itself may not push (a job on GitHub with `contents: read`), it leaves a bundle with that commit, and another
job pushes it: see .github/workflows/pipeline.yml. Then the forge's own queue keeps two runs apart.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
from collections.abc import Collection
from pathlib import Path
from shlex import quote
from urllib.parse import urlsplit, urlunsplit

from pipeline.errors import UnreadableInput
from pipeline.state_stores import Damaged, Entry, Lost, blocks_of, copy_checked

BRANCH = "meshwright/state"
LARGEST = 95 * 1024 * 1024
"""Bytes of one file: GitHub refuses files of 100 MiB."""
ALL = 1024 * 1024 * 1024
"""Bytes of all files: what forges recommend as the most for a repository."""
HERE = "refs/meshwright/state"
TRIES = 5
ELSEWHERE = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
)
"""Variables that a hook sets, for the repository that it works in."""
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Meshwright"), ("EMAIL", "pipeline@example.org"))
}
FIX = (
    "Run where `git ls-remote` and `git push` work for that repository. In CI, the job needs a token that may push to the branch:"
    " see docs/how-to/keep-state.md of the template."
)


class Branch:
    """A branch of the remote `origin` of the product's repository, or of another repository."""

    is_repository = True
    lease = 1800.0  # each extension is a push

    def __init__(
        self,
        root: Path,
        scratch: Path,
        remote: str,
        branch: str,
        token: str,
        user: str = "x-access-token",
        bundle: Path | None = None,
    ) -> None:
        self._folder, self._branch, self._bundle = scratch / "state.git", branch, bundle
        self.is_deferred = bundle is not None
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in ELSEWHERE},
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
            **IDENTITY,
        }
        address = remote or self._origin(root)
        self.name = f"the branch {branch} of {_without_password(address)}"
        named = quote(_without_password(remote)) if remote else "origin"
        self.removal = f"git push {named} --delete {quote(branch)}"
        self._run("init", "--quiet", "--bare", str(self._folder))
        if not remote:  # the clone's own settings say how to reach its remote
            for name, value in self._settings(root):
                self._git("config", "--add", name, value)
        if token and address.startswith("http"):
            pair = base64.b64encode(f"{user}:{token}".encode()).decode()
            parts = urlsplit(address)
            server = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "/", "", ""))
            known = os.environ.get("GIT_CONFIG_COUNT", "")
            number = int(known) if known.isdecimal() else 0
            self._environment |= {  # not an argument, which every process of the machine sees
                "GIT_CONFIG_COUNT": str(number + 1),
                f"GIT_CONFIG_KEY_{number}": f"http.{server}.extraheader",
                f"GIT_CONFIG_VALUE_{number}": f"AUTHORIZATION: basic {pair}",
            }
        self._address = address
        self._added: dict[str, Path] = {}  # content's SHA-256 -> file that is not in the branch yet
        self._known: dict[str, str] = {}  # path -> blob of the commit that this run has seen
        self._tip = ""
        self._fetch()
        self._first = self._tip
        if bundle:
            bundle.unlink(missing_ok=True)

    def read(self, record: str) -> Entry | None:
        if not self._bundle:
            self._fetch()
        return self._entry(record)

    def swap(
        self, record: str, content: bytes, before: Entry | None, keep: Collection[str] | None = None
    ) -> Entry:
        blob = self._git("hash-object", "-w", "--stdin", given=content).decode().strip()
        for _ in range(TRIES):
            now = self._entry(record)
            if now and now.tag == blob and before != now:  # the answer to an earlier push was lost
                return now
            if (now and now.tag) != (before and before.tag):
                raise Lost(record)
            if self._push(record, blob, keep):
                return Entry(content, blob)
            self._fetch()
        raise Lost(record)

    def add(self, digest: str, file: Path) -> None:
        size = file.stat().st_size
        if size > LARGEST:
            raise UnreadableInput(
                f"The state cannot be kept on {self.name}: {file.name} has {size:,} bytes, and forges refuse files of more than"
                f" {LARGEST:,}.",
                fix="Give PIPELINE_STATE a bucket (s3://…) or a folder (file:///…).",
            )
        if f"files/{digest}" in self._known:
            return
        self._added[digest] = file

    def fetch(self, digest: str, size: int, target: Path) -> None:
        blob = self._known.get(f"files/{digest}")
        if blob is None:
            raise Damaged(f"{digest} is missing")
        command = ["git", "-C", str(self._folder), "cat-file", "blob", blob]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=self._environment) as process:  # noqa: S603 - git
            copy_checked(blocks_of(process.stdout), digest, size, target)

    def forget(self, digests: Collection[str]) -> None:
        """Nothing to do: each commit has only what is needed."""

    def _push(self, record: str, blob: str, keep: Collection[str] | None) -> bool:
        """Replace the branch by one commit with the record; return False if it has changed meanwhile."""
        tree = {**self._known, record: blob}
        if keep is not None:
            added = "".join(f"{file}\n" for file in self._added.values()).encode()
            blobs = (
                self._git("hash-object", "-w", "--no-filters", "--stdin-paths", given=added).decode().split()
            )
            tree |= {f"files/{digest}": one for digest, one in zip(self._added, blobs, strict=True)}
            tree = {path: one for path, one in tree.items() if path[:6] != "files/" or path[6:] in keep}
            self._refuse_too_large(tree)
        lines = [f"100644 blob {one}\t{path}" for path, one in tree.items() if path[:6] != "files/"]
        files = [f"100644 blob {one}\t{path[6:]}" for path, one in tree.items() if path[:6] == "files/"]
        if files:
            lines.append(f"040000 tree {self._tree_of(files)}\tfiles")
        # Neither forge runs a pipeline for it.
        message = f"State of runs: {record}\n\n[skip ci]\n\nAfter: {self._first or 'nothing'}\n".encode()
        commit = self._git("commit-tree", self._tree_of(lines), given=message).decode().strip()
        if not self._bundle and not self._is_pushed(commit):
            return False
        self._git("update-ref", HERE, commit)
        self._tip, self._known = commit, tree
        return True

    def _is_pushed(self, commit: str) -> bool:
        """Replace the remote's branch by a commit; return False if it has changed meanwhile."""
        expected = f"--force-with-lease=refs/heads/{self._branch}:{self._tip}"
        pushed = self._run(
            *("-C", str(self._folder), "push", "--quiet", "--porcelain", "--no-verify", expected),
            *(self._address, f"{commit}:refs/heads/{self._branch}"),
            check=False,
        )
        if pushed.returncode:
            output = (pushed.stdout + pushed.stderr).decode("utf-8", "replace")
            # The words of git, and of a server for which two pushes have met.
            if re.search(
                r"stale info|fetch first|non-fast-forward|cannot lock ref|reference already exists", output
            ):
                return False
            raise self._failed("written", output)
        return True

    def close(self) -> None:
        """Leave the bundle for the job that pushes."""
        if self._bundle and self._tip != self._first:
            self._git("update-ref", f"refs/heads/{self._branch}", self._tip)
            partial = self._bundle.with_suffix(".partial")
            self._git("bundle", "create", "--quiet", str(partial), f"refs/heads/{self._branch}")
            os.replace(partial, self._bundle)

    def _refuse_too_large(self, tree: dict[str, str]) -> None:
        given = "\n".join(tree.values()).encode()
        sizes = self._git("cat-file", "--batch-check=%(objectsize)", given=given).decode().split()
        if (size := sum(map(int, sizes))) > ALL:
            raise UnreadableInput(
                f"The state cannot be kept on {self.name}: it has {size:,} bytes, and the limit for a repository is {ALL:,}.",
                fix="Give PIPELINE_STATE a bucket (s3://…) or a folder (file:///…).",
            )

    def _tree_of(self, lines: list[str]) -> str:
        return self._git("mktree", given="".join(f"{line}\n" for line in lines).encode()).decode().strip()

    def _entry(self, record: str) -> Entry | None:
        blob = self._known.get(record)
        return Entry(self._git("cat-file", "blob", blob), blob) if blob else None

    def _fetch(self) -> None:
        listed = self._run("ls-remote", self._address, f"refs/heads/{self._branch}", check=False)
        if listed.returncode:
            raise self._failed("read", listed.stderr.decode("utf-8", "replace"))
        tip = listed.stdout.decode().split("\t")[0].strip()
        if tip and tip != self._tip:
            fetched = self._run(
                *("-C", str(self._folder), "fetch", "--quiet", "--no-tags", "--depth=1", self._address),
                f"+refs/heads/{self._branch}:{HERE}",
                check=False,
            )
            if fetched.returncode:
                raise self._failed("read", fetched.stderr.decode("utf-8", "replace"))
            tip = self._git("rev-parse", HERE).decode().strip()
        self._tip = tip
        # `ls-tree` names links and submodules, too: only files count.
        entries = self._git("ls-tree", "-r", "-z", tip).decode("utf-8", "replace") if tip else ""
        found = re.findall(r"100644 blob ([0-9a-f]{40,64})\t([^\0]+)\0", entries)
        self._known = {path: blob for blob, path in found}

    def _failed(self, what: str, output: str) -> UnreadableInput:
        text = " ".join(_without_password(output).split())[:600]
        return UnreadableInput(f"The state on {self.name} cannot be {what}: {text}", fix=FIX)

    def _origin(self, root: Path) -> str:
        found = self._run("-C", str(root), "remote", "get-url", "origin", check=False)
        if found.returncode:
            raise UnreadableInput(
                "PIPELINE_STATE is git:, and this folder is no clone with a remote `origin`.",
                fix="Run in a clone, or name the repository: git:https://git.example.org/team/states.git",
            )
        return found.stdout.decode().strip()

    def _settings(self, root: Path) -> list[tuple[str, str]]:
        """Return how the clone reaches its remote: its proxies, credential helpers and extra headers."""
        pattern = r"^(http\.|credential\.|core\.sshcommand$|url\.)"
        found = self._run("-C", str(root), "config", "--local", "-z", "--get-regexp", pattern, check=False)
        pairs = [one.partition("\n") for one in found.stdout.decode("utf-8", "replace").split("\0") if one]
        return [(name, value) for name, _, value in pairs]

    def _git(self, *words: str, given: bytes | None = None) -> bytes:
        return self._run("-C", str(self._folder), *words, given=given).stdout

    def _run(
        self, *words: str, given: bytes | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[bytes]:
        try:
            command = ["git", *words]
            done = subprocess.run(  # noqa: S603 - git
                command, input=given, capture_output=True, env=self._environment, check=False
            )
        except OSError as error:
            raise UnreadableInput(f"git cannot be run: {error}", fix="Install git.") from error
        if check and done.returncode:
            raise self._failed("used", done.stderr.decode("utf-8", "replace"))
        return done


def _without_password(text: str) -> str:
    return re.sub(r"(?<=://)[^/@\s]+@", "", text)
