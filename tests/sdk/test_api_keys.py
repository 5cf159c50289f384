"""API keys as they come from secrets, files and people: cleaned before use, and shown in no text."""

import copy
import json
import logging
import traceback

import pytest

import wanllmdb as wandb
from tests.sdk.network import ApiHandler, Handler, serve
from wanllmdb.sdk import connection, settings
from wanllmdb.sdk.http_client import Client

KEY = "wllm_s3cret"


class RefusingHandler(Handler):
    """Answers each request as its path says: `/401/api/v1/me`."""

    def do_GET(self) -> None:
        status = int(self.path.split("/")[1])
        body = json.dumps({"code": "AuthenticationFailed", "detail": "Invalid key."}).encode()
        self.answer(status, body, Location="http://elsewhere.example/", Content_Type="application/json")


@pytest.fixture(scope="module")
def server():
    with serve(ApiHandler) as server:
        yield server


@pytest.fixture(scope="module")
def refusing_server():
    with serve(RefusingHandler) as server:
        yield server


@pytest.mark.parametrize("form", ["{}\n", "{}\r\n", " {}\t", "\ufeff{}", "\n\n{} \u200b\n"])
def test_a_key_is_cleaned_wherever_it_comes_from(monkeypatch, home, server, form):
    text = form.format(KEY)
    assert wandb.Api(server.url, text).viewer["username"] == "bob"
    path = settings.config_path()
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"keys": {server.url: text}}))
    assert wandb.Api(server.url).viewer["username"] == "bob"
    path.unlink()
    monkeypatch.setenv("WANLLMDB_API_KEY", text)
    assert wandb.Api(server.url).viewer["username"] == "bob"
    assert wandb.login(text, server.url)
    assert json.loads(path.read_text())["keys"] == {server.url: KEY}
    sent = {request[2]["Authorization"] for request in server.requests}
    assert sent == {f"Bearer {KEY}"}


def test_a_key_of_whitespace_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("WANLLMDB_API_KEY", " \r\n")
    assert settings.load().api_key is None
    assert settings.load(api_key="\n").api_key is None


@pytest.mark.parametrize(
    "key, problem",
    [
        (f"{KEY}\n{KEY}", "a line break"),
        (f"{KEY}\r\nX-Injected: 1", "a line break"),
        (f"Bearer {KEY}", "a space"),
        (f'"{KEY}"', "quotation marks"),
        (f"'{KEY}'", "quotation marks"),
        (f"{KEY}…", "'…', so it is not complete"),
        (f"{KEY}\x00", "a character that no key has"),
        (f"{KEY}é", "a character that no key has"),
        (f"{KEY}\udc80", "a character that no key has"),
    ],
)
def test_what_is_no_key_is_refused_without_showing_it(monkeypatch, key, problem):
    for call in (lambda: wandb.Api("http://127.0.0.1:1", key), lambda: wandb.login(key, "http://127.0.0.1:1")):
        with pytest.raises(wandb.AuthenticationError, match=f"The API key that was passed contains {problem}") as error:
            call()
        assert "s3cret" not in everything_said(error.value)
    if "\x00" not in key:
        monkeypatch.setenv("WANLLMDB_API_KEY", key)
        with pytest.raises(wandb.AuthenticationError, match="The API key in WANLLMDB_API_KEY contains") as error:
            wandb.init(project="x")
        assert "s3cret" not in everything_said(error.value)
        with wandb.init(project="x", mode="disabled") as run:
            run.log({"loss": 1})


def test_what_is_no_key_in_a_file_is_as_if_it_were_not_there(home):
    path = settings.config_path()
    path.parent.mkdir(parents=True)
    for keys in ({"http://x.example": "two words"}, {"http://x.example": 5}, {"x": "wllm_x"}, ["wllm_x"], None, "x"):
        path.write_text(json.dumps({"keys": keys}))
        (home / ".netrc").write_text('machine x.example login u password "two words"\n')
        assert settings.load(base_url="http://x.example").api_key is None
    settings.store_key("http://x.example", "wllm_x")
    assert settings.load(base_url="HTTP://X.example/").api_key == "wllm_x"


def everything_said(error: BaseException) -> str:
    """The traceback with the local variables of all frames but those of tests, as error reporters send them."""
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    texts, pending = [], [trace]
    while pending:
        part = pending.pop()
        pending += [other for other in (part.__cause__, part.__context__) if other is not None]
        for frame in part.stack:
            if "/tests/" not in frame.filename and "_pytest" not in frame.filename:
                texts += [f"{frame.name} {name}={value}" for name, value in (frame.locals or {}).items()]
        texts += part.format_exception_only()
    return "\n".join(texts)


def test_a_key_is_in_no_error(monkeypatch, refusing_server):
    monkeypatch.setenv("WANLLMDB_API_KEY", KEY)
    urls = [f"{refusing_server.url}/{status}" for status in (301, 401, 404, 500)]
    for url in (*urls, "http://127.0.0.1:1", refusing_server.url.replace("http:", "https:")):
        for call in (lambda url=url: wandb.Api(url).viewer, lambda url=url: wandb.init(project="x/y")):
            monkeypatch.setenv("WANLLMDB_BASE_URL", url)
            with pytest.raises(wandb.WanLLMDBError) as error:
                call()
            assert "s3cret" not in everything_said(error.value)


def test_a_key_is_in_no_repr_and_no_log(monkeypatch, caplog, server):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("WANLLMDB_API_KEY", KEY)
    monkeypatch.setenv("WANLLMDB_BASE_URL", server.url)
    current = connection.connect()
    api = wandb.Api(api_key=KEY)
    assert api.viewer
    values = [current, current.settings, current.client, api, settings.load(), copy.copy(current.settings)]
    texts = [repr(value) for value in values] + [repr(vars(value)) for value in values] + [caplog.text]
    assert "s3cret" not in "".join(texts)
    assert Client(server.url, KEY).get("/me")["username"] == "bob"


@pytest.mark.parametrize(
    "url", ["u:s3cret@x.example", "https://u:s3cret@x.example", "ftp://u:s3cret@x", "http://u:s3cret@x:y", "http://[x"]
)
def test_a_password_in_a_url_is_not_shown(monkeypatch, url):
    monkeypatch.setenv("WANLLMDB_BASE_URL", url)
    with pytest.raises(wandb.Invalid) as error:
        settings.load()
    assert "s3cret" not in str(error.value)
