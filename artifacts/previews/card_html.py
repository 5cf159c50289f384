"""A card, as model hubs know them: Markdown with some HTML, as HTML that can do no harm. Imports nothing of Django.

Links and images are relative to the version; images of other servers are not shown. Runs in a sandboxed process.
"""

import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

MAX_IMAGES = 100
MAX_CODE = 64 * 2**10
_PREFIX = "card-"

_TAG_NAMES = """
    a abbr b blockquote br caption center code dd del details div dl dt em figcaption figure h3 h4 h5 h6 hr i img ins
    kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr u ul var
"""
_HEADINGS = ("h3", "h4", "h5", "h6")
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "details": {"open"},
    **{name: {"id"} for name in _HEADINGS},
}
_CLASSES = {
    "span": set("acdfikns"),
    "li": {"task"},
    "div": {"scroll"},
    "td": {"number", "middle"},
    "th": {"number", "middle"},
}
_VALUES = {"div": {"tabindex": {"0"}}, "pre": {"tabindex": {"0"}}}
_OPTIONS: dict[str, Any] = {
    "tags": set(_TAG_NAMES.split()),
    "attributes": _ATTRIBUTES,
    "allowed_classes": _CLASSES,
    "tag_attribute_values": _VALUES,
    "set_tag_attribute_values": {"img": {"loading": "lazy"}},
    "url_schemes": {"http", "https", "mailto"},
    "link_rel": "nofollow noopener",
}
# An image as the sanitiser writes it: every value quoted, quotes in it escaped.
_IMAGE = re.compile(r'<img((?: [a-z]+="[^"]*")*)>')
_ALT = re.compile(r' alt="([^"]*)"')
_TASK = re.compile(r"\[([ xX])\] ")
_ALIGNMENTS = {"text-align:right": "number", "text-align:center": "middle"}


@dataclass(frozen=True)
class Location:
    """Where a card is: the URL of its version's page, and its folder in the version, "" or with a slash at its end."""

    version_url: str
    folder: str = ""

    def link(self, url: str) -> str | None:
        """Where a link leads; None for nowhere."""
        parts = _split(url)
        if parts is None:
            return None
        if parts.scheme in ("http", "https", "mailto"):
            return url
        if parts.scheme or parts.netloc:
            return None
        if not parts.path:
            return f"#{_PREFIX}{parts.fragment}" if parts.fragment else self.version_url
        path = self._resolve(parts.path)
        if path is None:
            return None
        if path.endswith("/") or not path:
            return f"{self.version_url}?path={quote(path, safe='')}" if path else self.version_url
        return f"{self.version_url}/files/{quote(path)}"

    def image(self, url: str) -> str | None:
        """Where an image of the version is; None for any other."""
        parts = _split(url)
        if parts is None or parts.scheme or parts.netloc:
            return None
        path = self._resolve(parts.path)
        return f"{self.version_url}/image/{quote(path)}" if path and not path.endswith("/") else None

    def _resolve(self, url_path: str) -> str | None:
        """The path in the version, with a slash at its end for a folder; None outside of it."""
        path = unquote(url_path)
        joined = posixpath.normpath(path.lstrip("/") if path.startswith("/") else f"{self.folder}{path}")
        if joined == "..":
            return None
        if joined.startswith("../") or "\0" in joined:
            return None
        if joined == ".":
            return ""
        return f"{joined}/" if path.endswith("/") else joined


def render(text: str, location: Location, *, has_colours: bool = True) -> str:
    """Sanitised HTML; its headings start at h3. Takes time and memory that can grow with the square of the text."""
    env = {"code_left": MAX_CODE if has_colours else 0}
    html = nh3.clean(_MARKDOWN.render(text, env), attribute_filter=_filter_of(location), **_OPTIONS)
    return _IMAGE.sub(_without_source, html)


def has_code(text: str) -> bool:
    return "```" in text or "~~~" in text


