"""Text of a declared character set, strictly: a half character or wrong byte is an error with its place."""

from __future__ import annotations

from typing import Final

from engine.codecs.errors import Undecodable

# GBK and GB2312 are read as GB18030, their superset: hospitals declare the old names, send rare characters.
_CODECS: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "gb18030": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
}


def codec_of(charset: str) -> str:
    """Python's name of a declared character set; ValueError for one we do not speak."""
    try:
        return _CODECS[charset.strip().lower()]
    except KeyError:
        raise ValueError(f"unknown character set {charset[:40]!r}; write utf-8 or gb18030") from None


def decode(data: bytes, charset: str = "utf-8") -> str:
    """The text of `data`; Undecodable names the first byte that is no character of `charset`."""
    codec = codec_of(charset)
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        raise Undecodable("charset", error.start, f"not a {codec} character") from None


def encode(text: str, charset: str = "utf-8") -> bytes:
    """The bytes of `text`; Undecodable with the byte position where a lone surrogate stands."""
    codec = codec_of(charset)
    try:
        return text.encode(codec)
    except UnicodeEncodeError as error:
        before = len(text[: error.start].encode(codec))
        raise Undecodable("charset", before, f"{text[error.start]!a} does not exist in {codec}") from None
