"""Turns what can go wrong between an EHR and the page into readable pages: one error tree, one
table of words.
"""

from typing import NamedTuple


class Way(NamedTuple):
    """A link that a problem's page offers: one that leads on, in a window of its own or here."""

    words: str
    address: str
    apart: bool = False


class Problem(Exception):
    """A page in place of the explanation: what happened and what to do.

    `detail` is the EHR's own word, shown escaped; `reason` is for log and audit; `ways` lead on.
    With `again` the same page may work in a minute.
    """

    status = 400
    recorded = True
    again = False
    title = "Vigil could not be opened"
    lines: tuple[str, ...] = ("Close this and open it again from the patient's chart.",)

    def __init__(
        self, reason: str, *lines: str, detail: str | None = None, ways: tuple[Way, ...] = ()
    ):
        super().__init__(reason)
        self.reason = reason
        self.lines = lines or self.lines
        self.detail, self.ways = detail, ways


class LaunchRefused(Problem):
    """The launch is not one that a configured EHR began."""

    lines = (
        "This launch did not come from an EHR that Vigil is set up for, or it is incomplete.",
        "Open Vigil from the patient's chart. If that is what you did, tell your administrator.",
    )


class StateRefused(Problem):
    """The callback's state is unknown, used, too old, or of another browser."""

    title = "This sign-in is over"
    lines = (
        (
            "It was used already, it is older than ten minutes, or it began in another browser. "
            "That is so after Back, or when this address is loaded again."
        ),
        "Open Vigil again from the patient's chart.",
    )


class NoCookie(StateRefused):
    """The browser brought no cookie of its launch: it holds none for us here (SMART-43)."""

    title = "Your browser did not let Vigil sign in"
    lines = (
        (
            "Vigil keeps a cookie while you sign in, and this browser did not give it back: it "
            "blocks cookies here, the sign-in began elsewhere, or it took over ten minutes."
        ),
        (
            "Open Vigil again from the patient's chart. If the same page comes, allow cookies for "
            "this site, or ask your administrator to open Vigil in a window of its own."
        ),
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


class GrantEnded(SignInFailed):
    """The authorization server does not take a code or a refresh token (any more)."""


class NotRenewed(SignInFailed):
    """The session's token is about to end and could not be renewed now."""

    again = True
    title = "The EHR did not answer"
    lines = (
        "Its leave to read this chart has to be renewed, and its sign-in server did not do so.",
        "Try again in a minute, or open Vigil again from the patient's chart.",
    )


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
    again = True
    title = "Load the page again"
    lines = ("What the page showed is not kept any more. Load it again, then open this part.",)


class Strange(Problem):
    """What would change something does not come from a page of this session (E5)."""

    status = 403
    again = True
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


class OtherPatient(Mismatch):
    """The EHR renewed the token for another patient than the launch was for."""

    title = "Another patient is open in the EHR"
    lines = (
        "The EHR now speaks of another patient than this page, so nothing more is shown here.",
        "Open Vigil from the chart of the patient whom you want to see.",
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
    again = True
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


class NoAddress(Problem):
    """There is no page of Vigil at an address."""

    status = 404
    recorded = False
    title = "There is nothing at this address"
    lines = (
        "The address may be cut short or mistyped, or of an older version of Vigil.",
        "To see a patient, open Vigil from the patient's chart.",
    )


class NotThatWay(Problem):
    """An address does not answer this method: a browser comes here by Back or a reload."""

    status = 405
    recorded = False
    title = "This address does not answer that"
    lines = (
        "It takes what a button of a page of Vigil sends, and nothing else.",
        "Go back to the page, or open Vigil again from the patient's chart.",
    )


class Unreadable(Problem):
    """A request that is not read here for its form or size."""

    recorded = False
    title = "This request could not be read"
    lines = (
        "It is larger, slower or otherwise shaped than what a page of Vigil sends.",
        "Go back to the page and try again, or open Vigil again from the patient's chart.",
    )


class Fault(Problem):
    """An error of ours; the reference on its page leads to the log."""

    status = 500
    recorded = False
    title = "Something went wrong here"
    lines = (
        "The fault is Vigil's own, and it has been recorded. The patient's chart is not affected.",
        "Open Vigil again from the patient's chart; if it stays, tell your administrator.",
    )
