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
from smartapp.pages import explanation
from smartapp.plots.waterfall import waterfall
from smartapp.public.page import public_page

AT = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
# Invented, by hours before. Nobody charted how awake the patient is now, so that the example shows
# what a missing part looks like.
VALUES: dict[float, dict[str, float]] = {
    18: {"heart_rate": 84, "respiratory_rate": 16, "spo2": 97, "systolic": 128, "acvpu": 0}
    | {"temperature": 37.2, "fio2": 21, "creatinine": 1.1, "wbc": 10.4},
    9: {"heart_rate": 98, "respiratory_rate": 21, "spo2": 95, "systolic": 116, "fio2": 21}
    | {"temperature": 38.2},
    1 / 3: {"heart_rate": 112, "respiratory_rate": 24, "spo2": 93, "systolic": 104, "fio2": 21}
    | {"temperature": 38.6, "lactate": 3.1, "creatinine": 1.6, "wbc": 15.2},
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
        chart = _chart()
        example = _example(chart, self.models)
        lead = example.lead
        return public_page(
            "pages/guide.html",
            example=example,
            risk=lead,
            bars=waterfall(lead, BARS) if lead else None,
            strip=explanation(chart, example, self.models, UTC)["strip"],
            zone=UTC,
        )


def _chart() -> Chart:
    readings = sorted(
        Reading(AT - timedelta(hours=hours), name, float(value), "example")
        for hours, values in VALUES.items()
        for name, value in values.items()
    )
    return Chart("example", date(1951, 3, 9), "female", False, tuple(readings), {})


def _example(chart: Chart, models: Sequence[Model]) -> Assessment:
    """Return what is said of the invented patient, without a risk where the models give none."""
    try:
        return assess(chart, AT, models)
    except ModelError as error:
        log.error("example_failed", reason=str(error))
        return assess(chart, AT, ())
