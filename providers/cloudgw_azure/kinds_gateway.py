"""The kind gateway: the application gateway itself, without its children.

`kinds` collects it. It is written together with everything in it, so its first PUT carries all. Exposure is for life,
as are subnet, zones and addresses (learn.microsoft.com/azure/application-gateway/configuration-frontend-ip).
"""

from __future__ import annotations

from cloudgw.graph import model
from cloudgw_azure import kinds_commit

DNS_SECONDS = 300.0  # time to live that names of people's own zones usually have: the gateway's address has no name


def _exposes(spec: model.Spec) -> frozenset[str]:
    return frozenset({"exposure:Public"} if spec.get("exposure") == "Public" else ())


def _claims(_: str, spec: model.Spec) -> tuple[str, ...]:
    """One gateway only can have an address."""
    found = []
    if isinstance(spec.get("public_ip"), model.Ref):
        found.append(f"public-ip:{spec['public_ip'].key}")
    if isinstance(spec.get("private_ip"), str):
        found.append(f"private-ip:{spec.get('subnet')}:{spec['private_ip']}")
    return tuple(found)


GATEWAY = model.Kind(
    name="gateway",
    immutable=("resource_group", "location", "zones", "subnet", "exposure", "public_ip", "private_ip"),
    mutable=("sku", "capacity", "http2", "ssl_policy", "tags"),
    optional=("firewall_policy", "identities"),
    defaults={"tags": {}},
    group=kinds_commit.group_of,
    atomic=True,
    commit=kinds_commit.commit,
    ready=lambda element: element.outputs.get("state") == "Succeeded",
    claims=_claims,
    published=DNS_SECONDS,
    exposes=_exposes,
)
