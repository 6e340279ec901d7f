"""The form in which a network leaves training, and the networks by name."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from hand_pose_ros.networks import (
    hand_presence,
    local_regression_hourglass,
    mask_pose,
    mobile_keypoints,
    skeleton_multiscale,
    srhandnet,
)

NETWORKS: dict[str, tuple[Callable[[Any], nn.Module], Mapping[str, Any]]] = {
    'srhandnet': (srhandnet.SRHandNet, srhandnet.PLANS),
    'local_regression_hourglass': (
        local_regression_hourglass.LocalRegressionHourglass,
        local_regression_hourglass.PLANS,
    ),
    'skeleton_unet': (skeleton_multiscale.SkeletonUNet, skeleton_multiscale.UNET_PLANS),
    'skeleton_multiscale': (
        skeleton_multiscale.SkeletonMultiScale,
        skeleton_multiscale.MULTISCALE_PLANS,
    ),
    'mobile_keypoints': (mobile_keypoints.MobileKeypoints, mobile_keypoints.PLANS),
    'mask_pose': (mask_pose.MaskPose, mask_pose.PLANS),
    'hand_presence': (hand_presence.HandPresence, hand_presence.PLANS),
}
"""The class of each network, and its plans by name."""


class Deployed(nn.Module):
    """A network that is used, not trained: plain inputs, and only the outputs that are read.

    Attributes:
        net: The trained network; its parameters keep their names behind `net.`.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Returns what the network's `predict` says of the inputs."""
        predict: Callable[..., Tensor | tuple[Tensor, ...]] = self.net.predict  # type: ignore[assignment]
        return predict(*inputs)


def build(network: str, plan: str) -> nn.Module:
    """Makes a network, freshly initialised.

    Args:
        network: A key of NETWORKS.
        plan: One of its plans.

    Raises:
        ValueError: There is no such network or plan.
    """
    if network not in NETWORKS:
        raise ValueError(f'network must be one of {", ".join(NETWORKS)}, got {network!r}')
    kind, plans = NETWORKS[network]
    if plan not in plans:
        raise ValueError(f'plan of {network} must be one of {", ".join(plans)}, got {plan!r}')
    return kind(plans[plan])
