"""Turns a launch into an authorization request: who may launch, and the parameters of SMART App
Launch 2.2 (SMART-4..21).
"""

import secrets
from urllib.parse import parse_qsl, urlsplit

from authlib.oauth2.client import OAuth2Client
from werkzeug.datastructures import MultiDict

from runtime.settings import Ehr, Settings
from smartapp.launching.discovery import Endpoints
from smartapp.launching.pending import Launch
from smartapp.launching.scopes import wanted
from smartapp.launching.way_out import marked
from smartapp.problems import LaunchRefused, SignInFailed

LONGEST_LAUNCH = 2048
# What browsers and proxies surely carry.
LONGEST_URL = 2000


def trusted_launch(
    arguments: MultiDict[str, str], settings: Settings, standalone: bool = False
) -> tuple[Ehr, str, str | None]:
    """Return the EHR, its `iss` byte for byte, and the opaque `launch`.

    Raises LaunchRefused before anything is fetched; unknown parameters are ignored (SMART-5,
    SMART-6, E1).
    """
    iss, launch = _single(arguments, "iss"), _single(arguments, "launch")
    if not iss or not (launch or standalone):
        raise LaunchRefused(
            "launch without " + ("launch" if iss else "iss"),
            "The launch lacks what an EHR has to send (iss and launch).",
            "Open Vigil from the patient's chart.",
        )
    if launch and len(launch) > LONGEST_LAUNCH:
        raise LaunchRefused("launch too long")
    ehr = settings.trusted(iss)
    if ehr is None or not ehr.smart_client_id:
        raise LaunchRefused("iss not trusted" if ehr is None else "ehr without smart_client_id")
    return ehr, iss, None if standalone else launch


def _single(arguments: MultiDict[str, str], name: str) -> str | None:
    values = set(arguments.getlist(name))
    if len(values) > 1:
        raise LaunchRefused(f"two values of {name}")
    return values.pop() if values else None


def redirect_uri(settings: Settings) -> str:
    """Return the one registered redirect URI; it comes from configuration, never from the Host
    header (SMART-49).
    """
    return f"{settings.public_url}/callback"


def authorization_url(
    ehr: Ehr,
    iss: str,
    launch: str | None,
    endpoints: Endpoints,
    settings: Settings,
    in_frame: bool = False,
) -> tuple[str, str, Launch]:
    """Return the URL to send the browser to, its `state`, and what its callback will need
    (SMART-13..15, E2); in a frame the state says how to get out of it.
    """
    scope = wanted(ehr, endpoints, standalone=launch is None)
    fresh, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    state = marked(fresh, iss, launch) if in_frame else fresh
    nonce = secrets.token_urlsafe(24) if "openid" in scope.split() else None
    client = OAuth2Client(
        None,
        ehr.smart_client_id,
        scope=scope,
        redirect_uri=redirect_uri(settings),
        code_challenge_method="S256",
    )
    try:
        url, _ = client.create_authorization_url(
            endpoints.authorization_endpoint, state, verifier, aud=iss, launch=launch, nonce=nonce
        )
    except ValueError:
        raise SignInFailed("authorization_endpoint unusable") from None
    return url, state, Launch(ehr.id, iss, verifier, nonce, scope)


def by_post(url: str, endpoints: Endpoints) -> list[tuple[str, str]]:
    """Return the parameters of an authorization request that is too long for a URL, where the
    server takes them by POST; else none (SMART-12).
    """
    if len(url) <= LONGEST_URL or "authorize-post" not in endpoints.capabilities:
        return []
    own = parse_qsl(urlsplit(endpoints.authorization_endpoint).query, keep_blank_values=True)
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)[len(own) :]
