"""Counts what a policy asks of people: cards, interruptions, and what was held back before what."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, tzinfo

from cdshooks.delivering.decision import Decision
from cdshooks.delivering.seen import Seen

# Early, late and night shift begin at 06, 14 and 22.
SHIFT, FIRST_SHIFT = timedelta(hours=8), timedelta(hours=6)
BEFORE_DEATH = timedelta(hours=24)
FORMS = ("whole", "line", "none")


class Burden:
    """The burden of one policy; days and shifts are those of `zone`.

    A patient-day is a day on which a patient's chart was opened.
    """

    def __init__(self, zone: tzinfo):
        self._zone = zone
        self.calls = 0
        self.forms: Counter[str] = Counter()
        self.levels: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.feedback: Counter[tuple[str, str]] = Counter()
        self.before_death: Counter[str] = Counter()
        self.deaths = 0
        self._patient_days: set[tuple[str, str, int]] = set()
        self._shifts: Counter[tuple[str, str, int]] = Counter()
        self._last: dict[tuple[str, str], deque[tuple[datetime, str]]] = {}
        self._dead: set[tuple[str, str]] = set()

    def add(self, call: Seen, made: Decision) -> None:
        """Count one call and what was, or would be, decided."""
        local = call.at.astimezone(self._zone)
        shift = int((local.replace(tzinfo=None) - datetime(2000, 1, 1) - FIRST_SHIFT) / SHIFT)
        self.calls += 1
        self.forms[made.form] += 1
        self._patient_days.add((call.ehr, call.patient, local.toordinal()))
        self._shifts[call.ehr, call.person, shift] += made.shown
        if made.shown:
            self.levels[made.level] += 1
        else:
            self.held[made.reason] += 1
        self._outcome(call, made)

    def told(self, outcome: str, reason: Mapping[str, str] | None, made: Decision) -> None:
        """Count feedback by what its card is, or would be."""
        words = f"{outcome} ({reason['code']})" if reason and "code" in reason else outcome
        self.feedback[words, made.form] += 1

    @property
    def cards(self) -> int:
        """Return how many cards were given, lines among them."""
        return self.forms["whole"] + self.forms["line"]

    @property
    def interrupts(self) -> int:
        """Return how many cards were above info."""
        return self.levels["warning"] + self.levels["critical"]

    @property
    def per_100_patient_days(self) -> float:
        """Return cards per 100 patient-days; 0 without any."""
        return 100 * self.cards / (len(self._patient_days) or 1)

    @property
    def patient_days(self) -> int:
        """Return on how many days charts were opened, each patient for itself."""
        return len(self._patient_days)

    @property
    def per_user_and_shift(self) -> tuple[float, int]:
        """Return the mean and the greatest number of cards of a user in a shift with any call."""
        counts = self._shifts.values()
        return sum(counts) / (len(counts) or 1), max(counts, default=0)

    def _outcome(self, call: Seen, made: Decision) -> None:
        """Count, at the first call that finds a patient dead, what became of the calls before."""
        who = call.ehr, call.patient
        last = self._last.setdefault(who, deque())
        while last and last[0][0] < call.at - BEFORE_DEATH:
            last.popleft()
        if call.status != "deceased":
            last.append((call.at, made.form))
        elif who not in self._dead:
            self._dead.add(who)
            self.deaths += 1
            self.before_death.update(form for _, form in last)


def table(then: Burden, now: Burden) -> Iterator[str]:
    """Yield the lines of a comparison: as it was recorded, and as the policy would have it."""
    yield f"{then.calls} calls on {then.patient_days} patient-days"
    yield f"{'':44}{'recorded':>12}{'policy':>12}"
    for label, was, would in _figures(then, now):
        yield f"{label:44}{was:>12}{would:>12}"
    if then.deaths:
        yield f"Calls in the 24 h before the first that found a patient dead ({then.deaths}):"
        yield from _forms(then.before_death, now.before_death)
    for words in sorted({words for words, _ in then.feedback}):
        yield f"Cards that were {words}:"
        of_then, of_now = ({f: one.feedback[words, f] for f in FORMS} for one in (then, now))
        yield from _forms(of_then, of_now)


def _figures(then: Burden, now: Burden) -> Iterator[tuple[str, str, str]]:
    both = then, now
    rows = {
        "cards": [str(one.cards) for one in both],
        "  of them one line": [str(one.forms["line"]) for one in both],
        "cards per 100 patient-days": [f"{one.per_100_patient_days:.1f}" for one in both],
        "cards a user and shift, mean": [f"{one.per_user_and_shift[0]:.2f}" for one in both],
        "cards a user and shift, most": [str(one.per_user_and_shift[1]) for one in both],
        "interrupts (warning or critical)": [str(one.interrupts) for one in both],
        "  of them critical": [str(one.levels["critical"]) for one in both],
        "held back": [str(one.forms["none"]) for one in both],
    }
    for reason in sorted({*then.held, *now.held}):
        rows[f"  {reason}"] = [str(one.held[reason]) for one in both]
    for label, (was, would) in rows.items():
        yield label, was, would


def _forms(was: Mapping[str, int], would: Mapping[str, int]) -> Iterator[str]:
    labels = {"whole": "a whole card", "line": "one line", "none": "no card"}
    for form in FORMS:
        yield f"  {labels[form]:42}{was.get(form, 0):>12}{would.get(form, 0):>12}"
