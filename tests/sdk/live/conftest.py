"""The SDK in the hands of the cast, against a running server, worker and store."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

import wanllmdb as wandb
from tests import servers

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def stack() -> servers.Stack:
    return servers.stack()


@pytest.fixture(autouse=True)
def running(stack: servers.Stack) -> None:
    """Everything runs when a test begins, also what another one has killed."""
    stack.start()


@pytest.fixture
def sign_in(stack: servers.Stack, home, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`sign_in("bob")`: from now on this process and its children are bob's."""

    def become(username: str) -> None:
        monkeypatch.setenv("WANLLMDB_BASE_URL", stack.base_url)
        monkeypatch.setenv("WANLLMDB_API_KEY", stack.key(username))

    return become


@pytest.fixture
def bob(sign_in: Callable[[str], None]) -> None:
    sign_in("bob")


@pytest.fixture
def project() -> str:
    """A project that no other test has."""
    return f"acme/sdk-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def run(bob: None, project: str) -> Iterator[wandb.Run]:
    """A run of bob's in that project."""
    with wandb.init(project=project) as run:
        yield run


@pytest.fixture
def python(bob: None) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a script of bob's in a process of its own."""

    def start(script: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
        assert not check or done.returncode == 0, done.stderr
        return done

    return start


@pytest.fixture
def stored(stack: servers.Stack) -> Callable[[], set[str]]:
    """The keys of everything that lies in the store now."""
    hands = servers.s3(stack.env)

    def look() -> set[str]:
        pages = hands.get_paginator("list_objects_v2").paginate(Bucket=stack.env["S3_BUCKET"])
        try:
            return {found["Key"] for page in pages for found in page.get("Contents", ())}
        except hands.exceptions.NoSuchBucket:
            return set()  # the first upload makes it

    return look
