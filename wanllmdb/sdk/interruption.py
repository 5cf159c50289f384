"""Interrupts the main thread from another one, as Ctrl-C does."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from importlib import import_module


def interrupt_main() -> None:
    """Raise KeyboardInterrupt in the main thread, or call what the program has put in its place.

    A program that a shell has started in the background ignores Ctrl-C; it is interrupted all the same, but not while
    it waits for something outside of Python.
    """
    main = threading.main_thread()
    if signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, signal.SIG_DFL, None):
        ctypes = import_module("ctypes")
        thread, exception = ctypes.c_ulong(main.ident or 0), ctypes.py_object(KeyboardInterrupt)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, exception)
    elif sys.platform == "win32" or main.ident is None:
        _thread.interrupt_main()
    else:
        # This wakes it from a sleep, too.
        signal.pthread_kill(main.ident, signal.SIGINT)
