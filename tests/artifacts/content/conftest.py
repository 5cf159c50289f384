"""Contents that a file is composed of."""

import os

import pytest

from tests.artifacts.client import MIB


@pytest.fixture
def pieces() -> list[bytes]:
    return [os.urandom(size) for size in (MIB + 7, 1, 300_000, MIB, 5)]
