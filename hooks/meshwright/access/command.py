"""The `access` verb's commands."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from meshwright.access.options import AT, DIRECTORY, ENVIRONMENT, FORMAT, PORTS, PRODUCT, applying, options
from meshwright.core.console import Verbs, stop
from meshwright.core.files import write
from meshwright.product.files import AGREEMENTS

TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%z"]
"""A day, or a time with its zone."""


@click.group(cls=Verbs, extra="access")
def access() -> None:
    """Who may read a data product: asks, plans, grants on real storage, and proves it.

    Decides on what is committed, not on the work tree. Exit codes: 0 all is as it should be; 1 somebody
    can read what they should not, or cannot what they should, or an administrator has to do something; 2 the product
    or the directory cannot be read.
    """


@access.command()
@click.argument("agreement")
@click.option("--role", required=True, help="A role of access/policy.yaml.")
@click.option(
    "--principal",
    "principals",
    multiple=True,
    required=True,
    metavar="group:NAME|id:ID",
    help="Who will read (repeatable).",
)
@click.option("--for", "purpose", required=True, metavar="TEXT", help="What for.")
@click.option("--purpose", "code", metavar="NAME", help="One of the role's purposes, where it has any.")
@click.option(
    "--until", type=click.DateTime(TIMES), help="The day on which access ends; with --break-glass, the time."
)
@click.option(
    "--from",
    "start",
    type=click.DateTime(TIMES),
    help="The day on which it begins; today, if none is given. With --break-glass, the time.",
)
@click.option(
    "--break-glass",
    is_flag=True,
    help="In an emergency: for a role with `breakGlass`, for one hour at the most, which is also what no --until means.",
)
@click.option("--team", required=True, help="The consumer's team.")
@click.option("--requester", required=True, metavar="E-MAIL", help="Who asks.")
@click.option("--output", "port", metavar="NAME", help="The output port; all of them, if none is given.")
@click.option("--consumer", metavar="DOMAIN/NAME", help="The data product that reads, if one does.")
@options(PRODUCT, DIRECTORY)
def request(root: Path, **fields: Any) -> None:
    """Writes access/agreements/AGREEMENT.yaml, a request to read this product, for a pull request."""
    from meshwright.access import request as requests

    click.echo(requests.request(root, **fields))


@access.command("request-all")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@options(PRODUCT, DIRECTORY)
def request_all(root: Path, file: Path, directory: str | None) -> None:
    """Writes a request for each row of a CSV FILE, all or none. Its columns are the options of `request`, and `agreement`."""
    from meshwright.access.bulk_requests import request_all

    click.echo(request_all(root, file, directory))


@access.command()
@click.argument("agreement")
@click.option(
    "--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The day on which access ends then."
)
@click.option("--requester", metavar="E-MAIL", help="Who asks; as before, if nobody is given.")
@options(PRODUCT, DIRECTORY)
def renew(root: Path, **fields: Any) -> None:
    """Writes a request that continues AGREEMENT: who reads by it goes on reading, without a gap, once it is approved.

    The new agreement begins today. To change the end in an approved file would take today's access away.
    """
    from meshwright.access import request as requests

    click.echo(requests.renew(root, **fields))


@access.command()
@click.argument("what", metavar="AGREEMENT...|FILE", nargs=-1, required=True)
@click.option("--note", default="", metavar="TEXT", help="Why: it is kept in the agreement.")
@options(PRODUCT)
def approve(root: Path, what: tuple[str, ...], note: str) -> None:
    """Sets the status of agreements to `approved`, all or none, or takes a change of a FILE that decides who reads what, such as
    access/policy.yaml. Prints how to sign: the signed commit is what counts.
    """
    from meshwright.access import approve as approving
    from meshwright.access import decision_note

    note = decision_note.checked_note(note)
    printed = approving.approve(root, what)
    paths = [path for path in map(approving.guarded_path, what) if path.startswith(f"{AGREEMENTS}/")]
    left = [decision_note.add_note(root, path, note) for path in dict.fromkeys(paths)]
    click.echo("\n".join(filter(None, (printed, *left))))


@access.command()
@click.argument("agreement")
@click.option("--note", required=True, metavar="TEXT", help="Why: it is kept in the agreement.")
@options(PRODUCT)
def reject(root: Path, agreement: str, note: str) -> None:
    """Sets an agreement's status to `rejected`, with the reason. It needs no signature, and ends access that there is."""
    from meshwright.access import decision_note

    click.echo(decision_note.reject(root, agreement, decision_note.checked_note(note)))


