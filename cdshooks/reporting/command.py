"""The command that reads feedback back: `vigil feedback report`."""

import os
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path

import click
import msgspec

from cdshooks.reporting import printed
from cdshooks.reporting.gathered import comments, gather
from cdshooks.reporting.on_pages import on_pages
from runtime.audit.log import audit_of
from runtime.config_option import CONFIG
from runtime.settings_file import load_settings

USUAL = timedelta(days=91)
FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def feedback() -> None:
    """Read what users answered to cards."""


@feedback.command("report")
@CONFIG
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First day, in UTC.  [13 weeks]")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Day after the last.  [tomorrow]")
@click.option("--page", type=FILE, help="Write the report with its plots as HTML here.")
@click.option(
    "--comments", "aside", type=FILE, help="Write what users wrote, one JSON line each; mode 0600."
)
def report(
    config: Path,
    since: datetime | None,
    until: datetime | None,
    page: Path | None,
    aside: Path | None,
) -> None:
    """Print acceptance, override reasons, response rate and time to response of the cards of a
    time, by level, unit, user and week; apart from them what was answered and done on pages.

    Of 95 % intervals Wilson's; under 20 cases a rate is not estimable. The report holds no patient
    and nobody's name; comments may, and so stand in a file of their own.
    """
    log = audit_of(load_settings(config))
    end = (until or _tomorrow()).replace(tzinfo=UTC)
    begin = since.replace(tzinfo=UTC) if since else end - USUAL
    records = partial(log.records, None)
    written = list(comments(records, begin, end))
    pages = on_pages(records, begin, end)
    made = printed.report(gather(records, begin, end), pages, begin, end, len(written))
    if aside:
        with open(aside, "wb", opener=_private) as file:
            file.writelines(msgspec.json.encode(one) + b"\n" for one in written)
    if page:
        page.write_text(printed.page(made), "utf-8")
    click.echo(printed.text(made))


def _tomorrow() -> datetime:
    """Return the day that ends the present one: a report is of whole days, as it says."""
    return datetime.combine(datetime.now(UTC).date() + timedelta(days=1), time())


def _private(path: str, flags: int) -> int:
    handle = os.open(path, flags, 0o600)
    os.fchmod(handle, 0o600)
    return handle
