"""The kinds that lie in a URL map: the map itself, its path matchers with their hosts, and their route rules.

`kinds` collects them. Pure but for the shared commit. Route rules are ordered by priority in their matcher and the
first that matches answers (cloud.google.com/load-balancing/docs/url-map-concepts). Two entries meet when one request
may match both; in doubt they do. A backend service is probed only while something leads to it, so new ones are named
first by warm rules, whose match contradicts itself.
"""

from __future__ import annotations

from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw.routing import hostnames
from cloudgw_gcp import document_parts, kinds_paths_commit, names
from cloudgw_gcp.shapes_values import fail, forward

LAST = 2_000_000_000  # priorities of route rules go to 2147483647; those of warm ones lie behind all others
WARM_ENTRIES, WARM_ROOM = 1000, 20
WARM_PATH = "/.well-known/cloudgw-warm"
WARM_HEADER = "x-cloudgw-warm"
BARE = {"rewrite": None, "request": None, "response": None, "timeout": None, "extra": ""}


def _table(where: model.Address, name: str, spec: model.Spec) -> str:
    of = spec.get("matcher")
    return f"routes:{of.key}" if isinstance(of, model.Ref) else f"routes:{model.key_of(where, name)}"


def _meets(spec: model.Spec) -> tuple[str, ...]:
    """The first segment of each path; case counts."""
    found = {_segment(*match["path"]) for match in spec.get("matches") or ()}
    return (model.EVERYTHING,) if model.EVERYTHING in found or not found else tuple(sorted(found))


def _segment(kind: str, path: str) -> str:
    """EVERYTHING where the first segment is not certain: "/a" as a prefix means "/ab" as well."""
    head, slash, _ = path.removeprefix("/").partition("/")
    certain = kind == "full" or (kind == "prefix" and slash) or (kind == "template" and not {"*", "{"} & set(head))
    return head if certain and path.startswith("/") else model.EVERYTHING


def _displaces(new: model.Spec, standing: model.Spec) -> bool:
    """Of its own matcher, or of one whose hosts its own matcher takes over once it is there."""
    mine, theirs = _site(new), _site(standing)
    if mine[0] != theirs[0] or not hostnames.covers(theirs[1], mine[1]):
        return False
    first, second = _meets(new), _meets(standing)
    return model.EVERYTHING in (*first, *second) or bool(set(first) & set(second))


def _site(spec: model.Spec) -> tuple[str, str]:
    """(port, host) of an entry's matcher, by its logical id; host "" for any."""
    matcher = spec.get("matcher")
    port, _, host = document_parts.logical_of(matcher.to if isinstance(matcher, model.Ref) else "").partition("/")
    return port, "" if host == "*" else host


def is_warm(where: model.Address) -> bool:
    return document_parts.is_warm(document_parts.logical_of(where))


def _warm(url_map: model.Element, number: int, references: tuple[model.Ref, ...]) -> model.Element:
    """A route rule of the matcher for any host that no request meets: one header would be there and not be there."""
    owner, port = model.owner_of(url_map.address), document_parts.logical_of(url_map.address)
    match = {
        "path": ("full", f"{WARM_PATH}/{number}"),
        "headers": ((WARM_HEADER, "present", "", False), (WARM_HEADER, "present", "", True)),
        "query": (),
    }
    spec = {
        "url_map": model.Ref(url_map.address, "exists", url_map.name),
        "matcher": model.Ref(model.address(owner, names.PROVIDER, document_parts.MATCHER, f"{port}/*")),
        "matches": (match,),
        "action": forward(*(model.Ref(ref.to, "exists", ref.name) for ref in references)),
        **BARE,
    }
    where = model.address(owner, names.PROVIDER, document_parts.RULE, document_parts.warm_logical(port, number))
    return model.Element(address=where, spec=spec)


def _stand_in(element: model.Element) -> model.Element | None:
    """The same matches, answered 500: what stands for an action that Google refused."""
    if isinstance(element.spec, Unknown):
        return None
    spec = {**element.spec, "action": fail(500), **BARE}
    return model.Element(address=element.address, spec=spec, name=element.name, origins=element.origins)


URL_MAP = model.Kind(
    name="url-map",
    immutable=("address", "secure"),
    mutable=("fallback", "extra"),
    defaults={"extra": ""},
    group=kinds_paths_commit.group_of,
    atomic=True,
    commit=kinds_paths_commit.commit,
)
PATH_MATCHER = model.Kind(
    name=document_parts.MATCHER,
    immutable=("url_map",),
    mutable=("hosts", "fallback", "extra"),
    defaults={"extra": ""},
    opens="",
    group=kinds_paths_commit.group_of,
    atomic=True,
    commit=kinds_paths_commit.commit,
)
ROUTE_RULE = model.Kind(
    name=document_parts.RULE,
    immutable=("url_map", "matcher"),
    mutable=("matches", "action", "rewrite", "request", "response", "timeout", "extra"),
    defaults={"extra": ""},
    matches=("matches",),
    traffic=("action",),
    group=kinds_paths_commit.group_of,
    table=_table,
    atomic=True,
    commit=kinds_paths_commit.commit,
    positions=range(1, LAST),
    warm=_warm,
    warm_room=WARM_ROOM,
    warm_positions=range(LAST + 1, LAST + 1 + WARM_ENTRIES),
    is_warm=is_warm,
    meets=_meets,
    displaces=_displaces,
    stand_in=_stand_in,
)
