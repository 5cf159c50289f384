"""Tables: sorted by their columns and by values, some with columns that are added; all in the URL."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import invitations, keys
from accounts.actor import Actor
from accounts.models import ApiKey, Membership, Role, Scope, Team
from artifacts import artifacts, versions
from artifacts.aliases import aliases, protection
from artifacts.models import Artifact, ArtifactAlias, ExternalStore
from core import bounded_count
from events.models import Event
from notifications import watches
from notifications.models import Attempt, Delivery, InboxItem, Webhook
from projects import projects, runs
from tests.conftest import HTMX
from tests.web.test_home_page import logged
from web import tables

VERSIONS = "/acme/demo/artifacts/model/net/versions"
RUNS = "/acme/demo/runs"
HOSTILE = "<img src=x>\"'&"


@pytest.fixture
def net(alice, project) -> Artifact:
    """Four versions: `mAP` rises and falls, one has none; keys and values that are markup."""
    net = artifacts.create(Actor(alice), project, "net", "model")
    for number, metadata in enumerate(
        [{"mAP": 0.5, "eval": {"loss": 1.23456789}}, {"mAP": 0.9, HOSTILE: HOSTILE}, {}, {"mAP": 0.7, "a.b": [1, "x"]}],
        1,
    ):
        version = logged(alice, net, number, total_size=1000 // number)
        versions.describe(Actor(alice), version, metadata=metadata)
    return net


@pytest.fixture
def three_runs(bob, project) -> None:
    for name, lr in (("b", 0.1), ("c", None), ("a", 0.01)):
        runs.start(Actor(bob), project, name=name, job_type=f"job-{name}", config={"lr": lr} if lr else {})


def rows(client, url: str, **query) -> list[str]:
    part = client.get(url, query, headers=HTMX)
    assert part.status_code == 200
    return re.findall(r'data-row[^>]* href="[^"]*/([^/"]+)"', part.content.decode())


def test_versions_are_sorted_by_their_columns(browser, vera, net):
    client = browser(vera)
    for sort, numbers in {
        "": "4321", "number": "1234", "-number": "4321", "size": "4321", "-size": "1234", "created": "1234",
        "metadata.mAP": "1423", "-metadata.mAP": "2413", "metadata.none": "4321", "x": "4321", "password": "4321",
        "-files": "4321", "metadata.": "4321", "config.lr": "4321",
    }.items():  # fmt: skip
        assert rows(client, VERSIONS, sort=sort) == [f"v{number}" for number in numbers], sort
    assert rows(client, VERSIONS, q="metadata.mAP>0.6", sort="-metadata.mAP") == ["v2", "v4"]


def test_runs_are_sorted_by_their_columns(browser, vera, three_runs):
    client = browser(vera)
    for sort, names in {
        "": "acb", "name": "abc", "-name": "cba", "-job_type": "cba", "started": "bca", "state": "bca",
        "config.lr": "abc", "-config.lr": "bac", "summary.x": "acb", "metadata.x": "acb",
    }.items():  # fmt: skip
        assert rows(client, RUNS, sort=sort) == list(names), sort


def test_columns_are_added_and_taken_away(browser, vera, net):
    client = browser(vera)
    names = ["metadata.mAP", "metadata.eval.loss", "metadata.a.b", f"metadata.{HOSTILE}"]
    page = client.get(VERSIONS, {"column": [*names, "created_by.password", "metadata", "\0" * 0], "sort": "-size"})
    text = page.content.decode()
    assert [header.name for header in page.context["headers"]] == names
    assert [row.cells for row in page.context["page"]] == [
        ["0.5", "1.2346", "", ""], ["0.9", "", "", HOSTILE], ["", "", "", ""], ["0.7", "", '[1, "x"]', ""],
    ]  # fmt: skip
    assert "<img src=x" not in text and text.count("&lt;img") >= 2
    first = page.context["headers"][0]
    assert "sort=metadata.mAP" in first.sort_url and "column=metadata.eval.loss" in first.sort_url
    assert "column=metadata.mAP" not in first.remove_url and "sort=-size" in first.remove_url
    assert 'name="column" value="metadata.mAP"' in text and "column=metadata.mAP" in text
    sorted_page = client.get(VERSIONS + first.sort_url)
    assert 'aria-sort="ascending"' in sorted_page.content.decode()
    assert "sort=-metadata.mAP" in sorted_page.context["headers"][0].sort_url
    many = client.get(VERSIONS, {"column": [f"metadata.{number}" for number in range(20)]})
    assert len(many.context["headers"]) == 8


def test_the_picker_offers_the_keys_of_the_newest_rows(browser, vera, mallory, net, three_runs):
    client = browser(vera)
    page = client.get(f"{VERSIONS}/columns", {"column": "metadata.old", "sort": "-size", "q": "net", "page": "2"})
    names = [name for name, _ in page.context["offered"]]
    assert names[0] == "metadata.old" and {"metadata.mAP", "metadata.eval.loss", f"metadata.{HOSTILE}"} <= set(names)
    text = page.content.decode()
    assert f'action="{VERSIONS}"' in text and 'value="metadata.old" checked' in text and "<img src=x" not in text
    assert 'name="sort" value="-size"' in text and 'name="q" value="net"' in text and 'name="page"' not in text
    picker = client.get("/acme/demo/run-columns", headers=HTMX).content.decode()
    assert 'value="config.lr"' in picker and "<html" not in picker
    for url in (f"{VERSIONS}/columns", "/acme/demo/run-columns"):
        assert browser(mallory).get(url).status_code == 404


def test_columns_cost_one_query_and_long_metadata_is_left_out(browser, vera, alice, net, django_assert_max_num_queries):
    client = browser(vera)
    with django_assert_max_num_queries(12):
        client.get(VERSIONS, {"column": "metadata.mAP", "sort": "metadata.mAP", "q": "metadata.mAP>0"})
    for row in net.versions.all():
        versions.describe(Actor(alice), row, metadata={"mAP": 1, "long": "x" * 2**20})
    page = client.get(VERSIONS, {"column": ["metadata.long", "metadata.mAP"]})
    assert len(page.content) < 60_000


def test_many_rows_are_sorted_by_a_value_among_the_newest(browser, vera, net, monkeypatch):
    monkeypatch.setattr(bounded_count, "COUNT_LIMIT", 3)
    page = browser(vera).get(VERSIONS, {"column": "metadata.mAP", "sort": "metadata.mAP"})
    assert [row.number for row in page.context["page"]] == [4, 2, 3]
    assert "Sorted among the newest" in page.content.decode()


def test_what_is_sorted_among_the_newest_is_one_range(net, monkeypatch):
    """As a list of them, PostgreSQL read each twice; without statistics it compared each with each."""
    monkeypatch.setattr(bounded_count, "COUNT_LIMIT", 3)
    orderings = {"files": tables.AmongNewest(F("file_count"))}
    view = tables.chosen(QueryDict("sort=-files"), (), orderings)
    with CaptureQueriesContext(connection) as queries:
        rows = tables.sort(net.versions.all(), view, orderings)
        assert [row.number for row in rows] == [4, 3, 2]
    assert len(queries) == 2 and not any("IN (SELECT" in query["sql"] for query in queries)
    monkeypatch.setattr(bounded_count, "COUNT_LIMIT", 5)
    assert tables.sort(net.versions.all(), view, orderings).count() == 4


def test_artifacts_are_sorted_by_project_among_those_changed_last(alice, project, net, monkeypatch):
    monkeypatch.setattr(bounded_count, "COUNT_LIMIT", 2)
    for name in ("b", "a"):
        artifacts.create(Actor(alice), project, name, "model")
    with CaptureQueriesContext(connection) as queries:
        rows = list(Artifact.objects.filter(project=project).sorted_by("project"))
    assert [row.name for row in rows] == ["a", "b"]
    assert len(queries) == 2 and not any("IN (SELECT" in query["sql"] for query in queries)


def test_what_is_searched_and_sorted_counts_as_many_as_are_sorted(browser, vera, net, monkeypatch):
    """A list that is only searched counts fewer."""
    monkeypatch.setattr(bounded_count, "FILTERED_COUNT_LIMIT", 1)
    query = {"q": "metadata.mAP>0"}
    assert "of 1+ version" in browser(vera).get(VERSIONS, query).content.decode()
    page = browser(vera).get(VERSIONS, query | {"sort": "metadata.mAP"}).content.decode()
    assert "of 3 versions" in page and "Sorted among the newest" not in page


@pytest.fixture
def crowd(alice, bob, vera, acme, project, net) -> dict[str, str]:
    """Some rows in each of the tables of alice's pages; gives their URLs."""
    now = timezone.now()
    moves = (("production", 1), ("b", 3), ("a", 4), ("v1.10.0", 4), ("v1.9.0", 1), ("production", 2), ("a", 1))
    for name, number in moves:
        aliases.move(Actor(bob if name == "b" else alice), net, name, net.versions.get(number=number))
    for position, row in enumerate(ArtifactAlias.objects.order_by("alias")):
        moments = {"created_at": now - timedelta(hours=position), "updated_at": now + timedelta(hours=position)}
        ArtifactAlias.objects.filter(pk=row.pk).update(**moments)
    for position, name in enumerate(("vera", "bob", "alice")):
        Membership.objects.filter(team=acme, user__username=name).update(created_at=now + timedelta(hours=position))
    zoo = Team.objects.create(name="Zoo", created_by=alice)
    Membership.objects.create(team=zoo, user=alice, role=Role.VIEWER)
    projects.create(Actor(alice), acme, "other")
    for name, scope, used, expires in (("b", "read", 1, None), ("A", "write", None, 2), ("c", "write", 2, 1)):
        key, _ = keys.create(Actor(alice), name, Scope(scope), expires and now + timedelta(days=expires))
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=used and now - timedelta(days=used))
    watches.watch(Actor(alice), project, net, pattern="prod*")
    watches.watch(Actor(alice), zoo, by_email=True)
    watches.watch(Actor(alice), project)
    for url, columns in {
        "https://b.org": {"failures": 2},
        "https://c.org": {"description": "Alarm"},
        "https://d.org": {"active": False},
        "https://a.org": {"paused_at": now, "pause_reason": "It failed."},
    }.items():
        hook = Webhook.objects.create(
            project=project, url=url, events=["alias.moved"], secret="whsec_", created_by=alice, **columns
        )
        if not columns.get("active", True):
            continue
        for kind in ("alias.created", "alias.moved"):
            event = Event.objects.create(kind=kind, project=project, alias="best", data=EVENT, actor=bob)
            Delivery.objects.create(webhook=hook, event=event)
    Webhook.objects.filter(description="Alarm").update(events=["alias.created"])
    statuses = {"alias.created": (500, None), "alias.moved": (404,)}
    for delivery in Delivery.objects.filter(webhook__url="https://b.org").select_related("event"):
        for status in statuses[delivery.event.kind]:
            error = "" if status else "The receiver did not respond."
            Attempt.objects.create(delivery=delivery, headers={}, status_code=status, error=error)
    over = Delivery.objects.filter(webhook__url="https://b.org", event__kind="alias.moved")
    over.update(state=Delivery.State.DELIVERED, next_attempt_at=None, finished_at=now)
    for event in Event.objects.filter(alias="best").order_by("pk")[:3]:
        InboxItem.objects.create(user=alice, event=event, reason="watching")
    for scope, pattern, role, approval in ((net, "x*", "editor", True), (project, "w*", "editor", False)):
        protection.create(Actor(alice), scope, pattern, role=Role(role), needs_approval=approval)
    protection.create(Actor(alice), acme, "y")
    for name, columns in {
        "a": {"uses_server_credentials": True}, "B": {"encrypted_credentials": "secret"}, "c": {},
    }.items():  # fmt: skip
        ExternalStore.objects.create(team=acme, name=name, prefix=f"s3://bucket/{name}", **columns)
    hook = Webhook.objects.get(url="https://b.org")
    return {"deliveries": f"/acme/demo/webhooks/{hook.pk}"} | CROWD_URLS


