"""The model card: whole for any model, and its figures are those of the files, in JSON, Markdown
and the command's HTML.
"""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt

from models.card.figures import ABSENT, written
from models.card.model_card import model_card
from models.card.tables import tables
from models.card.text import as_json, as_markdown
from models.card.validation import OTHER, SEEN, TEST, kind_of, read_validation
from models.fitted.model import load
from models.fitted.registry import TRAINED, ModelError
from studies.model_card_command import model_card as command
from tests.support import model_cards

SHIPPED = sorted(path.parent for path in TRAINED.glob("*/*/manifest.json"))
VERSIONS = [pytest.param(folder, id="/".join(folder.parts[-2:])) for folder in SHIPPED]
TRIPOD = "1 2 3a 3b 3c 4 5a 5b 6a 6b 6c 7 8a 8b 8c 9a 9b 9c 10 11 12a 12b 12c 12d 12e 12f 12g 13 14 15 16 17 18a 18b 18c 18d 18e 18f 19 20a 20b 20c 21 22 23a 23b 24 25 26 27a 27b 27c"
CARRIED = ("n", "events", "interval", "data", "date", "code_version", "model_sha256", "unit")


def whole(made) -> None:
    """Hold that a card has every part, and an answer in each."""
    assert [row.number for row in made.attributes] == list(range(1, 32)) and len(
        {row.group for row in made.attributes}
    ) == 9
    assert [row.item for row in made.tripod] == TRIPOD.split(" ") and len(
        {row.item.rstrip("abcdefg") for row in made.tripod}
    ) == 27
    assert [section.number for section in made.sections] == list(range(1, 10))
    answers = [
        row.answer for section in (*made.sections, *made.facts_label) for row in section.rows
    ]
    answers += [row.answer for row in (*made.attributes, *made.tripod)]
    assert all(answer.strip() for answer in answers) and not any(
        re.search(r"\bNone\b|\{[a-z_]+\}", answer) for answer in answers
    )


def files(folder: Path, validation: dict | None = None) -> dict:
    """Return what a version's figures may come from."""
    return {
        "manifest.json": json.loads((folder / "manifest.json").read_text("utf-8")),
        "validation.json": validation,
    }


def same(rows, sources: dict) -> int:
    """Hold that each (file, path, value, interval as shown) is what the file says; return how
    many there were.
    """
    for file, path, value, interval in rows:
        found = model_cards.at(sources[file], path)
        if not found:
            assert value == "not estimable"
            continue
        assert value == ("not estimable" if found["value"] is None else written(found["value"])), (
            path
        )
        span = found["interval"]
        assert interval == (f"{written(span[0])} to {written(span[1])}" if span else ABSENT), path
    return len(rows)


def in_markdown(text: str) -> list[tuple[str, str, str, str]]:
    """Return every figure of the Markdown, read by a Markdown parser; the line above a table
    names its file.
    """
    rows, file = [], ""
    html = MarkdownIt("commonmark").enable("table").render(text)
    for caption, line in re.findall(r"<p>(.*?)</p>|<tr>\s*(.*?)\s*</tr>", html, re.S):
        if source := re.search(r"From (\w+\.json)\.$", caption):
            file = source[1]
        cells = re.findall(r"<td[^>]*>(.*?)</td>", line, re.S)
        if len(cells) == 6:
            rows.append((file, cells[5], cells[1], cells[2]))
    return rows


def in_html(text: str) -> list[tuple[str, str, str, str]]:
    """Return every figure of a page."""
    return re.findall(
        r'<tr data-file="(.*?)" data-path="(.*?)">.*?<td class="n">(.*?)</td><td class="n">(.*?)</td>',
        text,
    )


def in_json(text: str) -> list[tuple[str, str, str, str]]:
    """Return every figure of the machine file; each carries all that it has to."""
    figures = [figure for table in json.loads(text)["tables"] for figure in table["figures"]]
    assert all(name in figure for name in CARRIED for figure in figures)
    shown = [
        (f, f["interval"] and " to ".join(written(value) for value in f["interval"]))
        for f in figures
    ]
    return [(f["file"], f["path"], f["shown"], span or ABSENT) for f, span in shown]


@pytest.mark.rule("governance part 1")
def test_a_third_model_needs_no_words():
    """Nobody wrote a word for it, nothing was measured: a whole card all the same, which says
    so.
    """
    made = model_card(model_cards.model(), None)
    whole(made)
    answers = {row.number: row.answer for row in made.attributes}
    assert [answers[number] for number in (1, 5, 6, 16, 21, 22, 23, 24, 25)] == [ABSENT] * 9
    assert (
        made.attributes[4].filled == "not filled; due from people"
        and not made.tables
        and made.leading is None
    )
    assert "a fall (within a day)" in answers[3] and "sex" not in answers[12].partition(";")[0]


