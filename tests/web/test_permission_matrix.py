"""Every page there is, walked by everyone: a page that is added is under these rules from its first day."""

from collections.abc import Iterable, Iterator

import pytest
from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, reverse
from django.urls.resolvers import RoutePattern

import web.urls
from accounts import email_addresses, invitations, keys, service_accounts, teams
from accounts.actor import Actor
from accounts.models import Invitation, Role, User
from artifacts import artifacts
from artifacts.aliases import proposals, protection
from artifacts.models import (
    AliasChange,
    AliasProposal,
    AliasRule,
    Artifact,
    ArtifactFile,
    ArtifactVersion,
    BlobHold,
    ExternalStore,
)
from artifacts.references import external_stores
from hierarchies import data_indexes, hierarchies, records, retention_rules
from hierarchies.models import DataIndex, Hierarchy, Record, RecordArchive, RetentionRule
from hierarchies.record_specs import RecordSpec
from notifications import digests, watches, webhooks
from notifications.models import Delivery, Digest, InboxItem, InboxReason, Watch, Webhook
from projects import runs
from projects.models import Project, Visibility
from tests.artifacts.client import log
from tests.tracking.test_files import save
from tests.web.sample_files import png
from wanllmdb import urls


def walk(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns)
        else:
            yield pattern


MAX_QUERIES, MAX_BYTES = 12, 10_000
PAGES: dict[str, URLPattern] = {page.name: page for page in walk(web.urls.urlpatterns)}
# What a visitor may ask for: signing in and out, an invitation, whose token is its own ticket, the end of a digest, and
# how pages look.
PUBLIC = {"sign-in", "sign-out", "sign-up", "digest-unsubscribe", "display-settings"}
# What visitors read of a hierarchy that is public; of others they are led to sign in.
OF_PUBLIC_HIERARCHIES = {"hierarchy", "record-branch", "record", "record-payload"}
# Mail programs post to it without a page before; its signed link is what lets them.
ONE_CLICK = {"digest-unsubscribe"}
# Forms of a team or of what it owns, by the role that they need.
EDITORS = {
    "project-settings", "artifact-edit", "artifact-delete", "upload", "upload-references", "upload-remove",
    "version-check", "version-edit", "version-finalize", "version-delete",
    "alias-add", "alias-move", "alias-rollback", "alias-delete", "alias-swap",
    "proposal-approve", "proposal-reject", "proposal-withdraw", "versions-delete", "runs-tag", "runs-delete",
    "run-edit", "run-stop", "run-delete", "run-files-delete", "hierarchy-new", "hierarchy-edit", "hierarchy-delete",
    "record-new", "record-edit", "record-move", "record-delete", "collection-link", "version-link",
}  # fmt: skip
ADMINS = {
    "service-account-add", "service-account-key-new", "service-account-key-revoke",
    "project-delete", "team-edit", "team-delete", "invite", "invitation-revoke", "member-add", "member-role",
    "member-remove", "team-rule-new", "project-rule-new", "artifact-rule-new", "rule-edit", "rule-delete",
    "webhook-new", "webhook-edit", "webhook-delete", "webhook-secret", "webhook-test", "webhook-pause",
    "webhook-resume", "webhook-redeliver", "external-store-new", "external-store-edit", "external-store-delete",
    "external-store-test", "hierarchy-retention-apply", "retention-rule-new", "retention-rule-edit",
    "retention-rule-delete", "archive-restore", "archive-delete", "index-new", "index-delete", "index-retry",
}  # fmt: skip
# Whoever has signed in has these forms; what can be chosen in them is what is theirs.
OWN = {
    "password",
    "email-change",
    "email-confirm",
    "key-new",
    "key-revoke",
    "team-new",
    "project-new",
    "artifact-new",
    "collection-new",
    "artifacts-delete",
    "artifacts-tag",
    "inbox-read",
    "digest",
    "first-steps-hide",
    "watch-end",
    "invitation-accept",
    "invitation-decline",
}
# Whoever sees a project has these: what one watches is one's own, and what one downloads stays as it is.
READERS = {"team-watch", "project-watch", "artifact-watch", "selection-zip"}
# What only editors or admins see, though looking at it changes nothing.
EDITOR_VIEWS = {"upload-files", "hierarchy-retention"}
ADMIN_VIEWS = {
    "external-stores",
    "service-account",
    "project-webhooks",
    "webhook-preview",
    "webhook",
    "webhook-delivery",
    "archive-download",
}
# Forms without a page of their own.
FORMS_WITHOUT_PAGE = {
    "selection-zip", "upload-references", "upload-remove", "version-check",
    "sign-out", "webhook-test", "webhook-pause", "webhook-resume",
    "webhook-redeliver", "inbox-read", "first-steps-hide", "watch-end", "invitation-accept", "invitation-decline",
}  # fmt: skip


