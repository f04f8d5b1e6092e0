"""The forms of the demonstration, sent as a browser sends them: every field of the pressed
button's own form, in order.
"""

import re
from html.parser import HTMLParser

from tests.support.small_vigil import CARD, Answer


class Forms(HTMLParser):
    """The fields of each form, and for each button the form that it sends."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.buttons, self._pressed = [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form":
            self.forms.append((given.get("id"), []))
        elif tag == "input":
            self.forms[-1][1].append(given)
        elif tag == "button":
            self._pressed = given | {"own": len(self.forms) - 1}

    def handle_data(self, data):
        if self._pressed is not None:
            self.buttons[data], self._pressed = self._pressed, None

    def sent(self, label, choice=None):
        """Return what pressing a button sends, with a radio button chosen."""
        button = self.buttons[label]
        fields = (
            next((fields for name, fields in self.forms if name == button["form"]), None)
            if "form" in button
            else self.forms[button["own"]][1]
        )
        kept = [
            f
            for f in fields
            if f["type"] != "radio" or f["value"] == choice or (choice is None and "checked" in f)
        ]
        own = [(button["name"], button.get("value", ""))] if "name" in button else []
        return [(field["name"], field["value"]) for field in kept] + own


def pressed(world, label, choice=None):
    """Return what the app gets when a button of the picker was pressed."""
    page = world.authorize(launch=None, scope="launch/patient patient/Patient.rs").text
    data = {}
    for name, value in Forms(page).sent(label, choice):
        data.setdefault(name, []).append(value)
    return world.back(world.http.post("/authorize/patient", data=data))


def test_cancel_denies_access_whatever_is_chosen(world):
    """A chosen patient is not sent along with Cancel."""
    for choice in (None, "copd"):
        answer = pressed(world, "Cancel", choice)
        assert answer["error"] == "access_denied" and "code" not in answer


def test_open_gives_the_chosen_patient_and_nobody_is_chosen_beforehand(world):
    """The first of the list is no default: it would be another patient's chart for who presses
    Open too soon.
    """
    assert world.token(pressed(world, "Open", "copd")["code"]).json["patient"] == "copd"
    assert pressed(world, "Open")["error"] == "access_denied"
    assert "checked" not in world.authorize(launch=None, scope="launch/patient").text


def test_a_dismissed_card_folds_away_until_vigil_is_asked_again(world):
    """Its summary stays to be seen, its buttons do not; a dismissal that Vigil did not get
    changes nothing.
    """
    text = world.http.get("/chart/sepsis").text
    opening = re.search(r'name="opening" value="([^"]+)"', text)[1]
    page = world.http.post(
        "/chart/sepsis/feedback",
        data={"opening": opening, "call": 0, "card": 0},
        follow_redirects=True,
    ).text
    assert (
        "Dismissed: High risk &lt;script&gt;" in page
        and "Dismiss this card" not in page
        and CARD["links"][0]["label"] not in page
    )
    assert "Dismiss this card" in world.http.get("/chart/sepsis").text
    world.feedback = Answer(503, None)
    opening = re.search(r'name="opening" value="([^"]+)"', world.http.get("/chart/sepsis").text)[1]
    page = world.http.post(
        "/chart/sepsis/feedback",
        data={"opening": opening, "call": 0, "card": 0},
        follow_redirects=True,
    ).text
    assert "Vigil could not be told" in page and "Dismiss this card" in page
