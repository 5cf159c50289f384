"""The inbox, the bell on every page, and watching by it."""

import pytest

from accounts.actor import Actor
from accounts.models import User
from artifacts import artifacts, versions
from artifacts.aliases import aliases, proposals
from artifacts.models import AliasProposal
from events.models import Event
from notifications import inbox, watches
from notifications.models import InboxItem, Watch
from projects import projects
from tests.artifacts.client import log
from tests.conftest import HTMX
from tests.notifications.receiver import status
from tests.web.alias_pages import htmx_headers, live_url


@pytest.fixture
def news(bob, vera, project, artifact, v1, v2, work) -> None:
    """Three items for vera."""
    watches.watch(Actor(vera), project)
    aliases.move(Actor(bob, reason="<b>first</b>"), artifact, "best", v1)
    aliases.move(Actor(bob), artifact, "best", v2)
    aliases.remove(Actor(bob), artifact, "best")
    work()


@pytest.mark.parametrize(
    "url", ["/", "/artifacts", "/acme/demo", "/profile", "/inbox", "/watches", "/search?q=nothing"]
)
def test_every_page_says_how_many_are_unread(browser, vera, news, url, django_assert_max_num_queries):
    client = browser(vera)
    with django_assert_max_num_queries(12):
        page = client.get(url).content.decode()

    assert 'aria-label="Inbox, 3 unread"' in page


def test_without_news_the_bell_is_quiet(browser, vera, project):
    assert 'aria-label="Inbox"' in browser(vera).get("/").content.decode()


def test_a_part_does_not_count(browser, vera, news):
    assert "bell" not in browser(vera).get("/artifacts", headers=HTMX).content.decode()


def test_the_bell_of_an_open_page_follows(browser, bob, vera, artifact, v1, work, django_assert_num_queries):
    page = "/acme/demo/artifacts/dataset/data/aliases"
    client, headers = browser(vera), htmx_headers(page)
    open_page = client.get(page).content.decode()
    watches.watch(Actor(vera), artifact.project, artifact)
    aliases.move(Actor(bob), artifact, "best", v1)
    moved = client.get(live_url(open_page), headers=headers).content.decode()
    # What happened is on the page before a worker has told anybody.
    assert 'id="list"' in moved and 'aria-label="Inbox"' in moved

    work()
    told = client.get(live_url(moved), headers=headers).content.decode()
    assert 'aria-label="Inbox, 1 unread"' in told and 'id="bell"' in told and 'id="list"' not in told
    assert "hx-swap-oob" in told[told.index('id="bell"') :]

    # Session, user, artifact, unread items.
    with django_assert_num_queries(4):
        same = client.get(live_url(told), headers=headers)
    assert (same.status_code, same.content) == (204, b"")
    inbox.mark_read(Actor(vera))
    assert 'aria-label="Inbox"' in client.get(live_url(told), headers=headers).content.decode()


def test_what_happened_is_listed_newest_first(browser, vera, news, django_assert_max_num_queries):
    client = browser(vera)
    with django_assert_max_num_queries(6):
        page = client.get("/inbox").content.decode()

    removed, moved, made = (page.index(f"bob {act}") for act in ("removed best", "moved best", "assigned best"))
    assert removed < moved < made
    assert "&lt;b&gt;first&lt;/b&gt;" in page


def test_who_follows_an_item_has_read_it(browser, vera, news):
    item = InboxItem.objects.order_by("id").first()
    answer = browser(vera).get(f"/inbox/{item.pk}")

    assert answer["Location"] == "/acme/demo/artifacts/dataset/data/aliases/best/history"
    assert browser(vera).get(answer["Location"]).status_code == 200
    assert inbox.unread(vera) == 2


