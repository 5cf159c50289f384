"""Protected aliases: who may move which, alone or not; and what a rule keeps from happening by other ways."""

import pytest

from accounts import teams
from accounts.actor import Actor, Channel
from accounts.models import Membership, Role, User
from artifacts import artifacts, versions
from artifacts.aliases import aliases
from artifacts.aliases import protection as rules
from artifacts.content import uploads
from artifacts.errors import AliasProtected, InvalidName, RuleTaken, VersionHasAliases
from artifacts.models import AliasChange, AliasRule, Artifact, ArtifactVersion
from core import errors
from projects import projects
from projects.models import Project
from tests.artifacts.client import begin, fill, log

PATTERNS = {
    "production": (["production"], ["Production", "production-2", "productio", "pre-production"]),
    "prod-*": (["prod-", "prod-eu", "prod-a.b"], ["prod", "Prod-eu", "xprod-eu"]),
    "v?.*": (["v1.2", "v9.", "v1.2.3"], ["v1", "v10.2", "V1.2"]),
    "*": (["latest", "a", "v1.2.3"], []),
    "*-eu": (["prod-eu", "x-eu"], ["prod-eu-1", "eu"]),
    "a.b": (["a.b"], ["axb", "a_b"]),
    "?": (["a", "7"], ["ab"]),
}


@pytest.fixture
def guarded(alice, bob, artifact, v1, v2) -> AliasRule:
    """`production` is at v1, and an admin is asked for to move what begins with `prod`."""
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    return rules.create(Actor(alice), artifact.project, "prod*")


def where(artifact: Artifact) -> dict[str, str]:
    return {row.alias: row.version.version for row in artifact.alias_set.select_related("version")}


def attempts(user: User, artifact: Artifact, v1: ArtifactVersion, v2: ArtifactVersion) -> dict:
    """All that could change where `production` is, or whether."""
    return {
        "move": lambda: aliases.move(Actor(user, Channel.SDK), artifact, "production", v2),
        "move to where it is": lambda: aliases.move(Actor(user, Channel.SDK), artifact, "production", v1),
        "move among others": lambda: aliases.update_many(
            Actor(user, Channel.SDK), artifact, {"a": v2, "production": v2, "z": v2}
        ),
        "make another": lambda: aliases.move(Actor(user, Channel.SDK), artifact, "prod-eu", v2),
        "remove": lambda: aliases.remove(Actor(user, Channel.SDK), artifact, "production"),
        "remove among others": lambda: aliases.update_many(
            Actor(user, Channel.SDK), artifact, {"a": v2, "production": None}
        ),
        "roll back": lambda: aliases.rollback(Actor(user, Channel.SDK), artifact, "production"),
        "swap": lambda: aliases.swap(Actor(user, Channel.SDK), artifact, "latest", "production"),
        "swap the other way": lambda: aliases.swap(Actor(user, Channel.SDK), artifact, "production", "latest"),
        "delete the version": lambda: versions.delete(Actor(user, Channel.SDK), v1),
        "delete the version with its aliases": lambda: versions.delete(
            Actor(user, Channel.SDK), v1, delete_aliases=True
        ),
        "delete the artifact": lambda: artifacts.delete(Actor(user, Channel.SDK), artifact),
        "log under the name": lambda: log(user, artifact, {"three": b"3"}, "production"),
        "log the same under the name": lambda: log(user, artifact, {"two.txt": b"two"}, "staging", "production"),
    }


@pytest.mark.parametrize("what", attempts(*[None] * 4))
def test_an_editor_gets_nowhere(bob, artifact, guarded, v1, v2, what):
    there, changes, rows = where(artifact), AliasChange.objects.count(), ArtifactVersion.objects.finalized().count()

    with pytest.raises(AliasProtected) as refusal:
        attempts(bob, artifact, v1, v2)[what]()
    assert where(artifact) == there == {"latest": "v2", "production": "v1"}
    assert (AliasChange.objects.count(), ArtifactVersion.objects.finalized().count()) == (changes, rows)
    rule = refusal.value.extra["rule"]
    assert refusal.value.extra["alias"] in ("production", "prod-eu")
    assert rule == {
        "id": str(guarded.pk), "pattern": "prod*", "place": "project acme/demo", "role": "admin",
        "needs_approval": False,
    }  # fmt: skip
    assert "'prod" in str(refusal.value)
    assert "prod* in project acme/demo" in str(refusal.value)