@pytest.fixture
def page_urls(alice, bob, acme, artifact, run) -> dict[str, str]:
    """One address of each page, of something that is there."""
    version = log(bob, artifact, {"dot.png": png()})
    invitation, token = invitations.create(Actor(alice), acme, Role.VIEWER)
    key, _ = keys.create(Actor(alice), "first key")
    account = service_accounts.create(Actor(alice), acme, "nightly").user
    account_key, _ = keys.create(Actor(alice), "of a program", account=account)
    dora = User.objects.create_user("dora")
    other = teams.create(Actor(dora), "dora-team")
    webhook = webhooks.create(Actor(alice), artifact.project, "https://8.8.8.8/", events=["alias.moved"])
    delivery = webhooks.test(Actor(alice), webhook)
    hierarchy = hierarchies.create(Actor(bob), artifact.project, "lineage", level_labels={"0": "experiment"})
    # Its data is too long for its row, so that it has a payload.
    record = records.create(Actor(bob), hierarchy, RecordSpec({"name": "first", "log": "x" * 70_000}))
    names = {
        "team": "acme",
        "project": "demo",
        "type": "dataset",
        "version": "v1",
        "path": "dot.png",
        "username": "bob",
        "account": account.username,
        "account_key_id": account_key.pk,
        "token": token,
        "invitation_id": invitation.pk,
        "own_id": invitations.invite_user(Actor(dora), other, "alice", Role.VIEWER).pk,
        "key_id": key.pk,
        "webhook_id": webhook.pk,
        "delivery_id": delivery.pk,
        "notice_id": InboxItem.objects.create(user=alice, event=delivery.event, reason=InboxReason.CONCERNED).pk,
        "hierarchy": hierarchy.name,
        "record_id": record.pk,
        "archive_id": _archive(record).pk,
        "index_id": data_indexes.create(Actor(alice), hierarchy, "name").pk,
        "watch_id": watches.watch(Actor(alice), artifact.project).watch.pk,
        "alias": "latest",
        "store_id": external_stores.create(Actor(alice), acme, name="Data", prefix="s3://data", reads_as="nobody").pk,
        "rule_id": protection.create(Actor(alice), acme, "locked").pk,
        "organization": "acme",
        "registry": "models",
        "proposal_id": proposals.propose(Actor(bob), artifact, "staging", version).pk,
    }
    page_urls = {name: _url(page, names, run.name) for name, page in PAGES.items()}
    rule = retention_rules.create(Actor(alice), hierarchy, level=0, keep_last=3)
    for name in ("retention-rule-edit", "retention-rule-delete"):
        page_urls[name] = page_urls[name].replace(str(names["rule_id"]), str(rule.pk))
    confirmed = email_addresses.link(alice, "alice@example.org")
    page_urls["email-confirm"] = confirmed.removeprefix(settings.BASE_URL)
    page_urls["digest-unsubscribe"] = digests.unsubscribe_url(dora).removeprefix(settings.BASE_URL)
    for path, body in {"dot.png": png(), "page.html": b"<p>Hi"}.items():
        save(bob, run, path, body)
    page_urls["run-file-frame"] = page_urls["run-file-frame"].replace("dot.png", "page.html")
    page_urls["compare-file"] += "?base=v1&head=v1&path=dot.png"
    other = runs.start(Actor(bob), artifact.project, config={"lr": 0.1})
    artifacts.create(Actor(bob), artifact.project, "picks", "dataset", kind="collection")
    page_urls["collection-link"] = page_urls["collection-link"].replace("/data/", "/picks/")
    for name in ("link-printed", "link-printed-in-registry"):
        page_urls[name] += "?selectionPath=acme%2Fdemo%2Fpicks"
    page_urls["runs-compare"] += f"?item={run.pk}&item={other.pk}"
    return page_urls


