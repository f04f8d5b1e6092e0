"""The mapping: every slip of the pen is one sentence that names the file and the key."""

import pytest

from studies.data.mapping import read_mapping
from studies.data.stays import DataError
from tests.support.hospital import LONG, WIDE


@pytest.fixture
def mapping(tmp_path):
    """A function that writes a mapping and reads it."""

    def written(text: str):
        (tmp_path / "m.toml").write_text(text, "utf-8")
        return read_mapping(tmp_path / "m.toml")

    return written


def test_words_are_taken_without_case_and_numbers_in_both_spellings(mapping):
    """1 and 1.0 are the same word; what is not named keeps its usual words."""
    found = mapping(LONG + "[sex]\nmale = [1]\nfemale = [0]\n")
    assert (
        found.sexes["1.0"] == "male"
        and found.sexes["0"] == "female"
        and found.sexes["other"] == "unknown"
    )
    assert (
        found.answers == {"expired": "yes", "alive": "no"}
        and mapping(WIDE).answers["true"] == "yes"
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('id = "stay"', "", r"m.toml: the mapping missing required field `id` - at `columns`"),
        ('id = "stay"', 'id = "stay"\nidd = "x"', r"unknown field `idd` - at `columns`"),
        ('id = "stay"', "id = 3", r"Expected `str`, got `int` - at `columns.id`"),
        ('age = "age"', "", r"age or birth_date"),
        ('column = "died"', "", r"outcome has to name column or time"),
        ('column = "died"', 'column = "died"\ntime = "t"', r"outcome has to name column or time"),
        ('column = "died"', 'time = "t"', r"outcome.horizon_hours is missing"),
        ('column = "died"', 'time = "t"\nhorizon_hours = 0', r"horizon_hours"),
        (
            'column = "died"',
            'column = "died"\nyes = ["Expired"]',
            r"outcome.yes and outcome.no go together",
        ),
        (
            'column = "died"',
            'column = "died"\nyes = ["D"]\nno = ["d"]',
            r"is named for yes and for no",
        ),
        ('"heart_rate"', '"pulse"', r"variables.hr: there is no variable 'pulse'"),
        ('"/min"', '"mmHg"', r"variables.hr: 'mmHg' is no unit of heart_rate; there are /min"),
        (', unit = "/min"', "", r"variables.hr: '' is no unit"),
        ('time_unit = "hours"', 'time_unit = "weeks"', r"time_unit"),
        (
            'time_unit = "hours"',
            'time_zone = "Europe/Atlantis"',
            r"time_zone 'Europe/Atlantis' is not known",
        ),
        ('time_unit = "hours"', 'encoding = "utf-99"', r"encoding 'utf-99' is not known"),
        ('time_unit = "hours"', 'time_unit = "hours"\ndate_format = "%d"', r"give one of them"),
        ('time_unit = "hours"', 'shape = "long"', r"go together"),
        ('time_unit = "hours"', "time_unit = ", r"m.toml: .*line 2"),
    ],
)
def test_a_slip_of_the_pen_is_named(mapping, old, new, words):
    """Nothing is passed over, nothing is guessed."""
    assert old in WIDE
    with pytest.raises(DataError, match=words):
        mapping(WIDE.replace(old, new))


def test_a_unit_may_come_with_each_row(mapping):
    """Only a table with a column of units may leave the unit of a word out."""
    assert mapping(LONG).variables["Temp"].unit == ""
    with pytest.raises(DataError, match="no unit of temperature"):
        mapping(LONG.replace('unit = "uom"\n', ""))


def test_a_mapping_that_is_no_text_is_named(tmp_path):
    """Binary in place of TOML."""
    (tmp_path / "m.toml").write_bytes(bytes(range(128, 256)))
    with pytest.raises(DataError, match=r"m\.toml"):
        read_mapping(tmp_path / "m.toml")