def test_an_item_finds_its_artifact_under_another_name(browser, alice, bob, vera, project, artifact, news):
    item = InboxItem.objects.order_by("id").first()
    client = browser(vera)
    artifacts.update(Actor(bob), artifact, name="renamed")
    projects.update(Actor(bob), project, name="moved")
    assert client.get(f"/inbox/{item.pk}")["Location"] == "/acme/moved/artifacts/dataset/renamed/aliases/best/history"

    artifacts.delete(Actor(alice), artifact)
    assert client.get(f"/inbox/{item.pk}")["Location"] == "/acme/moved"


def test_a_paused_webhook_leads_to_its_page(browser, alice, project, hook, receiver, work):
    receiver.answers = [status(410)]
    Event.objects.create(kind="alias.moved", project=project, data={}, alias="best")
    work()

    answer = browser(alice).get(f"/inbox/{InboxItem.objects.get().pk}")
    assert answer["Location"] == f"/acme/demo/webhooks/{hook.pk}"


def test_items_of_others_are_not_there(browser, alice, news):
    item = InboxItem.objects.order_by("id").first()
    client = browser(alice)

    assert client.get(f"/inbox/{item.pk}").status_code == 404
    client.post("/inbox/read", {"item": item.pk})
    client.post("/inbox/read")
    assert InboxItem.objects.unread().count() == 3


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_items_are_marked_as_read(browser, vera, news, headers):
    client = browser(vera)
    answer = client.post("/inbox/read", {"item": InboxItem.objects.first().pk}, headers=headers)
    assert inbox.unread(vera) == 2
    if headers:
        part = answer.content.decode()
        assert 'aria-label="Inbox, 2 unread"' in part and 'hx-swap-oob="true"' in part and "<html" not in part
    else:
        assert answer["Location"] == "/inbox"

    client.post("/inbox/read", headers=headers)
    assert inbox.unread(vera) == 0


@pytest.mark.parametrize("item", ["x", "", "0" * 40])
def test_what_is_no_item_is_refused(browser, vera, news, item):
    assert browser(vera).post("/inbox/read", {"item": item}, headers=HTMX).status_code == 400
    assert inbox.unread(vera) == 3


def test_the_rest_is_on_the_next_page(browser, bob, vera, project, artifact, v1, v2, work):
    watches.watch(Actor(vera), project)
    for number in range(60):
        aliases.move(Actor(bob), artifact, f"alias-{number}", v1)
    work()
    client = browser(vera)
    page = client.get("/inbox").content.decode()
    assert "alias-59 " in page and "alias-9 " not in page

    before = page.partition("?before=")[2].partition('"')[0]
    older = client.get(f"/inbox?before={before}").content.decode()
    assert "alias-9 " in older and "alias-10 " not in older and "before=" not in older
    assert client.get("/inbox?before=~").status_code == 400


def test_more_than_99_are_not_counted(browser, vera, bob, project, artifact, v1, work):
    watches.watch(Actor(vera), project)
    for number in range(101):
        aliases.move(Actor(bob), artifact, f"alias-{number}", v1)
    work()

    assert 'aria-label="Inbox, more than 99 unread"' in browser(vera).get("/").content.decode()


def test_who_may_decide_is_notified(browser, alice, bob, artifact, v1, work):
    proposals.propose(Actor(bob), artifact, "best", v1)
    work()

    assert "Needs your review" in browser(alice).get("/inbox").content.decode()


