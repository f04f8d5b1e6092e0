"""Turns a requests Session into one that reads by `ehr.http`: one total time, a size limit, no
redirects, one origin.
"""

import time
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import BaseAdapter

from ehr.http import Outgoing, OutgoingError

TOTAL_SECONDS = 15.0
LARGEST_ANSWER = 2 * 1024 * 1024


class Refused(requests.RequestException):
    """The answer is too large or too slow, or the URL is not one that may be called."""


class BoundedAdapter(BaseAdapter):
    """Reads every answer within limits before anyone sees it; `allows` decides which URLs may be
    called at all.

    The time runs from now for all answers together: a person waits for them (SMART-41).
    """

    def __init__(self, http: Outgoing, allows: Callable[[str], bool], seconds: float):
        super().__init__()
        self._http, self._allows = http, allows
        self._deadline = time.monotonic() + seconds

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Send by our own limits, whatever the caller's are; raises Refused.

        Of the answer's headers none is passed on, so that there is nowhere to be redirected to.
        """
        method, url = request.method or "", request.url or ""
        if not self._allows(url):
            raise Refused("address not allowed")
        try:
            answer = self._http.request(
                method, url, request.headers, request.body, self._deadline, LARGEST_ANSWER
            )
        except OutgoingError as error:
            raise Refused(str(error)) from None
        response = requests.Response()
        response.status_code, response._content = answer.status, answer.body
        response.url, response.request = url, request
        return response

    def close(self) -> None:
        """Do nothing: each answer's connection was closed with it."""


def bind(
    session: requests.Session,
    http: Outgoing,
    allows: Callable[[str], bool],
    seconds: float | None = None,
) -> requests.Session:
    """Give a requests Session these limits; credentials then follow no redirect and no proxy or
    netrc.
    """
    session.trust_env = False
    adapter = BoundedAdapter(http, allows, TOTAL_SECONDS if seconds is None else seconds)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
