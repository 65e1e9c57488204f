"""Words of the login form and of plain messages."""

# ruff: noqa: E501 a table reads best with one row a line

TEXTS: dict[str, tuple[str, str]] = {
    "heading": ("登录", "Log in"),
    "user": ("用户名", "User"),
    "password": ("密码", "Password"),
    "go": ("登录", "Log in"),
    "wrong": ("用户名或密码不正确", "User or password is wrong"),
    "wait": ("尝试次数过多，请 {n} 秒后再试", "Too many tries; try again in {n} seconds"),
    "busy": ("系统正忙，请稍后再试", "Busy; please try again shortly"),
    "note": ("15 分钟无操作自动退出", "You are logged out after 15 minutes without a request"),
    "closed.title": ("控制台未开放", "The console is closed"),
    "closed.why": (
        "engine.yaml 的 console.users 没有配置用户。没有用户时，只有演示或测试环境、并且从本机直接访问，控制台才打开。",
        "console.users of engine.yaml names nobody. Without users the console opens only in a demo or test profile, and only "
        "to this machine itself.",
    ),
    "closed.do": (
        "请在 engine.yaml 配置用户，或在本机用 http://127.0.0.1 打开。",
        "Configure a user in engine.yaml, or open it on this machine as http://127.0.0.1.",
    ),
    "foreign.title": ("请求被拒绝", "Refused"),
    "foreign.why": ("该表单来自别的网站。", "The form came from another site."),
    "stale.title": ("没有办", "Nothing was done"),
    "stale.why": (
        "这张表单不是您在本次登录中、一小时之内从控制台得到的，或引擎重新启动过。请刷新页面，看过现在的情况再按。",
        "This form is not one that the console gave you in this login and the last hour, or the engine was started anew. Load "
        "the page again, look how it stands now, then press.",
    ),
    "role.title": ("这一页不对您的角色开放", "This page is not for your role"),
    "role.why": ("控制台的每一页写明给哪些角色看。", "Each page of the console is for certain roles."),
    "role.open_to": ("可以看的角色", "It is open to"),
    "role.yours": ("您的角色", "Your roles"),
    "role.do": (
        "需要看的，请接口管理员在 engine.yaml 的 console.users 里加上角色。",
        "If you need it, have the interface administrator add a role to console.users of engine.yaml.",
    ),
    "missing.title": ("没有这个页面", "There is no such page"),
    "missing.why": ("地址不正确，或记录已过保存期限。", "The address is wrong, or the record was purged."),
    "failed.title": ("页面无法生成", "The page cannot be made"),
    "failed.why": (
        "读取存储时出错，已记录。结算不受影响。",
        "Reading the store failed, which was logged. Settlements go on.",
    ),
    "home": ("回到总览", "Back to the overview"),
}
