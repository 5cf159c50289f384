"""A process that ends with the one that started it, however that one ends."""

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1
# Loaded here: between fork and exec nothing may be loaded.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def terminate_with_parent() -> None:
    """Have the kernel send SIGTERM to this process when its parent ends, also after an exec. Only Linux can."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
