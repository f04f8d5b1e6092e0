"""What the demonstration EHR is told: where it and Vigil are, its clock, its patients, its SMART
clients.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

from demo.patients.generate import DemoPatient, generate
from demo.playing.clients import GENERIC, PLAYED

Authentication = Literal["none", "client_secret_basic", "private_key_jwt"]


SYNTHETIC = "Demonstration EHR: synthetic patients, not real people"
DE_IDENTIFIED = "Demonstration EHR: de-identified research data, never for care"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A registered SMART app; redirect URIs are compared as whole strings (SMART-1)."""

    client_id: str
    authentication: Authentication
    redirect_uris: tuple[str, ...]
    secret: str | None = None
    jwks_url: str | None = None


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class DemoConfig:
    """Everything `create_app` needs; URLs have no final slash.

    `patients` is called once, at the start, with now (aware UTC); `clients` without a value is
    Vigil alone; `notice` stands above every page; `sandbox` is the origin of a CDS Hooks Sandbox,
    which gets a FHIR base of its own that asks for no token; `audit_log` is the audit log of its
    own Vigil, for the developer's eyes.
    """

    base_url: str = "http://localhost:8001"
    vigil_url: str = "http://localhost:8000"
    seed: int = 1
    clock: Callable[[], datetime] = _now
    patients: Callable[[datetime], Sequence[DemoPatient]] | None = None
    clients: tuple[Client, ...] = ()
    notice: str = SYNTHETIC
    sandbox: str | None = None
    audit_log: Path | None = None

    @property
    def fhir_base(self) -> str:
        """Return the FHIR base, which is also `iss` of a launch."""
        return GENERIC.base(self.base_url)

    @property
    def played_bases(self) -> dict[str, str]:
        """Return the FHIR base of each client that is played, by its name."""
        return {name: played.base(self.base_url) for name, played in PLAYED.items()}

    @property
    def open_base(self) -> str:
        """Return the FHIR base that is open to the Sandbox; an EHR's record in Vigil is found by
        its base, and this one is trusted in another way.
        """
        return f"{self.base_url}/open/fhir"

    @property
    def audiences(self) -> tuple[str, ...]:
        """Return the values of `aud` that name a FHIR base here; the Sandbox's `iss`, which
        becomes `aud`, is what its user typed, with or without a final slash.
        """
        opened = (self.open_base, f"{self.open_base}/") if self.sandbox else ()
        return (*self.played_bases.values(), *opened)

    def registered(self) -> dict[str, Client]:
        """Return the SMART clients by id."""
        own = Client(
            client_id="vigil",
            authentication="private_key_jwt",
            redirect_uris=(f"{self.vigil_url}/callback",),
            jwks_url=f"{self.vigil_url}/.well-known/jwks.json",
        )
        return {client.client_id: client for client in self.clients or (own,)}

    def load_patients(self) -> Sequence[DemoPatient]:
        """Return the patients of this run."""
        return (self.patients or partial(generate, seed=self.seed))(self.clock())
