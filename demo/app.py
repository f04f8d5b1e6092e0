"""The demonstration EHR: FHIR server, SMART authorization server and CDS client in one Flask
application.

Synthetic patients only. It signs its users in without asking who they are, so it must never be
reachable from outside.
"""

from functools import partial
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from demo import authorization, chart, fhir, messages, sandbox, token
from demo.config import DemoConfig
from demo.hooks import HookClient
from demo.keys import Keys
from demo.records import Records
from demo.tokens import Tokens

# The frame passes through our own /authorize on its way to Vigil, and a form on that page ends
# there: hence 'self' beside it.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' {vigil}; "
    "connect-src 'self'; "
    "frame-src 'self' {vigil}; form-action 'self' {vigil}; base-uri 'none'; frame-ancestors 'self'"
)


def create_app(config: DemoConfig) -> Flask:
    """Return the application; its patients, keys and tokens live in this process, so serve it
    with one worker.
    """
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 1024 * 1024
    patients, tokens, keys = config.load_patients(), Tokens(config.clock), Keys()
    records = Records(config.fhir_base, patients)
    for name, base in config.played_bases.items():
        served, allowed = records.at(base), fhir.by_token(tokens)
        app.register_blueprint(fhir.create_blueprint(config, served, allowed, f"fhir-{name}"))
    app.register_blueprint(authorization.create_blueprint(config, records, tokens))
    app.register_blueprint(token.create_blueprint(config, tokens, keys))
    app.register_blueprint(
        chart.create_blueprint(config, records, tokens, HookClient(config, records, tokens, keys))
    )
    app.register_blueprint(messages.create_blueprint(records, tokens))
    if config.sandbox:
        opened = records.at(config.open_base)
        app.register_blueprint(sandbox.create_blueprint(config, opened, tokens))
        app.wsgi_app = sandbox.SingleSlashes(app.wsgi_app)  # type: ignore[method-assign]
    app.add_url_rule("/readyz", view_func=lambda: jsonify(status="ok"), endpoint="readyz")
    bases = tuple(urlsplit(base).path for base in config.audiences)
    app.register_error_handler(HTTPException, partial(_refuse, bases))
    app.context_processor(lambda: {"notice": config.notice})
    # Opened as another site, the frame passes through here under our own name.
    policy = POLICY.format(vigil=f"{config.vigil_url} {config.base_url}")

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return app


def _refuse(bases: tuple[str, ...], error: HTTPException) -> Response | tuple[str, int]:
    """Answer below a FHIR base as FHIR does, elsewhere with a page."""
    if request.path.startswith(bases):
        return fhir.answer(fhir.outcome("processing", error.description or ""), error.code or 500)
    return render_template("refused.html", text=error.description), error.code or 500
