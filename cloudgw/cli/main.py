"""The command `cloudgw`: picks the command's module, runs it, and turns what it raises into a message and exit code 1.

The entry point of the distribution. It must import nothing that costs time (SDKs, YAML, cryptography): every command
imports what it needs when it runs. No user error ever shows a traceback; of a defect of ours it shows place and type,
never the values, which might be secret.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import cast

from cloudgw.cli import arguments
from cloudgw.cli.problem import Problem

TRACEBACK = "CLOUDGW_TRACEBACK"
ERROR = 1
INTERRUPTED = 130


def run() -> None:
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """The exit code of one command: see `arguments`."""
    try:
        options = arguments.parse(argv)
        module = importlib.import_module(f"cloudgw.cli.{options.command}")
        code = cast("int", module.run(options))
        sys.stdout.flush()
        return code
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return ERROR
    except KeyboardInterrupt:
        print("interrupted; run the command again: it goes on from what it finds", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR
    except Exception as defect:
        if os.environ.get(TRACEBACK):
            raise
        print(_told(defect), file=sys.stderr)
        return ERROR


def _told(defect: Exception) -> str:
    trace = defect.__traceback__
    where = ""
    while trace is not None:
        where = f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
        trace = trace.tb_next
    return (
        f"error: a defect of cloudgw, not of your input: {type(defect).__name__} in {where}; "
        f"run again with {TRACEBACK}=1 (it may show values) and report it"
    )


if __name__ == "__main__":
    run()
