"""A route of any kind, gate by gate: each parentRef down to the hostname, then each rule down to its endpoints.

Called by `explain`. Where the verdict of a parentRef says why a route does not attach, that is the failing gate; the
detail (labels, listeners, hostnames) is laid beside it. This module must never decide whether a route attaches.
"""

from __future__ import annotations

from collections.abc import Sequence

from cloudgw.explain import answers, fixes, gates, references
from cloudgw.explain.model import Chain, Explanation, Gate, Section, World
from cloudgw.objects import (
    GATEWAY_GROUP,
    Gateway,
    ListenerSet,
    Namespace,
    Note,
    ParentRef,
    RequestMirror,
    Route,
    Unknown,
)
from cloudgw.routing import attach, conditions, hostnames, ir, knowledge, listeners, matches, namespaces, rules
from cloudgw.routing.sets import Declared

PARENT = ("parent", *gates.OF_CLASS, "listener", "usable", "allowedRoutes", "hostname")
PRECEDENCE = (conditions.SHADOWED, conditions.DUPLICATE_MATCH, conditions.ISOLATED)


def explain(world: World, route: Route) -> Explanation:
    where = conditions.origin(route.kind, route.meta)
    first = Chain("", ("object",))
    strange = rules.route_unknown(route)
    if strange:
        fix = f"remove or correct {strange[0]} in {fixes.at(route.meta, route.kind)}"
        first.failed("object", f"fields that are not known: {', '.join(strange)}", where, fix)
    elif not route.parents:
        fix = f"name its Gateway in spec.parentRefs of {fixes.at(route.meta, route.kind)}"
        first.failed("object", "spec.parentRefs is empty: the route belongs to no Gateway", where, fix)
    else:
        names = f" for {', '.join(route.hostnames)}" if route.hostnames else ""
        parts = (fixes.count(len(route.parents), "parentRef"), fixes.count(len(route.rules), "rule"))
        first.ok("object", f"it was read: {', '.join(parts)}{names}", where)
    parents = [_parent(world, route, number, ref) for number, ref in enumerate(route.parents)]
    read = rules.of_routes(world.view, [route], [])[attach.key_of(route)]
    return Explanation(
        kind=route.kind,
        namespace=route.meta.namespace,
        name=route.meta.name,
        sections=(first.section(), *parents, *(_rule(world, route, rule) for rule in read)),
        answers=answers.of_route(world, route),
    )


def verdict(world: World, route: Route, number: int, gateway: Gateway) -> ir.ParentVerdict | None:
    routing = world.routing((gateway.meta.namespace, gateway.meta.name))
    wanted = (*attach.key_of(route), number)
    found = routing.verdicts.parents if routing is not None else ()
    return next((one for one in found if (one.kind, one.namespace, one.name, one.number) == wanted), None)


def title(number: int, ref: ParentRef) -> str:
    more = [f'sectionName "{ref.section}"'] * bool(ref.section) + [f"port {ref.port}"] * bool(ref.port)
    return f"parentRefs[{number}]: {', '.join([f'{ref.kind} {ref.namespace}/{ref.name}', *more])}"


def _parent(world: World, route: Route, number: int, ref: ParentRef) -> Section:
    through = ref.kind == "ListenerSet"
    chain = Chain(title(number, ref), (*PARENT[:4], *(("listenerSet",) if through else ()), *PARENT[4:]))
    where = conditions.origin(route.kind, route.meta, path=f"/spec/parentRefs/{number}")
    if ref.group != GATEWAY_GROUP or ref.kind not in knowledge.PARENT_KINDS:
        mesh = (ref.group, ref.kind) == ("", "Service")
        chain.facts.append(
            "traffic inside a mesh: somebody else's" if mesh else "this kind of parent is not handled by cloudgw"
        )
        chain.end()
        return chain.section()
    gateway = _exists(chain, world, route, number, ref)
    if gateway is None:
        chain.end()
        return chain.section()
    gates.of_class(chain, world, gateway)
    one = world.snapshot.get(ListenerSet, ref.namespace, ref.name) if through else None
    if isinstance(one, ListenerSet) and not chain.ended:
        gates.listener_set(chain, world, one, gateway)
    found = verdict(world, route, number, gateway)
    if not chain.ended and found is not None:
        _attaches(chain, world, route, ref, found, gateway)
    elif not chain.ended:
        chain.unknown("listener", "whether it attaches was not looked at", where)
    return chain.section()


