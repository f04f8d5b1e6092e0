"""What comes from a chart is text on a page, in whichever template it is set (D3)."""

from pathlib import Path

import pytest
from flask import Blueprint, Flask

from smartapp.pages import register_words

ROOT = Path(__file__).parents[3]
PARTS = sorted(
    str(path.relative_to(ROOT / "templates"))
    for path in (ROOT / "templates").rglob("*")
    if path.suffix in {".html", ".jinja"}
)


@pytest.fixture(scope="module")
def environment():
    """The environment that pages are made in."""
    app, blueprint = Flask("vigil"), Blueprint("smartapp", __name__)
    register_words(blueprint)
    app.register_blueprint(blueprint)
    return app.jinja_env


@pytest.mark.rule("D3")
@pytest.mark.parametrize("name", PARTS)
def test_every_template_of_a_page_escapes(environment, name):
    assert environment.autoescape(name)


@pytest.mark.rule("D3")
def test_text_of_another_form_is_left_as_it_is(environment):
    """Markdown has its own rules (D1)."""
    assert environment.autoescape(None) and not environment.autoescape("cards/detail.md")
