"""Several rows that are ticked in a table: deleted, tagged or downloaded, each by its verb, each refused by itself."""

import pytest

from accounts.actor import Actor
from accounts.models import Role
from artifacts import artifacts
from artifacts.aliases import aliases, protection
from artifacts.models import Artifact
from projects import runs
from projects.models import Visibility
from tests.web.test_home_page import logged

NET = "/acme/demo/artifacts/model/net"


@pytest.fixture
def net(alice, project) -> Artifact:
    net = artifacts.create(Actor(alice), project, "net", "model", tags=["old"])
    for number in (1, 2, 3):
        logged(alice, net, number)
    aliases.move(Actor(alice), net, "production", net.versions.get(number=2))
    return net


def test_versions_are_deleted_and_refusals_are_said_of_each(browser, bob, alice, net):
    client = browser(bob)
    v3, v2, v1 = net.versions.order_by("-number")
    protection.create(Actor(alice), net.project, "production", role=Role.ADMIN)
    table = client.get(f"{NET}/versions").content.decode()
    assert f'name="item" value="{v2.pk}"' in table and f'formaction="{NET}/versions/delete"' in table
    asked = client.get(f"{NET}/versions/delete", {"item": [str(v1.pk), str(v2.pk), "x", "\x01", str(net.pk)]})
    text = asked.content.decode()
    assert [row.item for row in asked.context["rows"]] == [v2, v1]
    assert "Delete 1 version of net?" in text and "1 of these cannot be deleted, and will be left out" in text
    assert "protected by the rule production in project acme/demo. Move it to another version first." in text
    assert f'name="item" value="{v1.pk}"' in text and f'value="{v2.pk}"' not in text
    none = client.get(f"{NET}/versions/delete", {"item": v2.pk}).content.decode()
    assert "None of these can be deleted" in none and "cannot be undone" not in none
    assert "<button" not in none.partition("<main")[2].partition("</main")[0]
    answer = client.post(f"{NET}/versions/delete", {"item": [v1.pk, v2.pk], "delete_aliases": "on"})
    assert answer.status_code == 409
    assert "1 deleted, 1 not" in answer.content.decode() and "production" in answer.content.decode()
    assert set(net.versions.finalized()) == {v2, v3}
    done = client.post(f"{NET}/versions/delete", {"item": v3.pk}, follow=True)
    assert done.redirect_chain == [(f"{NET}/versions", 302)] and "1 deleted." in done.content.decode()


def test_artifacts_are_tagged_and_deleted(
    browser, bob, mallory, alice, project, net, foreign, django_assert_max_num_queries
):
    client = browser(bob)
    other = artifacts.create(Actor(alice), project, "other", "file")
    both = {"item": [net.pk, other.pk, foreign.pk]}
    assert [row.item for row in client.get("/artifacts/selected/tag", both).context["rows"]] == [net, other]
    assert client.post("/artifacts/selected/tag", both).status_code == 422
    assert client.post("/artifacts/selected/tag", both | {"add": "x" * 129}).status_code == 422
    assert client.post("/artifacts/selected/tag", both | {"add": "new, hot", "remove": "old"}).status_code == 302
    assert [sorted(Artifact.objects.get(pk=item.pk).tags) for item in (net, other)] == [["hot", "new"]] * 2
    project.visibility = Visibility.INTERNAL
    project.save()
    asked = browser(mallory).get("/artifacts/selected/delete", both).content.decode()
    assert asked.count("You are not a member of acme") == 2 and f'value="{foreign.pk}"' in asked
    rule = protection.create(Actor(alice), other, "best")
    with django_assert_max_num_queries(14):
        asked = client.get("/artifacts/selected/delete", both).content.decode()
    assert "1 of these cannot be deleted" in asked and f'name="item" value="{net.pk}"' in asked
    assert "would be deleted with it: only an admin" in asked and f'name="item" value="{other.pk}"' not in asked
    protection.delete(Actor(alice), rule)
    refused = browser(mallory).post("/artifacts/selected/delete", both)
    assert (refused.status_code, refused.content.decode().count("You are not a member of acme")) == (409, 2)
    assert not Artifact.objects.filter(pk=foreign.pk).exists()
    assert client.post("/artifacts/selected/delete", {"item": [net.pk, other.pk]}).status_code == 302
    assert not Artifact.objects.filter(project=project).exists()


def test_runs_are_tagged_and_deleted(browser, bob, vera, project):
    run = runs.start(Actor(bob), project, name="otter", tags=["a"])
    before = project.runs.get(name="otter")
    runs.update(Actor(bob), run, add_tags=["later"])
    assert runs.update(Actor(bob), before, remove_tags=["later", "absent"], add_tags=["a"]).tags == ["a"]
    client = browser(bob)
    assert f'value="{run.pk}"' in client.get("/acme/demo/runs").content.decode()
    # Who looks on ticks them to compare them.
    looked_at = browser(vera).get("/acme/demo/runs").content.decode()
    assert f'value="{run.pk}"' in looked_at and "run-tags" not in looked_at and "run-deletion" not in looked_at
    assert client.post("/acme/demo/run-tags", {"item": run.pk, "add": "b", "remove": "a"}).status_code == 302
    run.refresh_from_db()
    assert run.tags == ["b"]
    too_many = ",".join(map(str, range(100)))
    answer = client.post("/acme/demo/run-tags", {"item": run.pk, "add": too_many})
    assert (answer.status_code, "at most 100 are allowed" in answer.content.decode()) == (409, True)
    other = runs.start(Actor(bob), project, name="heron")
    asked = client.get("/acme/demo/run-deletion", {"item": [run.pk, other.pk]}).content.decode()
    assert "Delete 2 runs?" in asked and "The versions that they logged stay." in asked
    done = client.post("/acme/demo/run-deletion", {"item": [run.pk]}, follow=True)
    assert "1 deleted." in done.content.decode() and list(project.runs.all()) == [other]


def test_downloads_are_a_link_each(browser, vera, net):
    v2 = net.versions.get(number=2)
    page = browser(vera).get(f"{NET}/versions/download", {"item": v2.pk}).content.decode()
    assert f'href="{NET}/v2.zip"' in page and 'type="submit"' not in page.partition("<main")[2].partition("</main")[0]
    page = browser(vera).get("/artifacts/selected/download", {"item": net.pk}).content.decode()
    assert f'href="{NET}/v3.zip"' in page
    for url in (f"{NET}/versions/download", "/artifacts/selected/download", "/artifacts/selected/delete"):
        empty = browser(vera).get(url, follow=True)
        assert "Select at least one row first." in empty.content.decode()
