"""The commands that read records of the audit log, `vigil audit show | replay`, beside those that
prove it.
"""

from pathlib import Path

import click
import msgspec

from cdshooks.replay import again, answered_by, difference
from cdshooks.trials.shadow_report import report
from models.fitted.registry import Trust, recorded
from runtime.audit.log import audit_of
from runtime.audit.proof.commands import COMMANDS
from runtime.config_option import CONFIG
from runtime.settings_file import load_settings


@click.group()
def audit() -> None:
    """Read the audit log: show records, replay a card's assessment; prove it, and keep it."""


for command in COMMANDS:
    audit.add_command(command)


@audit.command("show")
@CONFIG
@click.option("--limit", default=20, show_default=True, help="How many records, newest first.")
@click.option(
    "--type", "kind", help="Only records of this type, such as hook, feedback, page or refusal."
)
def audit_show(config: Path, limit: int, kind: str | None) -> None:
    """Print records as JSON lines, newest first; they hold patient data."""
    for record in audit_of(load_settings(config)).records(limit, kind):
        click.echo(msgspec.json.encode(record).decode())


@audit.command("replay")
@CONFIG
@click.argument("assessment_id")
def audit_replay(config: Path, assessment_id: str) -> None:
    """Compute a recorded assessment again, by the versions that answered, and compare it with what
    was answered.
    """
    settings = load_settings(config)
    record = audit_of(settings).find_assessment(assessment_id)
    if record is None:
        raise click.ClickException("There is no record with this assessment id.")
    trust = Trust(settings.model_keys_path)
    found = again(record, recorded(answered_by(record), settings.models_path, trust))
    differs = difference(record, found)
    if differs:
        raise click.ClickException(differs)
    risks = ", ".join(f"{risk.outcome} {risk.probability}" for risk in found.risks)
    click.echo(f"The same again: {found.level}, {risks or found.status}")


@audit.command("shadow")
@CONFIG
def audit_shadow(config: Path) -> None:
    """Compare each shadow model with its champion, on the charts of answered calls."""
    click.echo(report(audit_of(load_settings(config)).records(type="shadow")))
