"""E60x: conditions that cannot be read."""

from __future__ import annotations

from engine.config.problems import Code, declare

declare(
    Code(
        "E601",
        "条件写法有误：{detail}",
        "the condition cannot be read: {detail}",
        "条件使用 CEL 语法：比较用 ==、!=、<、<=、>、>=，并且用 &&，或者用 ||，取反用 !，文字放在单引号中。",
        "Conditions are CEL: compare with == != < <= > >=, join with && and ||, negate with !, put text in single "
        "quotes.",
        "if: request.pay_identity = 'insured'",
        "if: request.pay_identity == 'insured'",
    ),
    Code(
        "E602",
        "条件中没有这个函数：{name}",
        "there is no function {name} in conditions",
        "条件可用的函数是固定的：size、has、exists、all、exists_one、map、filter、startsWith、endsWith、contains、"
        "matches、int、string、type，以及 sum_of、sum_of_yuan、fen_of_yuan、count、present。",
        "Conditions have a closed list of functions: size, has, exists, all, exists_one, map, filter, startsWith, "
        "endsWith, contains, matches, int, string, type, and our own sum_of, sum_of_yuan, fen_of_yuan, count, present.",
        "that: sumof(his.bill.items, 'amount') == his.bill.total",
        "that: sum_of(his.bill.items, 'amount') == his.bill.total",
    ),
    Code(
        "E603",
        "条件不能使用小数 {number}：金额用整数分",
        "a condition has no decimals ({number}): amounts are whole fen",
        "CEL 的小数是浮点数，会让金额比较出错。金额请用整数分（12.34 元写 1234），数量比较请放在映射的过滤器中。",
        "CEL's decimals are binary floats and make amounts compare wrong. Write amounts in fen (1234 for 12.34 yuan).",
        "if: due.cash > 0.01",
        "if: due.cash > 1",
    ),
)
