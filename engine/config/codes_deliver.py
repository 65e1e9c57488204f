"""E33x: what only channels of kind deliver can get wrong."""

from __future__ import annotations

from engine.config.problems import Code, declare

declare(
    Code(
        "E331",
        "deliver 通道的 {what} 没有“{path}”这项数据",
        'a deliver channel has no "{path}" to {what}',
        "HL7 消息的数据是 hl7.PID_3_1 等，HTTP 请求是 request，转交的结算是其各步结果（ended 只有 ends 转交的才有）；"
        "此外有 message、hospital、now、own。",
        "Of an HL7 message there is hl7.PID_3_1 and so on, of an HTTP request `request`, of a settlement handed over "
        "the results of its steps (`ended` only where `ends` hands it over); besides message, hospital, now, own.",
        "key: h17.PID_3_1",
        "key: hl7.PID_3_1",
    ),
    Code(
        "E332",
        "“{op}”动款项或需要签到，不能由 deliver 通道发送",
        '"{op}" moves money or needs a sign-in: a deliver channel cannot send it',
        "deliver 通道没有应答就会重发；款项只能由 settle 通道办理。",
        "A deliver channel sends again after silence; money goes through a settle channel.",
        "to: {his: {to: his, op: balance.and.pay.bill, …}}",
        "to: {his: {to: his_hl7, op: DFT^P03, …}}",
    ),
    Code(
        "E333",
        "监听“{at}”上的 {event} 已由 {file}:{line} 接收",
        '{event} at the listener "{at}" is taken by {file}:{line}',
        "一个监听上的一种消息只归一个通道；要发给多方，在该通道的 to 中增加一行。",
        "One kind of message at a listener belongs to one channel; for more receivers add a row to its `to`.",
        "messages: [ADT^A01]",
        "to: {emr: {…}, lis: {…}}",
    ),
    Code(
        "E334",
        "没有可以转交的 deliver 通道“{name}”",
        'there is no deliver channel "{name}" that can be told',
        "tell 只能转交给 listen: {{tell: yes}} 的 deliver 通道。",
        "`tell` hands over to a deliver channel with listen: {{tell: yes}}.",
        "- {tell: dft_p30}",
        "- {tell: dft_p03}",
    ),
    Code(
        "E338",
        "“{name}”已经会听到 {end}，这里又转交一次",
        '"{name}" is told of {end} already: this would tell it twice',
        "ends 中同一个通道的同一种结局只写一次，否则患者会收到两条。",
        "In `ends` a channel and an end stand together once; otherwise a patient hears twice.",
        "ends: [{tell: sms_back, at: [undone]}, {tell: sms_back, at: [undone, late]}]",
        "ends: [{tell: sms_back, at: [undone, late]}]",
    ),
    Code(
        "W522",
        "“{at}”那里没有人等应答（{what}），ack: delivered 不起作用",
        'nobody waits for an answer at "{at}" ({what}): ack: delivered does nothing there',
        "文件、视图和结算转交都没有发送方在等：存盘就算收下，送达与否看 engine list messages。",
        "Behind a file, a view or a settlement nobody waits: what is stored is taken, and whether it arrived is in "
        "`engine list messages`.",
        "listen: {at: lis_out, messages: [ORU^R01], ack: delivered}",
        "listen: {at: lis_out, messages: [ORU^R01]}",
    ),
    Code(
        "E336",
        "{party} 只允许 {window} 个同时进行，分担通道的进程却有 {processes} 个",
        "{party} bears {window} at a time, but {processes} processes share this channel",
        "window 和 rate 由各进程平分，每个进程至少要有一个：加大 window，减少 limits.processes，或不写 spread。",
        "The processes divide `window` and `rate` among them, and each needs at least one: a larger window, fewer "
        "limits.processes, or no `spread`.",
        "his: {kind: mllp, …, window: 1}",
        "his: {kind: mllp, …, window: 2}",
    ),
    Code(
        "E337",
        "{party} 写了 tls，地址“{url}”却不加密",
        '{party} has `tls`, but its address "{url}" is not encrypted',
        "tls 只对 https://、mllps://、tcps:// 起作用；地址不加密，证书就没有用，患者信息以明文传送。",
        "`tls` is for https://, mllps:// and tcps://: at another address the certificates do nothing, and patients' "
        "data travels in clear.",
        "his: {kind: mllp, url: mllp://10.1.2.3:2575, tls: {ca: file:var/keys/his-ca.crt}}",
        "his: {kind: mllp, url: mllps://10.1.2.3:2575, tls: {ca: file:var/keys/his-ca.crt}}",
    ),
    Code(
        "E335",
        "{party} 是 {kind} 类系统，地址应以 {wanted} 开头",
        "{party} is a party of kind {kind}: its address begins with {wanted}",
        "HL7 走 MLLP，地址写成 mllp://主机:端口；其他系统写 http:// 或 https://。",
        "HL7 travels over MLLP, written mllp://host:port; other parties are http:// or https://.",
        "lis: {kind: mllp, url: http://127.0.0.1:8742}",
        "lis: {kind: mllp, url: mllp://127.0.0.1:8742}",
    ),
)
