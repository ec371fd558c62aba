"""One reader of folders, buckets and web servers: the same names give the same files, and no reader goes elsewhere."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from meshwright.product.store import Absent, Changed, Corrupt, Limits, Store, Unseen
from meshwright.product.store.bucket import Bucket, Closed
from meshwright.product.store.folder import Folder
from meshwright.product.store.web import Web

FILES = {
    "data.bin": b"x" * 3_000,
    "table/part-0.bin": b"a",
    "table/part-1.bin": b"b",
    "table/deep/c.bin": b"c",
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / "place" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "scratch").mkdir()
    return tmp_path / "place"


@pytest.fixture
def bucket(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    boto3, moto = pytest.importorskip("boto3"), pytest.importorskip("moto")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with moto.mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="lake")
        for name, content in FILES.items():
            client.put_object(Bucket="lake", Key=f"at/{name}", Body=content)
        yield


@pytest.fixture
def server(place: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(place))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()


@pytest.fixture(params=["folder", "permitted", "bucket", "web"])
def store(request: pytest.FixtureRequest, place: Path) -> Store:
    scratch, limits = place.parent / "scratch", Limits(10, 5_000)
    match request.param:
        case "folder":
            return Folder(place)
        case "permitted":
            return Folder(place, lambda path: path.is_relative_to(place))
        case "bucket":
            request.getfixturevalue("bucket")
            return Bucket("lake", "at/", limits, scratch)
    return Web(request.getfixturevalue("server"), limits, scratch, lambda host, port: host)


def test_every_store_gives_the_same_files(store: Store) -> None:
    for name, content in FILES.items():
        assert store.local(name).read_bytes() == content
        with store.opened(name) as opened:
            assert (opened.size, opened.file.read()) == (len(content), content)
        assert store.address(name).endswith(f"/{name}")


def test_every_store_lists_the_same_names_or_none(store: Store) -> None:
    if isinstance(store, Web):
        with pytest.raises(Unseen):
            store.names("table")
        with pytest.raises(Unseen):
            store.files("table/")
        return
    assert [name for name in store.names("table") if name != "deep"] == ["part-0.bin", "part-1.bin"]
    assert store.names("nowhere") in ((), [])
    assert {*store.files("table/")} == {name for name in FILES if name.startswith("table/")}


def test_what_does_not_exist_is_absent_in_every_store(store: Store) -> None:
    with pytest.raises(Absent):
        store.local("nothing.bin")
    with pytest.raises(Absent), store.opened("table/nothing.bin"):
        pass


def test_nothing_larger_than_the_limit_is_read(place: Path, bucket: None, server: str) -> None:
    scratch, limits = place.parent / "scratch", Limits(10, 2_000)
    for store in (
        Bucket("lake", "at/", limits, scratch),
        Web(server, limits, scratch, lambda host, port: host),
    ):
        with pytest.raises(Unseen, match="larger"):
            store.local("data.bin")
        assert store.local("table/part-0.bin").read_bytes() == b"a"


def test_no_link_is_followed_out_of_a_folder(place: Path) -> None:
    (place.parent / "secret").write_bytes(b"secret")
    (place / "out").symlink_to(place.parent / "secret")
    (place / "in").symlink_to(place / "data.bin")
    (place / "away").symlink_to(place.parent)
    os.mkfifo(place / "pipe")
    strict, within = Folder(place), Folder(place, lambda path: path.is_relative_to(place))
    for name in ("out", "pipe", "table"):
        for store in (strict, within):
            with pytest.raises(Corrupt):
                store.local(name)
            with pytest.raises(Corrupt), store.opened(name):
                pass
    with pytest.raises(Corrupt):
        strict.local("in")
    assert within.local("in").read_bytes() == FILES["data.bin"]
    assert {"out", "away"} <= {*strict.files("")}  # seen, and not entered
    assert not [name for name in strict.files("") if name.startswith("away/")]
    with pytest.raises(Corrupt, match="symbolic link"):
        [*strict.files("away")]


def test_what_the_kernel_makes_up_is_no_data() -> None:
    with pytest.raises(Corrupt):
        Folder(Path("/proc"), lambda path: True).local("self/status")


def test_an_object_is_read_as_it_was_listed_or_not_at_all(bucket: None) -> None:
    store = Bucket("lake", "at/")
    tag = store.files("data")["data.bin"].partition(" ")[0]
    with store.opened("data.bin", tag=tag, first=10) as opened:
        assert opened.file.read() == b"x" * 10
    store.client.put_object(Bucket="lake", Key="at/data.bin", Body=b"new")
    with pytest.raises(Changed), store.opened("data.bin", tag=tag):
        pass


@pytest.mark.parametrize("name", ["Lake", "a", "lake/at", "lake@x", "-lake"])
def test_a_name_that_no_bucket_has_is_refused(name: str) -> None:
    with pytest.raises(Unseen):
        Bucket(name, "")


def test_a_closed_bucket_is_told_from_one_that_fails(bucket: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ClientError

    store = Bucket("lake", "at/")
    for code, kind in (
        ("AccessDenied", Closed),
        ("403", Closed),
        ("SlowDown", Unseen),
        ("NoSuchKey", Absent),
    ):

        def fail(code: str = code, **_: object) -> None:
            raise ClientError({"Error": {"Code": code}}, "GetObject")

        monkeypatch.setattr(store.client, "get_object", fail)
        with pytest.raises(kind) as error, store.opened("data.bin"):
            pass
        assert type(error.value) is kind and error.value.fix
