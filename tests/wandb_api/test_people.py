"""Teams, members, service accounts, users and keys, as the official client reads and changes them."""

import pytest

from accounts import invitations, keys, service_accounts
from accounts.actor import Actor
from accounts.models import ApiKey, Invitation, Role, Team, User
from projects.models import Project, Visibility
from tests.wandb_api.graphql_client import GraphqlClient, Refused, b64

TEAM = """query Entity($name: String!) { entity(name: $name) { id name available isTeam readOnly
    readOnlyAdmin privateOnly storageBytes codeSavingEnabled defaultAccess isPaid photoUrl limits
    members { id admin pending email username name photoUrl accountType apiKey role } } }"""
USERS = """query SearchUsers($text: String) { users(query: $text) { edges { node { id name username email admin flags
    entity deletedAt apiKeys { edges { node { id name description } } } teams { edges { node { name } } } } } } }"""


@pytest.fixture
def wandb(alice) -> GraphqlClient:
    return GraphqlClient(alice)


def members(client: GraphqlClient, name: str = "acme") -> list[dict]:
    return client.ask(TEAM, name=name)["entity"]["members"]


def named(client: GraphqlClient, query: str) -> list[str]:
    return [edge["node"]["username"] for edge in client.ask(USERS, text=query)["users"]["edges"]]


def test_a_team_is_created_and_filled(wandb, alice, bob):
    assert wandb.mutate("createTeam", "entity { id name available photoUrl limits }", teamName="lab")["entity"]["name"]
    invite = "invite { id name email createdAt toUser { name } }"
    found = wandb.mutate("createInvite", invite, entityName="lab", username="bob", admin=True)["invite"]
    assert Invitation.objects.get(invitee=bob).role == Role.ADMIN
    [own, pending] = members(wandb, "lab")
    assert (own["username"], own["admin"], own["pending"], own["accountType"]) == ("alice", True, False, "USER")
    assert (pending["id"], pending["name"], pending["pending"]) == (found["id"], "bob", True)

    for _ in range(2):
        assert wandb.mutate("deleteInvite", "success", id=pending["id"], entityName="lab") == {"success": True}
    assert len(members(wandb, "lab")) == 1 and not Invitation.objects.exists()
    with pytest.raises(Refused, match="The name 'lab' is taken"):
        wandb.mutate("createTeam", "entity { id }", teamName="lab")
    with pytest.raises(Refused, match="invite 'bob' to it afterwards"):
        wandb.mutate("createTeam", "entity { id }", teamName="other", teamAdminUserName="bob")


def test_somebody_is_invited_by_e_mail(wandb, acme, settings, mailoutbox):
    invite = {"entityName": "acme", "email": "carol@example.org"}
    wandb.mutate("createInvite", "invite { id }", **invite)
    [message] = mailoutbox
    assert message.to == ["carol@example.org"] and f"{settings.BASE_URL}/invite/" in message.body
    assert Invitation.objects.get().role == Role.EDITOR
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    with pytest.raises(Refused, match="This server sends no e-mail"):
        wandb.mutate("createInvite", "invite { id }", **invite)
    assert Invitation.objects.count() == 1


def test_a_service_account_is_the_last_member(wandb, alice, bob, acme):
    for number in range(2):
        made = wandb.mutate("createServiceAccount", "user { id name }", entityName="acme", description="CI jobs")[
            "user"
        ]
        last = members(wandb)[-1]
        name = ("acme-ci-jobs", "acme-ci-jobs-2")[number]
        assert (last["id"], last["username"], last["name"]) == (made["id"], name, "CI jobs")
        assert (last["accountType"], last["apiKey"]) == ("SERVICE", None)
    robot = User.objects.get(username="acme-ci-jobs")
    client = GraphqlClient(robot)
    assert client.ask("{ viewer { username entity } }") == {"viewer": {"username": "acme-ci-jobs", "entity": "acme"}}
    made = client.mutate("upsertModel", "project { entityName name } inserted", name="prices")
    assert made == {"project": {"entityName": "acme", "name": "prices"}, "inserted": True}
    with pytest.raises(Refused, match="You need the Admin role in acme"):
        client.mutate("generateApiKey", "apiKey { name }")
    assert wandb.mutate("deleteInvite", "success", id=b64(f"User:{robot.pk}"), entityName="acme") == {"success": True}
    assert client.post("{ viewer { id } models { edges { cursor } } }").status_code == 401


