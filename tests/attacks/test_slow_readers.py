"""People who read slowly, or nothing at all, have a few threads of the server at most, and not for ever."""

import io
import os
import socket
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.hashers import check_password, make_password

from accounts import hashers
from artifacts.content import downloads
from artifacts.models import ArtifactDownload
from artifacts.storage import SignedPut
from core import errors
from core.stream_pool import MIN_RATE, PERIOD_SECONDS, StreamPool, TooSlow
from harness import servers
from tests.artifacts.client import HTTP, MIB, log, send
from tests.browser import seed_data
from tests.conftest import person
from tests.web.sample_files import png

VERSION = "/acme/demo/artifacts/dataset/data/v1"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def pieces(count: int, size: int) -> Iterator[bytes]:
    return iter([b"x" * size] * count)


# --- The slots -------------------------------------------------------------------------------------------------------


def test_a_slot_is_released_however_a_response_ends():
    pool = StreamPool(size=1, per_person=1)

    def failing() -> Iterator[bytes]:
        yield b"x"
        raise OSError

    assert len(list(pool.stream("a", pieces(3, 1)))) == 3
    with pytest.raises(OSError):
        list(pool.stream("a", failing()))
    never_begun = pool.stream("a", pieces(3, 1))
    never_begun.close()
    never_begun.close()
    forgotten = pool.stream("a", pieces(3, 1))
    next(forgotten)
    with pytest.raises(errors.Busy):
        pool.stream("b", pieces(1, 1))
    del forgotten
    assert list(pool.stream("b", pieces(1, 1))) == [b"x"]


def test_one_person_does_not_take_all_slots():
    pool = StreamPool(size=3, per_person=1)
    held = [pool.stream("a", pieces(1, 1)), pool.stream("b", pieces(1, 1))]

    with pytest.raises(errors.Busy, match="Another download of yours"):
        pool.stream("a", pieces(1, 1))
    held.append(pool.stream("c", pieces(1, 1)))
    with pytest.raises(errors.Busy, match="Too many downloads"):
        pool.stream("d", pieces(1, 1))


def test_who_reads_below_the_lower_bound_is_left_behind(clock):
    pool = StreamPool(size=1, per_person=1, clock=clock)
    stream = pool.stream("a", pieces(1000, MIN_RATE))
    for _ in range(200):
        next(stream)
        clock.now += 0.9
    with pytest.raises(TooSlow):
        for _ in range(200):
            next(stream)
            clock.now += 1.5
    # The slot is free.
    assert list(pool.stream("b", pieces(1, 1))) == [b"x"]


def test_one_chunk_that_takes_for_ever_is_too_slow(clock):
    stream = StreamPool(size=1, per_person=1, clock=clock).stream("a", pieces(3, 100))
    next(stream)
    clock.now += PERIOD_SECONDS + 1
    with pytest.raises(TooSlow):
        next(stream)


def test_time_that_the_store_takes_is_not_the_clients(clock):
    def slow_store() -> Iterator[bytes]:
        for _ in range(5):
            clock.now += PERIOD_SECONDS
            yield b"x"

    assert len(list(StreamPool(size=1, per_person=1, clock=clock).stream("a", slow_store()))) == 5


# --- The pages --------------------------------------------------------------------------------------------------------


@pytest.fixture
def one_slot(monkeypatch) -> StreamPool:
    pool = StreamPool(size=1, per_person=1)
    monkeypatch.setattr(downloads, "_pool", pool)
    return pool


def test_a_zip_without_a_slot_is_refused_and_not_counted(browser, bob, vera, artifact, one_slot):
    log(bob, artifact, {"x": b"x" * MIB, "y": b"y"})
    response = browser(vera).get(f"{VERSION}.zip")
    refused = browser(bob).get(f"{VERSION}.zip")

    assert (refused.status_code, refused["Retry-After"]) == (503, "5")
    assert "Too many downloads" in refused.content.decode()
    assert ArtifactDownload.objects.count() == 1
    body = b"".join(response.streaming_content)
    assert set(zipfile.ZipFile(io.BytesIO(body)).namelist()) == {"x", "y"}
    assert b"".join(browser(bob).get(f"{VERSION}.zip").streaming_content)


# The end of a response ends the connection to the database too.
@pytest.mark.django_db(transaction=True)
def test_a_zip_whose_client_hangs_up_releases_its_slot(browser, bob, vera, artifact, one_slot):
    log(bob, artifact, {"x": b"x" * 3 * MIB})
    response = browser(vera).get(f"{VERSION}.zip")
    next(iter(response.streaming_content))
    response.close()

    assert b"".join(browser(bob).get(f"{VERSION}.zip").streaming_content)


def test_a_large_image_comes_from_the_store_with_a_type_that_is_no_page(browser, bob, vera, artifact, one_slot):
    image = png() + bytes(2 * MIB)
    log(bob, artifact, {"large.png": image, "small.png": png()})
    client = browser(vera)
    response = client.get(f"{VERSION}/image/large.png")

    assert response.status_code == 302
    served = HTTP.request("GET", response["Location"])
    assert (served.headers["Content-Type"], served.headers["Content-Disposition"]) == ("image/png", "inline")
    assert served.data == image
    page = client.get(f"{VERSION}/files/large.png")
    assert f"img-src 'self' {django_settings.STORE_ORIGIN}" in page["Content-Security-Policy"]
    assert django_settings.STORE_ORIGIN not in client.get("/")["Content-Security-Policy"]
    assert client.get(f"{VERSION}/image/small.png").content == png()


