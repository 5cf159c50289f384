"""Icons, relative times, sizes, URLs, JSON trees and Markdown in templates. Loaded into every one."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from django import template
from django.shortcuts import resolve_url
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from accounts.models import User
from artifacts.aliases.excerpts import Pointer
from artifacts.models import Artifact, ArtifactVersion
from artifacts.previews import json_tree
from core.bounded_count import COUNT_LIMIT, format_count
from core.validators import escape_directions
from web import literals, numbers, reference_states
from web import markdown as markdown_html

register = template.Library()
# Of texts of users in code that people copy.
register.filter("python", literals.python)
register.filter("shell", literals.shell)
register.filter("yaml", literals.yaml)

_STEPS = ((60, 1, "s"), (3600, 60, " min"), (86400, 3600, " h"), (30 * 86400, 86400, " d"))


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """One of static/img/icons.svg; with a label where no text beside it says the same."""
    href = f"{static('img/icons.svg')}#{name}"
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>', label, href)
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"/></svg>', href)


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """`3 h ago`, with the exact time on hover; the date alone after a month. Or the time, for who has chosen that."""
    if moment is None:
        return "–"
    return format_html(
        '<time datetime="{}" title="{}"><span>{}</span><span class="at">{}</span></time>',
        moment.isoformat(),
        moment.strftime("%Y-%m-%d %H:%M:%S UTC"),
        _distance(moment),
        moment.strftime("%Y-%m-%d %H:%M"),
    )


@register.filter
def until(moment: datetime) -> SafeString:
    """`in 5 days`, with the exact time on hover; `at any moment` of what is over already. To the nearest unit: of a
    TTL of 5 days, a moment later, not 4 are left."""
    left = moment - timezone.now()
    distance = "at any moment"
    for unit, name in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")):
        if left >= unit:
            count = round(left / unit)
            distance = f"in {count:,} {name}{'' if count == 1 else 's'}"
            break
    return format_html(
        '<time datetime="{}" title="{}"><span>{}</span><span class="at">{}</span></time>',
        moment.isoformat(),
        moment.strftime("%Y-%m-%d %H:%M:%S UTC"),
        distance,
        moment.strftime("%Y-%m-%d %H:%M"),
    )


@register.filter
def grouped(count: int) -> str:
    """`12,345`: a number that people can read."""
    return f"{count:,}"


@register.filter
def pairs(mapping: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Keys with their values, where people choose the keys: `mapping.items` in a template is its key "items"."""
    return list(mapping.items())


@register.filter
def duration(value: timedelta) -> str:
    """`2 h 5 min`: the two largest units."""
    seconds = int(value.total_seconds())
    days, hours, minutes = seconds // 86400, seconds % 86400 // 3600, seconds % 3600 // 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"


register.filter("shown", escape_directions)
register.filter("size", numbers.size)
register.filter("numbered", numbers.numbered)
register.filter("sizes", numbers.sizes)
register.filter("contents", numbers.contents)
register.filter("elsewhere", numbers.elsewhere)
register.filter("significant", numbers.significant)
register.filter("drift", reference_states.drift)


@register.filter
def significant_json(text: str) -> Any:
    """The same of a float that is written as JSON."""
    return numbers.significant(float(text))


@register.simple_tag(takes_context=True)
def markdown(context: template.Context, text: str) -> SafeString:
    """Markdown as sanitised HTML, for a `.prose` around it: `components/markdown.html` has both."""
    return markdown_html.render(text, str(context["request"].user.pk))


@register.filter
def code_spans(text: str) -> SafeString:
    """A text of ours, with what it has between backticks as code."""
    pieces = enumerate(text.split("`"))
    return mark_safe("".join(format_html("<code>{}</code>" if odd % 2 else "{}", piece) for odd, piece in pieces))


@register.filter
def excerpt(text: str | None) -> str:
    """Markdown as the plain text of one line, for lists."""
    return markdown_html.excerpt(text or "")


@register.inclusion_tag("components/json_tree.html")
def tree(value: Any, empty: str = "") -> dict[str, Any]:
    """A JSON value as a tree of bounded size, with five digits of floats; `empty` is the sentence for an empty one."""
    return {"rows": json_tree.rows(value), "empty": empty, "rounds": True}


@register.inclusion_tag("components/json_tree.html")
def tree_rows(rows: Sequence[json_tree.Row], empty: str = "") -> dict[str, Any]:
    """The same of a preview, which has only the rows that are shown, and all digits."""
    return {"rows": rows, "empty": empty}


@register.filter
def get_item(values: Mapping[Any, Any], key: Any) -> Any:
    """What the mapping holds under a key that the page has in a variable."""
    return values[key]


