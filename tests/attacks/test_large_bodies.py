"""Who sends more than the server takes reads why, on a real connection, instead of a reset."""

from collections import Counter

import pytest
import urllib3

from harness import servers

MIB = 2**20


@pytest.fixture(scope="module")
def stack() -> servers.Stack:
    running = servers.stack()
    running.start()
    return running


@pytest.mark.parametrize("signed_in", [True, False])
def test_a_body_over_16_mib_is_answered_with_413_that_is_read(stack, signed_in):
    headers = {"Content-Type": "application/json"}
    if signed_in:
        headers["Authorization"] = f"Bearer {stack.key('bob')}"
    with urllib3.PoolManager() as pool:
        answers = [
            pool.request("POST", f"{stack.base_url}{path}", body=b"x" * size * MIB, headers=headers, retries=False)
            for size in (17, 24, 48)
            for path in ("/api/v1/teams", "/login")
        ]
        assert Counter(answer.status for answer in answers) == {413: 6}
        assert all(b"16 MiB" in answer.data for answer in answers)
        assert pool.request("GET", f"{stack.base_url}/healthz").status == 200
