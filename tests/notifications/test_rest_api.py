"""Webhooks, inbox and watches over the API."""

import pytest
from django.utils import timezone

from accounts.actor import Actor
from artifacts.aliases import aliases
from events import kinds
from notifications import watches, webhooks
from notifications.models import Delivery, InboxItem, Watch, Webhook
from tests.notifications.receiver import status

ROOT = "/api/v1"


@pytest.fixture
def hooks_url(project) -> str:
    return f"{ROOT}/projects/{project.pk}/webhooks"


def move(user, artifact, alias, to):
    aliases.move(Actor(user), artifact, alias, to)


def test_a_webhook_is_made_and_its_secret_returned_once(api, alice, hooks_url, receiver):
    client = api(alice)
    params = {"url": receiver.url, "events": ["version.deleted", "alias.moved"], "description": "Deployment"}
    answer = client.post(hooks_url, params)

    assert answer.status_code == 201
    made = answer.json()
    webhook = Webhook.objects.get()
    assert made == {
        "id": str(webhook.pk),
        "project": str(webhook.project_id),
        "project_name": "acme/demo",
        "url": receiver.url,
        "format": "generic",
        "description": "Deployment",
        "events": ["alias.moved", "version.deleted"],
        "active": True,
        "paused_at": None,
        "pause_reason": "",
        "failures": 0,
        "created_by": "alice",
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
        "secret": webhook.secret,
    }
    without = {name: value for name, value in made.items() if name != "secret"}
    assert client.get(f"{ROOT}/webhooks/{webhook.pk}").json() == without
    assert client.get(hooks_url).json()["items"] == [without]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"url": "https://8.8.8.8/"},
        {"url": "https://8.8.8.8/", "events": []},
        {"url": "https://8.8.8.8/", "events": ["alias.renamed"]},
        {"url": "https://8.8.8.8/", "events": ["webhook.test"]},
        {"url": "https://8.8.8.8/", "events": "alias.moved"},
        {"url": "https://8.8.8.8/", "events": ["alias.moved"], "description": "a\nb"},
        {"url": "x" * 3000, "events": ["alias.moved"]},
    ],
)
def test_what_makes_no_sense_is_refused(api, alice, hooks_url, params):
    answer = api(alice).post(hooks_url, params)

    assert (answer.status_code, answer.json()["code"]) == (400, "Invalid")
    assert not Webhook.objects.exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/", "http://localhost/", "http://[::1]/", "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/", "http://0/", "ftp://8.8.8.8/", "https://user:password@8.8.8.8/",
    ],
)  # fmt: skip
def test_private_networks_are_refused_from_the_beginning(api, alice, hooks_url, settings, hook, url):
    settings.WEBHOOK_PRIVATE_NETWORKS = []
    client = api(alice)
    for answer in (
        client.post(hooks_url, {"url": url, "events": ["alias.moved"]}),
        client.patch(f"{ROOT}/webhooks/{hook.pk}", {"url": url}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, "AddressRefused")
    assert Webhook.objects.get().url == hook.url


def test_a_project_has_so_many_and_no_more(api, alice, hooks_url, hook, settings):
    settings.WEBHOOKS_A_PROJECT = 1
    answer = api(alice).post(hooks_url, {"url": hook.url, "events": ["alias.moved"]})

    assert (answer.status_code, answer.json()["code"]) == (409, "TooManyWebhooks")


def test_it_is_changed_paused_and_resumed(api, alice, hook):
    client, hooks_url = api(alice), f"{ROOT}/webhooks/{hook.pk}"
    changed = client.patch(hooks_url, {"description": "x", "events": ["alias.moved"], "active": False}).json()
    assert (changed["description"], changed["events"], changed["active"]) == ("x", ["alias.moved"], False)

    Webhook.objects.update(paused_at=timezone.now(), pause_reason="it failed", failures=7)
    resumed = client.patch(hooks_url, {"active": True}).json()
    assert [resumed[name] for name in ("active", "paused_at", "pause_reason", "failures")] == [True, None, "", 0]


def test_a_renewed_secret_signs_from_now_on(api, alice, bob, artifact, v1, hook, receiver, work):
    move(bob, artifact, "best", v1)
    secret = api(alice).post(f"{ROOT}/webhooks/{hook.pk}/secret").json()["secret"]
    work()

    assert secret != hook.secret
    receiver.sent[0].verify(secret)


def test_a_test_is_sent(api, alice, hook, receiver, work):
    answer = api(alice).post(f"{ROOT}/webhooks/{hook.pk}/test")
    assert (answer.status_code, answer.json()["state"], answer.json()["tries"]) == (202, "pending", [])
    work()

    assert receiver.sent[0].verify(hook.secret)["data"]["by"] == "alice"


def test_the_log_lists_what_was_sent_and_what_came_back(
    api, alice, bob, artifact, v1, hook, receiver, work, django_assert_max_num_queries
):
    receiver.answers = [status(500, b"oops"), status(200)]
    for alias in ("best", "stable"):
        move(bob, artifact, alias, v1)
    work()
    client = api(alice)
    # From then on it is written down that the key is used.
    client.get("/api/v1/me")
    with django_assert_max_num_queries(6):
        log = client.get(f"{ROOT}/webhooks/{hook.pk}/deliveries").json()

    newest, oldest = log["items"]
    assert (newest["state"], oldest["state"], log["next_cursor"]) == ("delivered", "pending", None)
    assert oldest["payload"] == receiver.sent[0].event
    assert oldest["message_id"] == receiver.sent[0].headers["webhook-id"]
    (tried,) = oldest["tries"]
    assert (tried["status_code"], tried["response"], tried["error"]) == (500, "oops", "")
    assert tried["headers"]["webhook-signature"] == receiver.sent[0].headers["webhook-signature"]
    assert hook.secret not in str(log)


def test_the_log_is_read_page_by_page(api, alice, hook):
    sent = [str(webhooks.test(Actor(alice), hook).pk) for _ in range(5)]
    client, hooks_url = api(alice), f"{ROOT}/webhooks/{hook.pk}/deliveries?limit=2"
    pages = [client.get(hooks_url).json()]
    while cursor := pages[-1]["next_cursor"]:
        pages.append(client.get(f"{hooks_url}&cursor={cursor}").json())

    assert [item["id"] for page in pages for item in page["items"]] == sent[::-1]


def test_a_delivery_is_sent_again(api, alice, bob, artifact, v1, hook, receiver, work):
    move(bob, artifact, "best", v1)
    work()
    delivery = Delivery.objects.get()
    answer = api(alice).post(f"{ROOT}/webhook-deliveries/{delivery.pk}/redeliver")
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    work()
    assert len(receiver.sent) == 2

    webhooks.pause(Actor(alice), hook)
    answer = api(alice).post(f"{ROOT}/webhook-deliveries/{delivery.pk}/redeliver")
    assert (answer.status_code, answer.json()["code"]) == (409, "WebhookPaused")


def test_it_is_deleted(api, alice, hook):
    assert api(alice).delete(f"{ROOT}/webhooks/{hook.pk}").status_code == 204
    assert not Webhook.objects.exists()


@pytest.mark.parametrize(("who", "code"), [("bob", 403), ("vera", 403), ("mallory", 404)])
def test_webhooks_are_for_admins(request, api, alice, hooks_url, hook, who, code):
    delivery = webhooks.test(Actor(alice), hook)
    client = api(request.getfixturevalue(who))
    one = f"{ROOT}/webhooks/{hook.pk}"
    answers = [
        client.get(hooks_url),
        client.post(hooks_url, {"url": "https://8.8.8.8/", "events": [kind.name for kind in kinds.subscribable()]}),
        client.get(one),
        client.patch(one, {"description": "mine"}),
        client.delete(one),
        client.post(f"{one}/test"),
        client.post(f"{one}/secret"),
        client.get(f"{one}/deliveries"),
        client.post(f"{ROOT}/webhook-deliveries/{delivery.pk}/redeliver"),
    ]

    assert [answer.status_code for answer in answers] == [code] * len(answers)
    assert Webhook.objects.get().secret == hook.secret and Delivery.objects.count() == 1


def test_the_inbox_lists_what_happened(api, bob, vera, project, artifact, v1, work, django_assert_max_num_queries):
    watches.watch(Actor(vera), project)
    move(bob, artifact, "best", v1)
    work()
    client = api(vera)
    # From then on it is written down that the key is used.
    client.get("/api/v1/me")
    with django_assert_max_num_queries(4):
        recorded = client.get(f"{ROOT}/inbox").json()

    assert (recorded["unread"], recorded["next_cursor"], len(recorded["items"])) == (1, None, 1)
    item = recorded["items"][0]
    assert (item["type"], item["why"], item["project_name"]) == ("alias.created", "watching", "acme/demo")
    assert item["sentence"] == "bob assigned best to v1 of acme/demo/data"
    assert item["url"].endswith("/acme/demo/artifacts/dataset/data/aliases/best/history")
    assert (item["data"]["to"]["version"], item["read_at"]) == ("v1", None)


def test_items_are_read(api, alice, bob, vera, project, artifact, v1, v2, work):
    for user in (alice, vera):
        watches.watch(Actor(user), project)
    for to in (v1, v2, v1):
        move(bob, artifact, "best", to)
    work()
    client = api(vera)
    ids = [item["id"] for item in client.get(f"{ROOT}/inbox?limit=2").json()["items"]]
    others = [str(inbox_item.pk) for inbox_item in InboxItem.objects.filter(user=alice)]

    assert client.post(f"{ROOT}/inbox/read", {"ids": [*ids, *others]}).json() == {"unread": 1}
    assert client.post(f"{ROOT}/inbox/read", {"all": True}).json() == {"unread": 0}
    assert InboxItem.objects.filter(user=alice, read_at=None).count() == 3


@pytest.mark.parametrize("params", [{}, {"all": False}, {"ids": ["x"]}, {"ids": [], "all": True}])
def test_what_to_read_is_given_clearly(api, vera, params):
    assert api(vera).post(f"{ROOT}/inbox/read", params).status_code == 400


def test_one_watches_a_project_or_an_artifact(api, vera, project, artifact):
    client = api(vera)
    first = client.post(f"{ROOT}/watches", {"project": "acme/demo", "by_email": True})
    again = client.post(f"{ROOT}/watches", {"project": str(project.pk), "pattern": "prod-*"})
    other = client.post(f"{ROOT}/watches", {"artifact": str(artifact.pk)})

    assert [answer.status_code for answer in (first, again, other)] == [201, 200, 201]
    assert first.json()["id"] == again.json()["id"]
    assert (again.json()["pattern"], again.json()["by_email"]) == ("prod-*", False)
    assert (other.json()["place"], other.json()["artifact_id"]) == ("acme/demo/data", str(artifact.pk))
    listed = client.get(f"{ROOT}/watches").json()
    assert [item["place"] for item in listed["items"]] == ["acme/demo", "acme/demo/data"]
    for item in listed["items"]:
        assert client.delete(f"{ROOT}/watches/{item['id']}").status_code == 204
    assert not Watch.objects.exists()


def test_what_one_does_not_see_is_not_watched(api, vera, mallory, project, artifact, foreign):
    client = api(mallory)
    assert client.post(f"{ROOT}/watches", {"project": "acme/demo"}).status_code == 404
    assert client.post(f"{ROOT}/watches", {"artifact": str(artifact.pk)}).status_code == 404
    watch = watches.watch(Actor(vera), project).watch
    assert client.delete(f"{ROOT}/watches/{watch.pk}").status_code == 404
    for params in ({}, {"project": "acme/demo", "artifact": str(artifact.pk)}):
        assert api(vera).post(f"{ROOT}/watches", params).status_code == 400
