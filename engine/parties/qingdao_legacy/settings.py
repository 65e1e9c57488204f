"""What a site must say about its connection to the former platform of Qingdao."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from engine.codecs.fixed_layout import BadLayout, read_layouts
from engine.codecs.fixed_length import Part
from engine.parties.qingdao_legacy.operations import OPS

FOLDER = "schemas/layouts/"
MESSAGES = ("header", "body", "trailer", *(f"{name}.{side}" for name in OPS for side in ("request", "reply")))


class Settings(BaseModel):
    """The connection to the front-end machine.

    `layout` names the fields of all messages, `schemas/layouts/NAME.csv`. `charset` is what their bytes are written
    in. `amounts`: how an amount stands in its field, `yuan` with two places behind a point or whole `fen`.
    `number_in`: the field that carries our serial number; `echoed`: an answer repeats it. `frame`: bytes of a message.
    `kept`: the machine takes several messages on one connection. `path`: where the address is http instead of tcp.
    `codes` replaces single message types.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    layout: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    hospital: str = Field(min_length=1, max_length=5)
    terminal: str = Field(min_length=1, max_length=10)
    operator: str = Field(min_length=1, max_length=10)
    version: str = Field(default="1.0", max_length=7)
    verify_code: str = Field(default="", max_length=64, repr=False)
    charset: Literal["GBK", "GB18030"] = "GBK"
    amounts: Literal["yuan", "fen"] = "yuan"
    number_in: Literal["reserve", "exchange"] = "reserve"
    echoed: bool = True
    frame: int = Field(default=4096, ge=64, le=65536)
    kept: bool = False
    path: str = Field(default="/", pattern=r"^(/[A-Za-z0-9._-]*)+$")
    codes: dict[str, str] = Field(default_factory=dict)

    _files: Mapping[str, bytes] = PrivateAttr(default_factory=dict)

    @field_validator("layout")
    @classmethod
    def _is_there(cls, name: str, info: ValidationInfo) -> str:
        """Where the site's files are at hand (in lint, at the start), the file is read."""
        context: Any = info.context or {}
        if "files" in context:
            layouts(name, context["files"])
        return name

    @field_validator("codes")
    @classmethod
    def _are_known(cls, codes: dict[str, str]) -> dict[str, str]:
        for name, code in codes.items():
            if name not in OPS:
                raise ValueError(f"{name}: there is {', '.join(OPS)}")
            if not code.isascii() or not 1 <= len(code) <= 5:
                raise ValueError(f"{name}: one to five characters")
        return codes

    @model_validator(mode="after")
    def _with_files(self, info: ValidationInfo) -> Settings:
        context: Any = info.context or {}
        self._files = context.get("files", {})
        return self

    def messages(self) -> dict[str, tuple[Part, ...]]:
        """Message → its parts. ValueError: no such file, a mistake in it, a message missing."""
        return layouts(self.layout, self._files)


def layouts(name: str, files: Mapping[str, bytes]) -> dict[str, tuple[Part, ...]]:
    """The messages of `schemas/layouts/NAME.csv`. ValueError as `Settings.messages`."""
    data = files.get(f"{FOLDER}{name}.csv")
    if data is None:
        raise ValueError(f"there is no {FOLDER}{name}.csv")
    try:
        found = read_layouts(data)
    except BadLayout as no:
        raise ValueError(f"{FOLDER}{name}.csv: {no}") from None
    if missing := [one for one in MESSAGES if one not in found]:
        raise ValueError(f"{FOLDER}{name}.csv: there is no message {missing[0]}")
    return found
