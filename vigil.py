"""The front door: `create_app` wires the rooms together, and the commands start them. Read this first."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

CONFIG = click.option(
    "--config", envvar="VIGIL_CONFIG", required=True, type=click.Path(path_type=Path), help="TOML file; or set VIGIL_CONFIG."
)
FOLDER = click.Path(exists=True, path_type=Path)
TRAINED = Path(__file__).parent / "models" / "trained"


def utc_now() -> datetime:
    """Return the present moment in UTC; the only clock of the services."""
    return datetime.now(UTC)


def create_app(settings, redis_url: str, clock: Callable[[], datetime] = utc_now):
    """Return the Flask application of both services; the only place that builds clients.

    Raises ModelError, AuditError or SettingsError when a part that must work does not.
    """
    from flask import Flask

    import cdshooks.views
    import smartapp.views
    from models.registry import load_models
    from runtime import audit, fhir, health, keys, logs, outgoing, store, web

    root = Path(__file__).parent
    app = Flask("vigil", root_path=str(root), static_folder="static", template_folder="templates")
    logs.configure(settings.data_path)
    http = outgoing.Outgoing()
    redis, sessions = store.connect(redis_url), store.connect(redis_url, store.PATIENT)
    # A key set is read once in ten minutes, over the internet: it may take longer than a read within a call.
    keysets = keys.KeySets(outgoing.Outgoing(connect_seconds=1.0, read_seconds=2.0))
    log, models, signing_key = audit.Audit(settings.data_path / "audit.sqlite"), load_models(), keys.signing_key(settings.data_path)
    web.install(app, settings)
    fetching = fhir.Fhir(http, settings)
    app.register_blueprint(cdshooks.views.create_blueprint(settings, models, redis, log, keysets, fetching, clock))
    app.register_blueprint(smartapp.views.create_blueprint(settings, models, sessions, log, keysets, signing_key, clock))
    app.register_blueprint(health.create_blueprint(redis, [f"{model.id.name} {model.id.version}" for model in models]))
    return app


@click.group()
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
    from runtime import server

    with clear_errors():
        server.serve(create_app, settings_of(config))


@main.command()
@click.option("--port", default=8000, show_default=True, help="Port of Vigil.")
@click.option("--ehr-port", default=8001, show_default=True, help="Port of the demonstration EHR.")
@click.option(
    "--from-physionet", type=FOLDER, help="Show real ICU stays of a 2012 challenge folder or zip."
)
def demo(port: int, ehr_port: int, from_physionet: Path | None) -> None:
    """Start Vigil with a demonstration EHR of synthetic patients, to try it in a browser."""
    from demo.run import run

    sys.exit(run(port, ehr_port, from_physionet))


@main.command()
@CONFIG
def check(config: Path) -> None:
    """Check a configuration and the shipped models, without serving."""
    with clear_errors():
        from models.registry import load_models
        from runtime.settings import secret

        settings = settings_of(config)
        for ehr in settings.ehr:
            secret(ehr, settings)
            click.echo(f"ehr {ehr.id}: {ehr.profile}, hooks {ehr.hook_auth}, SMART client {ehr.smart_client_id or 'none'}, {ehr.mode}")
        for model in load_models():
            click.echo(f"model {model.id.name} {model.id.version}: {model.id.sha256[:12]}, verified")


@main.command()
@click.option("--physionet-2012", "folder_2012", type=FOLDER, help="Folder with set-a.zip, Outcomes-a.txt ...: trains deterioration.")
@click.option("--physionet-2019", "folder_2019", type=FOLDER, help="Folder or zip of .psv files: trains sepsis.")
@click.option("--version", default="0.1.0", show_default=True, help="Version to write.")
@click.option("--output", default=TRAINED, type=click.Path(path_type=Path), help="Where to write it.")
@click.option("--key", type=FOLDER, help="Release key to sign with; unsigned versions can't be put into service.")
def train(folder_2012: Path | None, folder_2019: Path | None, version: str, output: Path, key: Path | None) -> None:
    """Train models on published data; `vigil models promote` puts a signed one into service."""
    if folder_2012 is None and folder_2019 is None:
        raise click.UsageError("Give --physionet-2012, --physionet-2019 or both.")
    with clear_errors():
        from models.offline.command import train_models

        for manifest in train_models(folder_2012, folder_2019, version, output, key):
            figures = manifest["figures"]
            click.echo(f"{manifest['name']} {version}: {figures['rows']} rows, {figures['patients']} patients, {figures['how']}")
            for name in ("auroc", "auprc", "brier", "news2_auroc", "news2_auprc"):
                low, high = figures[name]["interval"]
                click.echo(f"  {name:12} {figures[name]['value']:.4f}  (95 % interval {low:.4f} to {high:.4f})")


@main.group("models")
def registry() -> None:
    """List, show, promote and roll back trained models; make a release key."""


@registry.command("list")
def models_list() -> None:
    """Print every version with its aliases and who signed it."""
    with clear_errors():
        from models.registry import list_versions

        for found in list_versions():
            signer = found.signed_by or "not signed by a trusted key"
            click.echo(f"{found.name} {found.version}  {', '.join(found.aliases) or '-'}  {signer}")


@registry.command("show")
@click.argument("name")
@click.argument("version", required=False)
def models_show(name: str, version: str | None) -> None:
    """Print the manifest of a version (the champion if none is given) and the model's history."""
    import msgspec

    with clear_errors():
        from models.registry import show

        manifest, changes = show(name, version)
        short = {key: value for key, value in manifest.items() if key not in {"golden", "features"}}
        click.echo(msgspec.json.format(msgspec.json.encode(short), indent=2).decode())
        for change in changes:
            click.echo(f"{change.at}  {change.act} {change.version} as {change.alias} by {change.by}: {change.reason}")


