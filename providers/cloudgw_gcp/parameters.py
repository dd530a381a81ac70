"""GCPGatewayClassParameters: the platform team's choices for one GatewayClass, parsed and refused by name.

`pipeline` calls `parse` with the raw object. Every field that is not known, of a wrong type or unusable is refused
with its path, all problems at once; a typing error must never become a default. Closed by default: internal exposure,
no implicit 0.0.0.0/0, a TLS policy without old versions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cloudgw import fields
from cloudgw.objects import Parameters
from cloudgw.provider import ParametersRefused, Placement, Settings
from cloudgw_gcp import names

KIND = "GCPGatewayClassParameters"
# What a Gateway's own GCPGatewayParameters may hold, where the class lists it as overridable.
OWN = (
    "exposure",
    "allowedSourceRanges",
    "networkTier",
    "globalAccess",
    "tls",
    "tags",
    "driftPolicy",
    "deletionPolicy",
)
WORLD = "0.0.0.0/0"
# load-balancing/docs/ssl-policies-concepts: the profiles without old cipher suites; TLS_1_3 is taken with RESTRICTED
# alone (compute/docs/reference/rest/v1/sslPolicies, minTlsVersion)
TLS_PROFILES = ("MODERN", "RESTRICTED")
TLS_VERSIONS = ("TLS_1_2", "TLS_1_3")
TIERS = ("PREMIUM", "STANDARD")
# compute/docs/labeling-resources#requirements: 64 of a resource, of which our own memory takes its share
USER_LABELS = 50
_LABEL = r"[a-z][a-z0-9_-]{0,62}"
_VALUE = r"[a-z0-9_-]{0,63}"
_NAME = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"  # compute/docs/naming-resources
# resource-manager/docs/creating-managing-projects; "example.com:name" is that of an old domain-scoped one
_PROJECT = r"([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]"


@dataclass(frozen=True, slots=True, kw_only=True)
class GCPParameters:
    """Parsed. place: "global" or the region. network, subnetwork: names, of the nodes. zones None: found by the
    machines. tier: of a Public regional address, else None. tls_policy: name of an SSL policy of others, None: one of
    our own with tls_profile and tls_min. node_tags (): found by the machines. labels: on what has labels at all."""

    settings: Settings
    project: str
    region: str
    place: str
    network: str
    subnetwork: str
    public: bool = False
    zones: tuple[str, ...] | None = None
    tier: str | None = None
    global_access: bool = False
    tls_profile: str = TLS_PROFILES[0]
    tls_min: str = TLS_VERSIONS[0]
    tls_policy: str | None = None
    firewall: bool = True
    node_tags: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def exposure(self) -> str:
        return "Public" if self.public else "Internal"


def parse(raw: Parameters) -> GCPParameters:
    """Raises ParametersRefused with (path, reason) of everything that is wrong."""
    spec = fields.spec_of(raw, KIND, blank=True)
    spec.known(
        *fields.COMMON,
        "projectId",
        "region",
        "location",
        "exposure",
        "allowedSourceRanges",
        "network",
        "subnetwork",
        "zones",
        "networkTier",
        "globalAccess",
        "tls",
        "firewall",
        "nodeTags",
        "tags",
    )
    project = spec.text("projectId", _PROJECT, "my-project-123")
    region = spec.text(
        "region", r"[a-z]+(-[a-z]+)+\d+", "europe-west1", "the region of the nodes, such as europe-west1; Global too"
    )
    everywhere = spec.choice("location", "Regional", "Global") == "Global"
    public = _exposure(spec, everywhere)
    policy, profile, lowest = _tls(spec)
    found = GCPParameters(
        settings=Settings(placement=Placement(names.PROVIDER, project, region), **fields.common(spec, OWN)),
        project=project,
        region=region,
        place=names.GLOBAL if everywhere else region,
        network=_named(spec, "network", "the network of the nodes"),
        subnetwork=_named(spec, "subnetwork", "the subnetwork of the nodes"),
        public=public,
        zones=spec.texts("zones", lambda text: _bad_zone(text, region)),
        tier=_tier(spec, public, everywhere),
        global_access=_global_access(spec, public),
        tls_profile=profile,
        tls_min=lowest,
        tls_policy=policy or None,
        firewall=spec.choice("firewall", "Managed", "None") == "Managed",
        node_tags=_node_tags(spec),
        labels=_labels(spec),
    )
    if spec.raw.get("zones") in ([], ()):
        spec.refuse("zones", "is empty, and endpoints are kept by zone; name zones, or leave it out to have them found")
    if spec.problems:
        raise ParametersRefused(spec.problems)
    return found


def _named(spec: fields.Fields, name: str, what: str) -> str:
    given = spec.below(name, "name")
    if spec.raw.get(name) is None:
        spec.refuse(name, f"is required: {what}, as {{name: ...}}")
        return ""
    is_object = isinstance(spec.raw[name], Mapping)
    return given.text("name", _NAME, f"{name}-edge", what if is_object else "")


def _exposure(spec: fields.Fields, everywhere: bool) -> bool:
    """A load balancer filters no sources, Cloud Armor does: armor/docs/security-policy-overview."""
    public = spec.choice("exposure", "Internal", "Public") == "Public"
    ranges = spec.texts("allowedSourceRanges", lambda _: "")
    if everywhere and not public:
        spec.refuse(
            "location",
            "Global needs exposure Public: a global load balancer has a public address, and the cross-region internal "
            "one is not supported yet; use Regional, or exposure Public",
        )
    if public and ranges != (WORLD,):
        spec.refuse(
            "allowedSourceRanges",
            f'must be ["{WORLD}"] with exposure Public: the load balancer lets in every source; to restrict them '
            "attach a Cloud Armor security policy to its backend services",
        )
    if not public and spec.raw.get("allowedSourceRanges") not in (None, [], ()):
        spec.refuse(
            "allowedSourceRanges",
            "cannot be honoured with exposure Internal: the load balancer lets in every source that reaches its "
            "internal address; leave it out and restrict sources by the routes and peerings of the network",
        )
    return public


def _tier(spec: fields.Fields, public: bool, everywhere: bool) -> str | None:
    """network-tiers/docs/overview: only a regional external address has the choice."""
    if public and not everywhere:
        return spec.choice("networkTier", *TIERS)
    if spec.raw.get("networkTier") is not None:
        reason = "a global address is always PREMIUM" if everywhere else "an internal address has no tier"
        spec.refuse("networkTier", f"cannot be chosen: {reason}; leave it out")
    return None


def _global_access(spec: fields.Fields, public: bool) -> bool:
    """load-balancing/docs/l7-internal#client-access: clients of other regions."""
    wanted = spec.flag("globalAccess", False)
    if wanted and public:
        spec.refuse("globalAccess", "is of Internal load balancers alone; a Public one is reached from everywhere")
    return wanted