@pytest.mark.parametrize("what", [what for what in attempts(*[None] * 4) if not what.startswith("delete the version")])
def test_an_admin_goes_on_alone(alice, artifact, guarded, v1, v2, what):
    aliases.move(Actor(alice, Channel.SDK), artifact, "production", v2)
    aliases.move(Actor(alice, Channel.SDK), artifact, "production", v1)

    attempts(alice, artifact, v1, v2)[what]()


@pytest.mark.parametrize("delete_aliases", [False, True])
def test_nobody_deletes_a_version_from_under_a_protected_alias(alice, artifact, guarded, v1, v2, delete_aliases):
    aliases.move(Actor(alice, Channel.SDK), artifact, "free", v1)
    olga = User.objects.create_superuser("olga", "olga@example.org", "a good long password")
    for actor in (Actor(alice, Channel.SDK), Actor(olga, Channel.ADMIN, is_staff=True)):
        with pytest.raises(AliasProtected) as refusal:
            versions.delete(actor, v1, delete_aliases=delete_aliases)
        assert "Move it to another version first" in str(refusal.value)
    v1.refresh_from_db()
    assert v1.is_finalized
    assert where(artifact)["free"] == "v1"

    aliases.move(Actor(alice, Channel.SDK), artifact, "production", v2)
    with pytest.raises(VersionHasAliases):
        versions.delete(Actor(alice, Channel.SDK), v1)
    versions.delete(Actor(alice, Channel.SDK), v1, delete_aliases=True)
    assert where(artifact) == {"latest": "v2", "production": "v2"}


@pytest.mark.parametrize("what", attempts(*[None] * 4))
def test_a_viewer_is_not_asked_which_alias(vera, artifact, guarded, v1, v2, what):
    with pytest.raises(errors.Denied) as refusal:
        attempts(vera, artifact, v1, v2)[what]()
    assert not isinstance(refusal.value, AliasProtected)


def test_what_no_rule_covers_is_free(bob, artifact, guarded, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "staging", v1)
    aliases.swap(Actor(bob, Channel.SDK), artifact, "latest", "staging")
    aliases.rollback(Actor(bob, Channel.SDK), artifact, "latest")
    aliases.remove(Actor(bob, Channel.SDK), artifact, "staging")
    assert where(artifact) == {"latest": "v2", "production": "v1"}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns(alice, bob, artifact, v1, pattern):
    rules.create(Actor(alice), artifact, pattern)
    held, free = PATTERNS[pattern]

    for alias in held:
        with pytest.raises(AliasProtected):
            aliases.move(Actor(bob, Channel.SDK), artifact, alias, v1)
    for alias in free:
        aliases.move(Actor(bob, Channel.SDK), artifact, alias, v1)


@pytest.mark.parametrize("pattern", ["", " ", "-x", ".x", "a b", "a/b", "prod\n", "[ab]", "a" * 101, "ä*", "%", "a\0"])
def test_what_is_no_pattern(alice, project, acme, pattern):
    with pytest.raises(InvalidName):
        rules.create(Actor(alice), project, pattern)
    rule = rules.create(Actor(alice), acme, "x")
    with pytest.raises(InvalidName):
        rules.update(Actor(alice), rule, pattern=pattern)
    assert [rule.pattern for rule in AliasRule.objects.all()] == ["x"]


@pytest.mark.parametrize("role", ["viewer", "owner", "", None])
def test_what_is_no_role_for_a_rule(alice, project, role):
    with pytest.raises(errors.Invalid):
        rules.create(Actor(alice), project, "production", role=role)
    rule = rules.create(Actor(alice), project, "staging")
    with pytest.raises(errors.Invalid):
        rules.update(Actor(alice), rule, role=role)
    assert [rule.role for rule in AliasRule.objects.all()] == ["admin"]


