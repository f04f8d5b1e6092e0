"""`vigil keys`: makes what several hosts have to share before the first of them starts."""

import json
from pathlib import Path

import click

from runtime import logs, signing_key


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def keys(folder: Path) -> None:
    """Make the keys that several hosts share, signing-key.json and log-key, in FOLDER.

    Prints the public half of the signing key, which EHRs know us by. What is there already stays.
    """
    logs.configure(folder)
    click.echo(json.dumps(signing_key.public_jwks(signing_key.signing_key(folder)), indent=2))
