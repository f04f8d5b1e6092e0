"""Serves the guide: one page, in plain words, of what the page of a patient shows.

Its pictures are drawn by the page's own templates, of an invented patient whom the models in
service assess.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from flask import Blueprint, Response

from models.assess import Assessment, assess
from models.fitted.registry import Model, ModelError
from models.patient.chart import Chart, Reading
from runtime.logs import get_logger
from runtime.publishing.document import Document
from smartapp.plots.news2 import news2_strip
from smartapp.plots.waterfall import waterfall
from smartapp.public.page import public_page

AT = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
# Invented. Nobody charted how awake the patient is, so that the example shows what a missing part
# looks like.
VALUES = {
    "heart_rate": 112.0,
    "respiratory_rate": 24.0,
    "spo2": 93.0,
    "fio2": 21.0,
    "systolic": 104.0,
    "diastolic": 58.0,
    "temperature": 38.6,
    "lactate": 3.1,
    "creatinine": 1.6,
    "wbc": 15.2,
}
# Bars of the example; more would not fit the sheet.
BARS = 5
log = get_logger("guide")


class Guide:
    """The route of the guide; it needs no session, and is made when it is first asked for."""

    def __init__(self, models: Sequence[Model]):
        self.models = models
        self.kept: Document | None = None

    def add_to(self, blueprint: Blueprint) -> None:
        """Add the route to the SMART app."""
        blueprint.add_url_rule("/guide", "guide", self.show)

    def show(self) -> Response:
        """Show the guide."""
        if self.kept is None:
            self.kept = self._made()
        return self.kept.answer()

    def _made(self) -> Document:
        example = _example(self.models)
        lead = example.lead
        return public_page(
            "pages/guide.html",
            example=example,
            risk=lead,
            bars=waterfall(lead, BARS) if lead else None,
            strip=news2_strip(example.news2, example.inputs),
            zone=UTC,
        )


def _example(models: Sequence[Model]) -> Assessment:
    """Return what is said of the invented patient, without a risk where the models give none."""
    readings = [
        Reading(AT - timedelta(minutes=20), name, value, "example")
        for name, value in VALUES.items()
    ]
    chart = Chart("example", date(1951, 3, 9), "female", False, tuple(sorted(readings)), {})
    try:
        return assess(chart, AT, models)
    except ModelError as error:
        log.error("example_failed", reason=str(error))
        return assess(chart, AT, ())
