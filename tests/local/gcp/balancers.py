"""What the tests of load-balancer resources share: refusals as they look, and load balancers half made."""

from __future__ import annotations

from . import conftest, samples
from .conftest import Cloud
from .samples import GLOBAL

RULES = f"{GLOBAL}/forwardingRules"


def refused(answer: conftest.Reply, field: str, *, reason: str = "invalid", why: str = "") -> None:
    assert (answer.status, answer.reason) == (400, reason), answer.body
    wanted = f"Required field '{field}'" if reason == "required" else f"Invalid value for field '{field}'"
    assert answer.message.startswith(wanted), answer.message
    assert why in answer.message


def failed(cloud: Cloud, answer: conftest.Reply) -> str:
    """The code of the operation's error."""
    assert answer.status == 200, answer.body
    return str(cloud.end(answer.body)["error"]["errors"][0]["code"])


def proxies(cloud: Cloud, scope: str = GLOBAL, scheme: str = "EXTERNAL_MANAGED") -> None:
    samples.build(cloud, scope, scheme, upto="forwardingRules")


def https(cloud: Cloud, scope: str = GLOBAL) -> str:
    """An HTTPS proxy under a map; its path."""
    samples.build(cloud, scope, upto="targetHttpProxies")
    cloud.make(f"{scope}/sslCertificates", samples.certificate())
    cloud.make(f"{scope}/targetHttpsProxies", samples.https_proxy(scope=scope))
    return f"{scope}/targetHttpsProxies/proxy"


def patch(cloud: Cloud, path: str, **change: object) -> conftest.Reply:
    return cloud.ask("PATCH", path, change | {"fingerprint": cloud.get(path)["fingerprint"]})
