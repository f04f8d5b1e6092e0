"""THE decision: what was found, what was shown before, a policy and a moment become how much of a
card is shown, with the reason.

It is pure: the same four give the same decision, which is what makes a policy one that can be
tried on last month's calls. Whatever a policy would hold back acts on what the models add: what
NEWS2, a single parameter or a critical value say stays, at its level, as one line.
"""

from datetime import datetime, time, timedelta, tzinfo
from typing import Any, Literal, NamedTuple

from cdshooks.delivering.history import Before, History, Snooze
from cdshooks.delivering.seen import Seen, graver, seen
from models.certainty import INDETERMINATE
from models.findings.finding import LEVELS
from models.questions import ADMISSION, DISCHARGE
from runtime.settings import Policy

# The level of a card from which each setting shows it.
SHOWN_FROM = {"low": "info", "medium": "warning", "high": "critical"}
CONTROL = "control arm"
# Why the answer to a question is silence.
NOTHING = {ADMISSION: "nothing lacks at admission", DISCHARGE: "nothing against discharge"}
# So many points more of NEWS2 are news within a level, as they are at a discharge.
RISE = 2
ORDER = ("low", "medium", INDETERMINATE, "high")


Form = Literal["whole", "line", "none"]


class Decision(NamedTuple):
    """`form` is how much is shown: all, one line, or nothing; `level` at what level.

    `until` is when it ends by itself (aware UTC), None where it does not or nobody knows.
    """

    form: Form
    level: str
    reason: str
    until: datetime | None = None

    @property
    def shown(self) -> bool:
        """Tell whether there is a card."""
        return self.form != "none"

    @property
    def interrupts(self) -> bool:
        """Tell whether there is a card that a client may put in a user's way."""
        return self.shown and self.level != LEVELS[0]


def decide(
    found: Seen, history: History, policy: Policy, zone: tzinfo, silent: str | None = None
) -> Decision:
    """Decide for one call; a day is one of `zone`.

    `silent` is why a service that was approved as such shows nothing to anybody.
    """
    if nobody := silent or _nobody(found, policy):
        return Decision("none", found.total, nobody)
    if found.question:
        return _answered(found)
    # Without the models a card would only say how it stands with them.
    if found.withheld and found.floor == LEVELS[0]:
        return Decision("none", found.floor, CONTROL)
    below = LEVELS.index(found.total) < LEVELS.index(SHOWN_FROM[policy.show_from])
    if below and not found.uncertain:
        return _held(found, "below threshold", None)
    if snoozed := _snoozed(found, history, policy):
        return snoozed
    news = _news(found, history.before, policy) if history.before else None
    if history.before and not news:
        end = history.before.at + timedelta(hours=policy.quiet_hours)
        if history.before.at <= found.at < end:
            return _held(found, "quiet period", end)
    limit = policy.interrupts_per_day
    if limit is not None and history.interrupts >= limit and found.total != found.floor:
        return Decision("whole", found.floor, "daily limit", _midnight(found.at, zone))
    return Decision("whole", found.total, news or _why_shown(found))


def recorded(record: dict[str, Any]) -> Decision:
    """Return the decision of an audit record; up to 0.5.0 a card was given whole or not at all."""
    form: Form = record.get("form") or ("whole" if record["shown"] else "none")
    until = record.get("until")
    return Decision(
        form,
        record.get("given_level") or seen(record).total,
        record["delivery"],
        datetime.fromisoformat(until) if until else None,
    )


def _nobody(found: Seen, policy: Policy) -> str | None:
    if found.status == "deceased":
        return "deceased"
    return None if found.user_type in policy.card_users else "not for this user"


def _held(found: Seen, reason: str, until: datetime | None) -> Decision:
    """Hold back what the models add; all of it, where nothing else is grave."""
    form: Form = "none" if found.floor == LEVELS[0] else "line"
    return Decision(form, found.floor, reason, until)


def _snoozed(found: Seen, history: History, policy: Policy) -> Decision | None:
    """Return the decision by what was dismissed, or None where nothing was or it is over.

    What is new since then breaks it. At treatment limits that is expected, so only a line tells.
    """
    for kind, snooze in history.snoozes.items():
        until = _until(snooze, found, policy)
        if not lasts(snooze, found.at, found.encounter, found.data_time, until):
            continue
        risen, new = _risen(found, snooze.before), _new(found, snooze.before)
        if kind == "limits":
            held = _held(found, "snoozed: limits", until)
            return held._replace(form="line") if risen or new else held
        if not risen and not new:
            return _held(found, f"snoozed: {kind}", until)
    return None


def _until(snooze: Snooze, found: Seen, policy: Policy) -> datetime:
    """Return when a dismissal ends; one of an encounter, for a call that names none, as if its own
    had named none.
    """
    if not snooze.encounter or found.encounter:
        return snooze.until
    return min(snooze.until, snooze.before.at + timedelta(hours=policy.snooze_limits_hours))


def lasts(
    snooze: Snooze,
    at: datetime,
    encounter: str | None,
    data_time: datetime | None,
    until: datetime,
) -> bool:
    """Tell whether a dismissal that ends at `until` holds at a moment, in an encounter, with data
    up to a time; None where either is not known.
    """
    elsewhere = snooze.encounter and encounter and snooze.encounter != encounter
    newer = snooze.data_time and data_time and data_time > snooze.data_time
    return at < until and not elsewhere and not newer


def _news(found: Seen, before: Before, policy: Policy) -> str | None:
    """Return in a word what is new since a card was given whole, or None."""
    if _risen(found, before):
        return "level risen"
    if _new(found, before):
        return "new finding"
    return "risk moved" if _moved(found, before, policy.risk_points / 100) else None


def _risen(found: Seen, before: Before) -> bool:
    return LEVELS.index(found.total) > LEVELS.index(before.level)


def _new(found: Seen, before: Before) -> bool:
    rise = (found.news2.get("low") or 0) - (before.news2 or 0)
    if before.news2 is not None and rise >= RISE and found.floor != LEVELS[0]:
        return True
    return any(
        name not in before.signs or graver(level, before.signs[name]) != before.signs[name]
        for name, level in found.signs.items()
    )


def _moved(found: Seen, before: Before, points: float) -> bool:
    """Tell whether a risk went up a band, or up or down by `points`, or is one of a new outcome.

    A band down alone is no news: a risk at the edge of one would come and go.
    """
    for risk in found.risks:
        if risk.outcome not in before.risks:
            return True
        probability, band = before.risks[risk.outcome]
        up = ORDER.index(risk.band) > ORDER.index(band)
        if up or abs(risk.probability - probability) >= points:
            return True
    return False


def _answered(found: Seen) -> Decision:
    """Decide for what somebody asked by admitting or discharging: whatever says something to that
    is shown each time, and no policy has a say.

    Silence at a discharge says that all was read and nothing found, so it is never given where no
    number could be. At an admission it says no such thing: of a child nothing is asked that would
    give a number.
    """
    form: Form = "none"
    if found.telling:
        form, reason = "whole", found.question
    elif found.question == ADMISSION and found.status == "child":
        reason = "for adults only"
    elif found.without:
        form, reason = "whole", "no number"
    else:
        reason = NOTHING[found.question]
    return Decision(form, found.total, CONTROL if found.withheld else reason)


def _why_shown(found: Seen) -> str:
    if found.withheld:
        return CONTROL
    if not found.risks:
        return "no number"
    return INDETERMINATE if found.uncertain else "at or above threshold"


def _midnight(at: datetime, zone: tzinfo) -> datetime:
    tomorrow = at.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone)
