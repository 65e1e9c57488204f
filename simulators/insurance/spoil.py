"""True replies made wrong, as platforms, front machines and middle boxes have done."""

from __future__ import annotations

import re

from simulators.base.wire import Resp

_AMOUNT = re.compile(r'"(psn_cash_pay|inscp_scp_amt|balc|cum)":(-?\d+)\.(\d\d)')
_CASH = re.compile(r'"(psn_cash_pay)":(-?\d+)\.(\d\d)')
_NAME = re.compile(r'"psn_name":"([^"]*)"')
_REFMSGID = re.compile(r'"inf_refmsgid":"[^"]*"')


def spoil(kind: str, resp: Resp) -> Resp:
    """The reply with one thing wrong; what the transaction did stays done."""
    if kind == "empty_body":
        return Resp(resp.status, b"", resp.headers)
    if resp.headers.get("Content-Type") == "application/octet-stream":
        return _file(kind, resp)
    text = resp.body.decode("utf-8")
    if kind == "infcode_string":
        text = re.sub(r'"infcode":(-?\d)', r'"infcode":"\1"', text)
    elif kind == "warn_msg":
        text = text.replace('"warn_msg":null', '"warn_msg":"提示:参保人医保待遇以经办机构最终审核为准"')
    elif kind == "null_vs_empty":
        text = re.sub(r'"(output|warn_msg|err_msg|cainfo|signtype|inf_refmsgid)":null', r'"\1":""', text)
    elif kind == "wrong_refmsgid":
        text = _REFMSGID.sub('"inf_refmsgid":"999900"', text)
    elif kind == "wrong_amount":
        # the amount the patient is asked for, one yuan off against the other sums
        pattern = _CASH if _CASH.search(text) else _AMOUNT
        text = pattern.sub(lambda m: f'"{m[1]}":{int(m[2]) + 1}.{m[3]}', text, count=1)
    elif kind == "mojibake_name":
        # UTF-8 bytes read as GBK once on the way
        text = _NAME.sub(lambda m: f'"psn_name":"{m[1].encode().decode("gbk", "replace")}"', text)
    elif kind == "bad_signature":
        # replies of this interface carry no signature of their own; what stands in cainfo is not verifiable
        text = text.replace('"cainfo":null', '"cainfo":"0000000000000000"')
    return Resp(resp.status, text.encode("utf-8"), resp.headers)


def _file(kind: str, resp: Resp) -> Resp:
    """A file of 9102: cut in the middle of its directory, or whole where the misfortune is one of JSON."""
    if kind == "broken_file":
        return Resp(resp.status, resp.body[: len(resp.body) * 2 // 3], resp.headers)
    return resp
