"""The page of a person: for whoever may see anything of them, and nothing on it that the reader may not see."""

import re

from accounts.actor import Actor
from artifacts import artifacts
from artifacts.aliases import aliases
from projects import projects
from projects.models import Project, Visibility
from tests.artifacts.client import log


def test_it_shows_what_the_reader_may_see(browser, alice, bob, vera, artifact, django_assert_max_num_queries):
    log(bob, artifact, {"a.txt": b"1"}, "best")
    own = projects.create(Actor(bob), bob.personal_team, "secret")
    log(bob, artifacts.create(Actor(bob), own, "concealed", "model"), {"a.txt": b"1"})
    client = browser(vera)
    with django_assert_max_num_queries(9):
        page = client.get("/users/bob").content.decode()

    assert "bob finalized v1" in page and "bob assigned best" in page
    assert 'href="/acme/demo/artifacts/dataset/data/v1"' in page
    assert 'href="/teams/acme"' in page
    assert "concealed" not in page and "secret" not in page and "/teams/bob" not in page
    assert "concealed" in browser(bob).get("/users/bob").content.decode()
    assert "<html" not in client.get("/users/bob", headers={"HX-Request": "true"}).content.decode()


def test_names_lead_to_it(browser, vera, bob, artifact):
    version = log(bob, artifact, {"a.txt": b"1"}, "best")
    client = browser(vera)

    for url in (version.get_absolute_url(), artifact.get_absolute_url(), "/teams/acme", "/"):
        assert 'href="/users/bob"' in client.get(url).content.decode(), url


def test_of_a_stranger_there_is_none(browser, alice, mallory, project, bob, artifact, v1):
    client = browser(mallory)
    hidden = [client.get(f"/users/{name}", headers={"X-Request-ID": "same"}) for name in ("bob", "nobody")]
    assert [page.status_code for page in hidden] == [404, 404]
    bodies = [
        re.sub(rb"[0-9a-f-]{16,}", b"", page.content.partition(b"<main")[2].partition(b"</main>")[0]) for page in hidden
    ]
    assert bodies[0] == bodies[1] and bodies[0]
    assert client.get("/users/mallory").status_code == 200

    # Whose name is on something that everybody sees is no stranger.
    Project.objects.update(visibility=Visibility.INTERNAL)
    aliases.move(Actor(bob), artifact, "best", v1)
    page = client.get("/users/bob").content.decode()
    assert "bob assigned best" in page and "acme</a>" not in page.partition("Teams in common")[2]
    assert client.get("/users/vera").status_code == 404
