"""Rules of health checks, global and regional: exactly one typed block, defaults, ranges.

`balancing` puts the kind into the frame. What the probes find is `health`'s. Must never look at other resources.

Source: cloud.google.com/compute/docs/reference/rest/v1/healthChecks, cloud.google.com/load-balancing/docs/
health-check-concepts; defaults as recorded by GoogleCloudPlatform/k8s-config-connector (mockgcp golden logs); the
sentence about timeout and interval as users of GKE Ingress reported it. Inferred: the other sentences.
"""

from __future__ import annotations

from cloudgw_local.gcp import around, balancing_rules, kind, names, schema
from cloudgw_local.gcp.balancing_rules import Json

BLOCKS = {
    "HTTP": "httpHealthCheck",
    "HTTPS": "httpsHealthCheck",
    "HTTP2": "http2HealthCheck",
    "TCP": "tcpHealthCheck",
    "SSL": "sslHealthCheck",
    "GRPC": "grpcHealthCheck",
    "GRPC_WITH_TLS": "grpcTlsHealthCheck",
}
_PORTS = {"HTTP": 80, "HTTPS": 443, "HTTP2": 443, "TCP": 80, "SSL": 443}
_WEB = ("HTTP", "HTTPS", "HTTP2")


def accept(body: Json, place: names.Place, current: Json | None, _around: around.Around) -> Json:
    """A whole health check; every member but the name may change, `type` with its block."""
    if "type" not in body:
        raise schema.required("resource.type")
    balancing_rules.one_of(body["type"], "resource.type", BLOCKS, f"Must be one of [{', '.join(BLOCKS)}]")
    block = _block(body, current)
    balancing_rules.defaults(body, checkIntervalSec=5, timeoutSec=5, healthyThreshold=2, unhealthyThreshold=2)
    for name, most in (("checkIntervalSec", 300), ("timeoutSec", 300), ("healthyThreshold", 10)):
        balancing_rules.within(body[name], f"resource.{name}", 1, most)
    balancing_rules.within(body["unhealthyThreshold"], "resource.unhealthyThreshold", 1, 10)
    if body["timeoutSec"] > body["checkIntervalSec"]:
        why = "TimeoutSec should be less than checkIntervalSec."
        raise schema.invalid("resource.timeoutSec", body["timeoutSec"], why)
    if body.get("sourceRegions") and place.scope != "global":
        raise schema.invalid("resource.sourceRegions", "", "Source regions are for global health checks only.")
    _complete(body["type"], body[block], f"resource.{block}")
    return body


def _block(body: Json, current: Json | None) -> str:
    """The name of the one block that matches the type."""
    wanted = BLOCKS[body["type"]]
    if current is not None and current["type"] != body["type"]:
        before = BLOCKS[current["type"]]
        if body.get(before) == current.get(before):
            body.pop(before, None)  # a patch that changes the type replaces the block
    for name in BLOCKS.values():
        if name in body and name != wanted:
            raise schema.invalid(
                f"resource.{name}", "", f"Must not be specified for a health check of type {body['type']}."
            )
    if wanted not in body:
        raise schema.required(f"resource.{wanted}")
    return wanted


def _complete(kind_of: str, block: Json, path: str) -> None:
    way = block.get("portSpecification", "USE_FIXED_PORT")
    if way == "USE_FIXED_PORT":
        if kind_of in _PORTS:
            block.setdefault("port", _PORTS[kind_of])
        if "port" not in block:
            raise schema.required(f"{path}.port")
    elif "port" in block:
        raise schema.invalid(f"{path}.port", block["port"], f"Port must not be specified with {way}.")
    balancing_rules.within(block.get("port"), f"{path}.port", 1, 65535)
    if kind_of in BLOCKS and not kind_of.startswith("GRPC"):
        block.setdefault("proxyHeader", "NONE")
    if kind_of in _WEB:
        block.setdefault("requestPath", "/")
        if not block["requestPath"].startswith("/"):
            raise schema.invalid(f"{path}.requestPath", block["requestPath"], "Must begin with '/'.")


KINDS = (kind.Kind("healthChecks", balancing_rules.semantic(accept)),)
