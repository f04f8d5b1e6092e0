"""Turns a requests Session into one that fits an EHR: time-outs, a size limit, no redirects, the
system's trust, one origin.
"""

import ssl
import time
from collections.abc import Callable

import requests
from requests.adapters import HTTPAdapter

CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 3.0, 8.0, 15.0
LARGEST_ANSWER = 16 * 1024 * 1024


class Refused(requests.RequestException):
    """The answer is too large or too slow, or the URL is not one that may be called."""


class BoundedAdapter(HTTPAdapter):
    """Reads every answer within limits before anyone sees it; `allows` decides which URLs may be
    called at all.

    The time runs from now for all answers together: a person waits for them (SMART-41).
    """

    def __init__(self, allows: Callable[[str], bool]):
        self._allows = allows
        self._deadline = time.monotonic() + TOTAL_SECONDS
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args, **kwargs):
        """Check certificates against the system's store, where a hospital keeps its own
        authority.
        """
        super().init_poolmanager(*args, ssl_context=ssl.create_default_context(), **kwargs)

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        """Send within time-outs; raises Refused."""
        if not self._allows(request.url):
            raise Refused("address not allowed")
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise Refused("no time left")
        response = super().send(
            request, True, (min(CONNECT_SECONDS, left), min(READ_SECONDS, left)), True, cert, None
        )
        parts, size = [], 0
        for part in response.iter_content(65536):
            parts.append(part)
            size += len(part)
            if size > LARGEST_ANSWER or time.monotonic() > self._deadline:
                response.close()
                raise Refused("answer too large or too slow")
        response._content = b"".join(parts)
        return response


def bind(session: requests.Session, allows: Callable[[str], bool]) -> requests.Session:
    """Give a requests Session these limits; credentials then follow no redirect and no proxy or
    netrc.
    """
    session.trust_env = False
    session.max_redirects = 0
    adapter = BoundedAdapter(allows)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
