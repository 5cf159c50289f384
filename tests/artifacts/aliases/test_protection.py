"""Protected aliases: who may move which, alone or not; and what a rule keeps from happening by other ways."""

import pytest

from accounts import teams
from accounts.actor import Actor, Channel
from accounts.models import Membership, Role, User
from artifacts import artifacts, version_contents, versions
from artifacts.aliases import aliases
from artifacts.aliases import protection as rules
from artifacts.content import arrivals
from artifacts.errors import AliasProtected, InvalidName, VersionHasAliases
from artifacts.models import AliasChange, AliasRule, Artifact, ArtifactVersion
from core import errors
from projects import projects
from tests.artifacts.aliases.positions import where
from tests.artifacts.client import fill, log

PATTERNS = {
    "production": (["production"], ["Production", "production-2", "productio", "pre-production"]),
    "prod-*": (["prod-", "prod-eu", "prod-a.b"], ["prod", "Prod-eu", "xprod-eu"]),
    "v?.*": (["v1.2", "v9.", "v1.2.3"], ["v1", "v10.2", "V1.2"]),
    "*": (["latest", "a", "v1.2.3"], []),
    "*-eu": (["prod-eu", "x-eu"], ["prod-eu-1", "eu"]),
    "a.b": (["a.b"], ["axb", "a_b"]),
    "?": (["a", "7"], ["ab"]),
}


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
def test_for_a_viewer_the_alias_makes_no_difference(vera, artifact, guarded, v1, v2, what):
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
def test_a_rule_holds_in_its_scope_and_nowhere_else(alice, bob, acme, artifact, other, v1, scope):
    elsewhere = projects.create(Actor(alice), acme, "elsewhere")
    third = artifacts.create(Actor(alice), elsewhere, "data", "dataset")
    foreign_team = teams.create(Actor(alice), "umbrella")
    foreign_team.memberships.create(user=bob, role=Role.EDITOR)
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
def test_where_a_second_person_is_required_nobody_goes_alone(alice, bob, artifact, v1, v2, role):
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


def test_of_several_rules_all_are_kept(alice, bob, acme, artifact, v1):
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


def test_an_editor_logs_without_latest_and_does_not_let_it_follow_again(alice, bob, artifact, v1):
    rules.create(Actor(alice), artifact.project, "latest")
    artifact = artifacts.update(Actor(bob), artifact, auto_latest=False)
    assert log(bob, artifact, {"two": b"2"}).version == "v2"
    assert where(artifact) == {"latest": "v1"}

    with pytest.raises(AliasProtected, match="with `auto_latest` it moves by itself"):
        artifacts.update(Actor(bob), artifact, auto_latest=True)
    assert artifacts.update(Actor(alice), artifact, auto_latest=True).auto_latest
    # What is on already may be sent again.
    assert artifacts.update(Actor(bob), artifact, auto_latest=True, description="x").description == "x"


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
    arrivals.collect(draft, [])
    rules.create(Actor(alice), artifact, "production")

    with pytest.raises(AliasProtected):
        versions._finalize(Actor(bob, Channel.SDK), draft, ["production"], None, None, version_contents.read(draft))
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


def test_staff_are_above_rules_but_for_deleting(artifact, guarded, alice, v1, v2):
    rules.update(Actor(alice), guarded, needs_approval=True)
    olga = User.objects.create_superuser("olga", "olga@example.org", "a good long password")
    staff = Actor(olga, Channel.ADMIN, is_staff=True)

    aliases.move(staff, artifact, "production", v2)
    aliases.rollback(staff, artifact, "production")
    aliases.remove(staff, artifact, "production")
    artifacts.delete(staff, artifact)
    assert not Artifact.objects.filter(pk=artifact.pk).exists()


def test_a_superuser_is_like_others_outside_the_admin(artifact, guarded, v1, v2):
    olga = User.objects.create_superuser("olga", "olga@example.org", "a good long password")

    with pytest.raises(errors.Denied):
        aliases.move(Actor(olga, Channel.SDK), artifact, "production", v2)
    Membership.objects.create(team=artifact.project.team, user=olga, role=Role.EDITOR)
    with pytest.raises(AliasProtected):
        aliases.move(Actor(olga, Channel.SDK), artifact, "production", v2)
