"""smart_style_url (SMART App Launch 7): read from the EHR alone, within limits, and kept."""

import json

import pytest
from flask import Response

from smartapp.styling import styles
from tests.support.small_ehr import SmallEhr

GOOD = {"color_background": "#f7f9fb", "color_text": "#101010"}


def styled(bench, ehr, url=None, status=200, body=None):
    """Launch with a style, and return the page and its stylesheet."""
    ehr.style = Response(json.dumps(GOOD) if body is None else body, status)
    ehr.token_extra = {"smart_style_url": url or f"{ehr.url}/style.json"}
    browser = bench.browser()
    place = browser.sign_in()
    return browser.get(place), browser.get(f"{place}style.css")


def reads(ehr) -> int:
    return sum(path == "/style.json" for path, _ in ehr.requests)


@pytest.mark.rule("SMART-48", "D3")
def test_the_ehrs_style_is_a_stylesheet_of_ours(bench, ehr):
    """Linked from our own origin, so the strict policy holds; without a token on its way."""
    page, sheet = styled(bench, ehr)
    assert 'style.css">' in page.text and sheet.mimetype == "text/css"
    assert "--ground: #f7f9fb" in sheet.text
    assert "style-src 'self';" in page.headers["Content-Security-Policy"]
    read = [headers for path, headers in ehr.requests if path == "/style.json"]
    assert len(read) == 1 and "Authorization" not in read[0]


def test_a_style_is_read_once_for_all(bench, ehr):
    """Its address is its version; one that can't be used is asked for again later, not each time."""
    for _ in range(3):
        styled(bench, ehr)
    assert reads(ehr) == 1


@pytest.mark.rule("C2")
@pytest.mark.parametrize(
    "url",
    [
        "{other}/style.json",
        "http://127.0.0.1/style.json",
        "{host}@{other_host}/style.json",
        "file:///etc/passwd",
        "/style.json",
        "{own}/style.json#" + "x" * 3000,
        "http://[::1",
    ],
)
def test_a_style_of_another_server_is_not_read(bench, ehr, url):
    """Nobody else's address is ever asked, whatever the token answer says."""
    other = SmallEhr()
    url = url.format(
        other=other.url, own=ehr.url, host=ehr.url, other_host=other.url.removeprefix("http://")
    )
    _, sheet = styled(bench, ehr, url)
    other.stop()
    assert (sheet.status_code, sheet.text) == (200, "") and other.requests == [] and not reads(ehr)


@pytest.mark.parametrize(
    "status, body",
    [
        (404, None),
        (302, None),
        (200, "<html>"),
        (200, "x" * 100_000),
        (200, "{}"),
        (500, ""),
        (200, b'{"a": "\xff"}'),
    ],
)
def test_a_style_that_cannot_be_used_changes_nothing(bench, ehr, status, body):
    page, sheet = styled(bench, ehr, status=status, body=body)
    assert page.status_code == 200 and (sheet.status_code, sheet.text) == (200, "")


def test_a_slow_style_does_not_hold_the_page(bench, ehr, monkeypatch):
    monkeypatch.setattr(styles, "FETCH_SECONDS", 0.0)
    _, sheet = styled(bench, ehr)
    assert (sheet.status_code, sheet.text) == (200, "")


def test_without_a_style_there_is_no_link(bench, ehr):
    browser = bench.browser()
    assert "style.css" not in browser.get(browser.sign_in()).text.replace("app.css", "")
    assert bench.browser().get("/l/none/style.css").status_code == 401
