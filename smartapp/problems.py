"""Turns what can go wrong between an EHR and the page into readable pages: one error tree, one
table of words.
"""


class Problem(Exception):
    """A page in place of the explanation: `detail` is the EHR's own word, shown escaped;
    `reason` is for log and audit.
    """

    status = 400
    recorded = True
    title = "Vigil could not be opened"
    lines: tuple[str, ...] = ("Close this and open it again from the patient's chart.",)

    def __init__(self, reason: str, *lines: str, detail: str | None = None):
        super().__init__(reason)
        self.reason = reason
        self.lines = lines or self.lines
        self.detail = detail


class LaunchRefused(Problem):
    """The launch is not one that a configured EHR began."""

    lines = (
        "This launch did not come from an EHR that Vigil is set up for, or it is incomplete.",
        "Open Vigil from the patient's chart. If that is what you did, tell your administrator.",
    )


class StateRefused(Problem):
    """The callback's state is unknown, used, too old, or of another browser."""

    lines = (
        (
            "This sign-in is not known here any more: it was used already, it is older than ten "
            "minutes, or it began in another browser."
        ),
        "If it happens each time, your browser blocks Vigil's cookies: allow them for this site, "
        "or ask your administrator to open Vigil in a window of its own.",
        "Open it again from the patient's chart.",
    )


class AccessDenied(Problem):
    """The user or the EHR said no."""

    status = 403
    title = "Access was not granted"
    lines = (
        "The EHR did not let Vigil read this chart, so nothing is shown.",
        "Open it again from the patient's chart.",
    )


class NotOpen(Problem):
    """The EHR's phase is silent, and the user is not one of those whom it is open to."""

    status = 403
    title = "Vigil is not open to you yet"
    lines = (
        "Vigil is being tried silently here: it is shown to named users only.",
        "If you should be one of them, ask your administrator.",
    )


class SignInFailed(Problem):
    """The EHR's answers during sign-in can't be used."""

    status = 502
    title = "The sign-in with the EHR failed"


class CallbackRefused(SignInFailed):
    """What the browser brought back from the EHR is an error, lacks a code, or is of another
    server.
    """

    status = 400


class NoPatient(Problem):
    """The EHR gave no patient in context; another one is never taken in their place (SMART 7)."""

    title = "No patient is open"
    lines = (
        "The EHR did not say which patient is open, so nothing is shown.",
        "Open a patient's chart, then open Vigil from it.",
    )


class SessionEnded(Problem):
    """There is no live session behind this address for this browser."""

    status = 401
    title = "This session has ended"
    lines = (
        (
            "For the patient's safety a page is open for a limited time, in the window that it was "
            "opened in."
        ),
        (
            "Open it again from the patient's chart. If it happens at once, your browser blocks "
            "Vigil's cookies."
        ),
    )


class NothingShown(Problem):
    """A part of a page is asked for, and what the page showed is not known here any more."""

    status = 409
    recorded = False
    title = "Load the page again"
    lines = ("What the page showed is not kept any more. Load it again, then open this part.",)


class Strange(Problem):
    """What would change something does not come from a page of this session (E5)."""

    status = 403
    title = "Nothing was done"
    lines = ("This did not come from a page of Vigil that is open here. Load the page again.",)


class Mismatch(Problem):
    """What the page would show belongs to another patient or another EHR."""

    status = 403
    title = "This card is about another patient"
    lines = (
        (
            "The card that you came from does not belong to the patient whose chart is open, so "
            "nothing is shown."
        ),
        "Open Vigil again from the right patient's chart.",
    )


class WrongChart(Mismatch):
    """The FHIR server answered with another patient than the launch is for."""

    title = "The EHR answered with another patient"
    lines = (
        "The data that came are not of the patient whose chart is open, so nothing is shown.",
        "Open Vigil again from the patient's chart. If it happens again, tell your administrator.",
    )


class TokenRefused(SessionEnded):
    """The FHIR server does not take the session's token any more."""

    lines = (
        "The EHR no longer lets this page read the chart.",
        "Open it again from the patient's chart.",
    )


class StoreDown(Problem):
    """The session store or the audit log can't be used now."""

    status = 503
    recorded = False
    title = "Vigil can't answer at the moment"
    lines = (
        "A part that it needs is not available. The patient's chart is not affected.",
        "Try again in a minute.",
    )


class NoCard(Problem):
    """There is no model, or no plot, of that name."""

    status = 404
    recorded = False
    title = "There is nothing at this address"
    lines = ("No model of that name is in service here.",)


class Fault(Problem):
    """An error of ours; the incident number leads to the log."""

    status = 500
    recorded = False
    title = "Something went wrong here"

    def __init__(self, incident: str):
        super().__init__(
            "unexpected",
            f"The incident has been recorded as {incident}.",
            "Open Vigil again from the patient's chart.",
        )
