"""resolve: a Snapshot becomes the routing of every Gateway of ours. The story; each sentence is a module beside it.

`pipeline` and the CLI call `resolve`, nobody else's modules do. Pure: no I/O, no clock, no cloud, and the order of the
input changes nothing. It must never raise because of what an object says: what cannot be honoured becomes a Note and
an error answer, what cannot be seen becomes Unknown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Container

from cloudgw import objects
from cloudgw.objects import BackendPolicy, Gateway, GatewayClass, Key, Note, Snapshot, Unknown
from cloudgw.routing import (
    attach,
    backend_policies,
    classes,
    conditions,
    index,
    ir,
    knowledge,
    listeners,
    overrides,
    policies,
    pools,
    rules,
    sets,
    streams,
    tables,
    verdicts,
)
from cloudgw.routing.index import Index


def resolve(
    snapshot: Snapshot, controller_name: str = objects.CONTROLLER_NAME, only: Container[Key] | None = None
) -> ir.Resolution:
    """Every Gateway of a class of ours, by namespace and name, and the notes that belong to none of them.

    controller_name: the GatewayClass.spec.controllerName that makes a class ours. A Gateway whose class is not known is
    resolved too, with gateway_class Unknown. only: (namespace, name) of the Gateways to resolve, None = all.
    Semantics: https://gateway-api.sigs.k8s.io/reference/spec/.
    """
    view = index.of(snapshot)
    notes: list[Note] = []
    found = [
        gateway_routing(view, gateway, gateway_class)
        for gateway in snapshot.all(Gateway)
        if only is None or (gateway.meta.namespace, gateway.meta.name) in only
        if (gateway_class := classes.ours(snapshot, gateway, controller_name, notes)) is not None
    ]
    notes += knowledge.strays(snapshot)
    return ir.Resolution(gateways=tuple(found), notes=tuple(notes), gone=knowledge.gone(snapshot))


def gateway_routing(view: Index, gateway: Gateway, gateway_class: GatewayClass | Unknown) -> ir.Routing:
    """One Gateway, from an index that may serve many."""
    notes: list[Note] = []
    aside: list[Note] = []  # of rules that nobody reaches
    base = classes.parameters(view.snapshot, gateway_class, notes)
    own = overrides.of(view.snapshot, gateway, base)
    parameters = overrides.merged(base, own)
    joined = sets.joining(view, gateway, notes)
    notes += knowledge.unhandled(gateway, [one.set for one in joined])
    standings = listeners.stand(view, gateway, sets.declared(gateway, joined), notes)
    parents = attach.parents(view, gateway, joined, standings, notes)
    attachments = attach.attachments(parents)
    routes = {attach.key_of(one.route): one.route for one in attachments}
    read = dict(rules.of_routes(view, routes.values(), notes))
    detached = {attach.key_of(one.route): one.route for one in parents}
    read |= rules.of_routes(view, [route for key, route in detached.items() if key not in read], aside)
    judged = verdicts.of_parents(parents, read)
    counts = verdicts.attached(parents, judged)
    standings = [
        dataclasses.replace(one, listener=dataclasses.replace(one.listener, attached=counts.get(one.listener.id, 0)))
        for one in standings
    ]
    by_listener = attach.by_listener(attachments)
    built = tables.build(standings, by_listener, read, notes)
    streamed = streams.build(standings, by_listener, read, notes)
    backends = pools.of_tables(view, built, streamed, read, notes)
    incomplete = knowledge.incomplete(view, joined)
    named = pools.named(read)
    return ir.Routing(
        namespace=gateway.meta.namespace,
        name=gateway.meta.name,
        uid=gateway.meta.uid,
        gateway_class=gateway_class,
        parameters=parameters,
        own=own,
        tables=built,
        streams=streamed,
        backends=backends,
        known=view.known,
        complete=not incomplete,
        incomplete=incomplete,
        policed=view.snapshot.is_complete(BackendPolicy),
        notes=tuple(notes),
        verdicts=verdicts.of(
            view,
            gateway,
            gateway_class,
            parameters,
            own,
            joined,
            standings,
            judged,
            policies.verdicts(view, named),
            backend_policies.verdicts(view, named),
        ),
        origin=conditions.origin("Gateway", gateway.meta),
    )
