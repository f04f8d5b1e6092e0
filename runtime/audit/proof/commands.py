"""The commands that prove the audit log and see to its months: `vigil audit verify | checkpoint |
key | seal | prune | export`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from runtime.audit.cipher import cipher_of
from runtime.audit.proof import archive, notary
from runtime.audit.proof.book import Book, open_book
from runtime.audit.proof.checkpoints import private_key, public_pem
from runtime.audit.proof.export import lines
from runtime.audit.proof.scan import Trouble
from runtime.audit.proof.verify import verify
from runtime.config_option import CONFIG
from runtime.settings_file import load_settings

# More of one kind tell nobody anything new.
MOST = 20
FILE = click.Path(exists=True, path_type=Path)


@click.command("verify")
@CONFIG
@click.option(
    "--checkpoints",
    "copies",
    type=FILE,
    multiple=True,
    help="Checkpoints that were shipped elsewhere: a folder, or a file of JSON lines such as a "
    "log. May be given several times.",
)
@click.option(
    "--public-key",
    "keys",
    type=FILE,
    multiple=True,
    help="A further key that may have signed them, as `vigil audit key` printed it.",
)
def audit_verify(config: Path, copies: tuple[Path, ...], keys: tuple[Path, ...]) -> None:
    """Recompute the log, hold it against its checkpoints, and name each place that does not fit;
    exit code 1 then.
    """
    settings = load_settings(config)
    log = settings.audit_path
    with notary.alone(log, exclusive=False):
        trusted = notary.trusted(settings.data_path, keys)
        book = open_book(settings.checkpoint_path, trusted, copies)
        found = verify(log, book)
    for note in found.notes:
        click.echo(note)
    if found.troubles:
        raise click.ClickException(_told(found.troubles))
    click.echo(_vouched(book, found.since))
    click.echo(f"{found.records} records, chain whole, head {found.head}")


@click.command("checkpoint")
@CONFIG
@click.option(
    "--after-break",
    "reason",
    metavar="REASON",
    default="",
    help="Sign although the log does not fit its checkpoints, such as after a restore; the reason "
    "and what did not fit are signed along with it, and verify goes on telling them.",
)
def audit_checkpoint(config: Path, reason: str) -> None:
    """Sign what the log holds now, and print the checkpoint as a line of JSON."""
    settings = load_settings(config)
    try:
        signed = notary.checkpoint(settings.audit_path, settings.checkpoint_path, reason)
    except notary.Broken as broken:
        raise click.ClickException(_told(broken.troubles)) from None
    click.echo(msgspec.json.encode(signed).decode())


@click.command("key")
@CONFIG
def audit_key(config: Path) -> None:
    """Print the public key of this host's checkpoints; keep it elsewhere."""
    key = private_key(load_settings(config).data_path)
    click.echo(public_pem(key.public_key()), nl=False)


@click.command("seal")
@CONFIG
def audit_seal(config: Path) -> None:
    """Move each month that is over into a compressed, read-only file of its own, as the service
    does by itself.
    """
    settings = load_settings(config)
    book = open_book(settings.checkpoint_path, notary.trusted(settings.data_path))
    made = archive.seal_months(settings.audit_path, book, datetime.now(UTC))
    for file in made:
        click.echo(f"sealed {file.name}")
    if not made:
        click.echo("Nothing to seal: no month that is over, with a checkpoint, is unsealed.")


@click.command("prune")
@CONFIG
@click.option(
    "--before",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    help="Remove sealed months of which every record is older than this day (UTC).",
)
@click.confirmation_option(prompt="Removed records can't be brought back. Remove them?")
def audit_prune(config: Path, before: datetime) -> None:
    """Remove sealed months by policy; their checkpoints stay, and a record says what went."""
    removed = archive.prune(load_settings(config).audit_path, before.replace(tzinfo=UTC))
    for one in removed:
        click.echo(f"removed {one.file}, up to record {one.last}")
    if not removed:
        click.echo("Nothing removed: no sealed month is older as a whole.")


@click.command("export")
@CONFIG
@click.option("--first", default=1, show_default=True, help="Number of the first record.")
@click.option("--last", type=int, help="Number of the last record; the newest unless given.")
def audit_export(config: Path, first: int, last: int | None) -> None:
    """Print records as JSON lines, oldest first, with all that their hashes cover; they hold
    patient data.
    """
    settings = load_settings(config)
    for line in lines(settings.audit_path, first, last, cipher_of(settings.audit_key_path)):
        click.echo(line)


COMMANDS = (audit_verify, audit_checkpoint, audit_key, audit_seal, audit_prune, audit_export)


def _vouched(book: Book, since: int) -> str:
    if not book.checkpoints:
        return "No checkpoint was made yet: nobody would notice a cut end or a chain made anew."
    last = book.checkpoints[-1]
    return f"{len(book.checkpoints)} checkpoints, the last of {last.at}; {since} records since then"


def _told(troubles: Sequence[Trouble]) -> str:
    further = len(troubles) - MOST
    texts = [one.text for one in troubles[:MOST]]
    return "\n".join(texts + ([f"and {further} more."] if further > 0 else []))