@register.simple_tag
def url_of(thing: Any, *args: Any, **query: Any) -> str:
    """The URL of a thing's own page, `{% url_of artifact %}`, or of a page about it, `{% url_of artifact "upload" %}`.

    Further arguments are what that URL has beside the names of the thing: `{% url_of artifact "alias-move" alias %}`.
    Keywords become the query string; empty ones are left out. For a page about nothing in particular, `thing` is the
    page's name, or its URL.
    """
    if isinstance(thing, str):
        url = resolve_url(thing, *args)
    elif args:
        url = reverse(args[0], args=[*thing.url_args, *args[1:]])
    else:
        url = thing.get_absolute_url()
    fields = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{url}?{urlencode(fields, safe='/', quote_via=quote)}" if fields else url


@register.simple_tag
def dialog_link(thing: Any, *args: Any, **query: Any) -> SafeString:
    """The attributes of a link to what `url_of` names, opened in the dialog, or without script as a page of its own."""
    return format_html(
        'href="{0}" hx-get="{0}" hx-target="#modal" hx-swap="innerHTML" hx-push-url="false"',
        url_of(thing, *args, **query),
    )


@register.simple_tag
def person(user: User | str | None, fallback: str = "a deleted user") -> SafeString | str:
    """Somebody's name, as a link to their page; a record has the name alone."""
    name = user.username if isinstance(user, User) else user
    if not name:
        return fallback
    return format_html('<a class="person" href="{}">{}</a>', reverse("person", args=[name]), name)


@register.inclusion_tag("components/alias_chip.html")
def alias_chip(
    alias: str,
    version: str = "",
    *,
    of: Artifact | None = None,
    history: bool = False,
    lock: str = "",
    icon: str = "tag",
) -> dict[str, Any]:
    """An alias, or a pattern of some, and where it points to; a long one ends in an ellipsis.

    With `of`, its artifact, a link to that version, or with `history` one that opens what happened to the alias.
    `lock` is the sentence of the rule that protects it.
    """
    attributes: SafeString | str = ""
    if of is not None and history:
        attributes = dialog_link(of, "alias-history", alias)
    elif of is not None:
        attributes = format_html('href="{}"', url_of(of, "version", version))
    title = lock or (f"History of {alias}" if history else f"{alias} → {version}" if version else alias)
    context = {"alias": alias, "version": version, "attributes": attributes, "title": title}
    return context | {"lock": lock, "icon": icon}


@register.inclusion_tag("components/alias_chips.html")
def alias_chips(artifact: Artifact, limit: int = 4) -> dict[str, Any]:
    """The first aliases of an artifact with its `alias_excerpt`, where they point, and how many more there are."""
    excerpt = artifact.alias_excerpt
    pointers = excerpt.first[:limit]
    more = excerpt.count - len(pointers)
    text = format_count(excerpt.count if excerpt.count > COUNT_LIMIT else more)
    return {"artifact": artifact, "pointers": pointers, "more": text if more > 0 else ""}


@register.inclusion_tag("components/alias_chips.html")
def version_alias_chips(version: ArtifactVersion, artifact: Artifact, limit: int = 6) -> dict[str, Any]:
    """The same of the aliases that point to one version, each a link to its history."""
    names = version.alias_names
    more = len(names) - limit
    return {
        "artifact": artifact,
        # Where they point is what the page is about.
        "pointers": [Pointer(name, "") for name in names[:limit]],
        "history": True,
        "more": format_count(more) if more > 0 else "",
    }


@register.simple_tag(takes_context=True)
def sort_url(context: dict[str, Any], column: str) -> str:
    """The URL of the page with the table sorted by the column, from its first row on.

    It is relative, but for a table that is a part of other pages too: it is alone at its `table_url`.
    """
    prefix = context.get("table_prefix", "")
    places = dict.fromkeys((f"{prefix}page", "before", "after", "offset", "cursor", "polls"), "")
    return context.get("table_url", "") + query(context, **{f"{prefix}sort": column}, **places)


@register.simple_tag(takes_context=True)
def page_url(context: dict[str, Any], number: int) -> str:
    """The same at another page of the table."""
    return context.get("table_url", "") + query(context, **{f"{context.get('table_prefix', '')}page": number})


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """The page's query string with these changes; None or '' takes a field out."""
    fields = context.get("page_query", context["request"].GET).copy()
    for name, value in changes.items():
        if value in (None, ""):
            fields.pop(name, None)
        else:
            fields[name] = value
    return f"?{fields.urlencode()}" if fields else "?"


def _distance(moment: datetime) -> str:
    seconds = (timezone.now() - moment).total_seconds()
    if seconds < 5:
        return "just now"
    for limit, unit, name in _STEPS:
        if seconds < limit:
            return f"{int(seconds // unit)}{name} ago"
    return moment.strftime("%Y-%m-%d")
