"""The SDK against a running server, worker and object store, as one of the test users."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

import wanllmdb as wandb
from harness import servers

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def stack() -> servers.Stack:
    return servers.stack()


@pytest.fixture(autouse=True)
def running(stack: servers.Stack) -> None:
    """Every process runs when a test starts, even if another test has killed it."""
    stack.start()


@pytest.fixture
def sign_in(stack: servers.Stack, home, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`sign_in("bob")`: from now on this process and its children use bob's key."""

    def set_key(username: str) -> None:
        monkeypatch.setenv("WANLLMDB_BASE_URL", stack.base_url)
        monkeypatch.setenv("WANLLMDB_API_KEY", stack.key(username))

    return set_key


@pytest.fixture
def bob(sign_in: Callable[[str], None]) -> None:
    sign_in("bob")


@pytest.fixture
def project() -> str:
    """A project that no other test uses."""
    return f"acme/sdk-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def run(bob: None, project: str) -> Iterator[wandb.Run]:
    """A run of bob in this project."""
    with wandb.init(project=project) as run:
        yield run


@pytest.fixture
def python(bob: None) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a script as bob in a separate process."""

    def run_script(script: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
        assert not check or result.returncode == 0, result.stderr
        return result

    return run_script


@pytest.fixture
def stored_keys(stack: servers.Stack) -> Callable[[], set[str]]:
    """The keys of all objects that are in the store now."""
    s3 = servers.s3(stack.env)

    def list_keys() -> set[str]:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=stack.env["S3_BUCKET"])
        try:
            return {obj["Key"] for page in pages for obj in page.get("Contents", ())}
        except s3.exceptions.NoSuchBucket:
            return set()  # the first upload creates it

    return list_keys
