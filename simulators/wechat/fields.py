"""What v3 request bodies may hold: every field with type, length and duty, refused in the platform's words.

Unknown fields are refused at any depth, as the platform does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulators.wechat.reasons import Refusal

TRADE_NO = re.compile(r"[0-9A-Za-z_\-|*]+")
REFUND_NO = re.compile(r"[0-9A-Za-z_\-|*@]+")
URL = re.compile(r"https?://[^\s?#]+")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
BIGGEST = 2**63 - 1


@dataclass(frozen=True)
class Text:
    """A text; `high` counts bytes, or characters when `letters`."""

    name: str
    high: int
    low: int = 1
    need: bool = False
    letters: bool = False
    pattern: re.Pattern[str] | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Whole:
    """A whole number (fen, counts)."""

    name: str
    low: int = 0
    need: bool = False


@dataclass(frozen=True)
class Flag:
    """true or false."""

    name: str
    need: bool = False


@dataclass(frozen=True)
class Node:
    """An object with exactly these fields."""

    name: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    need: bool = False


@dataclass(frozen=True)
class Rows:
    """A list of objects of one kind."""

    name: str
    row: Node
    need: bool = False
    high: int = 6000


def check(spec: Node, body: object) -> dict[str, Any]:
    """The body when it fits; Refusal `param` or `extra_param` naming the field otherwise."""
    if not isinstance(body, dict):
        raise Refusal("param", "无法将输入源“/body”解析为JSON对象", {"location": "body", "value": None})
    if extra := sorted(_unknown(spec, body, "/body")):
        wanted = "only fields of the interface document"
        raise Refusal("extra_param", detail={"location": None, "value": extra}).at(extra[0], wanted, ", ".join(extra))
    _node(spec, body, "/body")
    return body


def _unknown(spec: Node, body: Mapping[str, Any], at: str) -> list[str]:
    found: list[str] = []
    for key, value in body.items():
        inner = spec.fields.get(key)
        if inner is None:
            found.append(f"{at}/{key}")
        elif isinstance(inner, Node) and isinstance(value, dict):
            found += _unknown(inner, value, f"{at}/{key}")
        elif isinstance(inner, Rows) and isinstance(value, list):
            for i, row in enumerate(value):
                if isinstance(row, dict):
                    found += _unknown(inner.row, row, f"{at}/{key}/{i}")
    return found


def _node(spec: Node, body: Mapping[str, Any], at: str) -> None:
    for key, inner in spec.fields.items():
        value = body.get(key)
        if value is None:
            if inner.need:
                text = f"输入源“{at}/{key}”映射到字段“{inner.name}”必填性规则校验失败，此字段为必填项"
                raise Refusal("param", text, {"location": "body", "value": None}).at(f"{at}/{key}", form_of(inner))
            continue
        _value(inner, value, f"{at}/{key}")


def _value(spec: Any, value: object, at: str) -> None:
    match spec:
        case Text():
            _text(spec, value, at)
        case Whole():
            if not isinstance(value, int) or isinstance(value, bool) or abs(value) > BIGGEST:
                raise _type(at, spec, "一个合法的 64 位有符号整数", value)
            if value < spec.low:
                text = f"输入源“{at}”映射到数值字段“{spec.name}”规则校验失败，值低于最小值 {spec.low}"
                raise Refusal("param", text, {"location": "body", "value": value}).at(at, form_of(spec), value)
        case Flag():
            if not isinstance(value, bool):
                raise _type(at, spec, "一个合法的布尔值", value)
        case Node():
            if not isinstance(value, dict):
                raise _type(at, spec, "一个合法的对象", value)
            _node(spec, value, at)
        case Rows():
            if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
                raise _type(at, spec, "一个合法的数组", value)
            if len(value) > spec.high:
                text = f"输入源“{at}”映射到字段“{spec.name}”数组长度大于最大值 {spec.high}"
                raise Refusal("param", text).at(at, form_of(spec), len(value))
            for i, row in enumerate(value):
                _node(spec.row, row, f"{at}/{i}")


def _text(spec: Text, value: object, at: str) -> None:
    if not isinstance(value, str):
        raise _type(at, spec, "一个合法的字符串", value)
    size, unit = (len(value), "字符数") if spec.letters else (len(value.encode("utf-8", "replace")), "字节数")
    start = f"输入源“{at}”映射到值字段“{spec.name}”字符串规则校验失败，"
    wrong = ""
    shown: str | int = value
    if size < spec.low:
        wrong, shown = f"{unit} {size}，小于最小值 {spec.low}", size
    elif size > spec.high:
        wrong, shown = f"{unit} {size}，大于最大值 {spec.high}", size
    elif spec.pattern is not None and not spec.pattern.fullmatch(value):
        wrong = "格式不正确"
    elif spec.choices and value not in spec.choices:
        wrong = "不是合法的枚举值"
    if wrong:
        raise Refusal("param", start + wrong, {"location": "body", "value": shown}).at(at, form_of(spec), value)


def _type(at: str, spec: Any, wanted: str, value: object) -> Refusal:
    text = f"无法将JSON输入源“{at}”映射到目标字段“{spec.name}”中，此字段需要{wanted}"
    refusal = Refusal("param", text, {"location": "body", "value": value})
    refusal.at(at, form_of(spec), value)
    return refusal


def form_of(spec: Any) -> str:
    """The form a field should have, for people: `text, 1 to 32 bytes, required`."""
    need = ", required" if spec.need else ""
    match spec:
        case Text():
            unit = "characters" if spec.letters else "bytes"
            more = f", matches {spec.pattern.pattern}" if spec.pattern else ""
            more += f", one of {' '.join(spec.choices)}" if spec.choices else ""
            return f"text, {spec.low} to {spec.high} {unit}{more}{need}"
        case Whole():
            return f"whole number, at least {spec.low}{need}"
        case Flag():
            return f"true or false{need}"
        case Rows():
            return f"list of at most {spec.high} objects{need}"
    return f"object with {', '.join(spec.fields)}{need}"


_AMOUNT = Node("订单金额", {
    "total": Whole("总金额", 1, need=True),
    "currency": Text("货币类型", 16, choices=("CNY",)),
}, need=True)
_DETAIL = Node("优惠功能", {
    "cost_price": Whole("订单原价"),
    "invoice_id": Text("商品小票ID", 32),
    "goods_detail": Rows("单品列表", Node("单品", {
        "merchant_goods_id": Text("商户侧商品编码", 32, need=True),
        "wechatpay_goods_id": Text("微信支付商品编码", 32),
        "goods_name": Text("商品名称", 256, letters=True),
        "quantity": Whole("商品数量", 1, need=True),
        "unit_price": Whole("商品单价", 0, need=True),
    })),
})
_SCENE = {
    "payer_client_ip": Text("用户终端IP", 45, 7, need=True),
    "device_id": Text("商户端设备号", 32),
    "store_info": Node("商户门店信息", {
        "id": Text("门店编号", 32, need=True),
        "name": Text("门店名称", 256, letters=True),
        "area_code": Text("地区编码", 32),
        "address": Text("详细地址", 512, letters=True),
    }),
}
_COMMON: dict[str, Any] = {
    "appid": Text("公众号ID", 32, need=True),
    "mchid": Text("商户号", 32, need=True),
    "description": Text("商品描述", 127, need=True, letters=True),
    "out_trade_no": Text("商户订单号", 32, 6, need=True, pattern=TRADE_NO),
    "time_expire": Text("交易结束时间", 64, pattern=RFC3339),
    "attach": Text("附加数据", 128, letters=True),
    "goods_tag": Text("订单优惠标记", 32),
    "support_fapiao": Flag("电子发票入口开放标识"),
    "amount": _AMOUNT,
    "detail": _DETAIL,
    "settle_info": Node("结算信息", {"profit_sharing": Flag("是否指定分账")}),
}
_ONLINE = {
    **_COMMON,
    "notify_url": Text("通知地址", 256, need=True, pattern=URL),
    "scene_info": Node("场景信息", _SCENE),
}
ORDERS: dict[str, Node] = {
    "native": Node("下单", _ONLINE),
    "app": Node("下单", _ONLINE),
    "jsapi": Node("下单", {
        **_ONLINE, "payer": Node("支付者", {"openid": Text("用户标识", 128, need=True)}, need=True),
    }),
    "h5": Node("下单", {**_ONLINE, "scene_info": Node("场景信息", {
        **_SCENE, "h5_info": Node("H5场景信息", {
            "type": Text("场景类型", 32, need=True),
            "app_name": Text("应用名称", 64, letters=True),
            "app_url": Text("网站URL", 128),
            "bundle_id": Text("iOS平台BundleID", 128),
            "package_name": Text("Android平台PackageName", 128),
        }, need=True),
    }, need=True)}),
    "codepay": Node("下单", {
        **_COMMON, "payer": Node("支付者", {"auth_code": Text("付款码", 32, need=True)}, need=True),
        "scene_info": Node("场景信息", {
            "device_id": Text("商户端设备号", 32),
            "device_ip": Text("设备IP", 45),
            "store_info": Node("商户门店信息", {
                "id": Text("微信支付门店ID", 32), "out_id": Text("商家自定义编码", 256),
            }, need=True),
        }, need=True),
    }),
}
CLOSE = Node("关单", {"mchid": Text("商户号", 32, need=True)})
REVERSE = Node("撤销", {"appid": Text("公众号ID", 32, need=True), "mchid": Text("商户号", 32, need=True)})
ECHO = Node("回声", {
    "notify_url": Text("通知地址", 256, pattern=URL),
    "echo_message": Text("回声消息", 1024, need=True),
    "encrypted_echo_message": Text("加密的回声消息", 4096),
})
REFUND = Node("退款", {
    "transaction_id": Text("微信支付订单号", 32),
    "out_trade_no": Text("商户订单号", 32, 6, pattern=TRADE_NO),
    "out_refund_no": Text("商户退款单号", 64, need=True, pattern=REFUND_NO),
    "reason": Text("退款原因", 80, letters=True),
    "notify_url": Text("退款结果回调url", 256, pattern=URL),
    "funds_account": Text("退款资金来源", 32, choices=("AVAILABLE", "UNSETTLED")),
    "amount": Node("金额信息", {
        "refund": Whole("退款金额", 1, need=True),
        "total": Whole("原订单金额", 1, need=True),
        "currency": Text("退款币种", 16, need=True, choices=("CNY",)),
        "from": Rows("退款出资账户及金额", Node("出资账户", {
            "account": Text("出资账户类型", 32, need=True, choices=("AVAILABLE", "UNAVAILABLE")),
            "amount": Whole("出资金额", 1, need=True),
        })),
    }, need=True),
    "goods_detail": Rows("退款商品", Node("退款商品", {
        "merchant_goods_id": Text("商户侧商品编码", 32, need=True),
        "wechatpay_goods_id": Text("微信支付商品编码", 32),
        "goods_name": Text("商品名称", 256, letters=True),
        "unit_price": Whole("商品单价", need=True),
        "refund_amount": Whole("商品退款金额", need=True),
        "refund_quantity": Whole("商品退货数量", 1, need=True),
    })),
})
ABNORMAL = Node("异常退款", {
    "out_refund_no": Text("商户退款单号", 64, need=True, pattern=REFUND_NO),
    "type": Text("异常退款处理方式", 32, need=True, choices=("USER_BANK_CARD", "MERCHANT_BANK_CARD")),
    "bank_type": Text("开户银行", 16),
    "bank_account": Text("收款银行卡号", 1024),
    "real_name": Text("收款用户姓名", 1024),
})
