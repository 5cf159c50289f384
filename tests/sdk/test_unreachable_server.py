"""A server that does not respond, or that is not ours."""

import http.server
import socket
import threading

import pytest

import wanllmdb as wandb
from wanllmdb.sdk import cancellation, http_retries
from wanllmdb.sdk.http_client import Client


@pytest.fixture
def closed_port() -> str:
    """A URL where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def other_server():
    """A web server that is not wanLLMDB."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_wrong_url_is_reported_quickly(closed_port, monkeypatch):
    monkeypatch.setenv("WANLLMDB_BASE_URL", closed_port)
    monkeypatch.setenv("WANLLMDB_API_KEY", "wllm_x")
    waits: list[float] = []
    monkeypatch.setattr(cancellation, "cancellable_sleep", waits.append)
    with pytest.raises(wandb.Unreachable) as error:
        wandb.init(project="x")
    assert sum(waits) < 2 * http_retries.RETRY_PERIOD_NEW_HOST
    assert str(error.value) == (
        f"Cannot reach {closed_port}: connection refused. Is the server running, and is WANLLMDB_BASE_URL correct?"
    )
    assert error.value.url == closed_port


def test_an_unknown_host_is_reported(monkeypatch):
    with pytest.raises(wandb.Unreachable, match="unknown host"):
        Client("http://no-such-host.invalid", "wllm_x").get("/me")


def test_an_unreachable_object_store_has_its_own_message(closed_port):
    url = f"{closed_port}/bucket/key?X-Amz-Signature=00"
    with pytest.raises(wandb.Unreachable, match="This is the URL of the object store as the server hands it out"):
        Client("http://127.0.0.1:1", "wllm_x").upload(url, {}, lambda: [b"x"], 1)


def test_another_kind_of_server_is_reported(other_server):
    with pytest.raises(
        wandb.NotFound, match="which is not the response of a wanLLMDB server: is WANLLMDB_BASE_URL correct"
    ):
        Client(other_server, "wllm_x").get("/me")


def test_without_a_key_nothing_is_sent(closed_port):
    with pytest.raises(wandb.AuthenticationError, match="No API key for"):
        Client(closed_port, None).get("/me")


def test_a_body_that_is_not_json_is_rejected_before_it_is_sent(closed_port):
    with pytest.raises(wandb.Invalid, match="cannot be sent as JSON"):
        Client(closed_port, "wllm_x").post("/runs", {"config": object()})
