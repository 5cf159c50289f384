"""Cards: a README with its front matter, as people know it from model hubs. Whoever writes one is not trusted."""

import re

import pytest
from django.core.cache import caches
from django.http import QueryDict

from accounts.actor import Actor
from artifacts import highlights, versions
from artifacts.models import ArtifactVersion, Blob
from artifacts.previews import card_html, cards, front_matter, sandbox
from artifacts.previews.card_html import Location
from artifacts.previews.front_matter import Chip, FrontMatter, Result
from tests.artifacts.client import fill, log
from tests.web.sample_files import png
from web import cards as card_views

ARTIFACT = "/acme/demo/artifacts/dataset/data"
VERSION = f"{ARTIFACT}/v1"
CARD = """---
license: apache-2.0
language: [no, en]
base_model: mistralai/Mistral-7B-v0.1
datasets: [acme/demo/data:production, "not a name!"]
tags: [vision, "<script>alert(1)</script>", {nested: 1}]
version: 1.10
model-index:
- name: signs
  results:
  - task: {type: detection, name: Detection}
    dataset: {name: Streets, type: streets, split: test}
    metrics: [{type: mAP, value: 0.4123456789}, {type: recall, value: 0.8}]
---
# Signs

![curve](plots/curve.png) ![pixel](https://elsewhere.example/pixel.png) [train](./train.py) [see](#signs)

- [x] weights
- [ ] licence

```python
def detect(): ...
```
"""


def render(text: str, folder: str = "") -> str:
    return card_html.render(text, Location(VERSION, folder))


class TestFrontMatter:
    def test_its_fields_are_chips_and_its_results_a_table(self):
        text, body = front_matter.split(CARD)
        assert body.startswith("# Signs") and "license" not in body
        found = front_matter.read(text)

        assert {fact.label: fact.chips for fact in found.facts} == {
            "License": [Chip("apache-2.0")],
            "Languages": [Chip("no"), Chip("en")],
            "Base model": [
                Chip("mistralai/Mistral-7B-v0.1", "https://huggingface.co/mistralai/Mistral-7B-v0.1"),
            ],
            "Datasets": [
                Chip("acme/demo/data:production", "/search?q=acme%2Fdemo%2Fdata%3Aproduction"),
                Chip("not a name!"),
            ],
            "Tags": [Chip("vision"), Chip("<script>alert(1)</script>")],
        }
        assert found.results == [
            Result("signs", "Detection", "Streets, test", "mAP", "0.41235"),
            Result("signs", "Detection", "Streets, test", "recall", "0.8"),
        ]

    @pytest.mark.parametrize(
        "text", ["# No front matter", "---\nlicense: mit\n# never closed", "text\n---\na: b\n---\n", "", "---"]
    )
    def test_what_has_none_is_all_body(self, text):
        assert front_matter.split(text) == ("", text)
        assert front_matter.read("") == FrontMatter()

    @pytest.mark.parametrize(
        ("text", "note"),
        [
            ("a: &x [1]\nb: *x", "anchors"),
            ("a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]", "anchors"),
            ("a: " + "[" * 100 + "]" * 100, "too many"),
            ("- 1\n" * 31_000, "too many"),
            ("a: " + "x" * 2**18, "too long"),
            ("a: [1", "not valid"),
            ("a: \x00", "not valid"),
            ("- 1\n- 2", "not a list of fields"),
            ("? {a: 1}\n: 2", "not valid"),
        ],
        ids=["anchor", "bomb", "deep", "many", "long", "broken", "nul", "list", "key"],
    )
    def test_what_cannot_be_read_says_so(self, text, note):
        found = front_matter.read(text)
        assert note in found.note and not found.facts

    def test_tags_of_python_are_texts(self):
        found = front_matter.read('license: !!python/object/apply:os.system ["touch /tmp/x"]\ntags: !!binary aGk=')
        assert [fact.label for fact in found.facts] == ["License", "Tags"]
        assert found.facts[0].chips == [Chip("touch /tmp/x")]

    @pytest.mark.parametrize(
        "link", ["javascript:alert(1)", "//evil.example", "http:/x", 'https://"onclick=', "data:,x"]
    )
    def test_links_lead_to_the_web_or_nowhere(self, link):
        found = front_matter.read(f"license: other\nlicense_link: '{link}'\nbase_model: '{link}'\ndatasets: '{link}'")
        assert {chip.url for fact in found.facts for chip in fact.chips} <= {""}

    def test_a_link_that_is_cut_is_none(self):
        link = f"https://example.org/{'x' * 100}"
        found = front_matter.read(f"license: other\nlicense_link: {link}\nbase_model: {link}\ntags: [a]")
        assert {chip.url for fact in found.facts for chip in fact.chips} == {""}

    def test_results_of_any_shape_are_bounded(self):
        metrics = "".join(f"    - {{type: m{number}, value: {number}}}\n" for number in range(300))
        found = front_matter.read(f"model-index:\n- results:\n  - metrics:\n{metrics}")
        assert (len(found.results), found.omitted) == (200, 100)
        for odd in ("[]", "x", "[[1]]", "[{results: x}]", "[{results: [{metrics: {value: [1]}, task: [1]}]}]"):
            front_matter.read(f"model-index: {odd}")


