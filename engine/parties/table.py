"""An interface table of another system's database: one row a message, under our number.

The map makes the row: column names as the database spells them, texts, and amounts in fen. What the connector says of
it is the reply: `written`, `same` (the row was there already), that our number is there with other content, or that the
table can never take this row: the last two are a no.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, Field

from engine.codecs import json_text
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Op, OutcomeRow, Outgoing
from engine.parties.files import said
from engine.parties.settings import PartySettings


class Settings(PartySettings):
    """The table, in names as the database spells them."""

    table: str = Field(min_length=1, max_length=128)
    """接口表的表名
    · the table's name"""
    number: str = Field(min_length=1, max_length=128)
    """放我方消息编号的列；它应有唯一约束，重复写入因此无害
    · the column of our number; it should be unique, so that a repeat does no harm"""
    owner: str = ""
    """表所在的模式（属主）；空：登录用户的
    · the schema the table is in; empty: the user's own"""
    yuan: tuple[str, ...] = ()
    """以元存金额的列：映射给整数分，写入时换算；没列出的按映射给的写
    · columns that take an amount in yuan: maps give whole fen, which is converted; others are written as they are"""
    ours: tuple[str, ...] = ()
    """重复时用来比对的列；对方会改的列不要列进来。空：比对写入的全部列
    · the columns by which a repeat is compared, those the reader does not change itself; empty: all that we write"""
    password: str = Field(default="", repr=False)
    """数据库的口令，用户名在 url 里
    · the database's password; the user is in url"""


class InterfaceTable:
    """An interface table as a party."""

    kind = "table"
    about = About("engine", "接口表", "the interface table")
    settings: type[BaseModel] = Settings
    ops: Final = {"insert": Op("insert", "写入一行", "insert a row", changes=True)}
    outcomes: Final = (
        OutcomeRow("WRITTEN", Outcome.ACCEPTED),
        OutcomeRow("SAME", Outcome.ACCEPTED),
        OutcomeRow("CLASH", Outcome.REFUSED),
        OutcomeRow("UNFIT", Outcome.REFUSED),
    )

    def open(self, settings: Settings) -> Settings:
        return settings

    def build(self, call: Outgoing) -> HttpRequest:
        settings: Settings = call.settings
        if not isinstance(call.body, dict):
            raise ValueError("the send map must make an object: a row")
        row = {settings.number: call.number, **call.body}
        if not all(value is None or isinstance(value, str | int) for value in row.values()):
            raise ValueError("a row has texts and whole numbers only")
        return HttpRequest("INSERT", f"/{call.op}", (), json_text.print_json(row))

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        return said(reply)

    def verify(self, settings: Any, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)


PARTY: Final = InterfaceTable()
