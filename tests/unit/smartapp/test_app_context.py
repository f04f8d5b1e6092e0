"""appContext: from the card to the page."""

import pytest

from smartapp.launching.context import assessment_named


@pytest.mark.rule("SMART-53", "SMART-55")
@pytest.mark.parametrize(
    "context, name",
    [
        ('{"assessment": "abcdefgh12"}', "abcdefgh12"),
        ({"assessment": "abcdefgh12"}, "abcdefgh12"),
        ("not json", None),
        (None, None),
        ([], None),
        ('{"assessment": 5}', None),
        ('{"assessment": "../../x"}', None),
        ('{"assessment": "' + "a" * 2000 + '"}', None),
        ("[" * 900, None),
        ('"x"', None),
    ],
)
def test_only_a_short_well_formed_assessment_id_counts(context, name):
    """Text and object are both taken; everything else is as if none came."""
    assert assessment_named(context) == name
