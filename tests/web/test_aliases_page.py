"""The Aliases tab: what it shows to whom, and the history of an alias."""

import re

from django.utils import timezone

from accounts.actor import Actor, Channel
from accounts.models import Role
from artifacts import versions
from artifacts.aliases import aliases, protection
from artifacts.models import ArtifactAlias, ArtifactVersion
from tests.artifacts.client import log
from tests.web.alias_pages import ARTIFACT_URL, PAGE, alias_versions, htmx_headers, live_url, rows


def test_the_list_has_version_last_change_and_user_of_every_alias(browser, bob, vera, artifact, v1, v2):
    for number in range(3):
        log(bob, artifact, {"more": bytes([number])})
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", artifact.versions.get(number=4))
    aliases.move(Actor(bob, Channel.SDK), artifact, "staging", v2)

    listed = rows(browser(vera).get(PAGE).content.decode())

    assert listed.keys() == {"latest", "production", "staging"}
    assert "v4 +3 versions bob via SDK" in listed["production"]
    assert "v2 created bob via SDK" in listed["staging"]
    assert "v5 +1 version" in listed["latest"]


def test_the_list_costs_the_same_however_long_it_is(
    browser, alice, bob, acme, artifact, v1, v2, django_assert_max_num_queries
):
    protection.create(Actor(alice), acme, "a-1*", needs_approval=True)
    for number in range(60):
        aliases.put_alias(Actor(bob, Channel.SDK), artifact, f"a-{number}", v1)
    client = browser(bob)
    with django_assert_max_num_queries(11):
        page = client.get(PAGE).content.decode()

    assert len(rows(page)) == 50 and "of 61 aliases" in page
    assert "?page=2" in page and 'hx-target="#list"' in page


def test_a_viewer_is_offered_the_history_and_nothing_to_change(browser, vera, artifact, v1):
    page = browser(vera).get(PAGE).content.decode()

    assert f"{PAGE}/latest/history" in page
    for action in ("/move", "/rollback", "/delete", "add-alias", "/swap"):
        assert action not in page


def test_no_aliases_yet(browser, bob, vera, artifact):
    assert "Log the first version" in browser(bob).get(PAGE).content.decode()
    version = log(bob, artifact, {"a": b"a"})
    aliases.remove(Actor(bob, Channel.SDK), artifact, "latest")

    page = browser(bob).get(PAGE).content.decode()
    assert "No aliases yet" in page and "Add first alias" in page and f"{ARTIFACT_URL}/add-alias" in page
    assert "Add first alias" not in browser(vera).get(PAGE).content.decode()
    assert version.version not in rows(page)


def test_the_history_is_a_timeline_with_a_way_back_from_every_row(
    browser, bob, vera, artifact, v1, v2, django_assert_max_num_queries
):
    v3 = log(bob, artifact, {"three": b"3"})
    for version, reason in ((v1, "first"), (v2, "better"), (v3, "<b>best</b>")):
        aliases.move(Actor(bob, Channel.SDK, reason=reason), artifact, "production", version)
    versions.delete(Actor(bob, Channel.SDK), v1)
    client = browser(bob)

    with django_assert_max_num_queries(12):
        drawer = client.get(f"{PAGE}/production/history", headers=htmx_headers(PAGE)).content.decode()

    assert "<html" not in drawer and "<b>best" not in drawer and "&lt;b&gt;best" in drawer
    plain_text = " ".join(re.sub(r"<[^>]*>", " ", drawer).split())
    assert re.search(r"From v2 to v3 \+1 version (just now|\d+ s ago) [-\d]+ [:\d]+ · bob via SDK", plain_text)
    assert "v1 has been deleted." in plain_text
    assert f"{PAGE}/production/move?version=v2" in drawer
    assert "move?version=v1" not in drawer and "move?version=v3" not in drawer
    seen = browser(vera).get(f"{PAGE}/production/history").content.decode()
    assert "/move?" not in seen and "/rollback" not in seen and "<html" in seen
    text = client.get(f"{PAGE}/production/move?version=v2").content.decode()
    assert 'name="version" value="v2"' in text
    assert client.get(f"{PAGE}/never/history").status_code == 404


