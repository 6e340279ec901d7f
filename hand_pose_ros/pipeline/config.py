"""Everything a user can set in the pipeline, with its default, meaning and range.

The node declares one ROS parameter for each field (`detector.threshold`, ...); the command line
reads the same dataclasses, so what is measured there is what runs on the robot.
"""

from dataclasses import dataclass, field
from typing import Any

from hand_pose_ros.estimators.readers import ESTIMATORS
from hand_pose_ros.runtimes.engine_options import PRECISIONS
from hand_pose_ros.runtimes.open import RUNTIMES


def setting(
    default: Any,
    text: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Declares one setting.

    Args:
        default: Value when nobody sets it; its type is the setting's type.
        text: One sentence for users: what it does, its unit.
        low: Smallest allowed number.
        high: Largest allowed number.
        choices: Allowed words; empty for any.

    Returns:
        A dataclass field whose metadata holds `text`, `low`, `high` and `choices`.
    """
    metadata = {'text': text, 'low': low, 'high': high, 'choices': choices}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class ModelConfig:
    """Which network runs, and where. Read once, when the pipeline is opened."""

    detector: str = setting(
        'srhandnet_nano',
        'Weights of the first pass, an SRHandNet; as in their papers it may be a skeleton_unet '
        'for the estimator skeleton_multiscale, and for mask_pose a mask_pose, which finds one '
        'hand a frame: the name of a shipped model or the path of an .onnx.',
    )
    estimator: str = setting(
        'srhandnet',
        'Network of the second pass, on each hand region; mask_pose_pyramid is mask_pose on up to '
        'some twenty crops of it, and as much slower.',
        choices=ESTIMATORS,
    )
    estimator_model: str = setting(
        '',
        'Weights of that network: the name of a shipped model or the path of an .onnx; empty for '
        "the network's usual one. srhandnet, and mask_pose without another detector, take those "
        'of the detector.',
    )
    presence: str = setting(
        'hand_presence',
        'Network (hand_presence) that judges whether what was found is a hand: the name of a '
        'shipped model or the path of an .onnx; empty for scores by the heatmaps alone.',
    )
    depth: str = setting(
        'local_regression_hourglass_small',
        'Depth network (local_regression_hourglass), which finds also the joints that are hidden: '
        'the name of a shipped model or the path of an .onnx; empty for depth look-up alone.',
    )
    runtime: str = setting(
        'auto',
        'What executes the networks; auto takes the fastest that works and says why in the log.',
        choices=RUNTIMES,
    )
    threads: int = setting(0, 'CPU threads of the runtime; 0 for one per core, at most 4.', 0, 64)
    engine_precision: str = setting(
        'fp16',
        'Of TensorRT engines; int8 needs a model file of `hand-pose export-int8 --tensorrt`.',
        choices=PRECISIONS,
    )
    engine_max_regions: int = setting(
        4,
        'Most hand regions that a TensorRT engine takes at once; more go in several turns.',
        1,
        32,
    )
    engine_workspace_mb: int = setting(
        512, 'Most GPU memory for a layer of a TensorRT engine while it is built, MB.', 16, 65536
    )
    engine_level: int = setting(
        3, 'TensorRT builder level: lower builds faster, higher may run faster.', 0, 5
    )
    engine_cache_mb: int = setting(
        1024,
        'TensorRT engines are kept up to this, MB; those not used for longest go first.',
        1,
        1000000,
    )


@dataclass(frozen=True)
class DetectorConfig:
    """From heatmaps to hands (SRHandNet section III-D)."""

    threshold: float = setting(
        0.2, 'Smallest heatmap peak that counts as a keypoint or as a hand centre.', 0.01, 1.0
    )
    cycle: str = setting(
        'full',
        'Which hands are looked at again in their own region: none, small ones (the paper), or '
        'all, and new ones from four views.',
        choices=('off', 'small', 'full'),
    )
    far_hands: bool = setting(
        True,
        'The full cycle also searches the frame at 1.5 times its size, for hands that take less '
        'than a quarter of it; every other search in a stream.',
    )
    turned_hands: bool = setting(
        True,
        'The full cycle also searches the frame turned by quarters, for hands that do not point '
        'up; in a stream every other search, once a hand is tracked only turned as that one. '
        'Tracked hands are looked at in the frame turned so that they point up.',
    )
    subcell_refinement: bool = setting(
        True, 'Locate peaks between the cells of the heatmap; without it keypoints jump by cells.'
    )
    min_score: float = setting(
        0.5,
        'A hand that looks less like one in the picture is not reported; lower finds more, and '
        'more that is none. Depth that does not fit lowers the score of a message further.',
        0.0,
        1.0,
    )
    min_keypoints: int = setting(
        11, 'A hand with fewer keypoints above the threshold is not reported.', 1, 21
    )
    max_hands: int = setting(
        0, 'Most hands reported in a frame, those of the last frame first; 0 for any.', 0, 100
    )


@dataclass(frozen=True)
class TrackingConfig:
    """Stable ids, and regions taken from the last frame instead of a full-frame pass."""

    enabled: bool = setting(True, 'Give hands ids that last, and search them where they were.')
    detect_interval: int = setting(
        3, 'The full-frame pass runs every n-th frame, and whenever a hand was lost.', 1, 1000
    )
    min_iou: float = setting(
        0.2, 'Overlap (IoU) with the predicted box that makes a hand the tracked one.', 0.01, 1.0
    )
    max_missed_s: float = setting(
        0.4,
        'A hand not seen for longer gets a new id when it comes back, seconds.',
        0.0,
        10.0,
    )


@dataclass(frozen=True)
class LiftConfig:
    """From pixels and depth to metres."""

    min_depth_m: float = setting(0.1, 'Depth nearer than this is not believed, metres.', 0.0, 0.5)
    max_depth_m: float = setting(5.0, 'Depth farther than this is not believed, metres.', 0.5, 50)
    patch_ratio: float = setting(
        0.05, 'Radius of the depth patch around a keypoint, as a share of the hand box.', 0.0, 0.5
    )
    max_hand_extent_m: float = setting(
        0.3,
        'No hand is larger; a joint a quarter of it from all others is taken for background, '
        'metres.',
        0.05,
        1.0,
    )
    cube_m: float = setting(
        0.0,
        'Side of the cube around a hand that the depth network looks at: 0.25 for the small hands '
        'of children; 0 for that of its training, metres.',
        0.0,
        1.0,
    )


@dataclass(frozen=True)
class SmoothingConfig:
    """One-Euro filter (Casiez et al. 2012) on keypoints and joints, on image stamps."""

    enabled: bool = setting(True, 'Smooth keypoints and joints of tracked hands over time.')
    min_cutoff_hz: float = setting(
        0.5, 'Lower is smoother at rest; higher follows faster, hertz.', 0.01, 100.0
    )
    beta: float = setting(
        3.0, 'How much a moving hand (hand sizes per second) opens the filter.', 0.0, 100.0
    )
    max_gap_s: float = setting(
        0.5,
        'A longer pause, or a stamp without advance, restarts the filter, seconds.',
        0.01,
        10.0,
    )


@dataclass(frozen=True)
class PipelineConfig:
    """All settings of `HandPipeline`."""

    model: ModelConfig = field(default_factory=ModelConfig)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    lift: LiftConfig = field(default_factory=LiftConfig)
    smoothing: SmoothingConfig = field(default_factory=SmoothingConfig)
