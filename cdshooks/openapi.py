"""Makes the OpenAPI 3.1 document of every address of Vigil, at /openapi.json.

Written by hand is templates/openapi.json; the addresses of services come from their table, and the
schemas of CDS Hooks from static/cds-hooks.schema.json, which also serves by itself.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
from flask import Blueprint

from cdshooks.services import SERVICES, Service
from runtime.publishing.document import ASKED_AGAIN, Document

ROOT = Path(__file__).parents[1]
ELSEWHERE, HERE, INSIDE = "cds-hooks.schema.json#/$defs/", "#/components/schemas/", "#/$defs/"


def add_to(blueprint: Blueprint) -> None:
    """Add the route of the document; it is public, and made once."""
    text = json.dumps(document(), ensure_ascii=False).encode()
    made = Document(text, "application/json", ASKED_AGAIN)
    blueprint.add_url_rule("/openapi.json", "openapi", lambda: made.answer())


def document() -> dict[str, Any]:
    """Return the document in one piece: no reference leads out of it."""
    made: dict[str, Any] = json.loads(_text("templates/openapi.json").replace(ELSEWHERE, HERE))
    schema = json.loads(_text("static/cds-hooks.schema.json").replace(INSIDE, HERE))
    made["components"]["schemas"] = schema["$defs"]
    paths = made["paths"]
    call, feedback = paths.pop("/cds-services/{id}"), paths.pop("/cds-services/{id}/feedback")
    for service in SERVICES:
        paths |= {service.path: {"post": call["post"] | _own(service)}}
        paths |= {service.feedback_path: feedback}
    return made


def _own(service: Service) -> dict[str, Any]:
    """Return what one service has for itself: its words, its hook, and what that hook brings."""
    needed = [field.name for field in msgspec.structs.fields(service.context) if field.required]
    asked = {
        "$ref": f"{HERE}PatientRequest",
        "properties": {"hook": {"const": service.hook}, "context": {"required": needed}},
    }
    return {
        "summary": service.title,
        "description": service.description,
        "requestBody": {"required": True, "content": {"application/json": {"schema": asked}}},
    }


def _text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")
