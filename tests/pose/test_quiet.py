from __future__ import annotations

import os
import threading

import pytest

from pose.quiet import quiet_stderr


def test_noise_is_dropped_and_errors_pass(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_stderr():
        os.write(2, b"W0000 00:00:1.2 7 feedback.cc:114] Feedback manager requires\n")
        os.write(2, b"WARNING: Logging before InitGoogle() is written to STDERR\n")
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
        os.write(2, b"[h264 @ 0x55988b1e0d40] co located POCs unavailable\n")
        os.write(2, b"E0000 00:00:1.2 7 graph.cc:1] something broke\n")
    assert capfd.readouterr().err == "E0000 00:00:1.2 7 graph.cc:1] something broke\n"


def test_an_exception_restores_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with quiet_stderr():
            os.write(2, b"kept\n")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    os.write(2, b"W0000 00:00 direct\n")
    assert capfd.readouterr().err == "kept\nW0000 00:00 direct\n"


def test_threads_may_overlap(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        for _ in range(200):
            with quiet_stderr(), quiet_stderr():
                os.write(2, b"x\n")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"end\n")
    assert capfd.readouterr().err == "x\n" * 800 + "end\n"