@access.command()
@click.argument("agreements", nargs=-1)
@options(PRODUCT)
def review(root: Path, agreements: tuple[str, ...]) -> None:
    """Confirms AGREEMENTS, which somebody still needs, in access/reviews/; without any, lists when each has to be confirmed."""
    from datetime import UTC, datetime

    from meshwright.access import loading, reviews

    if agreements:
        click.echo(reviews.confirm(root, agreements, datetime.now(UTC).date()))
        return
    decisions = loading.decisions_at(root, None, None)
    listed = [
        (one.id, one.role, one.until, one.reviewed_until) for one in decisions.verdicts if not one.refused
    ]
    for line in reviews.listed(listed):
        click.echo(line)


@access.command()
@options(PRODUCT, ENVIRONMENT, DIRECTORY, PORTS, AT, FORMAT)
@click.option(
    "--against",
    metavar="COMMIT",
    help="What this commit would change against another one. Asks no storage, and the directory, if one is named, only for "
    "how many people that is.",
)
def plan(
    root: Path,
    directory: str | None,
    names: tuple[str, ...],
    at: datetime | None,
    form: str,
    against: str | None,
) -> None:
    """What would be granted and revoked on each output port, and by which agreement. Changes nothing."""
    from meshwright.access import compare, loading, run

    if against:
        done = compare.against(
            loading.decisions_before(root, at, against), loading.decisions_at(root, None, at)
        )
        if directory and done.effects:
            done = compare.with_people(done, loading.decisions_at(root, directory, at))
        _report(done, form)
    directory = directory or loading.sample_directory(root)
    decisions = loading.decisions_at(root, directory, at, last_readable=True)
    _report(run.plan(decisions, loading.chosen_ports(decisions.product, names), applying(directory)), form)


@access.command()
@options(PRODUCT, ENVIRONMENT, DIRECTORY, PORTS, FORMAT)
@click.option(
    "--confirm",
    "confirmed",
    multiple=True,
    metavar="TOKEN",
    help="Goes on in spite of one alarm (repeatable).",
)
@click.option(
    "--first", is_flag=True, help="Begins the audit chain of a port on which nothing was applied yet."
)
def apply(
    root: Path,
    directory: str | None,
    names: tuple[str, ...],
    form: str,
    confirmed: tuple[str, ...],
    first: bool,
) -> None:
    """Grants and revokes, all or nothing on each port, and proves that nobody else can read."""
    from meshwright.access import address_registry, loading, run

    directory = directory or loading.no_directory()
    decisions = loading.decisions_at(root, directory, None, last_readable=True)
    ports = loading.chosen_ports(decisions.product, names)
    done = run.apply(decisions, ports, confirmed, first, applying(directory))
    try:
        _report(loading.with_orphans(done, directory, ports), form)
    finally:  # what was granted is reported, even if the registry cannot be written
        address_registry.write_agreements(root, done)


@access.command()
@options(PRODUCT, ENVIRONMENT, DIRECTORY, PORTS, FORMAT)
def verify(root: Path, directory: str | None, names: tuple[str, ...], form: str) -> None:
    """Whether everybody can read what they should, and nothing else, by what the storage itself reports. Changes nothing."""
    from meshwright.access import loading, run

    directory = directory or loading.no_directory()
    decisions = loading.decisions_at(root, directory, None, last_readable=True)
    ports = loading.chosen_ports(decisions.product, names)
    done = run.verify(decisions, ports, applying(directory))
    _report(loading.with_orphans(done, directory, ports), form)


