"""Names and tags: how an address becomes a cloud name, and how the record of ownership is written and read back.

`kinds*` and `document` write them, `observe` reads them. The gateway and the public IP carry their record in tags; the
children of a gateway have no tags, so their names give back address and incarnation. Names are 1 to 80 characters of
letters, digits, "." "_" "-" and are compared without case (learn.microsoft.com/azure/azure-resource-manager/management/
resource-name-rules); tag names may not hold < > % & \\ ? / and values have 256 characters (.../tag-resources).
Pure; must never need anything but what it is given.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cloudgw.graph import model
from cloudgw.provider import Record

PROVIDER = "azure"
PREFIX = "cgw"
VERSION = "1"

OWNER = "cloudgw-owner"
GATEWAY = "cloudgw-gateway"
ADDRESS = "cloudgw-address"
SUFFIX = "cloudgw-suffix"
FORMAT = "cloudgw-version"
CLUSTER_UID = "cloudgw-cluster-uid"
GATEWAY_UID = "cloudgw-gateway-uid"
TAG_KEYS = "cloudgw-tag-keys"  # names of the user's tags that we wrote
SUBNET = "cloudgw-subnet"  # public IP: the subnet of the gateway it was made for
FINGERPRINTS = "cloudgw-certificates"  # gateway: fingerprints of its certificates, which Azure never shows

RESERVED = "cloudgw-"
VALUE_LIMIT = 256
LOGICAL_LIMIT = 46
RESOURCE_SLUG = 40
DRIFTED = "-drifted"  # ends the name of an incarnation whose content is not what its suffix was made of
ANCHOR = "anchor"  # logical id of children that only keep a document valid
WARM = "warm"  # path rules that only attach a pool

_HASH = "[a-z2-7]"
_PLAIN = re.compile(rf"{PREFIX}-({_HASH}{{8}})-(.+)-({_HASH}{{10}})", re.IGNORECASE)
_DETAILED = re.compile(rf"{PREFIX}-({_HASH}{{8}})-(.+)-([0-9]{{1,5}}[hs])-({_HASH}{{10}})", re.IGNORECASE)
_FORBIDDEN = re.compile(r"[^a-z0-9._-]")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Child:
    """What the name of a child says: whose Gateway, which logical id, which incarnation, and a pool's port."""

    mark: str
    logical: str
    suffix: str
    detail: str = ""


def _short(text: str, characters: int) -> str:
    return base64.b32encode(hashlib.sha256(text.encode()).digest())[:characters].decode().lower()


def logical(*parts: str) -> str:
    """A logical id in the alphabet of names, at most 46 characters, which a child's name gives back unchanged.

    "*" is written as "any"; where a character was replaced or something cut, a hash of the original parts follows.
    """
    original = ".".join(parts)
    text = _FORBIDDEN.sub("-", original.replace("*", "any").lower()).lstrip("._-") or "x"
    if text == original and len(text) <= LOGICAL_LIMIT:
        return text
    digest = _short("\n".join(parts), model.SUFFIX_CHARACTERS)
    return f"{text[: LOGICAL_LIMIT - 1 - len(digest)]}-{digest}"


def mark(owner_id: str, gateway: str) -> str:
    """8 characters that tell the Gateways ("namespace/name") of all owners apart in names of children."""
    return _short(f"{owner_id}\n{gateway}", 8)


def child(mark_: str, logical_: str, suffix: str, detail: str = "") -> str:
    """`cgw-<mark>-<logical>[-<detail>]-<suffix>`: at most 77 characters."""
    return "-".join(part for part in (PREFIX, mark_, logical_, detail, suffix.removesuffix(DRIFTED)) if part)


@functools.lru_cache(maxsize=16_384)  # a document is searched by name for every reference in it
def read_child(name: str, *, detailed: bool = False) -> Child | None:
    """The reverse of `child`; None for a name that it cannot have made. detailed: the name of a pool."""
    found = (_DETAILED if detailed else _PLAIN).fullmatch(name)
    if found is None:
        return None
    parts = found[0].lower()[len(PREFIX) + 1 :]
    head, rest = parts.split("-", 1)
    rest, suffix = rest.rsplit("-", 1)
    if not detailed:
        return Child(head, rest, suffix)
    rest, detail = rest.rsplit("-", 1)
    return Child(head, rest, suffix, detail)


def resource_name(owner_id: str, address: model.Address, suffix: str) -> str:
    """`cgw-<slug>-<hash10>-<suffix10>`, at most 66 characters. The slug is for people only."""
    gateway = model.owner_of(address).replace("/", "-")
    slug = re.sub(r"[^a-z0-9-]", "", gateway.lower())[:RESOURCE_SLUG].strip("-") or "x"
    digest = _short(f"{owner_id}\n{address}", 10)
    return f"{PREFIX}-{slug}-{digest}-{suffix}"


def spread(key: str, text: str) -> dict[str, str]:
    """A long value over `key`, `key-2`, `key-3` ..."""
    parts = [text[at : at + VALUE_LIMIT] for at in range(0, len(text), VALUE_LIMIT)] or [""]
    return {key if number == 1 else f"{key}-{number}": part for number, part in enumerate(parts, 1)}


def gather(key: str, tags: Mapping[str, str]) -> str | None:
    """What `spread` wrote; None when there is nothing."""
    if key not in tags:
        return None
    parts = [tags[key]]
    while (following := f"{key}-{len(parts) + 1}") in tags:
        parts.append(tags[following])
    return "".join(parts)


