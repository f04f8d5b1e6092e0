"""How long a token's use is remembered: as long as the token could be let in (A7)."""

from datetime import timedelta

import pytest

from tests.support.hookcall import World, request

LIFE, LEEWAY = timedelta(seconds=300), timedelta(seconds=60)


@pytest.mark.rule("A7")
@pytest.mark.parametrize("after", [timedelta(0), LIFE, LIFE + LEEWAY / 2, LIFE + LEEWAY])
def test_a_used_token_is_refused_to_its_last_moment(tmp_path, after):
    """Within the leeway behind `exp` as well, and after a restart and a clearing of what is over."""
    before = World(tmp_path)
    token = before.token()
    assert before.post(request(), token=token).status_code == 200
    later = World(tmp_path)
    later.now = before.now + after
    assert later.post(request()).status_code == 200
    assert later.post(request(), token=token).status_code == 401


@pytest.mark.rule("A5")
def test_a_token_is_good_within_the_leeway(tmp_path):
    """So what the test above refuses is refused as used, and not as expired."""
    vigil = World(tmp_path)
    token = vigil.token()
    vigil.now += LIFE + LEEWAY / 2
    assert vigil.post(request(), token=token).status_code == 200
