"""E52x, W52x: HL7 over MLLP: listeners, senders, profiles, and what a channel takes by HL7."""

from __future__ import annotations

from engine.config.problems import Code, declare

declare(
    Code(
        "E520",
        "没有调用方“{name}”",
        'there is no client "{name}"',
        "HL7 发送方必须是 clients 中的一个调用方：权限与院区都按它。",
        "An HL7 sender is one of `clients`: its scopes and campuses count.",
        "senders: {NHIS: {client: H99}}",
        "senders: {NHIS: {client: H01}}",
    ),
    Code(
        "E521",
        "监听“{name}”没有 mllp 地址，不能接收 HL7",
        'the listener "{name}" has no mllp address: no HL7 comes in there',
        "hl7.at 必须是 engine.yaml 中写了 mllp 的监听。",
        "hl7.at names a listener of engine.yaml that has `mllp`.",
        "hl7: {at: api, …}",
        "hl7: {at: hl7, …}",
    ),
    Code(
        "E522",
        "没有 HL7 报文说明“{name}”",
        'there is no HL7 profile "{name}"',
        "报文说明是 schemas/hl7 下的 YAML 文件。",
        "A profile is a YAML file under schemas/hl7.",
        "profile: setlement",
        "profile: settlement",
    ),
    Code(
        "E523",
        "HL7 位置“{path}”不存在：{detail}",
        'no such place in HL7: "{path}": {detail}',
        "映射中 PID-3.1 写作 hl7.PID_3_1；Z 段的字段必须在报文说明中。",
        "In a map PID-3.1 is hl7.PID_3_1; fields of Z segments must stand in the profile.",
        "[request_no, hl7.ZJS_40]",
        "[request_no, hl7.ZJS_2]",
    ),
    Code(
        "E524",
        "映射“{name}”没有给出“{target}”，不能用于 {what}",
        'the map "{name}" does not make "{target}", which {what} needs',
        "start 的映射给出整个请求；其他的给出 no（结算单号）或 of（发起时的请求号），以及 body。",
        "The map of `start` makes the whole request; the others make `no` or `of` (the request number it began with), "
        "and `body`.",
        "make: [[body.reason_code, hl7.ZJS_20]]",
        "make: [[no, hl7.ZJS_3], [body.request_no, hl7.ZJS_2], [body.reason_code, hl7.ZJS_20]]",
    ),
    Code(
        "E528",
        "映射“{name}”给出的“{target}”，{what} 没有这个字段",
        'the map "{name}" makes "{target}", which {what} does not have',
        "多出的字段会使每一个请求被拒绝；写错了名字的，要给的值也就没有给。",
        "A field too many has every request refused; under a wrong name the value that was meant is not given.",
        "make: [[body.reasoncode, hl7.ZJS_13]]",
        "make: [[body.reason_code, hl7.ZJS_13]]",
    ),
    Code(
        "E525",
        "动作“{code}”已由 {file} 第 {line} 行接收",
        'the action "{code}" is already taken by line {line} of {file}',
        "同一监听、同一报文类型、同一动作码只能对应一件事。",
        "One listener, one message type, one action: one thing to do.",
        "- {when: PRE, do: start, …}\n- {when: PRE, do: show, …}",
        "- {when: PRE, do: start, …}\n- {when: QRY, do: show, …}",
    ),
    Code(
        "E526",
        "不知道要做什么：{text}",
        "nothing is known by this name: {text}",
        "do 是 start、cancel、refund、show，或通道 hears 中终端的事件。",
        "`do` is start, cancel, refund, show, or an event that the channel hears from terminals.",
        "- {when: PAY, do: pay, …}",
        "- {when: PAY, do: pay_choice, …}",
    ),
    Code(
        "E527",
        "金额单位不一致：报文说明写 {unit}，这一行 {detail}",
        "amounts in different units: the profile says {unit}, this row {detail}",
        "应答中的金额按报文说明的单位写：元要经过 yuan，分不经过。",
        "Amounts of the answer are written in the profile's unit: yuan through the filter `yuan`, fen without.",
        "amounts: yuan\n[ZJA_5, answer.amounts.cash]",
        "amounts: yuan\n[ZJA_5, answer.amounts.cash | yuan]",
    ),
    Code(
        "W521",
        "监听“{name}”对外开放且没有双向 TLS，也没有 peers：任何能连上的人都可以冒充发送方",
        'the listener "{name}" is open without mutual TLS or `peers`: whoever connects may claim to be a sender',
        "HL7 报文没有签名，发送方只能靠证书或网络地址确认。",
        "HL7 messages carry no signature: a sender is known by certificate or by network address.",
        "hl7: {mllp: 0.0.0.0:8610}",
        "hl7: {mllp: 0.0.0.0:8610, tls: {…, ca: file:var/keys/his-ca.crt}}",
    ),
)