@pytest.mark.parametrize("scope", ["team", "project", "artifact"])
def test_a_rule_holds_in_its_place_and_nowhere_else(alice, bob, acme, artifact, other, v1, scope):
    elsewhere = projects.create(Actor(alice), acme, "elsewhere")
    third = artifacts.create(Actor(alice), elsewhere, "data", "dataset")
    foreign_team = teams.create(Actor(alice), "umbrella")
    teams.add_member(Actor(alice), foreign_team, bob, Role.EDITOR)
    fourth = artifacts.create(Actor(bob), projects.create(Actor(alice), foreign_team, "demo"), "data", "dataset")
    held = {"team": {artifact, other, third}, "project": {artifact, other}, "artifact": {artifact}}[scope]
    rules.create(Actor(alice), {"team": acme, "project": artifact.project, "artifact": artifact}[scope], "production")

    for one in (artifact, other, third, fourth):
        version = log(bob, one, {"a": b"a"})
        if one in held:
            with pytest.raises(AliasProtected):
                aliases.move(Actor(bob, Channel.SDK), one, "production", version)
        else:
            aliases.move(Actor(bob, Channel.SDK), one, "production", version)


def test_a_rule_of_editors_keeps_nobody_out_who_may_write(alice, bob, vera, artifact, v1):
    rules.create(Actor(alice), artifact, "production", role=Role.EDITOR)

    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    with pytest.raises(errors.Denied):
        aliases.remove(Actor(vera, Channel.SDK), artifact, "production")
    with pytest.raises(AliasProtected):
        versions.delete(Actor(bob, Channel.SDK), v1, delete_aliases=True)


@pytest.mark.parametrize("role", [Role.EDITOR, Role.ADMIN])
def test_where_a_second_person_is_asked_for_nobody_goes_alone(alice, bob, artifact, v1, v2, role):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    rules.create(Actor(alice), artifact, "production", role=role, needs_approval=True)

    for user in (alice, bob):
        for what, attempt in attempts(user, artifact, v1, v2).items():
            if what != "make another":
                with pytest.raises(AliasProtected) as refusal:
                    attempt()
                assert refusal.value.extra["rule"]["needs_approval"]
        with pytest.raises(AliasProtected) as refusal:
            aliases.move(Actor(user, Channel.SDK), artifact, "production", v2)
        assert "propose the move" in str(refusal.value)


def test_of_several_rules_each_is_kept(alice, bob, acme, artifact, v1):
    lax = rules.create(Actor(alice), artifact, "production", role=Role.EDITOR)
    second = rules.create(Actor(alice), acme, "prod*", role=Role.EDITOR, needs_approval=True)
    strict = rules.create(Actor(alice), artifact.project, "*", role=Role.ADMIN)

    required = rules.protection(rules.rules_for(artifact), "production")
    assert (required.rule, required.role, required.needs_approval) == (second, Role.ADMIN, True)
    required = rules.protection(rules.rules_for(artifact), "staging")
    assert (required.rule, required.role, required.needs_approval) == (strict, Role.ADMIN, False)
    rules.delete(Actor(alice), strict)
    required = rules.protection(rules.rules_for(artifact), "production")
    assert (required.rule, required.role, required.needs_approval) == (second, Role.EDITOR, True)
    rules.delete(Actor(alice), second)
    assert rules.protection(rules.rules_for(artifact), "production").rule == lax
    rules.delete(Actor(alice), lax)
    assert rules.protection(rules.rules_for(artifact), "production") is None


def test_who_may_move_what():
    """For pages, which show what is permitted without asking the database for each alias."""
    somebody, staff = Actor(None), Actor(None, is_staff=True)
    editors = rules.Protection(AliasRule(), Role.EDITOR, False)
    admins = rules.Protection(AliasRule(), Role.ADMIN, False)
    pairs = rules.Protection(AliasRule(), Role.EDITOR, True)

    for role, free, of_editors, of_admins in [
        (None, False, False, False),
        (Role.VIEWER, False, False, False),
        (Role.EDITOR, True, True, False),
        (Role.ADMIN, True, True, True),
    ]:
        can = [rules.may_move(somebody, role, protection) for protection in (None, editors, admins, pairs)]
        assert can == [free, of_editors, of_admins, False]
        assert all(rules.may_move(staff, role, protection) for protection in (None, editors, admins, pairs))


def test_latest_follows_by_itself_whatever_is_protected(alice, bob, artifact, v1):
    rules.create(Actor(alice), artifact.project, "*", needs_approval=True)
    v2 = log(bob, artifact, {"two": b"2"})
    v3 = log(bob, artifact, {"three": b"3"}, "latest")

    assert where(artifact) == {"latest": "v3"}
    for act in (
        lambda: aliases.move(Actor(bob, Channel.SDK), artifact, "latest", v1),
        lambda: aliases.rollback(Actor(alice, Channel.SDK), artifact, "latest"),
        lambda: log(bob, artifact, {"four": b"4"}, "latest", "best"),
    ):
        with pytest.raises(AliasProtected):
            act()
    versions.delete(Actor(bob, Channel.SDK), v3)
    assert where(artifact) == {"latest": v2.version}


