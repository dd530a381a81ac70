"""Certificates that are about to expire, or are for other names than their listener's.

`lint` calls `find` for one Gateway. Of a certificate only names and expiry are known here, no byte of it. A wildcard of
a certificate stands for exactly one label (https://www.rfc-editor.org/rfc/rfc9525#section-6.3), a listener's for one or
more: they are not compared with `routing.hostnames`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from cloudgw.lint import model
from cloudgw.lint.model import Finding
from cloudgw.objects import Origin, Secret, Snapshot
from cloudgw.routing import conditions, ir

EXPIRED, EXPIRES, NAME = "CertificateExpired", "CertificateExpires", "CertificateName"
MOST = 3  # hostnames that one message names


def find(routing: ir.Routing, snapshot: Snapshot, now: float, days: int) -> Iterator[Finding]:
    """now: seconds since 1970. days: how long before its end a certificate is a warning."""
    moment = datetime.fromtimestamp(now, UTC)
    asked = _asked(routing)
    tables: list[ir.Table | ir.StreamTable] = [*routing.tables, *routing.streams]
    for listener in (one for table in tables for one in table.listeners):
        usable = [one for one in listener.certificates if one.state == "found"]
        for one in usable:
            if (said := _ending(one, listener, snapshot, moment, days)) is not None:
                yield said
        # one that cannot be used may be for the very name that is missed
        if usable and len(usable) == len(listener.certificates):
            yield from _names(usable, listener, asked.get(listener.id, ()))


def _ending(
    one: ir.Certificate, listener: ir.Listener, snapshot: Snapshot, moment: datetime, days: int
) -> Finding | None:
    end = _moment(one.not_after)
    if end is None or end - moment > timedelta(days=days):
        return None
    secret = snapshot.get(Secret, one.namespace, one.name)
    where = conditions.origin("Secret", secret.meta, path="/data/tls.crt") if isinstance(secret, Secret) else one.origin
    date = end.date().isoformat()
    used = f"{listener.origin} serves it; renew it (with cert-manager: look at its Certificate)"
    if end <= moment:
        return model.find("error", EXPIRED, where, f"tls.crt: it expired on {date}: clients refuse it; {used}")
    left = (end - moment).days
    count = f"{left} day{'' if left == 1 else 's'}" if left else "less than a day"
    return model.find("warning", EXPIRES, where, f"tls.crt: it expires on {date}, in {count}; {used}")


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _asked(routing: ir.Routing) -> dict[str, list[str]]:
    """By listener: the hostnames that its routes answer for."""
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for table in routing.tables:
        for entry in table.entries:
            if entry.hostname and entry.origin.kind != "Gateway":
                found[entry.listener][entry.hostname] = None
    for streams in routing.streams:
        for stream in streams.streams:
            if stream.hostname:
                found[stream.listener][stream.hostname] = None
    return {listener: sorted(names) for listener, names in found.items()}


def _names(usable: list[ir.Certificate], listener: ir.Listener, asked: Iterable[str]) -> Iterator[Finding]:
    """A listener for exactly one host is judged by that; others by the hosts of their routes too."""
    names = {name.lower() for one in usable for name in one.names}
    wanted = dict.fromkeys([listener.hostname] * bool(listener.hostname) + list(asked))
    missed = [hostname for hostname in wanted if not covered(hostname, names)]
    if not missed:
        return
    more = f" and {len(missed) - MOST} more" if len(missed) > MOST else ""
    have = ", ".join(sorted(names)[:MOST]) or "no name"
    secrets = ", ".join(f"{one.namespace}/{one.name}" for one in usable)
    where = Origin(
        kind=listener.origin.kind,
        namespace=listener.origin.namespace,
        name=listener.origin.name,
        section=listener.origin.section,
        path=usable[0].origin.path,
        file=listener.origin.file,
        line=listener.origin.line,
    )
    message = (
        f"tls.certificateRefs: Secret {secrets} is for {have}, not for {', '.join(missed[:MOST])}{more}: clients "
        "refuse it there; add the name to the certificate, or a certificate to the listener"
    )
    yield model.find("warning", NAME, where, message)


def covered(hostname: str, names: set[str]) -> bool:
    """Whether a certificate with these names is good for a hostname; for "*.x" by that very name."""
    return hostname in names or f"*.{hostname.partition('.')[2]}" in names
