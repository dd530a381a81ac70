"""Names, descriptions and labels: how an address becomes a cloud name, and how the record is written and read back.

`kinds*` and `document` write them, `observe` reads them. Most resources have no labels, and labels sent with an insert
are not stored, so the record is JSON in `description`, which every insert takes and nothing changes afterwards
(cloud.google.com/compute/docs/reference/rest/v1/urlMaps). Names are 1 to 63 characters of
`[a-z]([-a-z0-9]*[a-z0-9])?` (cloud.google.com/compute/docs/naming-resources): they are only short, legal and stable,
and give nothing back. Ids are paths, "projects/p/global/urlMaps/x": links are shown with more than one host and
version. Pure; must never need anything but what it is given.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloudgw.graph import model
from cloudgw.provider import Failed, Record

PROVIDER = "gcp"
PREFIX = "cgw"
VERSION = 1

FORMAT = "cloudgw"  # member of the record that says its version
PLACE = "place"  # member of the record: where the thing was made, so that a copy elsewhere is its maker's
PARENT = "parent"  # extra member of the record: the incarnation of the address that the thing was made for
NETWORK, SUBNETWORK = "network", "subnetwork"  # address, forwarding rule: Google does not show all it was given
SECURE = "secure"  # URL map: "true" behind HTTPS proxies
FINGERPRINT = "fingerprint"  # certificate: of the Secret that it was made of
LABEL_KEYS = "cloudgw-keys"  # label that remembers the keys of the user's labels that we wrote
RESERVED = "cloudgw-"  # begins keys of labels that no user may ask for

DRIFTED = "-drifted"  # ends the name of an incarnation whose content is not what its suffix was made of
WARM = "warm"  # route rules that only attach a backend service: logical id "<port>/*/warm.<number>"
SLUG = 30
MATCHER_SLUG = 40
LABEL_LIMIT = 63  # cloud.google.com/compute/docs/labeling-resources#requirements: characters of a key, and of a value
KEY_HASH = 6  # characters per remembered key

GLOBAL = "global"
LINKS = "https://www.googleapis.com/compute/v1/"  # begins every link that the API shows
_LINK = re.compile(r"(?:^|/)(projects/[^/]+/(?:global|(?:regions|zones)/[^/]+)/[A-Za-z]+/[^/?#]+)$")
_ZONE = re.compile(r".+[0-9]-[a-z0-9]+")  # a region and one word more
_CHILD = re.compile(r"cloudgw ([a-z-]+)/(.+)@([a-z2-7]{10})")


@dataclass(frozen=True, slots=True)
class Child:
    """What the description of a part of a URL map says: which kind, which logical id, which incarnation."""

    kind: str
    logical: str
    suffix: str


def _short(text: str, characters: int) -> str:
    return base64.b32encode(hashlib.sha256(text.encode()).digest())[:characters].decode().lower()


def _slug(text: str, limit: int) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:limit].strip("-") or "x"


def mark(owner_id: str, gateway: str) -> str:
    """8 characters that tell the Gateways ("namespace/name") of all owners apart: a listing filters by them."""
    return _short(f"{owner_id}\n{gateway}", 8)


def resource_name(owner_id: str, address: model.Address, suffix: str, region: str) -> str:
    """`cgw-<mark8>-<slug>-<hash8>-<suffix10>`, at most 63 characters. The slug is for people only.

    region: of the placement, because global resources of two placements of one Gateway lie side by side.
    """
    people = model.owner_of(address)
    logical = model.short(address).partition("/")[2]
    slug = f"{_slug(people.partition('/')[2], SLUG // 2 - 1)}-{_slug(logical, SLUG // 2)}"
    digest = _short(f"{owner_id}\n{address}\n{region}", 8)
    return f"{PREFIX}-{mark(owner_id, people)}-{slug}-{digest}-{suffix.removesuffix(DRIFTED)}"


def record_text(
    owner_id: str,
    address: model.Address,
    suffix: str,
    evidence: Mapping[str, str],
    region: str,
    extra: Mapping[str, str] | None = None,
) -> str:
    """The record, as the description of the inserting call.

    evidence: "cluster" and "gateway:<ns>/<name>" -> UID, where known. region: of the placement; global resources of a
    Gateway belong to one placement too. extra: PLACE ("global", a region or a zone), without which it is nobody's, and
    what else must be read back and Google does not keep (PARENT ...).
    """
    found: dict[str, Any] = {
        FORMAT: VERSION,
        "owner": owner_id,
        "address": address,
        "suffix": suffix.removesuffix(DRIFTED),
        "region": region,
        "cluster": evidence.get("cluster", ""),
        "gateway": evidence.get(f"gateway:{model.owner_of(address)}", ""),
        **(extra or {}),
    }
    kept = {key: value for key, value in found.items() if value}
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False)


def members(description: str | None) -> dict[str, str]:
    """All members of a record, the extra ones too, as text; {} for what is no record or of an unknown version."""
    if not description or not description.startswith("{"):
        return {}
    try:
        found = json.loads(description)
    except (ValueError, RecursionError):  # anybody may write a description
        return {}
    if not isinstance(found, dict) or found.get(FORMAT) != VERSION:
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)}


def record_of(description: str | None) -> Record | None:
    """The record in a description; None when there is none, it does not parse, or its version is not known."""
    found = members(description)
    owner, address, suffix = found.get("owner", ""), found.get("address", ""), found.get("suffix", "")
    parts = address.split("/", 4)
    if not owner or not suffix or len(parts) != 5 or not all(parts) or parts[2] != PROVIDER:
        return None
    return Record(
        owner=owner,
        address=address,
        suffix=suffix,
        cluster=found.get("cluster", ""),
        gateway=found.get("gateway", ""),
    )


def ours(description: str | None, owner_id: str, region: str) -> Record | None:
    """The record, where it says that the thing is the owner's and of this placement."""
    found = record_of(description)
    if found is None or found.owner != owner_id or members(description).get("region", "") != region:
        return None
    return found


