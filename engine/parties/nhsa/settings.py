"""What a site must say about its insurance platform."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.parties.settings import PartySettings


class Settings(PartySettings):
    """The connection to the insurance platform: who we are to it, its gateway, its addresses, its files."""

    fixmedins_code: str = Field(pattern=r"^[A-Z][0-9A-Z]{11}$")
    """定点医药机构编号，医保局分配，每笔交易都带
    · the institution's number, given by the bureau, in every transaction"""
    fixmedins_name: str = Field(min_length=1, max_length=200)
    """定点医药机构名称，与医保局登记的一致
    · the institution's name as the bureau knows it"""
    mdtrtarea_admvs: str = Field(pattern=r"^[0-9]{6}$")
    """就医地行政区划代码（mdtrtarea_admvs），如青岛 370200
    · the region of treatment (administrative code), such as 370200 for Qingdao"""
    recer_sys_code: str = Field(default="FSI_LOCAL", max_length=10)
    """接收方系统代码，由省平台规定（见过 FSI_LOCAL、MK、YBXT、LXXT）；映射可按交易另写
    · the receiving system, as the province says (seen: FSI_LOCAL, MK, YBXT, LXXT); a map may say another"""
    infver: str = Field(default="V1.0", max_length=6)
    """接口版本号，由省平台规定（见过 V1.0、1.0、1.0.0）
    · the interface's version, as the province says (seen: V1.0, 1.0, 1.0.0)"""
    signtype: str = Field(default="", max_length=10)
    """报文里的签名方式 signtype，原样上报；多数省留空，省平台要求时写 SM2 或 SM3
    · the envelope's signtype, sent as it stands here; empty in most provinces, SM2 or SM3 where wanted"""
    opter_type: Literal["1", "2", "3"] = "2"
    """经办人类别（国家医保接口规范）：1 经办人，2 自助终端，3 移动终端；映射可按终端另写
    · the kind of operator (national interface): 1 clerk, 2 kiosk, 3 mobile; a map may say another"""
    opter: str = Field(min_length=1, max_length=30)
    """经办人编号；签到签退（9001、9002）与每笔交易都带
    · the operator's number, in sign-in and sign-out (9001, 9002) and in every transaction"""
    opter_name: str = Field(min_length=1, max_length=50)
    """经办人姓名；映射可按终端另写
    · the operator's name; a map may say another"""
    dev_no: str = Field(default="", max_length=100)
    """设备编号；空：由映射按终端填，或不填
    · the device's number; empty: a map says the terminal's, or it stays empty"""
    mac: str = Field(default="00:00:00:00:00:00", min_length=1, max_length=20)
    """签到（9001）上报的网卡地址；平台核对时写前置机的
    · the network card's address told at the sign-in (9001); the front-end machine's where the platform checks it"""
    ip: str = Field(default="127.0.0.1", min_length=1, max_length=20)
    """签到（9001）上报的 IP 地址；平台核对时写前置机的
    · the IP address told at the sign-in (9001); the front-end machine's where the platform checks it"""

    profile: Literal["none", "tif", "x-ca", "csb", "apikey"] = "none"
    """省平台网关的认证方式：none 不认证，tif 请求头 x-tif-*（SHA-256），x-ca（HMAC-SM3），csb（HMAC-SHA1），
    apikey 一个请求头；由省平台接入方告知
    · how the province's gateway authenticates: none, tif (headers x-tif-*, SHA-256), x-ca (HMAC-SM3), csb (HMAC-SHA1),
    apikey (one header); whoever runs it says which"""
    access_key: str = ""
    """网关分配的账号：tif 的 paasid，csb 的 access key，x-ca 的 key（空：用 fixmedins_code）；tif 与 csb 必须有
    · the account at the gateway: paasid of tif, access key of csb, key of x-ca (empty: fixmedins_code); tif and csb
    need it"""
    secret: str = Field(default="", repr=False)
    """网关的密钥：tif 的 token，x-ca 与 csb 的签名密钥，apikey 的值；除 none 外必须有
    · the gateway's secret: token of tif, signing key of x-ca and csb, the value of apikey; all but none need it"""
    tif_prefix: Literal["x-tif", "x-rio"] = "x-tif"
    """tif 请求头的前缀；有的平台叫 x-rio，算法相同
    · what tif's headers begin with; some platforms call the same x-rio"""
    csb_api_name: str = "hssServives"
    """csb 的 _api_name，平台发布的服务名（默认值的拼法就是平台的）
    · csb's _api_name, the service as the platform publishes it (the default is spelled as there)"""
    csb_api_version: str = "1.0.0"
    """csb 的 _api_version，服务的版本
    · csb's _api_version, the service's version"""
    csb_stamp: Literal["s", "ms"] = "ms"
    """csb 时间戳的单位：s 秒，ms 毫秒；各市不同
    · the unit of csb's timestamp: s seconds, ms milliseconds; cities differ"""

    path_template: Literal["path", "infno", "base"] = "path"
    """交易地址怎样接在连接地址之后：path 各交易的服务路径，infno 交易编号，base 不接，只有一个地址
    · what follows the connection's address: path, the transaction's service path; infno, its code; base, nothing"""
    prefix: str = Field(default="", pattern=r"^(/[A-Za-z0-9._-]+)*$")
    """加在上述路径之前；空：不加
    · put before that path; empty: nothing"""
    paths: dict[str, str] = Field(default_factory=dict)
    """本地不同的服务路径，交易编号: 以 / 开头的路径；只用于 path_template: path
    · service paths that differ here, transaction: a path from /; used by path_template: path only"""

    upload_as: Literal["base64", "bytes"] = "base64"
    """9101 上传的文件怎样写进报文：base64 文本，bytes 字节值的列表
    · how 9101 carries a file: base64 text, or bytes, a list of their values"""
    file_charset: Literal["UTF-8", "GB18030"] = "UTF-8"
    """文件（9101 上传、9102 下载）的字符集
    · the character set of files (9101 up, 9102 down)"""
    file_separator: Literal["tab", "comma", "caret", "bar"] = "tab"
    """文件各列之间的分隔：tab 制表符，comma 逗号，caret 尖号，bar 竖线
    · what separates the columns of files: a tab, a comma, a caret, a vertical bar"""
    file_header: bool = False
    """下载的文件第一行是表头，要跳过
    · whether the first line of a downloaded file is a heading, which is skipped"""
    file_max: int = Field(default=268435456, ge=1024)
    """下载的文件解压后的上限，字节（默认 256 MiB）；更大的不读
    · how large a downloaded file may be when unpacked, bytes (256 MiB); a larger one is not read"""
