"""`python -m cloudgw_local.azure`: serve the local Azure until SIGTERM.

Prints one JSON line when it answers, so that whoever started it knows where. It must never write anything else
to standard output.
"""

from __future__ import annotations

from cloudgw_local import serving
from cloudgw_local.azure import server

if __name__ == "__main__":
    serving.main("azure", "Azure", server.serve)
