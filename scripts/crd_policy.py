"""BackendPolicy: how load balancers treat what stands behind a Service, whatever cloud they are of.

`scripts.crds` writes it. The bounds are the union of what the clouds take; what one of them does not take is said by
its provider, in the status. A direct policy (gateway-api.sigs.k8s.io/geps/gep-2648): the label on the
definition is how gwctl finds it.
"""

from __future__ import annotations

from scripts.crd_words import READY, Kind, Schema, conditions, items, number, record, status, text

_CODE = "[1-5][0-9]{2}"
GATEWAY_GROUP = "gateway.networking.k8s.io"


def kind() -> Kind:
    target = record(
        "A Service of the same namespace.",
        {
            "group": text("The core group, which is written empty.", enum=("",), default=""),
            "kind": text("Kind of the target.", enum=("Service",), default="Service"),
            "name": text("Name of the Service.", r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", low=1, high=63),
            "sectionName": text(
                "Name of one of its ports. Left out: all of them that no policy names alone.",
                r"[a-z0-9]([-a-z0-9]*[a-z0-9])?",
                low=1,
                high=63,
            ),
        },
        ("name",),
    )
    check = record(
        "How a load balancer finds out who can be reached. A field that is left out is as without a policy: GET / on "
        "the port that serves, every 15 seconds, two answers decide, and any from 200 to 499 is well (on Google Cloud "
        "200 alone).",
        {
            "path": text("Path that is asked for.", r"/[!-~]*", low=1, high=1024),
            "port": number("Port that is asked. Left out: the one that serves.", 1, 65535),
            "intervalSeconds": number("From one question to the next.", 1, 300),
            "timeoutSeconds": number("How long an answer may take.", 1, 300),
            "healthyThreshold": number("How many good answers in a row make a pod well.", 1, 10),
            "unhealthyThreshold": number("How many bad ones make it unwell.", 1, 20),
            "statusCodes": items(
                "Answers that are good: codes, or ranges of codes.",
                text("200, or 200-299.", rf"{_CODE}(-{_CODE})?", high=7),
                16,
                low=1,
            ),
        },
        rules=(
            (
                "!has(self.timeoutSeconds) || !has(self.intervalSeconds) || "
                "self.timeoutSeconds <= self.intervalSeconds",
                "timeoutSeconds is more than intervalSeconds: lower it, or ask less often",
            ),
        ),
    )
    affinity = record(
        "That the requests of one client go to one pod of a Service. A rule's sessionPersistence stands over it.",
        {
            "type": text(
                "Cookie: by a cookie of the load balancer. ClientIP: by the address of the client.",
                enum=("Cookie", "ClientIP"),
            ),
            "cookieName": text(
                "Name of the cookie, where the cloud lets it be chosen.", r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
            ),
            "ttlSeconds": number("How long the cookie holds. Left out: as long as the client's session.", 1, 1209600),
        },
        ("type",),
        rules=(
            (
                "self.type == 'Cookie' || (!has(self.cookieName) && !has(self.ttlSeconds))",
                "cookieName and ttlSeconds are of type Cookie alone: remove them",
            ),
        ),
    )
    spec = record(
        "What is asked of every load balancer that sends requests to these Services.",
        {
            "targetRefs": items(
                "The Services. Of several policies of one target the oldest holds, then the first by name; one for a "
                "port stands over one for the whole Service.",
                target,
                16,
                low=1,
                rules=(
                    (
                        "self.all(a, self.exists_one(b, a.name == b.name && (has(a.sectionName) ? a.sectionName : '') "
                        "== (has(b.sectionName) ? b.sectionName : '')))",
                        "names a target twice: remove one",
                    ),
                ),
            ),
            "healthCheck": check,
            "drainSeconds": number(
                "How long requests under way have when a pod leaves. Left out: 30 seconds; on AWS as AWS has it, 300.",
                0,
                3600,
            ),
            "affinity": affinity,
        },
        ("targetRefs",),
    )
    return Kind(
        kind="BackendPolicy",
        plural="backendpolicies",
        short=("bepol",),
        description=(
            "Health checks, draining and affinity of Services behind Gateways, the same words for every "
            "cloud. What a Gateway's cloud cannot do is said in the status, by Gateway."
        ),
        spec=spec,
        status=status({"ancestors": _ancestors()}),
        columns=(*READY, ("Targets", "string", ".spec.targetRefs[*].name", 0)),
        labels={f"{GATEWAY_GROUP}/policy": "Direct"},
    )


def _ancestors() -> Schema:
    """PolicyStatus of the Gateway API, which gwctl and Argo CD read."""
    ref = record(
        "The Gateway.",
        {
            "group": text("Its group.", default=GATEWAY_GROUP),
            "kind": text("Its kind.", default="Gateway"),
            "namespace": text("Its namespace.", high=63),
            "name": text("Its name."),
        },
        ("name",),
    )
    one = record(
        "What one Gateway makes of it.",
        {
            "ancestorRef": ref,
            "controllerName": text("Who says it."),
            "conditions": conditions(
                "Accepted: whether the Gateway's cloud can do any of what is asked. PartiallyInvalid (only while "
                "True): some of it has no effect there; the message says what."
            ),
        },
        ("ancestorRef", "controllerName"),
    )
    return items("The Gateways that send requests to the targets; at most 16.", one, 16)
