"""Following a product: by whom, what is sent, that it is sent once, and how it ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from receivers import MailServer, Receiver, mail_server, webhook_receiver
from records import record
from served import ADDRESS, served
from starlette.testclient import TestClient

from meshwright.cli import main
from meshwright.core.yaml import Unreadable
from meshwright.serve.catalog_store import CatalogStore
from meshwright.serve.catalog_store.tokens import EMAIL, PERSON, READ
from meshwright.serve.following.changes import change_message, state_of
from meshwright.serve.following.places import ADDRESS as MAIL_ADDRESS
from meshwright.serve.following.places import Places, places_of
from meshwright.serve.following.sending import Delivery, deliveries
from meshwright.serve.login.provider import Provider
from meshwright.serve.rights import SESSION

ID = "airport-operations/departures"
PAGE = f"/products/{ID}"
ADA, BO = (f"{name}@example.org" for name in ("ada", "bo"))


@dataclass
class Followed:
    """A catalog that people sign in to, with a mail server and a webhook's receiver."""

    client: TestClient
    store: CatalogStore
    post: MailServer
    hook: Receiver
    folder: Path

    @property
    def places(self) -> Places:
        return Places(self.post.address, "mesh@example.org", frozenset({self.hook.host}))

    def page(self, cookie: str, path: str = PAGE) -> str:
        return self.client.get(path, headers={"Cookie": cookie}).text

    def cookie(self, person: str = ADA, *more: str) -> str:
        return f"{SESSION}={self.store.tokens.create({READ, PERSON + person, *(more or (EMAIL,))})[0]}"

    def send(self, cookie: str, proof: str = "", **form: str) -> Any:
        """Send the form of the product's page, with the proof in it."""
        known = re.search(r'name="proof" value="(\w+)"', self.page(cookie))
        sent = {"proof": proof or (known[1] if known else ""), **form}
        return self.client.post(f"{PAGE}/follow", data=sent, headers={"Cookie": cookie})

    def publish(self, version: str, **changes: Any) -> None:
        self.store.products.put(record(product__metadata__version=version, **changes))

    def due(self) -> list[Delivery]:
        return list(deliveries(self.store, self.places, ADDRESS))


@pytest.fixture
def followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Followed]:
    with mail_server() as post, webhook_receiver(tmp_path) as hook:
        monkeypatch.setenv("SSL_CERT_FILE", str(hook.certificate))
        places = Places(post.address, "mesh@example.org", frozenset({hook.host}))
        provider = Provider("https://login.example.org", "catalog", "of-the-catalog")
        with served(tmp_path, [record()], provider=provider, places=places) as (client, store):
            yield Followed(client, store, post, hook, tmp_path)


def test_a_mail_comes_once_when_something_changes_and_its_link_ends_them(followed: Followed) -> None:
    cookie = followed.cookie()
    assert followed.send(cookie, by="mail").status_code == 200
    assert f"You follow it by mail to {ADA}" in followed.page(cookie)
    assert followed.due() == []
    followed.publish("1.1.0")
    assert [one.problem for one in followed.due()] == [""]
    assert followed.due() == []
    (letter,) = followed.post.letters
    assert (letter["To"], letter["From"]) == (ADA, "mesh@example.org")
    assert "Its version is 1.1.0; it was 1.0.0." in letter.get_content()
    assert f"{ADDRESS}/products/{ID}" in letter.get_content()
    link = letter["List-Unsubscribe"].strip("<>").removeprefix(ADDRESS)
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    asked = followed.client.get(link)
    assert asked.status_code == 200 and f'action="{link.lstrip("/")}"' in asked.text
    assert followed.store.follows.of(ADA, ID)  # looking at the link ends nothing
    done = followed.client.post(link, data={"List-Unsubscribe": "One-Click"})
    assert "You get no more messages" in done.text and not followed.store.follows.of(ADA, ID)
    followed.publish("1.2.0")
    assert followed.due() == [] and len(followed.post.letters) == 1