def test_every_view_requires_a_sign_in_itself():
    """The gate would keep visitors out all the same: who reads a view need not know of it."""
    # `login_required` leaves this mark on a view, `login_not_required` the other.
    silent = {name for name, page in PAGES.items() if not hasattr(page.callback, "redirect_field_name")}
    open_to_all = {name for name, page in PAGES.items() if not getattr(page.callback, "login_required", True)}

    assert silent == open_to_all == PUBLIC | OF_PUBLIC_HIERARCHIES


def test_besides_pages_only_health_checks_the_api_and_the_admin_have_urls():
    outside = {str(part.pattern) for part in urls.urlpatterns} - {""}

    assert outside == {
        "healthz",
        "readyz",
        "metrics",
        "admin/",
        "admin/password_change/",
        "api/v1/schema",
        "api/v1/docs",
        "api/v1/",
        "h/",
    }


def test_a_visitor_is_led_to_sign_in(browser, page_urls):
    client = browser()

    for name in PAGES.keys() - PUBLIC:
        for response in (client.get(page_urls[name]), client.post(page_urls[name])):
            assert _code(response) == 302 and response["Location"].startswith("/login?next="), name
    for name in PUBLIC - FORMS_WITHOUT_PAGE:
        assert _code(client.get(page_urls[name])) == 200, name


def test_a_stranger_finds_nothing_of_a_team(browser, mallory, page_urls):
    client = browser(mallory)
    before = _everything()

    for name in _pages_of_team(page_urls):
        assert _code(client.get(page_urls[name])) == (405 if name in FORMS_WITHOUT_PAGE else 404), name
        assert _code(client.post(page_urls[name])) in (404, 405), name
    for name in EDITORS | ADMINS | {"key-revoke", "watch-end"}:
        assert _code(client.post(page_urls[name], {"name": "x", "role": "admin"})) == 404, name
    assert _everything() == before


def test_a_viewer_reads_everything_and_writes_nothing(browser, vera, page_urls):
    client = browser(vera)
    before = _everything()

    for name in _pages_of_team(page_urls) - FORMS_WITHOUT_PAGE:
        is_readable = name not in EDITORS | ADMINS | EDITOR_VIEWS | ADMIN_VIEWS
        assert (_code(client.get(page_urls[name])) in (200, 302)) == is_readable, name
    assert _refused_pages(client, page_urls) == EDITORS | ADMINS
    assert _everything() == before


def test_an_editor_does_not_manage_the_team(browser, bob, page_urls, alice):
    # Bob may leave; it is alice whom he cannot remove.
    page_urls = {name: url.replace("/bob/", "/alice/") for name, url in page_urls.items()}
    client = browser(bob)

    for name in ADMINS | ADMIN_VIEWS:
        assert _code(client.get(page_urls[name])) == (405 if name in FORMS_WITHOUT_PAGE else 403), name
        assert _code(client.post(page_urls[name])) == (405 if name in ADMIN_VIEWS else 403), name


def test_everyone_reads_an_internal_project_and_only_its_team_writes(browser, mallory, page_urls):
    Project.objects.update(visibility=Visibility.INTERNAL)
    client = browser(mallory)
    before = _everything()

    of_the_project = {name for name in _pages_of_team(page_urls) if page_urls[name].startswith("/acme/")}
    hidden = {name for name in of_the_project if _code(client.get(page_urls[name])) == 404}
    assert hidden == {"project-members"}
    assert _refused_pages(client, page_urls, among=of_the_project) == (EDITORS | ADMINS) & of_the_project
    assert _everything() == before


def test_own_forms_do_not_reach_into_another_team(browser, vera, mallory, page_urls, project, acme):
    before = _everything()

    for user in (vera, mallory):
        client = browser(user)
        artifact = {"project": project.pk, "name": "new", "type": "model"}
        assert _code(client.post(page_urls["artifact-new"], artifact)) == 422
        assert _code(client.post(page_urls["collection-new"], artifact)) == 422
        theirs = {"team": acme.pk, "name": "new", "visibility": "private"}
        assert _code(client.post(page_urls["project-new"], theirs)) == 422
    assert _everything() == before


