"""Which listeners of a Gateway an Application Load Balancer is made to serve, and what the others' hosts answer.

`build` calls `served` before anything else. Pure. A listener that asks for what is not honoured here (client
certificates, connections that carry no HTTP) is not programmed: nothing listens on its port, and where another
listener does, its hosts answer 404. Must never let a less specific listener answer for the hosts of such a one.
"""

from __future__ import annotations

from cloudgw.building import listening
from cloudgw.routing import ir


def served(routing: ir.Routing) -> listening.Served:
    """A listener that validates clients needs a trust store, which is not made yet
    (docs.aws.amazon.com/elasticloadbalancing/latest/application/mutual-authentication.html); TLS, TCP and UDP are
    carried by Network Load Balancers (docs.aws.amazon.com/elasticloadbalancing/latest/network/introduction.html)."""
    return listening.served(routing, "AWS")
