"""What a rollout's Events are told to webhooks as: the same sentence, as JSON or as a CloudEvent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from meshsplit.api.modelsplit import API_VERSION
from meshsplit.api.wire import to_rfc3339
from meshsplit.rollout.payload import to_payload
from meshsplit.rollout.spec import NoticeFormat, NoticeSpec
from meshsplit.rollout.state import RolloutState
from meshsplit.rollout.turn import Event, Turn

JSON, CLOUD_EVENT = "application/json", "application/cloudevents+json"
EVENT_TYPE = "dev.meshsplit.rollout"
"""The type of a CloudEvent begins so, and ends with the reason."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to one address; `id` is the same whenever it is told again."""

    id: str
    to: NoticeSpec
    content_type: str
    body: Mapping[str, Any]


def make_notices(state: RolloutState, turn: Turn) -> tuple[Notice, ...]:
    """A message for every Event of the pass to everybody who is to be told."""
    wanted = turn.spec.canary.notify if turn.spec.canary is not None else ()
    return tuple(_make_notice(state, turn, event, to) for event in turn.events for to in wanted)


def _make_notice(state: RolloutState, turn: Turn, event: Event, to: NoticeSpec) -> Notice:
    time = to_rfc3339(datetime.fromtimestamp(turn.now, UTC))
    data = _make_data(state, turn, event)
    if to.format is NoticeFormat.WEBHOOK:
        return Notice(event.name, to, JSON, {"id": event.name, "time": time, **data})
    key = turn.group.key
    envelope = {
        "specversion": "1.0",
        "id": event.name,
        "source": f"/apis/{API_VERSION}/namespaces/{key.namespace}/modelsplits/{key.name}",
        "type": f"{EVENT_TYPE}.{event.reason}",
        "subject": state.id,
        "time": time,
        "datacontenttype": JSON,
        "data": data,
    }
    return Notice(event.name, to, CLOUD_EVENT, {name: value for name, value in envelope.items() if value})


def _make_data(state: RolloutState, turn: Turn, event: Event) -> dict[str, object]:
    """`text` is the whole message, for whoever shows a sentence and nothing else."""
    key = turn.group.key
    return {
        "text": f"{key.namespace}/{key.name} {event.reason}: {event.message}",
        "type": event.type,
        "reason": event.reason,
        "message": event.message,
        **to_payload(state, turn),
    }
