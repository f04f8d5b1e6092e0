"""Turns a validation into report.html: one page without script or outside file, that a
hospital's committee can read and print.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from studies.report import report_burden as use
from studies.report import report_curves as curves
from studies.report import report_sections as quality
from studies.report.question import notices
from studies.report.report_groups import by_group
from studies.report.report_sections import Section
from studies.report.report_sense import sense
from studies.report.report_summary import summary
from studies.report.report_tables import ABSENT, count

TEMPLATES = Path(__file__).with_name("templates")
PART_WORDS = {"held-out": "held-out records", "training": "training records", "all": "all records"}


@dataclass(frozen=True, slots=True)
class Chapter:
    """What the page says of one model; `notices` are what stands at its top: that the data ask
    another question, or that the risks' level does not fit.
    """

    name: str
    version: str
    sha256: str
    about: str
    notices: tuple[str, ...]
    summary: tuple[str, ...]
    sections: tuple[Section, ...]


def report(found: dict) -> str:
    """Return the page of what validation.json holds; parts that are absent read "not available"."""
    settings = found.get("settings") or {}
    chapters = [_chapter(part, settings) for part in found.get("models") or []]
    data = found.get("data") or {}
    files = tuple((data.get("files") or {}).items())
    return (
        _pages()
        .get_template("report.html.jinja")
        .render(
            chapters=chapters,
            facts=_facts(found, settings),
            files=files,
            settings=settings,
            layout=data.get("layout", "unnamed data"),
            named=", ".join(f"{c.name} {c.version}" for c in chapters) or "no model",
        )
    )


@cache
def _pages() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _chapter(part: dict, settings: dict) -> Chapter:
    model, counts = part.get("model") or {}, part.get("counts") or {}
    about = (
        f"Predicts {part.get('label', 'an event')} ({part.get('horizon', 'no horizon named')}). "
        f"{count(counts.get('rows'))} rows of {count(counts.get('stays_scored'))} stays of "
        f"{count(counts.get('patients'))} patients; {count(counts.get('events'))} rows and "
        f"{count(counts.get('event_stays'))} stays with the event."
    )
    parts = (
        quality.discrimination(part),
        curves.calibration(part),
        quality.working_points(part),
        curves.decision_curve(part),
        curves.precision_recall(part),
        curves.distribution(part),
        use.lead_time(part, settings),
        use.alerts(part, settings),
        by_group(part),
        use.challenge(part),
        use.without(part),
        use.certainty(part),
        sense(part),
        use.unanswered(part),
    )
    return Chapter(
        model.get("name", "unnamed model"),
        model.get("version", ABSENT),
        model.get("sha256", ABSENT),
        about,
        tuple(notices(part.get("question"))),
        summary(part, settings),
        parts,
    )


def _facts(found: dict, settings: dict) -> tuple[tuple[str, str], ...]:
    part, every = settings.get("part") or ABSENT, settings.get("every_hours")
    last = f", up to hour {settings['until_hour']}" if settings.get("until_hour") else ""
    return (
        ("Data", (found.get("data") or {}).get("layout", ABSENT)),
        ("Part", PART_WORDS.get(part, part)),
        ("Rows", f"one every {every} h of a stay{last}" if every else ABSENT),
        ("Bootstrap draws", f"{count(settings.get('draws'))}, seed {settings.get('seed', ABSENT)}"),
        ("Made", str(found.get("made", ABSENT)).replace("T", " ").replace("Z", " UTC")),
        ("Code version", found.get("code_version") or ABSENT),
    )
