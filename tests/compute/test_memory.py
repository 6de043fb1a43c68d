"""Memory limits of control groups."""

from pipeline.compute.memory import cgroup_limits


def test_control_groups_above_ours_limit_us_too(tmp_path):
    groups, own = tmp_path / "groups", tmp_path / "own"
    (groups / "slice" / "job").mkdir(parents=True)
    (groups / "slice" / "memory.max").write_text("8000\n")
    (groups / "slice" / "job" / "memory.max").write_text("max\n")
    own.write_text("0::/slice/job\n")
    assert cgroup_limits(groups, own) == [8000]


def test_the_older_control_groups_limit_us_too(tmp_path):
    groups, own = tmp_path / "groups", tmp_path / "own"
    (groups / "memory" / "job").mkdir(parents=True)
    (groups / "memory" / "job" / "memory.limit_in_bytes").write_text("4000\n")
    own.write_text("5:cpu,cpuacct:/job\n4:memory:/job\n")
    assert cgroup_limits(groups, own) == [4000]
    assert cgroup_limits(groups, tmp_path / "absent") == []
