"""What pages say of the nodes and edges of a lineage graph, in full and in so much room as there is."""

from collections.abc import Iterable
from unicodedata import east_asian_width

from artifacts.lineage.graph import Node
from artifacts.lineage.impact import Summary
from core.validators import escape_directions
from web.lineage.folds import Fold, Link, Step
from web.numbers import size

NO_ACCESS = "Private: you don't have access to it"
_ELLIPSIS = "…"
_MAX_NAMED = 3
_NARROW, _WIDE = frozenset("iljtfrI.,:;|!'()[] "), frozenset("mwMW@%—")


def name(node: Node) -> str:
    """`detector:v3`, or the title of a run."""
    if node.kind == "private":
        return "Private"
    return f"{node.name}{suffix(node)}"


def suffix(node: Node) -> str:
    """`:v3` of a version that has a number."""
    return f":{node.version}" if node.version else ""


def details(node: Node) -> list[str]:
    """What is worth knowing of a node beside its name, without aliases: `model`, `1.5 MiB`."""
    if node.kind == "run":
        return [escape_directions(text) for text in (node.state, node.job_type) if text]
    state = [node.state] if node.state in ("draft", "deleted") else []
    return [*state, size(node.size)] if node.size is not None else state


def title(node: Node) -> str:
    """All that is known of a node, in a line."""
    if node.kind == "private":
        return NO_ACCESS
    what = "run" if node.kind == "run" else node.type
    parts = [f"{what} in {node.project}", ", ".join(node.aliases), *details(node)]
    return " · ".join([name(node), *filter(None, parts)])


def fold_title(fold: Fold) -> str:
    behind = f", and {fold.behind:,} behind them" if fold.behind else ""
    return f"{fold.label}{behind}. Show {fold.next}"


def link_title(link: Link, source: str, target: str) -> str:
    """`train-7 used interactions:v3 as production`, `train-7 logged detector:v3`."""
    labels = {
        "logged": f"{source} logged {target}",
        "used": f"{target} used {source}{as_names(link)}",
        "derived": f"{target} was derived from {source}{as_names(link)}",
    }
    return "; ".join(labels[kind] for kind in link.kinds)


def as_names(link: Link) -> str:
    return f" as {', '.join(link.requested_as)}" if link.requested_as else ""


def relation(step: Step, link: Link | None) -> str:
    """How a step of the list hangs together with the one above it: `Used by`, `Logged`."""
    kinds = link.kinds if link else []
    back = step.side == "upstream"
    labels = {
        "logged": "Logged by" if back else "Logged",
        "used": "Used" if back else "Used by",
        "derived": "Derived from" if back else "Source of",
    }
    return ", ".join(labels[kind] for kind in kinds)


def affected(summary: Summary) -> str:
    """`at least 41 versions (2 with protected aliases) and 12 runs (1 running) in 3 projects of 2 teams`; or ""."""
    parts = [
        _counted(summary.versions, "version") + _among((summary.protected, "with protected aliases")),
        _counted(summary.runs, "run") + _among((summary.running, "running")),
    ]
    counted = [text for text, count in zip(parts, (summary.versions, summary.runs), strict=True) if count]
    where = f" in {_counted(summary.projects, 'project')} of {_counted(summary.teams, 'team')}" if counted else ""
    hidden = [f"{_counted(summary.private, 'item')} that you don't have access to"] if summary.private else []
    text = " and ".join([*counted[:-1], *(f"{last}{where}" for last in counted[-1:])])
    text = ", plus ".join(filter(None, [text, *hidden]))
    return text if summary.is_complete or not text else f"at least {text}"


def several(names: Iterable[str], nouns: str) -> str:
    """`data:v1 and data:v2`; of more than a few, how many they are: `12 versions`."""
    names = list(names)
    if len(names) > _MAX_NAMED:
        return f"{len(names):,} {nouns}"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _among(part: tuple[int, str]) -> str:
    return f" ({part[0]:,} {part[1]})" if part[0] else ""


def fit(text: str, room: float) -> str:
    """The text, cut where it is wider than so many letters of usual width."""
    if width(text) <= room:
        return text
    kept, used = [], 1.0
    for letter in text:
        used += _letter(letter)
        if used > room:
            break
        kept.append(letter)
    return "".join(kept).rstrip() + _ELLIPSIS


def width(text: str) -> float:
    """In letters of usual width."""
    return sum(map(_letter, text))


def _letter(letter: str) -> float:
    if letter in _NARROW:
        return 0.55
    if letter in _WIDE:
        return 1.55
    if not letter.isascii():
        return 1.9 if east_asian_width(letter) in "WF" or ord(letter) > 0xFFFF else 1.15
    return 1.2 if letter.isupper() else 1.0
