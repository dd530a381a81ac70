"""`cloudgw destroy`: deletes what was made for the Gateways it is given; naming them is the word for it.

Works without class, parameters, Secret or route, as long as a placement is known. What is not ours is never deleted:
where it pins something of ours, that waits and the foreign thing is named.
"""

from __future__ import annotations

import argparse
import re

from cloudgw.cli import acting, world
from cloudgw.cli.problem import Problem
from cloudgw.graph import model
from cloudgw.objects import Note
from cloudgw.plan import check
from cloudgw.provider import Placement

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


def run(options: argparse.Namespace) -> int:
    named = frozenset(options.gateways)
    _check(options, named)
    found = world.load(options, needed=False, destroy=(lambda site: standing(site) if options.all else named))
    there = frozenset().union(*(standing(site) for site in found.sites))
    for gateway in sorted(named - there):
        if gateway in found.survey.routings:
            message = f"Gateway {gateway}: nothing of it stands"
            found.notes.append(Note(level="info", code="NothingStands", message=message))
        elif not found.errors:
            known = f"standing: {', '.join(sorted(there))}" if there else "nothing of this owner stands"
            places = ", ".join(str(site.placement) for site in found.sites)
            message = (
                f"Gateway {gateway}: nothing of it stands in {places} under owner {found.owner}, and it is not in the "
                f"input; {known}; check the name, --owner and the placements"
            )
            found.errors.append(Note(level="error", code="NoSuchGateway", message=message))

    def word_of(gateway: str, _: Placement) -> check.Word:
        return check.Word(destroy=options.all or gateway in named)

    return acting.act(found, word_of, options, allow_incomplete=True, destroying=True)


def _check(options: argparse.Namespace, named: frozenset[str]) -> None:
    if options.all and named:
        raise Problem("--all and names together: give either")
    if not options.all and not named:
        raise Problem("which Gateways? name them as NAMESPACE/NAME, or give --all for every one of this owner")
    for name in sorted(named):
        if not NAME.fullmatch(name):
            raise Problem(f"{name!r} is no Gateway: write NAMESPACE/NAME, such as shop/edge")


def standing(site: world.Site) -> frozenset[str]:
    """Gateways of which something of ours is seen."""
    return frozenset(model.owner_of(where) for where in site.observed.elements)
