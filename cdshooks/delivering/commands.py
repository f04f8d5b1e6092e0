"""The commands about what is shown: `vigil delivery explain | simulate`."""

import tomllib
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from cdshooks.delivering.burden import table
from cdshooks.delivering.explain import sentences
from cdshooks.delivering.simulated import Simulation, newest
from runtime.audit.cipher import cipher_of
from runtime.audit.log import audit_of
from runtime.audit.proof.export import lines
from runtime.config_option import CONFIG
from runtime.misfit import allowed
from runtime.settings import Policy
from runtime.settings_file import SettingsError, load_settings, settings_from

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def delivery() -> None:
    """What was shown and why, and what another policy would have shown."""


@delivery.command("explain")
@CONFIG
@click.argument("assessment_id")
def explain(config: Path, assessment_id: str) -> None:
    """Tell in plain sentences why a call had the card that it had, or none."""
    settings = load_settings(config)
    record = audit_of(settings).find_assessment(assessment_id)
    if record is None or "delivery" not in record:
        raise click.ClickException("There is no hook call with this assessment id.")
    zone = next((ehr.zone for ehr in settings.ehr if ehr.id == record["ehr"]), UTC)
    for sentence in sentences(record, zone):
        click.echo(sentence)


@delivery.command("simulate")
@click.option(
    "--audit",
    "source",
    required=True,
    type=FILE,
    help="A configuration (.toml), whose audit log is read, or what `vigil audit export` printed.",
)
@click.option(
    "--policy",
    "policy_file",
    required=True,
    type=FILE,
    help="TOML with the keys of a policy, such as quiet_hours = 12; others have their default.",
)
@click.option("--days", type=click.IntRange(min=1), help="Only the last so many days of the log.")
@click.option("--zone", default="UTC", show_default=True, help="Time zone of days and shifts.")
def simulate(source: Path, policy_file: Path, days: int | None, zone: str) -> None:
    """Replay recorded calls under another policy, and print what that would ask of people.

    Calls and feedback stay as they were: nobody knows what people would have done with other cards.
    Silent services count as if they showed their cards.
    """
    policy, since = _policy(policy_file), None
    if days and (last := newest(_rows(source))):
        since = last - timedelta(days=days)
    found = Simulation(policy, _zone(zone))
    found.read(_rows(source), since)
    for line in table(found.then, found.now):
        click.echo(line)
    if found.unread:
        click.echo(f"{found.unread} records could not be read and are left out.", err=True)


def _policy(path: Path) -> Policy:
    """Read a policy as a part of an EHR's record, where it stands in a configuration."""
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from None
    for key in given:
        if key not in Policy.__struct_fields__:
            raise SettingsError(f"{path}: unknown key `{key}`. Allowed: {allowed(Policy)}.")
    here = "https://localhost"
    record = {"id": "policy", "fhir_base": [here], "smart_client_id": "policy"} | given
    return settings_from({"public_url": here, "ehr": [record]}, str(path)).ehr[0]


def _rows(source: Path) -> Iterator[str | bytes]:
    """Yield the lines of a log, oldest first."""
    if source.suffix == ".toml":
        settings = load_settings(source)
        yield from lines(settings.audit_path, 1, None, cipher_of(settings.audit_key_path))
        return
    with source.open("rb") as file:
        yield from file


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise click.BadParameter(f"{name!r} is no time zone.", param_hint="--zone") from None
