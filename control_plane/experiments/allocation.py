"""Allocation: the weights that a bandit gives to its arms, from what they have shown. Pure."""

from control_plane.experiments.analysis import Made
from control_plane.spec.experiments import ExperimentSpec
from control_plane.stats import bandit
from control_plane.stats.design import Role
from control_plane.stats.estimate import Estimate


def weights(spec: ExperimentSpec, made: Made) -> dict[str, float] | None:
    """Each arm's share, by the first primary metric; None while an arm has shown nothing of it.

    Arms are compared within periods, so that what others were given before does not bias what is given next.
    """
    design = made.asked.design
    question = design.of(Role.PRIMARY)[0]
    found = {one.arm: one for one in made.analysis.comparisons if one.question == question}
    if set(found) != set(design.treated):
        return None
    control = next(iter(found.values())).control
    estimates = {design.control: control}
    for arm, one in found.items():
        value = float(control.value) + one.difference
        estimates[arm] = Estimate(value, one.treated.variance, one.treated.units)
    shares = bandit.shares(estimates, question.goal, spec.allocation.least)
    # In whole thousandths: what differs by less is no reason for another snapshot.
    return {arm: round(share, 3) for arm, share in shares.items()}