def _filter_of(location: Location) -> Callable[[str, str, str], str | None]:
    """What becomes of each attribute that the sanitiser lets through: it does not look at the result again."""
    images_left = MAX_IMAGES

    def filter(tag: str, name: str, value: str) -> str | None:
        nonlocal images_left
        if (tag, name) == ("a", "href"):
            return location.link(value)
        if (tag, name) == ("img", "src"):
            images_left -= 1
            return location.image(value) if images_left >= 0 else None
        if name == "id":
            # No id of the page is one of the card's.
            return f"{_PREFIX}{value}"
        if name in ("width", "height", "start", "colspan", "rowspan"):
            return value if re.fullmatch(r"[0-9]{1,4}%?", value) else None
        return value

    return filter


def _without_source(match: re.Match[str]) -> str:
    """The image, or its alternative text where it has no source."""
    if ' src="' in match[1]:
        return match[0]
    alt = _ALT.search(match[1])
    return escape(unescape(alt[1])) if alt else ""


def _split(url: str) -> Any:
    try:
        return urlsplit(url.strip())
    except ValueError:
        return None


def _heading(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    level = min(int(token.tag[1]) + 2, 6)
    if token.nesting < 0:
        return f"</h{level}>\n"
    slug = re.sub(r"[^\w\- ]", "", tokens[index + 1].content.strip().lower()).replace(" ", "-")
    count = env.setdefault("slugs", {}).setdefault(slug, -1) + 1
    env["slugs"][slug] = count
    return f'<h{level} id="{escape(slug)}{f"-{count}" if count else ""}">'


def _fence(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    language = token.info.split(maxsplit=1)[0] if token.info.strip() else ""
    code = escape(token.content)
    if language and len(token.content) <= env["code_left"]:
        env["code_left"] -= len(token.content)
        code = _colour(token.content, language) or code
    return f'<pre tabindex="0"><code>{code}</code></pre>\n'


def _colour(code: str, language: str) -> str | None:
    # Pygments alone takes longer to load than most cards take.
    from artifacts.previews import highlight

    lines = highlight.highlight_language(code, language)
    if lines is None:
        return None
    spans = ("".join(f'<span class="{s}">{escape(t)}</span>' if s else escape(t) for s, t in line) for line in lines)
    return "\n".join(spans)


def _table(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return '<div class="scroll" tabindex="0"><table>' if tokens[index].nesting > 0 else "</table></div>\n"


def _cell(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    name = _ALIGNMENTS.get(str(tokens[index].attrGet("style")))
    return f'<{tokens[index].tag} class="{name}">' if name else f"<{tokens[index].tag}>"


def _html(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """People's own HTML, which the sanitiser sees: its headings stand below those of the page, too."""
    return re.sub(r"(?i)(</?)h([1-6])\b", lambda m: f"{m[1]}h{min(int(m[2]) + 2, 6)}", tokens[index].content)


def _mark_tasks(state: Any) -> None:
    """Items that begin with `[ ]` or `[x]` get a box."""
    for item, paragraph, inline in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if (item.type, paragraph.type, inline.type) != ("list_item_open", "paragraph_open", "inline"):
            continue
        first = inline.children[0] if inline.children else None
        match = _TASK.match(first.content) if first is not None and first.type == "text" else None
        if match:
            first.content = ("☐ " if match[1] == " " else "☑ ") + first.content[match.end() :]
            item.attrSet("class", "task")


_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_MARKDOWN.core.ruler.push("tasks", _mark_tasks)
for _name, _rule in (
    ("heading_open", _heading), ("heading_close", _heading), ("fence", _fence), ("code_block", _fence),
    ("table_open", _table), ("table_close", _table), ("th_open", _cell), ("td_open", _cell),
    ("html_block", _html), ("html_inline", _html),
):  # fmt: skip
    _MARKDOWN.add_render_rule(_name, _rule)
