"""Whatever people can type, name, write or store is tried as a way to run a script in somebody else's browser.

The policy of the server would stop most of it. Here that must never be needed: what it refuses is a complaint, and a
complaint is a fault.
"""

import io
import re
import zipfile
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import APIResponse

from harness.servers import Stack
from tests.browser import hostile_files
from tests.browser.conftest import Person
from tests.browser.hostile_data import PROJECT, Trap, set_trap
from tests.browser.hostile_files import IMG, evil
from tests.browser.page_objects import wait_for_parts

# All pages are walked before the first test: on a busy machine that takes a while.
pytestmark = pytest.mark.timeout(600)

# The policy of bytes that people have uploaded.
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
# What no page of ours has, wherever it came from.
_LOOK = """() => {
  const flaws = [];
  // The images of a notebook, as a browser can show without anything in them being run.
  const printed = (element) => element.matches(".notebook .output > img") && element.attributes.length === 2
    && /^data:image\\/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+$/.test(element.getAttribute("src"));
  for (const element of document.querySelectorAll("*")) {
    for (const {name, value} of element.attributes) {
      const leads = ["href", "src", "action", "formaction", "xlink:href", "hx-get", "hx-post"].includes(name);
      if (name.startsWith("on") || name === "style" || name === "srcdoc") flaws.push(`${name} on ${element.tagName}`);
      if (leads && /^\\s*(javascript|data|vbscript):/i.test(value) && !printed(element)) flaws.push(`${name}=${value}`);
    }
  }
  // The frame of a PDF, and that of HTML that a run logged, where no script runs.
  const framed = `iframe.document[src^="${location.pathname.replace("/files/", "/raw/")}"]`;
  const frames = location.pathname.replace(/\\/(files|media)($|\\/.*)/, "/frame/");
  const sandboxed = `iframe.html[sandbox=""][src^="${frames}"]`;
  const refused = `script:not([src]), style, iframe:not(${framed}, ${sandboxed}), object, embed, base, svg script`;
  for (const element of document.querySelectorAll(refused))
    flaws.push(element.outerHTML);
  const isOurs = (image) => new URL(image.src).origin === location.origin && image.getAttribute("src") !== "x";
  for (const image of document.images)
    if (!isOurs(image) && !printed(image)) flaws.push(image.outerHTML);
  if (window.__xss !== undefined) flaws.push("a script ran");
  return flaws;
}"""


@pytest.fixture(scope="module")
def trap(stack_with_data: Stack) -> Trap:
    return set_trap(stack_with_data)


def look(person: Person, url: str, *output: str) -> None:
    """The page runs nothing of it, and shows each of `shown` as the text that it is."""
    person.page.goto(url)
    wait_for_parts(person.page)
    assert person.page.evaluate(_LOOK) == [], url
    text = person.page.locator("body").text_content() or ""
    # Values of JSON are shown with their quotes escaped as JSON has them.
    assert [name for name in output if not re.search(rf'{name}\\?"><img src=x', text)] == [], url


def test_texts_of_users(person, trap):
    mallory = person("mallory")

    look(mallory, "/", "project-description")
    look(mallory, "/teams/evil", "team-name")
    look(mallory, "/profile", "key")
    look(mallory, PROJECT, "project-description")
    for page in ("members", "settings", "delete"):
        look(mallory, f"{PROJECT}/{page}")
    look(mallory, f"{PROJECT}/runs", "display_name")
    look(mallory, trap.run, "display_name", "job_type", "group", "host", "config-key", "summary-value", "run-notes")
    look(mallory, "/artifacts", "tag")
    look(mallory, f"{PROJECT}/artifacts", "tag")
    look(mallory, trap.artifact, "description", "metadata-key", "metadata-value", "tag")
    look(mallory, trap.artifact, "version-description", "v2-key")
    for tab in ("versions", "aliases", "history", "usage", "edit", "delete", "upload"):
        look(mallory, f"{trap.artifact}/{tab}")
    look(mallory, trap.url(), "version-description", "version-notes", "v1-key", "v1-value")
    for form in ("edit", "delete"):
        look(mallory, f"{trap.url()}/{form}")