@pytest.mark.parametrize("form", [as_json, as_markdown])
def test_a_third_model_is_printed(form):
    assert form(model_card(model_cards.model(), None)).count(ABSENT) > 20


@pytest.mark.rule("governance part 2")
def test_every_kind_of_figure_is_in_the_card():
    """Each {value, interval} of the validation but the groups' and curves' further ones has its
    line, with n and events.
    """
    made, found = (
        model_card(model_cards.model(), model_cards.validation()),
        model_cards.validation(),
    )
    whole(made)
    figures = {figure.path: figure for table in made.tables for figure in table.figures}
    for path in (
        "figures/ici",
        "stays/auroc",
        "alerts/medium_alerts_per_100_patient_days",
        "lead_time/medium/median",
        "net_benefit/0/model",
        "groups/0/figures/auroc",
        "challenge/figures/score1",
        "without/no laboratory values/auroc",
        "certainty/indeterminate",
        "sense/figures/falls",
    ):
        assert figures[path].value == model_cards.at(found, path)["value"], path
    assert figures["figures/auroc"].n == 1234 and figures["figures/auroc"].events == 56
    assert figures["stays/auroc"].n == 79 and figures["stays/auroc"].events == 29
    assert (
        figures["groups/0/figures/auroc"].n == 40
        and figures["groups/1/figures"].shown == "not estimable"
    )


def test_the_figures_of_json_markdown_and_html_are_those_of_the_file(tmp_path):
    """Parsed back, each is what validation.json says."""
    made, sources = (
        model_card(model_cards.model(), model_cards.validation()),
        {"validation.json": model_cards.validation()},
    )
    counts = {
        same(in_json(as_json(made)), sources),
        same(in_markdown(as_markdown(made)), sources) - len(made.leading.figures),
    }
    assert counts == {sum(len(table.figures) for table in made.tables)}


@pytest.mark.parametrize("folder", VERSIONS)
def test_the_shipped_cards_say_what_their_files_say(folder):
    """In every form, with validation.json and without; so do the numbers within sentences."""
    model = load(folder)
    validation = read_validation(folder, model)
    for given in {id(validation): validation, id(None): None}.values():
        made, sources = model_card(model, given), files(folder, given)
        whole(made)
        assert same(in_json(as_json(made)), sources) and same(
            in_markdown(as_markdown(made)), sources
        )
        known = {
            number
            for table in tables(model, given)
            for figure in table.figures
            for number in numbers(figure)
        }
        known |= {
            written(value)
            for value in model.manifest["calibration"].values()
            if isinstance(value, float)
        }
        trained = [
            *(model.manifest.get("across") or {}).values(),
            model.manifest.get("acute") or {},
        ]
        known |= {
            f"{number:.3f}"
            for one in trained
            for figure in one.values()
            if isinstance(figure, dict)
            for number in (figure["value"], *figure["interval"])
        }
        answers = " ".join(row.answer for row in (*made.attributes, *made.tripod))
        assert set(re.findall(r"(?<![\d.])-?\d+\.\d{3}(?!\d)", answers)) <= known
    page = (
        CliRunner()
        .invoke(
            command,
            [folder.parent.name, "--version", folder.name, "--format", "html"],
            catch_exceptions=False,
        )
        .output
    )
    assert same(in_html(page), files(folder, validation))


def numbers(figure) -> set[str]:
    """Return the numbers of a figure as they are written."""
    return {
        written(value) for value in (figure.value, *(figure.interval or ())) if value is not None
    }


@pytest.mark.rule("governance part 2")
def test_numbers_in_sentences_carry_how_they_were_made():
    """Attributes 21 and 23: n, events, interval, data set, date, code version, model."""
    for given, number in (
        (model_cards.validation(data={"layout": "x", "files": {"a": "1"}}), 21),
        (model_cards.validation(), 23),
    ):
        one = model_cards.model(source={"name": "X", "files": {"a": "1"}})
        answer = model_card(one, given).attributes[number - 1].answer
        for words in (
            "0.812 (95 % interval 0.750 to 0.875)",
            "1,234 rows",
            "56 with",
            "2026-11-21",
            "abc1234",
            model_cards.SHA,
            "part “all”",
        ):
            assert words in answer, words


def test_who_saw_the_records_is_told_by_hash():
    """Held out only if training held out; records that training saw are never called a test."""
    held, files_ = {"held_out": "a rule"}, {"files": {"a.zip": "1"}}
    part = {"settings": {"part": "held-out"}, "data": files_}
    assert kind_of({"source": files_} | held, part) == TEST
    assert (
        kind_of({"source": files_}, part)
        == kind_of({"source": files_} | held, part | {"settings": {"part": "all"}})
        == SEEN
    )
    assert kind_of({"source": files_} | held, part | {"data": {"files": {"b.zip": "2"}}}) == OTHER
    flattering = model_card(
        model_cards.model(source={"name": "X"} | files_),
        model_cards.validation(data={"layout": "table"} | files_),
    )
    assert (
        "flatter" in flattering.attributes[20].answer and flattering.attributes[22].answer == ABSENT
    )


