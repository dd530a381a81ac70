"""What GCPGatewayClassParameters and GCPGatewayParameters say. Sources: cloud.google.com/load-balancing/docs
(ssl-policies-concepts, l7-internal), network-tiers/docs/overview, compute/docs (naming-resources, labeling-resources).
`scripts.crds` calls it. An empty text counts as left out.
"""

from __future__ import annotations

from scripts import crd_parameters
from scripts.crd_words import Schema, flag, items, record, text

_NAME = "[a-z]([-a-z0-9]{0,61}[a-z0-9])?"


def _named(what: str) -> Schema:
    return record(f"{what} of the nodes.", {"name": text("Its name.", _NAME)}, ("name",))


def cloud() -> crd_parameters.Cloud:
    tls = record(
        "How HTTPS proxies speak TLS: profile and minVersion, or somebody's own policy.",
        {
            "profile": text("Set of ciphers. Left out: MODERN.", enum=("MODERN", "RESTRICTED")),
            "minVersion": text("Lowest version. Left out: TLS_1_2.", enum=("TLS_1_2", "TLS_1_3")),
            "policy": text("Name of an SSL policy that stands and is not ours.", f"({_NAME})?", high=63),
        },
        rules=(
            (
                "!has(self.policy) || self.policy == '' || (!has(self.profile) && !has(self.minVersion))",
                "profile and minVersion cannot be given together with policy, which says them itself: remove them",
            ),
            (
                "!has(self.minVersion) || self.minVersion != 'TLS_1_3' || "
                "(has(self.profile) && self.profile == 'RESTRICTED')",
                "minVersion TLS_1_3 needs profile RESTRICTED; Google takes no other with it",
            ),
        ),
    )
    tags = crd_parameters.tags(
        "Labels on whatever can have labels.",
        text("Value of the label.", "[a-z0-9_-]{0,63}", high=63),
        50,
        (
            (
                "self.all(key, key.matches('^[a-z][a-z0-9_-]{0,62}$'))",
                "a key has at most 63 characters: a lower-case letter, then lower-case letters, digits, _ and -",
            ),
            (
                "self.all(key, !key.startsWith('goog') && !key.startsWith('cloudgw-'))",
                "keys beginning with goog and cloudgw- are reserved: choose another",
            ),
        ),
    )
    fields = {
        "projectId": text(
            "Project. Left out: that of the credentials.", "(([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9])?"
        ),
        "region": text("Region of the nodes, such as europe-west1; with Global too.", "[a-z]+(-[a-z]+)+[0-9]+"),
        "location": text(
            "Regional: in the region. Global: one address in all regions, Public alone.",
            enum=("Regional", "Global"),
            default="Regional",
        ),
        "exposure": crd_parameters.exposure(),
        "allowedSourceRanges": crd_parameters.the_world(
            "to restrict them attach a Cloud Armor security policy to its backend services"
        ),
        "network": _named("Network"),
        "subnetwork": _named("Subnetwork"),
        "zones": items(
            "Zones of the nodes, all of the region. Left out: found by the machines.",
            text("Name of a zone.", "[a-z]+(-[a-z]+)+[0-9]+-[a-z0-9]+", high=63),
            64,
            low=1,
        ),
        "networkTier": text(
            "Of a Public address of a region; other addresses have no choice. Left out: PREMIUM.",
            enum=("PREMIUM", "STANDARD"),
        ),
        "globalAccess": flag("Whether clients of other regions reach an Internal load balancer.", False),
        "tls": tls,
        "firewall": text(
            "Managed: Google's probers and proxies are let in to the nodes. None: that is somebody else's work.",
            enum=("Managed", "None"),
            default="Managed",
        ),
        "nodeTags": items(
            "Network tags of the nodes, for the firewall. Left out: found by the machines.",
            text("A tag.", _NAME),
            64,
        ),
        "tags": tags,
    }
    return crd_parameters.Cloud(
        prefix="GCP",
        name="Google Cloud",
        short="gcp",
        fields=fields,
        own=(
            *("exposure", "allowedSourceRanges", "networkTier", "globalAccess", "tls", "tags"),
            *("driftPolicy", "deletionPolicy"),
        ),
        required=("region", "network", "subnetwork"),
        rules=(
            *crd_parameters.PUBLIC,
            (
                "self.location != 'Global' || self.exposure == 'Public'",
                "location Global needs exposure Public: use Regional, or exposure Public",
            ),
            (
                "!has(self.networkTier) || (self.exposure == 'Public' && self.location == 'Regional')",
                "networkTier cannot be chosen but with exposure Public and location Regional: leave it out",
            ),
            (
                "!self.globalAccess || self.exposure == 'Internal'",
                "globalAccess is of Internal load balancers alone: leave it out, all the world reaches a Public one",
            ),
            (
                "!has(self.zones) || self.zones.all(zone, zone.startsWith(self.region + '-'))",
                "zones must be of the region: name europe-west1-b with region europe-west1",
            ),
        ),
        region="region",
        columns=(("Location", "string", ".spec.location", 1), ("Project", "string", ".spec.projectId", 1)),
    )
