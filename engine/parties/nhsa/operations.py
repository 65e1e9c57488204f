"""The transactions of the platform this engine speaks: service paths, names, what each changes and must answer.

Paths differ between provinces (5201, 5302, 5304, 2505 and 2506 are not published): a site replaces single ones in the
connection's `paths`.
"""

from __future__ import annotations

from typing import Final

from engine.parties.contract import Op

_OUT: Final = "/fsi/api/outpatientDocInfoService"
_SETL: Final = "/fsi/api/outpatientSettleService"
_ASK: Final = "/fsi/api/fsiIntegratedQueryService"
_FILING: Final = "/fsi/api/fsiPsnFixService"


# code: (path, zh, en, what it changes: "" nothing · "c" something · "m" money, node the output must have)
_TABLE: Final = {
    "9001": ("/fsi/api/signInSignOutService/signIn", "签到", "sign in", "", "signinoutb"),
    "9002": ("/fsi/api/signInSignOutService/signOut", "签退", "sign out", "", "signoutoutb"),
    "1101": ("/fsi/api/fsiPsnInfoService/queryPsnInfo", "人员信息获取", "read a person", "", "baseinfo"),
    "1201": ("/fsi/api/fsiFixMedInsService/queryFixMedIns", "医药机构信息", "read an institution", "", ""),
    "2001": ("/fsi/api/fsiPsnPriorityInfoService/queryPsnPriorityInfo", "待遇检查", "check benefits", "", ""),
    "2201": (f"{_OUT}/outpatientRregistration", "门诊挂号", "register a visit", "c", "data"),
    "2202": (f"{_OUT}/outpatientRegistrationCancel", "挂号撤销", "cancel a registration", "c", ""),
    # 2203A overwrites what was sent before and goes with the visit: a repeat or a late one changes nothing.
    "2203A": (f"{_OUT}/outpatientMdtrtinfoUpA", "就诊信息上传", "upload visit and diagnoses", "", ""),
    "2204": (f"{_OUT}/outpatientFeeListUp", "费用明细上传", "upload fee lines", "c", ""),
    "2205": (f"{_OUT}/outpatientFeeListUpCancel", "费用明细撤销", "withdraw fee lines", "c", ""),
    "2206A": (f"{_SETL}/preSettletmentA", "预结算", "quote a settlement", "", "setlinfo"),
    "2207A": (f"{_SETL}/saveSettletmentA", "结算", "settle", "m", "setlinfo"),
    "2208": (f"{_SETL}/cancleSettletment", "结算撤销", "cancel a settlement", "m", ""),
    "2601": ("/fsi/api/reverseService/revsMethod", "冲正", "reverse a transaction of unknown outcome", "m", ""),
    "2505": (f"{_FILING}/psnFixRegister", "人员定点备案", "sign with an institution", "c", ""),
    "2506": (f"{_FILING}/psnFixRegisterCancel", "定点备案撤销", "withdraw a signing", "c", ""),
    "3201": ("/fsi/api/ybSettlementStmtService/stmtTotal", "对总账", "compare totals", "", "stmtinfo"),
    "5201": (f"{_ASK}/queryMdtrtInfo", "就诊信息查询", "find visits", "", ""),
    "5203": (f"{_ASK}/querySetlInfo", "结算信息查询", "find a settlement", "", ""),
    "5204": (f"{_ASK}/queryFeeList", "费用明细查询", "find uploaded lines", "", ""),
    "5206": (f"{_ASK}/queryFixmedinsPracPsnSum", "人员累计查询", "read yearly sums", "", ""),
    "5301": (f"{_ASK}/queryPsnOpspReg", "慢特病备案查询", "find chronic disease filings", "", ""),
    "5302": (f"{_ASK}/queryPsnFixmedin", "人员定点信息查询", "find whom a person signed with", "", ""),
    "5303": (f"{_ASK}/queryInhospInfo", "在院信息查询", "find stays in hospital", "", ""),
    "5304": (f"{_ASK}/queryTrafficInfo", "转院信息查询", "find transfers", "", ""),
}

PATHS: Final = {code: row[0] for code, row in _TABLE.items()}
# Lists as maps see them, whether the platform says null, leaves the node out, or sends one object.
LISTS: Final = {"1101": "insuinfo", "5201": "mdtrtinfo", "5302": "psnfixmedin", "5303": "data", "5204": "rows"}
NODES: Final = {code: row[4] for code, row in _TABLE.items() if row[4]}
OPS: Final = {
    code: Op(
        code, zh, en, changes=what != "", money=what == "m", number="msgid", session=code != "9001"
    )
    for code, (_, zh, en, what, _node) in _TABLE.items()
}  # fmt: skip
