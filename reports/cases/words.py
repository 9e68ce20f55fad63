"""The Chinese names of what can become of a case: states, actions, reasons, roles."""

from __future__ import annotations

STATE_NAMES = {
    "flagged": "待初审",
    "first_confirmed": "初审属实，待复审",
    "first_rejected": "初审不属实，待复审",
    "confirmed": "属实，待告知",
    "rejected": "不属实",
    "notified": "已告知",
    "appealed": "申诉中",
    "upheld": "申诉不成立，维持",
    "overturned": "申诉成立，撤销",
    "voided": "已作废",
}

#: Action -> what the history says of it.
ACTION_NAMES = {
    "open": "立案",
    "propose_confirm": "初审：属实",
    "propose_reject": "初审：不属实",
    "confirm": "复审：属实",
    "reject": "复审：不属实",
    "send_back": "复审：退回初审",
    "withdraw": "撤回初审意见",
    "notify": "告知当事人",
    "state": "当事人陈述",
    "appeal": "当事人申诉",
    "uphold": "申诉裁决：维持",
    "overturn": "申诉裁决：撤销",
    "void": "作废",
    "stand": "事实变化后维持原决定",
}

#: Actions that make their actor a reviewer of the case, for good.
REVIEWERS_ONLY = ("propose_confirm", "propose_reject", "confirm", "reject", "send_back")

REASON_NAMES = {
    "gps_drift": "定位漂移",
    "datum": "坐标系错误",
    "sensor_fault": "传感器故障",
    "empty_truck": "空车",
    "maintenance": "维修、加油或冲洗",
    "road_closure": "道路封闭或交警疏导绕行",
    "emergency_works": "应急抢险作业",
    "permit_amended": "许可已变更",
    "vehicle_replaced": "车辆已过户或换牌",
    "cloned_plate": "套牌",
    "unclear_record": "记录不清，无法认定",
    "facts_changed": "后续数据表明事实有变",
    "first_minor": "首违轻微不予处罚",
    "defence_accepted": "陈述申辩成立",
    "other": "其他（须填写说明）",
}

ROLE_NAMES = {
    "reviewer": "初审员",
    "second_reviewer": "复审员",
    "appeal_officer": "申诉裁决员",
    "inspector": "督查员",
    "company": "运输企业",
    "auditor": "审计员",
    "admin": "系统管理员",
}
