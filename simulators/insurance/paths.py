"""Service path of each transaction under the gateway's base.

The first path of a row is the one to use; the others are seen in other provinces and taken as well.
Rows marked `local` name a path that no public source gives: this town's own, published in the card.
"""

from __future__ import annotations

_SIGN = "/fsi/api/signInSignOutService"
_VISIT = "/fsi/api/outpatientDocInfoService"
_SETTLE = "/fsi/api/outpatientSettleService"
_QUERY = "/fsi/api/fsiIntegratedQueryService"
_STATEMENT = "/fsi/api/ybSettlementStmtService"
_DOWN, _PAGE = "/fsi/api/catalogdownservice", "/fsi/api/catalogqueryservice"
_LINES, _SETL = "/fsi/api/hospFeeDtlService", "/fsi/api/hospSettService"
_IN, _LEAVE = "/fsi/api/hospitalRegisterService", "/fsi/api/dscgService"
_PAIR = "/fsi/api/catalogCompService"
_FILES = "/fsi/api/fileupload"
_FILED = ("1301", "1302", "1303", "1305", "1306", "1307", "1308", "1309", "1310", "1311", "1313", "1314", "1315")

PATHS: dict[str, tuple[str, ...]] = {
    "9001": (f"{_SIGN}/signIn",),
    "9002": (f"{_SIGN}/signOut",),
    "1101": ("/fsi/api/fsiPsnInfoService/queryPsnInfo",),
    "1201": ("/fsi/api/fsiFixMedInsService/queryFixMedIns",),
    **{infno: (f"{_DOWN}/downCatalog{infno}",) for infno in _FILED},
    "1304": (f"{_PAGE}/queryNatyPreparedByPage",),
    "1312": (f"{_PAGE}/queryHilist",),
    "1316": (f"{_PAGE}/queryMedinsHilistMapByPage",),
    "1317": (f"{_PAGE}/queryMedListMapByPage",),
    "1318": (f"{_PAGE}/queryLmtprcByPage",),
    "1319": (f"{_PAGE}/querySelfpayByPage",),
    "1901": ("/fsi/api/catalogqueryservice/queryDataDic",),
    "2001": ("/fsi/api/fsiPsnPriorityInfoService/queryPsnPriorityInfo",),
    "2201": (f"{_VISIT}/outpatientRregistration",),  # the platform's own spelling
    "2202": (f"{_VISIT}/outpatientRegistrationCancel",),
    "2203": (f"{_VISIT}/outpatientMdtrtinfoUp",),
    "2203A": (f"{_VISIT}/outpatientMdtrtinfoUpA",),
    "2204": (f"{_VISIT}/outpatientFeeListUp",),
    "2205": (f"{_VISIT}/outpatientFeeListUpCancel",),
    "2206": (f"{_SETTLE}/preSettletment",),
    "2206A": (f"{_SETTLE}/preSettletmentA",),
    "2207": (f"{_SETTLE}/saveSettletmentV2",),
    "2207A": (f"{_SETTLE}/saveSettletment", f"{_SETTLE}/saveSettletmentA"),
    "2208": (f"{_SETTLE}/cancleSettletment",),  # the platform's own spelling
    "2301": (f"{_LINES}/feeDtlUp",),
    "2302": (f"{_LINES}/feeDtlCl",),
    "2303": (f"{_SETL}/preSett",),
    "2304": (f"{_SETL}/settV2", f"{_SETL}/sett"),
    "2305": (f"{_SETL}/settCl",),
    "2401": (f"{_IN}/hospitalRegisterSave",),
    "2402": (f"{_LEAVE}/dischargeProcess",),
    "2403": (f"{_IN}/hospitalRegisterEdit",),
    "2404": (f"{_IN}/hospitalRegisterCancel",),
    "2405": (f"{_LEAVE}/dischargeUndo",),
    "2505": ("/fsi/api/fsiPsnFixService/psnFixRegister",),  # local
    "2506": ("/fsi/api/fsiPsnFixService/psnFixRegisterCancel",),  # local
    "2601": ("/fsi/api/reverseService/revsMethod",),
    "3201": (f"{_STATEMENT}/stmtTotal", f"{_STATEMENT}/stmt"),
    "3202": (f"{_STATEMENT}/stmtDetail",),
    "3301": (f"{_PAIR}/catalogCompUp",),
    "3302": (f"{_PAIR}/catalogCompUpCancel",),  # local
    "5201": (f"{_QUERY}/queryMdtrtInfo",),  # local
    "5202": (f"{_QUERY}/queryDiseInfo",),  # local
    "5203": (f"{_QUERY}/querySetlInfo",),
    "5204": (f"{_QUERY}/queryFeeList",),
    "5205": (f"{_QUERY}/queryPsnOpspDrug",),  # local
    "5206": (f"{_QUERY}/queryFixmedinsPracPsnSum",),
    "5301": (f"{_QUERY}/queryPsnOpspReg",),
    "5302": (f"{_QUERY}/queryPsnFixmedin",),  # local
    "5303": (f"{_QUERY}/queryInhospInfo",),
    "5304": (f"{_QUERY}/queryTrafficInfo",),  # local
    "9101": (f"{_FILES}/upload",),
    "9102": (f"{_FILES}/download",),
}


def agrees(template: str, infno: str, path: str) -> bool:
    """Whether a call of `infno` may come in at `path`; template: path (table), infno (`/{infno}`), base (`/`)."""
    if template == "base":
        return path in ("", "/")
    if template == "infno":
        return path == f"/{infno}"
    return path in PATHS.get(infno, ())
