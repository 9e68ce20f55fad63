"""The one way to decide about a case: event, status, log entry and what other systems are told, in one transaction.

The tables refuse what the law forbids (cases.sql); `refusal` says the same in words beforehand, for buttons and people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reports.cases.words import REVIEWERS_ONLY
from reports.credit.events import publish
from reports.errors import StoreError
from reports.ledger.entries import append
from reports.store import Store

#: A note is a few sentences, not a file.
NOTE_MAX = 2000
_moves: dict[tuple[str, str, str], str] = {}
#: Actions that ask for a reason of `kept.reasons`, and those that ask for words.
WITH_REASON = ("propose_reject", "reject", "overturn", "void")
WITH_NOTE = ("send_back", "state", "appeal", "uphold", "stand", "notify")


class CaseConflict(Exception):
    """Somebody else has decided meanwhile; the message says so in Chinese."""


class MoveRefused(Exception):
    """A move that is not allowed, and why, in Chinese."""


@dataclass(frozen=True)
class Actor:
    """Who decides. `company_id` is empty for officers; `districts` are those an officer is bound to, or none."""

    user_id: str
    role: str
    company_id: str = ""
    districts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """What is decided. `step` is the case's last step as its page showed it (-1: nobody had touched it)."""

    case_id: str
    action: str
    step: int
    reason: str = ""
    note: str = ""


@dataclass(frozen=True)
class Standing:
    """Where a case stands: the last event and the violation under it."""

    case_id: str
    state: str
    step: int
    first_reviewer: str
    reviewers: str
    decided_facts: str
    facts: str
    revision: int
    company_id: str
    district_id: str


def standing(store: Store, case_id: str) -> Standing | None:
    """Where a case stands; None if there is no such violation."""
    found = store.rows(
        "SELECT facts, revision, company_id, coalesce(district_id, '') FROM kept.violations WHERE violation_id = ?",
        [case_id],
    )
    if not found:
        return None
    facts, revision, company_id, district_id = found[0]
    events = store.rows(  # a handful; to have the database sort them costs more than to read them
        "SELECT step, to_state, first_reviewer, reviewers, facts, company_id FROM kept.decisions WHERE case_id = ?",
        [case_id],
    )
    step, state, first, reviewers, decided, party = max(events, default=(-1, "flagged", "", "", facts, company_id))
    return Standing(case_id, state, step, first, reviewers, decided, facts, revision, party or "", district_id)


def moves(store: Store) -> dict[tuple[str, str, str], str]:
    """Every allowed move: (action, state before, role) to the state after."""
    # They come with the schema: the same in every store that this program opens, so they are read once.
    if not _moves:
        found = store.rows("SELECT action, from_state, role, to_state FROM kept.moves")
        _moves.update({(action, before, role): after for action, before, role, after in found})
    return _moves


def refusal(case: Standing, actor: Actor, action: str, allowed: dict[tuple[str, str, str], str]) -> str:
    """Why this person may not do this to the case now, in Chinese; empty if he may."""
    if (action, case.state, actor.role) not in allowed:
        return "案件当前状态不允许该操作"
    if actor.role == "company" and actor.company_id != case.company_id:
        return "只能处理本企业车辆的案件"
    if action in ("confirm", "reject", "send_back") and actor.user_id == case.first_reviewer:
        return "初审人不能复审同一案件，须由另一人复审"
    if action in ("confirm", "reject") and case.facts != case.decided_facts:
        return "初审后事实有变化，请退回重新初审"
    if action == "withdraw" and actor.user_id != case.first_reviewer:
        return "只有初审人可以撤回初审意见"
    if action in ("uphold", "overturn") and f"|{actor.user_id}|" in case.reviewers:
        return "参与过审核的人员不能裁决本案申诉"
    return ""


