"""The wire of the platform: fields of fixed length, counted in GBK bytes. Written by hand, so that a mistake of the
engine's codec cannot hide here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

SIZE = 4096
BEGIN, END = b"SSSS", b"ZZZZ"
CODECS = {"GBK": "gbk", "GB18030": "gb18030"}
BODY_AT, TRAILER_AT = 226, 3992
# name, bytes, kind: C text on the left, N digits on the right behind their sign, D date, T moment
HEADER = "received 16T; type 5C; back 5C; hospital 5C; terminal 10C; verify 64C; operator 10C; version 7C; reserve 100C"
_PERSON = (
    "person_no 16C; id_no 18C; name 20C; sex 1C; birth 8D; unit_no 10C; unit_name 60C; area 20C; kind 20C;"
    "hospital1 5C; hospital1_kind 1C; hospital2 5C; hospital2_kind 1C; hospital3 5C; hospital3_kind 1C;"
    "stay_hospital 60C; stay_kind 20C; stay_from 8D; stay_no 16C; months 12C; signed_with 5C; signed_kind 1C;"
    "signed_from 8D; signed_to 8D; treated_from 8D; treated_to 8D"
)
_CERTIFICATE = "no{0} 16C; disease{0} 60C; from{0} 8D; to{0} 8D"
REQUESTS = {
    "CX001": "card 30C",
    "CX002": "id_no 18C",
    "CX005": "id_no 18C",
    "YL001": "person_no 32C; dept 4C; doctor 10C; card 30C; name 100C; total 10N; amount 10N; account 10N",
    "YL002": "person_no 32C; dept 4C",
    "YL003": "person_no 32C; serial 32C; transaction 100C; amount 10N; dept 4C",
    "YL004": "original 100C",
}
REPLIES = {
    "CX001": _PERSON,
    "CX002": _PERSON,
    "CX005": "; ".join(["person_no 16C", *(_CERTIFICATE.format(n) for n in (1, 2, 3))]),
    "YL001": "state 4C; text 100C; serial 32C; cost 10N; balance 10N; time 16T; transaction 100C; batch 100C;"
             "trace 6C; reference 12C; id_no 18C",
    "YL002": "state 4C; text 100C; balance 10N",
    "YL003": "state 4C; text 100C; serial 32C",
    "YL004": "state 4C; text 100C; original 100C; result 4C; serial 32C; cost 10N; balance 10N; time 16T;"
             "transaction 100C",
}
_NUMBER = re.compile(rb"[0-9-][0-9]*(\.[0-9]+)?")
_SHAPES = {"D": re.compile(r"[0-9]{8}| {8}", re.ASCII), "T": re.compile(r"[0-9]{8}/[0-9]{6}/| {16}", re.ASCII)}


class Unreadable(Exception):
    """A message that breaks the rules; the text says which, and at which byte."""


def fields(spec: str, at: int) -> list[tuple[str, int, int, str]]:
    """(name, first byte, bytes, kind) of each field of a spec."""
    made = []
    for piece in filter(None, (part.strip() for part in spec.split(";"))):
        name, size = piece.split()
        made.append((name, at, int(size[:-1]), size[-1]))
        at += int(size[:-1])
    return made


def read(data: bytes, charset: str) -> tuple[dict[str, str], dict[str, str]]:
    """(header, body) of a request. Unreadable says what is wrong with it."""
    if len(data) != SIZE or not data.startswith(BEGIN) or not data.endswith(END):
        raise Unreadable("报文应为4096字节,以SSSS开头,以ZZZZ结尾")
    head = _values(data, fields(HEADER, 4), charset)
    head["exchange"] = _values(data, [("exchange", TRAILER_AT, 100, "C")], charset)["exchange"]
    spec = REQUESTS.get(head["type"])
    if spec is None:
        raise Unreadable(f"未知报文类型{head['type']}")
    made = fields(spec, BODY_AT)
    end = made[-1][1] + made[-1][2]
    if data[end:TRAILER_AT].strip(b" "):
        raise Unreadable(f"第{end}字节起应为空格")
    return head, _values(data, made, charset)


def _values(data: bytes, made: list[tuple[str, int, int, str]], charset: str) -> dict[str, str]:
    return {name: _value(data[at : at + size], kind, at, name, charset) for name, at, size, kind in made}


def _value(raw: bytes, kind: str, at: int, name: str, charset: str) -> str:
    if kind == "N":
        if _NUMBER.fullmatch(raw) is None:
            raise Unreadable(f"{name}(第{at}字节)应为左补0的数字")
        return raw.decode("ascii")
    try:
        text = raw.decode(CODECS[charset])
    except UnicodeDecodeError as no:
        raise Unreadable(f"{name}(第{at + no.start}字节)有半个汉字或不是{charset}") from None
    if kind in _SHAPES and _SHAPES[kind].fullmatch(text) is None:
        raise Unreadable(f"{name}(第{at}字节)日期格式不正确")
    if text.startswith(" ") and text.strip():
        raise Unreadable(f"{name}(第{at}字节)应左对齐、右补空格")
    return text.rstrip(" ")


def written(head: Mapping[str, str], body: Mapping[str, Any], spec: str, charset: str) -> bytes:
    """An answer. What the character set does not have becomes `?`, as in a platform behind a GBK database; what is too
    long loses whole characters at its end."""
    made = bytearray(b" " * SIZE)
    made[:4], made[-4:] = BEGIN, END
    places = [*fields(HEADER, 4), *fields(spec, BODY_AT), ("exchange", TRAILER_AT, 100, "C")]
    known = {**body, **head}
    for name, at, size, kind in places:
        made[at : at + size] = _field(str(known.get(name, "")), size, kind, charset)
    return bytes(made)


def _field(text: str, size: int, kind: str, charset: str) -> bytes:
    if kind == "N":
        sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
        return (sign + digits.rjust(size - len(sign), "0")).encode("ascii")
    data = text.encode(CODECS[charset], "replace")
    while len(data) > size:
        text = text[:-1]
        data = text.encode(CODECS[charset], "replace")
    return data.ljust(size, b" ")
