"""Documents that anybody may keep, and the static files among them."""

import gzip
import re

import pytest
from flask import Flask, url_for

from runtime.publishing import static_files
from runtime.publishing.document import ASKED_AGAIN, BRIEFLY, FOR_GOOD, Document

TEXT = b"body { color: black }\n" * 50
DOCUMENT = Document(TEXT, "text/css")
PICTURE = Document(b"\x89PNG" + bytes(range(256)) * 4, "image/png")


@pytest.fixture
def app(tmp_path):
    """Return an application with two documents and a folder of static files."""
    folder = tmp_path / "static"
    (folder / "below").mkdir(parents=True)
    (folder / "app.css").write_bytes(TEXT)
    (folder / "below" / "icon.png").write_bytes(PICTURE.body)
    (tmp_path / "secret").write_text("secret")
    app = Flask("vigil", root_path=str(tmp_path))
    static_files.install(app)
    app.add_url_rule("/text", "text", lambda: DOCUMENT.answer())
    app.add_url_rule("/picture", "picture", lambda: PICTURE.answer(ASKED_AGAIN))
    return app


def packed(accepted: str) -> dict[str, str]:
    return {"Accept-Encoding": accepted}


def test_the_compressed_body_is_the_same_document(app):
    """It is smaller, its caches are told by what it varies, and its ETag is the same."""
    plain, small = (app.test_client().get("/text", headers=packed(a)) for a in ("", "br, gzip"))
    assert plain.data == gzip.decompress(small.data) == TEXT and len(small.data) < len(TEXT) / 5
    assert "Content-Encoding" not in plain.headers and small.headers["Content-Encoding"] == "gzip"
    assert small.content_length == len(small.data)
    for answer in (plain, small):
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["ETag"] == f'W/"{DOCUMENT.version}"'
        assert answer.headers["Cache-Control"] == BRIEFLY


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip;q=0, *;q=0"])
def test_whoever_does_not_take_gzip_gets_none(app, accepted):
    assert app.test_client().get("/text", headers=packed(accepted)).data == TEXT


def test_a_picture_is_not_compressed_again(app):
    """Nor is it said to vary."""
    answer = app.test_client().get("/picture", headers=packed("gzip"))
    assert answer.data == PICTURE.body and answer.headers["Cache-Control"] == ASKED_AGAIN
    assert "Vary" not in answer.headers and "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("accepted", ["", "gzip"])
def test_who_has_it_already_is_told_so(app, accepted):
    """Also by HEAD, with the headers that a cache renews, and without a body."""
    client, tags = app.test_client(), ('W/"another"', f'W/"{DOCUMENT.version}"')
    for method in (client.get, client.head):
        other, same = (
            method("/text", headers=packed(accepted) | {"If-None-Match": tag}) for tag in tags
        )
        assert (other.status_code, same.status_code, same.data) == (200, 304, b"")
        assert {"ETag", "Cache-Control", "Vary"} <= set(same.headers.keys())
        assert "Content-Encoding" not in same.headers
    head, got = client.head("/text"), client.get("/text")
    assert head.data == b"" and head.content_length == got.content_length == len(TEXT)


def test_a_static_file_is_kept_for_good_under_its_version(app):
    """Only there: without one, and under an old one, it is asked for again soon."""
    with app.test_request_context():
        address = url_for("static", filename="app.css")
    assert re.fullmatch(r"/static/app[.]css[?]v=[0-9a-f]{16}", address)
    client = app.test_client()
    assert client.get(address).headers["Cache-Control"] == FOR_GOOD
    for other in ("/static/app.css", "/static/app.css?v=" + "0" * 16, "/static/app.css?v="):
        answer = client.get(other)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, BRIEFLY)
        assert answer.mimetype == "text/css"
    assert client.get("/static/below/icon.png").mimetype == "image/png"


@pytest.mark.parametrize(
    "path",
    ["gone.css", "../secret", "%2e%2e/secret", "below/../app.css", "below", "", "/etc/passwd"],
)
def test_nothing_else_is_sent(app, path):
    """A path that leads out, or around, is no name of a file that was there at the start."""
    assert app.test_client().get(f"/static/{path}").status_code in (308, 404)
