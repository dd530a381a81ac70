"""The kinds with an order: path rules in their map, routing rules over all listeners; and the maps themselves.

`kinds` collects them. Pure but for the shared commit. Path rules stand in the order of their map, and the first that
matches answers (learn.microsoft.com/azure/application-gateway/url-route-overview); routing rules have priorities, the
lowest number first (.../multiple-site-overview). Two entries meet when one request may match both; in doubt they do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw.routing import hostnames
from cloudgw_azure import kinds_children, names
from cloudgw_azure.shapes_values import forward

LAST_PATH = 10_000_000  # positions of path rules are 1000 times their place
LAST_PRIORITY = 20_000
NONE = "none"  # logical id of the pool without members, which answers 502, and of its settings
NONE_PORT, NONE_PROTOCOL = 80, "Http"
WARM_PATH = "/.well-known/cloudgw-warm/"
_HASHED = re.compile(r"-[a-z2-7]{10}$")  # how `names.logical` ends what it changed, as it does a wildcard's "*"


def _table_of_path(where: model.Address, name: str, spec: model.Spec) -> str:
    of = spec.get("map")
    return f"paths:{of.key}" if isinstance(of, model.Ref) else f"paths:{model.key_of(where, name)}"


def _table_of_rule(where: model.Address, name: str, spec: model.Spec) -> str:
    del name
    gateway = spec.get("gateway")
    return f"rules:{gateway.key}" if isinstance(gateway, model.Ref) else f"rules:{model.owner_of(where)}"


def _meets_path(spec: model.Spec) -> tuple[str, ...]:
    """The first segment of each path, in lower case: Azure matches paths without case."""
    found = set()
    for path in spec.get("paths") or ("/*",):
        head, slash, _ = str(path).lower().removeprefix("/").partition("/")
        if "*" in head or not (head or slash):
            return (model.EVERYTHING,)
        found.add(head)
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class _Site:
    """Whom a listener serves, by its logical id. host: "" for any; cut: only how it begins is known."""

    port: str
    host: str
    cut: bool = False

    @property
    def exact(self) -> bool:
        return not self.host.startswith("any.") if self.cut else bool(self.host) and not self.host.startswith("*.")


def _site(logical: str) -> _Site:
    """The reverse of `names.logical(port, host or "any")`, made again to be sure."""
    port, _, host = logical.partition(".")
    if host == "any":
        return _Site(port, "")
    if len(logical) == names.LOGICAL_LIMIT and _HASHED.search(logical):
        return _Site(port, host, cut=True)
    wildcard = f"*.{_HASHED.sub('', host).removeprefix('any.')}"
    return _Site(port, wildcard if names.logical(port, wildcard) == logical else host)


def _same_requests(one: model.Spec, other: model.Spec) -> bool:
    """Two routing rules: the same port, and hosts that one request may match both; in doubt they do."""
    first, second = one.get("listener"), other.get("listener")
    return not isinstance(first, model.Ref) or not isinstance(second, model.Ref) or _same_hosts(first, second)


def _same_hosts(first: model.Ref, second: model.Ref) -> bool:
    """Of listeners, or of their path maps, which are called alike."""
    mine, theirs = _site(names.logical_of(first.to)), _site(names.logical_of(second.to))
    if first.to == second.to:
        return True
    if mine.port != theirs.port:
        return False
    if mine.cut or theirs.cut:
        return not (mine.exact and theirs.exact)
    return hostnames.intersect(mine.host, theirs.host) is not None


def _displaces(new: model.Spec, standing: model.Spec) -> bool:
    """Of its own map, or of one whose hosts its own map takes over once its routing rule is there."""
    if not _same_hosts(new["map"], standing["map"]):
        return False
    mine, theirs = _meets_path(new), _meets_path(standing)
    return model.EVERYTHING in (*mine, *theirs) or bool(set(mine) & set(theirs))


def _warm(gateway: model.Element, number: int, references: tuple[model.Ref, ...]) -> model.Element:
    """A path rule that nobody asks for and that attaches a pool with its plain settings, so that Azure probes it."""
    owner = model.owner_of(gateway.address)
    where = model.address(owner, names.PROVIDER, "path-rule", f"{names.WARM}/{number}")
    map_where, _, map_name = str(gateway.outputs.get("map") or f"{owner}/{names.PROVIDER}/path-map/@").rpartition("@")
    spec: dict[str, object] = {
        "gateway": model.Ref(gateway.address, "exists", gateway.name),
        "map": model.Ref(map_where, "exists", map_name),
        "paths": (f"{WARM_PATH}{model.hash_of((gateway.key, number))}",),
        "rewrite": None,
        "extra": "",
    }
    for pool in references:
        settings = model.address(owner, names.PROVIDER, "settings", names.logical_of(pool.to))
        spec["action"] = forward(model.Ref(pool.to, "exists", pool.name), model.Ref(settings))
    return model.Element(address=where, spec=spec)


def _stand_in(element: model.Element) -> model.Element | None:
    """The same paths, answered 502: what stands for an action that Azure refused. The spec is a bound one."""
    if isinstance(element.spec, Unknown):
        return None
    owner, gateway = model.owner_of(element.address), element.spec["gateway"]
    pool_spec = {"gateway": gateway, "port": NONE_PORT, "protocol": NONE_PROTOCOL}
    pool = model.Ref(
        model.address(owner, names.PROVIDER, "pool", NONE),
        "serving",
        model.suffix_of(kinds_children.POOL, pool_spec),
    )
    settings = model.Ref(
        model.address(owner, names.PROVIDER, "settings", NONE),
        "exists",
        model.suffix_of(kinds_children.SETTINGS, pool_spec),
    )
    spec = {**element.spec, "action": forward(pool, settings), "rewrite": None}
    return model.Element(address=element.address, spec=spec, name=element.name, origins=element.origins)


PATH_MAP = kinds_children.child("path-map", mutable=("default", "extra"))
PATH_RULE = kinds_children.child(
    "path-rule",
    immutable=("map",),
    mutable=("paths", "action", "rewrite", "extra"),
    matches=("paths",),
    traffic=("action",),
    table=_table_of_path,
    positions=range(1, LAST_PATH),
    warm=_warm,
    warm_room=1,
    warm_positions=range(LAST_PATH, LAST_PATH + 1000),
    is_warm=names.is_warm,
    meets=_meets_path,
    displaces=_displaces,
    stand_in=_stand_in,
)
RULE = kinds_children.child(
    "rule",
    mutable=("listener", "map", "extra"),
    table=_table_of_rule,
    positions=range(1, LAST_PRIORITY + 1),
    meeting=_same_requests,
    opens="map",
)
