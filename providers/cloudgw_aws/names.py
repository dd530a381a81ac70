"""Names and tags: how an address becomes a cloud name, and how the record of ownership is written and read back.

`kinds*` write tags in the creating call, `observe` reads them. The tags are the identity; a name is only short, legal
and stable (docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html: 32 characters of
A-Z a-z 0-9 and "-"). Pure; must never need anything but what it is given, and must never lose a character: what the
alphabet of tags cannot carry is written as "=" and two hex digits.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping

from cloudgw.graph import model
from cloudgw.provider import Record

NAME_PREFIX = "cgw-"
PROVIDER = "aws"
VERSION = "1"

OWNER = "cloudgw.dev/owner"
GATEWAY = "cloudgw.dev/gateway"
ADDRESS = "cloudgw.dev/address"
SUFFIX = "cloudgw.dev/suffix"
FORMAT = "cloudgw.dev/version"
CLUSTER_UID = "cloudgw.dev/cluster-uid"
GATEWAY_UID = "cloudgw.dev/gateway-uid"
PARENT = "cloudgw.dev/parent"  # target group, security group rule: the incarnation of its load balancer
SCHEME = "cloudgw.dev/scheme"  # security group: of its load balancer
KEY_TYPE = "cloudgw.dev/key-type"  # certificate
FINGERPRINT = "cloudgw.dev/fingerprint"  # certificate
DRAIN = "cloudgw.dev/drain"  # target group: its draining is ours, so that it is read back
TAG_KEYS = "cloudgw.dev/tag-keys"  # load balancer: the keys of user tags that we wrote

RESERVED = "cloudgw.dev/"
VALUE_LIMIT = 256  # API_Tag.html of elbv2, acm and ec2
_SPECIAL = re.compile(r"[^A-Za-z0-9+\-._:/@]")


def name_of(owner_id: str, address: model.Address, suffix: str) -> str:
    """`cgw-<slug6>-<hash10>-<suffix10>`, at most 32 characters. The slug is for people only."""
    logical = model.short(address).split("/", 1)[1]
    gateway = model.owner_of(address).split("/", 1)[1]
    text = gateway if logical == "lb" else logical.rpartition("/")[2]
    slug = re.sub(r"[^a-z0-9]", "", text.lower())[:6] or "x"
    digest = hashlib.sha256(f"{owner_id}\n{address}".encode()).digest()
    short = base64.b32encode(digest)[:10].decode().lower()
    return f"{NAME_PREFIX}{slug}-{short}-{suffix}"


def encode(text: str) -> str:
    """Any text in the alphabet of tags, reversibly (API_Tag.html: letters, spaces, numbers and + - = . _ : / @)."""
    return _SPECIAL.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"={byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))


def decode(text: str) -> str:
    """Raises ValueError for what `encode` cannot have written."""
    if "=" not in text and text.isascii():
        return text
    out = bytearray()
    at = 0
    while at < len(text):
        if text[at] == "=":
            out.append(int(text[at + 1 : at + 3], 16))
            at += 3
            continue
        out += text[at].encode()
        at += 1
    return out.decode("utf-8", "surrogatepass")


def spread(key: str, text: str) -> dict[str, str]:
    """A long value over `key`, `key.2`, `key.3` ..."""
    coded = encode(text)
    parts = [coded[at : at + VALUE_LIMIT] for at in range(0, len(coded), VALUE_LIMIT)] or [""]
    return {key if number == 1 else f"{key}.{number}": part for number, part in enumerate(parts, 1)}


def first_part(text: str) -> str:
    """What `spread` writes under the key itself."""
    return encode(text)[:VALUE_LIMIT]


def gather(key: str, tags: Mapping[str, str]) -> str | None:
    """What `spread` wrote; None when there is nothing or it is damaged."""
    if key not in tags:
        return None
    parts = [tags[key]]
    while (following := f"{key}.{len(parts) + 1}") in tags:
        parts.append(tags[following])
    try:
        return decode("".join(parts))
    except ValueError:
        return None


def tags_of(owner_id: str, address: model.Address, suffix: str, evidence: Mapping[str, str]) -> dict[str, str]:
    """The record, as tags of the creating call. evidence: "cluster" and "gateway:<ns>/<name>" -> UID, where known."""
    gateway = model.owner_of(address)
    tags = {OWNER: encode(owner_id), SUFFIX: suffix, FORMAT: VERSION}
    tags |= spread(GATEWAY, gateway)
    tags |= spread(ADDRESS, model.short(address))
    if evidence.get("cluster"):
        tags[CLUSTER_UID] = encode(evidence["cluster"])
    if evidence.get(f"gateway:{gateway}"):
        tags[GATEWAY_UID] = encode(evidence[f"gateway:{gateway}"])
    return tags


def record_of(tags: Mapping[str, str]) -> Record | None:
    """The record in a thing's tags; None when there is none, it does not parse, or its version is not known."""
    owner, gateway, rest = gather(OWNER, tags), gather(GATEWAY, tags), gather(ADDRESS, tags)
    suffix = tags.get(SUFFIX, "")
    if not owner or not gateway or not rest or not suffix or tags.get(FORMAT) != VERSION:
        return None
    if gateway.count("/") != 1 or "/" not in rest:
        return None
    return Record(
        owner=owner,
        address=f"{gateway}/{PROVIDER}/{rest}",
        suffix=suffix,
        cluster=gather(CLUSTER_UID, tags) or "",
        gateway=gather(GATEWAY_UID, tags) or "",
    )


def ours(tags: Mapping[str, str], owner_id: str) -> Record | None:
    """The record, where it says that the owner's is the thing."""
    found = record_of(tags)
    return found if found is not None and found.owner == owner_id else None


def user_keys(tags: Mapping[str, str]) -> tuple[str, ...]:
    """Keys of the user's tags that we wrote."""
    return tuple(decode(key) for key in tags.get(TAG_KEYS, "").split(" ") if key)


def kept(tags: Mapping[str, str]) -> dict[str, str]:
    """Only what is ours of a thing's tags: what others wrote is nobody's business here."""
    mine = user_keys(tags)
    return {key: tags[key] for key in sorted(tags) if key.startswith(RESERVED) or key in mine}


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]


def as_mapping(tags: object) -> dict[str, str]:
    """AWS's list of Key and Value, as a mapping."""
    if not isinstance(tags, list):
        return {}
    return {str(tag["Key"]): str(tag.get("Value", "")) for tag in tags}
