"""The commit of everything but URL maps: all calls of a group first, then all their operations are awaited together.

`kinds_*` make their kinds here with `resource`; the engine calls the commit with exactly the changes to make. What one
change does is a generator that yields the operations it must wait for, so that a hundred inserts take as long as one,
and one that fails keeps none of the others but those that need it, which come when it has ended. A name that is taken
is adopted where its record says that it is this very incarnation, and is left alone otherwise. Every update begins with
a GET of its own and replaces exactly our members.
Bytes of certificates must never reach an exception, a log or a description.
cloud.google.com/compute/docs/api/how-tos/api-requests-responses#handling_api_responses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeAlias

from cloudgw.graph import model
from cloudgw.provider import Failed, Partial, Record, Session
from cloudgw_gcp import failures, names, shapes
from cloudgw_gcp.shapes_values import IdOf

Ids: TypeAlias = Mapping[str, str]
Json: TypeAlias = Mapping[str, Any]
Calls: TypeAlias = Generator[Any, None, None]
"""Yields operations; goes on when the last one succeeded, and gets its failure thrown in otherwise."""
Work: TypeAlias = Generator[Any, None, str]
"""The same; returns the path of what it made or changed."""
Settle: TypeAlias = Callable[[Session, model.Change, Json, IdOf], Calls]
"""settle(session, change, standing document, id_of): makes it as the change wants it, if it is not already."""
Secret: TypeAlias = Callable[[Session, model.Change], Json]
"""Members of the insert that are in no spec."""

HOPELESS = "throttled"  # the next call would fare no better, nor where none reaches Google
_HOLDER = re.compile(r"used by '([^']+)'")  # "projects/p/global/urlMaps/x", or "PROJECT:1/URL_MAP:x"


def group_of(where: model.Address, name: str, spec: model.Spec) -> str:  # noqa: ARG001
    """`<kind>:<namespace>/<gateway>`."""
    return f"{model.kind_of(where)}:{model.owner_of(where)}"


def resource(name: str, *, settle: Settle | None = None, secret: Secret | None = None, **rest: Any) -> model.Kind:
    """A kind of resource of its own. settle: how it is changed in place, by default with a PUT of the whole."""

    def commit(
        session: Session,
        group: str,  # noqa: ARG001
        observed: Sequence[model.Element],  # noqa: ARG001
        changes: Sequence[model.Change],
        ids: Ids,
    ) -> Mapping[str, str]:
        repaired = {own(change): _id(change) for change in changes if _is_repaired(change, changes)}
        left = [change for change in changes if own(change) not in repaired]
        works = [(change, _work(session, change, kind, settle or put, secret, ids)) for change in left]
        return _together(session, works, repaired)

    kind = model.Kind(name=name, commit=commit, group=group_of, **rest)
    return kind


def own(change: model.Change) -> str:
    """Key of the element that the change makes or alters."""
    return model.key_of(change.address, change.name)


def wanted(change: model.Change) -> model.Spec:
    assert change.after is not None
    return change.after.fields


def _id(change: model.Change) -> str:
    """The path of what an update or delete acts on."""
    assert change.before is not None
    return str(change.before.outputs["id"])


def _is_repaired(change: model.Change, changes: Sequence[model.Change]) -> bool:
    """A drifted incarnation has the name of the one that replaces it, and becomes that one by its creation."""
    plain = model.key_of(change.address, change.name.removesuffix(names.DRIFTED))
    return change.op == "delete" and plain != own(change) and any(c.op == "create" and own(c) == plain for c in changes)


def suffix_shown(kind: model.Kind, document: Json) -> str:
    """The suffix that the immutable values shown make: another than the record's where somebody changed them."""
    return model.suffix_of(kind, shapes.read(kind.name, document, _plain))


