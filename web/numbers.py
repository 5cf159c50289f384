"""Numbers as people read them: what a program measured has 17 digits, of which a table shows five."""

import math
from typing import Any


def significant(value: Any) -> Any:
    """A float with five significant digits, `0.93457`; anything else as it is."""
    return f"{value:.5g}" if isinstance(value, float) and math.isfinite(value) else value
