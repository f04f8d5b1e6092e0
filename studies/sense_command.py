"""Turns models into a table of where they make no sense to a clinician: `vigil sense`. It needs no
data, so that a candidate can be looked at as soon as it is trained.
"""

import json
from pathlib import Path

import click

from studies.commands import MODELS
from studies.extra import needs_studies


@click.command("sense")
@click.argument("chosen", metavar="[NAME[/VERSION]]...", nargs=-1)
@click.option(
    "--worst",
    default=20,
    show_default=True,
    type=click.IntRange(min=0),
    help="How many failings are listed, the worst first.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what validation.json holds of it.")
@MODELS
@needs_studies
def sense(chosen: tuple[str, ...], worst: int, as_json: bool, folder: Path) -> None:
    """Move each variable of made patients to worse, and list where a model makes no sense of it.

    Every champion if no model is named.
    """
    from studies.report.report_sense import printed
    from studies.sense.sense import sense as judge
    from studies.validation.validate import named

    found = {model.id: judge(model, worst) for model in named(folder, chosen)}
    if as_json:
        named_ = {f"{one.name}/{one.version}": figures for one, figures in found.items()}
        click.echo(json.dumps(named_, indent=1))
        return
    for one, figures in found.items():
        click.echo("\n".join([f"{one.name} {one.version}", *printed(figures)]))
