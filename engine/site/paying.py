"""Every way of paying that a channel accepts is charged, refused, or said to need no charge.

A kind that the schema of a pay choice lets in and no step knows would walk past all payment steps and settle unpaid.
Conditions are asked with nothing known but the kind: CEL's own logic then says yes, no, or that more must be known.
"""

from __future__ import annotations

import re
from typing import Any

from engine.config.channel import ChannelFile
from engine.config.channel_rows import StepRow
from engine.config.problems import nearest
from engine.pipeline.condition import Condition, ConditionFailed, compile_condition
from engine.site.parts import Parts

KIND = "kind"  # the field of a pay choice that says how to pay
_NONE = "\0"  # a kind that no condition can name
_ASKED = re.compile(r"\b(?:present\('(?!hospital\.)[^']*'\)|has\((?!hospital\.)[^()]*\))")


def check_paying(parts: Parts) -> None:
    """Every await whose event has a `kind`; problems are noted in `parts`."""
    for channel in parts.channels.values():
        for at, step in enumerate(channel.steps):
            if step.verb == "await":
                misplaced = tuple(one for one in channel.steps[:at] if one.word("again") == step.name)  # told as E311
                _choice(parts, channel, step, (*misplaced, *channel.steps[at + 1 :]))


def _choice(parts: Parts, channel: ChannelFile, choice: StepRow, after: tuple[StepRow, ...]) -> None:
    hear = next((one for one in channel.hears if one.event == choice.name and one.request is not None), None)
    schema = parts.schemas.get(str(hear.schema)) if hear is not None else None
    properties = schema.content.get("properties") if schema and isinstance(schema.content, dict) else None
    if hear is None or hear.schema is None or not isinstance(properties, dict) or KIND not in properties:
        return
    kinds, free = _kinds(properties[KIND]), choice.values.get("without_step") or ()
    if kinds is None:
        parts.wrong("E423", hear.schema.mark, schema=hear.schema, field=KIND)
        return
    for word in free:
        if word not in kinds:
            parts.wrong("E422", word.mark, kind=word, schema=hear.schema, hint=nearest(word, kinds))
    flow = _After(parts, channel, str(choice.name), after)
    for kind in kinds:
        if kind not in free and not flow.charged(kind) and not flow.refused(kind):
            parts.wrong("E421", choice.name.mark, kind=kind, schema=hear.schema, name=choice.name)


def _kinds(rule: Any) -> list[str] | None:
    """The words a field may be; None when it may be any."""
    if not isinstance(rule, dict):
        return None
    words = [rule["const"]] if "const" in rule else rule.get("enum")
    return [word for word in words if isinstance(word, str)] if isinstance(words, list) else None


class _After:
    """The steps after a pay choice, asked what they do with a kind."""

    def __init__(self, parts: Parts, channel: ChannelFile, event: str, steps: tuple[StepRow, ...]) -> None:
        self.parts, self.channel, self.event, self.steps = parts, channel, event, steps
        self.lets = [(str(name), _compiled(text)) for name, text in channel.let.items()]

    def charged(self, kind: str) -> bool:
        """A payment step may run for it (one that returns to this await), or a step made for just such kinds."""
        for step in self.steps:
            if step.verb != "do" or self.holds(step, kind) is False:
                continue
            if step.word("again") == self.event or self.holds(step, _NONE) is False:
                return True
        return False

    def refused(self, kind: str) -> bool:
        """A check that runs in any case says no, whatever else there is."""
        names = self.names(kind)
        return any(
            _answer(row.that, names) is False
            for step in self.steps
            if step.verb in ("check", "work") and self.holds(step, kind) is True
            for name in step.maps
            if name in self.parts.maps
            for row in self.parts.maps[name].checks
        )

    def holds(self, step: StepRow, kind: str) -> bool | None:
        """Whether a step's `if` holds for a kind; None when more must be known."""
        text = step.word("if")
        return True if text is None else _answer(_compiled(text), self.names(kind))

    def names(self, kind: str) -> dict[str, Any]:
        hospital = self.parts.engine.hospital if self.parts.engine is not None else {}
        names: dict[str, Any] = {self.event: {KIND: kind}, "hospital": hospital}
        for name, condition in self.lets:
            held = _answer(condition, names)
            if held is not None:
                names[name] = held
        return names


def _compiled(text: Any) -> Condition | None:
    """The condition, where what asks for presence is not known instead of absent."""
    made = compile_condition(_ASKED.sub("not_known_here", str(text)), text.mark)
    return made if isinstance(made, Condition) else None


def _answer(condition: Condition | None, names: dict[str, Any]) -> bool | None:
    try:
        return None if condition is None else condition.test(names)
    except ConditionFailed:
        return None