CROWD_URLS = {
    "aliases": "/acme/demo/artifacts/model/net/aliases",
    "teams": "/teams",
    "members": "/teams/acme",
    "project members": "/acme/demo/members",
    "keys": "/profile",
    "watches": "/watches",
    "webhooks": "/acme/demo/webhooks",
    "inbox": "/inbox",
    "rules": "/acme/demo/rules",
    "stores": "/teams/acme/external-stores",
    "projects": "/",
}
EVENT = {"artifact": {"name": "net"}, "alias": "best", "from_version": "v1", "to_version": "v2", "reason": ""}
MEMBERS = {
    "": "alice bob vera", "-name": "vera bob alice", "role": "alice bob vera", "-role": "vera bob alice",
    "joined": "vera bob alice", "-joined": "alice bob vera", "password": "alice bob vera",
}  # fmt: skip
# What the first cells of the rows have, by `sort`; without one, and by a column that is none, the table's own order.
ORDERS = {
    "aliases": {
        "": "production a b v1.9.0 v1.10.0", "alias": "production a b v1.9.0 v1.10.0",
        "-alias": "v1.10.0 v1.9.0 b a production", "version": "a v1.9.0 production b v1.10.0",
        "-version": "v1.10.0 b production v1.9.0 a", "by": "production a v1.10.0 v1.9.0 b",
        "change": "a production b v1.10.0 v1.9.0",
        "created": "v1.9.0 v1.10.0 production b a", "-updated": "v1.9.0 v1.10.0 production b a",
        "sort_key": "production a b v1.9.0 v1.10.0", "-": "production a b v1.9.0 v1.10.0",
    },
    "teams": {
        "": "alice Zoo acme", "name": "acme alice Zoo", "-name": "Zoo alice acme", "role": "alice acme Zoo",
        "-members": "acme Zoo alice", "-projects": "acme Zoo alice", "pk": "alice Zoo acme",
    },
    "members": MEMBERS,
    "project members": MEMBERS,
    "keys": {
        "": "c A b", "created": "b A c", "name": "A b c", "-name": "c b A", "access": "b A c", "used": "c b A",
        "-used": "b c A", "expires": "c A b", "-expires": "A c b", "digest": "c A b",
    },
    "watches": {
        "": "acme/demo Zoo acme/demo/net", "since": "acme/demo/net Zoo acme/demo",
        "target": "acme/demo acme/demo/net Zoo", "-target": "Zoo acme/demo/net acme/demo",
        "aliases": "Zoo acme/demo acme/demo/net", "-email": "Zoo acme/demo acme/demo/net",
        "user": "acme/demo Zoo acme/demo/net",
    },
    "webhooks": {
        "": "https://b.org Alarm https://d.org https://a.org", "url": "Alarm https://a.org https://b.org https://d.org",
        "-url": "https://d.org https://b.org https://a.org Alarm", "state": "Alarm https://b.org https://a.org https://d.org",
        "events": "Alarm https://b.org https://d.org https://a.org",
        "last": "https://b.org Alarm https://a.org https://d.org", "-last": "https://a.org Alarm https://b.org https://d.org",
        "encrypted_secret": "https://b.org Alarm https://d.org https://a.org",
    },
    "rules": {
        "": "w* x* y", "aliases": "w* x* y", "-aliases": "y x* w*", "scope": "y w* x*", "-scope": "x* w* y",
        "role": "y x* w*", "-approval": "x* y w*", "created": "x* w* y", "-created": "y w* x*", "id": "w* x* y",
    },
    "stores": {
        "": "a B c", "name": "a B c", "-name": "c B a", "credentials": "B c a", "-credentials": "a c B",
        "prefix": "a B c",
    },
    "projects": {"": "other demo", "name": "demo other", "-name": "other demo", "activity": "demo other"},
    "inbox": {"": "3 2 1", "-when": "3 2 1", "when": "1 2 3", "event": "3 2 1"},
    "deliveries": {
        "": "alias.moved alias.created", "when": "alias.created alias.moved", "event": "alias.created alias.moved",
        "-event": "alias.moved alias.created",
        "state": "alias.moved alias.created", "-state": "alias.created alias.moved",
        "attempts": "alias.moved alias.created", "-attempts": "alias.created alias.moved",
        "response": "alias.moved alias.created", "-response": "alias.created alias.moved",
        "event_id": "alias.moved alias.created",
    },
}  # fmt: skip


