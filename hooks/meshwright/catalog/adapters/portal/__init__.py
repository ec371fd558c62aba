"""data-product-portal (conveyordata), by its REST interface of version 0.8: looks up, then creates or changes.

What the portal's administrators make (domains, types of products, tags) is looked up and never made here. Products are
known by their namespace, `<domain>.<name>`, and ports by `<domain>.<name>.<port>`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from meshwright.catalog import Payload, Place
from meshwright.catalog.adapters import _common as common
from meshwright.catalog.adapters._common import Words
from meshwright.core.http import Http, Refused, path
from meshwright.core.text import printable
from meshwright.mesh.catalog import Outcome, OutcomeKind
from meshwright.product.record import Port, Record

NAME = "portal"

SETTINGS: common.Settings = {
    "auth": ("bearer", "how the token is sent: `bearer` (OpenID Connect), or `x-key` (the portal's own key)"),
    "type": ("", "the type of data product in the portal; the product's own type, if empty"),
    "lifecycle": ("", "the lifecycle in the portal; its default one, if empty"),
    "inputs": ("request", "`request`: asks for access to the ports that the product reads; `none`: does not"),
}

API = "/api/v2"
NAMESPACE = 64
ACCESS = {"open": "unrestricted", "approval-required": "restricted"}
"""Mode of access -> what the portal's access types do. One that is not known is not open."""
STATUS = {"published": "success", "failed": "failure"}

Ids = Callable[[str, str], str]
"""Kind and name of a thing of the portal -> its id there; of a `duration`: the default for such consumers."""


def payloads(record: Record, settings: Mapping[str, str] | None = None) -> Sequence[Payload]:
    """What would be sent to an empty portal; ids that it gives are named in angle brackets."""
    settings, words = common.chosen(SETTINGS, settings), Words("the portal")

    def ids(kind: str, name: str) -> str:
        return f"<id of {kind} {name}>" if kind != "duration" else "permanent"

    people = [ids("user", record.owner.email), ids("user", "of the token")]
    home = f"{API}/data_products"
    sent = [Payload(f"POST {home}", _product(record, ids, settings, words) | {"owners": people})]
    usage = words.line(record.usage, common.PARAGRAPH, "The usage")
    sent.append(Payload(f"PUT {home}/<id of product {_namespace(record)}>/usage", {"usage": usage}))
    for port in _ports(record, words):
        there = f"{home}/<id of product {_namespace(record)}>/output_ports"
        sent.append(Payload(f"POST {there}", _port(record, port, ids, settings, words) | {"owners": people}))
        for part, body in _details(record, words):
            sent.append(Payload(f"POST {there}/<id of port {port.name}>/{part}", body))
    if settings["inputs"] == "request":
        wanted = [{"output_port_id": ids("port", name)} for name in _reads(record, words)]
        if wanted:
            body = {"output_ports": wanted, "justification": _justification(record)}
            sent.append(Payload(f"POST {home}/<id of product {_namespace(record)}>/input_ports", body))
    return sent


def publish(record: Record, place: Place) -> Outcome:
    """Creates or changes the product, its ports, their contracts and the result of the last run."""
    settings, words = common.chosen(SETTINGS, place.settings), Words("the portal")
    http = _http(place, settings)
    known = _known(http)
    ids = _finder(known, record, words)
    changes: list[str] = []
    product = _upsert(
        http,
        f"{API}/data_products",
        known["product"].get(_namespace(record)),
        _product(record, ids, settings, words) | {"name": _title(record, known, words)},
        _owners(record, known, words),
        changes,
    )
    created = bool(changes) and changes[0].startswith("POST")
    home = f"{API}/data_products{path(product)}"
    _activate(http, home, changes)
    usage = words.line(record.usage, common.PARAGRAPH, "The usage")
    if (
        http.request("GET", home).object().get("usage") or ""
    ) != usage:  # or what was said when it was retired
        http.request("PUT", f"{home}/usage", {"usage": usage})
        changes.append("usage")
    _own(http, "data_product", product, known, record, changes)
    ports = _by_namespace(_list(http, f"{home}/output_ports", "output_ports"))
    wanted = {_namespace(record, port.name): port for port in _ports(record, words)}
    for namespace, port in wanted.items():
        body = _port(record, port, ids, settings, words)
        port_id = _upsert(
            http,
            f"{home}/output_ports",
            ports.get(namespace),
            body,
            _owners(record, known, Words("")),
            changes,
        )
        there = f"{home}/output_ports{path(port_id)}"
        _activate(http, there, changes)
        for part, value in _details(record, words):
            if not common.same(value, _there(http, there, part)):
                http.request("POST", f"{there}/{part}", value, again=True)  # both say the whole again
                changes.append(part)
    for namespace in sorted(set(ports) - set(wanted)):
        if _archive(http, f"{home}/output_ports{path(ports[namespace])}"):
            changes.append("archive")
            words.notes.append(
                f"The port {printable(namespace)[:100]} is archived: the product has it no more."
            )
    if settings["inputs"] == "request":
        _request(http, home, record, known, words, changes)
    outcome: OutcomeKind = "created" if created else "updated" if changes else "unchanged"
    return Outcome(
        outcome, record.id, f"{http.url}/data-products{path(product)}", tuple(dict.fromkeys(words.notes))
    )