@registry.command("promote")
@click.argument("name")
@click.argument("version")
@click.option("--by", required=True, help="Who decides.")
@click.option("--reason", required=True, help="Why.")
@click.option("--alias", type=click.Choice(["champion", "shadow"]), default="champion", show_default=True)
def models_promote(name: str, version: str, by: str, reason: str, alias: str) -> None:
    """Put a signed version into service; what is not fit changes nothing."""
    with clear_errors():
        from models.registry import promote

        model = promote(name, version, by, reason, utc_now(), alias)
        click.echo(f"{name} {model.id.version} is {alias} now; restart vigil serve to use it.")


@registry.command("rollback")
@click.argument("name")
@click.option("--by", required=True, help="Who decides.")
@click.option("--reason", required=True, help="Why.")
def models_rollback(name: str, by: str, reason: str) -> None:
    """Put the champion before this one back."""
    with clear_errors():
        from models.registry import rollback

        click.echo(f"{name} {rollback(name, by, reason, utc_now()).id.version} is champion again; restart vigil serve to use it.")


@registry.command("sign")
@click.argument("name")
@click.argument("version")
@click.option("--key", required=True, type=FOLDER, help="Private release key, readable by its owner alone.")
def models_sign(name: str, version: str, key: Path) -> None:
    """Sign a version with a release key, after its hash and golden vectors were checked."""
    with clear_errors():
        from models.registry import load, verify
        from models.signature import sign

        folder = TRAINED / name / version
        click.echo(f"{name} {version} is signed by {sign(folder, verify(load(folder)).manifest, key)}.")


@registry.command("keygen")
@click.argument("path", type=click.Path(path_type=Path))
def models_keygen(path: Path) -> None:
    """Write a new private release key, and its public half beside it."""
    with clear_errors():
        from models.signature import keygen

        click.echo(f"Keep {path} secret; {keygen(path)} is what others need to trust your models.")


@main.group()
def audit() -> None:
    """Read the audit log: verify its chain, show records, replay a card's assessment."""


@audit.command("verify")
@CONFIG
def audit_verify(config: Path) -> None:
    """Recompute the hash chain and say whether any record was changed or removed."""
    with clear_errors():
        found = open_audit(config).verify()
        if found.broken_at is not None:
            raise click.ClickException(f"The chain is broken at record {found.broken_at}.")
        click.echo(f"{found.records} records, chain whole, head {found.head}")


@audit.command("show")
@CONFIG
@click.option("--limit", default=20, show_default=True, help="How many records, newest first.")
@click.option("--type", "kind", help="Only records of this type, such as hook, feedback, page or refusal.")
def audit_show(config: Path, limit: int, kind: str | None) -> None:
    """Print records as JSON lines, newest first; they hold patient data."""
    import msgspec

    with clear_errors():
        for record in open_audit(config).records(limit, kind):
            click.echo(msgspec.json.encode(record).decode())


@audit.command("replay")
@CONFIG
@click.argument("assessment_id")
def audit_replay(config: Path, assessment_id: str) -> None:
    """Compute a recorded assessment again and compare it with what was answered."""
    with clear_errors():
        from models.assess import assess
        from models.readings import Chart
        from models.registry import load_models

        record = open_audit(config).find_assessment(assessment_id)
        if record is None:
            raise click.ClickException("There is no record with this assessment id.")
        found = assess(Chart.from_json(record["chart"]), datetime.fromisoformat(record["at"]), load_models())
        again = {risk.outcome: (risk.model.sha256, risk.probability) for risk in found.risks}
        answered = {risk["outcome"]: (risk["model"]["sha256"], risk["probability"]) for risk in record["risks"]}
        if again != answered:
            raise click.ClickException(f"Answered {answered}, computed again {again}.")
        click.echo("The same again: " + (", ".join(f"{outcome} {risk}" for outcome, (_, risk) in again.items()) or found.status))


def settings_of(config: Path):
    """Return the Settings of a configuration file."""
    from runtime.settings import load_settings

    return load_settings(config)


def open_audit(config: Path):
    """Return the audit log of a configuration."""
    from runtime.audit import Audit

    return Audit(settings_of(config).data_path / "audit.sqlite")


class clear_errors:
    """Turns the errors that people can mend into one sentence and exit code 1, without a traceback."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind, error, traceback) -> None:
        from models.predict import ModelError
        from runtime.audit import AuditError
        from runtime.secretfile import SecretFileError
        from runtime.settings import SettingsError

        mendable: tuple[type[BaseException], ...] = (SettingsError, SecretFileError, AuditError, ModelError)
        if offline := sys.modules.get("models.offline.stays"):
            mendable += (offline.DataError,)
        if isinstance(error, mendable):
            raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
