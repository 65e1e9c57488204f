"""What a site must say about a HIS that is one SOAP method with one string parameter."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, field_validator

from engine.parties.described import OneMethodSettings
from engine.parties.his.amounts import Unit

NAMES: Final = {
    "request": "request", "code": "serviceCode", "token": "token", "message": "msgId", "time": "time",
    "params": "params", "result": "resultCode", "text": "resultMsg", "data": "data", "row": "row",
}  # fmt: skip


class Settings(OneMethodSettings):
    """The connection to the HIS."""

    method: str = Field(default="callService", max_length=64)
    """WSDL 里要调用的方法；空：每个服务编码各是一个方法
    · the operation of the WSDL to call; empty: each service code is an operation of its own"""
    code_field: str = Field(default="serviceCode", max_length=64)
    input_field: str = Field(default="param", max_length=64)
    output_field: str = Field(default="result", max_length=64)
    content: Literal["xml", "json"] = "xml"
    """字符串参数里的文档是 XML 还是 JSON
    · whether the document in the string is XML or JSON"""
    charset: Literal["UTF-8", "GBK", "GB18030"] = "UTF-8"
    """文档的字符集：XML 声明它，latin1 与 base64 的字节也按它写
    · the document's character set: its XML declares it, and the bytes of latin1 and base64 are written in it"""
    carried: Literal["text", "latin1", "base64"] = "text"
    """文档怎样装进字符串：text 原样；latin1 每个字节当作一个 Latin-1 字符（误读 GBK 的 HIS）；base64
    · how the string carries the document: text as it is; latin1 each byte as a character of Latin-1 (where the HIS
    misreads GBK so); base64"""
    reply_bytes: Literal["declared", "GBK"] = "declared"
    """应答的字节：declared 与它声明的一致；GBK 声明 UTF-8 而实际是 GBK
    · the bytes of replies: declared, as they say; GBK, where they say UTF-8 and hold GBK"""
    token: str = Field(default="", max_length=128, repr=False)
    """HIS 发的固定令牌，写在文档里；空：不带
    · the fixed token the HIS gave out, sent in the document; empty: none"""
    amounts: Unit = "fen"
    good: tuple[str, ...] = ("0",)
    """表示办成了的 resultCode；其余的都不当作办成
    · the results that mean done; no other is taken for done"""
    names: dict[str, str] = Field(default_factory=dict)
    """文档里各处的名称，改写 request、code、token、message、time、params、result、text、data、row；写成空：没有这一处
    · what the HIS calls parts of the document: request, code, token, message, time, params, result, text, data, row;
    written empty: there is no such part"""

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
