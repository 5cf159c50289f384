"""The rules that protect aliases: who makes and changes them, where they hold, and what becomes of them."""

import pytest

from accounts import teams
from accounts.actor import Actor, Channel
from accounts.models import Membership, Role, User
from artifacts import artifacts, versions
from artifacts.aliases import aliases
from artifacts.aliases import protection as rules
from artifacts.errors import AliasProtected, RuleTaken
from artifacts.models import AliasRule, Artifact
from core import errors
from projects import projects
from projects.models import Project
from tests.artifacts.aliases.positions import where
from tests.artifacts.client import begin


def test_only_admins_of_the_team_make_rules(alice, bob, vera, mallory, acme, project, artifact):
    rule = rules.create(Actor(alice), acme, "production")
    for user in (bob, vera, mallory):
        for scope in (acme, project, artifact):
            with pytest.raises(errors.Denied):
                rules.create(Actor(user), scope, "staging")
        with pytest.raises(errors.Denied):
            rules.update(Actor(user), rule, needs_approval=True)
        with pytest.raises(errors.Denied):
            rules.delete(Actor(user), rule)
    assert [(rule.pattern, rule.needs_approval) for rule in AliasRule.objects.all()] == [("production", False)]


def test_admins_of_another_team_have_no_say(mallory, bob, project, artifact, v1):
    theirs = teams.create(Actor(mallory), "umbrella")
    rules.create(Actor(mallory), theirs, "*")

    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    assert rules.rules_for(artifact) == []
    with pytest.raises(errors.Denied):
        rules.create(Actor(mallory), project, "*")


def test_one_rule_for_a_pattern_in_a_scope(alice, acme, project, artifact):
    for scope, outcomes in ((acme, "team acme"), (project, "project acme/demo"), (artifact, "artifact acme/demo/data")):
        rules.create(Actor(alice), scope, "production")
        with pytest.raises(RuleTaken) as refusal:
            rules.create(Actor(alice), scope, "production", role=Role.EDITOR)
        assert outcomes in str(refusal.value)
        other = rules.create(Actor(alice), scope, "staging")
        with pytest.raises(RuleTaken):
            rules.update(Actor(alice), other, pattern="production")
    assert AliasRule.objects.count() == 6


def test_a_changed_rule_asks_for_what_it_says_now(alice, bob, artifact, guarded, v1, v2):
    rules.update(Actor(alice), guarded, pattern="stag*")
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v2)
    with pytest.raises(AliasProtected):
        aliases.move(Actor(bob, Channel.SDK), artifact, "staging", v2)

    rules.update(Actor(alice), guarded, role=Role.EDITOR)
    aliases.move(Actor(bob, Channel.SDK), artifact, "staging", v2)
    rules.update(Actor(alice), guarded, needs_approval=True)
    with pytest.raises(AliasProtected):
        aliases.move(Actor(alice, Channel.SDK), artifact, "staging", v1)

    rules.delete(Actor(alice), guarded)
    aliases.remove(Actor(bob, Channel.SDK), artifact, "staging")


def test_a_rule_that_was_deleted_meanwhile_is_not_changed(alice, project):
    rule = rules.create(Actor(alice), project, "production")
    stale = AliasRule.objects.for_display().get(pk=rule.pk)
    rules.delete(Actor(alice), rule)

    with pytest.raises(errors.Missing):
        rules.update(Actor(alice), stale, pattern="staging")
    assert AliasRule.objects.count() == 0


def test_rules_go_with_their_scope(alice, acme, project, artifact):
    for scope in (acme, project, artifact):
        rules.create(Actor(alice), scope, "production")
    artifacts.delete(Actor(alice, Channel.SDK), artifact)
    assert {rule.scope for rule in AliasRule.objects.for_display()} == {"team acme", "project acme/demo"}
    projects.delete(Actor(alice), project)
    assert {rule.scope for rule in AliasRule.objects.for_display()} == {"team acme"}
    teams.delete(Actor(alice), acme)
    assert AliasRule.objects.count() == 0


def test_who_is_no_admin_any_more_is_none_for_the_rule(alice, bob, acme, artifact, guarded, v1, v2):
    teams.change_role(Actor(alice), Membership.objects.get(team=acme, user=bob), Role.ADMIN)
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v2)
    teams.change_role(Actor(alice), Membership.objects.get(team=acme, user=bob), Role.EDITOR)

    with pytest.raises(AliasProtected):
        aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)


def test_the_deactivated_move_nothing(api, alice, artifact, guarded, v2):
    client = api(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)

    answer = client.post(f"/api/v1/artifacts/{artifact.pk}/aliases", {"alias": "production", "version_id": str(v2.pk)})
    assert answer.status_code == 401
    assert where(artifact)["production"] == "v1"


def test_who_sees_which_rules(alice, vera, mallory, acme, project, artifact):
    for scope in (acme, project, artifact):
        rules.create(Actor(alice), scope, "production")
    theirs = teams.create(Actor(mallory), "umbrella")
    rules.create(Actor(mallory), theirs, "production")

    assert AliasRule.objects.visible_to(vera).count() == 3
    assert AliasRule.objects.visible_to(mallory).count() == 1
    Project.objects.filter(pk=project.pk).update(visibility="internal")
    # What keeps an alias in a project that one sees is no secret; the team's own rules stay with its members.
    assert {rule.scope for rule in AliasRule.objects.visible_to(mallory).for_display()} == {
        "team umbrella", "project acme/demo", "artifact acme/demo/data",
    }  # fmt: skip


def test_rules_cost_one_query_however_many(alice, acme, artifact, v1, django_assert_num_queries):
    for number in range(5):
        rules.create(Actor(alice), acme, f"a{number}")
        rules.create(Actor(alice), artifact, f"b{number}")
    loaded = Artifact.objects.select_related("project__team").get(pk=artifact.pk)

    with django_assert_num_queries(1):
        assert len({rule.scope for rule in rules.rules_for(loaded)}) == 2


def test_an_open_draft_is_nobodys_protected_version(bob, artifact, guarded):
    draft = begin(bob, artifact, {"draft": b"draft"}).version

    versions.delete(Actor(bob, Channel.SDK), draft)
    draft.refresh_from_db()
    assert draft.state == "deleted"
