"""The transactions of the platform this engine speaks: service paths, names, what each changes and must answer.

Paths differ between provinces (3302, 5201, 5202, 5205, 5302, 5304, 2505 and 2506 are not published): a site replaces
single ones in the connection's `paths`.
"""

from __future__ import annotations

from typing import Final

from engine.parties.contract import Op

_OUT: Final = "/fsi/api/outpatientDocInfoService"
_SETL: Final = "/fsi/api/outpatientSettleService"
_ASK: Final = "/fsi/api/fsiIntegratedQueryService"
_FILING: Final = "/fsi/api/fsiPsnFixService"
_DOWN: Final = "/fsi/api/catalogdownservice/downCatalog"
_PAGE: Final = "/fsi/api/catalogqueryservice"
_STAY: Final = "/fsi/api/hospitalRegisterService"
_LEAVE: Final = "/fsi/api/dscgService"
_LINES: Final = "/fsi/api/hospFeeDtlService"
_STAY_SETL: Final = "/fsi/api/hospSettService"
_STMT: Final = "/fsi/api/ybSettlementStmtService"
_PAIR: Final = "/fsi/api/catalogCompService"
_FILE: Final = "/fsi/api/fileupload"
EC_QUERY: Final = "ec.query"

# Directories that come as a file (9102), by their transaction.
DIRECTORIES: Final = {
    "1301": ("西药中成药", "western and patent medicines"), "1302": ("中药饮片", "herbal pieces"),
    "1303": ("医疗机构制剂", "hospital preparations"), "1305": ("医疗服务项目", "medical services"),
    "1306": ("医用耗材", "medical supplies"), "1307": ("疾病与诊断", "diagnoses"),
    "1308": ("手术操作", "operations"), "1309": ("门诊慢特病种", "chronic diseases"),
    "1310": ("按病种付费病种", "diseases paid by case"), "1311": ("日间手术病种", "day surgery"),
    "1313": ("肿瘤形态学", "tumour morphology"), "1314": ("中医疾病", "diseases of Chinese medicine"),
    "1315": ("中医证候", "syndromes of Chinese medicine"),
}  # fmt: skip