def test_what_a_run_streams_and_saves(person, trap):
    mallory = person("mallory")
    key = quote(evil("media-key"), safe="")

    look(mallory, f"{trap.run}/console", "console", "coloured")
    look(mallory, f"{trap.run}/console?q={quote(IMG, safe='')}", "console", "coloured")
    look(mallory, f"{trap.run}/media", "media-key", "caption", "table-cell")
    look(mallory, f"{trap.run}/media?key={key}", "caption")
    look(mallory, f"{trap.run}/files", "saved")
    for path in hostile_files.run_files():
        look(mallory, f"{trap.run}/files/{quote(path)}")
        opened = mallory.context.request.get(f"{trap.run}/raw/{quote(path)}")
        assert opened.status == 404 or opened.headers["content-security-policy"] == SANDBOX, path
        assert "html" not in opened.headers["content-type"], path
    # A browser shows the HTML of a run in a frame alone, where no script of it runs.
    mallory.page.goto(f"{trap.run}/files/media/html/page.html")
    frame = mallory.page.frame_locator("iframe.html")
    assert "html<" not in (frame.locator("body").text_content() or "")
    assert mallory.page.frames[-1].evaluate("[self.origin, window.__xss]") == ["null", None]
    mallory.page.goto(f"{trap.run}/frame/media/html/page.html")
    assert mallory.page.evaluate("[document.contentType, window.__xss]") == ["text/plain", None]


def test_records(person, trap):
    mallory = person("mallory")
    hierarchy = trap.record.rpartition("/")[0]

    look(mallory, f"{PROJECT}/records")
    for url in (hierarchy, f"{hierarchy}?level=0", f"{hierarchy}?at={trap.record.rpartition('/')[2]}"):
        look(mallory, url, "record-title")
    look(mallory, trap.record, "record-title", "record-key", "record-value", "record-tag", "frame-cell", "meta-value")
    for form in ("edit", "move", "delete"):
        look(mallory, f"{trap.record}/{form}")
    look(mallory, f"{hierarchy}/new-record?parent={trap.record.rpartition('/')[2]}", "record-title")
    for url in (f"{hierarchy}/edit", f"{hierarchy}/delete"):
        look(mallory, url)
    look(person(None), trap.record, "record-title")


def test_an_invitation(person, trap):
    mallory = person("mallory")
    email = '"<img/src=x/onerror=__xss=1>"@example.org'
    mallory.page.goto("/teams/evil/invite")
    mallory.page.locator("main form").evaluate("form => { form.noValidate = true }")
    mallory.page.fill("[name=email]", email)
    mallory.page.click("main form [type=submit]")
    made = mallory.page.locator("#invitation-link").inner_text()

    assert mallory.page.evaluate(_LOOK) == []
    row = re.search(r"/invite/[\w-]+", made)
    assert row, made
    look(mallory, "/teams/evil", "team-name")
    assert email in mallory.page.locator("main").inner_text()
    look(person(None), row.group())


