"""Thousands of requests and charts made worse, or only otherwise, with what has to hold between the
answers (B4, B5); in one process, through the whole application.
"""

import contextlib
import json
import random
import re
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from runtime import logs
from runtime.settings_file import settings_from
from tests.conftest import AT, bundle, observation, patient
from tests.faults.garble import garbled, mutated
from tests.faults.outcome import Outcome, Scale
from tests.support.hookcall import FHIR, PUBLIC, SERVICE
from tests.support.urgency_reference import LEVELS, grade, least_level, points
from tests.support.values import (
    LEVELS_OF_CONSCIOUSNESS,
    NORMAL,
    RESULTS,
    SPANS,
    STRANGERS,
    UNUSABLE,
    WHOLE_RESULTS,
)
from vigil import create_app

SEED = 10
# An application and its audit log are used so often, then made anew.
A_TIME = 5_000
ALLOWED = {200, 400, 401, 403, 408, 412, 413, 415}
# The same amount in another unit: its UCUM code, factor and summand.
UNITS = {
    "temperature": ("[degF]", 1.8, 32.0), "systolic": ("kPa", 1 / 7.50062, 0.0),
    "glucose": ("mmol/L", 1 / 18.016, 0.0), "haemoglobin": ("g/L", 10.0, 0.0),
    "lactate": ("mg/dL", 1 / 0.11101, 0.0),
}  # fmt: skip
BESIDE = {
    "text": {"status": "generated", "div": "<div>x</div>"},
    "meta": {"versionId": "7", "lastUpdated": "2026-03-29T13:00:00Z"},
    "note": [{"text": "Patient is well <b>99</b>"}],
    "performer": [{"reference": "Practitioner/9"}],
    "extension": [{"url": "https://example.org/x", "valueString": "0"}],
    "zz_unknown": {"value": 3},
}
Values = dict[str, float]


class Broken(Exception):
    """A relation does not hold; the text says which and how."""


