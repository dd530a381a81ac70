"""A listener rule as the core sees it: its group, whom it meets, what warms a target group, what stands in for it.

`kinds_rules` gathers these into the kind. Pure. A rule that only warms asks for a source address that no client has:
a target group is probed only while some rule forwards to it
(docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html). Two rules meet when one
request may match both; in doubt they do.
"""

from __future__ import annotations

from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw_aws import names, shapes


def group_of(_: model.Address, __: str, spec: model.Spec) -> str:
    """All rules of one incarnation of a listener."""
    listener = spec.get("listener")
    return f"rules:{listener.key}" if isinstance(listener, model.Ref) else f"rules:{listener}"


def meets(spec: model.Spec) -> tuple[str, ...]:
    """The exact host names a rule answers for; everything, where that is not a list of names."""
    for condition in spec.get("conditions", ()):
        name, _, kind, values = condition
        if name != "host-header":
            continue
        hosts = [shapes.host_of_regex(v) if kind == "regex" else v for v in values]
        if any(host is None or "*" in host or "?" in host for host in hosts):
            return (model.EVERYTHING,)
        return tuple(sorted(str(host).lower() for host in hosts))
    return (model.EVERYTHING,)


def warm(listener: model.Element, number: int, references: tuple[model.Ref, ...]) -> model.Element:
    """A rule that no request meets and that attaches these target groups to the listener."""
    owner, port = model.owner_of(listener.address), model.short(listener.address).split("/", 1)[1]
    spec = {
        "listener": model.Ref(listener.address, "exists", listener.name),
        "conditions": shapes.nowhere(),
        "action": shapes.forward([(model.Ref(one.to, "exists", one.name), 1) for one in references]),
        "transforms": (),
    }
    return model.Element(address=model.address(owner, names.PROVIDER, "rule", f"{port}/warm/{number}"), spec=spec)


def is_warm(where: model.Address) -> bool:
    """`rule/<port>/warm/<number>`; the rule of a route has more parts."""
    if "/warm/" not in where:  # nearly always, and asked for every rule
        return False
    parts = model.short(where).split("/")
    return len(parts) == 4 and parts[2] == "warm" and parts[3].isdigit()


def stand_in(element: model.Element) -> model.Element | None:
    """The same requests, answered 500: what stands for an action that the cloud refused."""
    if isinstance(element.spec, Unknown):
        return None
    spec = {**element.spec, "action": shapes.fixed(500), "transforms": ()}
    return model.Element(address=element.address, spec=spec, name=element.name, origins=element.origins)