@pytest.mark.parametrize("verb", [proposals.approve, proposals.reject, proposals.withdraw])
@pytest.mark.parametrize("is_told_before", [True, False])
def test_a_decision_closes_the_notice_of_everybody(
    browser, alice, bob, vera, acme, artifact, v1, work, verb, is_told_before
):
    carol = User.objects.create_user("carol")
    acme.memberships.create(user=carol, role="editor")
    watches.watch(Actor(vera), artifact.project)
    proposal = proposals.propose(Actor(bob), artifact, "best", v1)
    other = proposals.propose(Actor(bob), artifact, "other", v1)
    if is_told_before:
        work()
    verb(Actor(bob if verb is proposals.withdraw else alice), proposal)
    work()

    proposed = InboxItem.objects.filter(event__kind="alias.proposed").select_related("event")
    assert {(item.event.alias, item.read_at is None) for item in proposed} == {("best", False), ("other", True)}
    assert len(proposed) == 6
    page = browser(carol).get("/inbox").content.decode()
    by = "bob" if verb is proposals.withdraw else "alice"
    assert f"{AliasProposal.objects.get(pk=proposal.pk).get_state_display()} by {by}" in " ".join(page.split())
    assert page.count("Needs your review") == 1
    links = {
        item.event.alias: browser(vera).get(f"/inbox/{item.pk}")["Location"] for item in proposed.filter(user=vera)
    }
    aliases_url = "/acme/demo/artifacts/dataset/data/aliases"
    assert links == {"best": f"{aliases_url}/best/history", "other": f"{aliases_url}#proposal-{other.pk}"}


def test_a_version_is_led_to_and_one_that_is_gone_is_not(browser, alice, bob, vera, project, artifact, work):
    watches.watch(Actor(vera), project)
    log(bob, artifact, {"a.txt": b"1"})
    second = log(bob, artifact, {"a.txt": b"2"})
    versions.delete(Actor(alice), second, delete_aliases=True)
    work()
    rows = InboxItem.objects.filter(event__kind__startswith="version.").order_by("id")
    client = browser(vera)

    url = "/acme/demo/artifacts/dataset/data"
    pages = [client.get(f"/inbox/{row.pk}")["Location"].removeprefix(url) for row in rows]
    assert pages == ["/v1", "/versions", "/versions"]


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize("url", ["/acme/demo", "/acme/demo/artifacts/dataset/data"])
def test_one_watches_by_the_bell(browser, vera, artifact, url, headers):
    client = browser(vera)
    assert "Watching" not in client.get(url).content.decode()
    assert 'value="*"' in client.get(f"{url}/watch", headers=headers).content.decode()
    answer = client.post(f"{url}/watch", {"pattern": "prod-*", "by_email": "on"}, headers=headers)

    assert answer.headers["HX-Redirect" if headers else "Location"] == url
    watch = Watch.objects.get()
    assert (watch.user, watch.pattern, watch.by_email) == (vera, "prod-*", True)
    assert (watch.artifact == artifact) == ("artifacts" in url)
    assert "Watching" in client.get(url).content.decode()
    form = client.get(f"{url}/watch").content.decode()
    assert 'value="prod-*"' in form and f"/watches/{watch.pk}/end" in form


def test_to_watch_a_project_is_not_to_watch_its_artifacts_alone(browser, vera, project, artifact):
    watches.watch(Actor(vera), project)

    assert "Watching" not in browser(vera).get("/acme/demo/artifacts/dataset/data").content.decode()


def test_a_pattern_that_makes_no_sense_is_refused(browser, vera, project):
    answer = browser(vera).post("/acme/demo/watch", {"pattern": "a b"}, headers=HTMX)

    assert (answer.status_code, Watch.objects.count()) == (400, 0)


def test_what_one_watches_is_listed(browser, vera, project, artifact, foreign, django_assert_max_num_queries):
    watches.watch(Actor(vera), project)
    watches.watch(Actor(vera), project, artifact, pattern="prod*", by_email=True)
    Watch.objects.create(user=vera, project=foreign.project)
    client = browser(vera)
    with django_assert_max_num_queries(7):
        page = client.get("/watches").content.decode()

    assert "acme/demo/data" in page and "prod*" in page and "everything" in page
    # What one may not see any more is not named.
    assert "hers" not in page


def test_one_stops_watching(browser, vera, bob, project):
    watch = watches.watch(Actor(vera), project).watch
    assert browser(bob).post(f"/watches/{watch.pk}/end").status_code == 404
    answer = browser(vera).post(f"/watches/{watch.pk}/end?back=/acme/demo")

    assert (answer["Location"], Watch.objects.count()) == ("/acme/demo", 0)
