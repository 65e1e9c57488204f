"""What to type: to change the configuration, and about a task, where what a settlement stands still for is decided and
the rest is closed when it is done."""

from __future__ import annotations

from collections.abc import Mapping

from engine.saga.case import CaseState


def commands(task: int, no: str | None, state: str, waits: Mapping[int, str]) -> tuple[str, ...]:
    """The commands in their order. `no`: its settlement, None for none; `state`: that settlement's; `waits`: its legs
    that wait for a person's word, id → call."""
    if no is None:
        return (close_command(task),)
    last = resolve_command(no, waits) if state == CaseState.MANUAL or waits else close_command(task)
    return f"engine show {no}", last


def resolve_command(no: str, waits: Mapping[int, str]) -> str:
    """With a word to be filled in for each leg."""
    return " ".join((f'engine resolve {no} --by … --reason "…"', *(f"--leg {leg}=…" for leg in waits)))


def close_command(task: int) -> str:
    """For what a person has done, or what needs nobody."""
    return f'engine tasks close {task} --by … --reason "…"'


def apply_command(base: str = "") -> str:
    """To take the folder as it lies there; `base`: the version it is said to be made from, "" when the folder says
    it."""
    return f'engine apply{f" --base {base[:12]}" if base else ""} --by … --reason "…"'


def rollback_command(seq: int, version: str) -> str:
    """To go back to a line of the history; the command takes lines of up to five digits."""
    return f'engine rollback {seq if seq < 100_000 else version[:12]} --by … --reason "…"'


def resend_command(message: int) -> str:
    """To send a message of a deliver channel again: a dead letter under its own number, others under a new one."""
    return f'engine messages resend {message} --by … --reason "…"'


def body_command(no: str) -> str:
    """To take a message's true text out into a file."""
    return f'engine messages body {no} --out … --by … --reason "…"'


def discard_command(message: int) -> str:
    """To give a dead letter up; what waits behind it goes on."""
    return f'engine messages discard {message} --by … --reason "…"'


def replay_command(channel: str, state: str) -> str:
    """To send many again; only counted while `--dry-run` stands there."""
    return f'engine replay {channel or "…"} --state {state or "dead"} --dry-run --by … --reason "…"'


def resume_command(name: str) -> str:
    """To let a channel or party go on that a person stopped."""
    return f'engine resume {name} --by … --reason "…"'
