"""The commands of those who keep models: list, show, promote, roll back, sign, keygen."""

from datetime import UTC, datetime
from pathlib import Path

import click

from studies.commands import BY, KEY, KEYS, MODELS, NEW, REASON

EFFECT = {
    "champion": "restart vigil serve to use it.",
    "shadow": "reload vigil serve to have it scored beside the champion, shown to nobody.",
}


@click.group("models")
def registry() -> None:
    """List, show, promote and roll back trained models; make a release key."""


@registry.command("list")
@MODELS
@KEYS
def models_list(folder: Path, keys: Path | None) -> None:
    """Print every version with its aliases and who signed it."""
    from models.fitted.registry import Trust, list_versions

    for found in list_versions(folder, Trust(keys=keys)):
        signer = found.signed_by or "not signed by a trusted key"
        aliases = ", ".join(found.aliases) or "-"
        click.echo(f"{found.name} {found.version}  {aliases}  {signer}")


@registry.command("show")
@click.argument("name")
@click.argument("version", required=False)
@MODELS
def models_show(name: str, version: str | None, folder: Path) -> None:
    """Print the manifest of a version (the champion if none is given) and the model's history."""
    import msgspec

    from models.fitted.registry import show

    manifest, changes = show(name, version, folder)
    short = {key: value for key, value in manifest.items() if key not in {"golden", "features"}}
    click.echo(msgspec.json.format(msgspec.json.encode(short), indent=2).decode())
    for change in changes:
        click.echo(
            f"{change.at}  {change.act} {change.version} as {change.alias} by {change.by}: "
            f"{change.reason}"
        )


@registry.command("promote")
@click.argument("name")
@click.argument("version")
@BY
@REASON
@click.option(
    "--alias",
    type=click.Choice(["champion", "shadow"]),
    default="champion",
    show_default=True,
    help="The champion is served; a shadow is scored after the answer and recorded, never shown.",
)
@MODELS
@KEYS
def models_promote(
    name: str, version: str, by: str, reason: str, alias: str, folder: Path, keys: Path | None
) -> None:
    """Put a signed version into service; what is not fit changes nothing."""
    from models.fitted.registry import Trust, promote

    model = promote(name, version, by, reason, datetime.now(UTC), alias, folder, Trust(keys=keys))
    click.echo(f"{name} {model.id.version} is {alias} now; {EFFECT[alias]}")


@registry.command("rollback")
@click.argument("name")
@BY
@REASON
@MODELS
@KEYS
def models_rollback(name: str, by: str, reason: str, folder: Path, keys: Path | None) -> None:
    """Put the champion before this one back."""
    from models.fitted.registry import Trust, rollback

    model = rollback(name, by, reason, datetime.now(UTC), folder, Trust(keys=keys))
    click.echo(f"{name} {model.id.version} is champion again; restart vigil serve to use it.")


@registry.command("sign")
@click.argument("name")
@click.argument("version")
@KEY
@MODELS
def models_sign(name: str, version: str, key: Path, folder: Path) -> None:
    """Sign a version with a release key without the gate, after its hash and golden vectors were
    checked.
    """
    from models.fitted.registry import load, located, verify
    from models.fitted.signature import sign

    place = located(name, version, folder)
    click.echo(f"{name} {version} is signed by {sign(place, verify(load(place)).manifest, key)}.")


@registry.command("keygen")
@click.argument("path", type=NEW)
def models_keygen(path: Path) -> None:
    """Write a new private release key, and its public half beside it."""
    from models.fitted.signature import keygen

    click.echo(f"Keep {path} secret; {keygen(path)} is what others need to trust your models.")
