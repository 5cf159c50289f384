"""The pages list exactly what the server has: every endpoint, error code, setting and timer, and no other."""

import re
from collections.abc import Iterator

import pytest
from django.urls import URLPattern

import accounts.tasks
import api.accounts.urls
import api.aliases.urls
import api.artifacts.urls
import api.external_stores.urls
import api.hierarchies.record_urls
import api.hierarchies.urls
import api.lineage.urls
import api.notifications.urls
import api.projects.urls
import api.runs.urls
import api.server.urls
import artifacts.expiry_tasks
import artifacts.references.tasks
import artifacts.tasks
import events.tasks
import hierarchies.tasks
import notifications.tasks
import projects.tasks
import tracking.tasks
from core.errors import RegistryError
from harness.servers import ROOT
from projects.errors import RunEnded
from tests.docs.conftest import PAGES, title

# The first are only bases of other errors; the last is raised by web pages alone.
NOT_IN_THE_API = {"TooMany", "Unavailable", "StreamFull", "TooManySignIns", "NotServed"}
OF_THE_FRAMEWORK = {
    "NotAuthenticated": 401,
    "AuthenticationFailed": 401,
    "MethodNotAllowed": 405,
    "NotAcceptable": 406,
    "UnsupportedMediaType": 415,
    "ServerError": 500,
}


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def rows(name: str, row: str) -> set[tuple[str, ...]]:
    """The groups of every line of the page that matches `row` at its beginning."""
    return {match.groups() for match in re.finditer(rf"^{row}", page(name), re.MULTILINE)}


def endpoints(patterns: list[URLPattern]) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        path = re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern))
        view = pattern.callback.view_class
        for method in ("get", "post", "put", "patch", "delete"):
            if hasattr(view, method):
                yield method.upper(), f"/{path}"


def error_classes(kind: type[RegistryError]) -> Iterator[type[RegistryError]]:
    for item in kind.__subclasses__():
        yield item
        yield from error_classes(item)


def test_every_url_is_listed():
    subjects = (
        api.accounts,
        api.projects,
        api.runs,
        api.notifications,
        api.artifacts,
        api.aliases,
        api.lineage,
        api.external_stores,
        api.hierarchies,
        api.server,
    )
    ours = [pattern for subject in subjects for pattern in subject.urls.urlpatterns]

    # Below the base of a hierarchy, which has a name of its own there.
    records = endpoints(api.hierarchies.record_urls.urlpatterns)
    theirs = {(method, path.replace("/{team}/{project}/{hierarchy}", "/h/…")) for method, path in records}

    assert rows("api.md", r"\| `([A-Z]+) (/\S+)` \|") == set(endpoints(ours)) | theirs


def test_every_error_code_is_listed_with_its_status():
    ours = {item.__name__: item.status for item in error_classes(RegistryError) if item.__name__ not in NOT_IN_THE_API}
    listed = {code: int(status) for code, status in rows("api.md", r"\| `(\w+)` \| (\d{3}) \|")}

    assert RunEnded.__name__ in ours
    assert listed == ours | OF_THE_FRAMEWORK


def test_every_setting_is_listed():
    source = (ROOT / "wanllmdb" / "settings.py").read_text()

    assert {name for (name,) in rows("operations.md", r"\| `([A-Z0-9_]+)` \|")} == set(
        re.findall(r'\benv\.\w+\(\s*"([A-Z0-9_]+)"', source)
    )


def test_every_timer_is_listed():
    owners = (accounts, artifacts, artifacts.references, events, hierarchies, notifications, projects, tracking)
    modules = [*(owner.tasks for owner in owners), artifacts.expiry_tasks]
    timers = [timer for module in modules for timer in module.BEAT.values()]
    seconds = {timer["task"]: timer["schedule"].total_seconds() for timer in timers}
    listed = rows("operations.md", r"\| `([\w.]+)` \| every (?:(\d+) )?(second|minute)s? \|")

    assert {task: int(count or 1) * {"second": 1, "minute": 60}[unit] for task, count, unit in listed} == seconds


@pytest.mark.parametrize("path", PAGES, ids=title)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        path_part, _, heading = target.partition("#")
        if "://" in target:
            continue
        linked = (path.parent / path_part).resolve() if path_part else path

        assert linked.exists(), f"{path.name} links to {target}"
        assert not heading or heading in anchors(linked.read_text()), f"{path.name} links to {target}"


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
