"""`vigil keys`: makes what several hosts have to share before the first of them starts, and changes
the signing key step by step.
"""

import json
from pathlib import Path
from typing import get_args

import click

from runtime import logs, signing_key


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--change",
    "step",
    type=click.Choice(get_args(signing_key.Step)),
    help="Change the signing key without a failed sign-in: add a second key, which is published "
    "only; an hour later use it; an hour later drop the old one. Reload Vigil after each step.",
)
def keys(folder: Path, step: signing_key.Step | None) -> None:
    """Make the keys that several hosts share, signing-key.json and log-key, in FOLDER.

    Prints the public half of the signing key, which EHRs know us by. What is there already stays.
    """
    logs.configure(folder)
    found = signing_key.change(folder, step) if step else signing_key.signing_keys(folder)
    click.echo(json.dumps(signing_key.public_jwks(found), indent=2))