def test_what_is_small_takes_no_slot(browser, api, bob, vera, artifact, one_slot):
    version = log(bob, artifact, {"a.png": png(), "b": b"b"}, packed=True)
    held = one_slot.stream("somebody", pieces(1, 1))

    assert browser(vera).get(f"{VERSION}/image/a.png").content == png()
    file = version.files.get(path="b")
    url = api(vera).get(f"/api/v1/artifacts/files/{file.pk}/download-url").json()["download_url"]
    assert api().get(url.removeprefix(django_settings.BASE_URL)).content == b"b"
    held.close()


def test_a_large_file_in_a_pack_takes_one(browser, api, bob, vera, artifact, one_slot):
    image = png() + bytes(2 * MIB)
    log(bob, artifact, {"a.png": image, "b": b"b"}, packed=True)
    response = browser(vera).get(f"{VERSION}/image/a.png")

    assert browser(bob).get(f"{VERSION}/image/a.png").status_code == 503
    assert b"".join(response.streaming_content) == image


# --- Passwords --------------------------------------------------------------------------------------------------------


@pytest.fixture
def real_hashes(settings) -> None:
    settings.PASSWORD_HASHERS = ["accounts.hashers.BoundedPBKDF2PasswordHasher"]


def test_hashes_of_djangos_own_hasher_still_fit(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    before = make_password("a good long password")
    settings.PASSWORD_HASHERS = ["accounts.hashers.BoundedPBKDF2PasswordHasher"]

    assert check_password("a good long password", before)
    assert not check_password("another", before)


def test_few_passwords_are_hashed_at_once_and_others_have_to_wait(real_hashes, browser, db, monkeypatch):
    person("zoe")
    slots = threading.BoundedSemaphore(hashers.MAX_AT_ONCE)
    monkeypatch.setattr(hashers, "_slots", slots)
    monkeypatch.setattr(hashers, "WAIT_SECONDS", 0.05)
    form = {"username": "zoe", "password": "a good long password"}
    for _ in range(hashers.MAX_AT_ONCE):
        assert slots.acquire(blocking=False)
    refused = browser().post("/login", form)
    assert (refused.status_code, refused["Retry-After"]) == (503, "5")
    assert "Too many sign-ins at once" in refused.content.decode()

    for _ in range(hashers.MAX_AT_ONCE):
        slots.release()
    assert browser().post("/login", form).status_code == 302


# --- Running processes ------------------------------------------------------------------------------------------------

SIGN_IN = """
from accounts.models import Team, User
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
for number in range({people}):
    person = User.objects.create_user(f"{name}-{{number}}", password="a good long password")
    Team.objects.get(name="acme").memberships.create(user=person, role="viewer")
    store = SessionStore()
    store[SESSION_KEY], store[HASH_SESSION_KEY] = str(person.pk), person.get_session_auth_hash()
    store[BACKEND_SESSION_KEY] = "accounts.backends.PasswordBackend"
    store.save()
    print(store.session_key)
"""
PEOPLE = 12


def test_people_who_read_nothing_stop_nobody():
    """More of them than the server has threads, while a program and a visitor go on."""
    stack = servers.stack()
    stack.start()
    name = f"slow{os.getpid()}"
    log_large_file(stack, name)
    script = SIGN_IN.format(name=name, people=PEOPLE)
    sessions = stack.manage("shell", "--no-imports", "--command", script).split()
    host, port = stack.base_url.removeprefix("http://").split(":")
    readers = []
    try:
        for session in sessions:
            reader = socket.create_connection((host, int(port)))
            request = f"GET /acme/{name}/artifacts/dataset/data/v1.zip HTTP/1.1\r\nHost: {host}:{port}\r\n"
            reader.sendall(f"{request}Cookie: sessionid={session}\r\n\r\n".encode())
            readers.append(reader)
        answers = [reader.recv(12) for reader in readers]
        assert set(answers) == {b"HTTP/1.1 200", b"HTTP/1.1 503"}
        with ThreadPoolExecutor(16) as threads:
            statuses = set(threads.map(lambda path: get(stack, path), ["/api/v1/projects", "/login", "/healthz"] * 20))
        assert statuses == {200}
    finally:
        for reader in readers:
            reader.close()


def log_large_file(stack: servers.Stack, project: str) -> None:
    """What sockets on the way do not hold."""

    def call(path: str, body: dict[str, object]) -> dict:
        return seed_data.call_api(stack, "bob", "POST", path, body)

    content = os.urandom(32 * MIB)
    call("/projects", {"team": "acme", "name": project})
    artifact = call("/artifacts", {"project": f"acme/{project}", "name": "data", "type": "dataset"})["id"]
    version = call(f"/artifacts/{artifact}/versions", {})["id"]
    file = {"path": "large.bin", "size": len(content)}
    target = call(f"/artifacts/versions/{version}/files/upload-url", file)
    send(SignedPut(target["upload_url"], target["headers"]), content)
    call(f"/artifacts/versions/{version}/files", file | {"storage_key": target["storage_key"]})
    call(f"/artifacts/versions/{version}/finalize", {})


def get(stack: servers.Stack, path: str) -> int:
    request = urllib.request.Request(stack.base_url + path, headers={"Authorization": f"Bearer {stack.key('vera')}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return refusal.code
