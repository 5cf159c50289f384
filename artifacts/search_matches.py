"""The rows of the search, texts or values, that one term of a query matches."""

from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import FormerName
from artifacts.models import SearchDocument, SearchValue
from artifacts.search_query import Term, fold

# Found in texts, all others in values and columns.
OF_TEXTS = ("text", "reason", "file")


def is_scanned(term: Term) -> bool:
    """Whether it is of texts, and no index finds it."""
    return term.field in OF_TEXTS and not SearchDocument.objects.is_indexed(*_texts(term))


def _texts(term: Term) -> list[str]:
    """What a document has to contain: any of these."""
    return _paths(fold(term.value)) if term.field == "file" else [fold(term.value)]


def rows_about(term: Term, of_artifacts: bool | None = None) -> Any:
    """The rows that match the term, whoever sees them: by an index those of artifacts, or all others; else all."""
    if term.field in ("text", "reason"):
        rows = SearchDocument.objects.containing(*_texts(term), of_artifacts=of_artifacts)
        return rows.filter(part="reason") if term.field == "reason" else rows.exclude(part="files")
    if term.field == "file":
        return SearchDocument.objects.filter(part="files").containing(*_texts(term), of_artifacts=of_artifacts)
    values = SearchValue.objects.all() if of_artifacts is None else SearchValue.objects.of_artifacts(of_artifacts)
    if term.field == "tag":
        return values.filter(key="tag", text=fold(term.value))
    return values.filter(_value_matches(term), key=term.key)


def target_ids(kind: str, term: Term, rows: Any) -> QuerySet:
    """The ids of what the rows are about, and of what had the text in its name, in one query.

    For two that are joined by OR, PostgreSQL would compare each artifact with both.
    """
    found = rows.version_ids() if kind == "versions" else rows.targets()
    if term.field == "text" and kind != "versions":
        former = FormerName.objects.holders(name__icontains=term.value).order_by()
        found = found.order_by().union(former.values_list("holder", flat=True), all=True)
    return found


def _paths(pattern: str) -> list[str]:
    """What the text of the paths has to contain, where each stands between line ends: any of these."""
    text = pattern.strip("*")
    end = "" if pattern.endswith("*") else "\n"
    return [f"{text}{end}"] if pattern.startswith("*") else [f"\n{text}{end}", f"/{text}{end}"]


def _value_matches(term: Term) -> Q:
    comparison = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}.get(term.operator)
    if comparison:
        return Q(**{f"number__{comparison}": term.number})
    text = fold(term.value)[: SearchValue._meta.get_field("text").max_length]
    if "*" not in text:
        return Q(text=text) if term.number is None else Q(number=term.number) | Q(text=text)
    first, *inner, last = text.split("*")
    condition = Q(text__startswith=first, text__endswith=last)
    for part in inner:
        condition &= Q(text__contains=part)
    return condition
