"""Catalogs of vendors whose servers cannot run in a test: real HTTP, their documented interface, a store in memory.

They refuse what their schemas and documentation refuse, and fail when they are told to.
"""

from __future__ import annotations

import copy
import json
import threading
import uuid
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jsonschema_rs
from checkout import ROOT

TOKEN = "not-the-token-of-anything"  # noqa: S105 - for servers that live as long as a test
SCHEMAS = json.loads((ROOT / "tests/data/adapters/openmetadata.schema.json").read_text("utf-8"))

Answer = tuple[int, Any]


class Vendor:
    """A server on this machine. `faults`: status and headers of the next answers, or None for one as usual."""

    writes = ("POST", "PUT", "PATCH", "DELETE")

    def __init__(self) -> None:
        self.store: dict[str, Any] = {}
        self.seen: list[tuple[str, str, Any]] = []
        """Method, path and body of each request that changes something, in order."""
        self.faults: list[tuple[int, dict[str, str]] | None] = []
        self.broken_from: int | None = None
        """From which write on, counted from 0, every one fails with status 500."""
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536  # an answer in one packet: in two, each one waits 40 ms

            def log_message(self, *_: Any) -> None:
                pass

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:
                    self.close_connection = True

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, value = vendor._answer(self.command, self.path, self.headers, body)
                raw = json.dumps(value).encode()
                self.send_response(status)
                for name, text in headers.items():
                    self.send_header(name, text)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _answer(
        self, method: str, path: str, headers: Message, body: bytes
    ) -> tuple[int, dict[str, str], Any]:
        if method in self.writes:
            if self.broken_from is not None and len(self.seen) >= self.broken_from:
                return 500, {}, {"message": "broken"}
            if self.faults and (fault := self.faults.pop(0)) is not None:
                return fault[0], fault[1], {"message": "not now"}
        if not self.lets_in(headers):
            return 401, {}, {"message": f"nobody knows {headers.get('Authorization')}"}
        status, value = self.handle(method, unquote(urlsplit(path).path), path, headers, body)
        return status, {}, value

    def lets_in(self, headers: Message) -> bool:
        return headers.get("Authorization") == f"Bearer {TOKEN}"

    def handle(self, method: str, path: str, raw: str, headers: Message, body: bytes) -> Answer:
        raise NotImplementedError


class EntropyData(Vendor):
    def lets_in(self, headers: Message) -> bool:
        return headers.get("x-api-key") == TOKEN

    def handle(self, method: str, path: str, raw: str, headers: Message, body: bytes) -> Answer:
        if method == "GET":
            return (200, self.store[path]) if path in self.store else (404, {"message": "not found"})
        value = json.loads(body)
        self.seen.append((method, path, value))
        if method != "PUT" or path.count("/") != 3 or value.get("id") != path.rpartition("/")[2]:
            return 422, {"message": "the id is not the one of the path"}
        self.store[path] = value
        return 200, {}


class OpenMetadata(Vendor):
    def __init__(self) -> None:
        super().__init__()
        for kind, name in (("services/databaseServices", "meshwright"), ("teams", "airport-operations")):
            self.store[f"{kind}:{name}"] = self.entity(kind, name, {"name": name})

    @staticmethod
    def entity(kind: str, fqn: str, body: dict[str, Any]) -> dict[str, Any]:
        return body | {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}:{fqn}")), "fullyQualifiedName": fqn}

    def handle(self, method: str, path: str, raw: str, headers: Message, body: bytes) -> Answer:
        assert path.startswith("/api/v1/")
        rest = path.removeprefix("/api/v1/")
        if method == "GET":
            kind, _, fqn = rest.partition("/name/")
            found = self.store.get(f"{kind}:{fqn}")
            return (200, found) if found else (404, {"message": f"{kind} instance for {fqn} not found"})
        value = json.loads(body)
        self.seen.append((method, path, value))
        if method == "PATCH":
            return self.patch(rest, value, headers)
        if rest == "lineage":
            return self.put_lineage(value)
        if "/" in rest:
            return self.add_assets(rest, value)
        return self.put(rest, value)

    def invalid(self, kind: str, value: Any) -> str:
        schema = {**SCHEMAS, "$ref": f"#/$defs/{kind}"}
        error = next(jsonschema_rs.iter_errors(schema, value, validate_formats=True), None)
        return error.message if error else ""

    def put(self, kind: str, value: Any) -> Answer:
        if said := self.invalid(kind, value):
            return 400, {"message": said}
        parents = {"databases": "service", "databaseSchemas": "database", "tables": "databaseSchema"}
        needed = {"databases": "services/databaseServices", "databaseSchemas": "databases", "tables": "databaseSchemas"}  # fmt: skip
        parent = value.get(parents.get(kind, ""))
        if parent and f"{needed[kind]}:{parent}" not in self.store:
            return 404, {"message": f"{parent} not found"}
        for label in value.get("tags", []):
            if f"tags:{label['tagFQN']}" not in self.store:
                return 404, {"message": f"tag {label['tagFQN']} not found"}
        fqn = f"{parent}.{value['name']}" if parent else value["name"]
        fqn = f"{value['classification']}.{value['name']}" if kind == "tags" else fqn
        created = f"{kind}:{fqn}" not in self.store
        entity = self.entity(kind, fqn, copy.deepcopy(value))
        entity["domains"] = [{"fullyQualifiedName": name} for name in value.get("domains", [])]
        self.store[f"{kind}:{fqn}"] = entity
        return 201 if created else 200, entity

    def patch(self, rest: str, steps: Any, headers: Message) -> Answer:
        id = rest.partition("/")[2]
        found = next(
            (item for item in self.store.values() if isinstance(item, dict) and item.get("id") == id), None
        )
        if headers.get("Content-Type") != "application/json-patch+json" or found is None:
            return 400, {"message": "no patch"}
        for step in steps:
            assert step["op"] == "add" and step["path"].count("/") == 1
            found[step["path"][1:]] = step["value"]
        return 200, found

    def add_assets(self, rest: str, value: Any) -> Answer:
        kind, fqn, part, verb = rest.split("/")
        if self.invalid("bulkAssets", value) or verb != "add" or f"{kind}:{fqn}" not in self.store:
            return 400, {"message": "no assets"}
        there = self.store.setdefault(f"{part} of {fqn}", [])
        there += [asset["id"] for asset in value["assets"] if asset["id"] not in there]
        return 200, {"status": "success"}

    def put_lineage(self, value: Any) -> Answer:
        if said := self.invalid("addLineage", value):
            return 400, {"message": said}
        edge = value["edge"]
        self.store[f"edge {edge['fromEntity']['id']} {edge['toEntity']['id']}"] = True
        return 200, {}