def test_latest_that_follows_nothing_is_an_alias_like_others(alice, bob, artifact, v1, v2):
    artifacts.update(Actor(bob), artifact, auto_latest=False)
    artifact.refresh_from_db()
    rules.create(Actor(alice), artifact, "latest")

    with pytest.raises(AliasProtected):
        log(bob, artifact, {"three": b"3"}, "latest")
    with pytest.raises(AliasProtected):
        versions.delete(Actor(bob, Channel.SDK), v2, delete_aliases=True)
    v3 = log(bob, artifact, {"three": b"3"})
    assert (v3.version, where(artifact)) == ("v3", {"latest": "v2"})


def test_a_refused_name_leaves_the_draft_as_it_was(alice, bob, artifact, guarded, v1, v2):
    draft = fill(bob, artifact, {"three": b"3"})
    changes = AliasChange.objects.count()
    with pytest.raises(AliasProtected):
        versions.finalize(Actor(bob, Channel.SDK), draft, aliases=["staging", "production"])

    draft.refresh_from_db()
    artifact.refresh_from_db()
    assert (draft.state, draft.files.count(), artifact.version_count, artifact.latest_version) == ("draft", 1, 2, "v2")
    assert (where(artifact), AliasChange.objects.count()) == ({"latest": "v2", "production": "v1"}, changes)

    done = versions.finalize(Actor(bob, Channel.SDK), draft, aliases=["staging"])
    assert done.created
    assert where(artifact) == {"latest": "v3", "production": "v1", "staging": "v3"}


def test_a_rule_that_came_while_bytes_were_sent_holds(alice, bob, artifact, v1):
    """The early question was answered with yes; the one under the lock is not."""
    draft = fill(bob, artifact, {"three": b"3"})
    versions.check_aliases(Actor(bob), artifact, ["production"])
    uploads.collect_uploaded(draft, [])
    rules.create(Actor(alice), artifact, "production")

    with pytest.raises(AliasProtected):
        versions._finalize(Actor(bob, Channel.SDK), draft, ["production"], None, None)
    draft.refresh_from_db()
    assert (draft.state, where(artifact)) == ("draft", {"latest": "v1"})


def test_names_are_refused_before_anything_is_sent(bob, vera, artifact, guarded):
    versions.check_aliases(Actor(bob), artifact, ["staging", "latest"])
    with pytest.raises(AliasProtected):
        versions.check_aliases(Actor(bob), artifact, ["staging", "production"])
    with pytest.raises(InvalidName):
        versions.check_aliases(Actor(bob), artifact, ["a b"])
    with pytest.raises(errors.Denied):
        versions.check_aliases(Actor(vera), artifact, [])


def test_the_operator_is_above_rules_but_for_deleting(artifact, guarded, alice, v1, v2):
    rules.update(Actor(alice), guarded, needs_approval=True)
    olga = User.objects.create_superuser("olga", "olga@example.org", "a good long password")
    staff = Actor(olga, Channel.ADMIN, is_staff=True)

    aliases.move(staff, artifact, "production", v2)
    aliases.rollback(staff, artifact, "production")
    aliases.remove(staff, artifact, "production")
    artifacts.delete(staff, artifact)
    assert not Artifact.objects.filter(pk=artifact.pk).exists()


def test_a_superuser_is_like_others_away_from_the_desk(artifact, guarded, v1, v2):
    olga = User.objects.create_superuser("olga", "olga@example.org", "a good long password")

    with pytest.raises(errors.Denied):
        aliases.move(Actor(olga, Channel.SDK), artifact, "production", v2)
    Membership.objects.create(team=artifact.project.team, user=olga, role=Role.EDITOR)
    with pytest.raises(AliasProtected):
        aliases.move(Actor(olga, Channel.SDK), artifact, "production", v2)


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


def test_one_rule_for_a_pattern_in_a_place(alice, acme, project, artifact):
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


def test_rules_go_with_their_place(alice, acme, project, artifact):
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
