"""The front door: `create_app` wires the rooms together, and the commands start them. Read this
first.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cdshooks.calling.hook_option import HOOK
from runtime.config_option import CONFIG
from runtime.vendors.profiles import PROFILES

if TYPE_CHECKING:
    from flask import Flask

    from cdshooks.calling.chart_file import ChartFile
    from models.fitted.stock import Stock
    from runtime.settings import Settings
    from studies.one_stay import OneStay

FOLDER = click.Path(exists=True, path_type=Path)
# Commands that stand elsewhere. Imported when they are named or listed, so that serving imports
# nothing of studies.
COMMANDS = {
    "audit": "cdshooks.audit_command.audit",
    "card": "studies.model_card_command.model_card",
    "check": "ehr.checks.check_command.check",
    "delivery": "cdshooks.delivering.commands.delivery",
    "doctor": "ehr.checks.doctor_command.doctor",
    "feedback": "cdshooks.reporting.command.feedback",
    "keys": "runtime.serving.keys_command.keys",
    "models": "studies.registry_command.registry",
    "recalibrate": "studies.commands.recalibrate",
    "release": "studies.commands.release",
    "sense": "studies.sense_command.sense",
    "trial": "cdshooks.trials.trial_command.trial",
    "train": "studies.train_command.train",
    "validate": "studies.commands.validate",
}


def utc_now() -> datetime:
    """Return the present moment in UTC; the only clock of the services."""
    return datetime.now(UTC)


def create_app(
    settings: "Settings",
    redis_url: str,
    clock: Callable[[], datetime] = utc_now,
    stock: "Stock | None" = None,
) -> "Flask":
    """Return the Flask application of both services; the only place that builds clients.

    `stock` holds the models, those of `settings` unless given; the application does without one
    that can't be loaded. Raises AuditError, SecretFileError or SettingsError when a part that must
    work does not, ModelError when there is no model's folder at all.
    """
    from flask import Flask

    import smartapp.views
    from cdshooks import synthetic, views
    from cdshooks.delivering.quiet import PageQuiet
    from ehr import fetch, http, keys
    from models.fitted.stock import loaded
    from runtime import logs, signing_key, store, web
    from runtime.audit.log import audit_of
    from runtime.watching import metrics, watch

    root = str(Path(__file__).parent)
    app = Flask("vigil", root_path=root, static_folder="static", template_folder="templates")
    logs.configure(settings.data_path, shared_key=settings.log_key_path)
    # Signing in has one of its own: who waits on one shares its look-ups, also one that hangs.
    outgoing, sign_in = http.Outgoing(), http.Outgoing()
    redis, sessions = store.connect(redis_url), store.connect(redis_url, store.PATIENT)
    keysets = keys.KeySets(outgoing, settings.key_set_hours, settings.data_path / "key-sets")
    log, tally = audit_of(settings), metrics.Metrics([ehr.id for ehr in settings.ehr])
    stock = loaded(stock or stock_of(settings))
    models, missing = stock.models, tuple(stock.missing)
    own_keys = signing_key.signing_keys(settings.data_path, settings.signing_key_path)
    web.install(app, settings)
    fhir = fetch.Fhir(outgoing, settings)
    app.register_blueprint(
        views.create_blueprint(settings, stock, redis, log, keysets, fhir, clock, tally)
    )
    quiet = PageQuiet(sessions, clock)
    app.register_blueprint(
        smartapp.views.create_blueprint(
            settings, models, sessions, log, sign_in, keysets, fhir, own_keys, clock, quiet, missing
        )
    )
    for name, why in stock.faults.items():
        logs.get_logger("models").error("model_damaged", model=name, why=why)
    parts = watch.parts_of(settings, redis, log, stock.names, keysets.state, fhir.state)
    watch.install(app, settings, parts, tally, partial(synthetic.examine, models, clock))
    return app


class Door(click.Group):
    """Turns the errors that people can mend into one sentence and exit code 1, without a
    traceback; imports some commands late.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command's name, in order."""
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, command = COMMANDS[cmd_name].rpartition(".")
        found: click.Command = getattr(import_module(module), command)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; raises ClickException in place of an error that people can mend."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if isinstance(error, _mendable()):
                raise click.ClickException(str(error)) from None
            raise


def _mendable() -> tuple[type[Exception], ...]:
    from models.fitted.booster import ModelError
    from runtime.audit.log import AuditError
    from runtime.secretfile import SecretFileError
    from runtime.settings_file import SettingsError

    offline = sys.modules.get("studies.data.stays")
    files = sys.modules.get("cdshooks.calling.chart_file")
    return (
        SettingsError,
        SecretFileError,
        AuditError,
        ModelError,
        *([offline.DataError] if offline else ()),
        *([files.ChartFileError] if files else ()),
    )


