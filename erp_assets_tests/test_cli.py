"""What is wrong with a command is one line, before anything starts."""

import socket

import pytest
from click.testing import CliRunner

from erp_assets.cli import main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("simulate", "--fault-rate", "7"), "'--fault-rate': 7.0 is not in the range"),
        (("simulate", "--days", "0"), "'--days': 0 is not in the range"),
        (("simulate", "--port", "99999"), "'--port': 99999 is not in the range"),
    ],
)
def test_a_number_out_of_range_is_refused(arguments, said):
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_port_that_is_taken_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = CliRunner().invoke(main, ["simulate", "--days", "1", "--port", str(port)])
    assert done.exit_code == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("Error: ")
    assert "in use" in line


def test_a_home_that_cannot_be_written_stops_before_dagster_opens(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ERP_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("ERP_CONFIG", "")
    monkeypatch.setenv("ERP_SIMULATOR_URL", "http://127.0.0.1:9")
    done = CliRunner().invoke(main, ["dev"])
    assert done.exit_code == 1
    [line] = done.stderr.splitlines()
    assert str(tmp_path / "file") in line
