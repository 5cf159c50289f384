"""The order that people expect of names with numbers in them: layer 2 before layer 10."""

import re

_PARTS = re.compile(r"([^0-9]*)([0-9]*)")


def key(name: str) -> list[tuple[str, int, str]]:
    """A sort key: digits by their value, letters without regard to case. No number is too long for it."""
    parts = ((text.casefold(), digits.lstrip("0")) for text, digits in _PARTS.findall(name))
    return [*((text, len(digits), digits) for text, digits in parts), (name, 0, "")]