def test_a_long_history_comes_in_pages(browser, bob, artifact, v1, v2):
    for number in range(70):
        aliases.move(Actor(bob, Channel.SDK), artifact, "busy", (v1, v2)[number % 2])
    client = browser(bob)

    text = client.get(f"{PAGE}/busy/history").content.decode()
    seen = 0
    while True:
        seen += len(re.findall("<li(?! class)", text.partition('id="alias-changes"')[2]))
        older = re.search(r'href="([^"]*\?before=\d+)"', text)
        if not older:
            break
        text = client.get(older[1], headers=htmx_headers(PAGE)).content.decode()
    assert seen == 70
    for garbage in ("x", "-1", "9" * 40, "²"):
        assert client.get(f"{PAGE}/busy/history", {"before": garbage}).status_code == 200


def test_choosing_among_ten_thousand_versions(browser, bob, artifact, v1, django_assert_max_num_queries):
    made = timezone.now()
    ArtifactVersion.objects.bulk_create(
        ArtifactVersion(artifact=artifact, number=number, state="finalized", finalized_at=made)
        for number in range(2, 10_001)
    )
    type(artifact).objects.update(version_count=10_000, latest_version_number=10_000, last_assigned_number=10_000)
    client = browser(bob)

    with django_assert_max_num_queries(12):
        form = client.get(f"{ARTIFACT_URL}/add-alias").content.decode()
    assert form.count('<option value="v') <= 110 and 'name="version" value="v10000"' in form and len(form) < 60_000
    body = {"name": "old", "version": "v42"}
    assert client.post(f"{ARTIFACT_URL}/add-alias", body).status_code == 302
    assert alias_versions(artifact)["old"] == "v42"

    def found(text: str) -> list[str]:
        fields = {"plan": "1", "version": text}
        with django_assert_max_num_queries(12):
            part = client.get(f"{PAGE}/latest/move", fields, headers=htmx_headers(PAGE)).content.decode()
        return re.findall(r'<option value="([^"]+)"', part.partition('<datalist id="version-choices" hx-swap-oob')[2])

    assert found("v42")[:2] == ["v4299", "v4298"] and found("v42")[-1] == "v42"
    assert found("999")[:3] == ["v9999", "v9998", "v9997"] and len(found("9")) == 31
    assert found("ol") == ["v42"] and found("nothing") == found("v0") == [] and len(found("")) == 30


def test_a_move_proposes_no_version_that_the_alias_is_at(browser, bob, artifact, v1, v2):
    client = browser(bob)

    def form(alias: str, query: str = "") -> str:
        return client.get(f"{PAGE}/{alias}/move{query}", headers=htmx_headers(PAGE)).content.decode()

    text = form("latest")
    assert re.search(r'name="version" (?!value)', text) and '<option value="v1"' in text
    assert '<option value="v2"' not in text and "currently points to" in text
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    assert 'name="version" value="v2"' in form("production")
    assert 'name="version" value="v1"' in form("latest", "?version=v1")


def test_rolling_back_is_offered_where_there_is_something_to_roll_back_to(browser, bob, vera, artifact, v1, v2):
    actor = Actor(bob, Channel.WEB)
    for version in (v1, v2):
        aliases.move(actor, artifact, "production", version)
    aliases.move(actor, artifact, "fixed", v1)
    page = browser(bob).get(PAGE).content.decode()
    assert 'id="rollback-production"' in page and 'title="Roll back to v1"' in page
    assert 'id="rollback-fixed"' not in page
    assert "rollback-" not in browser(vera).get(PAGE).content.decode()
    assert "Roll back" not in browser(bob).get(f"{PAGE}/fixed/history").content.decode()
    assert "Roll back to v1" in browser(bob).get(f"{PAGE}/production/history").content.decode()

    aliases.rollback(actor, artifact, "production")
    aliases.remove(actor, artifact, "production")
    history = " ".join(re.sub(r"<[^>]*>", " ", browser(bob).get(f"{PAGE}/production/history").content.decode()).split())
    assert "Rolled back from v2 to v1" in history and "Roll back to v1" in history
    assert "was rolled back from v2 to" in " ".join(
        re.sub(r"<[^>]*>", " ", browser(bob).get(f"{ARTIFACT_URL}/history").content.decode()).split()
    )
    aliases.rollback(actor, artifact, "production")
    versions.delete(actor, v2, delete_aliases=True)
    assert 'id="rollback-production"' not in browser(bob).get(PAGE).content.decode()


