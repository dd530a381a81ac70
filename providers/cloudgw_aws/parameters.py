"""AWSGatewayClassParameters: the platform team's choices for one GatewayClass, parsed and refused by name.

`pipeline` calls `parse` with the raw object. Every field that is not known, of a wrong type or unusable is refused
with its path, all problems at once; a typing error must never become a default. Closed by default: internal exposure,
no implicit 0.0.0.0/0, a TLS policy without old versions.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cloudgw import fields
from cloudgw.objects import Parameters
from cloudgw.provider import ParametersRefused, Placement, Settings
from cloudgw_aws import names

KIND = "AWSGatewayClassParameters"
# application/describe-ssl-policies.html: TLS 1.3 and 1.2, the recommended one
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
# What a Gateway's own AWSGatewayParameters may hold, where the class lists it as overridable.
OWN = ("exposure", "allowedSourceRanges", "subnets", "tls", "tags", "driftPolicy", "deletionPolicy")
USER_TAGS = 20  # of the 50 of a resource (API_AddTags.html); the record takes its share


@dataclass(frozen=True, slots=True, kw_only=True)
class AWSParameters:
    """Parsed. vpc "": the subnets' VPC. subnets (): found by their role tag. ranges None: the VPC's own ranges."""

    settings: Settings
    vpc: str = ""
    subnets: tuple[str, ...] = ()
    public: bool = False
    ranges: tuple[str, ...] | None = None
    tls_policy: str = TLS_POLICY
    backend_groups: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def scheme(self) -> str:
        return "internet-facing" if self.public else "internal"


def parse(raw: Parameters) -> AWSParameters:
    """Raises ParametersRefused with (path, reason) of everything that is wrong."""
    spec = fields.spec_of(raw, KIND)
    spec.known(
        *fields.COMMON,
        "region",
        "accountId",
        "vpcId",
        "subnets",
        "exposure",
        "allowedSourceRanges",
        "tls",
        "backendSecurityGroups",
        "tags",
    )
    region = spec.text("region", r"[a-z]{2}(-[a-z]+)+-\d+", "eu-west-1")
    if not spec.raw.get("region"):
        spec.refuse("region", "is required: the AWS region in which to create, eu-west-1")
    account = spec.text("accountId", r"\d{12}", "123456789012 (12 digits, quoted)")
    vpc = spec.text("vpcId", r"vpc-[0-9a-f]+", "vpc-0123456789abcdef0")
    subnets = _subnets(spec)
    if not spec.raw.get("vpcId") and not subnets:
        spec.refuse("vpcId", "is required unless subnets.ids names subnets: the VPC of the pods")
    public = _exposure(spec)
    ranges = spec.texts("allowedSourceRanges", _bad_range)
    if public and not ranges:
        spec.refuse(
            "allowedSourceRanges",
            "must name the ranges that may reach a Public load balancer; "
            'nothing is opened to the world unless you say so: ["0.0.0.0/0"]',
        )
    tls = spec.below("tls", "policy")
    policy = tls.text("policy", r"ELBSecurityPolicy-[A-Za-z0-9-]+", TLS_POLICY) or TLS_POLICY
    groups = spec.texts("backendSecurityGroups", _bad_group) or ()
    tags = _tags(spec)
    common = fields.common(spec, OWN)
    if spec.problems:
        raise ParametersRefused(spec.problems)
    return AWSParameters(
        settings=Settings(placement=Placement(names.PROVIDER, account, region), **common),
        vpc=vpc,
        subnets=subnets,
        public=public,
        ranges=ranges or None,
        tls_policy=policy,
        backend_groups=groups,
        tags=tags,
    )


def _subnets(spec: fields.Fields) -> tuple[str, ...]:
    given = spec.below("subnets", "ids", "roleTag")
    ids = given.texts("ids", _bad_subnet)
    role = given.text("roleTag", "auto", "auto (kubernetes.io/role/elb or internal-elb, by exposure)")
    if ids and role:
        given.refuse("roleTag", "cannot be given together with ids")
    if ids is not None and len(ids) < 2:
        given.refuse("ids", "needs at least two subnets, in two Availability Zones")
    return ids or ()


def _exposure(spec: fields.Fields) -> bool:
    value = spec.raw.get("exposure", "Internal")
    if value not in ("Internal", "Public"):
        spec.refuse("exposure", f"{value!r} is neither Internal nor Public")
    return bool(value == "Public")


def _bad_subnet(text: str) -> str:
    return "" if re.fullmatch(r"subnet-[0-9a-f]+", text) else f"{text!r} is not of the form subnet-0123456789abcdef0"


def _bad_group(text: str) -> str:
    return "" if re.fullmatch(r"sg-[0-9a-f]+", text) else f"{text!r} is not of the form sg-0123456789abcdef0"


def _bad_range(text: str) -> str:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as problem:
        return f"{text!r} is not a range of addresses: {problem}"
    return "" if str(network) == text else f"write {network} for {text}"


def _tags(spec: fields.Fields) -> dict[str, str]:
    alphabet = re.compile(r"[\w .:/=+\-@]*")

    def bad(key: str, value: str) -> str:
        if not key or len(key) > 128 or len(value) > names.VALUE_LIMIT:
            return "a key has 1 to 128 characters, a value at most 256"
        if not alphabet.fullmatch(key) or not alphabet.fullmatch(value):
            return "allowed are letters, numbers, spaces and + - = . _ : / @"
        if key.lower().startswith(("aws:", names.RESERVED)):
            return f"keys beginning with aws: and {names.RESERVED} are reserved"
        return ""

    found = spec.pairs("tags", bad)
    if len(found) > USER_TAGS:
        spec.refuse("tags", f"at most {USER_TAGS} tags")
    elif len(" ".join(map(names.encode, found))) > names.VALUE_LIMIT:
        spec.refuse("tags", f"their keys together at most {names.VALUE_LIMIT} characters: shorten some, or remove one")
    return found
