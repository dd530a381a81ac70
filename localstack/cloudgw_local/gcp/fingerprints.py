"""Fingerprints: hashes of what is stored, which a writer must send back, and 412 for one that is stale.

`resources` checks before it accepts a change; `operations` stamps when a change takes effect. Sources: the members
`fingerprint` and `labelFingerprint` in cloud.google.com/compute/docs/reference/rest/v1 ("A hash of the contents stored
in this object ... otherwise the request will fail with error 412 conditionNotMet"); messages as reported in
kubernetes/ingress-gce#396, googleapis/google-cloud-go#7802 and, for an update without one, ansible/ansible#70230.
"""

from __future__ import annotations

import json
from typing import Any

from cloudgw_local.gcp import call, errors, names, schema, world

Json = dict[str, Any]
HASHED = (
    "backendServices",
    "forwardingRules",
    "securityPolicies",
    "sslPolicies",
    "subnetworks",
    "targetHttpProxies",
    "targetHttpsProxies",
    "urlMaps",
)
LABELED = ("addresses", "forwardingRules", "securityPolicies")
OPTIONAL = ("forwardingRules",)  # its text only says "include the fingerprint in patch request"
NO_LABELS = "42WmSpB8rSM="  # what every resource without labels carries
APART = ("fingerprint", "labelFingerprint", "labels")


def stamp(document: Json, place: names.Place) -> Json:
    """The document with the fingerprints that belong to it, where its kind has them."""
    if place.collection in HASHED:
        content = world.without(document, APART)
        document["fingerprint"] = world.fingerprint(json.dumps(content, sort_keys=True))
    if place.collection in LABELED:
        labels = document.get("labels")
        document["labelFingerprint"] = world.fingerprint(json.dumps(labels, sort_keys=True)) if labels else NO_LABELS
    return document


def check(asked: call.Call, current: Json) -> None:
    """The fingerprint of an update or patch: a stale one is always refused, a missing one by belief (400
    for an update, 412 for a patch)."""
    if asked.verb == "setLabels":
        _compare(asked.body.get("labelFingerprint", ""), current, "labelFingerprint")
        return
    if asked.verb not in ("update", "patch") or asked.collection not in HASHED:
        return
    given = asked.body.get("fingerprint")
    needed = asked.around.belief("gcp-fingerprint-needed") == "required" and asked.collection not in OPTIONAL
    if needed and not given and asked.verb == "update":
        raise schema.required("resource.fingerprint")
    if needed or given:
        _compare(given, current, "fingerprint")


def _compare(given: Any, current: Json, member: str) -> None:
    if given == current.get(member):
        return
    message = "Invalid fingerprint."
    if member == "labelFingerprint":
        message = "Labels fingerprint either invalid or resource labels have changed"
    raise errors.Refusal(status=412, reason="conditionNotMet", message=message, location="If-Match")
