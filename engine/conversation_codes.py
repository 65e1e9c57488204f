"""E9xx: test files of channels (`channels/NAME.test.yaml`)."""

from __future__ import annotations

from engine.config.problems import Code, declare

declare(
    Code(
        "E901",
        "不认识这一步；可以写：{words}",
        "unknown step; there are: {words}",
        "对话的每一步是一行“说法: 内容”。WHO 是外部系统的名称（his、nhsa、wechat、einvoice）。",
        "Each step of a conversation is one line of a phrase and its content. WHO is a party's name.",
        "- kiosk sais: settle",
        "- kiosk says: settle",
    ),
    Code(
        "E902",
        "通道没有“{name}”这个调用",
        'the channel has no call "{name}"',
        "对话里的调用名要与通道文件 calls 中的名称一致。",
        "Calls in a conversation are named as in the channel's `calls`.",
        "- his answers: {call: his.lok}",
        "- his answers: {call: his.lock}",
    ),
    Code(
        "E903",
        "没有“{name}”这个通道",
        'there is no channel "{name}"',
        "测试文件的 channel 是它所测试的通道名。",
        "A test file's `channel` names the channel it tests.",
        "channel: outpatient_setlement",
        "channel: outpatient_settlement",
    ),
    Code(
        "E904",
        "“{text}”不是时间，应写成 2026-11-22 09:00:00",
        '"{text}" is no time; write 2026-11-22 09:00:00',
        "对话的时间是北京时间，写到秒。",
        "Times in a conversation are Beijing time, to the second.",
        "at: 9 o'clock",
        "at: 2026-11-22 09:00:00",
    ),
)
