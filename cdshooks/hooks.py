"""Turns the bytes of a call into a checked HookRequest (CDS Hooks 2.0 "Calling a CDS Service",
R23-R28, R114-R118).

The prefetch values stay raw bytes: they are most of the body, and models.reading.fhir reads them
once, as they are.
"""

import re
from functools import cache
from typing import ClassVar, Generic, TypeVar

import msgspec

from cdshooks import strict_json
from cdshooks.mend import MARK, mended
from runtime.web import BadRequest, PreconditionFailed

LONGEST_TOKEN = 16384
# R24: any version, either case.
UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
FHIR_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")
# B3: relative or absolute.
_USER = r"(?:https?://[\x21-\x7e]{1,2000}/)?(?:%s)/[A-Za-z0-9.\-]{1,64}"
ANYBODY = re.compile(_USER % "Practitioner|PractitionerRole|Patient|RelatedPerson")
STAFF = re.compile(_USER % "Practitioner|PractitionerRole")
PATIENT = re.compile(r"(?:https?://[\x21-\x7e]{1,2000}/)?Patient/([A-Za-z0-9.\-]{1,64})")
TOKEN = re.compile(r"[\x21-\x7e]+")


class Context(msgspec.Struct, frozen=True):
    """The context that patient-view has, and that others of our hooks build on."""

    users: ClassVar[re.Pattern[str]] = ANYBODY

    userId: str
    patientId: str
    encounterId: str | None = None

    def __post_init__(self) -> None:
        """Take an empty text as absent (B3)."""
        msgspec.structs.force_setattr(self, "encounterId", self.encounterId or None)


class EncounterContext(Context, frozen=True, kw_only=True):
    """The context of encounter-start and encounter-discharge: the encounter is required, and only
    staff admits and discharges (R114, R115).
    """

    users: ClassVar[re.Pattern[str]] = STAFF

    encounterId: str


AnyContext = TypeVar("AnyContext", bound=Context)


class OtherPatient(PreconditionFailed):
    """The access token is for another patient than the call's `context` (B6)."""

    def __init__(self, context: Context):
        super().__init__("The access token is for another patient than `context.patientId`.")
        self.context = context


class FhirAuthorization(msgspec.Struct, frozen=True):
    """The access token that came with the call; scopes are not read (R60: their form differs by
    version and vendor).
    """

    access_token: str
    token_type: str = "Bearer"
    patient: str | None = None


class HookRequest(msgspec.Struct, Generic[AnyContext], frozen=True):
    """One call of a service; unknown members are passed over (R27, R28), and so is what stands in
    `extension` but for a vendor's trigger.
    """

    hook: str
    hookInstance: str
    context: AnyContext
    fhirServer: str | None = None
    fhirAuthorization: FhirAuthorization | None = None
    prefetch: dict[str, msgspec.Raw] | None = None
    extension: msgspec.Raw = msgspec.Raw(b"null")

    def __post_init__(self) -> None:
        """Take an empty text as absent (B3)."""
        msgspec.structs.force_setattr(self, "fhirServer", self.fhirServer or None)

    @property
    def token(self) -> str | None:
        """Return the access token, or None when there is none that may be used."""
        given = self.fhirAuthorization
        return given.access_token if given and self.fhirServer else None

    @property
    def unused_token(self) -> bool:
        """Return whether an access token came without the server that it is for (against R25)."""
        return self.fhirAuthorization is not None and self.fhirServer is None


@cache
def _decoder(context: type[Context]) -> msgspec.json.Decoder[HookRequest[Context]]:
    return msgspec.json.Decoder(HookRequest[context])  # type: ignore[valid-type]


def read(body: bytes, hook: str, context: type[Context]) -> HookRequest[Context]:
    """Read and check one request of a service that answers `hook`, with that hook's context.

    Raises BadRequest in plain words, and OtherPatient.
    """
    try:
        request = _decoded(body, _decoder(context))
    except msgspec.ValidationError as error:
        # The message names members of ours and JSON types only, nothing of the request.
        raise BadRequest(f"The request is not what CDS Hooks says: {error}.") from None
    except strict_json.StrictError as error:
        raise BadRequest(str(error)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise BadRequest(_why_unreadable(body)) from None
    _check(request, hook)
    return request


def _decoded(
    body: bytes, decoder: msgspec.json.Decoder[HookRequest[Context]]
) -> HookRequest[Context]:
    """Read a body whose envelope is strict JSON, whatever stands in the prefetched resources
    (B2).
    """
    try:
        request = decoder.decode(body)
        envelope = _skeleton(body, request.prefetch)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        body = mended(body)
        request = decoder.decode(body)
        envelope = _skeleton(body, request.prefetch)
        if MARK in envelope:
            raise
    strict_json.read(envelope)
    return request


def _check(request: HookRequest[Context], hook: str) -> None:
    context, authorization = request.context, request.fhirAuthorization
    if request.hook != hook:
        raise BadRequest(f"This service answers the hook {hook} only.")
    if not UUID.fullmatch(request.hookInstance):
        raise BadRequest("`hookInstance` must be a UUID.")
    if not FHIR_ID.fullmatch(context.patientId):
        raise BadRequest("`context.patientId` must be a bare FHIR id, without `Patient/`.")
    if not context.users.fullmatch(context.userId):
        raise BadRequest("`context.userId` must be a reference such as Practitioner/123.")
    if context.encounterId is None and isinstance(context, EncounterContext):
        raise BadRequest(f"`context.encounterId` is required by the hook {hook}.")
    if context.encounterId is not None and not FHIR_ID.fullmatch(context.encounterId):
        raise BadRequest("`context.encounterId` must be a bare FHIR id, without `Encounter/`.")
    if authorization is not None:
        _check_authorization(request, authorization)


def _check_authorization(request: HookRequest[Context], authorization: FhirAuthorization) -> None:
    if authorization.token_type.lower() != "bearer":
        raise BadRequest("`fhirAuthorization.token_type` must be Bearer.")
    if len(authorization.access_token) > LONGEST_TOKEN or not TOKEN.fullmatch(
        authorization.access_token
    ):
        raise BadRequest("`fhirAuthorization.access_token` is not a bearer token.")
    # R56 wants a bare id; a reference says the same, and an empty text nothing.
    reference = PATIENT.fullmatch(authorization.patient or "")
    patient = reference[1] if reference else authorization.patient
    if patient and patient != request.context.patientId:
        raise OtherPatient(request.context)


def _skeleton(body: bytes, prefetch: dict[str, msgspec.Raw] | None) -> bytes:
    """Return the body with prefetched objects replaced by null, so that the strict reader sees the
    small rest.

    Only objects and lists are cut out: an equal text elsewhere is then a value too, and null there
    does no harm. What is not found stays in and is read strictly, which is slower and as safe.
    """
    parts: list[bytes] = []
    position = 0
    for raw in (prefetch or {}).values():
        value = bytes(raw)
        if value[:1] not in (b"{", b"["):
            continue
        start = body.find(value[:64], position)
        if start >= 0 and body[start : start + len(value)] == value:
            parts += (body[position:start], b"null")
            position = start + len(value)
    return b"".join((*parts, body[position:]))


def _why_unreadable(body: bytes) -> str:
    try:
        strict_json.read(body)
    except strict_json.StrictError as error:
        return str(error)
    return "The body is not valid JSON."
