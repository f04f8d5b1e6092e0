"""The commands of those who make models: validate, recalibrate, release.

Nothing heavy is imported until a command runs. Errors are ModelError and DataError; the front door
turns them into a sentence.
"""

from datetime import UTC, datetime
from pathlib import Path

import click

from studies.extra import needs_studies

FOLDER = click.Path(exists=True, path_type=Path)
NEW = click.Path(path_type=Path)
TRAINED = Path(__file__).parents[1] / "models" / "trained"
MODELS = click.option(
    "--models",
    "folder",
    default=TRAINED,
    type=FOLDER,
    help="Folder of models; the shipped ones if not given.",
)
KEYS = click.option(
    "--keys", type=FOLDER, help="Folder of public keys (*.pub) that may sign models beside ours."
)
KEY = click.option(
    "--key", required=True, type=FOLDER, help="Private release key, readable by its owner alone."
)
PART = click.option(
    "--part",
    type=click.Choice(["all", "held-out", "training"]),
    default="all",
    show_default=True,
    help="Which records.",
)
MAPPING = click.option(
    "--mapping", type=FOLDER, help="TOML that says what the columns of your own table mean."
)
BY = click.option("--by", required=True, help="Who decides.")
REASON = click.option("--reason", required=True, help="Why.")


@click.command()
@click.argument("path", type=FOLDER)
@click.option(
    "--output",
    default=Path("validation"),
    show_default=True,
    type=NEW,
    help="Folder for validation.json and report.html.",
)
@MODELS
@click.option(
    "--model",
    "chosen",
    multiple=True,
    help="NAME or NAME/VERSION; every champion if not given. May be repeated.",
)
@PART
@MAPPING
@click.option(
    "--outcomes",
    type=FOLDER,
    help="CSV (id, time) of the patients with the outcome, for FHIR bulk NDJSON.",
)
@click.option(
    "--outcome", default="death", show_default=True, help="The outcome that --outcomes tells of."
)
@click.option(
    "--horizon",
    default=24,
    show_default=True,
    help="Hours before the time in --outcomes that count as before it.",
)
@click.option(
    "--every",
    type=click.IntRange(min=1),
    show_default="6 for 2012, 1 otherwise",
    help="Hours between two landmarks of a stay.",
)
@click.option(
    "--until",
    type=click.IntRange(min=1),
    help="Last hour of a stay that is looked at: 59 for 2019, later ones give the label away.",
)
@click.option(
    "--draws",
    default=1000,
    show_default=True,
    type=click.IntRange(min=2),
    help="Bootstrap draws of whole patients.",
)
@click.option(
    "--record",
    "keep",
    is_flag=True,
    help="Also keep the result beside the model, for the release gate and the model card.",
)
@click.option(
    "--scores",
    type=NEW,
    help="Also write patient, hour, score and outcome of every row, for `vigil recalibrate`. These "
    "are patients' data: keep the file (mode 0600) as such.",
)
@needs_studies
def validate(
    path: Path,
    output: Path,
    folder: Path,
    chosen: tuple[str, ...],
    part: str,
    every: int | None,
    until: int | None,
    draws: int,
    keep: bool,
    scores: Path | None,
    **beside,
) -> None:
    """Validate models on a data set: PhysioNet 2012 or 2019, a table with --mapping, or FHIR
    bulk NDJSON with --outcomes.
    """
    from studies.report.report_lines import lines
    from studies.validation.dataset import Description
    from studies.validation.validate import named, record, validate

    found = validate(
        path,
        Description(**beside),
        named(folder, chosen),
        output,
        part=part,
        every=every,
        until=until,
        draws=draws,
        scores=scores,
    )
    if keep:
        record(found, folder)
    click.echo("\n".join(lines(found)))
    click.echo(f"{output / 'validation.json'} and {output / 'report.html'} are written.")


@click.command()
@click.argument("name")
@click.argument("version")
@click.option(
    "--outcomes",
    type=FOLDER,
    help="CSV of `vigil validate --scores`: score (above 0, below 1), outcome (0 or 1), patient if "
    "rows repeat one.",
)
@click.option(
    "--data",
    type=FOLDER,
    help="In place of it the data themselves, to be scored first: whatever `vigil validate` reads "
    "but FHIR bulk NDJSON.",
)
@MAPPING
@PART
@click.option("--new-version", required=True, help="Version to write.")
@click.option(
    "--method",
    type=click.Choice(["line", "isotonic"]),
    default="line",
    show_default=True,
    help="line needs 50 patients with the outcome, isotonic 200.",
)
@MODELS
@needs_studies
def recalibrate(
    name: str,
    version: str,
    outcomes: Path | None,
    data: Path | None,
    mapping: Path | None,
    part: str,
    new_version: str,
    method: str,
    folder: Path,
) -> None:
    """Fit the calibration of a model to your own outcomes, and cut its bands anew, as a new
    version; the trees stay as they are.
    """
    if (outcomes is None) == (data is None) or (outcomes and (mapping or part != "all")):
        raise click.UsageError(
            "Give either --outcomes alone, or --data with --mapping and --part as it needs them."
        )
    from models.fitted.registry import located
    from studies.recalibration.recalibrate import recalibrate_from, recalibrate_on
    from studies.report.report_lines import recalibrated
    from studies.validation.dataset import Description

    place = located(name, version, folder)
    if data:
        description = Description(mapping)
        manifest = recalibrate_on(place, data, description, new_version, method, part)
    elif outcomes:
        manifest = recalibrate_from(place, outcomes, new_version, method)
    click.echo("\n".join(recalibrated(manifest)))


@click.command()
@click.argument("name")
@click.argument("version")
@KEY
@click.option(
    "--limits",
    type=FOLDER,
    help="TOML with limits of your own, in place of studies/training/gate.toml.",
)
@click.option(
    "--override", "figure", help="Release in spite of this one figure; needs --by and --reason."
)
@click.option("--by", help="Who overrides.")
@click.option("--reason", help="Why.")
@MODELS
@needs_studies
def release(
    name: str,
    version: str,
    key: Path,
    limits: Path | None,
    figure: str | None,
    by: str | None,
    reason: str | None,
    folder: Path,
) -> None:
    """Sign a version if its figures pass the gate; say which figure stopped it if not."""
    from models.fitted.registry import located
    from studies.training.release import LIMITS, Override, release

    if figure and not (by and reason):
        raise click.UsageError("--override needs --by and --reason.")
    override = Override(figure, by or "", reason or "") if figure else None
    for finding in release(
        located(name, version, folder), key, datetime.now(UTC), override, limits or LIMITS
    ):
        verdict = "passed " if finding.passed else "OVERRIDDEN"
        click.echo(f"{verdict if finding.judged else 'not judged'} {finding.said}")
    click.echo(
        f"{name} {version} is released and signed; `vigil models promote` puts it into service."
    )
