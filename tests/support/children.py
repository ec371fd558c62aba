"""What the processes that tests start get of this one: the machine's settings, and none of how pytest was started."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

SETTINGS = re.compile(
    r"(UV|PIP|NPM_CONFIG|SSL_CERT)_\w+|(REQUESTS|CURL|AWS)_CA_BUNDLE|NODE_EXTRA_CA_CERTS|(HTTPS?|ALL|NO|FTP)_PROXY"
    r"|XDG_(CACHE|DATA)_HOME|PREK_\w+|TMPDIR|LD_LIBRARY_PATH|JAVA_HOME",
    re.IGNORECASE,
)
"""How this machine reaches package indexes and trusts servers, and where it keeps files."""
FILES = {"UV_CONFIG_FILE": ".config/uv/uv.toml", "PIP_CONFIG_FILE": ".config/pip/pip.conf", "NPM_CONFIG_USERCONFIG": ".npmrc"}  # fmt: skip
"""The same, where it stands in the home folder, which a child may have another one of."""


def children_environment(**variables: str) -> dict[str, str]:
    """The environment of a child: PATH, HOME, the machine's settings, and `variables`. Nothing that a spec could name."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config").parent
    settings = {name: str(home / file) for name, file in FILES.items() if (home / file).is_file()}
    settings["UV_CACHE_DIR"] = str(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv")
    settings |= {name: value for name, value in os.environ.items() if SETTINGS.fullmatch(name)}
    settings.pop("UV_PROJECT_ENVIRONMENT", None)
    if any(name.upper().endswith("_PROXY") for name in settings):  # servers of tests are on this machine
        direct = ",".join(
            filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "127.0.0.1,localhost"))
        )
        settings |= {"NO_PROXY": direct, "no_proxy": direct}
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", ""), **settings, **variables}


def default_signals() -> None:
    """Handles signals as a process in the foreground does: one in the background ignores Ctrl-C, and so do its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