def shown(table: str, page) -> str:
    """What tells the rows of the page apart, in their order."""
    context = page.context
    if table == "inbox":
        ids = list(InboxItem.objects.order_by("pk").values_list("pk", flat=True))
        return " ".join(str(ids.index(item.pk) + 1) for item in context["items"])
    names = {
        "aliases": lambda: [row.alias.alias for row in context["alias_rows"]],
        "teams": lambda: [team.name for team in context["page"]],
        "members": lambda: [member.user.username for member in context["members"]],
        "project members": lambda: [member.user.username for member in context["members"]],
        "keys": lambda: [key.name for key in context["page"]],
        "watches": lambda: [watch.full_name for watch in context["page"]],
        "webhooks": lambda: [str(webhook) for webhook in context["webhooks"]],
        "deliveries": lambda: [delivery.event.kind for delivery in context["page"]],
        "rules": lambda: [rule.pattern for rule in context["page"]],
        "stores": lambda: [store.name for store in context["stores"]],
        "projects": lambda: [project.name for project in context["page"]],
    }
    return " ".join(names[table]())


def test_every_table_is_sorted_by_its_columns(browser, alice, crowd, django_assert_max_num_queries):
    client = browser(alice)
    for table, orders in ORDERS.items():
        for sort, expected in orders.items():
            with django_assert_max_num_queries(12):
                page = client.get(crowd[table], {"sort": sort})
            text = page.content.decode()
            assert (shown(table, page), len(page.content) < 60_000) == (expected, True), (table, sort)
            name = sort.removeprefix("-")
            if sort and page.context["sort"] == sort:
                direction = "descending" if sort.startswith("-") else "ascending"
                assert text.count(f'aria-sort="{direction}"') == text.count("aria-sort=") == 1, (table, sort)
                # What is a part of other pages too has the URL of its own one.
                path = crowd[table] if table == "stores" else ""
                assert f'href="{path}?sort={name if sort.startswith("-") else f"-{name}"}"' in text, (table, sort)