def _exists(chain: Chain, world: World, route: Route, number: int, ref: ParentRef) -> Gateway | None:
    """Adds the gate `parent`."""
    where = conditions.origin(route.kind, route.meta, path=f"/spec/parentRefs/{number}")
    here = f"spec.parentRefs[{number}] of {fixes.at(route.meta, route.kind)}"
    found = world.snapshot.get(ref.kind, ref.namespace, ref.name)
    kind, key = ref.kind, (ref.namespace, ref.name)
    if isinstance(found, ListenerSet):
        kind, key = "Gateway", (found.parent.namespace, found.parent.name)
        where = conditions.origin("ListenerSet", found.meta, path="/spec/parentRef")
        here = f"spec.parentRef of {fixes.at(found.meta, 'ListenerSet')}"
        found = world.snapshot.get(Gateway, *key)
    name = f"{kind} {fixes.named(key)}"
    if isinstance(found, Gateway):
        chain.ok("parent", f"{name} exists", conditions.origin("Gateway", found.meta))
        return found
    near = fixes.near(world.snapshot, kind, *key)
    if isinstance(found, Unknown):
        chain.unknown("parent", f"{found.reason}{fixes.meant(near)}", where, fixes.MORE_INPUT)
        return None
    implied = ref.implied and any(other == key[1] and namespace != key[0] for namespace, other in near)
    fix = f"correct name and namespace in {here}"
    if implied:
        fix = f"add namespace: {near[0][0]} to {here}: without one it is the route's own"
    elif near:
        fix = f"set name: {near[0][1]} and namespace: {near[0][0]} in {here}"
    chain.failed("parent", f"{name} does not exist{fixes.meant(near)}", where, fix, f"or create {name}")
    return None


def _attaches(
    chain: Chain, world: World, route: Route, ref: ParentRef, found: ir.ParentVerdict, gateway: Gateway
) -> None:
    """Adds `listener`, `usable` (with `certificate`), `allowedRoutes` and `hostname`."""
    owner = (ref.kind, ref.namespace, ref.name)
    there = [one for one in gates.declared(world, gateway) if one.key == owner]
    picked = [one for one in there if attach.selects(ref, one.spec)]
    where = conditions.origin(route.kind, route.meta, path=f"/spec/parentRefs/{found.number}")
    here = f"spec.parentRefs[{found.number}] of {fixes.at(route.meta, route.kind)}"
    said, code = found.accepted, found.accepted.reason if found.accepted.status is False else ""
    if code == conditions.NO_MATCHING_PARENT:
        wanted = [f'called "{ref.section}"'] * bool(ref.section) + [f"on port {ref.port}"] * bool(ref.port)
        evidence = f"no listener is {' and '.join(wanted) or 'there'}; there is: {gates.listeners(there)}"
        chain.failed("listener", evidence, where, *_other_listener(world, route, ref, there, here))
        return
    chain.ok("listener", gates.listeners(picked), picked[0].origin() if picked else where)
    _usable(chain, world, picked, gateway)
    if chain.ended:
        return
    if code == conditions.NOT_ALLOWED:
        _not_allowed(chain, world, route, picked)
        return
    standing = {one.id: one for one in picked}
    answered = {one.id: attach.allows(world.view, one, route) for one in picked}
    doubt = next((answer for answer in answered.values() if isinstance(answer, Unknown)), None)
    taken = [standing[key] for key, answer in answered.items() if answer is True]
    if doubt is not None and not taken:
        chain.unknown("allowedRoutes", doubt.reason, picked[0].origin("/allowedRoutes"), fixes.MORE_INPUT)
        taken = [standing[key] for key, answer in answered.items() if isinstance(answer, Unknown)]
    else:
        refused = "; ".join(
            f'"{standing[key].spec.name}" {why}' for key, why in answered.items() if isinstance(why, str)
        )
        evidence = f"allowed by {gates.listeners(taken)}{f', but listener {refused}' if refused else ''}"
        chain.ok("allowedRoutes", evidence, (taken or picked)[0].origin("/allowedRoutes"))
    _hostname(chain, route, code, taken or picked)
    if not chain.ended and code and code != conditions.NO_HOSTNAME:
        chain.facts.append(f"the route is refused ({code}): see its rules")
    elif not chain.ended and said.status is None and said.message:
        chain.facts.append(said.message)


