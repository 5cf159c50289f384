"""The cast and their hands. alice runs the team, bob edits, vera looks on, mallory is a stranger."""

import gc
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings as django_settings
from django.core.cache import cache, caches
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection, connections
from django.http import HttpResponse
from django.test import Client
from rest_framework.test import APIClient

from accounts import keys
from accounts.models import Membership, Role, Scope, Team, User, key
from api.fast_path import keys as known_keys
from api.fast_path.wsgi import AliasFastPath
from artifacts import health, store_connection
from artifacts.content import downloads
from artifacts.content.pack_cache import PackCache
from artifacts.previews import sandbox
from core.call_interval import CallInterval
from core.stream_pool import StreamPool
from harness import servers
from notifications import receivers
from projects.models import Project
from wanllmdb import celery

HTMX = {"HX-Request": "true"}
LONGEST = {"e2e": 0, "attacks": 1, "browser": 2, "sdk": 3}
UNGUARDED = pytest.StashKey[tuple[Any, list[str]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=1, help="how often tests of random deaths repeat (1)")


def pytest_configure() -> None:
    # Where tests run in the background Ctrl-C may be ignored, which the programs that they start would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # How long an example takes says how busy the machine is.
    hypothesis.settings.register_profile(
        "wanllmdb", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("wanllmdb")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first, so that at the end no process waits long for another."""
    here = Path(__file__).parent
    items.sort(key=lambda item: LONGEST.get(item.path.relative_to(here).parts[0], len(LONGEST)))


def pytest_collection_finish() -> None:
    """All that is loaded by now stays: it is not searched for garbage again and again."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A test that was skipped proves nothing: whatever it missed is something that `make test` installs."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    # Where tests run in several processes, only the one that they report to has it.
    if reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that failed because a server was gone says what the server said last."""
    report = yield
    if report.failed:
        report.sections += [(f"{server.name} ended by itself", server.log_tail) for server in servers.died()]
    return report


def person(name: str) -> User:
    return User.objects.create_user(name, f"{name}@example.org", "a good long password")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> Iterator[None]:
    """The database of the tests is a copy like those of the stacks, with all tables."""
    name = connection.creation._get_test_db_name()
    servers.create_database(name, Path(name))
    yield
    connections.close_all()


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """It goes with the directory of the session, or with its PostgreSQL."""
    return True


@pytest.fixture(autouse=True, scope="session")
def static_root() -> None:
    """`make run` collects static files into it: WhiteNoise warns where it is not, and hashed names need them there."""
    django_settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    plain = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    django_settings.STORAGES = django_settings.STORAGES | plain


@pytest.fixture(autouse=True, scope="session")
def recorded_uses() -> Iterator[None]:
    """A minute is a day: that a key is used once more is not recorded between queries that a slow test counts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key, "USE_RECORDED_EVERY", key.USE_RECORDED_EVERY * 24 * 60)
        yield


@pytest.fixture(autouse=True)
def quick_passwords(settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def new_process(monkeypatch) -> None:
    """What a process of the server keeps from one request to the next is nothing of the tests before.

    That the store enforces checksums it may keep: the store is the same.
    """
    cache.delete_many(["health", health.CHECKED_KEY, "metrics-garbage", "metrics-failures", "storage-by-project"])
    caches["markdown"].clear()
    caches["lineage"].clear()
    celery._breaker.record_response()
    store_connection._breaker.record_response()
    monkeypatch.setattr(known_keys, "_keys", {})
    monkeypatch.setattr(downloads, "_pool", StreamPool(size=2, per_person=1))
    monkeypatch.setattr(downloads, "_packs", PackCache())
    monkeypatch.setattr(receivers, "_announcements", CallInterval(0.25))


@pytest.fixture(autouse=True, scope="session")
def patient_previews() -> Iterator[None]:
    """Only CPU time ends the process of a preview: how many seconds pass says more of the machine than of the file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "_TIMEOUT_SECONDS", 300.0)
        yield


@pytest.fixture(autouse=True)
def flushable(request, django_db_blocker) -> Iterator[None]:
    """A test with transactions of its own ends by emptying all tables, which the record's triggers refuse."""
    marker = request.node.get_closest_marker("django_db")
    if not (marker and marker.kwargs.get("transaction")):
        yield
        return
    request.getfixturevalue("transactional_db")
    yield
    request.node.stash[UNGUARDED] = django_db_blocker, _put_triggers_aside()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """The tables are empty, and the record is guarded again, unless the database went with the last test."""
    yield
    if nextitem and UNGUARDED in item.stash:
        blocker, statements = item.stash[UNGUARDED]
        with blocker.unblock(), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


def _put_triggers_aside() -> list[str]:
    """What brings them back."""
    with connection.cursor() as cursor:
        if servers.on_postgres():
            cursor.execute("ALTER TABLE artifacts_aliaschange DISABLE TRIGGER USER")
            return ["ALTER TABLE artifacts_aliaschange ENABLE TRIGGER USER"]
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        return [statement for _, statement in triggers]


@pytest.fixture
def alice(db) -> User:
    return person("alice")


@pytest.fixture
def bob(db) -> User:
    return person("bob")


@pytest.fixture
def vera(db) -> User:
    return person("vera")


@pytest.fixture
def mallory(db) -> User:
    return person("mallory")


@pytest.fixture
def acme(alice, bob, vera) -> Team:
    team = Team.objects.create(name="acme", created_by=alice)
    for user, role in [(alice, Role.ADMIN), (bob, Role.EDITOR), (vera, Role.VIEWER)]:
        Membership.objects.create(team=team, user=user, role=role)
    return team


@pytest.fixture
def project(acme, alice) -> Project:
    return Project.objects.create(team=acme, name="demo", created_by=alice)


@pytest.fixture
def api() -> Callable[..., APIClient]:
    """`api(user)` is a client that sends a real key of that user; `api()` sends none."""

    def client(user: User | None = None, scope: Scope = Scope.WRITE) -> APIClient:
        test_client = APIClient(raise_request_exception=False)
        test_client.handler = whole(test_client.handler)
        if user is not None:
            _, value = keys.issue(user=user, name="test", scope=scope)
            test_client.credentials(HTTP_AUTHORIZATION=f"Bearer {value}")
        return test_client

    return client


def whole(django: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The handler of a test client, behind all of the application: by itself it begins with Django's middleware."""

    def enter(environ: dict[str, Any]) -> HttpResponse:
        answers: list[HttpResponse] = []

        def go_on(environ: dict[str, Any], start_response: object) -> list[bytes]:
            answers.append(django(environ))
            return []

        def start(status: str, headers: list[tuple[str, str]]) -> None:
            answers.append(HttpResponse(status=int(status[:3]), headers=dict(headers)))
            answers[0].wsgi_request = WSGIRequest(environ)

        body = b"".join(AliasFastPath(go_on)(environ, start))
        [answer] = answers
        if body:
            answer.content = body
        return answer

    return enter


@pytest.fixture
def browser() -> Callable[..., Client]:
    """`browser(user)` has signed in as that user; `browser()` is a visitor. With `headers=HTMX` it asks for a part."""

    def client(user: User | None = None) -> Client:
        test_client = Client()
        if user is not None:
            test_client.force_login(user)
        return test_client

    return client