def put(session: Session, change: model.Change, standing: Json, id_of: IdOf) -> Calls:
    """The document with our members replaced, by `update`, with its fingerprint. Nothing where they are so already."""
    kind = model.kind_of(change.address)
    body = shapes.settled(kind, standing, wanted(change), id_of)
    if shapes.read(kind, body, _plain) != shapes.read(kind, standing, _plain):
        yield session.write.update(*names.place_of(standing["selfLink"]), body)


def label(session: Session, change: model.Change, standing: Json, id_of: IdOf) -> Calls:  # noqa: ARG001
    """The user's labels; those of others stay. An insert stores none."""
    found = names.with_user_labels(standing.get("labels"), wanted(change).get("labels"))
    if found != (standing.get("labels") or {}):
        body = {"labels": found, "labelFingerprint": standing.get("labelFingerprint") or ""}
        yield session.write.act(*names.place_of(standing["selfLink"]), "setLabels", body)


def _together(session: Session, works: Sequence[tuple[model.Change, Work]], before: Ids) -> Mapping[str, str]:
    """{element key: path} of all that succeeded, and `before`. Raises Partial with the first failure, once all have
    ended. A change that needs another one of these (a port is let go before it is taken) comes when that one is done;
    where that fails, it is not begun."""
    done = dict(before)
    failed: list[tuple[model.Change, Exception]] = []
    left, open_keys = list(works), {change.key for change, _ in works}
    while left and not any(_is_hopeless(problem) for _, problem in failed):
        ready = [(change, work) for change, work in left if not open_keys & set(change.needs)]
        if not ready:
            break
        _wave(session, ready, done, failed)
        left = [one for one in left if one not in ready]
        open_keys -= {change.key for change, _ in ready if own(change) in done}
    if not failed:
        return done
    change, cause = failed[0]
    if done or not isinstance(cause, Failed):
        raise Partial(cause, key=change.key, done=done) from cause
    raise cause


def _wave(
    session: Session,
    works: Sequence[tuple[model.Change, Work]],
    done: dict[str, str],
    failed: list[tuple[model.Change, Exception]],
) -> None:
    """All calls, then all ends, until none has more to do. Adds to `done` and `failed`."""
    turns: list[tuple[model.Change, Work, BaseException | None]] = [(change, work, None) for change, work in works]
    begun = False
    while turns:
        flying: list[tuple[model.Change, Work, Any]] = []
        for change, work, problem in turns:
            if not begun and failed and _is_hopeless(failed[-1][1]):
                break
            try:
                flying.append((change, work, work.throw(problem) if problem is not None else next(work)))
            except StopIteration as end:
                done[own(change)] = str(end.value)
            except Exception as exception:
                failed.append((change, exception))
        begun = True
        ends = session.write.wait([operation for _, _, operation in flying]) if flying else []
        turns = [(change, work, end) for (change, work, _), end in zip(flying, ends, strict=True)]


def _is_hopeless(problem: BaseException) -> bool:
    failure = failures.classify(problem)
    return failure is not None and (failure.why == HOPELESS or failure.code in failures.UNREACHABLE)


def _work(
    session: Session, change: model.Change, kind: model.Kind, settle: Settle, secret: Secret | None, ids: Ids
) -> Work:
    def id_of(reference: model.Ref) -> str:
        if reference.key not in ids:
            where = model.short(reference.to)
            raise Failed("not_ready", f"{where} has no id yet; it is made before what refers to it", key=change.key)
        return ids[reference.key]

    if change.op == "delete":
        return (yield from _delete(session, change, kind))
    if change.op == "create":
        path, is_new = yield from _insert(session, change, kind, secret, id_of)
        if is_new and not wanted(change).get("labels"):
            return path
        absent = Failed("not_ready", f"{path} is taken and not there; its deletion is awaited", key=change.key)
    else:
        path = _id(change)
        absent = Failed("gone", f"{path} does not exist any more; plan again", key=change.key)
    standing = session.read.get(*names.place_of(path))
    if standing is None:
        raise absent
    _check_ours(session, change, standing)
    yield from settle(session, change, standing, id_of)
    return path


