"""The pages that the benchmark measures, over the rows that it writes past the verbs."""

import pytest

from benchmarks import pages, seed_data


@pytest.mark.django_db(transaction=True)
def test_every_page_of_the_benchmark_is_there(acme, alice, browser):
    seed_data.fill(12)
    client = browser(alice)
    assert {url: client.get(url).status_code for url in pages.PAGES.values()} == dict.fromkeys(
        pages.PAGES.values(), 200
    )
