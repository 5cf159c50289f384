"""Protected aliases: who may move which, alone or not; and what a rule keeps from happening by other ways."""

from types import SimpleNamespace

import pytest

from accounts import teams
from accounts.models import Membership, Role, User
from accounts.permissions import as_staff
from artifacts import artifacts, versions
from artifacts.aliases import aliases
from artifacts.aliases import protection as rules
from artifacts.content import uploads
from artifacts.errors import AliasProtected, InvalidName, RuleTaken, VersionHasAliases
from artifacts.models import AliasChange, AliasRule, Artifact, ArtifactVersion
from core import errors
from projects import projects
from projects.models import Project
from tests.artifacts.client import ORIGIN, begin, fill, log

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
    aliases.move(bob, artifact, "production", v1, ORIGIN)
    return rules.create(alice, artifact.project, "prod*")


def where(artifact: Artifact) -> dict[str, str]:
    return {row.alias: row.version.version for row in artifact.alias_set.select_related("version")}


def attempts(user: User, artifact: Artifact, v1: ArtifactVersion, v2: ArtifactVersion) -> dict:
    """All that could change where `production` is, or whether."""
    return {
        "move": lambda: aliases.move(user, artifact, "production", v2, ORIGIN),
        "move to where it is": lambda: aliases.move(user, artifact, "production", v1, ORIGIN),
        "move among others": lambda: aliases.update_many(user, artifact, {"a": v2, "production": v2, "z": v2}, ORIGIN),
        "make another": lambda: aliases.move(user, artifact, "prod-eu", v2, ORIGIN),
        "remove": lambda: aliases.remove(user, artifact, "production", ORIGIN),
        "remove among others": lambda: aliases.update_many(user, artifact, {"a": v2, "production": None}, ORIGIN),
        "roll back": lambda: aliases.rollback(user, artifact, "production", ORIGIN),
        "swap": lambda: aliases.swap(user, artifact, "latest", "production", ORIGIN),
        "swap the other way": lambda: aliases.swap(user, artifact, "production", "latest", ORIGIN),
        "delete the version": lambda: versions.delete(user, v1, ORIGIN),
        "delete the version with its aliases": lambda: versions.delete(user, v1, ORIGIN, delete_aliases=True),
        "delete the artifact": lambda: artifacts.delete(user, artifact, ORIGIN),
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
    aliases.move(alice, artifact, "production", v2, ORIGIN)
    aliases.move(alice, artifact, "production", v1, ORIGIN)

    attempts(alice, artifact, v1, v2)[what]()


@pytest.mark.parametrize("delete_aliases", [False, True])
def test_nobody_deletes_a_version_from_under_a_protected_alias(alice, artifact, guarded, v1, v2, delete_aliases):
    aliases.move(alice, artifact, "free", v1, ORIGIN)
    for user in (alice, as_staff(User.objects.create_superuser("olga", "olga@example.org", "a good long password"))):
        with pytest.raises(AliasProtected) as refusal:
            versions.delete(user, v1, ORIGIN, delete_aliases=delete_aliases)
        assert "Move it to another version first" in str(refusal.value)
    v1.refresh_from_db()
    assert v1.is_finalized
    assert where(artifact)["free"] == "v1"

    aliases.move(alice, artifact, "production", v2, ORIGIN)
    with pytest.raises(VersionHasAliases):
        versions.delete(alice, v1, ORIGIN)
    versions.delete(alice, v1, ORIGIN, delete_aliases=True)
    assert where(artifact) == {"latest": "v2", "production": "v2"}


@pytest.mark.parametrize("what", attempts(*[None] * 4))
def test_a_viewer_is_not_asked_which_alias(vera, artifact, guarded, v1, v2, what):
    with pytest.raises(errors.Denied) as refusal:
        attempts(vera, artifact, v1, v2)[what]()
    assert not isinstance(refusal.value, AliasProtected)


def test_what_no_rule_covers_is_free(bob, artifact, guarded, v1, v2):
    aliases.move(bob, artifact, "staging", v1, ORIGIN)
    aliases.swap(bob, artifact, "latest", "staging", ORIGIN)
    aliases.rollback(bob, artifact, "latest", ORIGIN)
    aliases.remove(bob, artifact, "staging", ORIGIN)
    assert where(artifact) == {"latest": "v2", "production": "v1"}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns(alice, bob, artifact, v1, pattern):
    rules.create(alice, artifact, pattern)
    held, free = PATTERNS[pattern]

    for alias in held:
        with pytest.raises(AliasProtected):
            aliases.move(bob, artifact, alias, v1, ORIGIN)
    for alias in free:
        aliases.move(bob, artifact, alias, v1, ORIGIN)


@pytest.mark.parametrize("pattern", ["", " ", "-x", ".x", "a b", "a/b", "prod\n", "[ab]", "a" * 101, "ä*", "%", "a\0"])
def test_what_is_no_pattern(alice, project, acme, pattern):
    with pytest.raises(InvalidName):
        rules.create(alice, project, pattern)
    rule = rules.create(alice, acme, "x")
    with pytest.raises(InvalidName):
        rules.update(alice, rule, pattern=pattern)
    assert [rule.pattern for rule in AliasRule.objects.all()] == ["x"]


@pytest.mark.parametrize("role", ["viewer", "owner", "", None])
def test_what_is_no_role_for_a_rule(alice, project, role):
    with pytest.raises(errors.Invalid):
        rules.create(alice, project, "production", role=role)
    rule = rules.create(alice, project, "staging")
    with pytest.raises(errors.Invalid):
        rules.update(alice, rule, role=role)
    assert [rule.role for rule in AliasRule.objects.all()] == ["admin"]


@pytest.mark.parametrize("place", ["team", "project", "artifact"])
def test_a_rule_holds_in_its_place_and_nowhere_else(alice, bob, acme, artifact, other, v1, place):
    elsewhere = projects.create(alice, acme, "elsewhere")
    third = artifacts.create(alice, elsewhere, "data", "dataset")
    foreign_team = teams.create(alice, "umbrella")
    teams.add_member(alice, foreign_team, bob, Role.EDITOR)
    fourth = artifacts.create(bob, projects.create(alice, foreign_team, "demo"), "data", "dataset")
    held = {"team": {artifact, other, third}, "project": {artifact, other}, "artifact": {artifact}}[place]
    rules.create(alice, {"team": acme, "project": artifact.project, "artifact": artifact}[place], "production")

    for one in (artifact, other, third, fourth):
        version = log(bob, one, {"a": b"a"})
        if one in held:
            with pytest.raises(AliasProtected):
                aliases.move(bob, one, "production", version, ORIGIN)
        else:
            aliases.move(bob, one, "production", version, ORIGIN)


def test_a_rule_of_editors_keeps_nobody_out_who_may_write(alice, bob, vera, artifact, v1):
    rules.create(alice, artifact, "production", role=Role.EDITOR)

    aliases.move(bob, artifact, "production", v1, ORIGIN)
    with pytest.raises(errors.Denied):
        aliases.remove(vera, artifact, "production", ORIGIN)
    with pytest.raises(AliasProtected):
        versions.delete(bob, v1, ORIGIN, delete_aliases=True)


@pytest.mark.parametrize("role", [Role.EDITOR, Role.ADMIN])
def test_where_a_second_person_is_asked_for_nobody_goes_alone(alice, bob, artifact, v1, v2, role):
    aliases.move(bob, artifact, "production", v1, ORIGIN)
    rules.create(alice, artifact, "production", role=role, needs_approval=True)

    for user in (alice, bob):
        for what, attempt in attempts(user, artifact, v1, v2).items():
            if what != "make another":
                with pytest.raises(AliasProtected) as refusal:
                    attempt()
                assert refusal.value.extra["rule"]["needs_approval"]
        with pytest.raises(AliasProtected) as refusal:
            aliases.move(user, artifact, "production", v2, ORIGIN)
        assert "propose the move" in str(refusal.value)


def test_of_several_rules_each_is_kept(alice, bob, acme, artifact, v1):
    lax = rules.create(alice, artifact, "production", role=Role.EDITOR)
    second = rules.create(alice, acme, "prod*", role=Role.EDITOR, needs_approval=True)
    strict = rules.create(alice, artifact.project, "*", role=Role.ADMIN)

    asked = rules.protection(rules.rules_for(artifact), "production")
    assert (asked.rule, asked.role, asked.needs_approval) == (second, Role.ADMIN, True)
    asked = rules.protection(rules.rules_for(artifact), "staging")
    assert (asked.rule, asked.role, asked.needs_approval) == (strict, Role.ADMIN, False)
    rules.delete(alice, strict)
    asked = rules.protection(rules.rules_for(artifact), "production")
    assert (asked.rule, asked.role, asked.needs_approval) == (second, Role.EDITOR, True)
    rules.delete(alice, second)
    assert rules.protection(rules.rules_for(artifact), "production").rule == lax
    rules.delete(alice, lax)
    assert rules.protection(rules.rules_for(artifact), "production") is None


def test_who_may_move_what():
    """For pages, which show what is permitted without asking the database for each alias."""
    somebody, operator = SimpleNamespace(is_operating=False), SimpleNamespace(is_operating=True)
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
        assert all(rules.may_move(operator, role, protection) for protection in (None, editors, admins, pairs))


def test_latest_follows_by_itself_whatever_is_protected(alice, bob, artifact, v1):
    rules.create(alice, artifact.project, "*", needs_approval=True)
    v2 = log(bob, artifact, {"two": b"2"})
    v3 = log(bob, artifact, {"three": b"3"}, "latest")

    assert where(artifact) == {"latest": "v3"}
    for act in (
        lambda: aliases.move(bob, artifact, "latest", v1, ORIGIN),
        lambda: aliases.rollback(alice, artifact, "latest", ORIGIN),
        lambda: log(bob, artifact, {"four": b"4"}, "latest", "best"),
    ):
        with pytest.raises(AliasProtected):
            act()
    versions.delete(bob, v3, ORIGIN)
    assert where(artifact) == {"latest": v2.version}


def test_latest_that_follows_nothing_is_an_alias_like_others(alice, bob, artifact, v1, v2):
    artifacts.update(bob, artifact, auto_latest=False)
    artifact.refresh_from_db()
    rules.create(alice, artifact, "latest")

    with pytest.raises(AliasProtected):
        log(bob, artifact, {"three": b"3"}, "latest")
    with pytest.raises(AliasProtected):
        versions.delete(bob, v2, ORIGIN, delete_aliases=True)
    v3 = log(bob, artifact, {"three": b"3"})
    assert (v3.version, where(artifact)) == ("v3", {"latest": "v2"})


def test_a_refused_name_leaves_the_draft_as_it_was(alice, bob, artifact, guarded, v1, v2):
    draft = fill(bob, artifact, {"three": b"3"})
    changes = AliasChange.objects.count()
    with pytest.raises(AliasProtected):
        versions.finalize(bob, draft, ORIGIN, names_to_give=["staging", "production"])

    draft.refresh_from_db()
    artifact.refresh_from_db()
    assert (draft.state, draft.files.count(), artifact.version_count, artifact.latest_version) == ("draft", 1, 2, "v2")
    assert (where(artifact), AliasChange.objects.count()) == ({"latest": "v2", "production": "v1"}, changes)

    done = versions.finalize(bob, draft, ORIGIN, names_to_give=["staging"])
    assert done.created
    assert where(artifact) == {"latest": "v3", "production": "v1", "staging": "v3"}


def test_a_rule_that_came_while_bytes_were_sent_holds(alice, bob, artifact, v1):
    """The early question was answered with yes; the one under the lock is not."""
    draft = fill(bob, artifact, {"three": b"3"})
    versions.check_aliases(bob, artifact, ["production"])
    uploads.collect_uploaded(draft, [])
    rules.create(alice, artifact, "production")

    with pytest.raises(AliasProtected):
        versions._close(bob, draft, ORIGIN, ["production"], None)
    draft.refresh_from_db()
    assert (draft.state, where(artifact)) == ("draft", {"latest": "v1"})


def test_names_are_refused_before_anything_is_sent(bob, vera, artifact, guarded):
    versions.check_aliases(bob, artifact, ["staging", "latest"])
    with pytest.raises(AliasProtected):
        versions.check_aliases(bob, artifact, ["staging", "production"])
    with pytest.raises(InvalidName):
        versions.check_aliases(bob, artifact, ["a b"])
    with pytest.raises(errors.Denied):
        versions.check_aliases(vera, artifact, [])


def test_the_operator_is_above_rules_but_for_deleting(artifact, guarded, alice, v1, v2):
    rules.update(alice, guarded, needs_approval=True)
    olga = as_staff(User.objects.create_superuser("olga", "olga@example.org", "a good long password"))

    aliases.move(olga, artifact, "production", v2, ORIGIN)
    aliases.rollback(olga, artifact, "production", ORIGIN)
    aliases.remove(olga, artifact, "production", ORIGIN)
    artifacts.delete(olga, artifact, ORIGIN)
    assert not Artifact.objects.filter(pk=artifact.pk).exists()


def test_a_superuser_is_like_others_away_from_the_desk(artifact, guarded, v1, v2):
    olga = User.objects.create_superuser("olga", "olga@example.org", "a good long password")

    with pytest.raises(errors.Denied):
        aliases.move(olga, artifact, "production", v2, ORIGIN)
    Membership.objects.create(team=artifact.project.team, user=olga, role=Role.EDITOR)
    with pytest.raises(AliasProtected):
        aliases.move(olga, artifact, "production", v2, ORIGIN)


def test_only_admins_of_the_team_make_rules(alice, bob, vera, mallory, acme, project, artifact):
    rule = rules.create(alice, acme, "production")
    for user in (bob, vera, mallory):
        for place in (acme, project, artifact):
            with pytest.raises(errors.Denied):
                rules.create(user, place, "staging")
        with pytest.raises(errors.Denied):
            rules.update(user, rule, needs_approval=True)
        with pytest.raises(errors.Denied):
            rules.delete(user, rule)
    assert [(rule.pattern, rule.needs_approval) for rule in AliasRule.objects.all()] == [("production", False)]


def test_admins_of_another_team_have_no_say(mallory, bob, project, artifact, v1):
    theirs = teams.create(mallory, "umbrella")
    rules.create(mallory, theirs, "*")

    aliases.move(bob, artifact, "production", v1, ORIGIN)
    assert rules.rules_for(artifact) == []
    with pytest.raises(errors.Denied):
        rules.create(mallory, project, "*")


def test_one_rule_for_a_pattern_in_a_place(alice, acme, project, artifact):
    for place, told in ((acme, "team acme"), (project, "project acme/demo"), (artifact, "artifact acme/demo/data")):
        rules.create(alice, place, "production")
        with pytest.raises(RuleTaken) as refusal:
            rules.create(alice, place, "production", role=Role.EDITOR)
        assert told in str(refusal.value)
        other = rules.create(alice, place, "staging")
        with pytest.raises(RuleTaken):
            rules.update(alice, other, pattern="production")
    assert AliasRule.objects.count() == 6


def test_a_changed_rule_asks_for_what_it_says_now(alice, bob, artifact, guarded, v1, v2):
    rules.update(alice, guarded, pattern="stag*")
    aliases.move(bob, artifact, "production", v2, ORIGIN)
    with pytest.raises(AliasProtected):
        aliases.move(bob, artifact, "staging", v2, ORIGIN)

    rules.update(alice, guarded, role=Role.EDITOR)
    aliases.move(bob, artifact, "staging", v2, ORIGIN)
    rules.update(alice, guarded, needs_approval=True)
    with pytest.raises(AliasProtected):
        aliases.move(alice, artifact, "staging", v1, ORIGIN)

    rules.delete(alice, guarded)
    aliases.remove(bob, artifact, "staging", ORIGIN)


def test_a_rule_that_was_deleted_meanwhile_is_not_changed(alice, project):
    rule = rules.create(alice, project, "production")
    stale = AliasRule.objects.for_display().get(pk=rule.pk)
    rules.delete(alice, rule)

    with pytest.raises(errors.Missing):
        rules.update(alice, stale, pattern="staging")
    assert AliasRule.objects.count() == 0


def test_rules_go_with_their_place(alice, acme, project, artifact):
    for place in (acme, project, artifact):
        rules.create(alice, place, "production")
    artifacts.delete(alice, artifact, ORIGIN)
    assert {rule.place for rule in AliasRule.objects.for_display()} == {"team acme", "project acme/demo"}
    projects.delete(alice, project)
    assert {rule.place for rule in AliasRule.objects.for_display()} == {"team acme"}
    teams.delete(alice, acme)
    assert AliasRule.objects.count() == 0


def test_who_is_no_admin_any_more_is_none_for_the_rule(alice, bob, acme, artifact, guarded, v1, v2):
    teams.change_role(alice, Membership.objects.get(team=acme, user=bob), Role.ADMIN)
    aliases.move(bob, artifact, "production", v2, ORIGIN)
    teams.change_role(alice, Membership.objects.get(team=acme, user=bob), Role.EDITOR)

    with pytest.raises(AliasProtected):
        aliases.move(bob, artifact, "production", v1, ORIGIN)


def test_the_deactivated_move_nothing(api, alice, artifact, guarded, v2):
    client = api(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)

    answer = client.post(f"/api/v1/artifacts/{artifact.pk}/aliases", {"alias": "production", "version_id": str(v2.pk)})
    assert answer.status_code == 401
    assert where(artifact)["production"] == "v1"


def test_who_sees_which_rules(alice, vera, mallory, acme, project, artifact):
    for place in (acme, project, artifact):
        rules.create(alice, place, "production")
    theirs = teams.create(mallory, "umbrella")
    rules.create(mallory, theirs, "production")

    assert AliasRule.objects.visible_to(vera).count() == 3
    assert AliasRule.objects.visible_to(mallory).count() == 1
    Project.objects.filter(pk=project.pk).update(visibility="internal")
    # What keeps an alias in a project that one sees is no secret; the team's own rules stay with its members.
    assert {rule.place for rule in AliasRule.objects.visible_to(mallory).for_display()} == {
        "team umbrella", "project acme/demo", "artifact acme/demo/data",
    }  # fmt: skip


def test_rules_cost_one_query_however_many(alice, acme, artifact, v1, django_assert_num_queries):
    for number in range(5):
        rules.create(alice, acme, f"a{number}")
        rules.create(alice, artifact, f"b{number}")
    loaded = Artifact.objects.select_related("project__team").get(pk=artifact.pk)

    with django_assert_num_queries(1):
        assert len({rule.place for rule in rules.rules_for(loaded)}) == 2


def test_an_open_draft_is_nobodys_protected_version(bob, artifact, guarded):
    draft = begin(bob, artifact, {"draft": b"draft"}).version

    versions.delete(bob, draft, ORIGIN)
    draft.refresh_from_db()
    assert draft.state == "deleted"
