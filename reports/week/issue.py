"""Which issue of the bulletin a week is, and what its files are called."""

from __future__ import annotations

import unicodedata

from reports.calendar import Week, parse_week
from reports.week.model_work import Issue
from rules.policy import Policy

#: What no file system of an office takes in a name.
_UNFIT = '/\\:*?"<>|'


def issue_of(week: Week, policy: Policy) -> Issue:
    """The issue of a week: counted from the policy's first one, else numbered as the weeks of the year."""
    number = week.number
    if policy.first_issue_week:
        number = policy.first_issue + (week.monday - parse_week(policy.first_issue_week).monday).days // 7
    return Issue(policy.district_name, policy.bulletin_title, policy.issuing_office, number, week.year)


def file_stem(issue: Issue, week: Week) -> str:
    """`栖宁区渣土车联合检查周报-2026-W47-第47期`."""
    head = "".join(c for c in issue.heading if c not in _UNFIT and unicodedata.category(c)[0] != "C").strip(" .")
    return f"{head or '周报'}-{week}-第{issue.number}期"