# code: (path, zh, en, what it changes: "?" it only asks · "" nothing that stays · "c" something · "m" money, node the
# output must have)
_TABLE: Final = {
    "9001": ("/fsi/api/signInSignOutService/signIn", "签到", "sign in", "", "signinoutb"),
    "9002": ("/fsi/api/signInSignOutService/signOut", "签退", "sign out", "", "signoutoutb"),
    "1101": ("/fsi/api/fsiPsnInfoService/queryPsnInfo", "人员信息获取", "read a person", "?", "baseinfo"),
    "1201": ("/fsi/api/fsiFixMedInsService/queryFixMedIns", "医药机构信息", "read an institution", "?", ""),
    **{
        code: (f"{_DOWN}{code}", f"{zh}目录下载", f"directory of {en}", "", "file_qury_no")
        for code, (zh, en) in DIRECTORIES.items()
    },
    "1304": (f"{_PAGE}/queryNatyPreparedByPage", "民族药品目录查询", "ethnic medicines by page", "", ""),
    "1312": (f"{_PAGE}/queryHilist", "医保目录查询", "insured items by page", "", ""),
    "1316": (f"{_PAGE}/queryMedinsHilistMapByPage", "医疗目录与医保目录匹配查询", "items and insured items", "", ""),
    "1317": (f"{_PAGE}/queryMedListMapByPage", "医药机构目录匹配查询", "pairings of an institution", "", ""),
    "1318": (f"{_PAGE}/queryLmtprcByPage", "医保目录限价查询", "price caps by page", "", ""),
    "1319": (f"{_PAGE}/querySelfpayByPage", "医保目录先自付比例查询", "first self-pay shares by page", "", ""),
    "1901": (f"{_PAGE}/queryDataDic", "字典表查询", "read a dictionary", "", ""),
    "2001": ("/fsi/api/fsiPsnPriorityInfoService/queryPsnPriorityInfo", "待遇检查", "check benefits", "?", ""),
    "2201": (f"{_OUT}/outpatientRregistration", "门诊挂号", "register a visit", "c", "data"),
    "2202": (f"{_OUT}/outpatientRegistrationCancel", "挂号撤销", "cancel a registration", "c", ""),
    "2203": (f"{_OUT}/outpatientMdtrtinfoUp", "就诊信息上传", "upload visit and diagnoses", "", ""),
    # 2203A overwrites what was sent before and goes with the visit: a repeat or a late one changes nothing.
    "2203A": (f"{_OUT}/outpatientMdtrtinfoUpA", "就诊信息上传", "upload visit and diagnoses", "", ""),
    "2204": (f"{_OUT}/outpatientFeeListUp", "费用明细上传", "upload fee lines", "c", ""),
    "2205": (f"{_OUT}/outpatientFeeListUpCancel", "费用明细撤销", "withdraw fee lines", "c", ""),
    "2206": (f"{_SETL}/preSettletment", "预结算", "quote a settlement", "?", "setlinfo"),
    "2206A": (f"{_SETL}/preSettletmentA", "预结算", "quote a settlement", "?", "setlinfo"),
    "2207": (f"{_SETL}/saveSettletmentV2", "结算", "settle", "m", "setlinfo"),
    "2207A": (f"{_SETL}/saveSettletmentA", "结算", "settle", "m", "setlinfo"),
    "2208": (f"{_SETL}/cancleSettletment", "结算撤销", "cancel a settlement", "m", ""),
    "2301": (f"{_LINES}/feeDtlUp", "住院费用明细上传", "upload the lines of a stay", "c", ""),
    "2302": (f"{_LINES}/feeDtlCl", "住院费用明细撤销", "withdraw the lines of a stay", "c", ""),
    "2303": (f"{_STAY_SETL}/preSett", "住院预结算", "quote a stay", "?", "setlinfo"),
    "2304": (f"{_STAY_SETL}/settV2", "住院结算", "settle a stay", "m", "setlinfo"),
    "2305": (f"{_STAY_SETL}/settCl", "住院结算撤销", "cancel the settlement of a stay", "m", ""),
    "2401": (f"{_STAY}/hospitalRegisterSave", "入院办理", "admit", "c", "result"),
    "2402": (f"{_LEAVE}/dischargeProcess", "出院办理", "discharge", "c", ""),
    # as 2203A: it overwrites what was sent before
    "2403": (f"{_STAY}/hospitalRegisterEdit", "住院信息变更", "change a stay", "", ""),
    "2404": (f"{_STAY}/hospitalRegisterCancel", "入院撤销", "withdraw an admission", "c", ""),
    "2405": (f"{_LEAVE}/dischargeUndo", "出院撤销", "withdraw a discharge", "c", ""),
    "2601": ("/fsi/api/reverseService/revsMethod", "冲正", "reverse a transaction of unknown outcome", "m", ""),
    "2505": (f"{_FILING}/psnFixRegister", "人员定点备案", "sign with an institution", "c", ""),
    "2506": (f"{_FILING}/psnFixRegisterCancel", "定点备案撤销", "withdraw a signing", "c", ""),
    "3201": (f"{_STMT}/stmtTotal", "对总账", "compare totals", "", "stmtinfo"),
    "3202": (f"{_STMT}/stmtDetail", "对明细账", "compare row by row", "", "fileinfo"),
    "3301": (f"{_PAIR}/catalogCompUp", "目录对照上传", "upload pairings of items", "c", ""),
    "3302": (f"{_PAIR}/catalogCompUpCancel", "目录对照撤销", "withdraw a pairing", "c", ""),
    "5201": (f"{_ASK}/queryMdtrtInfo", "就诊信息查询", "find visits", "?", ""),
    "5202": (f"{_ASK}/queryDiseInfo", "诊断信息查询", "find diagnoses", "?", ""),
    "5203": (f"{_ASK}/querySetlInfo", "结算信息查询", "find a settlement", "?", ""),
    "5204": (f"{_ASK}/queryFeeList", "费用明细查询", "find uploaded lines", "?", ""),
    "5205": (f"{_ASK}/queryPsnOpspDrug", "慢特病用药记录查询", "find drugs of chronic diseases", "?", ""),
    "5206": (f"{_ASK}/queryFixmedinsPracPsnSum", "人员累计查询", "read yearly sums", "?", ""),
    "5301": (f"{_ASK}/queryPsnOpspReg", "慢特病备案查询", "find chronic disease filings", "?", ""),
    "5302": (f"{_ASK}/queryPsnFixmedin", "人员定点信息查询", "find whom a person signed with", "?", ""),
    "5303": (f"{_ASK}/queryInhospInfo", "在院信息查询", "find stays in hospital", "?", ""),
    "5304": (f"{_ASK}/queryTrafficInfo", "转院信息查询", "find transfers", "?", ""),
    # A file changes nothing by itself: what names it (3202) does.
    "9101": (f"{_FILE}/upload", "文件上传", "upload a file", "", "file_qury_no"),
    "9102": (f"{_FILE}/download", "文件下载", "download a file", "", ""),
    EC_QUERY: ("/fsi/api/hsecfc/localQrCodeQuery", "电子凭证解码", "decode a 电子凭证", "", ""),
}

PATHS: Final = {code: row[0] for code, row in _TABLE.items()}
# Lists as maps see them, whether the platform says null, leaves the node out, or sends one object.
LISTS: Final = {
    "1101": "insuinfo", "5201": "mdtrtinfo", "5202": "diseinfo", "5204": "rows", "5206": "cuminfo", "5301": "feedetail",
    "5302": "psnfixmedin", "5303": "data", "1312": "data", "1317": "data", "1318": "data", "1319": "data",
}  # fmt: skip
NODES: Final = {code: row[4] for code, row in _TABLE.items() if row[4]}
OPS: Final = {
    code: Op(
        code, zh, en, changes=what in ("c", "m"), money=what == "m", number="" if code == EC_QUERY else "msgid",
        session=code not in ("9001", EC_QUERY), bulky=code == "9102", question=what == "?",
    )
    for code, (_, zh, en, what, _node) in _TABLE.items()
}  # fmt: skip
