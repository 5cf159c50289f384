"""An artifact that begins at `v0`, as those do that the wandb client makes: it is a number like any other."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import FormerName
from artifacts import artifacts, current_version, former_names, name_resolution, search, versions
from artifacts.aliases import aliases, proposals, protection, rollbacks
from artifacts.drafts import Numbering
from artifacts.errors import AliasMoved, InvalidName, NameTaken, VersionNotFound
from artifacts.lineage import usages
from artifacts.models import AliasChange, Artifact, ArtifactVersion
from core.errors import Missing
from events.models import Event
from tests.artifacts.client import log
from tests.web.alias_pages import expected_fields

ZERO = {"zero.txt": b"zero\n"}
ONE = {"zero.txt": b"one\n", "more/one.txt": b"one\n"}


@pytest.fixture
def artifact(alice, project) -> Artifact:
    return artifacts.create(Actor(alice), project, "data", "dataset", first_number=0)


@pytest.fixture
def v0(bob, artifact) -> ArtifactVersion:
    return log(bob, artifact, ZERO, "prod")


@pytest.fixture
def v1(bob, artifact, v0) -> ArtifactVersion:
    return log(bob, artifact, ONE)


def walk(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, path)
        else:
            yield path, pattern


def test_the_first_version_is_v0(bob, artifact, v0):
    artifact.refresh_from_db()
    assert (v0.number, v0.version, v0.label, v0.title, str(v0)) == (0, "v0", "v0", "Version v0", "data:v0")
    assert v0.get_absolute_url().endswith("/acme/demo/artifacts/dataset/data/v0")
    assert (artifact.latest_version, artifact.last_assigned_number, artifact.version_count) == ("v0", 0, 1)
    # The same contents again are the same version.
    assert log(bob, artifact, ZERO, "again") == v0
    assert log(bob, artifact, ONE).version == "v1"


def test_it_is_found_by_its_number_and_by_its_aliases(bob, artifact, v0, v1):
    for name in ("data:v0", "data:prod"):
        assert name_resolution.resolve(bob, f"acme/demo/{name}").version == v0
    assert name_resolution.resolve(bob, "acme/demo/data", version="v0").version == v0
    assert name_resolution.resolve(bob, "acme/demo/data").version == v1
    assert name_resolution.resolve_pair(artifact) == (v0, v1)
    assert name_resolution.resolve_pair(artifact, "v0", "prod") == (v0, v0)
    with pytest.raises(VersionNotFound, match=r"no version 'v2'\. The latest is v1"):
        name_resolution.resolve(bob, "acme/demo/data:v2")


def test_an_artifact_without_one_says_so(alice, bob, project):
    other = artifacts.create(Actor(alice), project, "other", "dataset")
    with pytest.raises(VersionNotFound, match=r"no version 'v0'\. It has no versions yet"):
        name_resolution.resolve(bob, "acme/demo/other:v0")
    assert log(bob, other, {"a": b"a"}).version == "v1"
    with pytest.raises(VersionNotFound, match=r"no version 'v0'\. The latest is v1"):
        name_resolution.resolve(bob, "acme/demo/other:v0")
    with pytest.raises(InvalidName, match="'v0' cannot be an alias before there is version v0"):
        aliases.move(Actor(bob), other, "v0", other.versions.get(number=1))


def test_aliases_move_to_it_and_away_and_the_record_says_so(bob, artifact, v0, v1):
    with pytest.raises(AliasMoved, match="v0"):
        aliases.move(Actor(bob), artifact, "prod", v1, v1.pk)
    aliases.move(Actor(bob), artifact, "prod", v1)
    assert rollbacks.of_alias(artifact, "prod") == "v0"
    assert rollbacks.of_aliases(artifact, ["prod"]) == {"prod": "v0"}
    assert aliases.rollback(Actor(bob), artifact, "prod").alias.version == v0
    aliases.remove(Actor(bob), artifact, "prod")
    changes = AliasChange.objects.of(artifact, "prod").reverse()
    assert [(change.before, change.after) for change in changes] == [
        (None, "v0"), ("v0", "v1"), ("v1", "v0"), ("v0", None),
    ]  # fmt: skip
    assert str(changes[0]) == "prod: nowhere → v0"


def test_the_current_version_is_v0_where_production_is_there(bob, artifact, v0, v1):
    aliases.move(Actor(bob), artifact, "production", v0)
    found = current_version.annotate(Artifact.objects.filter(pk=artifact.pk)).get()
    assert current_version.of(found) == (0, "production")
    aliases.remove(Actor(bob), artifact, "production")
    aliases.move(Actor(bob), artifact, "latest", v0)
    found = current_version.annotate(Artifact.objects.filter(pk=artifact.pk)).get()
    assert current_version.of(found) == (0, "latest")


def test_the_number_is_used_once(bob, artifact, v0, v1):
    versions.delete(Actor(bob), v1)
    artifact.refresh_from_db()
    assert artifact.latest_version == "v0"
    assert name_resolution.resolve(bob, "acme/demo/data:latest").version == v0
    versions.delete(Actor(bob), v0, delete_aliases=True)
    artifact.refresh_from_db()
    assert artifact.latest_version is None
    with pytest.raises(VersionNotFound, match="Version v0 of artifact 'data' was deleted"):
        name_resolution.resolve(bob, "acme/demo/data:v0")
    assert log(bob, artifact, {"c": b"c"}).version == "v2"


def test_a_draft_with_a_number_is_v0_too(bob, artifact):
    draft = versions.begin(Actor(bob), artifact, numbering=Numbering.ON_CREATE).version
    assert (draft.version, draft.url_name) == ("v0", "v0")
    with pytest.raises(Missing):
        name_resolution.resolve(bob, "acme/demo/data:v0")


def test_numbers_go_on_where_an_artifact_of_the_name_had_v0_alone(alice, bob, project, artifact, v0):
    artifacts.delete(Actor(alice), artifact)
    FormerName.objects.update(freed_at=timezone.now() - settings.FORMER_NAME_LIFE - timedelta(days=1))
    assert former_names.prune() == 0
    again = artifacts.create(Actor(alice), project, "data", "dataset", first_number=0)
    assert log(bob, again, ZERO).version == "v1"
    artifacts.update(Actor(alice), again, name="facts")
    with pytest.raises(NameTaken):
        artifacts.create(Actor(alice), project, "data", "dataset", first_number=0)


def test_a_name_that_had_no_version_is_forgotten(alice, project, artifact):
    artifacts.delete(Actor(alice), artifact)
    FormerName.objects.update(freed_at=timezone.now() - settings.FORMER_NAME_LIFE - timedelta(days=1))
    assert former_names.prune() == 1
    assert artifacts.create(Actor(alice), project, "data", "dataset", first_number=0).last_assigned_number is None


def test_it_is_searched_by_number(bob, v0, v1):
    assert list(search.named_versions(bob, "data:v0")) == [v0]


def test_every_page_shows_it(alice, bob, browser, artifact, v0, v1, run):
    aliases.move(Actor(bob), artifact, "prod", v1)
    aliases.move(Actor(bob), artifact, "prod", v0)
    usages.use(Actor(bob), run, "data", version="v0")
    protection.create(Actor(alice), artifact, "staging", needs_approval=True)
    proposal = proposals.propose(Actor(bob), artifact, "staging", v0)
    names = {
        "team": "acme", "project": "demo", "type": "dataset", "name": "data", "version": "v0", "path": "zero.txt",
        "alias": "prod", "proposal_id": proposal.pk,
    }  # fmt: skip
    pages = {
        path: pattern
        for path, pattern in walk(get_resolver().url_patterns)
        if "artifacts/<str:type>/<str:name>" in path and set(pattern.pattern.converters) <= set(names)
    }
    # A text is no image, and an artifact no collection.
    pages = {path: pattern for path, pattern in pages.items() if pattern.name not in ("file-image", "collection-link")}
    assert len(pages) > 30
    reader, queries = browser(alice), {"compare-file": "?base=v0&head=v1&path=zero.txt"}
    texts = {}
    for path, pattern in pages.items():
        url = "/" + re.sub(r"<\w+:(\w+)>", lambda match: str(names[match[1]]), path)
        response = reader.get(url + queries.get(pattern.name, ""))
        assert response.status_code in (200, 405) or response.has_header("Location"), (url, response.status_code)
        body = b"".join(response) if response.streaming else response.content
        texts[pattern.name] = body.decode(errors="replace")
        assert "vNone" not in texts[pattern.name] and "None:" not in texts[pattern.name], url
    for name in ("artifact-versions", "artifact-aliases", "version", "alias-history", "proposal-approve"):
        assert "v0" in texts[name], name
    assert "From <strong>v1</strong> to <strong>v0</strong>" in texts["alias-history"]
    for form in ("aliases/latest/move", "add-alias"):
        page = reader.get(f"/acme/demo/artifacts/dataset/data/{form}?version=v0")
        assert page.context["form"].target == v0


def test_forms_take_it(browser, bob, artifact, v0, v1):
    page = browser(bob)
    url = "/acme/demo/artifacts/dataset/data/aliases"
    for typed in ("v0", "0"):
        aliases.move(Actor(bob), artifact, "prod", v1)
        fields = expected_fields(page.get(f"{url}/prod/move").content.decode())
        page.post(f"{url}/prod/move", fields | {"version": typed})
        assert aliases.get(artifact, "prod").version == v0, typed
    found = page.get(f"{url}/prod/move?search=v0")
    assert found.status_code == 200 and "v0" in found.content.decode()


def test_every_address_of_the_api_has_it(alice, bob, api, artifact, v0, v1):
    root, client = "/api/v1/artifacts", api(alice)
    assert client.get(f"{root}/resolve?name=acme/demo/data:v0").json()["version"]["version"] == "v0"
    assert client.get(f"{root}/resolve?name=acme/demo/data:prod").json()["version"]["version"] == "v0"
    body = client.get(f"{root}/versions/{v0.pk}").json()
    assert (body["version"], body["number"]) == ("v0", 0)
    rows = client.get(f"{root}/{artifact.pk}/versions").json()["items"]
    assert [row["version"] for row in rows] == ["v1", "v0"]
    known = {"artifact_id": artifact.pk, "version_id": v0.pk, "alias": "prod", "file_id": v0.files.get().pk}
    for path, pattern in walk(get_resolver().url_patterns):
        converters = set(pattern.pattern.converters) or set(re.findall(r"<\w+:(\w+)>", path))
        if path.startswith("api/v1/") and converters and converters <= set(known):
            url = "/" + re.sub(r"<\w+:(\w+)>", lambda match: str(known[match[1]]), path)
            for query in ("", "?base=v0&head=v1"):
                assert client.get(url + query).status_code < 500, url
    for version in ("v1", "v0"):
        answer = client.put(f"{root}/{artifact.pk}/aliases", {"aliases": {"prod": version}})
        assert answer.status_code == 200, answer.content
    assert client.get(f"{root}/{artifact.pk}/aliases/prod").json()["version"] == "v0"
    history = client.get(f"{root}/{artifact.pk}/aliases/prod/history").json()["items"]
    assert [(row["from_version"], row["to_version"]) for row in history][:2] == [("v1", "v0"), ("v0", "v1")]


def test_events_name_it(bob, artifact, v0, v1):
    aliases.move(Actor(bob), artifact, "prod", v1)
    aliases.move(Actor(bob), artifact, "prod", v0)
    told = [event.message for event in Event.objects.order_by("id")]
    assert any("v0" in message for message in told) and not any("None" in message for message in told), told