def test_a_sorted_table_is_paged_in_its_order(browser, alice, crowd, monkeypatch):
    client = browser(alice)
    monkeypatch.setattr("web.aliases.tab_contexts.ALIASES_PER_PAGE", 2)
    page = client.get(crowd["aliases"], {"sort": "-alias", "page": "2"}, headers=HTMX)
    assert shown("aliases", page) == "b a"
    assert 'href="?sort=-alias&amp;page=3"' in page.content.decode() or "?sort=-alias&page=3" in page.content.decode()
    assert 'href="?sort=version"' in page.content.decode()
    monkeypatch.setattr("web.notifications.views.inbox.PAGE_SIZE", 2)
    for sort, first, label, rest in (("when", "1 2", "Newer", "3"), ("-when", "3 2", "Older", "1")):
        page = client.get("/inbox", {"sort": sort})
        assert shown("inbox", page) == first
        [link] = re.findall(rf'rel="next"\s+href="([^"]*)">{label}', page.content.decode())
        next_page = client.get("/inbox" + link.replace("&amp;", "&"))
        assert shown("inbox", next_page) == rest and 'href="?sort=' in next_page.content.decode()
    item = InboxItem.objects.order_by("pk").first()
    part = client.post("/inbox/read?sort=when", {"item": item.pk}, headers=HTMX)
    assert shown("inbox", part) == "1 2" and 'action="/inbox/read?sort=when"' in part.content.decode()
    assert client.post("/inbox/read?sort=when", {"item": item.pk})["Location"] == "/inbox?sort=when"


