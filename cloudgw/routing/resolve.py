"""resolve: a Snapshot becomes the routing of every Gateway of ours. The story; each sentence is a module beside it.

`pipeline` and the CLI call `resolve`, nobody else's modules do. Pure: no I/O, no clock, no cloud, and the order of the
input changes nothing. It must never raise because of what an object says: what cannot be honoured becomes a Note and
an error answer, what cannot be seen becomes Unknown.
"""

from __future__ import annotations

from cloudgw import objects
from cloudgw.objects import Gateway, GatewayClass, Note, Snapshot, Unknown
from cloudgw.routing import attach, classes, conditions, index, ir, knowledge, listeners, pools, rules, tables
from cloudgw.routing.index import Index


def resolve(snapshot: Snapshot, controller_name: str = objects.CONTROLLER_NAME) -> ir.Resolution:
    """Every Gateway of a class of ours, by namespace and name, and the notes that belong to none of them.

    controller_name: the GatewayClass.spec.controllerName that makes a class ours. A Gateway whose class is not known is
    resolved too, with gateway_class Unknown. Semantics: https://gateway-api.sigs.k8s.io/reference/spec/.
    """
    view = index.of(snapshot)
    notes: list[Note] = []
    found = [
        _routing(view, gateway, gateway_class)
        for gateway in snapshot.all(Gateway)
        if (gateway_class := classes.ours(snapshot, gateway, controller_name, notes)) is not None
    ]
    notes += knowledge.strays(snapshot)
    return ir.Resolution(gateways=tuple(found), notes=tuple(notes), gone=knowledge.gone(snapshot))


def _routing(view: Index, gateway: Gateway, gateway_class: GatewayClass | Unknown) -> ir.Routing:
    notes: list[Note] = []
    parameters = classes.parameters(view.snapshot, gateway_class, notes)
    notes += knowledge.unhandled(gateway)
    standings = listeners.stand(view, gateway, notes)
    attachments = attach.attach(view, gateway, notes)
    read = rules.of_routes(view, attachments, notes)
    built = tables.build(standings, attachments, read, notes)
    incomplete = knowledge.incomplete(view.snapshot)
    return ir.Routing(
        namespace=gateway.meta.namespace,
        name=gateway.meta.name,
        uid=gateway.meta.uid,
        gateway_class=gateway_class,
        parameters=parameters,
        tables=built,
        backends=pools.of_tables(view, built, read, notes),
        known=knowledge.known(view.snapshot),
        complete=not incomplete,
        incomplete=incomplete,
        notes=tuple(notes),
        origin=conditions.origin("Gateway", gateway.meta),
    )
