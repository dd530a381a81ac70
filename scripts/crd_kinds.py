"""The kinds that hold no choice of a cloud: GatewayPlan and GatewayState.

`scripts.crds` writes them. Names and meanings are those of cloudgw.plan, cloudgw.graph.memory.Diary and
`cloudgw.controller`. A person writes one field of a plan and none of a state.
"""

from __future__ import annotations

from scripts.crd_words import Kind, flag, items, number, pairs, record, status, text

_DIGEST = r"[0-9a-f]{16}"
_PLACEMENT = "Where: provider/account/region, as plans write it."


def plan() -> Kind:
    spec = record(
        "What a person says; the controller writes none of it.",
        {
            "approvedDigests": items(
                "Digests of plans whose dangerous changes may be done. A later plan passes too, as long as it holds no "
                "dangerous change that the approved one did not hold.",
                text("Digest of a plan, as status.plans shows it.", _DIGEST, high=16),
                32,
            )
        },
    )
    change = record(
        "One change that needs approval.",
        {
            "change": text("What is done to which element.", high=1024),
            "reasons": items("Why it is dangerous.", text("One reason.", high=1024), 16, atomic=True),
        },
        ("change",),
    )
    one = record(
        "What would be done in one placement.",
        {
            "placement": text(_PLACEMENT),
            "digest": text("Of the changes, those of targets left out: what spec.approvedDigests names.", _DIGEST),
            "summary": text("Numbers of changes, in a line.", high=1024),
            "dangerous": items(
                "The changes that wait for approval; at most 100 are shown, the digest covers all.", change, 100
            ),
            "text": text("The plan as `cloudgw plan` prints it; shortened where it is longer.", high=131072),
        },
        ("placement", "digest"),
    )
    said = {
        "phase": text(
            "Empty: nothing to do. Waiting: for time, health or input. Pending: for approval. Approved: under way.",
            enum=("Empty", "Waiting", "Pending", "Approved"),
        ),
        "dangerous": number("How many changes wait for approval, in all placements.", 0),
        "plans": items("One plan per placement in which something is wanted or stands.", one, 32, keys=("placement",)),
    }
    return Kind(
        kind="GatewayPlan",
        plural="gatewayplans",
        short=("gwplan",),
        description=(
            "What would be done to the load balancer of the Gateway that has the same name and namespace. The "
            "controller makes it and keeps it current; to approve dangerous changes, add the digest to "
            "spec.approvedDigests."
        ),
        spec=spec,
        status=status(said),
        columns=(
            ("Phase", "string", ".status.phase", 0),
            ("Digest", "string", ".status.plans[*].digest", 0),
            ("Dangerous", "integer", ".status.dangerous", 0),
            ("Ready", "string", '.status.conditions[?(@.type=="Ready")].status', 1),
            ("Summary", "string", ".status.plans[*].summary", 1),
        ),
        needs_spec=False,
    )


def state() -> Kind:
    moment = "Seconds since 1970 of the controller's clock."
    shown = record(
        "What users were last shown at an address.",
        {"incarnation": text("Suffix of the element.", high=64), "since": number(moment, whole=False)},
        ("incarnation", "since"),
    )
    diary = record(
        "What has to survive a restart, for one placement. Losing it restarts clocks and harms nothing else.",
        {
            "placement": text(_PLACEMENT),
            "retired": pairs(
                "By element, when it was first seen without a reference that carries traffic: draining starts there.",
                number(moment, whole=False),
                None,
            ),
            "published": pairs("By address, what users were shown and since when.", shown, None),
            "shifts": pairs("By change, when it began to wait for health.", number(moment, whole=False), None),
            "deletions": items(
                "When each deletion that counts against the hourly budget was made.",
                number(moment, whole=False),
                10000,
            ),
            "operations": pairs(
                "By group, the cloud's name of the long operation that was started and not seen to end.",
                text("Name of the operation.", high=2048),
                None,
            ),
        },
        ("placement",),
    )
    gateway = record(
        "The Gateway.",
        {
            "namespace": text("Its namespace.", low=1, high=63),
            "name": text("Its name.", low=1),
            "uid": text("Its UID: a Gateway of the same name that was made anew is another one.", high=128),
        },
        ("namespace", "name"),
    )
    spec = record(
        "Address book and diary of one Gateway.",
        {
            "gateway": gateway,
            "placements": items(
                "Where something of the Gateway may stand. Added before the first write there, removed when nothing is "
                "left.",
                text(_PLACEMENT),
                64,
            ),
            "diaries": items("One per placement that has something to remember.", diary, 64, keys=("placement",)),
            "approved": items(
                "Words of the dangerous changes that were approved and are not done yet.",
                text("One change, by a hash.", high=2048),
                10000,
            ),
            "approvedBy": items(
                "Digests that people said and that gave these words.", text("Digest of a plan.", _DIGEST), 1000
            ),
            "spent": items(
                "Digests that people still say although what they approved is done: they approve nothing again.",
                text("Digest of a plan.", _DIGEST),
                1000,
            ),
            "version": text("Version of cloudgw that last applied.", high=64),
            "inputs": text("Hash of the input of the last plan that was done whole.", high=128),
            "released": items(
                "UIDs of Gateways of this name that were let go with their load balancer standing: whoever has the "
                "name next takes it over.",
                text("UID of a Gateway.", high=128),
                1000,
            ),
            "retain": flag("The load balancer is to outlive the Gateway: deletionPolicy Retain."),
            "className": text("The Gateway's class when something was last written for it."),
            "definitions": pairs(
                "By kind, the UID of its definition when this was last applied.",
                text("UID of a definition.", high=128),
                64,
            ),
            "fleet": pairs(
                "Of the object `fleet` alone: by Gateway, when its deletion began.", number(moment, whole=False), None
            ),
        },
        (),
    )
    return Kind(
        kind="GatewayState",
        plural="gatewaystates",
        short=("gwstate",),
        description=(
            "What the controller must remember of one Gateway, in the controller's namespace. Nobody else writes it; "
            "deleting it loses the approvals and restarts the clocks, and `cloudgw drift` finds what stands."
        ),
        spec=spec,
        columns=(
            ("Namespace", "string", ".spec.gateway.namespace", 0),
            ("Gateway", "string", ".spec.gateway.name", 0),
            ("Placements", "string", ".spec.placements", 0),
            ("Version", "string", ".spec.version", 1),
        ),
    )