def test_what_was_not_sent_is_sent_by_the_next_run_and_others_do_not_wait(followed: Followed) -> None:
    for person in (ADA, BO):
        followed.send(followed.cookie(person), by="mail")
    followed.post.refused = {ADA}
    followed.publish("2.0.0")
    assert [bool(one.problem) for one in followed.due()] == [True, False]
    followed.publish("2.1.0")  # in between
    followed.post.refused = set()
    assert sorted(one.message.follow.person for one in followed.due()) == [ADA, BO]
    sent = [(one["To"], re.findall(r"Its version is (\S+); it was (\S+)\.", one.get_content())) for one in followed.post.letters]  # fmt: skip
    assert sent == [(BO, [("2.0.0", "1.0.0")]), (ADA, [("2.1.0", "1.0.0")]), (BO, [("2.1.0", "2.0.0")])]
    assert followed.due() == []


def test_a_webhook_gets_an_event_and_ends_by_being_gone(followed: Followed) -> None:
    cookie = followed.cookie("u-1", "readers")  # an address that nobody verified
    assert followed.send(cookie, by="mail").status_code == 400
    assert (
        followed.send(cookie, by="webhook", webhook=f"https://{followed.hook.host}/x?y=1").status_code == 200
    )
    followed.publish("1.1.0")
    followed.hook.status, followed.hook.headers = 302, {"Location": "https://elsewhere.example.org/"}
    assert [bool(one.problem) for one in followed.due()] == [True]  # a redirect is no delivery
    followed.hook.status = 200
    assert [one.problem for one in followed.due()] == [""]
    first, second = followed.hook.events
    assert first["id"] == second["id"] and followed.hook.paths == ["/x?y=1"] * 2
    assert second["type"] == "org.meshwright.catalog.product-changed"
    assert second["data"]["changes"] == ["Its version is 1.1.0; it was 1.0.0."]
    followed.publish("1.2.0")
    followed.hook.status = 410
    followed.due()
    assert not followed.store.follows.every()


@pytest.mark.parametrize("status", [302, 403, 404])
def test_no_path_of_a_webhook_gets_into_a_log(status: int, followed: Followed) -> None:
    followed.send(followed.cookie(), by="webhook", webhook=f"https://{followed.hook.host}/services/S3CR3T")
    followed.publish("1.1.0")
    followed.hook.status, followed.hook.headers = status, {"Location": "/services/S3CR3T/x"}
    problem = followed.due()[0].problem
    assert "webhook at localhost" in problem or "webhook at 127.0.0.1" in problem
    assert "S3CR3T" not in problem


def test_only_a_form_of_the_same_session_follows_and_ends(followed: Followed) -> None:
    ada, bo = followed.cookie(ADA), followed.cookie(BO)
    of_bo = re.search(r'name="proof" value="(\w+)"', followed.page(bo))
    assert of_bo and followed.send(ada, proof=of_bo[1], by="mail").status_code == 403
    assert followed.client.post(f"{PAGE}/follow", data={"by": "mail"}).status_code == 403
    assert not followed.store.follows.every()
    followed.send(ada, by="mail", email="eve@example.org", target="eve@example.org")
    followed.send(ada, by="mail")
    assert [one.target for one in followed.store.follows.every()] == [ADA]
    assert ADA not in followed.page(bo) and ADA not in followed.client.get(PAGE).text
    followed.send(bo, end="1")
    assert len(followed.store.follows.every()) == 1
    followed.send(ada, end="1")
    assert not followed.store.follows.every()
    assert "Sign in" in followed.client.get(PAGE).text


def test_two_runs_at_once_send_one_message(followed: Followed) -> None:
    followed.send(followed.cookie(), by="mail")
    (follow,) = followed.store.follows.every()
    assert followed.store.follows.claim(follow) and not followed.store.follows.claim(follow)
    followed.publish("1.1.0")
    assert followed.due() == []  # the other one is at it
    followed.store.follows.not_sent(follow)
    assert len(followed.due()) == 1
    assert not followed.store.follows.claim(follow)  # with what it read before, it sends nothing any more


def test_the_command_sends_and_says_what_it_could_not(followed: Followed) -> None:
    followed.send(followed.cookie(), by="mail")
    followed.publish("1.1.0")
    told = {"MESHWRIGHT_CATALOG_DATABASE": f"sqlite:///{followed.folder}/catalog.db", "MESHWRIGHT_SMTP_FROM": "mesh@example.org"}  # fmt: skip
    for smtp, code, said in (("127.0.0.1:1", 1, "not sent"), (followed.post.address, 0, f"{ID}: mail sent")):
        done = CliRunner(env={**told, "MESHWRIGHT_SMTP": smtp}).invoke(
            main, ["catalog", "notify", "--url", ADDRESS]
        )
        assert (done.exit_code, said in done.output) == (code, True), done.output
    half = CliRunner(env=told).invoke(main, ["catalog", "notify", "--url", ADDRESS])
    assert half.exit_code == 2 and "MESHWRIGHT_SMTP" in half.output