class Application:
    """The whole application with an open EHR record, at the tests' own moment."""

    def __init__(self, folder: Path, log: TextIO):
        ehr = {"id": "open", "fhir_base": [FHIR], "hook_auth": "open"}
        config = {"public_url": PUBLIC, "base_dir": str(folder), "data_dir": "data", "ehr": [ehr]}
        # The log of thousands of refusals is nobody's to read.
        with contextlib.redirect_stderr(log):
            app = create_app(settings_from(config), "unix:///nowhere.sock", lambda: AT)
        self._client, self._count = app.test_client(), 0

    def send(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Return status and document of an answer. Raises Broken for one that nobody may get."""
        self._count += 1
        # From an address of its own: what is tried is no flood.
        address = f"10.{self._count >> 16 & 255}.{self._count >> 8 & 255}.{self._count & 255}"
        usual = {"Content-Type": "application/json"} | headers
        answer = self._client.post(
            SERVICE, data=body, headers=usual, environ_overrides={"REMOTE_ADDR": address}
        )
        document = answer.get_json(silent=True)
        if answer.status_code not in ALLOWED or not isinstance(document, dict):
            raise Broken(f"status {answer.status_code}: {answer.get_data()[:200]!r}")
        if answer.status_code != 200 and document.get("resourceType") != "OperationOutcome":
            raise Broken(f"status {answer.status_code} without an OperationOutcome")
        for card in document.get("cards", ()):
            _lint(card)
        return answer.status_code, document

    def card(self, resources: list[dict[str, Any] | str]) -> dict[str, Any]:
        """Return the one card of a 60-year-old's chart; text stands for a resource as it is."""
        raw = json.dumps(
            call([one if isinstance(one, dict) else {"text": n} for n, one in enumerate(resources)])
        )
        for number, one in enumerate(resources):
            if isinstance(one, str):
                raw = raw.replace(json.dumps({"text": number}), one)
        status, document = self.send(raw.encode("utf-8", "surrogatepass"), {})
        if status != 200 or len(document["cards"]) != 1:
            raise Broken(f"no card: {status} {document}")
        return document["cards"][0]


def call(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a call whose prefetch is a whole chart."""
    person = patient(born="1965-09-01")
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "fhirServer": FHIR,
        "context": {"userId": "Practitioner/1", "patientId": person["id"]},
        "prefetch": {"patient": person, "vitals": bundle(resources), "labs": bundle([])},
    }


def held(folder: Path, scale: Scale) -> Outcome:
    """Garble requests and change charts in turn; every third is a request."""
    counts: Counter[str] = Counter()
    broken: list[str] = []
    for first in range(0, scale.mutations, A_TIME):
        with (
            tempfile.TemporaryDirectory(dir=_made(folder)) as name,
            Path(name, "log").open("w") as log,
        ):
            application = Application(Path(name), log)
            for number in range(first, min(first + A_TIME, scale.mutations)):
                chance = random.Random(f"{SEED}:{number}")
                trial = _request if number % 3 == 0 else chance.choice(RELATIONS)
                counts["requests" if trial is _request else "charts"] += 1
                try:
                    trial(application, chance)
                except Broken as error:
                    broken.append(f"number {number}, {trial.__name__.strip('_')}: {error}")
    logs.configure()
    said = f"; first: {broken[0]}" if broken else ""
    return Outcome(
        f"{counts['requests']} requests and {counts['charts']} charts, {len(broken)} broke a "
        f"relation{said}",
        not broken,
    )


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _request(application: Application, chance: random.Random) -> None:
    """Whatever comes, no 5xx, a document of its kind, and cards in order."""
    application.send(*garbled(chance, call(_resources(_values(chance)))))


def _order_and_doublets(application: Application, chance: random.Random) -> None:
    found = _resources(_values(chance))
    mixed = found + chance.choices(found, k=chance.randrange(4))
    chance.shuffle(mixed)
    _same(application.card(found), application.card(mixed), summary=True)


def _strangers(application: Application, chance: random.Random) -> None:
    """What was never about this patient, or is withdrawn, changes nothing."""
    found, name = _resources(_values(chance)), chance.choice([*SPANS, "temperature"])
    how = STRANGERS[chance.choice([*STRANGERS])]
    stranger = observation(name, _value(chance, name), 0.5, **({"id": "stranger"} | how))
    _same(application.card(found), application.card([*found, stranger]), summary=True)


def _beside_the_point(application: Application, chance: random.Random) -> None:
    """Members that say nothing of the value change nothing."""
    found = _resources(_values(chance))
    changed = [one | {name: BESIDE[name] for name in chance.sample([*BESIDE], 2)} for one in found]
    _same(application.card(found), application.card(changed), summary=True)


def _converted(application: Application, chance: random.Random) -> None:
    """The same amount in another unit is as grave, but for a value that lies on a limit."""
    values = _values(chance)
    names = [name for name in values if name in UNITS and _clear(name, values[name])]
    one = _resources(values)
    other = _resources(values, {name: UNITS[name] for name in names})
    _same(application.card(one), application.card(other), summary=False)


def _graver(application: Application, chance: random.Random) -> None:
    """A card is never below what its values force, nor does a graver value make it calmer."""
    values = _values(chance)
    name = chance.choice([*NORMAL])
    drawn = _value(chance, name)
    card = application.card(_resources(values | {name: drawn}))
    _at_least(card, least_level(values | {name: drawn}), f"{name} {drawn}")
    if name not in values or _is_graver(name, drawn, values[name]):
        _at_least(card, least_level(values), f"{name} {values.get(name)} -> {drawn}")


def _unusable(application: Application, chance: random.Random) -> None:
    """A newest vital sign that can't be used is named, and is at least a warning."""
    values, name = _values(chance), chance.choice([*SPANS, "temperature"])
    rest = {one: value for one, value in values.items() if one != name}
    how = UNUSABLE[chance.choice([*UNUSABLE])]
    card = application.card([*_resources(values), observation(name, 1, 0.5, **how)])
    _at_least(card, least_level(rest), f"{name} can't be used")
    _at_least(card, "warning", f"{name} can't be used")
    if "be used" not in card["summary"] + card["detail"]:
        raise Broken(f"{name} can't be used, and is not named")


def _removed(application: Application, chance: random.Random) -> None:
    """Without a value the others force what they force, and NEWS2 is told as a range."""
    values = _values(chance)
    name = chance.choice([one for one in values if one in (*SPANS, "temperature")] or ["spo2"])
    rest = {one: value for one, value in values.items() if one != name}
    card = application.card(_resources(rest))
    _at_least(card, least_level(rest), f"{name} removed")
    if not re.search(r"NEWS2 \d+ to \d+", card["summary"] + card["detail"]):
        raise Broken(f"{name} removed, and NEWS2 is no range: {card['summary']}")


def _mutated(application: Application, chance: random.Random) -> None:
    """Whatever is wrong in one Observation, the others force what they force."""
    values = _values(chance)
    name = chance.choice([*values])
    rest = {one: value for one, value in values.items() if one != name}
    wrong = mutated(chance, _resources({name: values[name]})[0])
    _at_least(application.card([*_resources(rest), wrong]), least_level(rest), wrong[:300])


RELATIONS: tuple[Callable[[Application, random.Random], None], ...] = (
    _order_and_doublets, _strangers, _beside_the_point, _converted, _graver, _unusable, _removed,
    _mutated, _mutated,
)  # fmt: skip


def _lint(card: dict[str, Any]) -> None:
    """What every card has to be (D2, R64)."""
    faults = [
        len(card["summary"]) >= 140 and "summary too long",
        card["indicator"] not in LEVELS and "unknown indicator",
        re.search(r"<\s*(script|img|a)\b", card["summary"] + card["detail"], re.I) and "a live tag",
        *(
            not link["url"].startswith(f"{PUBLIC}/") and f"link to {link['url']}"
            for link in card.get("links", ())
        ),
    ]
    if any(faults):
        raise Broken(f"{next(filter(None, faults))}: {card['summary']}")


def _same(one: dict[str, Any], other: dict[str, Any], summary: bool) -> None:
    for member in ("indicator", "summary") if summary else ("indicator",):
        if one[member] != other[member]:
            raise Broken(f"{one[member]} became {other[member]}")
    before, after = (re.findall(r"NEWS2 \d+(?: to \d+)?", c["detail"]) for c in (one, other))
    if before != after:
        raise Broken(f"{before} became {after}")


def _at_least(card: dict[str, Any], level: str, why: str) -> None:
    if LEVELS.index(card["indicator"]) < LEVELS.index(level):
        raise Broken(f"{card['indicator']} where {level} is due, {why}: {card['summary']}")


def _values(chance: random.Random) -> Values:
    """Return values of one moment: normal but for some that are drawn or missing."""
    gone = chance.sample([*NORMAL], chance.randrange(5))
    kept = {name: value for name, value in NORMAL.items() if name not in gone}
    return kept | {
        name: _value(chance, name) for name in chance.sample([*NORMAL], chance.randrange(5))
    }


def _value(chance: random.Random, name: str) -> float:
    if name in SPANS | WHOLE_RESULTS:
        return float(chance.randint(*(SPANS | WHOLE_RESULTS)[name]))
    if name in RESULTS:
        low, high = RESULTS[name]
        return chance.randint(round(low * 10), round(high * 10)) / 10
    return {
        "temperature": chance.randint(250, 420) / 10,
        "fio2": chance.choice([21.0, 28.0, 40.0]),
        "acvpu": float(chance.randrange(5)),
    }[name]


def _resources(
    values: Values, units: dict[str, tuple[str, float, float]] | None = None
) -> list[dict]:
    """Return the Observations of values, an hour old, some in other units."""
    found = []
    for name, value in values.items():
        if name == "acvpu":
            concept = {"text": LEVELS_OF_CONSCIOUSNESS[int(value)]}
            found.append(observation(name, 0, valueQuantity=None, valueCodeableConcept=concept))
            continue
        one = observation(name, value)
        if units and name in units:
            code, factor, more = units[name]
            one["valueQuantity"] |= {"value": value * factor + more, "code": code, "unit": code}
        found.append(one)
    return found


def _clear(name: str, value: float) -> bool:
    """Tell whether a value lies so far from every limit that its last digit decides nothing."""
    near = (0.99 * value, 1.01 * value)
    return {grade(name, one) for one in (*near, value)} == {grade(name, value)} and (
        {sum(points({name: one})) for one in (*near, value)} == {sum(points({name: value}))}
    )


def _is_graver(name: str, value: float, than: float) -> bool:
    more = sum(points({name: value})) >= sum(points({name: than}))
    stands_still = value == 0 or than != 0
    return (
        more
        and stands_still
        and LEVELS.index(grade(name, value)) >= LEVELS.index(grade(name, than))
    )
