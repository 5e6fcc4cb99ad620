"""The generated messages of the Open Inference Protocol."""

import subprocess
import sys
from pathlib import Path

import pytest

from routers.protocols.inference import open_inference_pb2 as messages

FOLDER = Path(messages.__file__).parent


@pytest.mark.parametrize("suffix", ["py", "pyi"])
def test_what_is_checked_in_is_what_the_proto_says(tmp_path: Path, suffix: str) -> None:
    outputs = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(FOLDER), *outputs, "open_inference.proto"]
    subprocess.run(command, check=True)
    written = (tmp_path / f"open_inference_pb2.{suffix}").read_text()
    private = written.replace("_descriptor_pool.Default()", "_descriptor_pool.DescriptorPool()")
    assert (FOLDER / f"open_inference_pb2.{suffix}").read_text() == private


def test_messages_of_the_same_names_may_stand_beside_them() -> None:
    from tritonclient.grpc import service_pb2

    theirs = service_pb2.ModelInferRequest(model_name="iris")
    ours = messages.ModelInferRequest.FromString(theirs.SerializeToString())
    assert (ours.model_name, type(ours)) == ("iris", messages.ModelInferRequest)
    assert type(ours) is not type(theirs)
    assert ours.DESCRIPTOR.full_name == theirs.DESCRIPTOR.full_name
