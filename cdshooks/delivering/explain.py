"""Tells in plain sentences why a recorded call had the card that it had, or none."""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from cdshooks.delivering.decision import CONTROL, NOTHING, decide, recorded
from cdshooks.delivering.history import History
from cdshooks.delivering.seen import seen
from models.questions import ADMISSION, DISCHARGE
from runtime.settings import Policy

FORMS = {"whole": "A whole card was given", "line": "One line was given", "none": "No card"}
# The words of `runtime.trials.phase`.
SILENT = {
    "shadow mode": "this EHR's record is silent: it computes and records, and shows nothing",
    "silent mode": "this EHR's record shows cards only to those whom `open_to` names",
}
REASONS = SILENT | {
    CONTROL: "the patient is in a trial's control arm, so what the models add is withheld",
    "deceased": "the chart says that the patient has died",
    "not for this user": "cards are not given to this type of user",
    "below threshold": "the level is below `show_from`",
    "quiet period": "this user had a whole card of this patient, and nothing was new since",
    "snoozed: known": "this user said, of a card or on a page, that it is known or being treated",
    "snoozed: limits": "somebody said, of a card or on a page, that there are treatment limits",
    "snoozed: data": "somebody said that the data were wrong, and there were none newer",
    "snoozed: other": "this user dismissed a card, or asked for it on a page",
    "daily limit": "the day's limit of urgent cards was reached, so what the models add is info",
    "level risen": "the level had risen since the last whole card",
    "new finding": "something was found that was not there at the last whole card",
    "risk moved": "a risk had moved since the last whole card",
    ADMISSION: "an admission asks what is to be charted, and there is something to say",
    DISCHARGE: "a discharge asks what speaks against it, and there is something to say",
    NOTHING[ADMISSION]: "nothing lacks for a first NEWS2, and nothing is grave",
    NOTHING[DISCHARGE]: "all was read, and nothing speaks against a discharge",
    "for adults only": "what an admission asks is asked of adults",
    "no number": "no risk could be given, and silence would read as a low one",
    "indeterminate": "the risk was not certain, and silence would read as a low one",
    "at or above threshold": "the level reached `show_from`, and nothing held it back",
}


DID = {"": "opened the chart of", ADMISSION: "admitted", DISCHARGE: "began to discharge"}


def sentences(record: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    """Yield the sentences about the record of a first answer; times in `zone`."""
    found, made = seen(record), recorded(record)
    yield (
        f"{_at(found.at, zone)}: {found.user} {DID[found.question]} patient {found.patient} "
        f"(EHR {found.ehr})."
    )
    yield f"Found: level {found.total}; without the models {found.floor}."
    yield from (f"- {name} ({level})" for name, level in found.signs.items())
    ends = f", until {_at(made.until, zone)}" if made.until else ""
    level = f", at level {made.level}" if made.shown else ""
    yield f"{FORMS[made.form]}{level}: {REASONS.get(made.reason, made.reason)}{ends}."
    if "policy" not in record:
        yield "The record is older than policies: it holds no more."
        return
    yield from _before(record, zone)
    policy = msgspec.convert(record["policy"], Policy)
    in_words = ", ".join(f"{name} = {value}" for name, value in record["policy"].items())
    yield f"Policy {record['policy_sha256'][:12]}: {in_words}."
    history = msgspec.convert(record["history"] or {}, History)
    silent = made.reason if made.reason in SILENT else None
    again = decide(found, history, policy, zone, silent)
    same = again[:3] == made[:3]
    yield "Decided again from the record: " + ("the same." if same else f"{again.reason}.")


def _before(record: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    if record["history"] is None:
        yield "Redis could not be read: decided as if nothing had been before."
        return
    history = msgspec.convert(record["history"], History)
    if history.before:
        yield (
            f"The last whole card for this user: {_at(history.before.at, zone)}, "
            f"level {history.before.level}."
        )
    else:
        yield "No whole card for this user was remembered."
    for kind, snooze in history.snoozes.items():
        where = f" in encounter {snooze.encounter}" if snooze.encounter else ""
        yield f"Dismissed as `{kind}`{where}: until {_at(snooze.until, zone)} at the longest."


def _at(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"
