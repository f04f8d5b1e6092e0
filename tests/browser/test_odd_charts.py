"""Charts that nobody would invent for a demonstration, served by Vigil's own routes: nothing
overlaps, and two sheets of paper hold them.
"""

import io
import unicodedata
from datetime import UTC, datetime, timedelta

import pypdf
import pytest

from tests.browser.test_demo import sideways
from tests.browser.test_first_screen import CROSSED, OPEN
from tests.support.launch_bench import PUBLIC, Bench
from tests.support.small_ehr import LOINC, SmallEhr

GRAVE = {
    "2524-7": (9.4, 1.1, "mmol/L"),
    "2160-0": (6.1, 0.9, "mg/dL"),
    "2951-2": (112, 140, "mmol/L"),
    "2823-3": (7.4, 4.1, "mmol/L"),
    "1963-8": (6, 24, "mmol/L"),
    "2345-7": (30, 101, "mg/dL"),
    "6690-2": (0.4, 7.2, "10*3/uL"),
    "718-7": (5.1, 13.1, "g/dL"),
    "777-3": (9, 240, "10*3/uL"),
    "1975-2": (19, 0.6, "mg/dL"),
    "1751-7": (1.4, 4.1, "g/dL"),
    "2744-1": (7.01, 7.41, "[pH]"),
    "2019-8": (81, 39, "mm[Hg]"),
    "2703-7": (38, 92, "mm[Hg]"),
    "1988-5": (420, 5, "mg/L"),
    "8867-4": (134, 70, "/min"),
    "9279-1": (31, 14, "/min"),
    "59408-5": (84, 97, "%"),
    "8480-6": (82, 121, "mm[Hg]"),
    "8310-5": (39.4, 36.8, "Cel"),
}
LONG = {"name": [{"family": "Wolfeschlegelsteinhausen" * 4, "given": ["Adolph Blaine Charles"]}]}
# Pairs of words of different elements that lie on each other.
OVERLAID = """
() => {
  const clipped = one => one && (getComputedStyle(one).clipPath !== "none" || clipped(one.parentElement));
  const words = [...document.querySelectorAll("main *")].filter(one => one.checkVisibility({opacityProperty: true, visibilityProperty: true})
    && !clipped(one) && !one.closest("title, desc, option, textarea, .scroll, .actions, .what-if-bar"))
    .flatMap(one => [...one.childNodes].filter(n => n.nodeType === 3 && n.textContent.trim()).flatMap(n => {
      const range = document.createRange();
      range.selectNodeContents(n);
      return [...range.getClientRects()].filter(b => b.width > 2).map(b => [n.textContent.trim(), b.left + 1, b.top + 3, b.right - 1, b.bottom - 3, one]);
    }));
  return words.flatMap((a, n) => words.slice(n + 1).filter(b => a[5] !== b[5] && a[1] < b[3] && b[1] < a[3] && a[2] < b[4] && b[2] < a[4])
    .map(b => a[0] + " / " + b[0]));
}
"""


def observations() -> list[dict]:
    """Each value twice in one minute, grave and not, of three rounds of two days."""
    found = []
    for hours in (2, 20, 45):
        when = datetime.now(UTC) - timedelta(hours=hours)
        for code, (grave, calm, unit) in GRAVE.items():
            found += [
                {
                    "resourceType": "Observation",
                    "id": f"o-{code}-{hours}-{n}",
                    "status": "final",
                    "effectiveDateTime": when.isoformat(),
                    "subject": {"reference": "Patient/pat-1"},
                    "code": {"coding": [{"system": LOINC, "code": code}]},
                    "valueQuantity": {"value": value, "code": unit, "unit": unit},
                }
                for n, value in enumerate((grave, calm) if hours == 2 else (calm,))
            ]
    return found


def letters(text: str) -> str:
    """Return a text without its spaces and ligatures."""
    return unicodedata.normalize("NFKC", text).replace(" ", "")


