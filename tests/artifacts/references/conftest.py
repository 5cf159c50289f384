"""A web site that references lead to, and the network of this machine, which tests may ask as often as they like."""

from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from artifacts.references import object_requests
from harness import reference_servers
from harness.reference_servers import WebSite


@pytest.fixture
def local_network(settings) -> Iterator[None]:
    settings.REFERENCE_PRIVATE_NETWORKS = [ip_network("127.0.0.0/8")]
    settings.WEB_CHECKS_A_SECOND = settings.STORE_CHECKS_A_SECOND = 10_000
    object_requests._rates.cache_clear()
    yield
    object_requests._rates.cache_clear()


@pytest.fixture(scope="module")
def site() -> Iterator[WebSite]:
    with reference_servers.web_site() as made:
        yield made
