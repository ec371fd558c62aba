"""The `meshwright` command: one verb for each thing that the platform does for a product or for the mesh.

Exit codes: 0 all kept, 1 a promise is not kept, 2 wrong usage or unreadable input. A verb imports what it
needs when it runs.
"""

from __future__ import annotations

import click

from meshwright.access.command import access
from meshwright.assess.command import assess
from meshwright.capabilities.command import capabilities
from meshwright.catalog.command import catalog
from meshwright.check.command import check
from meshwright.export.command import export
from meshwright.map.command import draw
from meshwright.rollout.command import rollout


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="meshwright")
def main() -> None:
    """Reads what data products say of themselves, and acts on it."""


for verb in (check, capabilities, access, assess, catalog, export, draw, rollout):
    main.add_command(verb)
