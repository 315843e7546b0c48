"""The log files of the scheduler and the job types."""

import multiprocessing
from datetime import UTC, datetime

from erp_assets.scheduling.logs import Logs

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
LINES = 300


def write(folder, letter):
    for number in range(LINES):
        Logs(folder).write("order_collection", NOW, f"{letter * 200} {number}")


def test_lines_of_several_processes_stay_whole(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write, args=(tmp_path, it)) for it in "abcd"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = (tmp_path / "order_collection_20261125.log").read_text().splitlines()
    told = [tuple(line.split()[2:]) for line in lines]
    assert sorted(told) == sorted(
        (letter * 200, str(number)) for letter in "abcd" for number in range(LINES)
    )


def test_a_line_break_in_a_name_forges_no_line(tmp_path):
    Logs(tmp_path).write("scheduler", NOW, "job 1 a\n2026-11-25 00:30:00+0900 job 2\x00")
    [line] = (tmp_path / "scheduler" / "scheduler_20261125.log").read_text().splitlines()
    assert line.startswith("2026-11-25 00:30:00+0900 job 1 a 2026-11-25")


def test_a_strange_type_writes_inside_the_folder(tmp_path):
    assert Logs(tmp_path).path("../../etc/passwd", NOW).parent == tmp_path
