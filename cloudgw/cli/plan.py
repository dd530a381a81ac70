"""`cloudgw plan`: shows what apply would do. Never writes to a cloud; it holds no handle that could."""

from __future__ import annotations

import argparse

from cloudgw.cli import inventories, output, world
from cloudgw.sources import collector, manifests

NO_CHANGE, CHANGES, ERROR = 0, 2, 1


@collector.paused()
def run(options: argparse.Namespace) -> int:
    found = world.load(options)
    planned = found.planned()
    if options.save_snapshot:
        output.save(options.save_snapshot, manifests.dump(found.inputs.snapshot), "--save-snapshot")
    if options.save_inventory:
        text = inventories.dump([site.inventory for site in found.sites])
        output.save(options.save_inventory, text, "--save-inventory")
    document = found.document([item.plan for item in planned])
    output.show(document, options.output)
    output.errors(document)
    if found.errors:
        return ERROR
    return CHANGES if any(item.plan.changes for item in planned) else NO_CHANGE
