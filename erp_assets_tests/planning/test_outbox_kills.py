"""Kill -9 between plan, send, answer and confirm: no change is lost and none takes effect twice.

Real processes, real sockets, the markets' real clients. After each kill buyers buy, so that a write
repeated without need would put back what they took, and the difference would show.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from erp_assets.simulator.wire import Fault
from erp_assets_tests.acceptance import shops
from erp_assets_tests.planning.selling import WRITES, Stall, outcome

KILLED = -signal.SIGKILL


class Victims:
    """Lives that end early, one at a time."""

    def __init__(self, process):
        self._process = process

    def begin(self, task):
        """Let a process plan and drain; return its pid."""
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        return self._told("pid")

    def end(self):
        """Wait for it; return its exit code, negative for a signal."""
        return self._told("code")

    def _told(self, what):
        word, number = self._process.stdout.readline().split()
        assert word == what
        return int(number)

    def live(self, task):
        self.begin(task)
        return self.end()


@pytest.fixture(scope="module")
def victims():
    command = [sys.executable, "-m", "erp_assets_tests.planning.outbox_victim"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Victims(process)
        process.stdin.close()


@pytest.fixture(scope="module")
def made():
    return shops.world()


@contextmanager
def standing(warehouse, made, market, **options):
    with shops.serving(made, **options) as simulator:
        yield Stall(warehouse, simulator, market)


def assert_all_done_once(stall, wanted, about):
    found = outcome(stall, wanted)
    assert found.shown == found.expected, about
    assert found.statuses == {"confirmed": len(wanted)}, about
    assert found.most_writes == 1, (about, stall.writes())


@pytest.mark.parametrize("market", shops.MARKETS)
def test_killed_at_every_step_nothing_is_lost_or_done_twice(warehouse, victims, made, market):
    with standing(warehouse, made, market) as stall:
        wanted = stall.wanted()
        for step in range(1, 200):
            stall.reset()
            code = victims.live(stall.task(wanted, die_at=step))
            if code == 0:
                break
            assert code == KILLED, step
            if not stall.statuses():  # the plan died with its decisions: it is made again
                assert step == 1
                stall.reset()
                assert victims.live(stall.task(wanted)) == 0
            else:
                stall.sell(step)
                assert stall.drain().open == 0, step
            assert_all_done_once(stall, wanted, step)
    assert 20 < step < 199


@pytest.mark.parametrize("market", shops.MARKETS)
def test_killed_while_the_market_answers_nothing_is_lost_or_done_twice(
    warehouse, victims, made, market
):
    """The market has done what it was told, and whoever told it is dead before the answer."""
    pid, is_known, written, fatal = [0], threading.Event(), [0], [0]

    def killing(request, response):
        if WRITES[market].search(request.path):
            written[0] += 1
            if written[0] == fatal[0]:
                assert is_known.wait(30)
                os.kill(pid[0], signal.SIGKILL)
        return response

    with standing(warehouse, made, market, rewrite=killing) as stall:
        wanted = stall.wanted()
        for fatal[0] in range(1, 30):
            stall.reset()
            written[0] = 0
            is_known.clear()
            pid[0] = victims.begin(stall.task(wanted, batch=50))
            is_known.set()
            if (code := victims.end()) == 0:
                break
            assert code == KILLED
            assert stall.statuses()["sent"] > 0
            stall.sell(fatal[0])
            written[0] = 100
            assert stall.drain().open == 0
            assert_all_done_once(stall, wanted, fatal[0])
    assert 3 < fatal[0] < 29


def killed_at_random(victims, stall, wanted, rng, kills, about):
    """Kill `kills` lives after another, sell after each, and drain what is left."""
    stall.reset()
    todo = wanted
    for n in range(kills):
        task = stall.task(todo, kill_after_s=rng.uniform(0, 0.3), batch=rng.choice((1, 2, 50)))
        assert victims.live(task) in (KILLED, 0, 1)
        todo = [] if stall.statuses() else wanted
        stall.sell(n)
    if todo:
        victims.live(stall.task(todo))
    for _ in range(20):
        if not stall.drain().open:
            break
    assert_all_done_once(stall, wanted, about)


@pytest.mark.parametrize("market", shops.MARKETS)
def test_killed_at_random_nothing_is_lost_or_done_twice(warehouse, victims, made, market):
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    with standing(warehouse, made, market) as stall:
        wanted = stall.wanted()
        for n in range(4):
            killed_at_random(victims, stall, wanted, rng, 1, (seed, n))


FAULTS = [Fault.BUSY, Fault.ERROR_BEFORE, Fault.ERROR_AFTER, Fault.CUT, Fault.SLOW, Fault.REVOKE]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("market", shops.MARKETS)
def test_a_campaign_of_kills_at_a_failing_market(warehouse, victims, made, market):
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    options = {"fault_rate": 0.1, "faults": FAULTS, "seed": seed}
    with standing(warehouse, made, market, **options) as stall:
        wanted = stall.wanted()
        for n in range(60):
            killed_at_random(victims, stall, wanted, rng, rng.randint(1, 4), (seed, n))
