"""What a child says becomes an account's outcome."""

import json

import pytest

from erp_assets.launching import AccountOutcome, Outcome


def progress(kind="orders", outcome="completed", **more):
    event = {"event": "progress", "kind": kind, "seen": {"market_order_lines": 5}, "calls": 3}
    return event | {"busy_answers": 0, "rejected": 0, "outcome": outcome} | more


def outcome_of(*events, exit_code=0, last_words=""):
    account = AccountOutcome("coupang")
    for event in events:
        account.take(json.loads(json.dumps(event)))
    account.settle(exit_code, last_words)
    return account


def test_calls_add_up_over_kinds_and_count_once_per_kind():
    account = outcome_of(progress(calls=1), progress(calls=3), progress("claims", calls=4))
    assert account.calls == 7


@pytest.mark.parametrize(
    ("events", "exit_code", "state"),
    [
        ([progress()], 0, "completed"),
        ([progress(), progress("claims", outcome="partial")], 0, "partial"),
        ([progress(), {"event": "run", "ok": False, "error": "refused"}], 0, "failed"),
        ([progress()], -9, "failed"),
        ([], 1, "failed"),
    ],
    ids=["whole", "partial", "run failed", "killed", "never began"],
)
def test_the_state_is_the_worst_that_was_said(events, exit_code, state):
    assert outcome_of(*events, exit_code=exit_code).state == state


def test_a_child_that_dies_leaves_its_last_words():
    assert outcome_of(exit_code=1, last_words="no disk").errors == ["no disk"]
    assert outcome_of(exit_code=-9).errors == ["the collecting process was killed"]
    assert outcome_of(exit_code=3).errors == ["the collecting process ended with 3"]


def test_the_whole_is_as_bad_as_its_worst_account():
    good, partial, failed = AccountOutcome("a"), AccountOutcome("b"), AccountOutcome("c")
    good.state, partial.state, failed.state = "completed", "partial", "failed"
    assert Outcome([good]).state == "completed"
    assert Outcome([good, partial]).state == "partial"
    assert Outcome([partial, failed, good]).state == "failed"