def retire(id: str, place: Place, reason: str, successor: str | None) -> Outcome:
    """Archives the product and its ports: their pages stay, and say why."""
    settings = common.chosen(SETTINGS, place.settings)
    http = _http(place, settings)
    domain, _, name = id.partition("/")
    there = _by_namespace(_list(http, f"{API}/data_products", "data_products"))
    product = there.get(common.identifier(domain, name, most=NAMESPACE))
    if product is None:
        raise Refused(f"The portal has no data product {printable(id)}.", "Check domain and name.", 404)
    home = f"{API}/data_products{path(product)}"
    for port in _by_namespace(_list(http, f"{home}/output_ports", "output_ports")).values():
        _archive(http, f"{home}/output_ports{path(port)}")
    words = Words("the portal")
    why = words.line(reason, common.PARAGRAPH, "The reason")
    usage = f"Retired: {why}" + (f" Its successor is {printable(successor)}." if successor else "")
    http.request("PUT", f"{home}/usage", {"usage": usage})
    _archive(http, home)
    return Outcome("retired", id, f"{http.url}/data-products{path(product)}", tuple(words.notes))


# -- what is sent -------------------------------------------------------------------------------------


def _product(record: Record, ids: Ids, settings: Mapping[str, str], words: Words) -> dict[str, Any]:
    return {
        "name": words.line(record.title, common.SHORT, "The title"),
        "namespace": _namespace(record),
        "description": words.line(record.purpose or record.title, common.PARAGRAPH, "The purpose"),
        "about": common.as_html(record, words),
        "type_id": ids("type", settings["type"] or record.type),
        "domain_id": ids("domain", record.domain),
        "lifecycle_id": ids("lifecycle", settings["lifecycle"]),
        "tag_ids": _tags(record, ids),
    }


def _port(record: Record, port: Port, ids: Ids, settings: Mapping[str, str], words: Words) -> dict[str, Any]:
    told = f"{port.uses}: {record.purpose or record.title}"
    return {
        "name": words.line(f"{record.title}: {port.name}", common.SHORT, "A port's name"),
        "namespace": _namespace(record, port.name),
        "description": words.line(told, common.PARAGRAPH, "A port's description"),
        "about": common.as_html(record, words),
        "access_type_id": ids("access type", ACCESS.get(record.access_mode, "restricted")),
        "data_product_access_duration_type": ids("duration", "data_products"),
        "exploration_access_duration_type": ids("duration", "explorations"),
        "lifecycle_id": ids("lifecycle", settings["lifecycle"]),
        "tag_ids": _tags(record, ids),
    }


def _tags(record: Record, ids: Ids) -> list[str]:
    """The ids of those that the portal has; the classification is one of them, where it has such a tag."""
    wanted = [*record.tags[:100], record.classification]
    return sorted({found for found in (ids("tag", name) for name in wanted if name) if found})


def _details(record: Record, words: Words) -> list[tuple[str, dict[str, Any]]]:
    """What hangs below a port: the contract's schema, and the result of the last run."""
    found: list[tuple[str, dict[str, Any]]] = []
    columns = common.columns(record, words)
    if columns:
        properties = []
        for column in columns:
            said = column.description
            level = column.classification if column.stated else f"{column.classification}, as none is stated"
            properties.append(
                {
                    "name": words.line(column.name, common.SHORT, "A column's name"),
                    "logicalType": column.logical_type or None,
                    "description": words.line(
                        f"{said} [{level}]", common.PARAGRAPH, "A column's description"
                    ).strip(),
                    "required": column.required,
                }
            )
        table = {
            "name": words.line(record.dataset, common.SHORT, "The data set's name"),
            "properties": properties,
        }
        found.append(("data_contract", {"schema": [table]}))
    at, outcome = _moment(record.get("quality.startedAt")), record.get("quality.outcome")
    if at and outcome in STATUS:
        verdicts = {True: "success", False: "failure", None: "unknown"}
        found.append(
            (
                "data_quality_summary",
                {
                    "created_at": at,
                    "overall_status": STATUS[outcome],
                    "description": words.line(common.last_run(record), common.PARAGRAPH, "The last run"),
                    "technical_assets": [],
                    "dimensions": {
                        words.line(one.name, common.SHORT, "A service level's name"): verdicts[one.kept]
                        for one in record.service_levels[: common.MANY]
                    },
                },
            )
        )
    return found


