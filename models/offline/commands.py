"""The commands of those who make models: train, validate, recalibrate, release, and the register of versions.

Nothing heavy is imported until a command runs. Errors are ModelError and DataError; the front door turns them into a sentence.
"""

from datetime import UTC, datetime
from pathlib import Path

import click

FOLDER = click.Path(exists=True, path_type=Path)
NEW = click.Path(path_type=Path)
TRAINED = Path(__file__).parents[1] / "trained"
MODELS = click.option("--models", "folder", default=TRAINED, type=FOLDER, help="Folder of models; the shipped ones if not given.")
KEYS = click.option("--keys", type=FOLDER, help="Folder of public keys (*.pub) that may sign models beside ours.")
KEY = click.option("--key", required=True, type=FOLDER, help="Private release key, readable by its owner alone.")
BY = click.option("--by", required=True, help="Who decides.")
REASON = click.option("--reason", required=True, help="Why.")


@click.command()
@click.option("--physionet-2012", "folder_2012", type=FOLDER, help="Folder of sets with Outcomes, or one set: trains deterioration.")
@click.option("--physionet-2019", "folder_2019", type=FOLDER, help="Folder or zip of .psv files: trains sepsis.")
@click.option("--version", default="0.1.0", show_default=True, help="Version to write.")
@click.option("--output", default=TRAINED, type=NEW, show_default="the shipped models", help="Where to write it.")
@click.option("--hold-out/--no-hold-out", default=True, show_default=True, help="Leave every fifth record to validation.")
def train(folder_2012: Path | None, folder_2019: Path | None, version: str, output: Path, hold_out: bool) -> None:
    """Train models on published data.

    Nothing is put into service: `vigil validate --record`, `vigil release` and `vigil models promote` follow.
    """
    if folder_2012 is None and folder_2019 is None:
        raise click.UsageError("Give --physionet-2012, --physionet-2019 or both.")
    from models.offline.make import train_models

    for manifest in train_models(folder_2012, folder_2019, version, output, hold_out):
        figures = manifest["figures"]
        click.echo(f"{manifest['name']} {version}: {figures['rows']} rows, {figures['patients']} patients, {figures['how']}")
        for name in ("auroc", "auprc", "brier", "news2_auroc", "news2_auprc"):
            low, high = figures[name]["interval"]
            click.echo(f"  {name:12} {figures[name]['value']:.4f}  (95 % interval {low:.4f} to {high:.4f})")


@click.command()
@click.argument("path", type=FOLDER)
@click.option("--output", default=Path("validation"), show_default=True, type=NEW, help="Folder for validation.json and report.html.")
@MODELS
@click.option("--model", "chosen", multiple=True, help="NAME or NAME/VERSION; every champion if not given. May be repeated.")
@click.option("--part", type=click.Choice(["all", "held-out", "training"]), default="all", show_default=True, help="Which records.")
@click.option("--mapping", type=FOLDER, help="TOML that says what the columns of your own table mean.")
@click.option("--outcomes", type=FOLDER, help="CSV (id, time) of the patients with the outcome, for FHIR bulk NDJSON.")
@click.option("--outcome", default="death", show_default=True, help="The outcome that --outcomes tells of.")
@click.option("--horizon", default=24, show_default=True, help="Hours before the time in --outcomes that count as before it.")
@click.option("--every", type=click.IntRange(min=1), show_default="6 for 2012, 1 otherwise", help="Hours between two landmarks of a stay.")
@click.option("--draws", default=1000, show_default=True, type=click.IntRange(min=2), help="Bootstrap draws of whole patients.")
@click.option("--record", "keep", is_flag=True, help="Also keep the result beside the model, for the release gate and the model card.")
def validate(path: Path, output: Path, folder: Path, chosen: tuple[str, ...], part: str, every: int | None, draws: int, keep: bool,
             **beside) -> None:  # fmt: skip
    """Validate models on a data set: PhysioNet 2012 or 2019, a table with --mapping, or FHIR bulk NDJSON with --outcomes."""
    from models.offline.validation.dataset import Told
    from models.offline.validation.summary import lines
    from models.offline.validation.validate import named, record, validate

    found = validate(path, Told(**beside), named(folder, chosen), output, part=part, every=every, draws=draws)
    if keep:
        record(found, folder)
    click.echo("\n".join(lines(found)))
    click.echo(f"{output / 'validation.json'} and {output / 'report.html'} are written.")


