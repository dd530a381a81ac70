"""The garbage collector stands still while many objects are made that refer to nothing that refers back.

Called where all objects of an input are read: looking for cycles among them would take half of the time. This module
must never leave the collector off.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """For a `with`, or as a decorator."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