def _ports(record: Record, words: Words) -> list[Port]:
    return words.first((port for port in record.outputs if port.name), "output ports", 100)


def _reads(record: Record, words: Words) -> list[str]:
    """The namespaces of the ports that the product reads, each once."""
    found = {}
    for one in record.inputs:
        if one.product:
            domain, _, name = one.product.partition("/")
            found[common.identifier(domain, name, one.port, most=NAMESPACE)] = one.source
    return words.first(found, "inputs", 50)


def _justification(record: Record) -> str:
    return f"{record.id} reads it, as its data-product.yaml says. Access is decided by its agreement."


def _namespace(record: Record, *port: str) -> str:
    return common.identifier(record.domain, record.name, *port, most=NAMESPACE)


# -- what is there ------------------------------------------------------------------------------------


def _http(place: Place, settings: Mapping[str, str]) -> Http:
    key = common.one_of(settings, "auth", "bearer", "x-key") == "x-key"
    return Http(
        place.url,
        place.token,
        header="x-key" if key else "Authorization",
        scheme="" if key else "Bearer",
        patience=place.patience,
        server="catalog",
        notify=place.notify,
    )


def _list(http: Http, where: str, key: str) -> list[dict[str, Any]]:
    found = http.request("GET", where).object().get(key)
    return [item for item in (found if isinstance(found, list) else []) if isinstance(item, dict)]


LISTS = {
    "domain": ("configuration/domains", "domains", "name"),
    "type": ("configuration/data_product_types", "data_product_types", "name"),
    "lifecycle": ("configuration/data_product_lifecycles", "data_product_life_cycles", "name"),
    "access type": ("configuration/output_port_access_types", "output_port_access_types", "access_function"),
    "tag": ("configuration/tags", "tags", "value"),
    "user": ("users", "users", "email"),
    "product": ("data_products", "data_products", "namespace"),
}
"""Kind -> where the portal lists it, under which key, and by what it is looked up."""


def _known(http: Http) -> dict[str, dict[str, str]]:
    """Kind -> name -> id, and under `me` whose token it is."""
    known: dict[str, dict[str, str]] = {}
    for kind, (where, key, by) in LISTS.items():
        items = _list(http, f"{API}/{where}", key)
        known[kind] = {str(item.get(by)): str(item.get("id")) for item in items}
        if kind == "lifecycle":
            known[kind][""] = next((str(one.get("id")) for one in items if one.get("is_default")), "")
        if kind == "product":
            known["title"] = {str(item.get("name")): str(item.get("namespace")) for item in items}
    durations = _list(http, f"{API}/configuration/access_durations", "access_durations")
    known["duration"] = {
        str(one.get("abstract_data_product_type")): str(one.get("access_duration_type"))
        for one in durations
        if one.get("is_default")
    }
    known["me"] = {"": str(http.request("GET", f"{API}/users/current").object().get("id"))}
    return known


def _title(record: Record, known: Mapping[str, Mapping[str, str]], words: Words) -> str:
    """The product's title, with its id behind it if another product has it: the portal has each name once."""
    title = words.line(record.title, common.SHORT, "The title")
    if known["title"].get(title, _namespace(record)) == _namespace(record):
        return title
    return f"{title[: common.SHORT - NAMESPACE - 3]} ({_namespace(record)})"


def _finder(known: Mapping[str, Mapping[str, str]], record: Record, words: Words) -> Ids:
    def find(kind: str, name: str) -> str:
        found = known[kind].get(name, "")
        if kind == "tag":
            if not found:
                words.notes.append(
                    f"The portal has no tag {printable(name)[:100]!r}; an administrator makes it."
                )
        elif not found:
            called = f"{kind} {printable(name)[:100]!r}" if name else f"default {kind}"
            raise Refused(
                f"The portal has no {called}.",
                f"Ask its administrator for it; or name another one, if there is a setting for it: --set {kind}=NAME.",
            )
        return found

    return find


def _owners(record: Record, known: Mapping[str, Mapping[str, str]], words: Words) -> list[str]:
    """Whose token it is, so that the next run may change it, and whoever owns the product."""
    owners = [known["me"][""]]
    if record.owner.email in known["user"]:
        owners.append(known["user"][record.owner.email])
    else:
        words.notes.append(
            f"The owner {printable(record.owner.email)[:100]!r} has not signed in to the portal, so it does not know "
            "them as its owner yet; a later run adds them."
        )
    return list(dict.fromkeys(owners))


