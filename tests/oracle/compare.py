"""cloudgw's answers against the oracle's, over generated worlds: `python -m tests.oracle.compare --worlds 2000`.

Prints each kind of difference once with the seed that shows it, and exits 1 when there is one. Must never repair or
explain an answer: what the two say is all that counts (`translate` puts both in the same words).
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import functools
import json
import pprint
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from tests.oracle import generate, matches, specification, translate
from tests.oracle.matches import Request
from tests.oracle.specification import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One call that the two answer differently. call: the Request or Connection as a dict."""

    seed: int
    gateway: tuple[str, str]
    call: dict[str, Any]
    oracle: Answer
    product: Answer

    @property
    def sort(self) -> str:
        """What differs, coarsely: differences of one sort mostly have one cause."""
        kinds = f"{_brief(self.oracle)} / {_brief(self.product)}"
        if self.oracle["kind"] != self.product["kind"]:
            return kinds
        mine, other = plain(self.oracle), plain(self.product)
        names = sorted(name for name in mine if mine[name] != other.get(name))
        parts: set[str] = set()
        if names == ["shares"] and len(self.oracle["shares"]) == len(self.product["shares"]):
            for mine, other in zip(self.oracle["shares"], self.product["shares"], strict=True):
                parts |= {name for name in mine if mine[name] != other.get(name)}
        return f"{kinds}: {', '.join(names)}" + (f" ({', '.join(sorted(parts))})" if parts else "")


def _brief(answer: Answer) -> str:
    return " ".join(str(answer[name]) for name in ("kind", "status") if name in answer)


def differences(seed: int, requests: int) -> tuple[int, list[Difference]]:
    """(how many calls were compared, the differences) of one world."""
    scene = generate.scene(seed, requests)
    routings = translate.routings(scene.objects)
    sites = {gateway: specification.read(scene.objects, gateway) for gateway in scene.gateways}
    pairs: list[tuple[tuple[str, str], Any, Answer, Answer]] = []
    for gateway, request in scene.requests:
        mine = as_heard(specification.answer_at(sites[gateway], request), request)
        pairs.append((gateway, request, mine, as_heard(translate.ask(routings.get(gateway), request), request)))
    for gateway, call in scene.connections:
        mine = specification.connect_at(sites[gateway], call.port, call.protocol, call.sni)
        pairs.append((gateway, call, mine, translate.connect(routings.get(gateway), call)))
    found = []
    for gateway, call, mine, product in pairs:
        if plain(mine) != plain(product):
            found.append(Difference(seed=seed, gateway=gateway, call=asdict(call), oracle=mine, product=product))
    return len(pairs), found


def as_heard(answer: Answer, request: Request) -> Answer:
    """What both may say in two ways that mean the same to the client. gRPC makes UNIMPLEMENTED of a 404 ("HTTP to gRPC
    Status Code Mapping"); lists of CORS may have blanks; where all is allowed, "*" means what was asked for; in a
    preflight's answer what nobody asked for says nothing."""
    if answer == {"kind": "status", "status": 404} and matches.is_grpc(request):
        return {"kind": "grpc", "status": "UNIMPLEMENTED"}
    sent = {name.lower(): value for name, value in request.headers}
    if answer["kind"] == "cors":
        headers = _cors(answer["headers"], sent)
        if "access-control-request-headers" not in sent:
            headers.pop("access-control-allow-headers", None)
        headers.pop("access-control-expose-headers", None)
        return {**answer, "headers": headers}
    if answer["kind"] == "forward":
        shares = [
            {**share, "response": sorted(_cors(dict(share["response"]), sent).items())} for share in answer["shares"]
        ]
        return {**answer, "shares": shares}
    return answer


def _cors(headers: dict[str, str], sent: dict[str, str]) -> dict[str, str]:
    found = {
        name: value.replace(", ", ",") if name.startswith("access-control-") else value
        for name, value in headers.items()
    }
    if found.get("access-control-allow-origin") == "*":
        found["access-control-allow-origin"] = sent.get("origin", "*")
    for asked in ("method", "headers"):
        allowed = f"access-control-allow-{asked}".replace("method", "methods")
        if found.get(allowed) == "*":
            found[allowed] = sent.get(f"access-control-request-{asked}", "*")
    return found


def plain(answer: Answer) -> Any:
    """The answer as JSON knows it: tuples and lists are the same, mirrors and shares are in one order."""
    found = json.loads(json.dumps(answer))
    for name in ("mirrors", "shares"):
        if name in found:
            found[name] = sorted(found[name], key=json.dumps)
    return found


def _many(seeds: range, requests: int) -> tuple[int, list[Difference]]:
    count, found = 0, []
    for seed in seeds:
        compared, different = differences(seed, requests)
        count += compared
        found += different
    return count, found


def sweep(first: int, worlds: int, requests: int, jobs: int) -> tuple[int, list[Difference]]:
    """Compare worlds `first` to `first + worlds - 1` on several processes; (calls, differences in order of seed)."""
    chunks = list(_chunks(range(first, first + worlds), 25))
    work = functools.partial(_many, requests=requests)
    if jobs == 1:
        results = [work(chunk) for chunk in chunks]
    else:
        with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
            results = list(pool.map(work, chunks))
    return sum(count for count, _ in results), [one for _, found in results for one in found]


def _chunks(seeds: range, size: int) -> Iterator[range]:
    for start in range(0, len(seeds), size):
        yield seeds[start : start + size]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--worlds", type=int, default=2000)
    parser.add_argument("--requests", type=int, default=50, help="of each world")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    start = time.monotonic()
    count, found = sweep(options.first, options.worlds, options.requests, options.jobs)
    sorts: dict[str, list[Difference]] = collections.defaultdict(list)
    for difference in found:
        sorts[difference.sort].append(difference)
    for sort, several in sorted(sorts.items(), key=lambda item: -len(item[1])):
        print(f"\n{len(several)} times {sort}; first in world {several[0].seed}:")
        pprint.pp(asdict(several[0]), width=120)
    print(
        f"\n{count} calls compared in {time.monotonic() - start:.0f} s, {len(found)} differences of {len(sorts)} sorts"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
