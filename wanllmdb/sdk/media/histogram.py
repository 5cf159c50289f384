"""The public class `Histogram`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.arguments import checked
from wanllmdb.sdk.json_values import to_jsonable
from wanllmdb.sdk.media.base import Add, Media, to_array

MAX_BINS = 512


class Histogram(Media):
    """How numbers are distributed: counted into `num_bins` bins, or as `np_histogram`, the result of numpy's function.

    What is no finite number is left out. Raises `Invalid`.
    """

    MAX_LENGTH = MAX_BINS

    @checked(leaves=("sequence", "np_histogram"))
    def __init__(self, sequence: Any = None, np_histogram: Any = None, num_bins: int = 64) -> None:
        if not 0 < num_bins <= MAX_BINS:
            raise errors.Invalid(f"Histogram has 1 to {MAX_BINS} bins, not {num_bins}")
        if np_histogram is not None:
            counts, edges = _parts(np_histogram)
        elif sequence is not None:
            counts, edges = _count(sequence, num_bins)
        else:
            raise errors.Invalid("Histogram takes a sequence of numbers, or np_histogram")
        if len(edges) != len(counts) + 1:
            raise errors.Invalid("Histogram: there is one edge more than there are bins")
        if len(counts) > MAX_BINS:
            raise errors.Invalid(f"Histogram has at most {MAX_BINS} bins, not {len(counts)}")
        self.histogram: list[float] = counts
        """How many numbers are in each bin."""
        self.bins: list[float] = edges
        """The edges of the bins, one more than there are."""

    def _to_record(self, add: Add, key: str, step: int) -> dict[str, Any]:
        return {"_type": "histogram", "values": self.histogram, "bins": self.bins}


def _parts(value: Any) -> tuple[list[float], list[float]]:
    try:
        counts, edges = value
    except (TypeError, ValueError):
        raise errors.Invalid("Histogram: np_histogram is a pair of counts and edges of bins") from None
    return _numbers(counts), _numbers(edges)


def _numbers(values: Any) -> list[float]:
    converted = to_jsonable(values)
    if not isinstance(converted, list) or not all(isinstance(one, (int, float)) for one in converted):
        raise errors.Invalid("Histogram takes finite numbers")
    return converted


def _count(values: Any, bins: int) -> tuple[list[float], list[float]]:
    if hasattr(values, "__array__") or hasattr(values, "detach"):
        array = to_array(values, "Histogram").ravel()
        return _count_finite(array[abs(array) < float("inf")].tolist(), bins)
    if not isinstance(values, Iterable):
        raise errors.Invalid("Histogram takes a sequence of numbers")
    return _count_finite([one for one in _flat(values) if isfinite(one)], bins)


def _flat(values: Iterable[Any]) -> Iterable[float]:
    for value in values:
        if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
            yield from _flat(value)
            continue
        try:
            yield float(value)
        except (TypeError, ValueError, OverflowError):
            raise errors.Invalid(f"Histogram takes numbers, not {type(value).__name__}") from None


def _count_finite(numbers: Sequence[float], bins: int) -> tuple[list[float], list[float]]:
    """As numpy counts: bins of one width, of which the last has its upper edge too."""
    low, high = (float(min(numbers)), float(max(numbers))) if numbers else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    width = (high - low) / bins
    counts: list[float] = [0] * bins
    for number in numbers:
        counts[min(int((number - low) / width), bins - 1)] += 1
    return counts, [low + index * width for index in range(bins)] + [high]
