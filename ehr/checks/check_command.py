"""The command that looks at a whole configuration before it is served: `vigil check`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from ehr.checks import host
from ehr.checks.asked import asked
from ehr.checks.finding import Finding, tell
from ehr.checks.record import record
from ehr.checks.servers import Servers
from ehr.http import Outgoing
from models.fitted.booster import ModelError
from models.fitted.registry import Trust
from models.fitted.stock import loaded, stocked
from runtime.config_option import CONFIG
from runtime.settings import Settings
from runtime.settings_file import read_settings


@click.command()
@CONFIG
@click.option("--offline", is_flag=True, help="Ask no other server: no Redis, no URL of a record.")
def check(config: Path, offline: bool) -> None:
    """Check a configuration and the models it names, without serving.

    Tells all that is wrong at once, and what to mend; exit code 1 if something is.
    """
    if tell(_findings(config, offline)):
        sys.exit(1)


def _findings(config: Path, offline: bool) -> Iterator[Finding]:
    settings, problems = read_settings(config)
    yield from (Finding("wrong", problem) for problem in problems)
    if settings is None:
        yield Finding("note", "the rest can be looked at once that is mended.")
        return
    yield from host.folders(settings)
    yield from host.secrets(settings, config)
    if not offline:
        yield from host.shared_store(settings)
    servers = Servers(Outgoing())
    for ehr in settings.ehr:
        yield from record(ehr, settings)
        if not offline:
            yield from asked(ehr, settings, servers)
    if not offline:
        yield from servers.clocks()
    yield from _models(settings)


def _models(settings: Settings) -> Iterator[Finding]:
    """Load and try each model anew: without the verdicts that a server keeps."""
    try:
        stock = loaded(stocked(settings.models_path, Trust(settings.model_keys_path)))
    except ModelError as error:
        yield Finding("wrong", str(error))
        return
    for model in stock.models:
        name = f"model {model.id.name} {model.id.version}"
        yield Finding("ok", f"{name}: {model.id.sha256[:12]}, verified")
    for why in (stock.missing | stock.behind).values():
        yield Finding("wrong", why)
