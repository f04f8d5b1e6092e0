"""A whole launch over real HTTP and a real Redis: EHR, authorization, callback, page, and two
workers that share the session.
"""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests

from runtime import store
from tests.support.chained import chain
from tests.support.launch_bench import PUBLIC, Bench
from tests.support.small_ehr import SmallEhr


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    server = store.embedded(tmp_path_factory.mktemp("redis"))
    yield store.connect(server.url)
    server.stop()


@pytest.fixture
def ehr():
    server = SmallEhr()
    yield server
    server.stop()


@pytest.fixture
def bench(tmp_path, ehr, redis):
    redis.flushall()
    yield Bench(tmp_path, ehr, redis)
    redis.connection_pool.disconnect()


@pytest.mark.rule("F10")
def test_a_launch_from_the_ehr_to_the_page(bench, ehr, redis):
    """The browser follows the EHR's own redirect; Redis then holds one session and what its page
    showed, both sealed, the mark of a used launch, and nothing readable.
    """
    browser = bench.browser()
    with requests.Session() as people:
        agreed = people.get(browser.launch(), allow_redirects=False, timeout=5)
    back = urlsplit(agreed.headers["Location"])
    place = browser.get(f"{back.path}?{back.query}").headers["Location"]
    page = browser.get(place)
    assert (
        page.status_code == 200
        and "MRN-pat-1" in page.text
        and "Risk of death in hospital" in page.text
    )
    mark, *sealed = sorted(redis.keys("*"))
    assert mark.startswith(b"vigil:launch:") and redis.get(mark) == b"1"
    assert 600 < redis.ttl(mark) <= 660
    assert [key.split(b":")[1] for key in sealed] == [b"session", b"sight"]
    for key in sealed:
        assert b"pat-1" not in key + redis.get(key) and 0 < redis.ttl(key) <= 900
    assert chain(bench.audit).broken_at is None


def test_any_worker_can_finish_what_another_began(tmp_path, bench, ehr, redis):
    """Launch at one process, callback and page at another: nothing is kept in memory."""
    second = Bench(tmp_path, ehr, redis)
    browser = bench.browser()
    back = ehr.approve(browser.launch())
    browser.client.application = second.app
    place = browser.callback(back).headers["Location"]
    assert browser.get(place).status_code == 200


def test_of_two_callbacks_at_once_one_gets_the_session(bench, ehr):
    """The state is taken atomically."""
    browser = bench.browser()
    back = ehr.approve(browser.launch())
    (cookie,) = browser.client._cookies.values()
    header = {"Cookie": f"{cookie.key}={cookie.value}"}

    def attempt(_):
        return (
            bench.app.test_client(use_cookies=False)
            .get("/callback", query_string=back, base_url=PUBLIC, headers=header)
            .status_code
        )

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(attempt, range(6))) == [303, 400, 400, 400, 400, 400]


def test_redis_gone_is_a_readable_page(bench, ehr, tmp_path):
    """A callback with no Redis behind it is a 503 page within a second."""
    browser = Bench(tmp_path, ehr, store.connect("redis://127.0.0.1:1/0")).browser()
    answer = browser.callback(ehr.approve(browser.launch()))
    assert answer.status_code == 503 and "<h1>" in answer.text