class Collibra(Vendor):
    """One job at a time; `ends` is what the next one ends as."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 2
        self.ends = ("COMPLETED", "SUCCESS", "")
        self.jobs: dict[str, int] = {}

    def handle(self, method: str, path: str, raw: str, headers: Message, body: bytes) -> Answer:
        if method == "GET":
            return self.job(path.rpartition("/")[2])
        if path != "/rest/2.0/import/json-job":
            return 404, {"message": "no such path"}
        head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
        parts = BytesParser().parsebytes(head + body).get_payload()
        fields = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in parts
        }
        assert {"file", "fileName"} <= set(fields)
        commands = json.loads(fields["file"])
        self.seen.append((method, path, commands))
        for command in commands:
            key = json.dumps(command["identifier"], sort_keys=True)
            if self.ends[1] == "SUCCESS":
                self.store[f"{command['resourceType']} {key}"] = command
        id = f"job-{len(self.jobs)}"
        self.jobs[id] = self.looks
        return 200, {"id": id, "state": "WAITING", "resourceType": "Job"}

    def job(self, id: str) -> Answer:
        self.jobs[id] -= 1
        if self.jobs[id] > 0:
            return 200, {"id": id, "state": "RUNNING", "resourceType": "Job"}
        state, result, message = self.ends
        return 200, {"id": id, "state": state, "result": result, "message": message}


class DataHub(Vendor):
    """The metadata service: takes proposals, and gives back their aspects."""

    def handle(self, method: str, path: str, raw: str, headers: Message, body: bytes) -> Answer:
        if method == "GET" and path == "/config":
            versions = {"acryldata/datahub": {"version": "v1.2.0", "commit": "x"}}
            return 200, {
                "noCode": "true",
                "versions": versions,
                "models": {},
                "datahub": {"serverType": "prod"},
            }
        if method == "GET" and path.startswith("/aspects/"):
            return self.aspect(path.removeprefix("/aspects/"), parse_qs(urlsplit(raw).query)["aspect"][0])
        value = json.loads(body)
        self.seen.append((method, path, value))
        proposal = value["proposal"]
        self.store[f"{proposal['entityUrn']} {proposal['aspectName']}"] = json.loads(
            proposal["aspect"]["value"]
        )
        return 200, {"value": proposal["entityUrn"]}

    def aspect(self, urn: str, name: str) -> Answer:
        if name.endswith("Key"):  # what an entity has as soon as it has anything
            there = any(key.startswith(f"{urn} ") for key in self.store)
            record, found = "Key", {"id": urn.rpartition(":")[2]} if there else None
        else:
            record, found = f"{name[0].upper()}{name[1:]}", self.store.get(f"{urn} {name}")
        space = (
            "dataproduct"
            if name.startswith("dataProduct")
            else "metadata.key"
            if record == "Key"
            else "common"
        )
        record = f"{name[0].upper()}{name[1:]}" if record == "Key" else record
        if found is None:
            return 404, {"message": "not found"}
        return 200, {"aspect": {f"com.linkedin.{space}.{record}": found}, "version": 0}
