"""The command that trains: on published data, or on a hospital's own."""

from pathlib import Path

import click

from studies.commands import FOLDER, NEW, TRAINED
from studies.extra import needs_studies

FIGURES = ("auroc", "auprc", "brier", "news2_auroc", "news2_auprc")


@click.command()
@click.argument("table", required=False, type=FOLDER)
@click.option(
    "--physionet-2012",
    "folder_2012",
    type=FOLDER,
    help="Folder of sets with Outcomes, or one set: trains deterioration.",
)
@click.option(
    "--physionet-2019",
    "folder_2019",
    type=FOLDER,
    help="Folder or zip of .psv files: trains sepsis.",
)
@click.option("--outcome", help="Your own data: the outcome to predict, as the mapping names it.")
@click.option("--mapping", type=FOLDER, help="TOML that says what the columns of TABLE mean.")
@click.option(
    "--outcomes",
    type=FOLDER,
    help="CSV (id, time) of the patients with the outcome, where TABLE is FHIR bulk NDJSON.",
)
@click.option(
    "--horizon",
    type=click.IntRange(min=1),
    show_default="the mapping's horizon_hours; 24 for FHIR bulk NDJSON",
    help="Hours before the outcome that count as before it.",
)
@click.option(
    "--every",
    type=click.IntRange(min=1),
    show_default="6",
    help="Your own data: hours between two rows of a stay.",
)
@click.option("--name", help="Name of your model; the outcome's if not given.")
@click.option("--label", help="Your outcome in the words of a card; its name if not given.")
@click.option(
    "--from",
    "start",
    metavar="NAME/VERSION",
    help="Your own data: begin with the trees of one of our versions, such as "
    "deterioration/0.5.0. It pays with few patients.",
)
@click.option("--version", default="0.1.0", show_default=True, help="Version to write.")
@click.option(
    "--output",
    default=TRAINED,
    type=NEW,
    show_default="the shipped models, where no model of your own may go",
    help="Where to write it.",
)
@click.option(
    "--hold-out/--no-hold-out",
    default=True,
    show_default=True,
    help="Leave every fifth record to validation.",
)
@needs_studies
def train(
    table: Path | None,
    folder_2012: Path | None,
    folder_2019: Path | None,
    version: str,
    output: Path,
    hold_out: bool,
    **own,
) -> None:
    """Train models on published data, or one on TABLE: stays of your own, as `vigil validate`
    reads them, with --outcome.

    Nothing is put into service: `vigil validate --record`, `vigil release` and `vigil models
    promote` follow.
    """
    published = folder_2012 is not None or folder_2019 is not None
    if (table is None) != published:
        raise click.UsageError(
            "Give either TABLE with --outcome, or --physionet-2012, --physionet-2019 or both."
        )
    if table is not None and own["outcome"] is None:
        raise click.UsageError("TABLE needs --outcome.")
    if table is None and (given := [name for name, value in own.items() if value is not None]):
        raise click.UsageError(f"--{', --'.join(given)} are for TABLE alone.")
    from studies.training.make import train_models

    if table is not None:
        made = [_own(table, version, output, hold_out, **own)]
    else:
        made = train_models(folder_2012, folder_2019, version, output, hold_out)
    for manifest in made:
        _say(manifest)


def _own(
    table: Path,
    version: str,
    output: Path,
    hold_out: bool,
    mapping: Path | None,
    outcomes: Path | None,
    **own,
) -> dict:
    from studies.training.make import Own, train_own
    from studies.validation.dataset import Description

    described = Description(mapping, outcomes, own["outcome"], own["horizon"] or 24)
    said = {name: value for name, value in own.items() if value is not None}
    return train_own(table, described, Own(**said), version, output, hold_out)


def _say(manifest: dict) -> None:
    figures = manifest["figures"]
    click.echo(
        f"{manifest['name']} {manifest['version']}: {figures['rows']} rows, "
        f"{figures['patients']} patients, {figures['how']}"
    )
    for name in FIGURES:
        low, high = figures[name]["interval"]
        click.echo(
            f"  {name:12} {figures[name]['value']:.4f}  (95 % interval {low:.4f} to {high:.4f})"
        )
    for site, one in manifest["across"].items():
        for name in ("auroc", "news2_auroc"):
            low, high = one[name]["interval"]
            value = one[name]["value"]
            click.echo(f"  {site} left out: {name} {value:.4f}  ({low:.4f} to {high:.4f})")
    click.echo(f"  can the features tell the time since admission? {manifest['leak']['said']}")
