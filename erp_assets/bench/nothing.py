"""A job type that does nothing, installed for the processes of one measurement only."""

from pathlib import Path

from erp_assets.scheduling.job_types import GROUP, Call, JobType, Outcome, Parameters


class Nothing(Parameters):
    """Nothing to say."""


def do(_call: Call) -> Outcome:
    """Report one record."""
    return Outcome(records=1)


nothing = JobType("nothing", Nothing, per_account=False, run=do)


def install(site: Path) -> None:
    """Make a folder for PYTHONPATH in which the job type counts as an installed package's."""
    info = site / "erp_bench-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: erp-bench\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nnothing = {__name__}:nothing\n")