def _upsert(
    http: Http, where: str, id: str | None, body: dict[str, Any], owners: list[str], changes: list[str]
) -> str:
    """Creates it, or changes it where it differs; returns its id. What another one made meanwhile is not made twice."""
    if id is None:
        answer = http.request("POST", where, body | {"owners": owners}, again=False).object()
        changes.append(f"POST {where}")
        return str(answer.get("id"))
    there = http.request("GET", f"{where}{path(id)}").object()
    if not common.same(body, _flat(there)):
        http.request("PUT", f"{where}{path(id)}", body)
        changes.append(f"PUT {where}")
    return id


def _flat(there: Mapping[str, Any]) -> dict[str, Any]:
    """What the portal says of a product or port, in the words in which it is told."""
    flat = dict(there)
    for key in ("type", "domain", "lifecycle", "access_type"):
        value = there.get(key)
        flat[f"{key}_id"] = value.get("id") if isinstance(value, Mapping) else None
    tags = there.get("tags")
    flat["tag_ids"] = sorted(str(tag.get("id")) for tag in (tags if isinstance(tags, list) else []) if isinstance(tag, Mapping))  # fmt: skip
    return flat


def _activate(http: Http, where: str, changes: list[str]) -> None:
    if http.request("GET", where).object().get("status") != "active":
        http.request("PUT", f"{where}/status", {"status": "active"})
        changes.append("status")


def _archive(http: Http, where: str) -> bool:
    if http.request("GET", where).object().get("status") == "archived":
        return False
    http.request("PUT", f"{where}/status", {"status": "archived"})
    return True


def _there(http: Http, where: str, part: str) -> dict[str, Any]:
    """What hangs below a port already, in the words in which it is told; empty if nothing does."""
    answer = http.request("GET", f"{where}/{part}", ok={200, 404})
    there = answer.object() if answer.status == 200 else {}
    if part == "data_quality_summary":
        return there | {"created_at": _moment(there.get("created_at"))}
    tables = [item for item in there.get("schema_objects") or [] if isinstance(item, dict)]
    for table in tables:
        columns = [item for item in table.get("properties") or [] if isinstance(item, dict)]
        table["properties"] = [column | {"logicalType": column.get("logical_type")} for column in columns]
    return {"schema": tables}


def _moment(said: Any) -> str:
    """A time as every system writes it; empty if it is none."""
    try:
        return datetime.fromisoformat(said).astimezone(UTC).isoformat()
    except (TypeError, ValueError, OverflowError):
        return ""


def _own(
    http: Http,
    scope: str,
    id: str,
    known: Mapping[str, Mapping[str, str]],
    record: Record,
    changes: list[str],
) -> None:
    """Makes the product's owner one in the portal, too, if it did not know them when the product was created."""
    owner = known["user"].get(record.owner.email)
    if owner is None:
        return
    where = f"{API}/authz/role_assignments/{scope}"
    there = _list(http, f"{where}?{scope}_id={id}", "role_assignments")
    if any(_id_of(item.get("user")) == owner for item in there):
        return
    roles = _list(http, f"{API}/authz/roles/{scope}", "roles")
    role = next((item.get("id") for item in roles if item.get("prototype") == 2), None)
    if role is not None:
        http.request("POST", where, {"user_id": owner, "role_id": role, f"{scope}_id": id}, again=False)
        changes.append("owner")


def _by_namespace(items: list[dict[str, Any]]) -> dict[str, str]:
    return {str(item.get("namespace")): str(item.get("id")) for item in items}


def _id_of(value: Any) -> str:
    return str(value.get("id")) if isinstance(value, Mapping) else ""


def _request(
    http: Http,
    home: str,
    record: Record,
    known: Mapping[str, Mapping[str, str]],
    words: Words,
    changes: list[str],
) -> None:
    """Asks for access to each port that the product reads, once, whatever became of it: the portal's lineage."""
    there = {str(item.get("output_port_id")) for item in _list(http, f"{home}/input_ports", "input_ports")}
    wanted = []
    for one in record.inputs:
        if not one.product:
            continue
        domain, _, name = one.product.partition("/")
        product = known["product"].get(common.identifier(domain, name, most=NAMESPACE))
        ports = (
            _list(http, f"{API}/data_products{path(product)}/output_ports", "output_ports") if product else []
        )
        namespace = common.identifier(domain, name, one.port, most=NAMESPACE)
        found = _by_namespace(ports).get(namespace)
        if found is None:
            words.notes.append(
                f"The portal does not have {printable(one.source)[:200]}, so the lineage lacks it."
            )
        elif found not in there and found not in wanted:
            wanted.append(found)
    if wanted:
        body = {
            "output_ports": [{"output_port_id": id} for id in wanted],
            "justification": _justification(record),
        }
        http.request("POST", f"{home}/input_ports", body, again=False)
        changes.append("input_ports")
        words.notes.append(
            f"Access to {len(wanted)} port(s) is asked for in the portal, which draws lineage by it."
        )
