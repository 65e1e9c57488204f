"""What a site must say about its connection to the former platform of Qingdao."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from engine.codecs.fixed_layout import BadLayout, read_layouts
from engine.codecs.fixed_length import Part
from engine.parties.qingdao_legacy.operations import OPS
from engine.parties.settings import PartySettings

FOLDER = "schemas/layouts/"
MESSAGES = ("header", "body", "trailer", *(f"{name}.{side}" for name in OPS for side in ("request", "reply")))


class Settings(PartySettings):
    """The connection to the front-end machine."""

    layout: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    """报文格式：schemas/layouts/NAME.csv 的 NAME，列着各报文的字段与长度
    · the fields of all messages: NAME of schemas/layouts/NAME.csv"""
    hospital: str = Field(min_length=1, max_length=5)
    """报文头里的医院编号，医保中心分配
    · the hospital's number in the header, given by the insurance centre"""
    terminal: str = Field(min_length=1, max_length=10)
    """报文头里的终端编号
    · the terminal's number in the header"""
    operator: str = Field(min_length=1, max_length=10)
    """报文头里的操作员编号
    · the operator's number in the header"""
    version: str = Field(default="1.0", max_length=7)
    """报文头里的版本号
    · the version in the header"""
    verify_code: str = Field(default="", max_length=64, repr=False)
    """报文头里的校验码；空：不填
    · the verify code in the header; empty: none"""
    charset: Literal["GBK", "GB18030"] = "GBK"
    """报文的字符集；GBK 写不出的姓名会被拒绝，绝不写成“?”
    · what messages are written in; with GBK a name it cannot hold is refused, never sent as ?"""
    amounts: Literal["yuan", "fen"] = "yuan"
    """金额字段的写法：yuan 带两位小数的元，fen 整数分；与前置机不符，金额差一百倍
    · how an amount stands in its field: yuan with two places behind a point, or whole fen; a wrong one is an error by a
    hundred"""
    number_in: Literal["reserve", "exchange"] = "reserve"
    """我方流水号放在报文头的哪个字段
    · the field of the header that carries our serial number"""
    echoed: bool = True
    """应答带回我方流水号；yes：不一致的应答不算数，结果未知
    · whether an answer repeats our serial number; yes: another number proves nothing"""
    frame: int = Field(default=4096, ge=64, le=65536)
    """每个报文的长度，字节；须等于 layout 里头、体、尾之和
    · the length of a message, bytes; what header, body and trailer of the layout add up to"""
    kept: bool = False
    """一条 TCP 连接上可以接着发下一个报文；no：一个报文一条连接
    · whether one TCP connection takes several messages; no: one each"""
    path: str = Field(default="/", pattern=r"^(/[A-Za-z0-9._-]*)+$")
    """url 是 http 时的路径；tcp 不用
    · the path where url is http; tcp has none"""
    codes: dict[str, str] = Field(default_factory=dict)
    """前置机改用的交易类型，本引擎的操作名: 1 至 5 个 ASCII 字符；没写的用通常的
    · message types that differ here, our operation: one to five ASCII characters; the others are the usual ones"""

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