def record_in(document: Mapping[str, Any], owner_id: str, region: str) -> Record | None:
    """The record of a GET document, where it says that the thing is the owner's, of this placement, and this very one:
    it lies where it was made and has the name that goes with the record. A copy elsewhere is its maker's."""
    description = document.get("description")
    found = ours(description, owner_id, region)
    if found is None or members(description).get(PLACE) != place_of(str(document.get("selfLink") or ""))[1]:
        return None
    named = resource_name(owner_id, found.address, found.suffix, region)
    return found if document.get("name") == named else None


def child(kind: str, logical: str, suffix: str) -> str:
    """The description of a path matcher or route rule: "cloudgw path-matcher/80/shop.example@abcdefghij"."""
    return f"cloudgw {kind}/{logical}@{suffix.removesuffix(DRIFTED)}"


def read_child(description: str | None) -> Child | None:
    """The reverse of `child`; None for a description that it cannot have made."""
    found = _CHILD.fullmatch(description or "")
    return Child(found[1], found[2], found[3]) if found is not None else None


def matcher_name(logical: str, suffix: str) -> str:
    """The name of a path matcher within its URL map, at most 63 characters. The slug is for people only."""
    plain = suffix.removesuffix(DRIFTED)
    return f"{PREFIX}-{_slug(logical.replace('*', 'any'), MATCHER_SLUG)}-{_short(f'{logical}@{plain}', 10)}"


def path_of(link: str) -> str:
    """ "projects/p/global/urlMaps/x" of a full link of any host and version; what is none stays."""
    found = _LINK.search(link)
    return found[1] if found is not None else link


def link_of(path: str) -> str:
    """The full link of a path; a link stays. Backends of a backend service take no partial one."""
    return path if "://" in path else f"{LINKS}{path}"


def path(project: str, place: str, collection: str, name: str) -> str:
    """place: "global", a region or a zone. collection: without "region" and "global", the same word for all places."""
    if place == GLOBAL:
        return f"projects/{project}/{GLOBAL}/{collection}/{name}"
    scope = "zones" if _ZONE.fullmatch(place) else "regions"
    return f"projects/{project}/{scope}/{place}/{collection}/{name}"


def place_of(path_or_link: str) -> tuple[str, str, str]:
    """(collection, place, name), as calls take them. Raises Failed for what names no resource of a project."""
    parts = path_of(path_or_link).split("/")
    if len(parts) == 5 and parts[2] == GLOBAL:
        return parts[3], GLOBAL, parts[4]
    if len(parts) == 6 and parts[2] in ("regions", "zones"):
        return parts[4], parts[3], parts[5]
    raise Failed("unknown", f"{path_or_link} is no link to a resource of Compute Engine; report it")


def user_labels(labels: Mapping[str, str] | None) -> dict[str, str]:
    """Those labels of a resource that the user asked us for."""
    asked = _remembered(labels or {})
    return {key: value for key, value in sorted((labels or {}).items()) if _short(key, KEY_HASH) in asked}


def with_user_labels(labels: Mapping[str, str] | None, wanted: Mapping[str, str] | None) -> dict[str, str]:
    """The labels of a resource with the user's replaced by `wanted`; labels of anybody else stay.

    A value has 63 characters of the alphabet of keys, so there is no room for the keys and nothing to part them by: a
    hash of each is remembered, ten in a label, in `cloudgw-keys`, `cloudgw-keys-2` ...
    """
    before = user_labels(labels)
    kept = {key: value for key, value in (labels or {}).items() if key not in before and not _is_memory(key)}
    if not wanted:
        return kept
    text = "".join(sorted(_short(key, KEY_HASH) for key in wanted))
    size = LABEL_LIMIT // KEY_HASH * KEY_HASH
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    memory = {LABEL_KEYS if n == 1 else f"{LABEL_KEYS}-{n}": part for n, part in enumerate(parts, 1)}
    return {**kept, **wanted, **memory}


def _remembered(labels: Mapping[str, str]) -> frozenset[str]:
    """Hashes of the keys that we wrote."""
    texts = [value for key, value in labels.items() if _is_memory(key)]
    return frozenset(text[at : at + KEY_HASH] for text in texts for at in range(0, len(text), KEY_HASH))


def _is_memory(key: str) -> bool:
    return re.fullmatch(rf"{LABEL_KEYS}(-[0-9]+)?", key) is not None