def test_what_admins_do_others_may_not(bob, mallory, acme, alice):
    calls = (
        ("createInvite", "invite { id }", {"username": "mallory"}),
        ("createServiceAccount", "user { id }", {"description": "CI"}),
        ("deleteInvite", "success", {"id": b64(f"User:{alice.pk}")}),
    )
    for name, selection, input in calls:
        with pytest.raises(Refused, match="You need the Admin role in acme"):
            GraphqlClient(bob).mutate(name, selection, entityName="acme", **input)
        with pytest.raises(Refused, match="Team 'acme' not found"):
            GraphqlClient(mallory).mutate(name, selection, entityName="acme", **input)
    # Whoever is no admin does not see who is invited; who is outside sees no member, though they see a project.
    invitations.invite_user(Actor(alice), acme, "carol", Role.VIEWER)
    assert "carol" not in [one["name"] for one in members(GraphqlClient(bob))]
    Project.objects.create(team=acme, name="open", created_by=alice, visibility=Visibility.INTERNAL)
    seen = GraphqlClient(mallory).ask('{ project(name: "open", entityName: "acme") { entity { members { name } } } }')
    assert seen["project"]["entity"]["members"] == []


def test_users_are_found_by_exact_name(wandb, alice, bob, mallory, acme):
    assert named(wandb, "bob") == ["bob"] and named(wandb, "bo") == [] and named(wandb, "mallory") == []
    assert named(wandb, "alice@example.org") == ["alice"] and named(wandb, "bob@example.org") == []
    [edge] = wandb.ask(USERS, text="bob")["users"]["edges"]
    assert (edge["node"]["email"], edge["node"]["apiKeys"], edge["node"]["teams"]["edges"]) == (None, None, [])

    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    assert named(wandb, "mallory@example.org") == ["mallory"]
    user = "user { id name username email admin }"
    made = wandb.mutate("createUser", user, email="dora.b@example.org", admin=True)["user"]
    assert (made["username"], made["email"], made["admin"]) == ("dora.b", "dora.b@example.org", True)
    with pytest.raises(Refused, match="a user with the address"):
        wandb.mutate("createUser", user, email="dora.b@example.org")
    with pytest.raises(Refused, match="Only staff who may add users"):
        GraphqlClient(bob).mutate("createUser", user, email="eve@example.org")


def test_keys_are_created_and_revoked(wandb, alice, bob):
    key = wandb.mutate("generateApiKey", "apiKey { id name description }", description="  laptop\n")["apiKey"]
    assert keys.find_active(key["name"]).user == alice and key["description"] == "laptop"
    listed = wandb.ask("{ viewer { apiKeys { edges { node { id name } } } } }")["viewer"]["apiKeys"]["edges"]
    assert {"id": key["id"], "name": key["name"][:12]} in [edge["node"] for edge in listed]
    GraphqlClient(bob).mutate("deleteApiKey", "success", id=key["id"])
    assert keys.find_active(key["name"])
    for _ in range(2):
        assert wandb.mutate("deleteApiKey", "success", id=key["id"]) == {"success": True}
    assert not ApiKey.objects.filter(name="laptop").exists()


def test_a_project_is_renamed_and_deleted(wandb, bob, project):
    rename = {"entityName": "acme", "oldProjectName": "demo", "newProjectName": "shown"}
    found = wandb.mutate("renameProject", "project { id name }", **rename)["project"]
    assert found["name"] == "shown"
    read_only = '{ project(entityName: "acme", name: "shown") { readOnly } }'
    assert wandb.ask(read_only) == {"project": {"readOnly": False}}
    with pytest.raises(Refused, match="You need the Admin role in acme"):
        GraphqlClient(bob).mutate("deleteModel", "success", id=found["id"])
    for _ in range(2):
        assert wandb.mutate("deleteModel", "success", id=found["id"]) == {"success": True}
    assert not Project.objects.filter(pk=project.pk).exists()


def test_members_are_one_query(wandb, alice, acme, django_assert_num_queries):
    document = 'query { entity(name: "acme") { name members { name username email accountType } } }'
    with django_assert_num_queries(4):
        wandb.execute(document)
    for number in range(3):
        service_accounts.create(Actor(alice), acme, f"robot-{number}")
        invitations.invite_user(Actor(alice), acme, f"guest-{number}", Role.VIEWER)
    with django_assert_num_queries(4):
        assert len(wandb.execute(document)["entity"]["members"]) > 6
    assert Team.objects.filter(name="acme").exists()