def decide(store: Store, actor: Actor, decision: Decision, *, at_ms: int) -> str:
    """Decides, or changes nothing; gives the new state.

    Args:
        store: the writer, outside a transaction.
        actor: who decides.
        decision: what about which case, as it stood when the person saw it.
        at_ms: when, epoch ms.

    Raises:
        CaseConflict: if the case has moved on since.
        MoveRefused: if the move is not allowed; whatever this module overlooks, the tables refuse.
        StoreError: if the store cannot be written.
    """
    case = standing(store, decision.case_id)
    if case is None:
        raise MoveRefused("没有这个案件")
    if case.step != decision.step:
        raise CaseConflict("该案件已被他人处理，请刷新后再看")
    allowed = moves(store)
    if why := refusal(case, actor, decision.action, allowed) or _lacking(decision):
        raise MoveRefused(why)
    after = allowed[decision.action, case.state, actor.role]
    try:
        with store.transaction():
            _write(store, case, actor, decision, after, at_ms)
    except StoreError as error:
        if "Duplicate key" in str(error):
            raise CaseConflict("该案件已被他人处理，请刷新后再看") from error
        if "Constraint" in str(error):
            raise MoveRefused(f"数据库拒绝了该操作：{error}") from error
        raise
    return after


def _lacking(decision: Decision) -> str:
    if decision.action in WITH_REASON and not decision.reason:
        return "请选择理由"
    if len(decision.note) > NOTE_MAX:
        return f"说明不能超过 {NOTE_MAX} 字"
    if not decision.note.strip() and (decision.action in WITH_NOTE or decision.reason == "other"):
        return "请填写说明"
    return ""


def _write(store: Store, case: Standing, actor: Actor, decision: Decision, after: str, at_ms: int) -> None:
    step, prior_facts = case.step, case.decided_facts
    if step < 0:
        opened = {"action": "open", "from_state": "", "to_state": "flagged", "actor": "", "role": ""}
        _insert(store, case, opened, {"step": 0, "at_ms": at_ms, "prior_step": None, "prior_facts": ""})
        step, prior_facts = 0, case.facts
    action, name = decision.action, f"|{actor.user_id}|"
    first = case.first_reviewer if after != "flagged" else ""
    reviewers = case.reviewers
    if action in ("propose_confirm", "propose_reject"):
        first = actor.user_id
    if action in REVIEWERS_ONLY and name not in reviewers:
        reviewers = f"{reviewers or '|'}{actor.user_id}|"
    said = {
        "action": action, "from_state": case.state, "to_state": after, "actor": actor.user_id, "role": actor.role,
        "actor_company": actor.company_id, "reason": decision.reason, "note": decision.note,
    }  # fmt: skip
    carried = {
        "step": step + 1, "at_ms": at_ms, "first_reviewer": first, "reviewers": reviewers, "prior_step": step,
        "prior_first": case.first_reviewer, "prior_reviewers": case.reviewers, "prior_facts": prior_facts,
    }  # fmt: skip
    _insert(store, case, said, carried)
    status = str(store.rows("SELECT status FROM kept.states WHERE state = ?", [after])[0][0])
    changed = store.execute(
        "UPDATE kept.violations SET status = $1 WHERE violation_id = $2 AND status <> $1", [status, case.case_id]
    )
    told = {**said, "step": step + 1, "revision": case.revision, "facts": case.facts, "status": status}
    append(store, "decision", case.case_id, actor.user_id, told, at_ms=at_ms)
    if changed:  # otherwise nobody's points are other than they were
        publish(store, case.case_id, at_ms=at_ms)


def _insert(store: Store, case: Standing, said: dict[str, Any], carried: dict[str, Any]) -> None:
    plain = {"actor_company": "", "reason": "", "note": "", "first_reviewer": "", "reviewers": ""}
    before = {"prior_first": "", "prior_reviewers": "", "prior_company": case.company_id}
    held = {"case_id": case.case_id, "company_id": case.company_id, "facts": case.facts, "revision": case.revision}
    row = {**plain, **before, **held, **said, **carried}
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    store.execute(f"INSERT INTO kept.decisions ({columns}) VALUES ({marks})", list(row.values()))