def test_what_the_intervals_do_not_bear_out_is_not_said():
    """Better than NEWS2 only beyond chance; a ratio outside the gate's limits is called so."""
    found = {
        metric.head: metric.interpretation
        for metric in model_card(model_cards.model(), model_cards.validation()).metrics
    }
    assert "better than NEWS2" in found["usefulness"] and "more than chance" in found["usefulness"]
    assert (
        "observed to expected 1.412 (95 % interval 1.100 to 1.700) is outside"
        in found["safety and reliability"]
    )
    unsure = model_cards.validation(
        figures={"auroc_minus_news2": {"value": 0.01, "interval": [-0.1, 0.1]}}
    )
    assert (
        "which chance may explain"
        in model_card(model_cards.model(), unsure).metrics[0].interpretation
    )


def test_a_validation_of_another_model_is_refused(tmp_path):
    """By hash, not by name; so is one that can't be read. None is no error."""
    assert read_validation(tmp_path, model_cards.model()) is None
    for content in (
        json.dumps(
            model_cards.validation(model={"name": "third", "version": "1.0.0", "sha256": "00" * 32})
        ),
        "{",
        "[]",
        "{}",
    ):
        (tmp_path / "validation.json").write_text(content, "utf-8")
        with pytest.raises(ModelError, match=re.escape(str(tmp_path))):
            read_validation(tmp_path, model_cards.model())


def test_words_of_the_data_stay_words(tmp_path):
    """A group's name with signs of HTML, Markdown and our own places is shown as it is."""
    made = model_card(model_cards.model(), model_cards.validation())
    text = as_markdown(made)
    assert "<b>" not in text and r"ward \<b\>7\|{X}\</b\>: AUROC" in text
    assert "<b>7|{X}</b>" in json.loads(as_json(made))["attributes"][23]["answer"]
    html = MarkdownIt("commonmark").enable("table").render(text)
    assert "ward &lt;b&gt;7|{X}&lt;/b&gt;: AUROC" in html and "<b>" not in html


@pytest.mark.parametrize(
    "absent",
    [
        "figures",
        "stays",
        "alerts",
        "lead_time",
        "net_benefit",
        "groups",
        "challenge",
        "without",
        "certainty",
        "counts",
        "settings",
        "data",
        "made",
        "code_version",
    ],
)
def test_an_absent_part_is_borne(absent):
    """A validation of an earlier or later Vigil lacks parts."""
    for given in (
        {k: v for k, v in model_cards.validation().items() if k != absent},
        model_cards.validation(**{absent: None}),
    ):
        whole(model_card(model_cards.model(), given))


def test_what_is_no_number_is_not_estimable():
    """NaN, an endless interval or a text in a file made elsewhere."""
    odd = {
        "auroc": {"value": float("nan"), "interval": [0.1, float("inf")]},
        "auprc": {"value": "high", "interval": "wide"},
    }
    made = model_card(model_cards.model(), model_cards.validation(figures=odd))
    assert [(figure.shown, figure.span) for figure in made.leading.figures] == [
        ("not estimable", ABSENT)
    ] * 2 and as_json(made)


def test_whether_the_features_tell_the_time_is_said():
    """The sentence of training's leak check stands in the card; a model without one says so."""
    question = "Can the features tell the time since admission"
    for more, answer in (({"leak": {"said": "No: 0.5."}}, "No: 0.5."), ({}, "not available")):
        made = model_card(model_cards.model(**more), None)
        rows = {row.name: row.answer for section in made.sections for row in section.rows}
        assert rows[question] == answer


def test_the_command_prints_each_form():
    """Markdown by default; an unknown model or a path is one sentence."""
    run = CliRunner()
    assert run.invoke(command, ["deterioration"]).output.startswith("# Model card: deterioration")
    assert (
        json.loads(run.invoke(command, ["sepsis", "--format", "json"]).output)["model"]["name"]
        == "sepsis"
    )
    page = run.invoke(command, ["sepsis", "--format", "html"]).output
    assert page.count("data-attribute=") == 31 and not re.search(r'(src|href)="(?!data:|#)', page)
    for words in (
        ["nobody"],
        ["../trained/sepsis"],
        ["sepsis", "--version", "../0.2.0"],
        ["sepsis", "--version", "9.9.9"],
    ):
        assert isinstance(run.invoke(command, words).exception, ModelError), words


def test_the_labels_of_figures_are_words():
    """No underscore reaches a reader."""
    labels = [
        figure.label
        for table in tables(model_cards.model(), model_cards.validation())
        for figure in table.figures
    ]
    assert labels and not [label for label in labels if "_" in label]
    assert written(12.345) == "12.3" and written(0.12345) == "0.123"