@access.command()
@click.argument("principal")
@click.argument("column")
@options(PRODUCT, ENVIRONMENT, DIRECTORY, AT, FORMAT)
def explain(
    principal: str, column: str, root: Path, directory: str | None, at: datetime | None, form: str
) -> None:
    """Why PRINCIPAL (as the directory calls them) sees COLUMN, or why not. Exit code 1 if they see nothing of it."""
    import json

    from meshwright.access import loading, report

    decisions = loading.decisions_at(root, directory or loading.sample_directory(root), at, also=(principal,))
    who = decisions.directory.principals.get(principal)
    if who is None:
        stop(
            f"The directory has no principal {principal}: they see nothing.",
            "Write the id as the directory has it.",
            code=1,
        )
    what = next((entry for entry in decisions.product.columns if entry.name == column), None)
    if what is None:
        columns = ", ".join(entry.name for entry in decisions.product.columns)
        stop(f"The contract has no column {column}.", f"It has {columns}.")
    explanation = report.explained(decisions, who, what)
    click.echo(json.dumps(explanation, indent=2) if form == "json" else report.explanation(explanation))
    sys.exit(0 if explanation["sees"] != "nothing" else 1)


@access.command("report")
@click.argument("sources", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["human", "csv", "html", "json"]),
    default="human",
    show_default=True,
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The file to write.",
)
@options(ENVIRONMENT)
def report_readers(sources: tuple[Path, ...], form: str, output: Path | None) -> None:
    """Who can read what, why, until when and in which columns, by person: from the newest audit records.

    SOURCES: products' repositories, or folders of them; here, if none is given. It names people. Exit code 1 if nothing
    is known of a port.
    """
    from meshwright.access import loading, mesh_readers, readers
    from meshwright.mesh.sources import repositories

    roots = [root for source in sources or (Path(),) for root in repositories(source)]
    if not roots:
        stop("There is no data product here.", "Name a product's repository, or a folder of them.")
    readers_report = mesh_readers.of_products(roots, loading.product_at)
    text = readers.FORMATS[form](readers_report)
    if output:
        write(output, text, parents=True)
    else:
        click.echo(text, nl=False)
    sys.exit(1 if readers_report.unknown else 0)


@access.command()
@options(PRODUCT, ENVIRONMENT, PORTS)
@click.option(
    "--webhook",
    metavar="URL",
    help="Where each notice is posted, as a CloudEvent (its token: MESHWRIGHT_WEBHOOK_TOKEN).",
)
@click.option(
    "--mail-to",
    "recipients",
    multiple=True,
    metavar="ADDRESS",
    help="Who gets each notice by mail (repeatable).",
)
@click.option(
    "--smtp",
    metavar="HOST:PORT",
    help="The mail server (its login: MESHWRIGHT_SMTP_USER, MESHWRIGHT_SMTP_PASSWORD).",
)
@click.option("--from", "sender", metavar="ADDRESS", help="Who sends the mail.")
@click.option(
    "--cursor",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("build/access-notices.json"),
    show_default=True,
    help="The file that notes what was sent; keep it between runs.",
)
@click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)
def notify(
    root: Path,
    names: tuple[str, ...],
    webhook: str | None,
    recipients: tuple[str, ...],
    smtp: str | None,
    sender: str | None,
    cursor: Path,
    form: str,
) -> None:
    """Sends what has happened to agreements since the last time: requested, decided, ending soon, ended, and alarms.

    It reads the audit records. Without --webhook and --mail-to it only prints the notices, and notes nothing. Each is sent at
    least once, and has the same id each time. Exit code 1: one could not be sent; the next run goes on with it.
    """
    import json

    from meshwright.access import loading, notices, notify
    from meshwright.access.audit import broken
    from meshwright.access.targets import target

    product = loading.product_at(root)
    settings = notify.settings_of(smtp, sender, recipients)
    sinks = [*([notify.webhook(webhook)] if webhook else []), *([notify.mail(settings)] if settings else [])]
    sent = notify.Cursor(root / cursor)
    now = notify.current_time()
    everything: list[notices.Notice] = []
    problems: list[str] = []
    for port in loading.chosen_ports(product, names):
        records = target(port.uses).audit_records(port)
        if problem := broken(records):
            problems.append(f"{port.name}: {problem}")
        else:
            everything += notices.notices(product.id, records, now)
    pending = notify.due(everything, sent, now)
    delivered = notify.deliver(pending, sinks, sent, notify.current_time) if sinks else iter(pending)
    for notice in delivered:
        line = json.dumps(notice.event()) if form == "json" else next(notify.as_lines([notice]))
        click.echo(line)
    if problems:
        fix = "Run `meshwright access verify`: it says what is wrong with the records."
        stop(f"Records that somebody changed tell nothing. {' '.join(problems)}", fix, code=1)


