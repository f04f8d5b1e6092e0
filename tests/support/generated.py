"""Charts that no one has, for properties: any values within what a model may be given, at any
times of three days.
"""

from datetime import date, timedelta

from hypothesis import strategies as st

from models.patient.chart import Chart, Reading
from models.patient.features import LABS, VITALS
from models.patient.vocabulary import VARIABLES
from tests.conftest import AT

CORE = ("heart_rate", "respiratory_rate", "spo2", "systolic", "temperature")


@st.composite
def charts(draw: st.DrawFn) -> Chart:
    """Draw the Chart of an adult with at least the five core vital signs of the last hours."""
    names = draw(
        st.lists(
            st.sampled_from((*VITALS, *LABS, "acvpu", "oxygen_flow", "urine", "weight")),
            max_size=60,
        )
    )
    found = [_reading(draw, name, 11 * 60) for name in CORE]
    found += [_reading(draw, name, 72 * 60) for name in names]
    born = date(draw(st.integers(1920, 2005)), 6, 1)
    sex = draw(st.sampled_from(["female", "male", None]))
    unique = {(reading.time, reading.variable): reading for reading in found}
    return Chart("p1", born, sex, False, tuple(sorted(unique.values())), {})


def _reading(draw: st.DrawFn, name: str, minutes: int) -> Reading:
    variable = VARIABLES[name]
    value = draw(st.floats(variable.low, variable.high))
    whole = name in {"acvpu", "gcs"}
    time = AT - timedelta(minutes=draw(st.integers(0, minutes)))
    return Reading(time, name, float(round(value)) if whole else value, f"Observation/{name}")
