"""Offline admission: what an API server with the Gateway API would refuse, said before it does.

`cloudgw validate` calls `check` for each document. Everything here is pure: documents in, verdicts out; the schemas and
rules are data (`schemas.json`, extracted from the published module by scripts/admission.py). Nothing here may know a
provider, read a cluster, or be stricter than the server under the name of the server.
"""

from cloudgw.admission.problem import Problem, Verdict
from cloudgw.admission.rules import Missing
from cloudgw.admission.verdict import CHANNELS, check, concerns

__all__ = ["CHANNELS", "Missing", "Problem", "Verdict", "check", "concerns"]