@access.command()
@click.option("--logins", is_flag=True, help="Also the logins of everybody who reads.")
@options(PRODUCT, ENVIRONMENT, DIRECTORY, PORTS)
def bootstrap(logins: bool, root: Path, directory: str | None, names: tuple[str, ...]) -> None:
    """The SQL that an administrator of the database runs once for this product, and again for a new role."""
    from meshwright.access import loading
    from meshwright.access.targets import postgres

    product = loading.product_at(root)
    decisions = (
        loading.decisions_at(root, directory or loading.sample_directory(root), None) if logins else None
    )
    for port in loading.chosen_ports(product, names):
        if port.uses != "postgres@1":
            continue
        members = decisions.desired(port).members if decisions else ()
        people = sorted({member.principal.login("postgres") for member in members})
        click.echo(
            postgres.bootstrap(
                postgres.schema(port, product.dataset), list(product.roles), people, product.id
            ),
            nl=False,
        )


@access.command()
@click.argument("engine")
@click.option(
    "--table", required=True, metavar="CATALOG.SCHEMA.TABLE", help="What the data set is called there."
)
@click.option(
    "--to",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the files go.",
)
@click.option("--apply", "applied", is_flag=True, help="Make the calls too (lake-formation only).")
@click.option("--keep", multiple=True, metavar="ARN", help="Who loses nothing by --apply, such as the run.")
@options(PRODUCT, ENVIRONMENT, DIRECTORY, PORTS, AT)
def export(
    engine: str,
    table: str,
    folder: Path,
    applied: bool,
    keep: tuple[str, ...],
    root: Path,
    directory: str | None,
    names: tuple[str, ...],
    at: datetime | None,
) -> None:
    """The same decision for another ENGINE: trino (an OPA bundle), snowflake, snowflake-share, redshift-datashare, unity-catalog, lake-formation."""
    from meshwright.access import loading
    from meshwright.access.exports import APPLIED, EXPORTS, refuse_others
    from meshwright.access.grants import Refused

    known = APPLIED if applied else EXPORTS
    if engine not in known:
        raise click.BadParameter(f"there is no {engine}; there are {', '.join(known)}.", param_hint="ENGINE")
    decisions = loading.decisions_at(root, directory or loading.sample_directory(root), at)
    ports = loading.chosen_ports(decisions.product, names)
    if len(ports) != 1:
        stop(
            "The product has several output ports, and each can have readers of its own.",
            "Name one with --port.",
        )
    try:
        desired = decisions.desired(ports[0]).without_break_glass()
        files = EXPORTS[engine](desired, table)
        refuse_others(folder, files)
        actions = APPLIED[engine](desired, table, keep) if applied else []
    except Refused as refused:
        stop(str(refused), refused.fix, code=1)
    for name, text in files.items():
        file = folder / name
        write(file, text, parents=True)
        click.echo(f"wrote {file}")
    for action in actions:
        click.echo(f"left to do: {action.sentence}\n  {action.statement}")
    sys.exit(1 if actions else 0)


def _report(done: Any, form: str) -> None:
    from meshwright.access.report import FORMATS

    click.echo(FORMATS[form](done))
    sys.exit(0 if done.well else 1)
