"""Looks at all that one EHR's record needs to work, and says what to mend: `vigil doctor`."""

from collections.abc import Iterator

from joserfc.jwk import Key

from ehr.checks.asked import asked
from ehr.checks.capabilities import capabilities
from ehr.checks.finding import Finding
from ehr.checks.outside import discovered, framing, outside
from ehr.checks.record import record
from ehr.checks.servers import Servers
from ehr.checks.signed_call import last_call, signed
from runtime.audit.log import Audit
from runtime.settings import Ehr, Settings


def examine(
    ehr: Ehr, settings: Settings, servers: Servers, audit: Audit | None, key: Key | None
) -> Iterator[Finding]:
    """Yield what is found, in the order in which a call or launch needs it.

    `audit` is this host's log, if there is one; `key` the EHR's private key, if we have it.
    """
    yield from record(ehr, settings)
    yield from asked(ehr, settings, servers)
    for base in ehr.fhir_base:
        yield from capabilities(base, ehr, servers)
    place = discovered(settings, servers)
    if isinstance(place, Finding):
        yield place
    else:
        yield from outside(place, settings, servers, audit)
        if key:
            yield from signed(place, ehr, key, servers, audit)
    if ehr.hook_issuer and not key:
        yield last_call(ehr, audit)
    yield from framing(ehr, settings, servers)
    yield from servers.clocks()