def test_a_second_table_of_a_page_has_an_order_and_pages_of_its_own(browser, alice, crowd, acme, monkeypatch):
    for username, role in (("zoe", Role.VIEWER), ("adam", Role.EDITOR), ("mia", Role.ADMIN)):
        invitations.invite_user(Actor(alice), acme, username, role)
    client = browser(alice)
    for sort, expected in {
        "": "mia adam zoe", "for": "adam mia zoe", "-for": "zoe mia adam", "role": "mia adam zoe",
        "created": "zoe adam mia", "-expires": "mia adam zoe", "x": "mia adam zoe",
    }.items():  # fmt: skip
        page = client.get("/teams/acme", {"invitations_sort": sort, "sort": "-name"})
        assert " ".join(row.username for row in page.context["invitations"]) == expected, sort
        assert shown("members", page) == "vera bob alice"
        assert page.content.decode().count("aria-sort=") == 2
    monkeypatch.setattr("web.accounts.members.PAGE_SIZE", 2)
    page = client.get("/teams/acme", {"invitations_sort": "for", "invitations_page": "2", "page": "1"}, headers=HTMX)
    html = page.content.decode().replace("&amp;", "&")
    assert [row.username for row in page.context["invitations"]] == ["zoe"] and shown("members", page) == "alice bob"
    assert "?invitations_sort=for&invitations_page=2&page=2" in html
    assert "?invitations_sort=for&invitations_page=1&page=1" in html
    # Sorted anew, a table begins at its first row, and the other one stays where it is.
    assert 'href="?invitations_sort=-for&page=1"' in html


def test_pages_of_tables_stay_in_the_url(browser, alice, crowd, monkeypatch):
    """Each list that is read page by page within its page names the element that takes the next one."""
    for module in (
        "notifications.views.webhooks",
        "accounts.views.profile",
        "accounts.members",
        "accounts.views.teams",
    ):
        monkeypatch.setattr(f"web.{module}.PAGE_SIZE", 1)
    monkeypatch.setattr("web.aliases.views.rules.PAGE_SIZE", 1)
    for pattern in ("a*", "b*"):
        protection.create(Actor(alice), Artifact.objects.get(name="net").project, pattern)
    client = browser(alice)
    urls = [crowd[name] for name in ("deliveries", "keys", "members", "project members", "teams")]
    for url in (*urls, "/acme/demo/rules", "/search?q=net&only=artifacts"):
        html = client.get(url).content.decode()
        main = html[html.index("<main") :]
        assert main.count('hx-push-url="true"') >= 1 or "Next</a>" not in main, url
        if "Next</a>" in main:
            before = main[: main.index("Next</a>")]
            assert re.findall(r'hx-target="([^"]+)"', before), url
