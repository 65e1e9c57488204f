"""Interface lists: `lists/PARTY.yaml`, every scalar a text.

`given`: what a test platform hands out (persons, items); a file of the tester replaces any of it. `steps`, in order:

    - op: "1101"                       # an operation of the party
      number: msgid                    # our number it carries: msgid, serial, order (any other), $kept, or none
      send: {data: {psn_no: $psn_no}}  # $name: given or kept; $number; $int 12; $now FORMAT; $later SECONDS FORMAT
      outcome: accepted                # what the party's outcome table makes of the answer: one or several
      code: ["0"]                      # or the answer's own codes
      answer: {baseinfo.psn_no: text 30}
      keep: {psn_no: baseinfo.psn_no}  # out of the answer, for later steps; `number` keeps our own
      session: {sign_no: …}            # kept as values of the sign-in
      needs: codepay                   # a setting of the connection that must be on; else the step is left out
    - person: {zh: 扫码付款, en: pay the QR, act: {act: pay, no: $order}}   # somebody outside does something
      # and `keep: {auth: pay_auth_no}` in it: what he gets by it, from a simulator's answer or told by the tester
    - wait: 3                          # seconds
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from engine.conformance import LISTS
from engine.conformance.forms import Form, form_of

_SAME = {"his_soap": "his"}
_STEP = frozenset({"op", "title", "title_en", "number", "send", "outcome", "code", "answer", "keep", "session",
                   "needs"})  # fmt: skip


class BadList(ValueError):
    """A list, or a tester's file of values, that cannot be used; the text says where."""


@dataclass(frozen=True, slots=True)
class Interface:
    """One call of the list."""

    op: str
    title: str
    title_en: str
    number: str
    send: Any
    outcome: tuple[str, ...]
    code: tuple[str, ...]
    answer: Mapping[str, str]
    keep: Mapping[str, str]
    session: Mapping[str, str]
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody outside must do something now; a simulator does it by `act`. `keep`: a value he gets by it, and the name
    it has in the simulator's answer."""

    zh: str
    en: str
    act: Mapping[str, Any] = field(default_factory=dict)
    keep: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wait:
    """So many seconds."""

    seconds: float


Step = Interface | Person | Wait


@dataclass(frozen=True, slots=True)
class InterfaceList:
    """One party's whole list."""

    party: str
    title: str
    title_en: str
    given: Mapping[str, Any]
    steps: tuple[Step, ...]


def list_of(kind: str) -> str:
    """The name of a kind's list: one HIS may be reached in two styles."""
    return _SAME.get(kind, kind)


def read_list(party: str) -> InterfaceList:
    """The list of a party; BadList when it has a mistake, KeyError when there is none."""
    path = LISTS / f"{list_of(party)}.yaml"
    if not path.exists():
        raise KeyError(party)
    tree = read_yaml(path.read_text(encoding="utf-8"), path.name)
    steps = tuple(_step(one, f"{path.name} step {at}") for at, one in enumerate(tree["steps"], 1))
    return InterfaceList(party, tree["title"], tree["title_en"], tree.get("given") or {}, steps)


def read_yaml(text: str, name: str) -> dict[str, Any]:
    """A mapping whose scalars are all texts."""
    try:
        tree = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - BaseLoader makes texts only
    except yaml.YAMLError as wrong:
        raise BadList(f"{name}: {wrong}") from None
    if not isinstance(tree, dict):
        raise BadList(f"{name}: a mapping is needed")
    return tree


def _step(one: Mapping[str, Any], where: str) -> Step:
    if "wait" in one:
        return Wait(float(one["wait"]))
    if "person" in one:
        person = one["person"]
        return Person(person["zh"], person["en"], person.get("act") or {}, person.get("keep") or {})
    if unknown := one.keys() - _STEP:
        raise BadList(f"{where}: {', '.join(sorted(unknown))}?")
    for text in (one.get("answer") or {}).values():
        _form(text, where)
    return Interface(
        one["op"], one.get("title", ""), one.get("title_en", ""), one.get("number", ""), one.get("send") or {},
        _several(one.get("outcome", "accepted")), _several(one.get("code", ())), one.get("answer") or {},
        one.get("keep") or {}, one.get("session") or {}, one.get("needs", ""),
    )  # fmt: skip


def _several(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _form(text: str, where: str) -> Form:
    try:
        return form_of(text)
    except ValueError as wrong:
        raise BadList(f"{where}: {wrong}") from None
