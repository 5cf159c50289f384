"""Clients that make a server wait, and a normal user beside them, who notices nothing."""

import http.client
import json
from contextlib import closing
from pathlib import Path

import pytest

from harness import servers
from harness.slow_clients import IMAGE, ZIP, Site, attack

pytestmark = pytest.mark.timeout(600)
KINDS = 7


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    stack = servers.stack()
    stack.start()
    return Site(stack, Path(tmp_path_factory.mktemp("slow")))


def test_what_slow_readers_read_is_large(site):
    assert site.size(ZIP) > site.size(IMAGE) > 18_000_000


@pytest.mark.parametrize("number", range(KINDS))
def test_a_normal_user_beside_slow_clients_is_served(site, number):
    kinds = site.kinds()
    assert len(kinds) == KINDS
    kind = kinds[number]
    with attack(site.port, kind):
        visit = site.visit(rounds=10)
    print(f"{kind.count} × {kind.name}: p99 {visit.percentile(0.99) * 1000:.0f} ms")
    assert set(visit.statuses) == {200}


@pytest.mark.parametrize("mebibytes", [17, 30, 60])
def test_a_body_that_is_too_large_gets_an_answer_that_is_read(site, mebibytes):
    body = b"x" * mebibytes * 2**20
    with closing(http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)) as connection:
        connection.request("POST", "/api/v1/teams", body, {"Authorization": f"Bearer {site.key}"})
        response = connection.getresponse()
        assert (response.status, json.load(response)["code"]) == (413, "PayloadTooLarge")
