"""The part `compare` of a session's page: where the patient stands among those of the validation."""

import json
import re

from models.fitted.registry import TRAINED
from smartapp.comparing.compared import behind
from tests.support.launch_bench import Bench
from tests.support.trials import trial


def told(browser, place, **headers) -> str:
    """Return the part's words."""
    answer = browser.get(f"{place}compare", headers=headers)
    assert answer.status_code == 200
    return answer.text


def test_it_says_what_the_file_counted(bench):
    """Of each outcome the place, the rate with its interval, and who these patients were."""
    browser = bench.browser()
    place = browser.sign_in()
    browser.get(place)
    part = told(browser, place, **{"Vigil-Part": "1"})
    assert part.count('class="compared"') == 2 and "<html" not in part
    for model in bench.models:
        home = TRAINED / model.id.name / model.id.version
        found = json.loads((home / "validation.json").read_text("utf-8"))
        assert f"{found['counts']['rows']:,} assessments" in part
        assert f"{found['counts']['patients']:,} patients" in part
        like = re.findall(r"([\d,]+) of ([\d,]+) assessments, ([\d,]+) patients\)", part)
        counted = {
            tuple(f"{n:,}" for n in (one["events"], one["rows"], one["patients"]))
            for one in found["population"]["bins"]
        }
        assert counted & set(like)
    assert "A ward patient is not an intensive care patient" in part
    assert (
        bench.audit.last(type="page")["route"] == "compare"
        if hasattr(bench.audit, "last")
        else True
    )


def test_it_is_a_page_of_its_own_without_a_script(bench):
    """Whose it is stands above it, and links lead to guide, label and model card."""
    browser = bench.browser()
    place = browser.sign_in()
    assert browser.get(f"{place}compare").status_code == 409
    browser.get(place)
    page = told(browser, place)
    assert "<html" in page and 'aria-label="Patient"' in page
    links = set(re.findall(r'href="(/(?:guide|model-card)[^"#]*)', page))
    assert {"/guide", "/model-card", "/model-card/sepsis/label"} <= links
    assert all(browser.get(link).status_code == 200 for link in links)
    assert page.count("<h1>") == 1
    records = {record["route"]: record for record in bench.audit.records(type="page")}
    assert records.keys() == {"compare", "explanation"}
    assert sorted(records["compare"]["compared"]) == ["deterioration", "sepsis"]


def test_the_control_arm_learns_nothing_of_it(tmp_path, ehr):
    """No risk, no place and no rate."""
    bench = Bench(tmp_path, ehr, trial=trial(tmp_path, control_share=0.999))
    browser = bench.browser()
    place = browser.sign_in()
    browser.get(place)
    part = told(browser, place, **{"Vigil-Part": "1"})
    assert "not shown" in part and "%" not in part and "assessments" not in part


def test_a_version_without_figures_has_none_invented(tmp_path, ehr, monkeypatch):
    """As after a recalibration, when no validation lies in its folder: the part says so, for each
    outcome.
    """
    monkeypatch.setattr("smartapp.views.behind", lambda model, validation: behind(model, None))
    bench = Bench(tmp_path, ehr)
    browser = bench.browser()
    place = browser.sign_in()
    browser.get(place)
    part = told(browser, place, **{"Vigil-Part": "1"})
    assert part.count("There are no population figures") == 2 and "95 % interval" not in part


def test_the_guide_is_linked_from_every_page(bench):
    """From the page of a patient, a part of it, what went wrong, and the public ones."""
    browser = bench.browser()
    place = browser.sign_in()
    for path in (place, f"{place}compare", "/l/none/", "/launch", "/standalone", "/model-card"):
        assert 'href="/guide"' in browser.get(path).text, path
    page = browser.get(place).text
    assert 'href="/model-card/' in page and "/label" in page and 'data-part="/l/' in page
