"""9101 文件上传, 9102 文件下载: files at the bureau, as zip."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from simulators.insurance.envelope import Call
from simulators.insurance.fields import Refusal, fields, node
from simulators.insurance.state import Bureau, StoredFile
from simulators.town import FIXMEDINS_CODE

_9101 = fields("filename C200 Y; fixmedins_code C12 Y")
_9102 = fields("file_qury_no C40 Y; filename C200 Y; fixmedins_code C30 N")
_KEPT_DAYS = 3
MAX_FILE = 20 * 1024 * 1024  # bytes unpacked
PUBLIC = "plc"  # stands for the file's name or the institution when a directory file (13xx) is fetched
_EPOCH = (2026, 1, 1, 0, 0, 0)  # of entries in a zip: the same rows make the same bytes


@dataclass(frozen=True, slots=True)
class Download:
    """What 9102 answers instead of JSON."""

    name: str
    content: bytes


def upload(bureau: Bureau, call: Call) -> object:
    """9101: keep a zip; `in` is Base64, a list of byte values, or such a list as text."""
    given = call.input.get("fsUploadIn")
    asked = node(call.input, "fsUploadIn", _9101)
    if asked["fixmedins_code"] != FIXMEDINS_CODE:
        raise Refusal("医药机构编号与报文不一致", 9101)
    content = _bytes(given["in"] if isinstance(given, dict) and given.get("in") else None)
    unzip(content)
    number = f"M00/00/00/{_name(content, bureau.number())[:20]}"
    stored = keep(bureau, number, asked["filename"], content)
    return {
        "file_qury_no": number, "filename": stored.name, "fixmedins_code": FIXMEDINS_CODE, "dld_endtime": stored.until,
    }


def _bytes(value: Any) -> bytes:
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            raise Refusal("文件流格式不正确", 9101) from None
    if isinstance(value, list) and value and all(type(one) is int and -128 <= one <= 255 for one in value):
        return bytes(one & 255 for one in value)  # Java's bytes are signed
    if isinstance(value, str) and value:
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise Refusal("文件流格式不正确", 9101) from None
    raise Refusal("in不能为空", 9101)


def download(bureau: Bureau, call: Call) -> Download:
    """9102: the bytes of a file, until its last moment."""
    asked = node(call.input, "fsDownloadIn", _9102)
    number, found = asked["file_qury_no"], bureau.files.get(asked["file_qury_no"])
    if found is None:
        raise Refusal(f"未查询到文件[{number}]", 9102)
    if found.until < bureau.world.stamp():
        raise Refusal(f"文件[{number}]已超过下载截止时间", 9102)
    public = number.startswith("fsi/plc/")
    named = asked["filename"] == found.name or (public and asked["filename"] == PUBLIC)
    if not named or asked["fixmedins_code"] not in ("", FIXMEDINS_CODE, *((PUBLIC,) if public else ())):
        raise Refusal("文件名或医药机构编号不正确", 9102)
    return Download(found.name, found.content)


def keep(bureau: Bureau, number: str, name: str, content: bytes) -> StoredFile:
    """Store a file under its number."""
    now = datetime.strptime(bureau.world.stamp(), "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - Beijing, as all stamps here
    until = now + timedelta(days=_KEPT_DAYS)
    bureau.files[number] = made = StoredFile(name, content, until.strftime("%Y-%m-%d %H:%M:%S"))
    return made


def offer(bureau: Bureau, rows: list[tuple[str, ...]], prefix: str = "") -> dict[str, Any]:
    """A table as a file to fetch: rows of text, tab between columns, one text file in a zip; `prefix` fsi/plc/ for
    directories. The fields that 13xx and 3202 answer."""
    text = "".join("\t".join(row) + "\n" for row in rows)
    name = f"{bureau.world.stamp('%Y%m%d%H%M%S')}{bureau.number():010d}.txt"
    content = zipped(name, text.encode())
    number = f"{prefix}{_name(content, bureau.number())[:30]}" if prefix else \
        f"M00/00/01/{_name(content, bureau.number())[:20]}"
    stored = keep(bureau, number, f"{name}.zip", content)
    return {"file_qury_no": number, "filename": stored.name, "dld_endtime": stored.until}


def _name(content: bytes, serial: int) -> str:
    return hashlib.sha256(content + str(serial).encode()).hexdigest()


def zipped(name: str, content: bytes) -> bytes:
    """One file in a zip."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def unzip(content: bytes) -> bytes:
    """The one file of an uploaded zip; Refusal when it is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            entries = [one for one in packed.infolist() if not one.is_dir()]
            if len(entries) != 1 or entries[0].file_size > MAX_FILE:
                raise Refusal("压缩包内必须且只能有一个文件", 9101)
            return packed.read(entries[0])
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, RuntimeError):
        raise Refusal("上传文件不是有效的zip压缩包", 9101) from None
