"""`budget.py SECONDS COMMAND...`: runs a command, prints how long it took, and fails when that is over the budget.

The Makefile wraps its long targets in it, so that a slow suite is a failing suite. The command's own exit code wins.
Ctrl-C reaches the command too, which has things to put away: it is waited for.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time


def main(arguments: list[str]) -> int:
    if len(arguments) < 2 or not arguments[0].isdigit():
        print("usage: budget.py SECONDS COMMAND...", file=sys.stderr)
        return 64
    allowed, command = int(arguments[0]), arguments[1:]
    began = time.monotonic()
    signal.signal(signal.SIGINT, lambda *_: None)  # not inherited, other than SIG_IGN
    with subprocess.Popen(command) as process:
        signal.signal(signal.SIGTERM, lambda number, _: process.send_signal(number))
        code = process.wait()
    took = time.monotonic() - began
    print(f"{' '.join(command)}: {took:.0f} s of {allowed} s", flush=True)
    if code:
        return code
    if took > allowed:
        print(f"over its budget of {allowed} s: make it faster, or say why the budget was wrong", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