@click.command()
@click.argument("name")
@click.argument("version")
@click.option("--outcomes", required=True, type=FOLDER, help="CSV: score (above 0, below 1), outcome (0 or 1), patient if rows repeat one.")
@click.option("--new-version", required=True, help="Version to write.")
@click.option("--method", type=click.Choice(["line", "isotonic"]), default="line", show_default=True, help="isotonic needs 200 events.")
@MODELS
def recalibrate(name: str, version: str, outcomes: Path, new_version: str, method: str, folder: Path) -> None:
    """Fit the calibration of a model to your own outcomes, as a new version; the trees stay as they are."""
    from models.offline.recalibrate import recalibrate_from
    from models.registry import located

    manifest = recalibrate_from(located(name, version, folder), outcomes, new_version, method)
    account = manifest["recalibration"]
    counts = ", ".join(f"{account[what]} {what}" for what in ("rows", "patients", "events"))
    click.echo(f"{name} {new_version}: {counts}; {account['how']}")
    for figure, before in account["before"].items():
        click.echo(f"  {figure:22} {before:8.4f} before, {account['after'][figure]:8.4f} after")


@click.command()
@click.argument("name")
@click.argument("version")
@KEY
@click.option("--limits", type=FOLDER, help="TOML with limits of your own, in place of models/offline/gate.toml.")
@click.option("--override", "figure", help="Release in spite of this one figure; needs --by and --reason.")
@click.option("--by", help="Who overrides.")
@click.option("--reason", help="Why.")
@MODELS
def release(name: str, version: str, key: Path, limits: Path | None, figure: str | None, by: str | None, reason: str | None,
            folder: Path) -> None:  # fmt: skip
    """Sign a version if its figures pass the gate; say which figure stopped it if not."""
    from models.offline.release import LIMITS, Override, release
    from models.registry import located

    if figure and not (by and reason):
        raise click.UsageError("--override needs --by and --reason.")
    override = Override(figure, by or "", reason or "") if figure else None
    for finding in release(located(name, version, folder), key, datetime.now(UTC), override, limits or LIMITS):
        click.echo(f"{'passed ' if finding.passed else 'OVERRIDDEN'} {finding.said}")
    click.echo(f"{name} {version} is released and signed; `vigil models promote` puts it into service.")


@click.group("models")
def registry() -> None:
    """List, show, promote and roll back trained models; make a release key."""


@registry.command("list")
@MODELS
@KEYS
def models_list(folder: Path, keys: Path | None) -> None:
    """Print every version with its aliases and who signed it."""
    from models.registry import Trust, list_versions

    for found in list_versions(folder, Trust(keys=keys)):
        signer = found.signed_by or "not signed by a trusted key"
        click.echo(f"{found.name} {found.version}  {', '.join(found.aliases) or '-'}  {signer}")


@registry.command("show")
@click.argument("name")
@click.argument("version", required=False)
@MODELS
def models_show(name: str, version: str | None, folder: Path) -> None:
    """Print the manifest of a version (the champion if none is given) and the model's history."""
    import msgspec

    from models.registry import show

    manifest, changes = show(name, version, folder)
    short = {key: value for key, value in manifest.items() if key not in {"golden", "features"}}
    click.echo(msgspec.json.format(msgspec.json.encode(short), indent=2).decode())
    for change in changes:
        click.echo(f"{change.at}  {change.act} {change.version} as {change.alias} by {change.by}: {change.reason}")


@registry.command("promote")
@click.argument("name")
@click.argument("version")
@BY
@REASON
@click.option("--alias", type=click.Choice(["champion", "shadow"]), default="champion", show_default=True)
@MODELS
@KEYS
def models_promote(name: str, version: str, by: str, reason: str, alias: str, folder: Path, keys: Path | None) -> None:
    """Put a signed version into service; what is not fit changes nothing."""
    from models.registry import Trust, promote

    model = promote(name, version, by, reason, datetime.now(UTC), alias, folder, Trust(keys=keys))
    click.echo(f"{name} {model.id.version} is {alias} now; restart vigil serve to use it.")


@registry.command("rollback")
@click.argument("name")
@BY
@REASON
@MODELS
@KEYS
def models_rollback(name: str, by: str, reason: str, folder: Path, keys: Path | None) -> None:
    """Put the champion before this one back."""
    from models.registry import Trust, rollback

    model = rollback(name, by, reason, datetime.now(UTC), folder, Trust(keys=keys))
    click.echo(f"{name} {model.id.version} is champion again; restart vigil serve to use it.")


@registry.command("sign")
@click.argument("name")
@click.argument("version")
@KEY
@MODELS
def models_sign(name: str, version: str, key: Path, folder: Path) -> None:
    """Sign a version with a release key without the gate, after its hash and golden vectors were checked."""
    from models.registry import load, located, verify
    from models.signature import sign

    place = located(name, version, folder)
    click.echo(f"{name} {version} is signed by {sign(place, verify(load(place)).manifest, key)}.")


@registry.command("keygen")
@click.argument("path", type=NEW)
def models_keygen(path: Path) -> None:
    """Write a new private release key, and its public half beside it."""
    from models.signature import keygen

    click.echo(f"Keep {path} secret; {keygen(path)} is what others need to trust your models.")
