"""Turns scenarios, a seed and now into the demonstration's patients: every resource of every
chart.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from demo.patients import resources, scenario
from demo.patients.mess import mess
from demo.patients.scenario import Scenario


@dataclass(frozen=True, slots=True)
class DemoPatient:
    """One patient of the list: what the page says, and the whole chart as FHIR resources."""

    id: str
    line: str
    ward: str
    resources: tuple[dict[str, Any], ...]


def generate(now: datetime, seed: int = 1) -> tuple[DemoPatient, ...]:
    """Return all invented patients with 48 hours of history before `now` (aware UTC); equal for
    equal arguments.
    """
    scenarios = scenario.load_scenarios()
    return tuple(
        _patient(item, number, scenarios, now, seed) for number, item in enumerate(scenarios, 1)
    )


def _patient(
    item: Scenario, number: int, scenarios: tuple[Scenario, ...], now: datetime, seed: int
) -> DemoPatient:
    admitted = now.replace(second=0, microsecond=0) + timedelta(
        hours=scenario.round_hours(item.rounds, item.ends)[0], minutes=-70
    )
    born = birth_date(now.date(), item.age, number)
    chart = [
        resources.patient(
            item.id, item.family, item.given, item.sex, born.isoformat(), f"DEMO-{number:04d}"
        ),
        resources.encounter(item.id, admitted, item.ward),
        resources.condition(item.id, item.problem["code"], item.problem["display"], admitted),
        *resources.observations(
            item.id,
            scenario.vitals(item, now, seed),
            item.blood_pressure == "rows",
            item.spo2_target,
        ),
        *resources.observations(item.id, scenario.outputs(item, now, seed)),
        *resources.observations(item.id, scenario.labs(item, now, seed)),
    ]
    if item.mess:
        chart += mess(item.id, next(other.id for other in scenarios if other.id != item.id), now)
    return DemoPatient(item.id, f"{item.title}: {item.line}", item.ward, tuple(chart))


def birth_date(today: date, age: int, number: int) -> date:
    """Return a birthday that makes somebody `age` today, another day of the year for each
    number.
    """
    past = today - timedelta(days=(17 + 23 * number) % 364)
    return date(past.year - age, past.month, min(past.day, 28))
