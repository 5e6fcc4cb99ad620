"""The fuzzer's short form: the same few hundred examples of each decoder each time; and that it finds what is wrong."""

import subprocess
import sys
import time

import pytest
from hypothesis import strategies as st

from control_plane.spec.errors import Code, TiermeshError
from tests.fuzz.decoder import Decoder
from tests.fuzz.decoders import DECODERS
from tests.fuzz.mutations import LITERALS, dump, scratch
from tests.fuzz.session import fuzz


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")  # long examples are meant
def test_nothing_that_strangers_send_does_more_than_fail(name: str) -> None:
    report = fuzz(DECODERS[name], seconds=0)
    assert report.examples >= 200
    assert not report.findings, "\n".join(
        f"{finding.place}: {finding.problem}\n{finding.example}" for finding in report.findings.values()
    )


def _read_badly(body: bytes) -> None:
    if b"\0" in body:
        raise KeyError("a bug")
    if b"\xff" in body:
        raise TiermeshError(Code.INTERNAL, "A bug that was caught.")
    if b"!" in body:
        raise TiermeshError(Code.INVALID_REQUEST, "As it should be.")


def test_a_bug_is_found_once_with_its_smallest_example() -> None:
    report = fuzz(Decoder("bad", st.binary(max_size=30), _read_badly), seconds=0)
    assert sorted(finding.example for finding in report.findings.values()) in (
        [r"b'\x00'"],
        [r"b'\x00'", r"b'\xff'"],
    )


def test_an_error_below_500_is_no_finding() -> None:
    assert not fuzz(Decoder("good", st.just(b"!"), _read_badly), seconds=0).findings


def test_a_hang_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.decoder.HANG_SECONDS", 0.05)

    def hang(body: bytes) -> None:
        while True:
            pass

    with pytest.raises(TimeoutError, match="no end after"):
        Decoder("slow", st.binary(), hang).check(b"")


def test_what_computes_nothing_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.decoder.HANG_SECONDS", 0.05)
    Decoder("stopped", st.binary(), lambda body: time.sleep(0.1)).check(b"")


def test_seconds_are_of_the_processor() -> None:
    began = time.process_time()
    report = fuzz(Decoder("patient", st.binary(), lambda body: time.sleep(0.001)), seconds=0)
    assert report.seconds <= time.process_time() - began


def test_mutations_write_what_no_library_would() -> None:
    assert dump({"a": [LITERALS[0], "\ud800", 1]}) == b'{"a":[NaN,"\xed\xa0\x80",1]}'
    assert scratch(b"as it was", 0) == b"as it was"
    assert len({scratch(b"as it was", seed) for seed in range(100)}) > 50


def test_the_command_fuzzes_one_decoder_and_ends_with_a_table() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--seconds", "0", "--seed", "1", "--decoder", "sse"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    first, line, head, row = [line for line in done.stdout.splitlines() if line]
    assert (first, line.split()[0], row.split()[0]) == ("Seed 1.", "sse", "sse")
    assert head.split() == ["decoder", "examples", "seconds", "a", "second", "findings"]
