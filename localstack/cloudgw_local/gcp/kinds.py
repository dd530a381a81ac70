"""All kinds of resources by their collection. `resources` and `server` ask here; the rules are the modules' own."""

from __future__ import annotations

import collections.abc

from cloudgw_local.gcp import balancing, kind, network, urlmaps

KINDS: collections.abc.Mapping[str, kind.Kind] = {
    one.collection: one for one in (*network.KINDS, *balancing.KINDS, *urlmaps.KINDS)
}