def test_the_rules_that_protect_an_alias_are_named_together(browser, alice, bob, acme, artifact, v1):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    protection.create(Actor(alice), acme, "prod*", role=Role.ADMIN)
    protection.create(Actor(alice), artifact, "production", role=Role.EDITOR, needs_approval=True)

    page = " ".join(browser(bob).get(PAGE).content.decode().split())
    assert (
        "Protected by the rules production in artifact acme/demo/data and prod* in team acme: only admins can move it; "
        "a second admin must approve."
    ) in page
    plain_text = " ".join(re.sub(r"<[^>]*>", " ", page).split())
    assert "Editors can move it; a second editor must approve each move." in plain_text
    assert "Only admins can move them." in plain_text


def test_a_page_that_asks_gets_what_is_new_and_nothing_else(
    browser, bob, vera, artifact, v1, v2, django_assert_max_num_queries
):
    client = browser(vera)
    page = client.get(PAGE).content.decode()
    live = live_url(page)

    with django_assert_max_num_queries(4):
        assert client.get(live, headers=htmx_headers(PAGE)).status_code == 204
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    with django_assert_max_num_queries(12):
        response = client.get(live, headers=htmx_headers(PAGE))
    assert "production" in rows(response.content.decode())
    newer = live_url(response.content.decode())
    assert newer != live
    assert client.get(newer, headers=htmx_headers(PAGE)).status_code == 204
    assert client.get(live, headers=htmx_headers("/acme/demo")).status_code == 204
    assert client.get(live)["Location"] == PAGE


def test_suggestions_stand_beside_the_name(browser, alice, bob, artifact, other, v1):
    theirs = log(alice, other, {"x": b"x"}, "champion")
    assert theirs.version == "v1"

    form = browser(bob).get(f"{ARTIFACT_URL}/add-alias").content.decode()

    assert '<option value="champion">in use</option>' in form and '<option value="production">common</option>' in form


def test_an_alias_leads_to_its_history_from_the_other_pages(browser, bob, vera, artifact, v1):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)

    for page in (f"{ARTIFACT_URL}/v1", f"{ARTIFACT_URL}/history"):
        assert f"{PAGE}/production/history" in browser(vera).get(page).content.decode()
    assert 'title="production → v1"' in browser(vera).get(ARTIFACT_URL).content.decode()
    assert f"{ARTIFACT_URL}/add-alias?version=v1" in browser(bob).get(f"{ARTIFACT_URL}/v1").content.decode()
    assert "add-alias" not in browser(vera).get(f"{ARTIFACT_URL}/v1").content.decode()


def test_a_protected_alias_shows_its_lock_and_the_rule(browser, alice, bob, vera, acme, artifact, v1):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    protection.create(Actor(alice), acme, "prod*", role=Role.ADMIN)
    message = "Protected by the rule prod* in team acme: only admins can move it."

    for user in (alice, bob, vera):
        assert f'title="{message}"' in browser(user).get(PAGE).content.decode()
    assert "Propose move" in rows(browser(bob).get(PAGE).content.decode())["production"]
    assert "Propose" not in browser(alice).get(PAGE).content.decode()
    text = browser(bob).get(f"{PAGE}/production/move").content.decode()
    assert message in text and 'name="propose"' in text and ">Propose move</button>" in text
    assert ">Propose deletion</button>" in browser(bob).get(f"{PAGE}/production/delete").content.decode()
    assert ">Move</button>" in browser(alice).get(f"{PAGE}/production/move").content.decode()


def test_a_protected_alias_stays_where_it_is_whatever_is_sent(browser, alice, bob, acme, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    aliases.move(Actor(bob, Channel.SDK), artifact, "green", v2)
    protection.create(Actor(alice), acme, "production")
    client = browser(bob)
    form = {"expected": str(v1.pk), "expected_of": "production", "version": "v2"}

    for action in ("move", "rollback", "delete"):
        if action == "rollback":
            aliases.move(Actor(alice, Channel.SDK), artifact, "production", v2)
            aliases.move(Actor(alice, Channel.SDK), artifact, "production", v1)
        response = client.post(f"{PAGE}/production/{action}", form)
        assert response.status_code == 422 and "is protected by the rule production" in response.content.decode()
    response = client.post(f"{PAGE}/swap", {"one": "production", "other": "green"})
    assert response.status_code == 422
    response = client.post(f"{ARTIFACT_URL}/add-alias", form | {"name": "production"})
    assert response.status_code == 422
    assert ArtifactAlias.objects.get(alias="production").version == v1
