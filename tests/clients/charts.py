"""The demonstration EHR on a socket, as the clients meet it: apps of theirs are registered, charts
are read by a token.
"""

import threading
from urllib.parse import parse_qs, urlsplit

import requests
from werkzeug.serving import make_server

from demo.app import create_app
from demo.config import Client, DemoConfig
from tests.support.served import free_port
from tests.support.small_vigil import CHALLENGE, VERIFIER

SECRET = "correct-horse-battery-staple"


class ChartServer:
    """The EHR at `url`, its FHIR base `fhir`; the app at `app_url` is its client "public", "secret"
    and "key".
    """

    def __init__(self, app_url: str, http: requests.Session):
        port = free_port()
        self.url, self.app_url, self.http = f"http://localhost:{port}", app_url, http
        self.fhir = f"{self.url}/fhir"
        config = DemoConfig(base_url=self.url, vigil_url=app_url, clients=_registered(app_url))
        self._server = make_server("127.0.0.1", port, create_app(config), threaded=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def launch(self, patient: str) -> dict[str, str]:
        """Begin an EHR launch from a chart and return its `iss` and `launch`."""
        return self._sent_to(f"{self.url}/chart/{patient}/launch")

    def token(self, patient: str) -> str:
        """Return an access token for one patient's chart, of the public client."""
        back = f"{self.app_url}/public/callback"
        wanted = {
            "response_type": "code",
            "client_id": "public",
            "redirect_uri": back,
            "scope": "launch patient/Patient.read patient/Observation.read",
            "state": "s",
            "aud": self.fhir,
            "launch": self.launch(patient)["launch"],
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        form = {
            "grant_type": "authorization_code",
            "code": self._sent_to(f"{self.url}/authorize", wanted)["code"],
            "code_verifier": VERIFIER,
            "client_id": "public",
            "redirect_uri": back,
        }
        return self.http.post(f"{self.url}/token", data=form).json()["access_token"]

    def prefetch(self, services: str, patient: str) -> dict:
        """Return what a CDS client prefetches for the first service, read from the chart."""
        templates = self.http.get(services).json()["services"][0]["prefetch"]
        bearer = {"Authorization": f"Bearer {self.token(patient)}"}
        return {
            key: self.http.get(
                f"{self.fhir}/{query.replace('{{context.patientId}}', patient)}", headers=bearer
            ).json()
            for key, query in templates.items()
        }

    def _sent_to(self, url: str, query: dict | None = None) -> dict[str, str]:
        answer = self.http.get(url, params=query, allow_redirects=False)
        found = parse_qs(urlsplit(answer.headers["Location"]).query)
        return {name: values[0] for name, values in found.items()}


def _registered(app_url: str) -> tuple[Client, ...]:
    def client(name, authentication, **more):
        back = (f"{app_url}/{name}/callback",)
        return Client(client_id=name, authentication=authentication, redirect_uris=back, **more)

    return (
        client("public", "none"),
        client("secret", "client_secret_basic", secret=SECRET),
        client("key", "private_key_jwt", jwks_url=f"{app_url}/jwks.json"),
    )
