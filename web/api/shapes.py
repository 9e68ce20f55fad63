"""What the credit API answers, described for OpenAPI: names, types, and what they mean in the receiver's language."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

_DAY, _CURSOR = "日期（当地）", "不透明游标，原样传回"


class Score(BaseModel):
    """某车辆或企业在某日的违规积分。"""

    subject: Literal["vehicle", "company"] = Field(description="对象：vehicle 车辆，company 企业")
    subject_id: str = Field(description="车牌号或企业编号")
    name: str = Field(description="名称")
    as_of: date = Field(description=_DAY)
    points: int = Field(description="积分，越高越差；只计已确认的违规")
    grade: str | None = Field(description="等级，按政策分档")
    violations: int = Field(description="计分期内已确认的违规数")


class Scores(BaseModel):
    """一页积分。各页属于同一时刻的快照。"""

    as_of: date | None = Field(description=_DAY + "；尚无数据时为空")
    last_seq: int = Field(description="快照包含的最后一个变动序号")
    items: list[Score]
    next_cursor: str | None = Field(description=_CURSOR + "；最后一页为空")
    has_more: bool


class ScoreEvent(BaseModel):
    """一次积分变动。只增不改；同一 event_id 可能收到多次。"""

    seq: int = Field(description="序号，从 1 连续递增")
    event_id: str = Field(description="变动编号，用于去重")
    op: Literal["add", "revoke", "adjust"] = Field(description="add 计入，revoke 撤回，adjust 调整")
    ref_seq: int | None = Field(description="所接续的同一违规的上一次变动序号")
    at: str = Field(description="变动时刻（RFC 3339）")
    violation_id: str
    status: Literal["confirmed", "appealed", "overturned"] = Field(
        description="confirmed 已确认，appealed 申诉中（暂停计分），overturned 已撤销"
    )
    points: int = Field(description="此后该违规所计积分")
    delta: int = Field(description="积分变化")
    act: str = Field(description="同一行为的编号；同一行为只由最重的一项计分")
    rule: str = Field(description="规则编号")
    rule_version: str = Field(description="规则版本")
    rule_points: int = Field(description="该规则的分值")
    plate: str = Field(description="车牌号")
    company_id: str | None = Field(description="企业编号")
    date: str = Field(description="违规发生的当地日期")


class ScoreEvents(BaseModel):
    """一页积分变动，按序号排列。"""

    items: list[ScoreEvent]
    next_cursor: str = Field(description=_CURSOR + "；没有新变动时也给出，供下次使用")
    has_more: bool


class Rule(BaseModel):
    """一条规则。"""

    rule: str = Field(description="规则编号")
    name: str = Field(description="名称")
    version: str = Field(description="版本")
    points: int = Field(description="现行政策下的分值")
    legal_basis: str = Field(description="依据")


class Grade(BaseModel):
    """一个等级。"""

    subject: Literal["vehicle", "company"]
    grade: str
    from_points: int = Field(description="下限（含）")


class Rules(BaseModel):
    """现行规则、分值与分档。"""

    policy_digest: str = Field(description="政策文件摘要")
    score_days: int = Field(description="计分期（天）")
    rules: list[Rule]
    grades: list[Grade]


class Reconciliation(BaseModel):
    """对账：截至某日、某序号，计分的违规有多少、共多少分、摘要为何。"""

    date: date
    last_seq: int
    count: int
    points: int
    sha256: str = Field(description="按 violation_id 排序，每项一行“violation_id 空格 points 换行”，全部行的 SHA-256")


class LogHead(BaseModel):
    """已签名的日志树头（RFC 9162）。"""

    log_id: str
    size: int
    at_ms: int
    root: str
    chain: str
    key_id: str
    signature: str
