"""The commands of a trial: how it stands, stop it, how even its allocation is."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from runtime.audit.log import Audit, audit_of
from runtime.config_option import CONFIG
from runtime.secretfile import SecretFileError
from runtime.settings import Settings, Trial
from runtime.settings_file import load_settings
from runtime.trials.arm import Subject, draw, idle
from runtime.trials.key import trial_key
from runtime.trials.running import Running
from runtime.trials.stop import stopped

# Of fewer ids the sums would tell the arm of one.
FEWEST = 100


@click.group()
def trial() -> None:
    """Watch a randomised trial, and stop it."""


@trial.command("status")
@CONFIG
def status(config: Path) -> None:
    """Print protocol, dates, whether it goes on, and calls and patients by arm."""
    settings = load_settings(config)
    found, planned = _running(settings, audit := audit_of(settings)), _planned(settings)
    why = stopped(settings.trial_stop_path)
    state = idle(planned, datetime.now(UTC).date(), why) or "running"
    click.echo(f"protocol {planned.protocol}, approval {planned.approval}")
    click.echo(f"by {planned.randomise}, {100 * planned.control_share:g} % control")
    click.echo(f"{planned.starts} to {planned.ends}: {state}{f' ({why})' if why else ''}")
    click.echo(f"key {found.fingerprint}")
    most = f" of at most {planned.most_patients}" if planned.most_patients else ""
    click.echo(f"patients allocated on this host: {found.enrolled}{most}")
    for line in _by_arm(audit.records(type="hook"), planned.protocol):
        click.echo(line)


@trial.command("stop")
@CONFIG
@click.option("--reason", required=True, help="Why; goes into the stop file and the audit log.")
@click.option("--by", required=True, help="Who decides it.")
def stop(config: Path, reason: str, by: str) -> None:
    """Stop the trial at once, for all processes that share its stop file; every card is whole then.

    It can't be taken back.
    """
    settings = load_settings(config)
    found = _running(settings, audit_of(settings))
    try:
        made = found.stop(reason, by, datetime.now(UTC))
    except (OSError, ValueError, SecretFileError) as error:
        raise click.ClickException(f"{settings.trial_stop_path}: {error}") from None
    click.echo(f"Stopped at {made.at:%Y-%m-%d %H:%M} UTC by {made.by}: {made.reason}")


@trial.command("balance")
@CONFIG
@click.argument("ids", type=click.File("r"))
@click.option("--ehr", required=True, help="The id of the [[ehr]] that they are of.")
def balance(config: Path, ids: Iterable[str], ehr: str) -> None:
    """Count the arms of a list of IDS, one a line, of what is randomised; never which id has which.

    At least a hundred, so that the sums tell nobody's arm.
    """
    settings = load_settings(config)
    planned = _planned(settings)
    names = {line.strip() for line in ids} - {""}
    if len(names) < FEWEST:
        raise click.ClickException(f"Give {FEWEST} different ids or more.")
    key = trial_key(settings.path(planned.key_file))
    number = sum(_drawn(planned, key, ehr, name) < planned.control_share for name in names)
    click.echo(_even(number, len(names), planned.control_share))


def _drawn(planned: Trial, key: bytes, ehr: str, name: str) -> float:
    return draw(planned, key, planned.randomise, Subject(ehr, name, name, name))


def _even(control: int, whole: int, share: float) -> str:
    """Return how many are in the control arm, and how many chance would make of it."""
    spread = 1.96 * math.sqrt(whole * share * (1 - share))
    low, high = whole * share - spread, whole * share + spread
    return (
        f"{whole} ids: {control} control ({100 * control / whole:.1f} %), {whole - control} "
        f"intervention. Expected {whole * share:.0f}; in 95 of 100 lists {low:.0f} to {high:.0f}."
    )


def _by_arm(records: Iterable[dict[str, Any]], protocol: str) -> Iterator[str]:
    """Yield for each arm how many calls and patients the audit log holds, and how many cards."""
    arms = defaultdict[str, list[dict[str, Any]]](list)
    for record in records:
        kept = record.get("trial")
        if kept and kept["protocol"] == protocol:
            arms[kept["arm"] or f"none: {kept['why']}"].append(record)
    for arm, calls in sorted(arms.items()):
        patients = {(call["ehr"], call["patient"]) for call in calls}
        fallen = sum(
            call["trial"]["by"] not in (None, call["trial"]["randomised"]) for call in calls
        )
        shown = sum(call["shown"] for call in calls)
        by = f", {fallen} calls by patient since they lacked the unit asked for" if fallen else ""
        yield f"{arm}: {len(calls)} calls, {len(patients)} patients, {shown} cards{by}"


def _planned(settings: Settings) -> Trial:
    if settings.trial is None:
        raise click.ClickException("The configuration has no [trial].")
    return settings.trial


def _running(settings: Settings, audit: Audit) -> Running:
    return Running(_planned(settings), settings, audit)
