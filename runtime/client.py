"""Tells whether the client of a request is still there, as far as its connection shows."""

import select
from typing import Any

from gevent.monkey import get_original

# Linux tells a closed sending side; elsewhere only a connection that is wholly gone is seen.
CLOSED = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR


def gone(environ: dict[str, Any]) -> bool:
    """Return whether the other side has closed its connection, where the server (gunicorn) shows
    it.

    A client that only shuts down its sending side counts as gone. Behind a proxy it is the proxy's
    connection, which nginx closes with its client's.
    """
    connection = environ.get("gunicorn.socket")
    if connection is None:
        return False
    # gevent's own poll would go round its loop.
    look = get_original("select", "poll")()
    look.register(connection.fileno(), CLOSED)
    return bool(look.poll(0))
