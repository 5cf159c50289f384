"""Where nobody answers, or somebody else does."""

import http.server
import socket
import threading
import time

import pytest

import wanllmdb as wandb
from wanllmdb.sdk.client import Client


@pytest.fixture
def nobody() -> str:
    """An address that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def stranger():
    """A web server that is not ours."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_wrong_address_is_told_soon_and_named(nobody, monkeypatch):
    monkeypatch.setenv("WANLLMDB_BASE_URL", nobody)
    monkeypatch.setenv("WANLLMDB_API_KEY", "wllm_x")
    started = time.monotonic()
    with pytest.raises(wandb.Unreachable) as refusal:
        wandb.init(project="x")
    assert time.monotonic() - started < 5
    assert str(refusal.value) == (
        f"Cannot reach {nobody}: nobody listens there. Is the server running, and is WANLLMDB_BASE_URL right?"
    )
    assert refusal.value.address == nobody


def test_a_name_that_does_not_exist_is_told(monkeypatch):
    with pytest.raises(wandb.Unreachable, match="there is no host of that name"):
        Client("http://no-such-host.invalid", "wllm_x").get("/me")


def test_the_store_out_of_reach_is_another_sentence(nobody):
    address = f"{nobody}/bucket/key?X-Amz-Signature=00"
    with pytest.raises(wandb.Unreachable, match="It is the object store's address as the server gives it out"):
        Client("http://127.0.0.1:1", "wllm_x").put(address, {}, lambda: [b"x"], 1)


def test_somebody_elses_server_is_told(stranger):
    with pytest.raises(wandb.NotFound, match="not as a wanLLMDB server does: is WANLLMDB_BASE_URL right"):
        Client(stranger, "wllm_x").get("/me")


def test_without_a_key_nothing_is_sent(nobody):
    with pytest.raises(wandb.AuthenticationError, match="No API key for"):
        Client(nobody, None).get("/me")


def test_what_is_no_json_is_told_before_it_is_sent(nobody):
    with pytest.raises(wandb.Invalid, match="cannot be sent as JSON"):
        Client(nobody, "wllm_x").post("/runs", {"config": object()})
