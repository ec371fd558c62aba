"""Read the sources and make the survey of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from meshwright.mesh.sources import records
from meshwright.product.record import Record
from meshwright.survey import attributes, profiling
from meshwright.survey.candidates import Candidates
from meshwright.survey.commands import Commands, Template, own_template
from meshwright.survey.estate import Estate
from meshwright.survey.evidence import evidence
from meshwright.survey.existing import match
from meshwright.survey.model import Candidate, Source, Survey
from meshwright.survey.needs import needs
from meshwright.survey.reading import Reader


def survey(
    given: Sequence[str],
    domain: str = "",
    mesh: Sequence[str] = (),
    template: Template | None = None,
    profile: bool = False,
) -> Survey:
    """Return the survey of the sources as the command line names them. Raises Error if the mesh cannot be read."""
    with ExitStack() as stack:
        reader = Reader(stack)
        sources = [source for one in given for source in reader.read(one)]
        result = of_sources(sources, domain, records(list(mesh)) if mesh else (), template, profile)
    result.unread = [
        *((name, f"{what} fix: {fix}" if fix else what) for name, what, fix in reader.unread),
        *result.unread,
    ]
    return result


def of_sources(
    sources: Sequence[Source],
    domain: str = "",
    mesh: Sequence[Record] = (),
    template: Template | None = None,
    profile: bool = False,
) -> Survey:
    """Return the survey of sources that were read. `mesh`: products that are there beside those of the sources."""
    estate = Estate(sources)
    products: dict[str, Record] = {}
    for product in (*(record for source in sources for record in source.products), *mesh):
        products.setdefault(product.id, product)
    domain = domain or _only_domain(sources)
    taken = {product.name for product in products.values() if product.domain == domain}
    made = Candidates(estate, taken)
    found = made.found
    for candidate in found:
        candidate.sensitive = attributes.sensitive(candidate)
        candidate.evidence = list(evidence(candidate, estate))
    unread = [(source.name, line) for source in sources for line in source.unread]
    unread += [("all", line) for line in estate.ambiguous]
    if profile:
        unread += [line for candidate in found for line in profiling.profile(candidate, estate)]
    for candidate in found:
        candidate.doubts += _guesses(candidate)
    match(list(products.values()), found, estate)
    required = needs(estate, found)
    made_by = Commands(estate, domain, template or own_template(), found, products)
    for candidate in found:
        candidate.attributes = (
            attributes.of_product(products[candidate.product])
            if candidate.product
            else attributes.of_candidate(candidate, estate, domain)
        )
    # Of several models of one project, the most used one is adopted with the repository.
    for candidate in sorted(found, key=lambda one: -len(_exposed(one, estate))):
        candidate.commands = made_by.of(candidate)
        candidate.grants = made_by.grants(candidate)
    matched = {candidate.product for candidate in found}
    own = {record.id for source in sources for record in source.products}
    mine = [one for one in products.values() if one.id in own | matched or domain in ("", one.domain)]
    return Survey(domain, sources, found, sorted(made.left_out.items()), mine, required, unread)


def _guesses(candidate: Candidate) -> list[str]:
    names = [part.table.name for part in candidate.parts if part.is_guess]
    if not names:
        return []
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    verb = "belongs" if len(names) == 1 else "belong"
    return [f"only names suggest that {', '.join(names[:5])}{more} {verb} to it"]


def _exposed(candidate: Candidate, estate: Estate) -> Sequence[str]:
    found = estate.models.get(candidate.main.id)
    return found[1].exposed if found else ()


def _only_domain(sources: Sequence[Source]) -> str:
    """Return the domain of the products in the sources, if all have the same."""
    domains = {record.domain for source in sources for record in source.products} - {"unknown"}
    return domains.pop() if len(domains) == 1 else ""
