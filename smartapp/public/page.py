"""Renders a page without patient data into a Document."""

from typing import Any

from flask import current_app, render_template

from runtime.publishing.document import Document


def public_page(template: str, **values: Any) -> Document:
    """Return a page that anybody may keep.

    It is rendered in a context of its own: what is kept for all must hold nothing of the request
    that happened to be the first.
    """
    with current_app.test_request_context():
        return Document(render_template(template, **values).encode(), "text/html")
