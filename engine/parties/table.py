"""An interface table of another system's database: one row a message, under our number.

The map makes the row: column names as the database spells them, texts, and amounts in fen. What the connector says of
it is the reply: `written`, `same` (the row was there already), or that our number is there with other content, which is
a no.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from engine.codecs import json_text
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Op, OutcomeRow, Outgoing
from engine.parties.files import said


class Settings(BaseModel):
    """The table, in names as the database spells them. `number`: the column of our number. `yuan`: columns that take an
    amount in yuan (the map gives fen). `ours`: the columns a repeat is compared by (none: all that we write)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str = Field(min_length=1, max_length=128)
    number: str = Field(min_length=1, max_length=128)
    owner: str = ""
    yuan: tuple[str, ...] = ()
    ours: tuple[str, ...] = ()
    password: str = Field(default="", repr=False)


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