@pytest.fixture(scope="module")
def odd(chromium, tmp_path_factory):
    """Give the page of a chart of many findings and a long name, answered without a socket."""
    ehr = SmallEhr()
    ehr.person, ehr.more = LONG, observations()
    ehr.claims = {"fhirUser": f"{ehr.iss}/Practitioner/dr-1"}
    browser = Bench(tmp_path_factory.mktemp("odd"), ehr).browser()
    browser.client.environ_base["HTTP_USER_AGENT"] = "odd"
    place = browser.sign_in()
    context = chromium.new_context(user_agent="odd")
    page = context.new_page()

    def answer(route, request):
        headers = {name: value for name, value in request.headers.items() if name != "cookie"}
        data = request.post_data if request.method == "POST" else None
        found = browser.client.open(
            request.url.removeprefix(PUBLIC),
            base_url=PUBLIC,
            method=request.method,
            headers=headers,
            data=data,
        )
        route.fulfill(status=found.status_code, body=found.data, headers=dict(found.headers))

    page.route("**/*", answer)
    page.address = f"{PUBLIC}{place}"
    yield page
    context.close()
    ehr.stop()


@pytest.mark.parametrize("width", [1280, 768, 400, 320])
def test_no_words_of_the_first_screen_and_the_measurements_overlap(odd, width):
    """Totals of NEWS2 with a sign before them, and a week's days, have room or are left out."""
    odd.set_viewport_size({"width": width, "height": 900})
    for place in ("", "trends?hours=168", "changed"):
        odd.goto(f"{odd.address}{place}")
        odd.evaluate(OPEN)
        odd.wait_for_load_state("networkidle")
        assert sideways(odd) == 0, place
        assert odd.evaluate(OVERLAID) == [] and odd.evaluate(CROSSED) == [], place


def test_it_is_printed_on_two_sheets_with_name_and_time_on_each(odd):
    """Every finding of it, in two columns."""
    odd.set_viewport_size({"width": 1280, "height": 900})
    odd.goto(odd.address)
    sheets = pypdf.PdfReader(io.BytesIO(odd.pdf(format="A4"))).pages
    assert len(sheets) <= 2
    texts = [" ".join(sheet.extract_text().split()) for sheet in sheets]
    for text in texts:
        assert "Wolfeschlegel" in text and "MRN-pat-1" in text and "Computed" in text
    found = odd.locator(".told li strong").all_text_contents()
    whole = letters(" ".join(texts))
    assert len(found) > 30 and [one for one in found if letters(one) not in whole] == []
    # The first sheet begins with findings, not with a blank below the notices.
    assert "Criticalfindings" in letters(texts[0]) and "Values" in texts[-1]


@pytest.mark.parametrize("part", ["changed", "hour", "trends", "evidence", "compare", "answer"])
def test_no_level_of_heading_is_left_out_on_a_parts_own_page(odd, part):
    """As on the whole page, where the parts' headings stand below the second level."""
    odd.goto(f"{odd.address}{part}")
    levels = odd.locator("h1, h2, h3, h4").evaluate_all("all => all.map(one => +one.tagName[1])")
    assert levels[0] == 1 and all(b <= a + 1 for a, b in zip(levels, levels[1:], strict=False))


def test_nothing_that_is_focused_lies_under_the_banner(odd):
    """Upwards, where a browser scrolls no further than it must (WCAG 2.4.11)."""
    odd.set_viewport_size({"width": 1280, "height": 500})
    odd.goto(odd.address)
    odd.evaluate(OPEN)
    odd.wait_for_load_state("networkidle")
    odd.locator("#compare > summary").focus()
    covered = "[document.activeElement, document.querySelector('.banner')].map(one => one.getBoundingClientRect().bottom)"
    for _ in range(60):
        odd.keyboard.press("Shift+Tab")
        bottom, banner = odd.evaluate(covered)
        assert bottom > banner, odd.evaluate("document.activeElement.outerHTML")


def test_a_name_does_not_turn_what_stands_beside_it(odd):
    """A birth date and an age after a name from right to left keep their order: neither the
    letters nor a mark of direction in the name reach them.
    """
    odd.set_viewport_size({"width": 1280, "height": 900})
    odd.goto(odd.address)
    odd.goto(f"{odd.address}charts")
    left = odd.evaluate("""
      () => {
        const row = document.querySelector(".chart .who"), name = row.querySelector("strong");
        name.textContent = "\u202e\u0639\u0628\u062f";
        const born = row.querySelector(".small").firstChild, at = born.textContent.indexOf("19");
        return [0, 3].map(n => {
          const range = document.createRange();
          range.setStart(born, at + n);
          range.setEnd(born, at + n + 1);
          return range.getBoundingClientRect().left;
        });
      }
    """)
    assert left[0] < left[1]
