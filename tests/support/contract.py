"""Holds every answer that a test sees against /openapi.json: status, media type, and the body
against its schema. A pytest plugin; each card of each test passes here.
"""

import gzip
import json
import re
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import flask.testing
import pytest
import requests
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from cdshooks.openapi import document

DOCUMENT = document()
_registry = Registry().with_resource("urn:vigil", DRAFT202012.create_resource(DOCUMENT))


@cache
def schema(name: str) -> Draft202012Validator:
    """Return the validator of one schema of the document, such as Card."""
    return _validator(f"#/components/schemas/{name}")


@cache
def _validator(pointer: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"urn:vigil{pointer}"}, registry=_registry)


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """Return what matches each path of the document; a file below static/ may have slashes."""
    found = {}
    for path in DOCUMENT["paths"]:
        part = ".+" if path.startswith("/static/") else "[^/]+"
        found[path] = re.compile(re.sub(r"\\{\w+\\}", part, re.escape(_bare(path))))
    return found


def _bare(path: str) -> str:
    """Return a path as all its spellings have it: services answer with doubled and final slashes."""
    return re.sub("/+", "/", path).rstrip("/") or "/"


def operation(method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    """Return the document's path and operation of a call, None where it describes none."""
    for known, pattern in _patterns().items():
        found = DOCUMENT["paths"][known].get(method.lower())
        if found and pattern.fullmatch(_bare(path)):
            return known, found
    return None


def check(method: str, path: str, status: int, media: str, body: bytes) -> None:
    """Fail where an answer is not what the document says; what it does not describe passes."""
    found = operation(method, path)
    if found is None or status == 405:
        return
    known, described = found
    said = described["responses"].get(str(status))
    assert said, f"{method} {known} answered {status}, which /openapi.json does not name"
    pointer = f"#/paths/{known.replace('/', '~1')}/{method.lower()}/responses/{status}"
    if "$ref" in said:
        pointer = said["$ref"]
        said = DOCUMENT["components"]["responses"][pointer.rpartition("/")[2]]
    content = said.get("content", {})
    assert not content or media in content or "*/*" in content, f"{method} {known}: {media}"
    if "schema" in content.get(media, {}):
        place = media.replace("/", "~1")
        _validator(f"{pointer}/content/{place}/schema").validate(json.loads(body))


def _watched(client: type) -> Any:
    asked = client.open

    def open_and_check(self: Any, *args: Any, **options: Any) -> Any:
        answer = asked(self, *args, **options)
        if "X-Request-Id" in answer.headers:
            call, body = answer.request, answer.data
            if answer.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            check(call.method, call.path, answer.status_code, answer.mimetype, body)
        return answer

    return open_and_check


def _sent(send: Any) -> Any:
    def send_and_check(self: Any, prepared: Any, **options: Any) -> Any:
        answer = send(self, prepared, **options)
        path, media = urlsplit(prepared.url).path, answer.headers.get("Content-Type", "")
        if path.startswith("/cds-services") and "X-Request-Id" in answer.headers:
            bare = media.partition(";")[0]
            check(prepared.method, path, answer.status_code, bare, answer.content)
        return answer

    return send_and_check


@pytest.fixture(autouse=True, scope="session")
def every_answer_fits():
    """Watch the test client and requests for the whole run. Each answer of Vigil has its request's
    id; no stand-in's has.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flask.testing.FlaskClient, "open", _watched(flask.testing.FlaskClient))
        patch.setattr(requests.Session, "send", _sent(requests.Session.send))
        yield
