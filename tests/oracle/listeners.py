"""Which listeners a Gateway has, which of them count, and which Routes are attached to each.

Called by `specification.read`. Repeats the documentation of Gateway, ListenerSet, AllowedRoutes and ParentReference.
Must never look at a request.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.oracle import hostnames, references
from tests.oracle.references import GATEWAY_GROUP, Manifest, World

CONTROLLER = "cloudgw.dev/gateway-controller"
KINDS = {
    "HTTP": ("HTTPRoute", "GRPCRoute"),
    "HTTPS": ("HTTPRoute", "GRPCRoute"),
    "TLS": ("TLSRoute",),
    "TCP": ("TCPRoute",),
    "UDP": ("UDPRoute",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A Route on one listener. hostnames: pairs (the name both sides allow, the Route's own name); ("", "") when no
    name is given on either side. A Route without hostnames has the single own name ""."""

    route: Manifest
    hostnames: tuple[tuple[str, str], ...]

    @property
    def kind(self) -> str:
        return str(self.route["kind"])

    @property
    def namespace(self) -> str:
        return str(self.route["metadata"].get("namespace", "default"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """An accepted listener. programmed: it terminates no TLS or has a usable certificate."""

    owner: Manifest
    name: str
    port: int
    protocol: str
    hostname: str
    programmed: bool
    spec: Manifest
    attached: list[Attached] = field(default_factory=list)


def of_gateway(world: World, gateway: tuple[str, str]) -> tuple[Listener, ...]:
    """The accepted listeners of a Gateway (namespace, name) and its ListenerSets, with their Routes; () when it is not
    ours or does not exist."""
    manifest = world.of(GATEWAY_GROUP, "Gateway").get(gateway)
    if manifest is None:
        return ()
    found = world.of(GATEWAY_GROUP, "GatewayClass").get(("", manifest["spec"]["gatewayClassName"]))
    if found is None or found["spec"]["controllerName"] != CONTROLLER:
        return ()
    owners = [manifest, *sorted(_listener_sets(world, manifest), key=references.age_order)]
    accepted = _accepted(world, owners)
    for listener in accepted:
        listener.attached.extend(_attached(world, listener))
    return accepted


def _namespace(manifest: Manifest) -> str:
    return str(manifest["metadata"].get("namespace", "default"))


def _listener_sets(world: World, gateway: Manifest) -> Iterator[Manifest]:
    allowed = (gateway["spec"].get("allowedListeners") or {}).get("namespaces")
    for (namespace, _), candidate in world.of(GATEWAY_GROUP, "ListenerSet").items():
        parent = candidate["spec"]["parentRef"]
        if (parent.get("group", GATEWAY_GROUP), parent.get("kind", "Gateway")) != (GATEWAY_GROUP, "Gateway"):
            continue
        if (parent.get("namespace") or namespace, parent["name"]) != (_namespace(gateway), gateway["metadata"]["name"]):
            continue
        if references.namespace_allowed(world, allowed, "None", _namespace(gateway), namespace):
            yield candidate


def _accepted(world: World, owners: list[Manifest]) -> tuple[Listener, ...]:
    """Owners come in order of precedence. Between owners the earlier one keeps its place, inside one owner every
    conflicting listener loses (and yet none of them leaves the place to a later owner)."""
    held: list[Listener] = []
    accepted: list[Listener] = []
    for owner in owners:
        own = [_listener(world, owner, spec) for spec in owner["spec"]["listeners"] if _supported(spec)]
        first = [one for one in own if not any(conflict(one, earlier) for earlier in held)]
        accepted += [one for one in first if not any(conflict(one, other) for other in own if other is not one)]
        held += first
    return tuple(accepted)


def _supported(spec: Manifest) -> bool:
    """A protocol of the specification; HTTPS is always terminated."""
    if spec["protocol"] not in KINDS:
        return False
    return not (spec["protocol"] == "HTTPS" and _mode(spec) != "Terminate")


def _mode(spec: Manifest) -> str:
    return str((spec.get("tls") or {}).get("mode") or "Terminate")


def _listener(world: World, owner: Manifest, spec: Manifest) -> Listener:
    protocol = spec["protocol"]
    programmed = True
    if protocol in ("HTTPS", "TLS") and _mode(spec) == "Terminate":
        refs = (spec.get("tls") or {}).get("certificateRefs") or []
        programmed = any(references.certificate_usable(world, owner["kind"], _namespace(owner), ref) for ref in refs)
    return Listener(
        owner=owner,
        name=spec["name"],
        port=spec["port"],
        protocol=protocol,
        hostname="" if protocol in ("TCP", "UDP") else (spec.get("hostname") or "").lower(),
        programmed=programmed,
        spec=spec,
    )


def conflict(one: Listener, other: Listener) -> bool:
    """Are two listeners indistinct: could one traffic flow belong to both?"""
    if one.port != other.port:
        return False
    protocols = {one.protocol, other.protocol}
    if "UDP" in protocols:
        return protocols == {"UDP"}
    if "TCP" in protocols:
        return True
    if "HTTP" in protocols and protocols != {"HTTP"}:
        return True
    return one.hostname == other.hostname


def _attached(world: World, listener: Listener) -> Iterator[Attached]:
    allowed = listener.spec.get("allowedRoutes") or {}
    for kind in _kinds(listener):
        for (namespace, _), route in world.of(GATEWAY_GROUP, kind).items():
            if not any(_refers(listener, ref, namespace) for ref in route["spec"].get("parentRefs") or []):
                continue
            if not references.namespace_allowed(
                world, allowed.get("namespaces"), "Same", _namespace(listener.owner), namespace
            ):
                continue
            own_names = [""]
            if kind not in ("TCPRoute", "UDPRoute"):
                own_names = [name.lower() for name in route["spec"].get("hostnames") or []] or [""]
            pairs = [(hostnames.intersection(listener.hostname, own), own) for own in own_names]
            common = tuple((both, own) for both, own in pairs if both is not None)
            if common:
                yield Attached(route=route, hostnames=common)


def _kinds(listener: Listener) -> list[str]:
    """The kinds of Route the protocol knows, narrowed by allowedRoutes.kinds when that is given."""
    wanted = (listener.spec.get("allowedRoutes") or {}).get("kinds") or []
    named = [entry["kind"] for entry in wanted if entry.get("group", GATEWAY_GROUP) == GATEWAY_GROUP]
    return [kind for kind in KINDS[listener.protocol] if not wanted or kind in named]


def _refers(listener: Listener, ref: Manifest, route_namespace: str) -> bool:
    """Does a parentRef select this listener? Its direct parent is the object that holds the listener, never another."""
    owner = listener.owner
    return (
        ref.get("group", GATEWAY_GROUP) == GATEWAY_GROUP
        and ref.get("kind", "Gateway") == owner["kind"]
        and (ref.get("namespace") or route_namespace) == _namespace(owner)
        and ref["name"] == owner["metadata"]["name"]
        and (not ref.get("sectionName") or ref["sectionName"] == listener.name)
        and (not ref.get("port") or ref["port"] == listener.port)
    )