def _other_listener(
    world: World, route: Route, ref: ParentRef, there: Sequence[Declared], here: str
) -> tuple[str, ...]:
    """What to write in place of a sectionName and port that select nothing: the misspelt one, else what would fit."""
    names = [one.spec.name for one in there]
    if not there:
        return (f"add a listener to {ref.kind} {ref.namespace}/{ref.name}",)
    if ref.section in names or not ref.section:
        return (f"correct or leave out port in {here}",)
    fit = [
        one.spec.name
        for one in there
        if attach.allows(world.view, one, route) is True
        and (route.kind in attach.WITHOUT_HOSTNAMES or hostnames.intersections(one.spec.hostname, route.hostnames))
    ]
    meant = fixes.similar(ref.section, names)
    if meant or fit:
        names = [meant] if meant else fit
        why = "" if meant else ": it takes routes of this kind, namespace and hostname"
        return (f"set sectionName to {' or '.join(names)} in {here}{why}",)
    return (f"set sectionName to one of {', '.join(names)} in {here}, or leave it out",)


def _usable(chain: Chain, world: World, picked: Sequence[Declared], gateway: Gateway) -> None:
    """Fails where no listener of those picked can be used. Shows the gates of one that can; of the others a fact."""
    routing = world.routing((gateway.meta.namespace, gateway.meta.name))
    verdicts = {one.id: one for one in routing.verdicts.listeners} if routing is not None else {}
    found = [
        (one, verdicts[one.id], gates.usable(world, one, verdicts[one.id])) for one in picked if one.id in verdicts
    ]
    if not found:
        chain.unknown("usable", "whether a listener can be used was not looked at")
        return
    good = [made for _, _, made in found if not any(gate.state == "failed" for gate in made)]
    dead = all(_stopped(verdict) for _, verdict, _ in found)
    for gate in good[0] if good else found[0][2]:
        chain.add(gate, ends=dead)
    if good:
        for one, _, made in found:
            for gate in made:
                if gate.state == "failed":
                    chain.facts.append(f'listener "{one.spec.name}" cannot be used: {gate.evidence}')


def _stopped(verdict: ir.ListenerVerdict) -> bool:
    """Whether nothing is served on the listener, whatever its routes say."""
    return verdict.accepted.status is False or (verdict.programmed is not None and verdict.programmed.status is False)


def _not_allowed(chain: Chain, world: World, route: Route, picked: Sequence[Declared]) -> None:
    evidence, fix = [], list[str]()
    for one in picked:
        name = f'listener "{one.spec.name}"'
        place = f"{name} of {fixes.at(one.meta, one.kind)}"
        if wrong := attach.uncarried(one, route):
            evidence.append(f"{name} {wrong}")
            protocol = next(key for key, kinds in listeners.KINDS.items() if route.kind in kinds)
            carries = route.kind in listeners.KINDS.get(one.spec.protocol, ())
            fix.append(
                f"add {route.kind} to allowedRoutes.kinds of {place}"
                if carries
                else f"attach the route to a listener with protocol {protocol}"
            )
        else:
            said, steps = _not_from(world, route.meta.namespace, one, place)
            evidence.append(f"{name} {said}")
            fix += steps
    where = picked[0].origin("/allowedRoutes") if picked else None
    chain.failed("allowedRoutes", "; ".join(evidence), where, *dict.fromkeys(fix))


