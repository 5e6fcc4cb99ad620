"""Errors: each code has a status, and reads as sentences."""

import pytest

from control_plane.spec.errors import Code, TiermeshError


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_status_of_an_error(code: Code) -> None:
    assert 400 <= TiermeshError(code, "It failed.").status < 600


def test_only_failures_that_pass_are_worth_another_try() -> None:
    worth = {code for code in Code if TiermeshError(code, "").retryable}
    assert {Code.QUEUE_FULL, Code.MODEL_STARTING, Code.UNAVAILABLE} <= worth
    assert not {Code.INVALID_DOCUMENT, Code.NOT_FOUND, Code.CONFLICT, Code.INTERNAL} & worth


def test_an_error_reads_as_what_is_wrong_and_what_to_do() -> None:
    assert str(TiermeshError(Code.SETUP, "The disk is full.", "Make room.")) == "The disk is full. Make room."
    assert str(TiermeshError(Code.SETUP, "The disk is full.")) == "The disk is full."
