"""What a subscriber looks for in a message: its number, the patient and the visit, wherever the sender put them."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from simulators.base.wire import loads

NAMES: dict[str, tuple[str, ...]] = {  # the first that is found, the outermost first; `patient.id` says in what
    "number": ("message_no", "messageNo", "control_id", "controlId", "msgId", "number", "no"),
    "patient": ("patient_id", "patientId", "patient_no", "patientNo", "patient", "patient.id"),
    "visit": ("visit_no", "visitNo", "visit_id", "visitId", "visit", "visit.no"),
    "event": ("event", "messageType", "type"),
}
_LIMIT = 10_000  # places looked at


class Malformed(Exception):
    """Not a message: the text says why."""


@dataclass(frozen=True)
class Told:
    """One message as the subscriber understands it; "" for what is not there."""

    number: str
    patient: str
    visit: str
    event: str
    damaged: bool  # a replacement character (U+FFFD) stands where a character was lost


def read_json(body: bytes, names: Mapping[str, tuple[str, ...]]) -> Told:
    """A JSON object in UTF-8."""
    try:
        tree = loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as wrong:
        raise Malformed(f"不是UTF-8的JSON：{wrong}") from None
    if not isinstance(tree, dict):
        raise Malformed("应为JSON对象")
    return _told(list(_members(tree)), names, json.dumps(tree, ensure_ascii=False))


def read_xml(body: bytes, names: Mapping[str, tuple[str, ...]]) -> Told:
    """An XML document without DTD; elements and attributes by local name."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as wrong:
        raise Malformed(f"不是XML：{wrong}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise Malformed("不接受DTD")
    return _told(list(_elements(root)), names, etree.tostring(root, encoding="unicode"))


def _told(places: list[tuple[str, str]], names: Mapping[str, tuple[str, ...]], text: str) -> Told:
    first: dict[str, str] = {}
    for name, value in places:
        first.setdefault(name, value)
    found = {
        what: next((first[name] for name in wanted if first.get(name)), "") for what, wanted in names.items()
    }  # fmt: skip
    return Told(found["number"], found["patient"], found["visit"], found["event"], "\ufffd" in text)


def _members(tree: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every name with a plain value, level by level; inside another name also as `outer.name`."""
    level: deque[tuple[str, Any]] = deque([("", tree)])
    for _ in range(_LIMIT):
        if not level:
            return
        outer, node = level.popleft()
        for name, value in node.items() if isinstance(node, dict) else ((outer, one) for one in node):
            if isinstance(value, dict | list):
                level.append((name, value))
            elif isinstance(value, str | int) and not isinstance(value, bool):
                yield name, str(value)
                yield f"{outer}.{name}", str(value)


def _elements(root: etree._Element) -> Iterator[tuple[str, str]]:
    level: deque[tuple[str, etree._Element]] = deque([("", root)])
    for _ in range(_LIMIT):
        if not level:
            return
        outer, element = level.popleft()
        name = _local(element.tag)
        for attribute, value in element.attrib.items():
            yield _local(str(attribute)), str(value)
        if len(element):
            level.extend((name, child) for child in element)
        else:
            text = (element.text or "").strip()
            yield name, text
            yield f"{outer}.{name}", text


def _local(name: str) -> str:
    return name.rpartition("}")[2]