def _insert(
    session: Session, change: model.Change, kind: model.Kind, secret: Secret | None, id_of: IdOf
) -> Generator[Any, None, tuple[str, bool]]:
    """(path, whether it was made now). A name that is taken is no failure yet."""
    assert change.after is not None
    spec = change.after.fields
    collection, place = shapes.collection(kind.name, spec), shapes.place(kind.name, spec, id_of)
    body = shapes.inserted(
        change.after, id_of, owner=session.owner, region=session.read.region, evidence=session.evidence
    )
    path = names.path(session.read.project, place, collection, body["name"])
    refused: Failed | None = None
    try:
        yield session.write.insert(collection, place, {**body, **(secret(session, change) if secret else {})})
    except Exception as problem:
        if failures.is_taken(problem):
            return path, False
        if secret is None or isinstance(problem, Failed):
            raise
        refused = _without_request(change, problem)
    if refused is not None:
        raise refused  # out here, so that it has no context: the SDK's exceptions hold the request
    return path, True


def _without_request(change: model.Change, problem: BaseException) -> Failed:
    failure = failures.classify(problem)
    if failure is None:
        return Failed("invalid", f"{model.short(change.address)} was refused before it was sent", key=change.key)
    return Failed(failure.why, failure.message, key=change.key)


def _delete(session: Session, change: model.Change, kind: model.Kind) -> Work:
    """What is absent is deleted already. What was repaired under the same name is not the one that was to go."""
    path = _id(change)
    standing = session.read.get(*names.place_of(path))
    if standing is None:
        return path
    record = _check_ours(session, change, standing)
    if change.name.endswith(names.DRIFTED) and suffix_shown(kind, standing) == record.suffix:
        return path
    session.write.pending.pop(path, None)  # what was begun on it matters no more
    try:
        yield session.write.delete(*names.place_of(path))
    except Exception as problem:
        if failures.is_absent(problem):
            return path
        strangers = _strange_holders(session, change, problem)
        if not strangers:
            raise
        raise Failed(
            "conflict",
            f"{model.short(change.address)} ({path}) is used by what is not ours: {', '.join(strangers)}; "
            "remove that, then it is deleted",
            key=change.key,
        ) from problem
    return path


def _strange_holders(session: Session, change: model.Change, problem: BaseException) -> list[str]:
    """Of those that a refusal names as users, the ones that do not bear the mark of this Gateway."""
    failure = failures.classify(problem)
    if failure is None or failure.why != "not_ready":
        return []
    ours = f"{names.PREFIX}-{names.mark(session.owner, model.owner_of(change.address))}-"
    holders = set(_HOLDER.findall(failures.told(problem)))
    return sorted(holder for holder in holders if not re.split("[/:]", holder)[-1].startswith(ours))


def _check_ours(session: Session, change: model.Change, standing: Json) -> Record:
    """The record; raises Failed where it is not that of this very incarnation."""
    record = names.record_in(standing, session.owner, session.read.region)
    mine = (change.address, change.name.removesuffix(names.DRIFTED))
    if record is not None and (record.address, record.suffix) == mine:
        return record
    raise Failed(
        "conflict",
        f"{names.path_of(standing['selfLink'])} exists and its description does not say that it is "
        f"{model.short(change.address)} of this owner{_whose(session, standing)}; it is left alone: delete it, or give "
        "this installation another owner id",
        key=change.key,
    )


def _whose(session: Session, standing: Json) -> str:
    """Whose the record says it is, where it is that of another placement or place."""
    said, region = names.members(standing.get("description")), session.read.region
    if said.get("owner") != session.owner:
        return ""
    if said.get("region", region) != region:
        return f", but of its placement in {said['region']}"
    return f", but a copy of one in {said[names.PLACE]}" if names.PLACE in said else ""


def _plain(path: str, _: Any) -> str:
    return path
