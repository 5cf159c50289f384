"""Old rows have names that new ones may not: what turns the text around them is escaped on every page."""

import pytest

from accounts import keys
from accounts.actor import Actor, Channel
from accounts.models import ApiKey, Team
from artifacts.aliases import aliases
from artifacts.models import ArtifactTag
from notifications import webhooks
from notifications.models import Webhook
from projects import runs
from projects.models import Run, RunEnvironment
from tests.artifacts.client import log

TURNED = "\u202egnp\u2066.exe"
ESCAPED = r"\u202egnp\u2066.exe"


@pytest.fixture
def pages(alice, acme, project, artifact) -> dict[str, int]:
    """The pages that show such names, and how often at least."""
    run = runs.start(Actor(alice), project, name="train", tags=["old"], job_type="old", group="old", display_name="old")
    key, _ = keys.create(Actor(alice), "old")
    version = log(alice, artifact, {"a": b"1"})
    ApiKey.objects.filter(pk=key.pk).update(name=TURNED)
    key.refresh_from_db()
    aliases.move(Actor(alice, Channel.SDK, key=key), artifact, "staging", version)
    ArtifactTag.objects.create(artifact=artifact, tag=TURNED)
    Team.objects.filter(pk=acme.pk).update(display_name=TURNED)
    columns = {"display_name": TURNED, "job_type": TURNED, "group": TURNED, "tags": [TURNED], "host": TURNED}
    Run.objects.filter(pk=run.pk).update(**columns, error=TURNED)
    RunEnvironment.objects.create(run=run, command=TURNED)
    webhook = webhooks.create(Actor(alice), project, "https://8.8.8.8/", events=["alias.moved"], description="old")
    Webhook.objects.update(description=TURNED)
    version.run = run
    version.save()
    return {
        "/teams": 1, "/teams/acme": 1, "/profile": 2, "/artifacts": 1, artifact.get_absolute_url(): 2,
        version.get_absolute_url(): 1, f"{artifact.get_absolute_url()}/aliases/staging/history": 1,
        f"{artifact.get_absolute_url()}/versions": 1, "/acme/demo": 1, "/acme/demo/runs": 4,
        "/acme/demo/runs/train": 7, "/acme/demo/runs/train/lineage": 1, "/acme/demo/runs/train/delete": 1,
        "/search?q=train&only=runs": 1, "/acme/demo/webhooks": 1, webhook.get_absolute_url(): 1,
    }  # fmt: skip


def test_they_are_escaped_wherever_they_are_shown(browser, alice, pages):
    client = browser(alice)
    shown = {url: client.get(url).content.decode() for url in pages}
    assert [
        url for url, html in shown.items() if set("\u202e\u2066") & set(html.replace(f'data-copy="{TURNED}"', ""))
    ] == []
    assert {url: shown[url].count(ESCAPED) for url in pages if shown[url].count(ESCAPED) < pages[url]} == {}
