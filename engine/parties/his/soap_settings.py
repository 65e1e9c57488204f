"""What a site must say about a HIS that is one SOAP method with one string parameter."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, field_validator

from engine.parties.described import OneMethodSettings

NAMES: Final = {
    "request": "request", "code": "serviceCode", "token": "token", "message": "msgId", "time": "time",
    "params": "params", "result": "resultCode", "text": "resultMsg", "data": "data", "row": "row",
}  # fmt: skip


class Settings(OneMethodSettings):
    """The connection to the HIS.

    `method` may be "", where each service code is an operation of its own. `content`: the string holds XML or JSON,
    whose XML declares `charset`. `carried`: the string is that text, or each byte of it in `charset` is written as a
    character of Latin-1, or it is Base64 of those bytes. `reply_bytes`: GBK, where the envelope says UTF-8 and holds
    bytes of GBK. `good`: the results that mean done. `names` replaces single names inside the string. `amounts` is the
    unit on the wire.
    """

    method: str = Field(default="callService", max_length=64)
    code_field: str = Field(default="serviceCode", max_length=64)
    input_field: str = Field(default="param", max_length=64)
    output_field: str = Field(default="result", max_length=64)
    content: Literal["xml", "json"] = "xml"
    charset: Literal["UTF-8", "GBK", "GB18030"] = "UTF-8"
    carried: Literal["text", "latin1", "base64"] = "text"
    reply_bytes: Literal["declared", "GBK"] = "declared"
    token: str = Field(default="", max_length=128, repr=False)
    amounts: Literal["fen", "yuan"] = "fen"
    good: tuple[str, ...] = ("0",)
    names: dict[str, str] = Field(default_factory=dict)

    @field_validator("names")
    @classmethod
    def _known(cls, names: dict[str, str]) -> dict[str, str]:
        for name in names:
            if name not in NAMES:
                raise ValueError(f"{name}: there is {', '.join(NAMES)}")
        return names

    def name(self, what: str) -> str:
        """What the HIS calls this part of the string; "" where it has none."""
        return self.names.get(what, NAMES[what])
