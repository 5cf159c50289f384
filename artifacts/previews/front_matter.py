"""The YAML at the start of a card, as what pages show of it. Runs in a sandboxed process.

Every scalar is read as the text that it is: `language: no` is Norwegian, and `1.10` a version. Anchors, which could
multiply a few bytes to gigabytes, are refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import yaml

MAX_YAML = 128 * 2**10
MAX_EVENTS = 30_000
MAX_DEPTH = 20
MAX_CHIPS = 40
MAX_CHIP = 100
MAX_RESULTS = 200

# The same in C, where the platform has it.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_BLOCK = re.compile(r"---[ \t]*\n(?P<yaml>.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[\w.-]{1,96})?", re.ASCII)
_OWN_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+/[\w.-]+(:[\w.-]+)?", re.ASCII)
_EMPTY = ("", "~", "null", "None")
_TEXT_FACTS = (
    ("Languages", ("language", "languages")),
    ("Task", ("pipeline_tag", "task_categories", "task_ids")),
    ("Library", ("library_name",)),
)


@dataclass(frozen=True)
class Chip:
    """`url` is where it leads: to a page of the web, or a search of ours; "" for nowhere."""

    text: str
    url: str = ""


@dataclass(frozen=True)
class Fact:
    label: str
    chips: list[Chip]


@dataclass(frozen=True)
class Result:
    """One value of an evaluation, as the author wrote it."""

    model: str
    task: str
    dataset: str
    metric: str
    value: str


@dataclass(frozen=True)
class FrontMatter:
    """`note` says what could not be read. `omitted` counts further results."""

    facts: list[Fact] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    omitted: int = 0
    note: str = ""


def split(text: str) -> tuple[str, str]:
    """The YAML between the first two lines of dashes, and what follows; "" where there is none."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    match = _BLOCK.match(text)
    return (match["yaml"], text[match.end() :]) if match else ("", text)


def read(text: str) -> FrontMatter:
    """What the YAML says, as far as it is one of the usual fields of a card."""
    if not text.strip():
        return FrontMatter()
    try:
        values = _load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return FrontMatter(note="The front matter is not valid YAML.")
    except _Refused as error:
        return FrontMatter(note=str(error))
    if not isinstance(values, dict):
        return FrontMatter(note="The front matter is not a list of fields.")
    results = list(_results(values.get("model-index")))
    facts = [fact for fact in _facts(values) if fact.chips]
    return FrontMatter(facts, results[:MAX_RESULTS], max(0, len(results) - MAX_RESULTS))


class _Refused(Exception):
    pass


def _load(text: str) -> Any:
    if len(text) > MAX_YAML:
        raise _Refused("The front matter is too long to read.")
    depth = 0
    for number, event in enumerate(yaml.parse(text, _LOADER)):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _Refused("The front matter has YAML anchors, which are not read.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH or number > MAX_EVENTS:
            raise _Refused("The front matter has too many fields to read.")
    return yaml.load(text, _LOADER)


def _facts(values: dict[Any, Any]) -> Iterator[Fact]:
    link = _text(values.get("license_link"))
    licenses = _texts(values.get("license_name") or values.get("license") or values.get("licence"))
    yield Fact("License", [Chip(name, link if _is_web_url(link) else "") for name in licenses])
    for label, names in _TEXT_FACTS:
        yield Fact(label, [Chip(text) for name in names for text in _texts(values.get(name))])
    yield Fact("Base model", [Chip(name, _hub_url(name, "")) for name in _texts(values.get("base_model"))])
    yield Fact("Datasets", [Chip(name, _hub_url(name, "datasets/")) for name in _texts(values.get("datasets"))])
    yield Fact("Tags", [Chip(text) for text in _texts(values.get("tags"))])


def _results(models: Any) -> Iterator[Result]:
    for model in _dicts(models):
        for result in _dicts(model.get("results")):
            task, dataset = _dict(result.get("task")), _dict(result.get("dataset"))
            where = [_text(dataset.get("name") or dataset.get("type")), _text(dataset.get("split"))]
            for metric in _dicts(result.get("metrics")):
                yield Result(
                    _text(model.get("name")),
                    _text(task.get("name") or task.get("type")),
                    ", ".join(filter(None, where)),
                    _text(metric.get("name") or metric.get("type")),
                    _number(_text(metric.get("value"))),
                )


def _hub_url(name: str, kind: str) -> str:
    """Of a model or data set named as on the hub, or as in this registry: `team/project/name:alias`."""
    if _is_web_url(name):
        return name
    if _OWN_NAME.fullmatch(name):
        return f"/search?q={quote(name, safe='')}"
    return f"https://huggingface.co/{kind}{name}" if _HUB_NAME.fullmatch(name) else ""


def _is_web_url(text: str) -> bool:
    """Whether it is one as a whole: a text that was cut leads nowhere."""
    return re.fullmatch(r"https?://[\w.-]+(:\d+)?(/[^…]*)?", text, re.ASCII) is not None


def _texts(value: Any) -> list[str]:
    """The texts of a value that is one, or a list of them, each once."""
    values = value if isinstance(value, list) else [value]
    return list(dict.fromkeys(text for item in values if (text := _text(item))))[:MAX_CHIPS]


def _text(value: Any) -> str:
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if text in _EMPTY:
        return ""
    return text if len(text) <= MAX_CHIP else f"{text[:MAX_CHIP]}…"


def _number(text: str) -> str:
    """To five significant digits where it has more."""
    is_long = re.fullmatch(r"-?\d+\.\d{5,60}", text)
    return f"{float(text):.5g}" if is_long else text


def _dicts(value: Any) -> list[dict[Any, Any]]:
    values = value if isinstance(value, list) else [value]
    return [item for item in values if isinstance(item, dict)]


def _dict(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}
