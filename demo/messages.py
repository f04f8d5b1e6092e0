"""The window's end of SMART Web Messaging 1.0: what the chart page does when the app in its frame
asks for it (SMART-57).

The page passes on what came from the app's own origin; whether the handle is one that was given to
a launch of this patient only the server knows.
"""

from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from demo.records import Records, WrongOrder
from demo.tokens import Grant, Tokens


def create_blueprint(records: Records, tokens: Tokens) -> Blueprint:
    """Return the address to which the chart page hands a message on; it answers with `payload`."""
    blueprint = Blueprint("messages", __name__)

    @blueprint.post("/chart/<patient_id>/message")
    def message(patient_id: str) -> Response:
        told = request.get_json(silent=True)
        told = told if isinstance(told, dict) else {}
        grant: Grant | None = tokens.find("handle", str(told.get("messagingHandle")))
        if grant is None or grant.patient != patient_id:
            abort(403)
        kind = str(told.get("messageType"))
        if kind != "status.handshake" and f"messaging/{kind.partition('.')[0]}" not in grant.scope:
            abort(403)
        return jsonify(payload=_payload(records, patient_id, kind, told.get("payload")))

    return blueprint


def _payload(records: Records, patient_id: str, kind: str, payload: Any) -> dict[str, Any]:
    if kind == "status.handshake":
        return {}
    if kind == "ui.done":
        return {"status": "success"}
    resource = payload.get("resource") if isinstance(payload, dict) else None
    if kind != "scratchpad.create" or not isinstance(resource, dict):
        return {"status": "501 Not Implemented" if kind.startswith("scratchpad.") else "failure"}
    if resource.get("resourceType") != "ServiceRequest" or resource.get("status") != "draft":
        return {"status": "422 Unprocessable Content"}
    try:
        (made,) = records.order(patient_id, [resource])
    except WrongOrder:
        return {"status": "422 Unprocessable Content"}
    words = (made.get("code") or {}).get("text", "An order")
    place = f"{resource['resourceType']}/{made['id']}"
    return {"status": "201 Created", "location": place, "drafted": words}
