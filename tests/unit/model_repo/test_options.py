from model_repo.options import deployment_options
from tests.unit.model_repo.samples import model


def test_limits_and_resources_reach_ray_serve() -> None:
    spec = model(
        resources={"cpus": 0.5, "gpus": 2, "accelerator": "H100"},
        limits={"maxOngoing": 7, "maxQueued": 3},
        replicas={"min": 2, "max": 2},
    ).spec
    assert deployment_options(spec) == {
        "num_replicas": 2,
        "ray_actor_options": {"num_cpus": 0.5, "num_gpus": 2, "accelerator_type": "H100"},
        "max_ongoing_requests": 7,
        "max_queued_requests": 3,
        "backpressure_config": {"status_code": 429, "retry_after_s": 1},
    }


def test_a_range_of_replicas_is_autoscaled() -> None:
    options = deployment_options(model(replicas={"min": 1, "max": 4}).spec)
    assert options["autoscaling_config"] == {"min_replicas": 1, "max_replicas": 4}
    assert "num_replicas" not in options
