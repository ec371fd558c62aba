"""The product's image: built by buildah as CI builds it, and run as a platform runs it.

The base is a Debian with Python, made by mmdebstrap, because registries of images are not what tests need. Base, layers
and lock file are kept below build/tests. Needs Linux, buildah, mmdebstrap, and root or sudo.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from children import FILES, children_environment
from products import BUILD

SUITE = "bookworm"
PACKAGES = ("ca-certificates", "libstdc++6", "passwd", "python-is-python3", "python3", "python3-pip")
LEFT_OUT = ("doc", "locale", "man")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
READ_ONLY = """
set -e
root=$1 scratch=$2
shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t tmpfs none "$root/tmp"
mount --bind "$scratch" "$root/product/build"
mount -t proc none "$root/proc"
mount --rbind /dev "$root/dev"
exec setpriv --no-new-privs "$@"
"""
"""What `--read-only --tmpfs /tmp --volume …:/product/build --security-opt no-new-privileges` of docker and podman does."""


def _sudo() -> list[str]:
    return [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]


def _root(*command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """The result of a command that runs as root; raises AssertionError with its output if it fails."""
    prefix = [] if command[0] == "sudo" else _sudo()
    done = subprocess.run([*prefix, *command], capture_output=True, text=True)
    assert done.returncode == 0 or not check, done.stdout[-3000:] + done.stderr[-3000:]
    return done


@cache
def _driver() -> str:
    """The storage driver: overlay, or vfs, which copies every layer whole, where overlay cannot be mounted."""
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        for name in ("lower", "upper", "work", "merged"):
            (Path(folder) / name).mkdir()
        mount = "mount -t overlay none -o lowerdir=lower,upperdir=upper,workdir=work merged"
        done = _root("unshare", "--mount", "sh", "-c", f"cd {shlex.quote(folder)} && {mount}", check=False)
        _root("rm", "-rf", *Path(folder).iterdir())
    return "overlay" if done.returncode == 0 else "vfs"


def _base() -> Path:
    """The file system of the base, as a tar file."""
    options = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in LEFT_OUT]
    # As in the published base, pip may install into its Python.
    options.append('--customize-hook=rm "$1"/usr/lib/python3*/EXTERNALLY-MANAGED')
    key = hashlib.sha256(repr([SUITE, PACKAGES, options]).encode()).hexdigest()[:12]
    made = BUILD / f"debian-{key}.tar"
    if not made.exists():
        begun = made.with_suffix(".begun.tar")
        command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=essential", *options]
        _root(*command, f"--include={','.join(PACKAGES)}", SUITE, begun)
        begun.rename(made)
    return made


@dataclass(frozen=True)
class Image:
    """An image in a store of its own."""

    store: Path
    name: str = "localhost/product"

    @property
    def engine(self) -> list[str]:
        """The program and its options."""
        folders = [f"--root={self.store / 'root'}", f"--runroot={self.store / 'run'}"]
        return [*_sudo(), "env", "BUILDAH_LAYERS=true", "buildah", f"--storage-driver={_driver()}", *folders]

    def buildah(self, *arguments: str | Path) -> str:
        """What buildah prints."""
        return _root(*self.engine, *arguments).stdout.strip()

    def make_base(self) -> None:
        """Make localhost/base, which trusts whom this machine trusts, unless the store has it."""
        if "localhost/base:" in self.buildah("images", "--noheading", "--format", "{{.Name}}:{{.Tag}}"):
            return
        container = self.buildah("from", "scratch")
        self.buildah("add", "--quiet", container, _base(), "/")
        trusted = os.environ.get("SSL_CERT_FILE", CERTIFICATES)
        if Path(trusted).is_file():
            self.buildah("copy", "--quiet", container, trusted, CERTIFICATES)
            self.buildah("config", "--env", f"SSL_CERT_FILE={CERTIFICATES}", container)
        self.buildah("commit", "--quiet", "--rm", container, "localhost/base")

    def build(self, product: Path) -> None:
        """Build the image of `product` as its CI does, with this machine's package index."""
        with tempfile.TemporaryDirectory() as folder:
            settings = {variable: str(file) for variable, file in _index(Path(folder)).items()}
            own = {"ENGINE": " ".join(self.engine), "BASE": "localhost/base"}
            script = ["sh", ".meshwright/image.sh", self.name]
            variables = children_environment(**own, **settings)
            done = subprocess.run(script, cwd=product, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    @contextmanager
    def container(self) -> Iterator[Container]:
        """A container of the image, for as long as the context lasts."""
        name = self.buildah("from", "--pull-never", self.name)
        try:
            config = json.loads(self.buildah("inspect", "--type", "image", self.name))["OCIv1"]["config"]
            yield Container(Path(self.buildah("mount", name)), config)
        finally:
            self.buildah("rm", name)


@dataclass(frozen=True)
class Container:
    """The file system of an image, and what the image says about how it is run."""

    root: Path
    config: dict[str, object]

    def command(self, scratch: Path, *command: str) -> list[str]:
        """What runs `command`, or the image's own, read-only and as process 1. `scratch` becomes /product/build."""
        user, folder, own, variables = (self.config[key] for key in ("User", "WorkingDir", "Cmd", "Env"))
        mounted = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", READ_ONLY, "sh", self.root, scratch]
        inside = ["chroot", f"--userspec={user}", "--groups=", self.root, "/usr/bin/env", "-i", "-C", folder]
        return [str(word) for word in (*_sudo(), *mounted, *inside, *variables, *(command or own))]  # type: ignore[misc]

    def run(self, scratch: Path, *command: str) -> subprocess.CompletedProcess[str]:
        """The result of `command`, or of the image's own."""
        return subprocess.run(self.command(scratch, *command), capture_output=True, text=True)

    def terminate(self, scratch: Path, when: str) -> subprocess.CompletedProcess[str]:
        """The result of the image's own command, which gets SIGTERM once it has printed `when`."""
        with subprocess.Popen(self.command(scratch), stdout=-1, stderr=-2, text=True) as run:
            assert run.stdout
            printed = ""
            while when not in printed and (line := run.stdout.readline()):
                printed += line
            _root("kill", f"-{signal.SIGTERM}", _first_inside(run.pid))
            printed += run.stdout.read()
            return subprocess.CompletedProcess(run.args, run.wait(), printed)


def _first_inside(pid: int) -> str:
    """The process below `pid` that is process 1 of a namespace of its own."""
    while True:
        (pid,) = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        (numbers,) = re.findall(r"^NSpid:(.*)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        if numbers.split()[1:] == ["1"]:
            return str(pid)


def _index(folder: Path) -> dict[str, Path]:
    """Variable -> file with this machine's settings of pip and uv, from its files or variables; none if it has none."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config").parent
    chosen: dict[str, Path] = {}
    for variable, system in {"PIP_CONFIG_FILE": "/etc/pip.conf", "UV_CONFIG_FILE": "/etc/uv/uv.toml"}.items():
        for place in (os.environ.get(variable, ""), home / FILES[variable], system):
            if place and Path(place).is_file():
                chosen.setdefault(variable, Path(place))
    if url := os.environ.get("PIP_INDEX_URL"):
        chosen["PIP_CONFIG_FILE"] = folder / "pip.conf"
        chosen["PIP_CONFIG_FILE"].write_text(f"[global]\nindex-url = {url}\n", "utf-8")
    if url := os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL"):
        chosen["UV_CONFIG_FILE"] = folder / "uv.toml"
        chosen["UV_CONFIG_FILE"].write_text(f"[[index]]\nurl = {json.dumps(url)}\ndefault = true\n", "utf-8")
    return chosen
