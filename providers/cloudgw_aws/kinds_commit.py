"""What the commits of all kinds share: one change after the other, the record at creation, foreign children.

`kinds*` use it and nobody else. A commit must never call the cloud for a change that is not in its batch, and never
take along what is not ours: AWS deletes a load balancer's listeners and a listener's rules with it
(docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html, API_DeleteListener.html).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cloudgw.graph import model
from cloudgw.provider import Failed, Partial, Session
from cloudgw_aws import failures, names

Ids = Mapping[str, str]
Create = Callable[[Session, model.Change, Ids], str]
Update = Callable[[Session, model.Change, Ids], None]
Delete = Callable[[Session, model.Change], None]


def own(change: model.Change) -> str:
    """Key of the element that the change makes or alters."""
    return model.key_of(change.address, change.name)


def one_by_one(create: Create, update: Update | None, delete: Delete) -> model.Commit:
    """The commit of a kind whose elements are written alone."""

    def commit(
        session: Session,
        group: str,  # noqa: ARG001
        observed: Sequence[model.Element],  # noqa: ARG001
        changes: Sequence[model.Change],
        ids: Ids,
    ) -> Mapping[str, str]:
        done: dict[str, str] = {}
        for change in changes:
            try:
                if change.op == "create":
                    done[own(change)] = create(session, change, ids)
                elif change.op == "delete":
                    absent_is_done(delete, session, change)
                elif update is not None:
                    update(session, change, ids)
                else:
                    raise Failed("invalid", f"{model.short(change.address)} cannot be changed in place", key=change.key)
            except Exception as problem:
                if done or not isinstance(problem, Failed):
                    raise Partial(problem, key=change.key, done=done) from problem
                raise
        return done

    return commit


def absent_is_done(delete: Delete, session: Session, change: model.Change) -> None:
    """A delete of what is already gone is a success."""
    try:
        delete(session, change)
    except Exception as problem:
        if not failures.is_absent(problem):
            raise


def tags_for(session: Session, change: model.Change, extra: Mapping[str, str] | None = None) -> list[dict[str, str]]:
    """The record and what else is to be tagged, as AWS wants it."""
    tags = names.tags_of(session.owner, change.address, change.name, session.evidence) | dict(extra or {})
    return names.as_list(tags)


def wanted(change: model.Change) -> model.Spec:
    assert change.after is not None
    return change.after.fields


def id_of(change: model.Change) -> str:
    """The cloud's id of what an update or delete acts on."""
    assert change.before is not None
    return str(change.before.outputs["id"])


def resolve(value: Any, ids: Ids) -> str:
    """The cloud id behind a Ref; a literal id stays."""
    if not isinstance(value, model.Ref):
        return str(value)
    if value.key not in ids:
        raise Failed("not_ready", f"{model.short(value.to)} has no id yet; it is made before what refers to it")
    return ids[value.key]


def is_same(session: Session, change: model.Change, tags: Mapping[str, str]) -> bool:
    """The tags are those of this very incarnation of this owner."""
    record = names.ours(tags, session.owner)
    return record is not None and record.address == change.address and record.suffix == change.name


def refuse_taken(change: model.Change, what: str, name: str) -> Failed:
    return Failed(
        "conflict",
        f"{what} {name} exists and its tags do not say that it is {model.short(change.address)} of this owner; "
        "it is left alone: rename or delete it, or give this installation another owner id",
        key=change.key,
    )


def foreign_among(session: Session, tags: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """Which of these things are not ours."""
    return tuple(sorted(arn for arn, found in tags.items() if names.ours(found, session.owner) is None))


def guard_children(session: Session, change: model.Change, children: Sequence[str], what: str) -> None:
    """Right before a delete: raises when something that nobody approved would go along.

    children: ARNs below the thing. Ours among them have their own deletes, which come first.
    """
    if not children:
        return
    assert change.before is not None
    found = session.read.tags(children)
    foreign = foreign_among(session, {arn: found.get(arn, {}) for arn in children})
    unapproved = [arn for arn in foreign if arn not in change.before.outputs.get("foreign", ())]
    if unapproved:
        raise Failed(
            "conflict",
            f"{model.short(change.address)} still holds {what} that are not ours and would be deleted with it: "
            f"{', '.join(unapproved)}; remove them, or plan again and approve",
            key=change.key,
        )
    if len(foreign) < len(children):
        raise Failed("not_ready", f"{model.short(change.address)} still holds {what} of ours", key=change.key)
