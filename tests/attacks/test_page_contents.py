"""What pages and the API say: nothing that is called or written in a private project is on any page of a stranger.

Every URL that there is gets asked, about what the stranger may see, about what not, and about both mixed. All that is
private has the same mark in its name or text, which is then looked for in each answer.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, unquote
from uuid import UUID

import pytest
from django.http import HttpResponse
from django.urls import URLPattern, get_resolver
from django.utils.html import escape

from accounts import invitations, keys, service_accounts
from accounts.actor import Actor
from accounts.models import Membership, Role, Team, User
from artifacts import artifacts, links, versions
from artifacts.aliases import aliases, proposals, protection
from artifacts.lineage import usages
from artifacts.models import Artifact, ArtifactVersion
from artifacts.references import external_stores
from hierarchies import archives, data_indexes, hierarchies, records, retention_rules
from hierarchies.record_specs import RecordSpec
from notifications import tasks, watches, webhooks
from notifications.models import InboxItem, InboxReason
from projects.models import Project, Run, Visibility
from tests.artifacts.client import log
from tests.conftest import HTMX, person
from tests.tracking.test_files import save
from tracking import streams
from tracking.models import Stream

MARK = "hushhush"
# Found by it, and not itself the mark: a page may repeat what it was asked for.
PART = "hushhu"
SKIPPED = ("admin/", "healthz", "readyz", "static")


def urls() -> Iterator[tuple[str, URLPattern]]:
    def visit(patterns: Any, prefix: str) -> Iterator[tuple[str, URLPattern]]:
        for pattern in patterns:
            path = prefix + str(pattern.pattern)
            if hasattr(pattern, "url_patterns"):
                yield from visit(pattern.url_patterns, path)
            elif not path.startswith(SKIPPED):
                yield path, pattern

    return visit(get_resolver().url_patterns, "")


URLS = {path: pattern for path, pattern in urls() if not pattern.name or not pattern.name.startswith("wandb-")}
# Those of the official client, which asks with an API key. What it asks `/graphql`, a test of its own does.
WANDB_URLS = {
    "wandb-manifest": "/artifactsV2/manifests/{version_id}/wandb_manifest.json",
    "wandb-file-in-collection": "/artifactsV2/default/{team}/{project}/{name}/x/{md5}/x",
    "wandb-file-of-birth": "/artifactsV2/default/{team}/x/{md5}",
    "wandb-file-in-entity": "/artifacts/{team}/{md5}",
    "wandb-file-stream": "/files/{team}/{project}/{run_name}/file_stream",
    "wandb-graphql": "/graphql",
    "wandb-ready": "/ready",
    "wandb-authorize": "/authorize",
    "wandb-telemetry": "/sdk/otel/v1/metrics",
}


@pytest.fixture
def zed(db) -> User:
    return person("zed")


@pytest.fixture
def team(zed) -> Team:
    """With a private project in which everything has the mark, and an internal one that it is at work with."""
    team = Team.objects.create(name="zeta", created_by=zed)
    Membership.objects.create(team=team, user=zed, role=Role.ADMIN)
    return team


@pytest.fixture
def helper(team) -> User:
    """An editor of the same team, by whom moves are proposed."""
    user = person("helper")
    Membership.objects.create(team=team, user=user, role=Role.EDITOR)
    return user


def fill(owner: User, helper: User, team: Team, name: str, mark: str, visibility: Visibility) -> dict[str, object]:
    """A project with one of everything, each called after `mark`; what URLs name of it."""
    actor = Actor(owner)
    project = Project.objects.create(
        team=team, name=name, description=f"{mark} project", visibility=visibility, created_by=owner
    )
    run = Run.objects.create(
        project=project, name=f"{mark}-run", display_name=f"{mark} run", notes=f"{mark} notes", created_by=owner,
        config={f"{mark}-key": mark}, summary={mark: 1}, tags=[f"{mark}-tag"], job_type=mark, group=mark, host=mark,
        git_remote=f"https://example.org/{mark}.git",
    )  # fmt: skip
    artifact = artifacts.create(
        actor, project, f"{mark}-data", "dataset", description=f"{mark} data", tags=[f"{mark}-t"], metadata={mark: mark}
    )
    files = {f"{mark}.txt": f"{mark} content".encode(), f"{mark}-folder/x.csv": f"{mark}\n1\n".encode()}
    old = log(owner, artifact, files, f"{mark}-alias")
    versions.describe(actor, old, description=f"{mark} description", notes=f"{mark} notes", metadata={mark: [mark]})
    ArtifactVersion.objects.filter(pk=old.pk).update(run=run)
    new = log(owner, artifact, {f"{mark}.txt": f"{mark} changed".encode()})
    aliases.move(Actor(owner, reason=f"{mark} reason"), artifact, f"{mark}-alias", new)
    usages.use(actor, run, artifact.name, alias="latest")
    rule = protection.create(actor, artifact, f"{mark}-pattern-*", needs_approval=True)
    protection.create(actor, project, f"{mark}-project-*")
    proposal = proposals.propose(Actor(helper, reason=f"{mark} proposal"), artifact, f"{mark}-pattern-1", old)
    webhook = webhooks.create(actor, project, f"https://8.8.8.8/{mark}", events=["alias.moved"])
    delivery = webhooks.test(actor, webhook)
    store = external_stores.create(actor, team, name=f"{mark} store", prefix=f"s3://{mark}", reads_as="nobody")
    hierarchy = hierarchies.create(
        actor, project, f"{mark}-trees", description=f"{mark} trees", level_labels={"0": f"{mark} level"}
    )
    root, record = records.create_many(
        actor, hierarchy, [RecordSpec({mark: mark}), RecordSpec({f"{mark}-name": mark}, "#0", tags=[f"{mark}-tag"])]
    )
    archive = archives.record(hierarchy, archives.write(hierarchy, [record]))
    streams.append(actor, run, Stream.CONSOLE, 0, [f"{mark} line"])
    image = {"_type": "image-file", "path": f"{mark}.txt", "caption": f"{mark} caption"}
    streams.append(actor, run, Stream.HISTORY, 0, [json.dumps({"_step": 0, f"{mark}-media": image})])
    save(owner, run, f"{mark}.txt", f"{mark} saved".encode())
    account = service_accounts.create(actor, team, f"{mark}-account", description=f"{mark} account").user
    return {
        "account": account.username, "account_key_id": keys.issue(user=account, name=f"{mark} account key")[0].pk,
        "hierarchy": hierarchy.name, "hierarchy_id": hierarchy.pk, "record_id": root.pk, "archive_id": archive.pk,
        "index_id": data_indexes.create(actor, hierarchy, f"{mark}-name").pk,
        "retention_rule_id": retention_rules.create(actor, hierarchy, level=0, keep_last=1).pk,
        "probe_id": UUID(int=1),
        "organization": team.name, "registry": name,
        "team": team.name, "project": name, "type": "dataset", "name": artifact.name, "version": "v1",
        "path": f"{mark}.txt", "username": owner.username, "alias": f"{mark}-alias", "webhook_id": webhook.pk,
        "delivery_id": delivery.pk, "store_id": store.pk, "rule_id": rule.pk, "proposal_id": proposal.pk,
        "project_id": project.pk, "run_id": run.pk, "artifact_id": artifact.pk, "version_id": old.pk,
        "file_id": old.files.first().pk,
        "md5": hashlib.md5(files[f"{mark}.txt"]).hexdigest(), "run_name": run.name,
        "watch_id": watches.watch(actor, project).watch.pk,
        "notice_id": InboxItem.objects.create(user=owner, event=delivery.event, reason=InboxReason.CONCERNED).pk,
    }  # fmt: skip


@pytest.fixture
def secret(zed, helper, team) -> dict[str, object]:
    names = fill(zed, helper, team, f"{MARK}-project", MARK, Visibility.PRIVATE)
    key, _ = keys.create(Actor(zed), f"{MARK} key")
    invitation, token = invitations.create(Actor(zed), team, Role.VIEWER, f"{MARK}@example.org")
    return names | {
        "key_id": key.pk,
        "invitation_id": invitation.pk,
        "own_id": invitation.pk,
        "token": "x" * len(token),
    }


@pytest.fixture
def known(zed, helper, team, secret) -> dict[str, object]:
    """What everybody sees, entangled with what nobody else does."""
    names = fill(zed, helper, team, "open", "open", Visibility.INTERNAL)
    artifact = Artifact.objects.get(pk=names["artifact_id"])
    hidden_run = Run.objects.get(pk=secret["run_id"])
    hidden = Artifact.objects.get(pk=secret["artifact_id"])
    # Runs of the private project use what everybody sees, and the other way around.
    for number in ("v1", "v2"):
        usages.use(Actor(zed), hidden_run, artifact.full_name, version=number)
        usages.use(Actor(zed), Run.objects.get(pk=names["run_id"]), hidden.full_name, version=number)
    # Rules of the team are for its members; they cover what everybody sees.
    protection.create(Actor(zed), team, "open-ali*")
    Team.objects.filter(pk=team.pk).update(display_name=f"{MARK} team")
    protection.create(Actor(zed), team, f"{MARK}-team-*")
    return names | {name: secret[name] for name in ("key_id", "invitation_id", "own_id", "token")}


@pytest.fixture
def people(zed, team, secret, known, acme, mallory, vera) -> dict[str, User]:
    """A stranger, who was in the team once and watched all of it, and a member of another team."""
    membership = Membership.objects.create(team=team, user=mallory, role=Role.EDITOR)
    for names in (secret, known):
        project = Project.objects.get(pk=names["project_id"])
        artifact = Artifact.objects.get(pk=names["artifact_id"])
        secret["watch_id"] = watches.watch(Actor(mallory), project).watch.pk
        watches.watch(Actor(mallory), project, artifact)
        aliases.move(Actor(zed), artifact, "watched", artifact.versions.get(number=1))
    tasks.announce()
    assert InboxItem.objects.filter(user=mallory).count() >= 2
    secret["notice_id"] = InboxItem.objects.filter(user=mallory, event__project=secret["project_id"]).first().pk
    membership.delete()
    return {"mallory": mallory, "vera": vera}


def paths(pattern: str, known: dict[str, object], secret: dict[str, object]) -> list[str]:
    """The URL of what everybody sees, of what is private, and of the one with a single part of the other."""
    parts = re.findall(r"<(?:\w+:)?(\w+)>", pattern)
    choices = [dict.fromkeys(parts, known), dict.fromkeys(parts, secret)]
    choices += [dict.fromkeys(parts, known) | {part: secret} for part in parts]
    urls = []
    for choice in choices:
        url = pattern
        for part, names in choice.items():
            url = re.sub(rf"<(?:\w+:)?{part}>", quote(str(names[_key(part, pattern)])), url)
        urls.append("/" + url)
    return list(dict.fromkeys(urls))


def questions(pattern: str, known: dict[str, object], secret: dict[str, object], name: str) -> list[tuple[str, str]]:
    """Every path; one of the two people also asks the first with every query."""
    first, *others = paths(pattern, known, secret)
    return [(path, "") for path in others] + [
        (first, query) for query in queries(secret) if name == "mallory" or not query
    ]


def _key(part: str, pattern: str) -> str:
    if part != "name":
        return part
    if pattern.startswith("api/") or "teams" in pattern:
        return "team"
    return "run_name" if "/runs/" in pattern else "name"


def queries(secret: dict[str, object]) -> list[str]:
    """What else may be asked: by the names and ids of what is private, and by a part of the mark."""
    options = ["", f"?q={PART}", f"?search={PART}", f"?only=runs&q={PART}", f"?filter={PART}", "?path=open-folder/"]
    full_name = f"{secret['team']}/{secret['project']}"
    options += [f"?project={full_name}", f"?project={secret['project_id']}", f"?team={secret['team']}"]
    options += [f"?name={full_name}/{secret['name']}:latest", f"?artifact={secret['artifact_id']}"]
    options += ["?base=v1&head=v2&path=open.txt", f"?tag={secret['name']}"]
    options += [f"?selectionPath={full_name}/{secret['name']}&version=v1"]
    return options


def response_text(response: HttpResponse, path: str, query: str = "") -> str:
    """The answer, its headers too, without what it repeats of the question."""
    body = b"".join(response) if response.streaming else response.content
    text = body.decode(errors="replace") + repr(list(response.headers.items()))
    repeated = [path + query, query, path, *(value for _, value in parse_qsl(query.removeprefix("?")))]
    repeated += [*map(unquote, path.split("/")), *(value.partition(":")[0] for value in repeated)]
    # The longest first: a short one such as "/" is in others.
    for part in sorted(filter(None, repeated), key=len, reverse=True):
        for form in (part, quote(part), quote(part, safe=""), escape(part), escape(quote(part, safe=""))):
            text = text.replace(form, "")
    return text


@pytest.mark.parametrize("part", range(3))
@pytest.mark.parametrize("name", ["mallory", "vera"])
def test_no_page_says_what_is_private(name, part, people, browser, secret, known):
    client = browser(people[name])
    pages = [path for path in URLS if not path.startswith("api/")]
    assert len(pages) > 60
    leaks = set()
    statuses = []
    for pattern in pages[part::3]:
        requests = [(path, query, {}) for path, query in questions(pattern, known, secret, name)]
        for path, query, headers in [*requests, (requests[0][0], "", HTMX)]:
            response = client.get(path + query, headers=headers)
            statuses.append(response.status_code)
            assert response.status_code < 500, path + query
            if MARK in response_text(response, path, query):
                leaks.add(path + query)
    assert leaks == set()
    assert statuses.count(200) > 10


@pytest.mark.parametrize("name", ["mallory", "vera"])
def test_no_form_says_what_is_private(name, people, browser, secret, known):
    client = browser(people[name])
    body = {
        "project": secret["project_id"], "name": secret["name"], "team": Team.objects.get(name="zeta").pk,
        "type": "model", "alias": secret["alias"], "username": "zed", "role": "viewer", "version": "v1", "q": PART,
    }  # fmt: skip
    leaks = set()
    for pattern in (path for path in URLS if not path.startswith("api/") and path != "logout"):
        for path in paths(pattern, known, secret):
            response = client.post(path, body)
            text = response_text(response, path).replace(str(secret["name"]), "").replace(str(secret["alias"]), "")
            assert response.status_code < 500, path
            if MARK in text:
                leaks.add(pattern)
    assert leaks == set()


@pytest.mark.parametrize("name", ["mallory", "vera"])
def test_no_answer_of_the_api_says_what_is_private(name, people, api, secret, known):
    client = api(people[name])
    calls = {path: pattern for path, pattern in URLS.items() if path.startswith("api/")}
    assert len(calls) > 40
    leaks = set()
    statuses = []
    for pattern in calls:
        for path, query in questions(pattern, known, secret, name):
            response = client.get(path + query)
            statuses.append(response.status_code)
            assert response.status_code < 500, path + query
            if MARK in response_text(response, path, query):
                leaks.add(path + query)
    assert leaks == set()
    assert statuses.count(200) > 20


@pytest.fixture
def linked(zed, secret, known) -> dict[str, object]:
    """A link in a collection that everybody sees. Of its source, which is private, only the files are for everybody."""
    actor, project = Actor(zed), Project.objects.get(pk=secret["project_id"])
    hidden = artifacts.create(actor, project, f"{MARK}-source", "dataset")
    source = log(zed, hidden, {"open.txt": b"open", "README.md": b"# Open\n\n![](open.png) [](open.txt)"})
    ArtifactVersion.objects.filter(pk=source.pk).update(run=secret["run_id"])
    usages.use(actor, Run.objects.get(pk=secret["run_id"]), hidden.full_name, version="v1")
    link = links.link_by_name(
        actor, source, Project.objects.get(pk=known["project_id"]), "open-links", aliases=["best"]
    )
    links.link_by_name(actor, source, project, f"{MARK}-links")
    links.link_by_name(actor, Artifact.objects.get(pk=known["artifact_id"]).versions.get(number=1), project, MARK)
    return known | {
        "name": link.artifact.name, "version": "v0", "path": "open.txt", "alias": "best",
        "artifact_id": link.artifact_id, "version_id": link.pk, "file_id": link.files.first().pk,
    }  # fmt: skip


def test_a_link_says_nothing_of_a_private_source_but_its_files(mallory, browser, api, secret, linked):
    about = ("/artifacts/<str:type>/<str:name>", "<uuid:artifact_id>", "<uuid:version_id>", "<uuid:file_id>")
    patterns = [path for path in URLS if any(part in path for part in about)] + ["registry", "home/production"]
    assert len(patterns) > 80
    leaks, statuses = set(), []
    for pattern in patterns:
        hands = api(mallory) if pattern.startswith("api/") else browser(mallory)
        path = paths(pattern, linked, linked)[0]
        response = hands.get(path)
        statuses.append(response.status_code)
        assert response.status_code < 500, path
        if MARK in response_text(response, path):
            leaks.add(path)
    assert leaks == set()
    assert statuses.count(200) > 30


@pytest.mark.parametrize("name", ["mallory", "vera"])
def test_no_answer_to_the_official_client_says_what_is_private(name, people, client, secret, known):
    _, key = keys.create(Actor(people[name]), "wandb")
    headers = {"Authorization": f"Basic {base64.b64encode(f'api:{key}'.encode()).decode()}"}
    assert WANDB_URLS.keys() == {pattern.name for _, pattern in urls() if (pattern.name or "").startswith("wandb-")}
    for url in WANDB_URLS.values():
        parts = re.findall(r"{(\w+)}", url)
        for names in (secret, *(known | {part: secret[part]} for part in parts)):
            path = url.format(**names)
            for response in (client.get(path, headers=headers), client.post(path, headers=headers)):
                assert response.status_code < 500, path
                assert MARK not in response_text(response, path), path
                # Those without names lead nowhere that is private.
                assert response.status_code in (400, 403, 404, 405) or not parts, path


def test_the_mark_is_there_for_who_may_see_it(zed, browser, api, secret, known):
    """Otherwise the tests above would look for what is nowhere."""
    client, api_client = browser(zed), api(zed)
    base = f"/zeta/{secret['project']}"
    artifact = f"{base}/artifacts/dataset/{secret['name']}"
    assert MARK in client.get("/zeta/open/artifacts/dataset/open-data/v1").content.decode()
    for page in ("", "/runs", "/artifacts", f"/runs/{secret['run_name']}", "/webhooks", "/settings"):
        assert client.get(base + page).content.decode().count(MARK) > 2, page
    for page in ("", "/v1", "/versions", "/aliases", "/history", f"/v1/files/{secret['path']}"):
        assert client.get(artifact + page).content.decode().count(MARK) > 2, page
    for path in ("/inbox", "/profile", "/teams/zeta", f"/search?q={PART}"):
        assert MARK in client.get(path).content.decode(), path
    assert MARK in api_client.get(f"/api/v1/artifacts/{secret['artifact_id']}/aliases/history").content.decode()


def test_a_run_of_a_private_project_is_not_named_where_it_used_an_artifact(people, zed, browser, secret, known):
    page = "/zeta/open/artifacts/dataset/open-data/v1"

    assert "open-run" in browser(people["vera"]).get(page).content.decode()
    assert str(secret["run_name"]) in browser(zed).get(page).content.decode()
    assert str(secret["run_name"]) not in browser(people["vera"]).get(page).content.decode()


def test_rules_of_a_team_are_not_named_to_who_is_not_in_it(people, zed, browser):
    for page in (
        "/zeta/open/artifacts/dataset/open-data/aliases",
        "/zeta/open/artifacts/dataset/open-data/aliases/open-alias/history",
    ):
        of_member = browser(zed).get(page).content.decode()
        of_stranger = browser(people["vera"]).get(page).content.decode()
        assert "Protected by the rule open-ali*" in of_member
        assert "Protected: only admins can move it." in of_stranger
        assert "open-ali*" not in of_stranger
