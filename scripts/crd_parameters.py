"""Parameters: for each cloud the class's, cluster-scoped, and a Gateway's own, a smaller type that stands over them.

`scripts.crds` calls `kinds`. What is said of a field is said once: the namespaced kind takes the fields that it has
from the class's kind, without defaults (a default would stand over what the class says) and without what they require
of each other (the other field may be the class's). What the clouds share is here, the rest in the module of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.crd_words import READY, Kind, Rule, Schema, items, number, pairs, record, status, text

WORLD = "0.0.0.0/0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """prefix: of the kinds, `AWS`. short: of their short names. fields: of the class, those in common included; own:
    names of those that a Gateway's parameters may hold too. rules: of the class's spec as a whole. region: the field
    that says where. columns: further ones of the class."""

    prefix: str
    name: str
    short: str
    fields: Mapping[str, Schema]
    own: Sequence[str]
    required: Sequence[str]
    rules: Sequence[Rule]
    region: str
    columns: tuple[tuple[str, str, str, int], ...] = ()


def kinds(cloud: Cloud) -> tuple[Kind, Kind]:
    prefix, lower = cloud.prefix, cloud.prefix.lower()
    listed = items(
        f"Names of the fields that a Gateway may choose by itself, in the {prefix}GatewayParameters that its "
        "spec.infrastructure.parametersRef names. Empty: none.",
        text("Name of a field.", enum=sorted(cloud.own)),
        len(cloud.own),
    )
    fields = {**cloud.fields, **_common(), "overridable": listed}
    of_class = Kind(
        kind=f"{prefix}GatewayClassParameters",
        plural=f"{lower}gatewayclassparameters",
        short=(f"{cloud.short}gcp",),
        description=(
            f"Where and how load balancers of {cloud.name} are made for the Gateways of a class. A GatewayClass names "
            "it in spec.parametersRef. Closed by default: internal, nobody let in, no old TLS."
        ),
        spec=record("What the owner of the platform chooses.", fields, cloud.required, rules=cloud.rules),
        status=status(),
        scope="Cluster",
        columns=(
            *READY,
            ("Region", "string", f".spec.{cloud.region}", 0),
            ("Exposure", "string", ".spec.exposure", 0),
            *cloud.columns,
            ("Overridable", "string", ".spec.overridable", 1),
        ),
    )
    own = {name: bare(fields[name]) for name in fields if name in cloud.own}
    of_gateway = Kind(
        kind=f"{prefix}GatewayParameters",
        plural=f"{lower}gatewayparameters",
        short=(f"{cloud.short}gp",),
        description=(
            "What one Gateway chooses by itself; it names the object in spec.infrastructure.parametersRef. Each field "
            f"stands in place of the whole field of the class's {prefix}GatewayClassParameters, and only where that "
            "lists it as overridable: another field refuses them all."
        ),
        spec=record("Fields in place of the class's.", own),
        status=status(),
        columns=(*READY, ("Exposure", "string", ".spec.exposure", 0)),
        needs_spec=False,
    )
    return of_class, of_gateway


def bare(schema: Schema) -> Schema:
    """Without defaults, at any depth."""

    def plain(value: Any, words: bool) -> Any:
        if isinstance(value, dict):
            return {
                key: plain(item, words=not (words and key == "properties"))
                for key, item in value.items()
                if not (words and key == "default")
            }
        return value

    found: Schema = plain(schema, words=True)
    return found


def _common() -> dict[str, Schema]:
    return {
        "approval": text(
            "Which changes wait for a person's word. Never: none. Dangerous: those that delete more than the budget, "
            "widen who gets in, or touch what is not surely ours. Always: all but targets.",
            enum=("Never", "Dangerous", "Always"),
            default="Dangerous",
        ),
        "deletionBudget": number(
            "How many elements of one Gateway may be deleted in an hour without a person's word. Left out: the larger "
            "of 10 and 20 % of what stands.",
            0,
        ),
        "deletionPolicy": text(
            "What becomes of the load balancer when its Gateway is deleted. Delete: it goes. Retain: it stands, and "
            "the next Gateway of that name takes it over.",
            enum=("Delete", "Retain"),
            default="Delete",
        ),
        "driftPolicy": text(
            "What is done about changes that somebody else made in the cloud. Repair: they are undone. Report: they "
            "are shown and left.",
            enum=("Repair", "Report"),
            default="Repair",
        ),
    }


def exposure() -> Schema:
    return text(
        "Internal: reached from the network alone. Public: reached from the internet, by those that "
        "allowedSourceRanges names.",
        enum=("Internal", "Public"),
        default="Internal",
    )


def the_world(instead: str) -> Schema:
    """allowedSourceRanges of a cloud whose load balancers filter no sources. instead: what does."""
    return items(
        f'["{WORLD}"] with exposure Public, the word that the whole internet may reach it; left out, or empty, with '
        f"Internal. The load balancer lets in every source: {instead}.",
        text("The whole internet.", enum=(WORLD,)),
        1,
    )


PUBLIC: tuple[Rule, ...] = (
    (
        "self.exposure != 'Public' || (has(self.allowedSourceRanges) && size(self.allowedSourceRanges) > 0)",
        f'exposure Public needs allowedSourceRanges: ["{WORLD}"]: the load balancer lets in every source',
    ),
    (
        "self.exposure != 'Internal' || !has(self.allowedSourceRanges) || size(self.allowedSourceRanges) == 0",
        "allowedSourceRanges cannot be honoured with exposure Internal: leave it out, or empty",
    ),
)


def tags(description: str, value: Schema, high: int, rules: Sequence[Rule]) -> Schema:
    return pairs(description, value, high, rules=rules)
