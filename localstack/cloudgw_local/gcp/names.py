"""Names of resources: where a resource lives, its path, its link, and what a client wrote to mean it.

Everything that refers to a resource goes through `Place`, so that a full URL, a partial one and one with the
project's number are the same thing. It must never look whether a resource exists.
"""

from __future__ import annotations

import dataclasses
import re

from cloudgw_local import gcp

ROOT = "https://www.googleapis.com/compute/v1/"
HOST = re.compile(r"https?://(?:www\.googleapis\.com|compute\.googleapis\.com)/compute/(?:v1|beta)/(.*)")
PATH = re.compile(r"(?:projects/([^/]+)/)?(global|regions/[^/]+|zones/[^/]+)/([A-Za-z]+)/([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """`scope` is "global", "regions/europe-west1" or "zones/europe-west1-b"; `collection` is the same word in every
    scope ("urlMaps" is also regionUrlMaps)."""

    project: str
    scope: str
    collection: str
    name: str

    @property
    def path(self) -> str:
        return f"projects/{self.project}/{self.scope}/{self.collection}/{self.name}"

    @property
    def link(self) -> str:
        return ROOT + self.path

    @property
    def location(self) -> str:
        """The region's or zone's bare name, "" where global."""
        return self.scope.partition("/")[2]

    @property
    def region(self) -> str:
        """The bare name of the region it lies in, also for a zone; "" where global."""
        return self.location.rpartition("-")[0] if self.scope.startswith("zones/") else self.location


def is_full(text: str) -> bool:
    return HOST.fullmatch(text) is not None


def parse(text: str, project: str = gcp.PROJECT) -> Place | None:
    """The place that a full or partial URL means, for a caller in `project`; None when it means no resource."""
    full = HOST.fullmatch(text)
    found = PATH.fullmatch(full[1] if full else text.removeprefix("/"))
    if found is None or (full and found[1] is None):
        return None
    owner, scope, collection, name = found.groups()
    owner = owner or project
    return Place(project=gcp.PROJECT if owner == gcp.NUMBER else owner, scope=scope, collection=collection, name=name)
