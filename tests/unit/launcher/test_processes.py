"""The three processes agree on ports, home and addresses, and speak to nobody but this machine."""

from pathlib import Path

from launcher.processes import plan
from launcher.settings import UpSettings


def test_each_process_gets_its_port_the_home_and_loopback(tmp_path: Path) -> None:
    settings = UpSettings.load(home=tmp_path, router_port=1001, control_plane_port=1002, models_port=1003)
    for process, port in zip(plan(settings), ("1002", "1003", "1001"), strict=True):
        assert process.environment["TIERMESH_HOME"] == str(tmp_path)
        (prefix,) = {name.removesuffix("_HOST") for name in process.environment if name.endswith("_HOST")}
        assert process.environment[f"{prefix}_HOST"] == "127.0.0.1"
        assert process.environment[f"{prefix}_PORT"] == port


def test_the_router_and_the_models_are_found_where_the_control_plane_says(tmp_path: Path) -> None:
    control_plane, models, router = plan(UpSettings.load(home=tmp_path, control_plane_port=1002, models_port=1003))
    assert control_plane.environment["TIERMESH_CONTROL_PLANE_SERVE_URL"] == models.address == "http://127.0.0.1:1003"
    assert router.environment["TIERMESH_ROUTER_CONTROL_PLANE_URL"] == control_plane.address == "http://127.0.0.1:1002"


def test_a_status_file_of_an_earlier_life_is_not_believed(tmp_path: Path) -> None:
    _, models, _ = plan(UpSettings.load(home=tmp_path))
    assert [str(file) for file in models.stale] == [models.environment["TIERMESH_MODELS_STATUS_FILE"]]


def test_a_router_configuration_file_of_the_user_does_not_stand_against_the_control_plane(tmp_path: Path) -> None:
    *_, router = plan(UpSettings.load(home=tmp_path))
    assert "TIERMESH_ROUTER_CONFIG" in router.without
