"""Numbers as people read them: what a program measured has 17 digits, of which a table shows five."""

import math
from typing import Any

from django.template.defaultfilters import pluralize

from artifacts.models import ArtifactVersion

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def significant(value: Any) -> Any:
    """A float with five significant digits, `0.93457`; anything else as it is."""
    return f"{value:.5g}" if isinstance(value, float) and math.isfinite(value) else value


def size(count: int | None, reference: object = None) -> str:
    """Bytes in binary units: `1.5 MiB`. Of a reference, zero is no size that is known."""
    if count is None or (reference and not count):
        return "–"
    power = min(max(count, 1).bit_length() - 1, 49) // 10
    value = count / 1024**power
    return f"{value:.0f} {_UNITS[power]}" if power == 0 or value >= 100 else f"{value:.1f} {_UNITS[power]}"


def numbered(noun: str, count: int) -> str:
    """A plural noun as it follows the count: `alias` instead of `aliases` where there is one."""
    if count != 1:
        return noun
    return noun.removesuffix("es") if noun.endswith(("ses", "ches")) else noun.removesuffix("s")


def contents(version: ArtifactVersion) -> str:
    """`6 files, 1.5 MiB`; with references `12 files here (3.1 GiB), 240 elsewhere (1.2 TiB)`."""
    if not version.reference_count:
        return f"{_files(version.file_count)}, {size(version.total_size)}"
    here = f"{_files(version.stored_count)} here ({size(version.stored_size)}), " if version.stored_count else ""
    references = f"{version.reference_count:,}" if here else _files(version.reference_count)
    known = f" ({size(version.referenced_size)})" if version.referenced_size else ""
    return f"{here}{references} elsewhere{known}"


def sizes(version: ArtifactVersion) -> str:
    """`1.5 MiB`; with references `3.1 GiB here, 1.2 TiB elsewhere`."""
    if not version.reference_count:
        return size(version.total_size)
    return f"{size(version.stored_size)} here, {elsewhere(version)}" if version.stored_count else elsewhere(version)


def elsewhere(version: ArtifactVersion) -> str:
    """`1.2 TiB elsewhere`, or where the sizes of its references are not known, how many there are; "" without any."""
    if not version.reference_count:
        return ""
    known = size(version.referenced_size) if version.referenced_size else _files(version.reference_count)
    return f"{known} elsewhere"


def _files(count: int) -> str:
    return f"{count:,} file{pluralize(count)}"