class TestText:
    def test_headings_tasks_quotes_tables_and_code(self):
        html = render(
            "# One\n## Two\n# One\n\n> said\n\n- [ ] open\n- [x] *done*\n\n|a|b|c|\n|:-|-:|:-:|\n|1|2|3|\n\n"
            '```python\ndef f(): return "x"\n```\n\n```unknown-language\n<b>\n```\n'
        )

        assert '<h3 id="card-one">One</h3>' in html and '<h4 id="card-two">' in html and '<h3 id="card-one-1">' in html
        assert "<blockquote>" in html
        assert '<li class="task">☐ open</li>' in html and '<li class="task">☑ <em>done</em></li>' in html
        assert '<td>1</td>\n<td class="number">2</td>\n<td class="middle">3</td>' in html and "style=" not in html
        assert '<span class="k">def</span> <span class="f">f</span>' in html and "&lt;b&gt;" in html

    @pytest.mark.parametrize(
        ("url", "path"),
        [
            ("train.py", "/files/docs/train.py"),
            ("./a/../b c.txt", "/files/docs/b%20c.txt"),
            ("/weights.bin", "/files/weights.bin"),
            ("../x%23y?.md", "/files/x%23y"),
            ("img/", "?path=docs%2Fimg%2F"),
            ("..", ""),
            ("//evil.example/x", None),
            ("../../etc/passwd", None),
            ("%2e%2e/%2e%2e/x", None),
            ("\\\\evil.example", "/files/docs/%5C%5Cevil.example"),
            ("javascript:alert(1)", None),
            ("JaVaScRiPt:alert(1)", None),
            ("java\nscript:alert(1)", None),
            ("data:text/html,x", None),
            ("vbscript:x", None),
            ("http://[", None),
            ("ftp://x/y", None),
            ("file:///etc/passwd", None),
        ],
    )
    def test_links_stay_in_the_version(self, url, path):
        here = Location(VERSION, "docs/")
        assert here.link(url) == (None if path is None else f"{VERSION}{path}")
        image = here.image(url)
        assert image is None or image.startswith(f"{VERSION}/image/")

    def test_links_to_the_web_and_within_the_card(self):
        html = render("[a](https://e.example/x?y) [b](#one) <mailto:a@e.example>")
        assert 'href="https://e.example/x?y" rel="nofollow noopener"' in html and 'href="#card-one"' in html
        assert 'href="mailto:a@e.example"' in html

    def test_images_are_those_of_the_version(self):
        html = render(
            "![a](plots/a.png) ![r](https://e.example/r.png) <img src='//e.example/s.png' alt='<b>s'> "
            "<img src='data:image/png;base64,x' alt=d> <img srcset='https://e.example/t.png' src=t.png width=9999999>"
        )
        assert re.findall(r'src="([^"]*)"', html) == [f"{VERSION}/image/plots/a.png", f"{VERSION}/image/t.png"]
        assert "e.example" not in html and "&lt;b&gt;s" in html and "srcset" not in html and "width" not in html
        assert render("![x](x.png)\n\n" * 300).count("<img") == card_html.MAX_IMAGES

    @pytest.mark.parametrize(
        "text",
        [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<svg onload=alert(1)><style>@import 'x'</style></svg>",
            "<a href='javascript:alert(1)' onclick=alert(1) style='position:fixed' target=_top>x</a>",
            "<iframe srcdoc='<script>alert(1)</script>'></iframe><object data=x></object><embed src=x>",
            "<form action=//e.example><input name=q autofocus onfocus=alert(1)><button formaction=javascript:alert(1)>",
            "<math><mi xlink:href='javascript:alert(1)'>x</mi></math><base href=//e.example>",
            "<h1 id=main onclick=alert(1)>x</h1><p hx-get=/logout hx-trigger=load data-copy=x>y</p>",
            "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
            '```"><script>alert(1)</script>\n</code></pre><script>alert(1)</script>\n```',
            "<div class='bar toast' tabindex=1>x</div><span class='k evil'>y</span>",
            "[x](y \"onmouseover=alert(1)\") ![x](y' onerror='alert(1))",
            "<!-- --!><img src=x onerror=alert(1)> -->",
        ],
    )
    def test_it_does_no_harm(self, text):
        html = render(text)
        tags = re.findall(r"<[a-z][^>]*>", html)

        bad = (" on", "style=", "srcdoc", "hx-", "data-", "javascript:", "target", "evil", "toast", 'tabindex="1')
        assert not [tag for tag in tags for part in bad if part in tag], html
        allowed = {*card_html._TAG_NAMES.split()}
        assert {re.match(r"<([a-z0-9]+)", tag)[1] for tag in tags} <= allowed
        assert 'id="main"' not in html


