"""The option that names a configuration, for every command that reads one."""

from pathlib import Path

import click

CONFIG = click.option(
    "--config",
    envvar="VIGIL_CONFIG",
    required=True,
    type=click.Path(path_type=Path),
    help="TOML file; or set VIGIL_CONFIG.",
)
