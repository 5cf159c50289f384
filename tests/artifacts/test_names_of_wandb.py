"""Names that the wandb client gives, and our own pages, API and SDK do not: they show and work all the same."""

import ast
import re
import shlex
from html import unescape
from urllib.parse import quote

import pytest
from django.urls import get_resolver

from accounts.actor import Actor, Channel
from artifacts import artifacts, name_resolution, versions
from artifacts.aliases import aliases
from artifacts.errors import InvalidName
from artifacts.models import Artifact, ArtifactVersion
from artifacts.previews import front_matter
from projects import projects
from tests.artifacts.client import fill
from tests.artifacts.test_version_zero import walk
from tests.web.alias_pages import expected_fields

NAMES = ["_x", "-x", ".hidden", "x" * 128]
TYPES = ["two words", "job", "wandb-history", "100% #1?", "größe", "x" * 128]
ALIASES = ["two words", "50%", "a#b?c&d=e", "größe-日本", "_x", "a+b", "a.b*c", "'\"<b>", "x" * 128, "a\\b", "(1)"]
# Pages of images, of aliases that have moved, and of collections.
OF_OTHERS = ("file-image", "alias-rollback", "collection-link")
WRONG = ["", ".", "..", " a", "a ", "a/b", "a:b", "a\n", "a\0", "a\u2028b", "a\u200bb", "x" * 129]


def wandb(user) -> Actor:
    return Actor(user, Channel.WANDB)


@pytest.fixture
def artifact(alice, project) -> Artifact:
    return artifacts.create(wandb(alice), project, "-x", "100% two words?", first_number=0)


@pytest.fixture
def v0(bob, artifact) -> ArtifactVersion:
    draft = fill(bob, artifact, {"one.txt": b"one"})
    return versions.finalize(wandb(bob), draft, aliases=ALIASES).version


@pytest.mark.parametrize("name", NAMES)
def test_an_artifact_is_called_so_by_the_wandb_client_alone(alice, bob, project, name):
    with pytest.raises(InvalidName) if name != "x" * 128 else pytest.raises(InvalidName, match="type"):
        artifacts.create(Actor(alice, Channel.API), project, name, "job")
    made = artifacts.create(wandb(alice), project, name, "dataset")
    made = artifacts.update(Actor(alice, Channel.WEB), made, description="known", name=name)
    assert name_resolution.find_artifact(bob, f"acme/demo/{name}") == made


@pytest.mark.parametrize("type", TYPES)
def test_a_type_is_any_of_the_wandb_client(alice, project, type):
    assert artifacts.create(wandb(alice), project, "data", type).type == type


def test_what_could_not_be_told_apart_or_reached_is_refused(alice, bob, project, artifact, v0):
    for label in WRONG:
        with pytest.raises(InvalidName):
            artifacts.create(wandb(alice), project, "data", label)
        with pytest.raises(InvalidName):
            aliases.move(wandb(bob), artifact, label, v0)


def test_a_version_has_all_its_aliases(bob, artifact, v0):
    found = ArtifactVersion.objects.filter(pk=v0.pk).with_alias_names().get()
    assert sorted(found.alias_names) == sorted([*ALIASES, "latest"])
    for alias in ALIASES:
        assert name_resolution.resolve(bob, f"acme/demo/-x:{alias}").version == v0
    with pytest.raises(InvalidName):
        aliases.move(Actor(bob, Channel.SDK), artifact, "three more words", v0)


def test_every_page_and_form_takes_such_an_alias(alice, bob, browser, artifact, v0):
    names = {
        "team": "acme", "project": "demo", "type": artifact.type, "name": "-x", "version": "v0", "path": "one.txt",
    }  # fmt: skip
    reader, count = browser(alice), 0
    for path, pattern in walk(get_resolver().url_patterns):
        converters = set(pattern.pattern.converters)
        if "artifacts/<str:type>/<str:name>" not in path or not converters <= {*names, "alias"}:
            continue
        count += 1
        is_about_one = "alias" in converters or "compare" in path
        for alias in ALIASES if is_about_one else ALIASES[:1]:
            names["alias"] = alias
            url = "/" + re.sub(r"<\w+:(\w+)>", lambda match: quote(str(names[match[1]]), safe=""), path)
            query = f"?base={quote(alias)}&head=v0&path=one.txt" if "compare" in path else ""
            response = reader.get(url + query)
            assert response.status_code in (200, 302, 405) or pattern.name in OF_OTHERS, url
    assert count > 30
    later = versions.finalize(Actor(bob), fill(bob, artifact, {"two.txt": b"two"})).version
    for alias in ALIASES:
        page = f"/acme/demo/artifacts/{quote(artifact.type)}/-x/aliases/{quote(alias, safe='')}/move"
        fields = expected_fields(reader.get(page).content.decode())
        reader.post(page, {name: unescape(value) for name, value in fields.items()} | {"version": "v1"})
        assert aliases.get(artifact, alias).version == later, alias


def test_the_api_takes_such_an_alias(bob, api, artifact, v0):
    client, root = api(bob), "/api/v1/artifacts"
    for number, alias in enumerate(ALIASES):
        name = quote(f"acme/demo/-x:{alias}", safe="")
        body = client.get(f"{root}/resolve?name={name}").json()
        assert body["version"]["version"] == "v0" and sorted(body["aliases"]) == sorted([*ALIASES[number:], "latest"])
        url = f"{root}/{artifact.pk}/aliases/{quote(alias, safe='')}"
        assert client.get(url).json()["alias"] == alias
        assert client.get(f"{url}/history").status_code == 200
        assert client.get(root, {"alias": alias, "type": artifact.type}).json()["items"][0]["name"] == "-x"
        move = {"alias": alias, "version_id": str(v0.pk)}
        assert client.post(f"{root}/{artifact.pk}/aliases", move).status_code == 200
        assert client.delete(url).status_code == 204
        # It is a new one now.
        again = client.post(f"{root}/{artifact.pk}/aliases", move)
        assert (again.status_code, again.json()["code"]) == (400, "InvalidName"), alias


def test_what_people_copy_is_quoted(alice, acme, browser):
    """Whatever it is called, a copied line is one command or call, with the name in it."""
    project = projects.create(wandb(alice), acme, "my $(reboot)'\"; project")
    artifact = artifacts.create(wandb(alice), project, "-x", "a`b`'\"type")
    page = browser(alice).get(f"{artifact.get_absolute_url()}/upload").content.decode()
    snippets = {
        name: unescape(re.search(f'<pre id="log-{name}".*?><code>(.*?)</code>', page, re.S)[1])
        for name in ("python", "cli")
    }

    words = ["wanllmdb", "artifact", "put", "path/to/files", "--name", artifact.full_name, "--type", artifact.type]
    assert shlex.split(snippets["cli"]) == words
    texts = {node.value for node in ast.walk(ast.parse(snippets["python"])) if isinstance(node, ast.Constant)}
    assert {project.name, "acme", "-x", artifact.type} < texts


def test_lists_offer_its_type_and_the_template_of_a_card_quotes_it(browser, bob, v0):
    client = browser(bob)
    assert "<option>100% two words?</option>" in client.get("/acme/demo/artifacts").content.decode()
    page = client.get(v0.artifact.get_absolute_url()).content.decode()
    snippet = unescape(re.search(r'id="card-template" tabindex="0"><code>(.*?)</code>', page, re.S)[1])
    assert front_matter.split(snippet)[0].count('"100% two words?"') == 1
    assert front_matter.read(front_matter.split(snippet)[0]).facts
