"""Two invented kinds of parties: enough for lint to have something to say about."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from pydantic import BaseModel, ConfigDict, Field

from engine.core.outcome import Outcome
from engine.parties.contract import About, Op, OutcomeRow, Party


class ClinicSettings(BaseModel):
    """A clinic without secrets, unless it reports by itself."""

    model_config = ConfigDict(extra="forbid")

    callback_keys: ClassVar[tuple[str, ...]] = ("seal",)

    seal: str = Field(default="", repr=False)


class MuteSettings(BaseModel):
    """Somebody who only answers."""

    model_config = ConfigDict(extra="forbid")


class BankSettings(BaseModel):
    """A bank that signs."""

    model_config = ConfigDict(extra="forbid")

    callback_url: ClassVar[str] = "notify_url"
    callback_keys: ClassVar[tuple[str, ...]] = ("key",)

    shop: str = Field(pattern=r"^[0-9]{6}$")
    key: str = Field(repr=False, min_length=32)
    mode: str = "plain"
    verify_keys: dict[str, str] = Field(default_factory=dict)
    notify_url: str = ""


class FakeParty:
    """What lint reads of a party; nothing is ever called."""

    def __init__(self, kind: str, settings: type[BaseModel], *ops: Op) -> None:
        self.kind, self.settings = kind, settings
        self.about = About("engine", kind, kind)
        self.ops = {op.name: op for op in ops}
        self.outcomes = (OutcomeRow("OK", Outcome.ACCEPTED), OutcomeRow("NO", Outcome.REFUSED, frozenset({"pay"})))

    def open(self, settings: Any) -> Any:
        return settings


def _op(name: str, number: str = "", *, changes: bool = False, money: bool = False, session: bool = False) -> Op:
    return Op(name, name, name, changes=changes, money=money, number=number, session=session)


CLINIC = FakeParty(
    "clinic", ClinicSettings,
    _op("bill"), _op("lock", "lock", changes=True), _op("unlock", changes=True), _op("booked"),
    _op("book", "settlement", changes=True, money=True), _op("void", "void", changes=True, money=True),
    _op("note", changes=True),
)  # fmt: skip
BANK = FakeParty(
    "bank", BankSettings,
    _op("pay", "trade", changes=True, money=True), _op("find", session=True), _op("close", changes=True),
    _op("refund", "refund", changes=True, money=True), _op("sign"),
)  # fmt: skip
MUTE = FakeParty("mute", MuteSettings, _op("look"))
PARTIES = {"clinic": cast(Party, CLINIC), "bank": cast(Party, BANK), "mute": cast(Party, MUTE)}
