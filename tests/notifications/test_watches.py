"""Who is told of what: by watching, by being asked, and never of one's own acts."""

import pytest

from accounts.actor import Actor
from accounts.models import Membership, Role, User
from artifacts import artifacts
from artifacts.aliases import aliases, proposals, protection
from notifications import errors, inbox, watches
from notifications.models import InboxItem, InboxReason, Watch
from projects import projects
from projects.models import Project, Visibility
from tests.artifacts.client import log


def recorded(user: User) -> list[str]:
    """What waits in somebody's inbox, the oldest first."""
    return [item.event.message for item in InboxItem.objects.visible_to(user).for_display().order_by("id")]


def test_who_watches_a_project_hears_of_all_its_artifacts(bob, vera, project, artifact, other, work):
    watches.watch(Actor(vera), project)
    log(bob, artifact, {"a": b"a"}, "best")
    log(bob, other, {"a": b"a"})
    work()

    assert recorded(vera) == [
        "bob finalized v1 of acme/demo/data",
        "bob assigned latest to v1 of acme/demo/data",
        "bob assigned best to v1 of acme/demo/data",
        "bob finalized v1 of acme/demo/other",
        "bob assigned latest to v1 of acme/demo/other",
    ]


def test_who_watches_an_artifact_hears_of_that_alone(bob, vera, project, artifact, other, work):
    watches.watch(Actor(vera), project, other)
    log(bob, artifact, {"a": b"a"})
    log(bob, other, {"b": b"b"})
    work()

    assert recorded(vera) == ["bob finalized v1 of acme/demo/other", "bob assigned latest to v1 of acme/demo/other"]


def test_a_pattern_chooses_aliases(bob, vera, project, artifact, v1, v2, work):
    watches.watch(Actor(vera), project, artifact, pattern="prod*")
    for alias in ("production", "staging", "prod-eu"):
        aliases.move(Actor(bob, reason="better"), artifact, alias, v1)
    aliases.move(Actor(bob, reason="better"), artifact, "production", v2)
    aliases.remove(Actor(bob, reason="better"), artifact, "prod-eu")
    log(bob, artifact, {"c": b"c"})
    work()

    assert recorded(vera) == [
        "bob assigned production to v1 of acme/demo/data",
        "bob assigned prod-eu to v1 of acme/demo/data",
        "bob moved production of acme/demo/data from v1 to v2",
        "bob removed prod-eu from v1 of acme/demo/data",
    ]


def test_nobody_hears_of_what_they_did_themselves(bob, vera, project, artifact, v1, work):
    for user in (bob, vera):
        watches.watch(Actor(user), project, by_email=True)
    aliases.move(Actor(bob, reason="better"), artifact, "best", v1)
    work()

    assert (recorded(bob), len(recorded(vera))) == ([], 1)


def test_two_watches_make_one_item(bob, vera, project, artifact, v1, work, mailoutbox):
    watches.watch(Actor(vera), project)
    watches.watch(Actor(vera), project, artifact, by_email=True)
    aliases.move(Actor(bob, reason="better"), artifact, "best", v1)
    work()

    assert (len(recorded(vera)), len(mailoutbox)) == (1, 1)


@pytest.mark.parametrize("visibility", Visibility)
def test_a_stranger_hears_of_internal_projects_alone(bob, mallory, project, artifact, v1, work, visibility):
    Project.objects.update(visibility=visibility)
    Watch.objects.create(user=mallory, project=project)
    aliases.move(Actor(bob, reason="better"), artifact, "best", v1)
    work()

    assert InboxItem.objects.count() == (visibility == Visibility.INTERNAL)


def test_who_may_not_see_the_project_any_more_hears_nothing(bob, vera, project, artifact, v1, v2, work):
    watches.watch(Actor(vera), project)
    aliases.move(Actor(bob, reason="better"), artifact, "best", v1)
    work()
    assert (len(recorded(vera)), inbox.unread(vera)) == (1, 1)

    Membership.objects.filter(user=vera).exclude(team__is_personal=True).delete()
    aliases.move(Actor(bob, reason="better"), artifact, "best", v2)
    work()
    # What was told before is out of sight, too.
    assert (recorded(vera), inbox.unread(vera), InboxItem.objects.count()) == ([], 0, 1)


def test_who_is_deactivated_hears_nothing(bob, vera, project, artifact, v1, work):
    watches.watch(Actor(vera), project)
    vera.is_active = False
    vera.save()
    aliases.move(Actor(bob, reason="better"), artifact, "best", v1)
    work()

    assert not InboxItem.objects.exists()


def test_a_proposal_comes_to_everybody_who_may_decide(alice, bob, vera, acme, artifact, v1, work):
    carol = User.objects.create_user("carol", "carol@example.org")
    Membership.objects.create(team=acme, user=carol, role=Role.EDITOR)
    proposals.propose(Actor(bob, reason="better"), artifact, "best", v1)
    work()

    assert recorded(alice) == recorded(carol) == ["bob proposes to assign best to v1 of acme/demo/data"]
    assert recorded(bob) == recorded(vera) == []
    assert set(InboxItem.objects.values_list("reason", flat=True)) == {InboxReason.CONCERNED}


