"""Holds what a reader tells of each Observation against the Chart that it makes of them all."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime

from models.patient.chart import Chart, Reading
from models.reading.fhir import Document
from models.reading.reader import read_chart
from models.reading.trace import Fate


def traced(
    document: Document, patient: str, at: datetime, bases: Collection[str] | None = None
) -> tuple[Chart, list[Fate]]:
    """Return a chart and the fates of its Observations, having held the one against the other, and
    the chart against one that was read without a trace.
    """
    fates: list[Fate] = []
    found = document.resources, patient, at, document.malformed
    chart = read_chart(*found, bases=bases, trace=fates)
    assert chart == read_chart(*found, bases=bases)
    counted = Counter(fate.reason for fate in fates if fate.reason)
    counted["malformed"] += document.malformed
    assert dict(+counted) == chart.rejected
    read = [fate.item for fate in fates if not fate.reason]
    assert sorted(map(id, read)) == sorted(map(id, chart.readings))
    refused = {f.item for f in fates if f.item is not None and not isinstance(f.item, Reading)}
    assert refused == set(chart.unusable)
    observed = [one for one in document.resources if one.resourceType == "Observation"]
    assert {id(one) for one in observed} == {id(fate.resource) for fate in fates}
    return chart, fates
