"""Long work says how far it is, without flooding a log; the clock of these tests goes by hand."""

import io
import sys
import time

import pytest

from pipeline import stage
from pipeline.compute.progress import Bar, Lines, progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only when a test says so."""
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def pass_by(seconds):
        now[0] += seconds

    return pass_by


def slowly(clock, items, seconds):
    for item in items:
        clock(seconds)
        yield item


def test_a_log_has_a_line_every_ten_seconds_at_most(clock, capsys):
    items = list(range(100))
    assert list(stage.track(slowly(clock, items, 0.25), "encode", 100)) == items
    assert (
        capsys.readouterr().err
        == "encode: 40 of 100, eta 0:00:15\nencode: 80 of 100, eta 0:00:05\n"
    )


def test_slow_items_have_a_line_each_but_for_the_last(clock, capsys):
    for _ in stage.track([1, 2, 3], "plan"):
        clock(3661.0)
    assert capsys.readouterr().err == "plan: 1 of 3, eta 2:02:02\nplan: 2 of 3, eta 1:01:01\n"


def test_quick_work_says_nothing(clock, capsys):
    for _ in stage.track(range(1000), "fit"):
        clock(0.0099)
    assert capsys.readouterr().err == ""


def test_work_of_unknown_length_is_counted(clock, capsys):
    list(stage.track(slowly(clock, range(3), 6.0), "read"))
    assert capsys.readouterr().err == "read: 2\n"


def test_what_was_done_before_does_not_count_as_speed(clock, capsys):
    with progress("train: step", 1100, 1000) as shown:
        assert isinstance(shown, Lines)
        for _ in range(10):
            clock(1.0)
            shown.advance()
        assert shown.due()
        shown.note("loss 0.5", "5 clips/s")
        assert not shown.due()
    assert (
        capsys.readouterr().err == "train: step 1,010 of 1,100, loss 0.5, 5 clips/s, eta 0:01:30\n"
    )


def test_a_terminal_has_a_bar_with_the_first_word(clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with progress("train: step", 4) as shown:
        assert isinstance(shown, Bar)
        clock(1.0)
        shown.advance()
        assert shown.due()
        shown.note("loss 0.5", "5 clips/s")
    assert "train: step" in terminal.getvalue()
    assert " 25%" in terminal.getvalue()
    assert "loss 0.5" in terminal.getvalue()
    assert "clips/s" not in terminal.getvalue()


def test_a_terminal_that_cannot_move_its_cursor_has_lines(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "dumb")
    with progress("fit", 4) as shown:
        assert isinstance(shown, Lines)


def test_an_error_in_the_work_ends_the_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with pytest.raises(KeyError), progress("fit", 4):
        raise KeyError
    assert terminal.getvalue().endswith("\x1b[?25h")  # the cursor is shown again