@click.group(cls=Door)
@click.version_option(package_name="vigil")
def main() -> None:
    """Vigil: which patients are getting worse, and why. Research software, not a medical device."""


@main.command()
@CONFIG
def serve(config: Path) -> None:
    """Serve the CDS Hooks service and the SMART app (gunicorn, two workers by default)."""
    # Sockets have to be gevent's before anything else imports them.
    from gevent import monkey

    monkey.patch_all()
    # Imported here, and not by each worker: a new one is ready in a tenth of the time.
    import cdshooks.views  # noqa: F401
    import smartapp.views  # noqa: F401
    from runtime.serving import server
    from runtime.settings_file import load_settings

    settings = load_settings(config)
    server.serve(
        settings,
        partial(stock_of, settings),
        lambda url, stock: create_app(settings, url, stock=stock),
    )


@main.command()
@click.option("--port", default=8000, show_default=True, help="Port of Vigil.")
@click.option("--ehr-port", default=8001, show_default=True, help="Port of the demonstration EHR.")
@click.option(
    "--from-physionet", type=FOLDER, help="Show real ICU stays of a 2012 challenge folder or zip."
)
@click.option(
    "--sandbox",
    is_flag=False,
    flag_value="https://sandbox.cds-hooks.org",
    metavar="[ORIGIN]",
    help="Let the CDS Hooks Sandbox in as well: an open FHIR base with a launch service, and a "
    "link beside each patient that opens the Sandbox there. Without ORIGIN the public Sandbox; "
    "http://localhost:8080 is where one of your own starts.",
)
@click.option(
    "--export",
    "examples",
    type=click.Path(path_type=Path),
    help="Start nothing; write synthetic stays to try `vigil train` on into a new folder.",
)
@click.option("--stays", default=1000, show_default=True, help="How many stays --export writes.")
def demo(port: int, ehr_port: int, examples: Path | None, stays: int, **shown: Any) -> None:
    """Start Vigil with a demonstration EHR of synthetic patients, to try it in a browser."""
    if examples is not None:
        from demo.export import export

        return click.echo(export(examples, stays))
    from demo.run import run

    sys.exit(run(port, ehr_port, **shown))


@main.command()
@click.argument("source", metavar="CHART")
@click.option("--mapping", type=FOLDER, help="TOML that says what the columns of a table mean.")
@click.option("--patient", help="Whose chart, where there are several; of a table the stay's id.")
@click.option(
    "--at",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]),
    help="The moment asked for, with its zone; the newest value's unless given.",
)
@click.option("--profile", type=click.Choice(list(PROFILES)), default="generic")
@HOOK
@click.option("--json", "as_json", is_flag=True, help="Print the answer as a client gets it.")
@click.option("--page", type=click.Path(path_type=Path), help="Write the explanation page here.")
def call(
    source: str,
    mapping: Path | None,
    patient: str | None,
    at: datetime | None,
    profile: str,
    hook: str,
    as_json: bool,
    page: Path | None,
) -> None:
    """Print the card of one chart as a clinician would read it, without an EHR or a record.

    CHART is a file of FHIR resources (a Bundle, NDJSON, the body of a hook call), a folder of them,
    a table with --mapping, or a demonstration patient's name.
    """
    from cdshooks.calling.answer import answer
    from models.fitted.registry import load_models
    from smartapp import page_file

    file, models = _chart(source, mapping, patient), load_models()
    moment = at.astimezone(UTC) if at else file.newest(utc_now())
    found = answer(chart := file.at(moment), moment, models, profile, hook)
    if page:
        page.write_text(page_file.page(chart, found.assessment, models), "utf-8")
    click.echo(found.as_json if as_json else found.text)


def _chart(source: str, mapping: Path | None, patient: str | None) -> "ChartFile | OneStay":
    if mapping:
        from studies.one_stay import one_stay

        return one_stay(Path(source), mapping, patient)
    from cdshooks.calling.chart_file import chart_of, read_file

    if Path(source).exists():
        return read_file(Path(source), patient)
    from demo.patients.generate import generate

    invented = {one.id: one.resources for one in generate(utc_now())}
    if source not in invented:
        known = ", ".join(invented)
        raise click.ClickException(f"{source} is no file, and none of the patients {known}.")
    if patient not in (None, source):
        raise click.ClickException(f"{source} is one chart; leave --patient out.")
    return chart_of(invented[source], source, source)


def stock_of(settings: "Settings", before: "Stock | None" = None) -> "Stock":
    """Return what a configuration serves with, the shipped models or a hospital's own, or goes on
    with since `before`; what a child process passed once is not asked again.
    """
    from models.fitted.registry import Trust
    from models.fitted.stock import stocked

    verdicts = settings.data_path / "model_verdicts"
    return stocked(settings.models_path, Trust(settings.model_keys_path, verdicts=verdicts), before)


if __name__ == "__main__":
    main()
