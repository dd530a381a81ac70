"""How many bytes the parts of one URL map take, guessed from above.

`build_quota` adds them up, because a URL map has a largest size and is refused whole beyond it
(cloud.google.com/load-balancing/docs/quotas, URL maps). Pure. A guess must never be too small: names have their longest
form, and a reference is a full link. Sizes in bytes of compact JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cloudgw_gcp import build_actions, build_maps, build_rewrites, facts

NAME = 63  # cloud.google.com/compute/docs/naming-resources
LINK = "https://www.googleapis.com/compute/v1/projects//regions//backendServices/"
FRONT = 2_000  # the map's own members, with its record
WARM = 5_000  # rules that hold what is not attached yet
# names of members, quotes and brackets of
MATCHER = 280  # a path matcher with its default, and its host rule
RULE = 120  # a route rule: description without the logical id, priority
MATCH = 30  # a match rule
VALUES = 30  # its list of headers, or of parameters
VALUE = 55  # one of these
ABORT = 110
REDIRECT = 190
REWRITE = 80
TIMEOUT = 70
SHARE = 60  # a weighted backend service
EDITS = 120  # a header action
HEADER = 60  # a header that is set


def reference(network: facts.Network) -> int:
    """A link to a backend service, with its quotes."""
    return len(LINK) + len(network.project) + len(network.place) + NAME + 2


def matcher(one: build_maps.Map, network: facts.Network) -> int:
    """Without its route rules."""
    hosts = sum(len(host) + 3 for host in one.hosts)
    return MATCHER + 2 * NAME + len(one.logical) + hosts + reference(network)


def row(found: build_maps.Row, one: build_maps.Map, network: facts.Network) -> int:
    """A route rule with all that it says."""
    size = RULE + len(one.logical) + len(found.id) + sum(_match(match) for match in found.matches)
    to, value = found.to, _length(found.step.value)
    if isinstance(to, build_actions.Lead):
        return size + REDIRECT + value + len(to.host or "")
    if not isinstance(to, build_actions.Send):
        return size + ABORT + reference(network)
    size += REWRITE + value + len(to.host or "") if to.host or found.step.how else 0
    size += (ABORT if to.abort else 0) + (TIMEOUT if to.timeout else 0) + _edits(to.request) + _edits(to.response)
    return size + sum(SHARE + reference(network) + _edits(one.request) + _edits(one.response) for one in to.shares)


def _match(match: Mapping[str, Any]) -> int:
    size = MATCH + _length(match["path"][1])
    for values in (match["headers"], match["query"]):
        size += VALUES if values else 0
        size += sum(VALUE + _length(name) + _length(value) for name, _, value, *_ in values)
    return size


def _edits(edits: build_rewrites.Edits | None) -> int:
    return EDITS + _length(edits) + HEADER * (len(edits["set"]) + len(edits["add"])) if edits else 0


def _length(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())
