"""The model card's pages: figures, label, files for machines, plots, and what must not get
through.
"""

import json
import re

import pytest
from flask import Blueprint, Flask

from models.card.text import as_json
from models.fitted.registry import TRAINED, load_models
from runtime import web
from runtime.settings_file import settings_from
from smartapp import problems
from smartapp.pages import register_words
from smartapp.public.guide import Guide
from smartapp.public.model_cards import ModelCards
from tests.support import model_cards
from tests.support.launch_bench import ROOT, Bench
from tests.support.small_ehr import SmallEhr
from tests.unit.models.test_card import files, in_html, in_json, in_markdown, same

PNG = b"\x89PNG\r\n\x1a\n"
PLOTS = [{"file": "beeswarm.png", "title": "What moves <the> risk", "alt": "One dot a \"row\".", "table": [{"variable": "age", "mean_abs_shap": 0.5, "unit": None}]},
         {"file": "../manifest.json", "title": "Out", "alt": "", "table": []}, {"file": "gone.png", "title": "Gone", "alt": "", "table": []}]  # fmt: skip


def client(models, trained=TRAINED, tmp_path=None):
    """Return a browser of an app that has the cards alone, with the headers of all answers."""
    app = Flask("vigil", root_path=str(ROOT), static_folder="static", template_folder="templates")
    base = {"id": "x", "fhir_base": ["https://ehr.example.org/fhir"], "hook_auth": "open"}
    web.install(
        app,
        settings_from(
            {
                "public_url": "https://vigil.example.org",
                "ehr": [base],
                "base_dir": str(tmp_path or ROOT),
            }
        ),
    )
    blueprint = Blueprint("smartapp", "smartapp")
    register_words(blueprint)
    ModelCards(models, trained).add_to(blueprint)
    Guide(models).add_to(blueprint)
    blueprint.register_error_handler(problems.Problem, lambda error: (error.title, error.status))
    app.register_blueprint(blueprint)
    return app.test_client()


@pytest.fixture
def folder(tmp_path):
    """Return a folder with one invented version, its validation and plots."""
    home = tmp_path / "third" / "1.0.0"
    (home / "plots").mkdir(parents=True)
    (home / "validation.json").write_text(json.dumps(model_cards.validation()), "utf-8")
    (home / "manifest.json").write_text("secret", "utf-8")
    (home / "plots" / "plots.json").write_text(json.dumps(PLOTS), "utf-8")
    (home / "plots" / "beeswarm.png").write_bytes(PNG)
    (home / "plots" / "unlisted.png").write_bytes(PNG)
    return tmp_path


@pytest.fixture
def browser(folder):
    """Return a browser for the invented model."""
    return client([model_cards.model()], folder, folder)


@pytest.mark.rule("governance part 1")
def test_the_page_shows_what_the_file_says(browser):
    """Every figure and all 31 attributes; no figure that is not in the file."""
    page, sources = browser.get("/model-card").text, {"validation.json": model_cards.validation()}
    machine = in_json(browser.get("/model-card/third.json").text)
    assert same(in_html(page), sources) == same(machine, sources) > 15
    assert re.findall(r'data-attribute="(\d+)"', page) == [str(number) for number in range(1, 32)]
    assert len(re.findall(r"data-item=", page)) == 52
    label = browser.get("/model-card/third/label").text
    assert (
        same(in_html(label), sources) == 4
        and model_cards.SHA in label
        and "2026-11-21 07:07:40 UTC" in label
    )


def test_the_shipped_models_pages_say_what_their_files_say():
    """With validation.json beside the model or without."""
    models = load_models()
    browser = client(models)
    for model in models:
        home = TRAINED / model.id.name / model.id.version
        validation = (
            json.loads((home / "validation.json").read_text("utf-8"))
            if (home / "validation.json").exists()
            else None
        )
        sources, name = files(home, validation), model.id.name
        assert same(in_html(browser.get(f"/model-card/{name}/label").text), sources)
        assert same(in_json(browser.get(f"/model-card/{name}.json").text), sources)
        assert same(in_markdown(browser.get(f"/model-card/{name}.md").text), sources)
        page = browser.get("/model-card").text
        article = page[page.index(f'aria-labelledby="{name}"') :].partition("</article>")[0]
        assert same(in_html(article), sources)


def test_no_two_regions_of_a_page_are_called_alike():
    """Also where two models stand on one page: each is named after its model."""
    page = client(load_models()).get("/model-card").text
    regions = re.findall(r'role="region" aria-label="([^"]+)"', page)
    folded = re.findall(r"<summary>([^<]+)</summary>", page)
    heads = re.findall(r"<h3[^>]*>(.*?)</h3>", page)
    for names in (regions, folded, heads):
        assert len(names) == len(set(names)) > 10