def _not_from(world: World, namespace: str, one: Declared, place: str) -> tuple[str, list[str]]:
    """Evidence and fix of a listener that takes no routes of this namespace."""
    allowed = one.spec.allowed
    if allowed.namespaces == "Selector" and allowed.selector is not None:
        item = world.snapshot.get(Namespace, "", namespace)
        labels = dict(item.meta.labels) if isinstance(item, Namespace) else {}
        steps = [f"change allowedRoutes.namespaces.selector of {place}"]
        if wanted := fixes.wanted(allowed.selector, labels):
            at = f", in {item.meta.file}:{item.meta.line}" if isinstance(item, Namespace) and item.meta.file else ""
            steps = [
                f"label the namespace{at}: kubectl label namespace {namespace} {' '.join(wanted)}",
                f"or {steps[0]}",
            ]
        asked = fixes.asked(allowed.selector)
        return f"takes routes of namespaces with {asked}; namespace {namespace} has {fixes.has(labels)}", steps
    takes = f"of namespace {one.meta.namespace}" if allowed.namespaces == "Same" else "of no namespace"
    return f"takes only routes {takes}; the route is in {namespace}", [
        f"set allowedRoutes.namespaces.from of {place} to All, or to Selector with matchLabels "
        f"{namespaces.NAME_LABEL}: {namespace}",
        f"or move the route to namespace {one.meta.namespace}",
    ]


def _hostname(chain: Chain, route: Route, code: str, picked: Sequence[Declared]) -> None:
    theirs = sorted({one.spec.hostname for one in picked})
    of = picked[0].origin("/hostname")
    wanted = () if route.kind in attach.WITHOUT_HOSTNAMES else route.hostnames
    shared = sorted({name for one in picked for name in hostnames.intersections(one.spec.hostname, wanted)})
    if code == conditions.NO_HOSTNAME:
        listened = ", ".join(name or "every host" for name in theirs)
        wild = next((name for name in theirs if name.startswith("*.")), "")
        example = f"{route.hostnames[0].partition('.')[0]}{wild[1:]}" if wild else next(iter(theirs), "")
        chain.failed(
            "hostname",
            f"the route is for {', '.join(route.hostnames)}; the listener is for {listened}",
            of,
            f"set spec.hostnames of {fixes.at(route.meta, route.kind)} to a name of the listener, such as {example}",
            f'or change hostname of listener "{picked[0].spec.name}" of {fixes.at(picked[0].meta, picked[0].kind)}',
        )
        return
    if route.kind in attach.WITHOUT_HOSTNAMES:
        chain.ok("hostname", "this kind of route has none", of)
        return
    lost = [name for name in wanted if not any(hostnames.intersections(one, [name]) for one in theirs)]
    more = f"; not served here: {', '.join(lost)}" if lost else ""
    chain.ok("hostname", f"serves {', '.join(name or 'every host' for name in shared)}{more}", of)


