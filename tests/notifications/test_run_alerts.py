"""What the programs of runs have people told, and how often."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts import errors
from accounts.actor import Actor, Channel
from events.models import Event
from notifications.models import InboxItem
from projects import runs
from projects.models import Run
from tests.wandb_api.graphql_client import GraphqlClient
from tracking import alerts
from tracking.alerts import AlertLevel

MINUTE = timedelta(minutes=1)


@pytest.fixture
def run(project, bob) -> Run:
    return runs.start(Actor(bob), project)


def test_who_started_the_run_hears_of_it(bob, vera, run, work):
    sent = alerts.send(Actor(bob, Channel.SDK), run, "Loss\nis NaN", "at step 12", level=AlertLevel.WARN)
    work()

    event = Event.objects.get(kind="run.alert")
    assert sent and event.data["level"] == "WARN" and event.actor is None
    assert event.message == f"Warning from run {run.title} of acme/demo: Loss is NaN"
    assert event.details == "at step 12" and event.get_absolute_url() == run.get_absolute_url()
    assert [item.user for item in InboxItem.objects.all()] == [run.created_by]


def test_the_same_title_pauses_and_another_does_not(bob, run):
    actor = Actor(bob, Channel.SDK)

    assert alerts.send(actor, run, "Loss is NaN", pause=MINUTE)
    assert not alerts.send(actor, run, "Loss is NaN", "again", pause=MINUTE)
    assert alerts.send(actor, run, "Disk is full", pause=MINUTE) and alerts.send(actor, run, "Loss is NaN")
    Event.objects.update(created_at=Event.objects.first().created_at - 2 * MINUTE)
    assert alerts.send(actor, run, "Loss is NaN", pause=MINUTE)


def test_a_loop_of_alerts_buries_nobody(bob, run, monkeypatch):
    monkeypatch.setattr(alerts, "MAX_AN_HOUR", 3)

    assert [alerts.send(Actor(bob), run, f"Step {number}") for number in range(5)] == [True] * 3 + [False] * 2


def test_earlier_alerts_are_found_by_an_index(bob, run):
    """Under the lock of the run, the events of the whole project were compared."""
    alerts.send(Actor(bob), run, "Loss is NaN")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    earlier = Event.objects.filter(run_id=run.pk, kind="run.alert", created_at__gt=timezone.now() - MINUTE).order_by()
    assert "event_of_run" in earlier.explain()


def test_refusals(bob, vera, run):
    with pytest.raises(errors.Denied):
        alerts.send(Actor(vera), run, "Loss is NaN")
    with pytest.raises(errors.Invalid, match="needs a title"):
        alerts.send(Actor(bob), run, " \n ")
    assert not Event.objects.filter(kind="run.alert").exists()


def test_the_official_client_sends_them(bob, run):
    client = GraphqlClient(bob)
    names = {"entityName": "acme", "projectName": "demo", "runName": run.name}
    alert = {"title": "Loss is NaN", "text": "at step 12", "severity": "ERROR", "waitDuration": 60_000}

    for _ in range(2):
        assert client.mutate("notifyScriptableRunAlert", "success", **names, **alert) == {"success": True}
    assert Event.objects.get(kind="run.alert").message.startswith("Error from run")


def test_our_own_client_sends_them(api, bob, run):
    url = f"/api/v1/runs/{run.pk}/alerts"

    answers = [api(bob).post(url, {"title": "Loss is NaN", "wait_duration": 60}).json() for _ in range(2)]

    assert answers == [{"sent": True}, {"sent": False}]
    assert api(bob).post(url, {"title": "x", "level": "LOUD"}).status_code == 400
