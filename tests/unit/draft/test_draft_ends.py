"""A draft that a signal ends leaves nothing behind: what it has read may be personal."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from products import BIN, Make


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_leaves_no_temporary_file(name: str, make: Make, tmp_path: Path) -> None:
    product = make("ends", start_with="own-data")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        source = f"stock=http://127.0.0.1:{silent.getsockname()[1]}/stock.csv"
        draft = subprocess.Popen(
            [BIN / "meshwright", "draft", product, "--from", source],
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stderr=subprocess.PIPE,
            # Where the tests are started by nohup, SIGHUP is ignored.
            preexec_fn=lambda: signal.signal(getattr(signal, name), signal.SIG_DFL),
        )
        until = time.monotonic() + 60
        while not list(tmp_path.glob("meshwright-*")) and time.monotonic() < until:
            time.sleep(0.05)
        assert list(tmp_path.glob("meshwright-*"))
        draft.send_signal(getattr(signal, name))
        _, errors = draft.communicate(timeout=60)
    assert draft.returncode in (1, 128 + getattr(signal, name)), errors
    assert not list(tmp_path.glob("meshwright-*"))
    assert b"Traceback" not in errors
