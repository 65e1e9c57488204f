"""What a site must say about a HIS that is one SOAP method with one string parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, field_validator, model_validator

NAMES: Final = {
    "request": "request", "code": "serviceCode", "token": "token", "message": "msgId", "time": "time",
    "params": "params", "result": "resultCode", "text": "resultMsg", "data": "data", "row": "row",
}  # fmt: skip


class Settings(BaseModel):
    """The connection to the HIS.

    `wsdl` names the vendored description `schemas/wsdl/NAME.wsdl`; `method` is its operation, "" where each service
    code is an operation of its own; `code_field` ("" for none), `input_field` and `output_field` are the elements of
    its messages. `path` replaces the path of the address that the description names. `content`: the string holds XML or
    JSON, whose XML declares `charset`. `carried`: the string is that text, or each byte of it in `charset` is written
    as a character of Latin-1, or it is Base64 of those bytes. `reply_bytes`: GBK, where the envelope says UTF-8 and
    holds bytes of GBK. `good`: the results that mean done. `names` replaces single names inside the string; `codes`
    single service codes. `amounts` is the unit on the wire.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    wsdl: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    method: str = Field(default="callService", max_length=64)
    code_field: str = Field(default="serviceCode", max_length=64)
    input_field: str = Field(default="param", max_length=64)
    output_field: str = Field(default="result", max_length=64)
    version: Literal["1.1", "1.2"] = "1.1"
    path: str = Field(default="", pattern=r"^(/[A-Za-z0-9._-]+)*$")
    content: Literal["xml", "json"] = "xml"
    charset: Literal["UTF-8", "GBK", "GB18030"] = "UTF-8"
    carried: Literal["text", "latin1", "base64"] = "text"
    reply_bytes: Literal["declared", "GBK"] = "declared"
    cdata: bool = True
    strict: bool = True
    token: str = Field(default="", max_length=128, repr=False)
    amounts: Literal["fen", "yuan"] = "fen"
    good: tuple[str, ...] = ("0",)
    names: dict[str, str] = Field(default_factory=dict)
    codes: dict[str, str] = Field(default_factory=dict)

    _files: Mapping[str, bytes] = PrivateAttr(default_factory=dict)

    @field_validator("names")
    @classmethod
    def _known(cls, names: dict[str, str]) -> dict[str, str]:
        for name in names:
            if name not in NAMES:
                raise ValueError(f"{name}: there is {', '.join(NAMES)}")
        return names

    @model_validator(mode="after")
    def _with_files(self, info: ValidationInfo) -> Settings:
        """The site's files come as the validation's context: a connection's settings name one of them."""
        context: Any = info.context or {}
        self._files = context.get("files", {})
        return self

    def descriptions(self) -> dict[str, bytes]:
        """The files beside the description, by their path below schemas/wsdl."""
        folder = "schemas/wsdl/"
        return {name.removeprefix(folder): data for name, data in self._files.items() if name.startswith(folder)}

    def name(self, what: str) -> str:
        """What the HIS calls this part of the string; "" where it has none."""
        return self.names.get(what, NAMES[what])