def test_every_form_needs_the_token_of_its_page(alice, page_urls):
    for name, page in PAGES.items():
        assert getattr(page.callback, "csrf_exempt", False) == (name in ONE_CLICK), name
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    before = _everything()

    for name in PAGES.keys() - ONE_CLICK:
        assert _code(client.post(page_urls[name])) == 403, name
    assert _everything() == before


def test_the_token_lets_a_form_through(alice, page_urls):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    client.get(page_urls["team-new"])
    token = client.cookies["csrftoken"].value

    response = client.post(page_urls["team-new"], {"name": "second", "csrfmiddlewaretoken": token})
    assert _code(response) == 302


def test_no_page_is_kept_by_a_browser_after_signing_out(browser, alice, page_urls):
    """Each is either not stored, or asked for anew before it is shown again."""
    client = browser(alice)
    for name in PAGES.keys() - FORMS_WITHOUT_PAGE - {"sign-in"}:
        response = client.get(page_urls[name])
        if _code(response) == 200:
            assert response["Cache-Control"] in ("private, no-store", "private, no-cache") or (
                "no-store" in response["Cache-Control"] and "private" in response["Cache-Control"]
            ), name


def test_every_page_asks_little_of_the_database_and_is_small(browser, alice, page_urls):
    """Of each page as it is sent; what it looks like with many rows is for the tests of the page."""
    client = browser(alice)
    found = {}
    for name in PAGES.keys() - FORMS_WITHOUT_PAGE - {"sign-in"}:
        client.get(page_urls[name])
        with CaptureQueriesContext(connection) as queries:
            response = client.get(page_urls[name], headers={"Accept-Encoding": "gzip"})
        if response.headers.get("Content-Type", "").startswith("text/html"):
            found[name] = (len(queries), len(response.content))
    assert len(found) > 90
    assert {name: costs for name, costs in found.items() if costs[0] > MAX_QUERIES or costs[1] > MAX_BYTES} == {}


def test_the_lists_above_are_complete(browser, alice, page_urls):
    # To whom has signed in already, the sign-in page answers with a redirect.
    client = {name: browser(None if name == "sign-in" else alice) for name in PAGES}
    forms = {name for name in PAGES if "POST" in _methods(client[name], page_urls[name])}

    assert forms == PUBLIC | EDITORS | ADMINS | OWN | READERS


def _archive(record: Record) -> RecordArchive:
    """What would be there after retention: of its bytes no page of this module reads any."""
    hold = BlobHold.objects.create(blob=record.payloads.get().blob)
    counts = {"record_count": 1, "payload_count": 0, "size": 1, "levels": {"0": 1}}
    return RecordArchive.objects.create(hierarchy=record.hierarchy, blob_hold=hold, **counts)


def _url(page: URLPattern, names: dict[str, object], run: str) -> str:
    assert isinstance(page.pattern, RoutePattern)
    names = names | {"name": run if "runs/<str:name>" in str(page.pattern) else "data"}
    return reverse(page.name, kwargs={name: names[name] for name in page.pattern.converters})


def _pages_of_team(page_urls: dict[str, str]) -> set[str]:
    return {name for name, url in page_urls.items() if url.startswith(("/acme/", "/teams/acme"))}


def _methods(client: Client, url: str) -> str:
    """What the page says to take, when it is asked for what none takes."""
    return client.generic("TRACE", url).headers.get("Allow", "")


def _refused_pages(client: Client, page_urls: dict[str, str], among: set[str] | None = None) -> set[str]:
    """The pages that do not let these hands write; the others take no form at all."""
    codes = {name: _code(client.post(page_urls[name])) for name in (among or _pages_of_team(page_urls)) - READERS}
    assert set(codes.values()) <= {403, 404, 405}, codes
    return {name for name, code in codes.items() if code in (403, 404)}


def _code(response: HttpResponse) -> int:
    if response.streaming:
        b"".join(response)
    return response.status_code


def _everything() -> list[object]:
    """What would tell of a write: rows that came, went or changed."""
    models = (Project, Artifact, ArtifactVersion, ArtifactFile, AliasChange, AliasProposal, AliasRule, Invitation)
    models += (Webhook, Delivery, Watch, Digest, ExternalStore, Hierarchy, Record)
    models += (RecordArchive, RetentionRule, DataIndex)
    return [list(model.objects.order_by("pk").values()) for model in models]
