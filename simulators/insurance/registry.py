"""Every transaction this bureau knows: code → what runs it. A new family adds its rows here and in `paths`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulators.insurance import (
    catalogue,
    designate,
    fees,
    files,
    person,
    query,
    reverse,
    settle,
    signin,
    statement,
    stay_fees,
    stay_settle,
    stays,
    visit,
)
from simulators.insurance.envelope import Call
from simulators.insurance.state import Bureau


@dataclass(frozen=True, slots=True)
class Transaction:
    """`run` gives `output` or raises Refusal; `changes`: a repeat of its msgid gets the stored answer."""

    title: str
    changes: bool
    run: Callable[[Bureau, Call], object]
    needs_sign_no: bool = True


TRANSACTIONS: dict[str, Transaction] = {
    "9001": Transaction("签到", True, signin.sign_in, needs_sign_no=False),
    "9002": Transaction("签退", True, signin.sign_out, needs_sign_no=False),
    "1101": Transaction("人员基本信息获取", False, person.person_info),
    "1201": Transaction("医药机构信息获取", False, person.institution),
    **{
        infno: Transaction(f"{title}目录下载", False, catalogue.directory(infno))
        for infno, title in (
            ("1301", "西药中成药"), ("1302", "中药饮片"), ("1303", "医疗机构制剂"), ("1305", "医疗服务项目"),
            ("1306", "医用耗材"), ("1307", "疾病与诊断"), ("1308", "手术操作"), ("1309", "门诊慢特病种"),
            ("1310", "按病种付费病种"), ("1311", "日间手术治疗病种"), ("1313", "肿瘤形态学"), ("1314", "中医疾病"),
            ("1315", "中医证候"),
        )
    },
    **{
        infno: Transaction(title, False, catalogue.PAGES[infno])
        for infno, title in (
            ("1304", "民族药品目录查询"), ("1312", "医保目录信息查询"), ("1316", "医疗目录与医保目录匹配信息查询"),
            ("1317", "医药机构目录匹配信息查询"), ("1318", "医保目录限价信息查询"),
            ("1319", "医保目录先自付比例信息查询"),
        )
    },
    "1901": Transaction("字典表查询", False, person.data_dictionary),
    "2001": Transaction("人员待遇享受检查", False, person.enjoyment),
    "2201": Transaction("门诊挂号", True, visit.register),
    "2202": Transaction("门诊挂号撤销", True, visit.unregister),
    "2203": Transaction("门诊就诊信息上传", True, visit.visit_info),
    "2203A": Transaction("门诊就诊信息上传A", True, visit.visit_info),
    "2204": Transaction("门诊费用明细信息上传", True, fees.upload),
    "2205": Transaction("门诊费用明细信息撤销", True, fees.take_back),
    "2206": Transaction("门诊预结算", False, settle.quote),
    "2206A": Transaction("门诊预结算A", False, settle.quote),
    "2207": Transaction("门诊结算", True, settle.conclude),
    "2207A": Transaction("门诊结算A", True, settle.conclude),
    "2208": Transaction("门诊结算撤销", True, settle.cancel),
    "2301": Transaction("住院费用明细上传", True, stay_fees.upload),
    "2302": Transaction("住院费用明细撤销", True, stay_fees.take_back),
    "2303": Transaction("住院预结算", False, stay_settle.quote),
    "2304": Transaction("住院结算", True, stay_settle.conclude),
    "2305": Transaction("住院结算撤销", True, stay_settle.cancel),
    "2401": Transaction("入院办理", True, stays.admit),
    "2402": Transaction("出院办理", True, stays.discharge),
    "2403": Transaction("住院信息变更", True, stays.change),
    "2404": Transaction("入院撤销", True, stays.withdraw),
    "2405": Transaction("出院撤销", True, stays.readmit),
    "2505": Transaction("人员定点备案", True, designate.designate),
    "2506": Transaction("人员定点备案撤销", True, designate.withdraw),
    "2601": Transaction("冲正交易", True, reverse.reverse),
    "3201": Transaction("医药机构费用结算对总账", False, statement.compare),
    "3202": Transaction("医药机构费用结算对明细账", False, statement.details),
    "3301": Transaction("目录对照上传", True, catalogue.pair),
    "3302": Transaction("目录对照撤销", True, catalogue.unpair),
    "5201": Transaction("就诊信息查询", False, query.visits),
    "5202": Transaction("诊断信息查询", False, query.diagnoses),
    "5203": Transaction("结算信息查询", False, query.settlement),
    "5204": Transaction("费用明细查询", False, query.fee_lines),
    "5205": Transaction("人员慢特病用药记录查询", False, query.nothing),
    "5206": Transaction("人员累计信息查询", False, query.yearly_sums),
    "5301": Transaction("人员慢特病备案查询", False, query.nothing),
    "5302": Transaction("人员定点信息查询", False, designate.designations),
    "5303": Transaction("在院信息查询", False, query.in_hospital),
    "5304": Transaction("转院信息查询", False, query.no_transfers),
    "9101": Transaction("文件上传", True, files.upload),
    "9102": Transaction("文件下载", False, files.download),
}
