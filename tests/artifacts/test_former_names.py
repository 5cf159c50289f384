"""What was renamed is found by its old name, nobody else gets that name for a time, and numbers go on for ever."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts import teams, users
from accounts.actor import Actor, Channel
from accounts.models import SERVER, FormerName, Role, Team, User
from artifacts import artifacts, former_names, name_resolution, tasks, versions
from artifacts.aliases import aliases, protection
from artifacts.errors import Conflict, Denied, NameReserved, NameTaken, VersionNotFound
from artifacts.lineage import usages
from artifacts.models import Artifact
from projects import projects
from projects.models import Project
from tests.artifacts.client import at_once, log

RESOLVE = "/api/v1/artifacts/resolve"
LONG_AGO = timedelta(days=91)


def meant(user: User, name: str) -> tuple[str, str]:
    resolved = name_resolution.resolve(user, name)
    return resolved.artifact.full_name, resolved.version.version


def rename(actor: Actor, what: Team | Project | Artifact, name: str) -> None:
    module = {Team: teams, Project: projects, Artifact: artifacts}[type(what)]
    module.update(actor, type(what).objects.get(pk=what.pk), name=name)


def pass_time() -> None:
    for row in FormerName.objects.all():
        FormerName.objects.filter(pk=row.pk).update(freed_at=row.freed_at - LONG_AGO)


@pytest.fixture
def protected(alice, project, artifact, v1) -> Artifact:
    aliases.move(Actor(alice), artifact, "production", v1)
    protection.create(Actor(alice), project, "production")
    return artifact


def test_every_old_name_leads_to_what_was_renamed(api, alice, bob, vera, acme, project, artifact, v1, run):
    rename(Actor(bob), artifact, "rows")
    rename(Actor(bob), project, "trial")
    rename(Actor(alice), acme, "umbrella")

    for name in ("acme/demo/data", "ACME/trial/rows", "umbrella/demo/data", "acme/trial/data", "umbrella/trial/rows"):
        assert meant(vera, f"{name}:v1") == meant(vera, name) == ("umbrella/trial/rows", "v1")
        answer = api(vera).get(RESOLVE, {"name": f"{name}:latest"})
        assert (answer.status_code, answer.json()["artifact"]["name"]) == (200, "rows")
    assert usages.use(Actor(bob), run, "data:latest").resolved.artifact.name == "rows"

    client = api(bob)
    assert client.get("/api/v1/teams/acme").json()["name"] == "umbrella"
    assert [row["full_name"] for row in client.get("/api/v1/projects?team=acme&name=demo").json()["items"]] == [
        "umbrella/trial"
    ]
    listed = client.get("/api/v1/artifacts", {"project": "acme/demo", "name": "data"}).json()["items"]
    assert [row["name"] for row in listed] == ["rows"]
    started = client.post("/api/v1/runs", {"project": "acme/demo"}).json()
    assert started["project_name"] == "umbrella/trial"


def test_a_name_resolves_for_nobody_who_does_not_see_what_it_leads_to(api, mallory, bob, project, artifact, v1):
    rename(Actor(bob), artifact, "rows")
    rename(Actor(bob), project, "trial")

    for name in ("acme/demo/data", "acme/trial/data", "acme/demo/rows"):
        assert api(mallory).get(RESOLVE, {"name": name}).status_code == 404
    assert api(mallory).get("/api/v1/teams/acme").status_code == 404


def test_an_old_name_is_kept_from_others_until_its_time_is_over(api, alice, bob, mallory, acme, project, artifact, v1):
    rename(Actor(bob), artifact, "rows")
    rename(Actor(bob), project, "trial")
    rename(Actor(alice), acme, "umbrella")
    body = {"project": "umbrella/trial", "name": "data", "type": "model"}

    # A program that goes on to log under the old name logs to what was renamed.
    taken = api(bob).post("/api/v1/artifacts", body)
    assert (taken.status_code, taken.json()["code"], taken.json()["artifact_id"]) == (
        409,
        "NameTaken",
        str(artifact.pk),
    )
    assert "was renamed to 'rows'" in taken.json()["detail"]
    for client, url, sent in (
        (api(alice), "/api/v1/projects", {"team": "umbrella", "name": "demo"}),
        (api(mallory), "/api/v1/teams", {"name": "Acme"}),
    ):
        kept = client.post(url, sent)
        assert (kept.status_code, kept.json()["code"]) == (409, "NameReserved")
        assert "reserved until" in kept.json()["detail"] and "umbrella" not in kept.json()["detail"].lower()
    for name in ("acme", "ACME"):
        with pytest.raises(NameReserved):
            users.create(name)
    assert not User.objects.filter(username__iexact="acme").exists()
    with pytest.raises(NameReserved):
        rename(Actor(bob), projects.create(Actor(bob), acme, "second"), "demo")

    pass_time()
    assert api(mallory).post("/api/v1/teams", {"name": "acme"}).status_code == 201
    for name in ("acme/demo/data", "umbrella/demo/data", "umbrella/trial/data"):
        assert api(bob).get(RESOLVE, {"name": name}).status_code == 404
    assert projects.create(Actor(bob), Team.objects.get(name="umbrella"), "demo").name == "demo"


def test_how_long_is_a_setting(bob, vera, project, artifact, v1, settings):
    rename(Actor(bob), artifact, "rows")
    settings.FORMER_NAME_LIFE = timedelta(0)

    assert artifacts.create(Actor(bob), project, "data", "model").name == "data"
    # What was given to another stays so, however long names are kept from now on.
    settings.FORMER_NAME_LIFE = timedelta(days=1000)
    assert name_resolution.find_artifact(vera, "acme/demo/data").type == "model"


def test_one_goes_back_to_ones_own_old_name(alice, bob, vera, acme, project, artifact, v1):
    for what, names in ((artifact, ("rows", "data")), (project, ("trial", "demo")), (acme, ("umbrella", "acme"))):
        for name in names * 2:
            rename(Actor(alice), what, name)
    assert meant(vera, "acme/demo/data:v1") == meant(vera, "umbrella/trial/rows:v1") == ("acme/demo/data", "v1")
    assert set(FormerName.objects.values_list("name", flat=True)) == {"rows", "trial", "umbrella"}


def test_a_team_that_writes_its_name_otherwise_gives_up_none(alice, acme):
    rename(Actor(alice), acme, "ACME")
    assert not FormerName.objects.exists()


def test_the_name_of_something_protected_is_kept_for_those_of_the_role(api, alice, bob, protected, project):
    with pytest.raises(Denied):
        artifacts.delete(Actor(bob), protected)
    artifacts.delete(Actor(alice), protected)

    refused = api(bob).post("/api/v1/artifacts", {"project": "acme/demo", "name": "data", "type": "model"})
    assert (refused.status_code, refused.json()["code"]) == (409, "NameReserved")
    assert "protected aliases when it was deleted. You need the Admin role in acme" in refused.json()["detail"]
    second = artifacts.create(Actor(bob), project, "second", "model")
    with pytest.raises(NameReserved):
        rename(Actor(bob), second, "data")
    assert log(alice, artifacts.create(Actor(alice), project, "data", "model"), {"a": b"a"}).version == "v2"


def test_the_names_of_a_protected_project_are_kept_when_it_is_deleted(alice, bob, acme, project, protected, other):
    log(bob, other, {"a": b"a"})
    projects.delete(Actor(alice), project)

    with pytest.raises(NameReserved):
        projects.create(Actor(bob), acme, "demo")
    again = projects.create(Actor(alice), acme, "demo")
    with pytest.raises(NameReserved):
        artifacts.create(Actor(bob), again, "data", "model")
    assert log(bob, artifacts.create(Actor(bob), again, "other", "model"), {"a": b"a"}).version == "v2"
    assert log(alice, artifacts.create(Actor(alice), again, "data", "model"), {"a": b"a"}).version == "v2"


def test_the_name_of_a_team_that_had_such_a_project_is_for_whoever_deleted_it(alice, mallory, acme, project, protected):
    projects.delete(Actor(alice), project)
    teams.delete(Actor(alice), acme)

    with pytest.raises(NameReserved):
        teams.create(Actor(mallory), "acme")
    with pytest.raises(NameReserved):
        users.create("Acme")
    again = projects.create(Actor(alice), teams.create(Actor(alice), "acme"), "demo")
    assert log(alice, artifacts.create(Actor(alice), again, "data", "model"), {"a": b"a"}).version == "v2"


def test_other_names_are_free_when_what_had_them_is_deleted(alice, bob, mallory, acme, project, artifact, v1):
    rename(Actor(bob), artifact, "rows")
    artifacts.delete(Actor(bob), artifact)
    for name in ("data", "rows"):
        assert artifacts.create(Actor(bob), project, name, "model").last_assigned_number == 1
    rename(Actor(bob), Artifact.objects.get(name="rows"), "lines")
    projects.delete(Actor(alice), project)
    again = projects.create(Actor(bob), acme, "demo")
    assert artifacts.create(Actor(bob), again, "rows", "model").last_assigned_number == 1
    projects.delete(Actor(alice), again)
    teams.delete(Actor(alice), acme)
    assert teams.create(Actor(mallory), "acme").name == "acme"


def test_numbers_go_on_however_a_name_comes_back(alice, bob, vera, acme, project, artifact, v1, v2):
    """`acme/demo/data:v1` means one version for ever, or that it was deleted."""
    artifacts.delete(Actor(bob), artifact)
    again = artifacts.create(Actor(bob), project, "data", "model")
    with pytest.raises(VersionNotFound, match=r"Version v2 of artifact 'data' was deleted\."):
        name_resolution.resolve(vera, "acme/demo/data:v2")
    assert log(bob, again, {"a": b"a"}).version == "v3"

    projects.delete(Actor(alice), project)
    project = projects.create(Actor(bob), acme, "demo")
    assert log(bob, artifacts.create(Actor(bob), project, "data", "model"), {"a": b"a"}).version == "v4"

    rename(Actor(alice), project, "trial")
    rename(Actor(alice), acme, "umbrella")
    pass_time()
    assert former_names.prune() == 0
    acme = teams.create(Actor(bob), "acme")
    project = projects.create(Actor(bob), acme, "demo")
    # What was in a team of another's is told to nobody, so all numbers go on from one that is above them all.
    assert log(bob, artifacts.create(Actor(bob), project, "data", "model"), {"a": b"a"}).version == "v101"


@pytest.mark.parametrize("fate", ["renamed", "deleted"])
def test_who_takes_the_free_name_of_a_team_learns_nothing_of_what_was_in_it(
    api, alice, bob, mallory, acme, project, artifact, v1, v2, fate
):
    if fate == "renamed":
        rename(Actor(alice), acme, "umbrella")
    else:
        artifacts.delete(Actor(bob), artifact)
        projects.delete(Actor(alice), project)
        teams.delete(Actor(alice), acme)
    pass_time()
    former_names.prune()
    guild = teams.create(Actor(mallory), "guild")
    for name in ("demo", "fresh"):
        log(
            mallory, artifacts.create(Actor(mallory), projects.create(Actor(mallory), guild, name), "data", "model"), {}
        )
    with pytest.raises(Conflict, match=r"Versions up to v100 keep the meaning") as refusal:
        rename(Actor(mallory), guild, "acme")
    assert "data" not in str(refusal.value) and "demo" not in str(refusal.value)

    taken = teams.create(Actor(mallory), "acme")
    answers = {}
    for name, data in (("demo", "data"), ("demo", "fresh"), ("fresh", "data")):
        made = Project.objects.filter(team=taken, name=name).first() or projects.create(Actor(mallory), taken, name)
        artifact = artifacts.create(Actor(mallory), made, data, "model")
        version = log(mallory, artifact, {"a": b"a"}).version
        renamed = api(mallory).patch(f"/api/v1/artifacts/{artifact.pk}", {"name": f"{data}-again"}).status_code
        back = api(mallory).patch(f"/api/v1/artifacts/{artifact.pk}", {"name": data}).status_code
        answers[name, data] = version, renamed, back
    assert set(answers.values()) == {("v101", 200, 200)}


def test_nothing_is_renamed_to_where_its_numbers_meant_others(alice, bob, acme, project, artifact, other, v1, v2):
    log(bob, other, {"a": b"a"})
    empty = artifacts.create(Actor(bob), project, "empty", "model")
    elsewhere = projects.create(Actor(bob), acme, "elsewhere")
    log(bob, artifacts.create(Actor(bob), elsewhere, "data", "model"), {"a": b"a"})
    artifacts.delete(Actor(bob), artifact)

    with pytest.raises(Conflict, match=r"acme/demo/data:v1 meant another version before: .* versions up to v2"):
        rename(Actor(bob), other, "data")
    rename(Actor(bob), empty, "data")
    assert log(bob, empty, {"a": b"a"}).version == "v3"

    projects.delete(Actor(alice), project)
    with pytest.raises(Conflict, match="acme/demo/data:v1 meant another"):
        rename(Actor(bob), elsewhere, "demo")
    elsewhere.refresh_from_db()
    assert elsewhere.name == "elsewhere"


def test_rules_are_checked_before_something_protected_gets_another_name(alice, bob, acme, project, protected):
    refusals = {}
    for what in (protected, project):
        with pytest.raises(
            Denied, match=r"Alias 'production' is protected by the rule production in project"
        ) as refusal:
            rename(Actor(bob), what, "renamed")
        refusals[type(what)] = str(refusal.value)
    assert "another name moves it. Only an admin of team 'acme' can do this." in refusals[Artifact]
    assert "this moves the one of artifact 'data'" in refusals[Project]

    rule = protection.create(Actor(alice), acme, "p*", needs_approval=True)
    for what in (protected, project, acme):
        with pytest.raises(Denied, match="an admin can change the rule"):
            rename(Actor(alice), what, "renamed")
    protection.delete(Actor(alice), rule)
    for what in (protected, project, acme):
        rename(Actor(alice), what, "renamed")
    assert not Team.objects.filter(name="acme").exists()


def test_a_rule_that_covers_no_alias_keeps_no_name(alice, bob, acme, project, artifact, v1):
    for pattern in ("prod*", "l?st", "latest.*", "v?", "LATEST"):
        protection.create(Actor(alice), acme, pattern)
    rename(Actor(bob), artifact, "rows")
    rename(Actor(bob), project, "trial")
    protection.create(Actor(alice), acme, "l?te*")
    with pytest.raises(Denied, match="Alias 'latest'"):
        rename(Actor(bob), project, "demo")


def test_an_artifact_with_rules_of_its_own_is_for_admins_to_delete(alice, bob, project, artifact, v1):
    protection.create(Actor(alice), artifact, "production", role=Role.EDITOR)
    with pytest.raises(Denied, match="The rule production in artifact acme/demo/data would be deleted"):
        artifacts.delete(Actor(bob), artifact)
    artifacts.delete(Actor(alice), artifact)
    assert artifacts.create(Actor(bob), project, "data", "model").last_assigned_number == 1


def test_clean_up_takes_what_leads_nowhere_any_more(alice, bob, acme, project, artifact, other, v1):
    rename(Actor(bob), other, "nothing")
    projects.delete(Actor(alice), projects.create(Actor(bob), acme, "empty"))
    rename(Actor(bob), artifact, "rows")
    tasks.run_gc()
    assert FormerName.objects.count() == 3
    pass_time()
    tasks.run_gc()
    # With a number of a version.
    assert [row.name for row in FormerName.objects.all()] == ["data"]


def test_staff_release_a_name(client, alice, bob, project, artifact, v1):
    rename(Actor(bob), artifact, "rows")
    client.force_login(User.objects.create_superuser("olga", "olga@example.org", "a good long password"))
    assert "data" in client.get("/admin/accounts/formername/").content.decode()
    row = FormerName.objects.get()
    sent = {"action": "release", "_selected_action": [str(row.pk)]}
    assert "Released 1 name." in client.post("/admin/accounts/formername/", sent, follow=True).content.decode()
    assert artifacts.create(Actor(bob), project, "data", "model").last_assigned_number == 1


def test_the_database_keeps_a_former_name_once(alice, artifact, bob):
    rename(Actor(bob), artifact, "rows")
    row = FormerName.objects.get()
    for columns in ({"name": ""}, {"role": "owner"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            FormerName.objects.filter(pk=row.pk).update(**columns)
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)
    assert FormerName.objects.of(SERVER, "data").count() == 0


def test_a_loaded_version_that_was_deleted_is_refused(api, bob, artifact, v1, v2, run):
    """As the SDK sends it for an artifact object that was found before."""
    versions.delete(Actor(bob, Channel.SDK), v1)
    answer = api(bob).post(f"/api/v1/runs/{run.pk}/use-artifact", {"name": "acme/demo/data:v1"})
    assert (answer.status_code, answer.json()["code"]) == (404, "VersionNotFound")
    assert answer.json()["detail"] == "Version v1 of artifact 'data' was deleted."


def test_a_plain_artifact_is_created_with_one_look_at_former_names(bob, project):
    with CaptureQueriesContext(connection) as queries:
        artifacts.create(Actor(bob), project, "plain", "model")
    assert sum(FormerName._meta.db_table in query["sql"] for query in queries) == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_rename_and_create_at_once_nobody_ends_with_two_meanings(alice, bob, vera, project, artifact, v1):
    answers = at_once(
        lambda: rename(Actor(bob), artifact, "rows"),
        lambda: artifacts.create(Actor(alice), project, "data", "model"),
    )
    assert isinstance(answers[1], NameTaken)
    assert meant(vera, "acme/demo/data:v1") == ("acme/demo/rows", "v1")


@pytest.mark.django_db(transaction=True)
def test_of_a_team_that_is_renamed_while_strangers_wait_for_its_name_nobody_gets_it(alice, vera, mallory, acme, v1):
    answers = at_once(
        lambda: rename(Actor(alice), acme, "umbrella"),
        lambda: teams.create(Actor(mallory), "Acme"),
        lambda: users.create("ACME"),
    )
    assert {type(answer) for answer in answers[1:]} <= {NameTaken, NameReserved}
    assert meant(vera, "acme/demo/data:v1") == ("umbrella/demo/data", "v1")
    assert not Team.objects.by_name("acme").exists() and not User.objects.filter(username__iexact="acme").exists()