def _rule(world: World, route: Route, rule: rules.Rule) -> Section:
    number = rule.index
    spec = route.rules[number]
    shown = ", ".join(matches.describe(match) for _, match in rule.matches[:3])
    more = f" and {len(rule.matches) - 3} more" if len(rule.matches) > 3 else ""
    chain = Chain(f"{rule.origin.section}{f': {shown}{more}' if shown else ''}", ("rule", "precedence"))
    here = f"spec.rules[{number}] of {fixes.at(route.meta, route.kind)}"
    if rule.problem is not None:
        chain.failed("rule", f"{rule.problem.message}: its requests get an error", rule.origin, f"correct {here}")
    elif isinstance(rule.action, ir.Respond) and not any(one.weight for one in spec.backends):
        chain.failed(
            "rule",
            f"{rule.action.reason}: its requests get {rule.action.status}",
            rule.origin,
            f"give a backendRef of {here} a weight above 0" if spec.backends else f"add backendRefs to {here}",
        )
    else:
        chain.ok("rule", _does(rule.action), rule.origin)
        _precedence(chain, world, route, rule)
        _cloud(chain, world, route, rule)
    refs = [
        references.explain(
            world,
            route,
            number,
            f"backendRefs[{position}]",
            one.ref,
            one.port,
            f"backendRefs[{position}]: {one.ref.namespace}/{one.ref.name}, weight {one.weight}",
        )
        for position, one in enumerate(spec.backends)
    ]
    refs += [
        references.explain(
            world,
            route,
            number,
            f"filters[{position}]",
            one.ref,
            one.port,
            f"filters[{position}]: mirror to {one.ref.namespace}/{one.ref.name}",
        )
        for position, one in enumerate(spec.filters)
        if isinstance(one, RequestMirror)
    ]
    return chain.section(refs)


def _cloud(chain: Chain, world: World, route: Route, rule: rules.Rule) -> None:
    """What the clouds of the Gateways that it attaches to cannot honour of the rule, as far as their providers say."""
    key = attach.key_of(route)
    for owner, notes in sorted(world.clouds.items()):
        for note in notes:
            where = note.origin
            if not note.refuses or where is None or (where.kind, where.namespace, where.name) != key:
                continue
            if note.refuses != "route" and where.path != rule.origin.path:
                continue
            said, _, fix = note.message.partition("; ")
            chain.failed("cloud", f"Gateway {fixes.named(owner)}: {said}", rule.origin, *([fix] if fix else []))
            return


def _does(action: ir.Action | Unknown) -> str:
    if isinstance(action, ir.Redirect):
        return f"it is honoured: redirects with {action.status}"
    if isinstance(action, ir.Respond):
        return f"it is honoured, but answers {action.status}: {action.reason}"
    return "it is honoured: forwards" if isinstance(action, ir.Forward) else action.reason


def _precedence(chain: Chain, world: World, route: Route, rule: rules.Rule) -> None:
    """Whether somebody else answers its requests, on the listeners that it is attached to."""
    key, found = attach.key_of(route), list[Note]()
    reached = attached = False
    for routing in world.resolution.gateways:
        attached = attached or any(
            (one.kind, one.namespace, one.name) == key and one.listeners for one in routing.verdicts.parents
        )
        found += [note for note in routing.notes if note.code in PRECEDENCE and _about(note, key, rule)]
        reached = reached or bool(answers.entries(routing, key, rule.origin.path))
    shadowed = [note for note in found if note.code != conditions.ISOLATED]
    if shadowed:
        said = shadowed[0].message.partition(": ")[2]
        more = "" if reached else "; nothing is left of the rule"
        chain.failed(
            "precedence",
            f"{said.rpartition('; ')[0]}{more}",
            rule.origin,
            f"{said.rpartition('; ')[2]}, or give them different hostnames or matches",
            "between equal matches the older route comes first, then the one whose namespace/name sorts first",
        )
    elif found and not reached:
        chain.failed("precedence", found[0].message.partition(": ")[2], rule.origin, "attach the route there")
    elif reached:
        chain.ok("precedence", "nobody else answers its requests first", rule.origin)
    elif attached:
        chain.unknown("precedence", "it has no entry on any listener", rule.origin)
    else:
        chain.add(Gate(name="precedence", state="not reached"))


def _about(note: Note, key: tuple[str, str, str], rule: rules.Rule) -> bool:
    one = note.origin
    return one is not None and (one.kind, one.namespace, one.name) == key and one.path in (rule.origin.path, "")
