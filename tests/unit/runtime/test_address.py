"""Whose address counts behind a proxy (A11)."""

import pytest
from flask import Flask, request

from runtime.limits.address import Addresses
from runtime.settings import Settings


def address(peer, trusted=("127.0.0.1", "10.0.0.0/8"), header="X-Forwarded-For", **headers):
    settings = Settings(public_url="x", ehr=(), trusted_proxies=trusted, proxy_header=header)
    sent = [(name.replace("_", "-"), value) for name, value in headers.items()]
    with Flask("x").test_request_context(headers=sent, environ_base={"REMOTE_ADDR": peer}):
        return Addresses(settings).of(request)


@pytest.mark.rule("A11")
@pytest.mark.parametrize(
    "peer, named, found",
    [
        ("127.0.0.1", "9.9.9.9", "9.9.9.9"),
        ("127.0.0.1", "1.1.1.1, 9.9.9.9", "9.9.9.9"),
        ("127.0.0.1", "1.1.1.1, 9.9.9.9, 10.1.2.3", "9.9.9.9"),
        ("127.0.0.1", "10.1.2.3", "10.1.2.3"),
        ("127.0.0.1", "9.9.9.9:4711", "9.9.9.9"),
        ("127.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("127.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", "9.9.9.9, nonsense", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("8.8.8.8", "9.9.9.9", "8.8.8.8"),
    ],
)
def test_the_rightmost_that_is_no_proxy_of_ours(peer, named, found):
    """What stands left of it was written by the caller; of a stranger nothing is believed."""
    assert address(peer, X_Forwarded_For=named) == found
    assert address(peer, trusted=(), X_Forwarded_For=named) == peer


@pytest.mark.rule("A11")
@pytest.mark.parametrize(
    "named, found",
    [
        ("for=9.9.9.9", "9.9.9.9"),
        ('for=1.1.1.1, For="[2001:db8::1]:4711";proto=https;by=10.0.0.1', "2001:db8::1"),
        ("proto=https;for=9.9.9.9", "9.9.9.9"),
        ("for=unknown", "127.0.0.1"),
        ("proto=https", "127.0.0.1"),
    ],
)
def test_the_standard_header_where_that_is_configured(named, found):
    """The other one is the caller's then."""
    assert (
        address("127.0.0.1", header="Forwarded", Forwarded=named, X_Forwarded_For="6.6.6.6")
        == found
    )
    assert address("127.0.0.1", Forwarded=named) == "127.0.0.1"
