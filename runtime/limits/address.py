"""Tells the address of who calls: the peer's, or behind a configured proxy the one that the proxy
names (A11).
"""

import ipaddress
import re
from collections.abc import Collection

from flask import Request

from runtime.settings import Settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# RFC 7239 4: `for=192.0.2.60`, `for="[2001:db8::1]:4711"`; the elements are parted by commas.
FORWARDED_FOR = re.compile(r'(?:^|;)\s*for="?([^";]*)', re.IGNORECASE)
# [v6], [v6]:port, v4:port: what stands before the port.
HOST = re.compile(r"\[([^\]]*)\](?::\d+)?|([^:]*):\d+")


class Addresses:
    """Reads addresses of callers by the proxies and the one header that are configured."""

    def __init__(self, settings: Settings):
        self._trusted = [ipaddress.ip_network(proxy) for proxy in settings.trusted_proxies]
        self._header = settings.proxy_header

    def of(self, request: Request) -> str:
        """Return the address of a call: from the right the first that is no proxy of ours.

        What stands left of it was written by the caller, and may be anything.
        """
        address = request.remote_addr or ""
        if not _within(address, self._trusted):
            return address
        for named in reversed(self._named(request)):
            if not _address(named):
                break
            address = named
            if not _within(named, self._trusted):
                break
        return address

    def _named(self, request: Request) -> list[str]:
        elements = ",".join(request.headers.getlist(self._header)).split(",")
        if self._header == "Forwarded":
            found = [FORWARDED_FOR.search(element) for element in elements]
            elements = [match[1] if match else "" for match in found]
        return [_bare(element.strip()) for element in elements]


def _bare(host: str) -> str:
    match = HOST.fullmatch(host)
    return (match[1] or match[2] or "") if match else host


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _within(text: str, networks: Collection[Network]) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in networks)
