"""The command that looks at one EHR's record and servers: `vigil doctor`."""

import sys
from pathlib import Path

import click

from ehr import http, refusals
from ehr.doctor import examine
from runtime.audit.log import audit_of
from runtime.config_option import CONFIG
from runtime.settings_file import load_settings

MOST_REFUSALS_READ = 500


@click.command()
@CONFIG
@click.option("--ehr", "ehr_id", required=True, help="The `id` of an [[ehr]] record.")
def doctor(config: Path, ehr_id: str) -> None:
    """Look at what one EHR's record needs, and say what to mend; exit code 1 if it is wrong."""
    settings = load_settings(config)
    ehr = next((ehr for ehr in settings.ehr if ehr.id == ehr_id), None)
    if ehr is None:
        known = ", ".join(ehr.id for ehr in settings.ehr)
        raise click.ClickException(f"There is no [[ehr]] with id `{ehr_id}`; there are: {known}.")
    findings = []
    for finding in examine(ehr, settings, http.Outgoing()):
        findings.append(finding)
        click.echo(f"{finding.state:6}{finding.text} {finding.mend}".rstrip())
    if settings.audit_path.exists():
        refused = audit_of(settings).records(MOST_REFUSALS_READ, "refusal")
        for line in refusals.lately(refused, ehr_id):
            click.echo(f"{'log':6}{line}")
    sys.exit(1 if any(finding.state == "wrong" for finding in findings) else 0)
