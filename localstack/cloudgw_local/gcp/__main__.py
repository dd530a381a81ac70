"""`python -m cloudgw_local.gcp`: serve the local Google Cloud until SIGTERM.

Prints one JSON line when it answers, so that whoever started it knows where. It must never write anything else
to standard output.
"""

from __future__ import annotations

from cloudgw_local import serving
from cloudgw_local.gcp import server

if __name__ == "__main__":
    serving.main("gcp", "Google Cloud", server.serve)
