"""Says with which window the page may talk, and about what (SMART Web Messaging 1.0, SMART-57).

The handle and the origin come from the EHR's token endpoint. The page sends the handle, and with a
draft order a patient's id and a finding: so it sends them to an origin that the EHR's own record
names, and to no other, whatever the token response says.
"""

from typing import NamedTuple

from runtime.settings import Ehr, bare_url, origin_of
from smartapp.launching.acts import GROUPS, groups
from smartapp.session import Session

# A handle is base64 of some dozen bytes; this one stands in a page's attribute.
LONGEST_HANDLE = 2048


class Channel(NamedTuple):
    """The window's origin, the handle that each message carries, and what messages may do: close
    the app, draft orders.
    """

    handle: str
    origin: str
    close: bool
    draft: bool


def channel(session: Session, ehr: Ehr) -> Channel | None:
    """Return the channel that the EHR offers; None where there is none that may be used.

    A frame's parent is one of `frame_ancestors`, or it could not frame the page; a window that
    opened the app may be of the FHIR server's own origin. The authorization server is not taken for
    either: it is discovered, and the record does not name it.
    """
    handle, origin = session.messaging_handle, bare_url(session.messaging_origin or "")
    if not handle or len(handle) > LONGEST_HANDLE or origin not in _trusted(ehr):
        return None
    # A server that grants no scope of messages by name, and gives a handle, says so by that.
    granted = groups(session.scope) or set(GROUPS)
    return Channel(handle, origin, "ui" in granted, "scratchpad" in granted and bool(ehr.offers))


def _trusted(ehr: Ehr) -> set[str]:
    return {*ehr.frame_ancestors, *map(origin_of, ehr.fhir_base)}
