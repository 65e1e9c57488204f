"""Why bytes are no SOAP request, for who sent them: Chinese and English, each with the stable name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from engine.codecs.errors import Undecodable
from engine.core.bilingual import apart, both
from engine.runtime.told import Told, error

_WORDS: Final = {
    "soap-empty": "没有内容",
    "soap-multipart": "不接受附件（MTOM、multipart）",
    "soap-html": "是一个 HTML 页面",
    "soap-envelope": "根元素应是 Envelope，其中至多一个 Header、之后恰好一个 Body",
    "soap-namespace": "信封的命名空间不是 SOAP 1.1 或 1.2 的",
    "soap-body": "Body 里应恰好有一个元素",
    "soap-token": "Security 头里应有一个 UsernameToken（PasswordDigest、Nonce、Created）",
    "xml-syntax": "不是完整的 XML",
    "xml-size": "太长",
    "xml-doctype": "不接受 DOCTYPE",
    "xml-depth": "嵌套太深",
    "xml-repeated": "不能重复的元素给出了两次",
    "xml-namespace": "元素的命名空间不对",
    "charset": "字符集不认识，或有不合所写字符集的字节",
}


def of_bytes(fault: Undecodable) -> Told:
    """What is wrong with the bytes. The codecs tell of it in English; the Chinese names the same place."""
    zh, en = apart(fault.text)
    if zh == en:
        zh = f"{_WORDS[fault.code]}（{en}）" if fault.code in _WORDS else en
    return error("malformed", "E-SOAP", f"{fault.code}: {zh}", detail_en=f"{fault.code}: {en}")


def no_operation(name: str, known: Iterable[str]) -> Undecodable:
    """An element that is none of this service's operations."""
    every = ", ".join(known)
    text = both(f"没有 {name[:40]!r} 这个方法，有：{every}", f"{name[:40]!r} where one of {every} was expected")
    return Undecodable("soap-element", 0, text)


def other_namespace(name: str, space: str) -> Undecodable:
    """An operation's element in a namespace that is not the service's."""
    text = both(f"{name!r} 的命名空间应是 {space}", f"{name!r} is not in the namespace {space}")
    return Undecodable("soap-namespace", 0, text)


def not_understood(header: str) -> Undecodable:
    """A header that insists on being understood, which nobody here reads."""
    return Undecodable(
        "soap-header", 0, both(f"这里不认识必须理解的头：{header}", f"nobody here reads the header {header}")
    )