def test_without_a_mail_server_the_form_says_so(tmp_path: Path) -> None:
    provider = Provider("https://login.example.org", "catalog", "of-the-catalog")
    with served(tmp_path, [record()], provider=provider, places=Places()) as (client, store):
        token = store.tokens.create({READ, PERSON + ADA, EMAIL})[0]
        text = client.get(PAGE, headers={"Cookie": f"{SESSION}={token}"}).text
    assert "this catalog has no mail server" in text and "sends to no host" in text
    assert 'value="mail"' not in text and 'name="webhook"' not in text


HOSTS = frozenset({"hooks.example.org", "other.example.org:8443"})
REFUSED = [
    "http://hooks.example.org/",
    "https://hooks.example.org.evil.example/",
    "https://hooks.example.org:8443/",
    "https://other.example.org/",
    "https://hooks.example.org@169.254.169.254/",
    "https://user:pw@hooks.example.org/",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/",
    "https://localhost/",
    "file:///etc/passwd",
    "//hooks.example.org/",
    "https://hooks.example.org/#x",
    "https://hooks.example.org/\r\nHost: evil",
    "https://hooks.exämple.org/",
    "https://hooks.example.org/" + "x" * 1_000,
    "",
]


@pytest.mark.parametrize("url", REFUSED)
def test_webhooks_go_to_allowed_hosts_by_https_only(url: str) -> None:
    with pytest.raises(Unreadable):
        Places(hosts=HOSTS).webhook(url)


@pytest.mark.parametrize("address", ["a@[", "a@b(", "a(@b", "a;b@c", "a:b@c", "[a@b", "a@b:c;", "=?utf-8?q?=0A?=@b", "a@b\x00", "a@", "a@b\n"])  # fmt: skip
def test_no_address_that_a_header_reads_otherwise_is_sent_to(address: str) -> None:
    assert not MAIL_ADDRESS.fullmatch(address)


@pytest.mark.parametrize("address", ["ada@example.org", "o'neil+x@mail.example.org", "jürgen@exämple.org", "root@localhost"])  # fmt: skip
def test_a_usual_address_is_the_recipient_of_a_letter(address: str) -> None:
    assert MAIL_ADDRESS.fullmatch(address)
    letter = EmailMessage()
    letter["To"] = address
    assert [str(one) for one in letter["To"].addresses] == [address]


def test_an_allowed_host_is_taken_with_its_port() -> None:
    known = places_of({"MESHWRIGHT_WEBHOOK_HOSTS": "Hooks.example.org:443 other.example.org:8443"})
    assert known.hosts == HOSTS
    for url in (
        "https://HOOKS.example.org/a?b",
        "https://hooks.example.org:443/",
        "https://other.example.org:8443/x",
    ):
        assert known.webhook(url) == url


def test_every_change_has_its_sentence(tmp_path: Path) -> None:
    with served(tmp_path, [record()]) as (_, store):
        store.follows.add(ID, ADA, "mail", ADA, {})
        product = store.products.get(ID)
        (follow,) = store.follows.every()
    assert product
    state = state_of(product, "kept")
    cases: dict[str, dict[str, Any]] = {
        "Its contract or its description has changed, in the same version.": {"hash": "other"},
        "Its standing is: kept; it was: broken, critical.": {"standing": "critical"},
        "It is published again.": {"retired": True},
        "Its version is 1.0.0; it was 0.9.0.": {"version": "0.9.0", "hash": "other"},
    }
    for sentence, before in cases.items():
        changed = type(follow)(*[*vars(follow).values()][:-1], {**state, **before})
        message = change_message(changed, product, state, ADDRESS)
        assert message and message.sentences == (sentence,)
    retired = {**state, "retired": True, "successor": "a/b"}
    unchanged = type(follow)(*[*vars(follow).values()][:-1], state)
    message = change_message(unchanged, product, retired, ADDRESS)
    assert message and message.sentences == ("It was retired. Use a/b instead.",)
    assert change_message(unchanged, product, state, ADDRESS) is None