@pytest.fixture(autouse=True)
def fresh_cache() -> None:
    caches["markdown"].clear()


@pytest.fixture
def version(bob, artifact):
    files = {
        "README.md": CARD.encode(),
        "plots/curve.png": png(),
        "train.py": b"x = 1\n",
        "docs/notes.md": b"![a](b.png)",
    }
    return log(bob, artifact, files)


def test_it_is_on_the_pages_of_artifact_version_and_file(browser, vera, version):
    client = browser(vera)

    for url in (ARTIFACT, VERSION, f"{VERSION}/files/README.md"):
        page = client.get(url).content.decode()
        assert "model-index" not in page and "0.41235" in page and ">mAP<" in page, url
        assert 'href="https://huggingface.co/mistralai/Mistral-7B-v0.1" rel="nofollow noopener"' in page
        assert f'src="{VERSION}/image/plots/curve.png"' in page and "elsewhere.example" not in page
        assert f'href="{VERSION}/files/train.py"' in page and "&lt;script&gt;alert(1)" in page
        source = client.get(f"{url}?readme=source").content.decode()
        assert "model-index" in source and '<h3 id="card-signs">' not in source and "0.4123456789" in source
        assert 'href="?#readme"' in source
    assert client.get(f"{VERSION}/image/plots/curve.png")["Content-Type"] == "image/png"
    assert f'src="{VERSION}/image/docs/b.png"' in client.get(f"{VERSION}/files/docs/notes.md").content.decode()
    assert "Signs" not in client.get(f"{VERSION}?path=docs").content.decode()


def test_without_one_editors_get_a_template(browser, bob, vera, artifact):
    log(bob, artifact, {"a.csv": b"a\n1\n"})

    for url in (ARTIFACT, VERSION):
        page = browser(bob).get(url).content.decode()
        assert "Add a card" in page and "license: apache-2.0" in page and 'data-copy-from="#card-template"' in page
        assert "Add a card" not in browser(vera).get(url).content.decode()
    snippet = re.search(r'id="card-template" tabindex="0"><code>(.*?)</code>', page, re.S)[1]
    assert front_matter.read(front_matter.split(snippet)[0]).facts


def test_it_is_rendered_once_in_a_sandboxed_process(vera, version, monkeypatch):
    file = highlights.of(version).card
    first = card_views.view(file, QueryDict(), "vera")
    monkeypatch.setattr(sandbox, "_run", None)
    monkeypatch.setattr(cards, "read", None)

    assert card_views.view(file, QueryDict(), "bob").html == first.html != ""


def test_one_that_takes_too_much_is_shown_as_its_source(browser, bob, vera, artifact):
    log(bob, artifact, {"README.md": b"![[" * 80_000})

    page = browser(vera).get(VERSION).content.decode()
    assert "take too much memory or time" in page and "![[![[" in page


@pytest.mark.parametrize(
    ("content", "problem"), [(b"\0\1\2", "not text"), (b"x" * 2**19, "too long")], ids=["binary", "long"]
)
def test_one_that_cannot_be_shown_says_so(browser, bob, vera, artifact, content, problem):
    log(bob, artifact, {"README.md": content})

    for query in ("", "?readme=source"):
        assert problem in browser(vera).get(f"{VERSION}{query}").content.decode()


def test_corrupt_bytes_are_not_shown(browser, vera, version):
    Blob.objects.filter(files__path="README.md").update(state=Blob.State.CORRUPT)

    assert "corrupt" in browser(vera).get(VERSION).content.decode()


def test_a_draft_shows_what_has_arrived(browser, bob, artifact):
    fill(bob, artifact, {"README.md": b"# Soon"})

    assert "have not been uploaded yet" in browser(bob).get(VERSION).content.decode()


def test_the_preferred_one_and_the_first_paths(bob, artifact):
    names = ["readme.md", "README.md", "docs/README.md", *(f"{number:03}.txt" for number in range(150))]
    found = highlights.of(log(bob, artifact, dict.fromkeys(names, b"# x")))

    assert found.card and found.card.path == "README.md"
    assert len(found.paths) == 102 and found.paths[:2] == ["000.txt", "001.txt"]
    assert highlights.of(ArtifactVersion(pk=artifact.pk)) == highlights.Highlights(None, [])
    assert versions.begin(Actor(bob), artifact).version.number == 2
