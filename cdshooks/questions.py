"""Tells what a call asks, by its hook and, where a vendor sends all its triggers as one hook, by
its trigger: tables, no branches.

Epic sends what is no hook of its own as patient-view, and names the trigger in an extension: a
number, as text in its documents and as a number in the wild.
"""

from typing import Any

import msgspec

from cdshooks.hooks import Context, HookRequest
from models.questions import ADMISSION, DISCHARGE, NOTHING_MORE

TRIGGER = "com.epic.cdshooks.request.bpa-trigger-action"
OF_HOOK = {"encounter-start": ADMISSION, "encounter-discharge": DISCHARGE}
# IP Admission and IP Discharge; any other, such as 29 (transfer) or 60 (open chart), is the opening
# of a chart.
OF_TRIGGER = {"26": ADMISSION, "27": DISCHARGE}
# Longer is no number of theirs.
LONGEST = 6


def question(request: HookRequest[Context]) -> str:
    """Return what a call asks, a word of models.questions."""
    return OF_HOOK.get(request.hook) or OF_TRIGGER.get(trigger(request) or "", NOTHING_MORE)


def trigger(request: HookRequest[Context]) -> str | None:
    """Return the digits that name a vendor's trigger; None where there are none."""
    try:
        found: Any = msgspec.json.decode(request.extension)
    except msgspec.DecodeError:
        return None
    value = found.get(TRIGGER) if isinstance(found, dict) else None
    text = str(value).strip() if isinstance(value, str | int) else ""
    return text if text.isascii() and text.isdigit() and len(text) <= LONGEST else None