def test_names_and_contents_of_files(person, trap):
    mallory = person("mallory")
    folder = f"folder{IMG}"
    output = {
        "page.html": ["html"],
        "README.md": ["card-license", "card-tags", "card-base_model", "card-name", "card-value"],
        "plain.txt": ["text"],
        "train.py": ["text"],
        "odd.js": ["text"],
        "tree.json": ["json-key", "json-value"],
        "table.csv": ["csv-cell"],
        "weights.safetensors": ["tensor"],
        "rows.parquet": ["parquet-column", "parquet-cell"],
        "book.ipynb": ["text", "svg", "javascript", "latex", "no-image", "stream", "traceback", "source"],
        "members.zip": ["zip-member"],
        "members.tar.gz": ["tar-member"],
        "model.pkl": ["module", "import"],
        "model.pt": ["torch-tensor"],
        "model.onnx": ["onnx-tensor", "operator", "input", "dimension", "producer", "domain"],
        "names.csv.gz": ["csv-cell"],
        "fake.pdf": ["html"],
        "fake.mp4": ["html"],
        f"{folder}/{evil('path', IMG)}.html": ["path", "html"],
    }

    look(mallory, trap.url(), "folder", "card-license", "card-value")
    look(mallory, f"{trap.artifact}?readme=source", "card-license", "text")
    look(mallory, f"{trap.url()}?{urlencode({'path': f'{folder}/'})}", "folder", "path", "picture")
    for path in trap.files:
        look(mallory, trap.url("files", path), *output.get(path, ()))


def test_references(person, trap):
    mallory = person("mallory")

    look(mallory, f"{trap.url()}?path=references/", "reference-path")
    for path, uri in hostile_files.REFERENCES.items():
        look(mallory, trap.url("files", path), *re.findall("reference-(?:key|file|other)", uri))
    links = mallory.page.goto(trap.url("files", "references/link.html")) and mallory.page.locator("a[target=_blank]")
    assert links.evaluate_all("links => links.map(link => [link.protocol, link.rel])") == [
        ["https:", "noopener noreferrer"]
    ]


def test_comparing(person, trap):
    mallory = person("mallory")

    look(mallory, f"{trap.artifact}/compare?base=v1&head=v2", "v1-key", "v2-key", "path", "reference-key")
    for path in trap.files:
        requested = urlencode({"base": "v1", "head": "v2", "path": path})
        look(mallory, f"{trap.artifact}/compare/file?{requested}")


def test_what_a_url_contains(person, trap):
    mallory = person("mallory")
    alerts = quote(evil("url"), safe="")
    queries = {
        "/": ("q", "visibility", "team", "page"),
        "/search": ("q", "only", "page"),
        "/artifacts": ("q", "type", "project", "tag", "alias", "sort", "page"),
        "/artifacts/new": ("project", "name", "type", "description", "tags"),
        "/projects/new": ("team", "name", "description", "visibility"),
        f"{PROJECT}/runs": ("q", "state", "page"),
        f"{trap.artifact}/history": ("before",),
        f"{trap.artifact}/upload": ("version", "after", "polls"),
        f"{trap.artifact}/compare": ("base", "head", "after"),
        f"{trap.artifact}/compare/file": ("base", "head", "path"),
        trap.url(): ("path", "filter", "after", "offset"),
        trap.record.rpartition("/")[0]: ("q", "level", "type", "at", "after", "sort", "page"),
        f"{trap.record}/move": ("q",),
    }

    for url, fields in queries.items():
        for query in (*(f"{name}={alerts}" for name in fields), "&".join(f"{name}={alerts}" for name in fields)):
            look(mallory, f"{url}?{query}")
    look(mallory, f"/search?q={quote(evil('tag', IMG), safe='')}")
    nowhere = (f"/evil/{alerts}", f"{PROJECT}/artifacts/{alerts}/{alerts}", trap.url("files", evil("url")))
    for url in (*nowhere, f"/invite/{alerts}"):
        look(mallory, url)


def test_redirects_of_urls(person, trap):
    mallory, visitor = person("mallory"), person(None)

    for elsewhere in ("javascript:alert(1)", "//evil.example", "data:text/html,x", "/\\evil.example", IMG):
        for client, url in ((mallory, "/teams/evil/invite?back="), (visitor, "/login?next=")):
            look(client, url + quote(elsewhere, safe=""))
            hosts = client.page.locator("a").evaluate_all("links => links.map(link => link.host)")
            assert "evil.example" not in hosts
    visitor.page.goto("/login?next=//evil.example/")
    visitor.page.fill("[name=username]", "mallory")
    visitor.page.fill("[name=password]", "mallory has a long password")
    visitor.page.press("[name=password]", "Enter")
    visitor.page.wait_for_url(f"{visitor.base_url}/")