def tags_of(owner_id: str, address: model.Address, suffix: str, evidence: Mapping[str, str]) -> dict[str, str]:
    """The record, as tags of the creating call. evidence: "cluster" and "gateway:<ns>/<name>" -> UID, where known."""
    gateway = model.owner_of(address)
    tags = {SUFFIX: suffix, FORMAT: VERSION}
    tags |= spread(OWNER, owner_id) | spread(GATEWAY, gateway) | spread(ADDRESS, model.short(address))
    if evidence.get("cluster"):
        tags[CLUSTER_UID] = evidence["cluster"]
    if evidence.get(f"gateway:{gateway}"):
        tags[GATEWAY_UID] = evidence[f"gateway:{gateway}"]
    return tags


def record_of(tags: Mapping[str, str] | None) -> Record | None:
    """The record in a resource's tags; None when there is none, it does not parse, or its version is not known."""
    tags = {key.lower(): value for key, value in (tags or {}).items()}  # names of tags have no case
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
        cluster=tags.get(CLUSTER_UID, ""),
        gateway=tags.get(GATEWAY_UID, ""),
    )


def ours(tags: Mapping[str, str] | None, owner_id: str) -> Record | None:
    """The record, where it says that the owner's is the thing."""
    found = record_of(tags)
    return found if found is not None and found.owner == owner_id else None


def user_tags(tags: Mapping[str, str] | None) -> dict[str, str]:
    """Those tags of a resource that the user asked us for."""
    listed = gather(TAG_KEYS, {key.lower(): value for key, value in (tags or {}).items()}) or ""
    asked = {urllib.parse.unquote(key).lower() for key in listed.split(",") if key}
    return {key: value for key, value in sorted((tags or {}).items()) if key.lower() in asked}


def with_user_tags(tags: Mapping[str, str] | None, wanted: Mapping[str, str] | None) -> dict[str, str]:
    """The tags of a resource with the user's replaced by `wanted`; tags of anybody else stay."""
    before = set(user_tags(tags))
    kept = {k: v for k, v in (tags or {}).items() if k not in before and not _numbered(k, TAG_KEYS)}
    if not wanted:
        return kept
    keys = ",".join(urllib.parse.quote(key, safe="") for key in sorted(wanted))
    return {**kept, **wanted, **spread(TAG_KEYS, keys)}


def fingerprints(tags: Mapping[str, str] | None) -> tuple[str, ...]:
    """Fingerprints of certificates noted on the gateway, in no meaningful order."""
    text = gather(FINGERPRINTS, {key.lower(): value for key, value in (tags or {}).items()}) or ""
    return tuple(_unpacked(item) for item in text.split(",") if item)


def with_fingerprints(tags: Mapping[str, str] | None, wanted: Iterable[str]) -> dict[str, str]:
    """The tags of a gateway with these fingerprints noted and no others."""
    kept = {k: v for k, v in (tags or {}).items() if not _numbered(k, FINGERPRINTS)}
    text = ",".join(_packed(item) for item in sorted(set(wanted)))
    return {**kept, **spread(FINGERPRINTS, text)} if text else kept


def _numbered(key: str, base: str) -> bool:
    """`base`, `base-2`, `base-3` ..."""
    return re.fullmatch(rf"{base}(-[0-9]+)?", key, re.IGNORECASE) is not None


def _packed(fingerprint: str) -> str:
    """43 characters instead of the 64 of a SHA-256: a hundred of them must fit in the tags of one gateway."""
    if _DIGEST.fullmatch(fingerprint) is None:
        return f"~{urllib.parse.quote(fingerprint, safe='')}"
    return base64.urlsafe_b64encode(bytes.fromhex(fingerprint)).decode().rstrip("=")


def _unpacked(text: str) -> str:
    if text.startswith("~"):
        return urllib.parse.unquote(text[1:])
    try:
        return base64.urlsafe_b64decode(f"{text}=").hex()
    except ValueError:
        return ""


def plain_id(identity: str) -> str:
    """An ARM id as we compare it: ids have no case, and services answer with another than was written."""
    return identity.lower()


def plain_ids(identities: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({plain_id(identity) for identity in identities}))


def logical_of(address: model.Address) -> str:
    """The logical id in a child's name: a path rule's without its map, which is its parent."""
    parts = model.short(address).split("/")
    if len(parts) > 2 and parts[1] == WARM:
        return f"{WARM}-{parts[2]}"
    return parts[-1]


def map_of(address: model.Address) -> str:
    """The logical id of the map in a path rule's address; "" for a warm one, which may lie in any."""
    return "" if is_warm(address) else model.short(address).split("/")[1]


def path_rule_address(owner: str, map_logical: str, logical_: str) -> model.Address:
    """owner: "namespace/gateway". The reverse of `logical_of` for a path rule in that map."""
    head, _, number = logical_.partition("-")
    if head == WARM and number.isdigit():
        return model.address(owner, PROVIDER, "path-rule", f"{WARM}/{number}")
    return model.address(owner, PROVIDER, "path-rule", f"{map_logical}/{logical_}")


def is_warm(address: model.Address) -> bool:
    """`path-rule/warm/<number>`: a map's logical id begins with its port, so none is "warm"."""
    parts = model.short(address).split("/")
    return len(parts) == 3 and parts[1] == WARM and parts[2].isdigit()