def _tls(spec: fields.Fields) -> tuple[str, str, str]:
    """(name of somebody's policy or "", profile, lowest version)."""
    tls = spec.below("tls", "profile", "minVersion", "policy")
    policy = tls.text("policy", _NAME, "policy-edge")
    for other in ("profile", "minVersion"):
        if policy and tls.raw.get(other) is not None:
            tls.refuse(other, "cannot be given together with policy, which says it itself")
    profile, lowest = tls.choice("profile", *TLS_PROFILES), tls.choice("minVersion", *TLS_VERSIONS)
    if lowest == "TLS_1_3" and profile != "RESTRICTED":
        tls.refuse("minVersion", f"TLS_1_3 needs profile RESTRICTED, is {profile}; Google takes no other with it")
    return policy, profile, lowest


def _node_tags(spec: fields.Fields) -> tuple[str, ...]:
    def bad(text: str) -> str:
        return "" if re.fullmatch(_NAME, text) else f"{text!r} is not of the form gke-edge"

    return spec.texts("nodeTags", bad) or ()


def _bad_zone(text: str, region: str) -> str:
    if re.fullmatch(rf"{re.escape(region)}-[a-z0-9]+", text):
        return ""
    return f"{text!r} is no zone of {region or 'the region'}, such as {region or 'europe-west1'}-b"


def _labels(spec: fields.Fields) -> dict[str, str]:
    """compute/docs/labeling-resources#requirements."""

    def bad(key: str, value: str) -> str:
        if not re.fullmatch(_LABEL, key) or not re.fullmatch(_VALUE, value):
            return (
                "Google's labels hold lower-case letters, digits, _ and -, at most 63 characters, and a key begins "
                "with a letter; write it so"
            )
        if key.startswith(("goog", names.RESERVED)):
            return f"keys beginning with goog and {names.RESERVED} are reserved"
        return ""

    found = spec.pairs("tags", bad)
    if len(found) > USER_LABELS:
        spec.refuse("tags", f"at most {USER_LABELS} tags")
    return found
