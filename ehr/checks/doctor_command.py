"""The command that looks at one EHR's record and servers: `vigil doctor`."""

import sys
from pathlib import Path

import click

from ehr import refusals
from ehr.checks.doctor import examine
from ehr.checks.finding import tell
from ehr.checks.servers import Servers
from ehr.checks.signed_call import private_key
from ehr.http import Outgoing
from runtime.audit.log import audit_of
from runtime.config_option import CONFIG
from runtime.settings_file import load_settings

MOST_REFUSALS_READ = 500


@click.command()
@CONFIG
@click.option("--ehr", "ehr_id", required=True, help="The `id` of an [[ehr]] record.")
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The EHR's private key (JWK), where it is yours: a signed call is made with it.",
)
def doctor(config: Path, ehr_id: str, key: Path | None) -> None:
    """Look at what one EHR's record needs, and say what to mend; exit code 1 if it is wrong."""
    settings = load_settings(config)
    ehr = next((ehr for ehr in settings.ehr if ehr.id == ehr_id), None)
    if ehr is None:
        known = ", ".join(ehr.id for ehr in settings.ehr)
        raise click.ClickException(f"There is no [[ehr]] with id `{ehr_id}`; there are: {known}.")
    audit = audit_of(settings) if settings.audit_path.exists() else None
    signer = private_key(key) if key else None
    # What was refused is read first: the doctor's own calls are among them afterwards.
    refused = audit.records(MOST_REFUSALS_READ, "refusal") if audit else ()
    lines = list(refusals.lately(refused, ehr_id))
    wrong = tell(examine(ehr, settings, Servers(Outgoing()), audit, signer))
    for line in lines:
        click.echo(f"{'log':6}{line}")
    sys.exit(1 if wrong else 0)
