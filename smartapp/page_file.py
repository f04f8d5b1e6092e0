"""Turns one assessment into a page in a file, as the app shows it, to be opened without a
server.
"""

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from flask import Blueprint, Flask, render_template

from models.assess import Assessment
from models.fitted.registry import Model
from models.patient.chart import Chart
from smartapp.measurements import measured
from smartapp.pages import explanation, register_words
from smartapp.record import Person

ROOT = Path(__file__).parents[1]


def page(chart: Chart, assessment: Assessment, models: Sequence[Model]) -> str:
    """Return the explanation page of an assessment of a chart; its style is read from where Vigil
    is installed, and nobody is named.
    """
    app = Flask("vigil", root_path=str(ROOT), template_folder="templates")
    blueprint = Blueprint("smartapp", __name__)
    register_words(blueprint)
    blueprint.add_url_rule("/model-card", "model_card")
    app.register_blueprint(blueprint)
    values = explanation(chart, assessment, models, UTC)
    values["measured"] = measured(chart, assessment)
    shown = {"person": Person(), "problems": assessment.unread, "notice": None, "handle": None}
    shown["age_years"] = assessment.age_years
    with app.test_request_context():
        text = render_template(
            "pages/explanation.html", **values, **shown, comparison="", shown="now"
        )
    return text.replace('="/static/', f'="{(ROOT / "static").as_uri()}/')
