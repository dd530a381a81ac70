"""`python -m cloudgw_local.azure`: serve the local Azure until SIGTERM.

Prints one JSON line when it answers, so that whoever started it knows where. It must never write anything else
to standard output.
"""

from __future__ import annotations

import argparse
import json
import signal

from cloudgw_local.azure import server


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m cloudgw_local.azure", description="A local Azure for tests.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate", type=float, default=60.0, help="cloud seconds per wall second")
    parser.add_argument("--stepped", action="store_true", help="time moves only when the control API advances it")
    parser.add_argument("--belief", action="append", default=[], metavar="ID=VALUE", help="answer a disputed fact")
    options = parser.parse_args()
    beliefs = dict(text.split("=", 1) for text in options.belief)
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # waited for, not handled: a handler could meet a lock that it needs
    with server.serve(
        host=options.host, port=options.port, rate=options.rate, stepped=options.stepped, beliefs=beliefs
    ) as running:
        print(json.dumps({"cloud": "azure", "endpoint": running.endpoint}), flush=True)
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