def test_what_is_typed_while_the_page_stays(person, trap):
    mallory = person("mallory")
    mallory.page.goto("/artifacts")

    with mallory.page.expect_response(lambda response: "q=" in response.url):
        mallory.page.locator("main [name=q]").fill(IMG)
    wait_for_parts(mallory.page)
    assert mallory.page.evaluate(_LOOK) == []


def test_every_page_says_how_little_a_browser_may_do_with_it(person, trap):
    client = person("mallory").context.request
    page_urls = ["/", "/artifacts", "/profile", "/search?q=x", "/login", trap.run, trap.artifact, trap.url()]
    page_urls += [f"{trap.artifact}/upload", "/evil/nothing", *(trap.url("files", path) for path in trap.files)]

    for url in page_urls:
        response = client.get(url)
        policy = response.headers["content-security-policy"]
        assert "unsafe" not in policy and "script-src 'self'" in policy, url
        assert ("data:" in policy) == url.endswith(".ipynb"), url
        assert "object-src 'none'" in policy and "base-uri 'self'" in policy and "form-action 'self'" in policy
        assert response.headers["x-content-type-options"] == "nosniff" and response.headers["x-frame-options"] == "DENY"


def test_bytes_of_people_are_never_a_page(person, trap):
    client = person("mallory").context.request
    pictures = ("dot.png", "trailer.png", f"folder{IMG}/{evil('picture', IMG)}.png")
    kinds = dict.fromkeys(pictures, "image/png") | {"fake.gif": "image/gif"}

    for path, file in trap.files.items():
        output = client.get(trap.url("image", path))
        assert (output.status == 200) == (path in kinds), path
        if path in kinds:
            assert output.headers["content-type"] == kinds[path]
            assert output.headers["content-security-policy"] == SANDBOX
            assert output.headers["x-content-type-options"] == "nosniff"
        _is_attachment(client.get(trap.url("download", path)))
        _is_attachment(client.get(trap.call("GET", f"artifacts/files/{file}/download-url")["download_url"]))
    packed = client.get(f"{trap.url()}.zip")
    _is_attachment(packed, "application/zip")
    assert set(zipfile.ZipFile(io.BytesIO(packed.body())).namelist()) == {*trap.files, "REFERENCES.txt"}


def test_what_a_browser_shows_of_a_file_is_never_a_page(person, trap):
    mallory = person("mallory")
    client = mallory.context.request
    types = {
        ".png": "image/png",
        "fake.gif": "image/gif",
        "paper.pdf": "application/pdf",
        "page.pdf": "application/pdf",
        "page.mp4": "video/mp4",
        "fake.png": "text/plain; charset=utf-8",
    }

    for path in trap.files:
        output = client.get(trap.url("raw", path))
        assert output.status in (200, 404), path
        if output.status == 200:
            expected = next((type for end, type in reversed(types.items()) if path.endswith(end)), None)
            assert output.headers["content-type"] == (expected or "text/plain; charset=utf-8"), path
            assert output.headers["content-security-policy"] == SANDBOX
            assert output.headers["x-content-type-options"] == "nosniff"
            assert output.headers["x-frame-options"] == "SAMEORIGIN"
    # The second time the browser has the bytes, and hears that they have not changed.
    for path in ("page.html", "page.xhtml", "drawing.svg", "fake.pdf", "book.ipynb", "trailer.png", "page.html"):
        mallory.page.goto(trap.url("raw", path))
        assert mallory.page.evaluate("window.__xss === undefined && document.scripts.length === 0"), path
        assert mallory.page.evaluate("self.origin") == "null", path


def _is_attachment(response: APIResponse, kind: str = "application/octet-stream") -> None:
    assert response.status == 200, response.text()
    assert response.headers["content-type"] == kind, response.url
    assert response.headers["content-disposition"].startswith("attachment"), response.url