def test_each_answer_has_its_type_and_policy(browser):
    """HTML with the pages' policy, the rest with none; nothing inline."""
    for path, kind in (
        ("", "text/html"),
        ("/third/label", "text/html"),
        ("/third.json", "application/json"),
        ("/third.md", "text/markdown"),
    ):
        answer = browser.get(f"/model-card{path}")
        assert (answer.status_code, answer.mimetype) == (200, kind), path
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        if kind == "text/html":
            assert not re.search(r"\sstyle=|<style|javascript:|\son[a-z]+=|https?://", answer.text)
            ids = re.findall(r'\bid="([^"]+)"', answer.text)
            assert len(ids) == len(set(ids))
            levels = [int(level) for level in re.findall(r"<h([1-6])", answer.text)]
            assert (
                levels[0] == 1
                and levels.count(1) == 1
                and all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))
            )


def test_links_lead_from_one_to_the_other(browser):
    """Label, JSON and Markdown are linked from the card, the card from the label."""
    links = re.findall(r'href="(/model-card/[^"#]*)', browser.get("/model-card").text)
    assert {*links} == {"/model-card/third/label", "/model-card/third.json", "/model-card/third.md"}
    assert all(browser.get(link).status_code == 200 for link in links)
    assert 'href="/model-card#third"' in browser.get("/model-card/third/label").text


def test_words_of_the_data_are_escaped(browser):
    """A group's name and a plot's text are shown, not obeyed."""
    page = browser.get("/model-card").text
    assert "<b>" not in page and "ward &lt;b&gt;7|{X}&lt;/b&gt;: AUROC" in page
    assert (
        "What moves &lt;the&gt; risk" in page
        and 'alt="One dot a &#34;row&#34;."' in page
        and "mean abs shap" in page
    )


def test_plots_are_shown_and_only_those_listed_are_sent(browser):
    """A name that leads out, an unlisted file and the list itself are not there."""
    page = browser.get("/model-card").text
    (address,) = re.findall(r'<img src="([^"]+)"', page)
    assert re.fullmatch(r"/model-card/third/plots/beeswarm[.]png[?]v=[0-9a-f]{16}", address)
    sent = browser.get(address)
    assert (sent.status_code, sent.mimetype, sent.data) == (200, "image/png", PNG)
    for path in (
        "third/plots/plots.json",
        "third/plots/unlisted.png",
        "third/plots/gone.png",
        "third/plots/../manifest.json",
        "third/plots/..%2Fmanifest.json",
        "third/plots/%2e%2e/manifest.json",
        "third/plots/..%5Cmanifest.json",
        "third/manifest.json",
        "..%2Fthird/plots/beeswarm.png",
    ):
        answer = browser.get(f"/model-card/{path}")
        assert answer.status_code == 404 and b"secret" not in answer.data, path


@pytest.mark.parametrize(
    "path",
    [
        "nobody/label",
        "nobody.json",
        "nobody.md",
        "nobody/plots/beeswarm.png",
        "third.html",
        "third/",
    ],
)
def test_an_unknown_name_is_not_found(browser, path):
    assert browser.get(f"/model-card/{path}").status_code == 404


def test_a_validation_of_another_model_is_not_shown(folder):
    """The page says so, and shows the figures of training alone."""
    found = model_cards.validation(model={"name": "third", "version": "1.0.0", "sha256": "00" * 32})
    (folder / "third" / "1.0.0" / "validation.json").write_text(json.dumps(found), "utf-8")
    (folder / "third" / "1.0.0" / "plots" / "plots.json").write_text("{", "utf-8")
    browser = client([model_cards.model()], folder, folder)
    for path in ("/model-card", "/model-card/third/label", "/model-card/third.md"):
        page = browser.get(path).text
        assert "of another model; it is not shown" in page and "0.812" not in page, path


def test_a_model_without_folder_or_words_has_a_whole_card(tmp_path):
    """A third model needs no code and no words."""
    browser = client([model_cards.model()], tmp_path, tmp_path)
    page = browser.get("/model-card").text
    assert page.count("data-attribute=") == 31 and page.count("not available") > 20
    assert "Figures: not available" in browser.get("/model-card/third/label").text


def test_the_app_answers_and_refuses_as_a_page(tmp_path):
    """In the whole SMART app, without a session: the card's source leads there, and an unknown
    name is a page of ours.
    """
    ehr = SmallEhr()
    bench = Bench(tmp_path, ehr)
    ehr.stop()
    browser = bench.browser()
    assert (
        json.loads(browser.get("/model-card/deterioration.json").text)["model"]["sha256"]
        == bench.models[0].id.sha256
    )
    answer = browser.get("/model-card/nobody.json")
    assert answer.status_code == 404 and "There is nothing at this address" in answer.text
    assert (
        as_json(ModelCards(bench.models).shown["sepsis"].model_card)
        == browser.get("/model-card/sepsis.json").text
    )