def test_a_rule_says_who_may_decide(alice, bob, acme, artifact, v1, work):
    carol = User.objects.create_user("carol", "carol@example.org")
    Membership.objects.create(team=acme, user=carol, role=Role.EDITOR)
    protection.create(Actor(alice), artifact, "best", role=Role.ADMIN, needs_approval=True)
    proposals.propose(Actor(bob, reason="better"), artifact, "best", v1)
    work()

    assert (len(recorded(alice)), recorded(carol)) == (1, [])


def test_the_decision_comes_to_who_proposed(alice, bob, vera, project, artifact, v1, v2, work):
    watches.watch(Actor(vera), project)
    moved = proposals.propose(Actor(bob, reason="better"), artifact, "best", v1)
    proposals.approve(Actor(alice, reason="better"), moved)
    proposals.reject(Actor(alice), proposals.propose(Actor(bob, reason="better"), artifact, "best", v2), "not yet")
    proposals.withdraw(Actor(bob), proposals.propose(Actor(bob, reason="better"), artifact, "best", None))
    work()

    assert recorded(bob) == [
        "alice approved the proposal to assign best to v1 of acme/demo/data",
        "alice rejected the proposal to move best of acme/demo/data from v1 to v2",
    ]
    # Who watches hears of the approved move as of any other.
    assert recorded(vera) == [
        "bob proposes to assign best to v1 of acme/demo/data",
        "alice assigned best to v1 of acme/demo/data",
        "bob proposes to move best of acme/demo/data from v1 to v2",
        "alice rejected the proposal to move best of acme/demo/data from v1 to v2",
        "bob proposes to remove best from v1 of acme/demo/data",
    ]


def test_to_watch_again_changes_the_watch(vera, project, artifact):
    first = watches.watch(Actor(vera), project)
    second = watches.watch(Actor(vera), project, pattern="prod*", by_email=True)
    third = watches.watch(Actor(vera), project, artifact)

    assert (first.created, second.created, third.created) == (True, False, True)
    watch = Watch.objects.get(artifact=None)
    assert (watch.pk, watch.pattern, watch.by_email) == (first.watch.pk, "prod*", True)


@pytest.mark.parametrize("pattern", ["", "-a", ".a", "a b", "[a]", "x" * 101, "a/b", "a\n", "ü"])
def test_a_pattern_that_fits_no_alias_is_refused(vera, project, pattern):
    with pytest.raises(errors.Invalid):
        watches.watch(Actor(vera), project, pattern=pattern)


def test_one_ends_ones_own_watches_alone(vera, bob, project):
    watch = watches.watch(Actor(vera), project).watch
    with pytest.raises(errors.Denied):
        watches.unwatch(Actor(bob), watch)
    watches.unwatch(Actor(vera), watch)

    assert not Watch.objects.exists()


def test_readers_are_those_who_see_the_project(alice, bob, vera, mallory, project):
    for visibility in Visibility:
        project.visibility = visibility
        project.save()
        everybody = User.objects.all()
        assert set(project.users_with_access()) == {
            user for user in everybody if Project.objects.visible_to(user).exists()
        }
    assert mallory in project.users_with_access()
    mallory.is_active = False
    mallory.save()
    assert mallory not in project.users_with_access()


def test_a_team_is_watched_as_long_as_one_is_in_it(browser, api, alice, bob, vera, acme, project, artifact, v1, work):
    other = projects.create(Actor(alice), acme, "other", visibility=Visibility.INTERNAL)
    second = artifacts.create(Actor(bob), other, "weights", "model")
    client = browser(vera)
    answer = client.post("/teams/acme/watch", {"pattern": "*"})
    assert answer["Location"] == "/teams/acme"
    assert "Watching" in client.get("/teams/acme").content.decode()
    assert "acme</a>" in client.get("/watches").content.decode()
    watch = Watch.objects.get()
    assert (watch.team, watch.project, watch.artifact) == (acme, None, None)
    log(bob, second, {"a.txt": b"1"})
    aliases.move(Actor(bob), artifact, "best", v1)
    work()
    told = InboxItem.objects.filter(user=vera)
    assert set(told.values_list("event__project__name", flat=True)) == {"demo", "other"}

    # The project is internal, but it was the team that was watched.
    vera.memberships.filter(team=acme).delete()
    before = told.count()
    log(bob, second, {"a.txt": b"2"})
    work()
    assert told.count() == before
    assert "acme" not in client.get("/watches").content.decode()
    assert client.get("/teams/acme/watch").status_code == client.post("/teams/acme/watch").status_code == 404
    assert api(vera).post("/api/v1/watches", {"team": "acme"}).status_code == 404


def test_a_team_is_watched_over_the_api(api, vera, acme, project):
    client = api(vera)
    made = client.post("/api/v1/watches", {"team": "acme", "pattern": "prod-*"})
    assert made.status_code == 201
    assert {name: made.json()[name] for name in ("team_id", "project_id", "artifact_id", "place", "pattern")} == {
        "team_id": str(acme.pk), "project_id": None, "artifact_id": None, "place": "acme", "pattern": "prod-*",
    }  # fmt: skip
    assert client.post("/api/v1/watches", {"team": "acme"}).status_code == 200
    assert client.post("/api/v1/watches", {"team": "acme", "project": "acme/demo"}).status_code == 400
    assert client.get("/api/v1/watches").json()["items"][0]["pattern"] == "*"
