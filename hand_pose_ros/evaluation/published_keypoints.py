"""What others have published on pictures, by the names of our measures."""

import math
from collections.abc import Sequence

from hand_pose_ros.evaluation.detection import ACCURACY, F1, PRECISION, RECALL, ROC_AUC
from hand_pose_ros.evaluation.keypoints_2d import (
    AP50,
    AUC_HEAD,
    AUC_MMPOSE,
    EPE,
    EPE_CROP,
    IOU,
    MEDIAN_CROP,
    PCK_ANNOTATION_BOX,
    PCK_DIP,
    PCK_KEYPOINT_BOX,
    PCKH,
    CropFrame,
)
from hand_pose_ros.evaluation.tables import Published

CROPS = {
    'cmu': CropFrame(224, 1.2, 'head'),
    'rhd': CropFrame(224, 2.0, 'keypoints', root_aligned=True),
    'lsmv': CropFrame(128, 1.2, 'box'),
}
"""The crops of Gouidis et al. (section 4), and our reading of Kourbane and Genc, who name none."""

MMPOSE = (
    'MMPose model zoo (configs/hand_2d_keypoint); looks inside labelled boxes x 1.25, and always '
    'answers all keypoints'
)
MMPOSE_OLD = 'MMPose 0.x model zoo (configs/hand); looks inside labelled boxes x 1.25'
SRHANDNET_SH = (
    'SRHandNet (Wang et al. 2019), tables 1 and 2, whole pictures of its own set SH, 500 single '
    'hands: not public, and so not this one'
)
SRHANDNET_SETS = (
    'SRHandNet (Wang et al. 2019), tables 1 and 2; photographs of its own, 500 of single hands '
    '(SH), 500 of double hands (DH) and 300 of small hands (SMH): not public'
)
SRHANDNET = (
    'SRHandNet (Wang et al. 2019), table 3, PCK@0.2 on other data sets, whole pictures; '
    'Zimmermann and Brox are trained on RHD'
)
MASK_POSE = 'mask-pose cascaded CNN (Wang et al. 2019), table 1, 1,703 pictures'
GOUIDIS = (
    'Gouidis et al. 2019 (MobileNetV2 hands), table 1; crops around labelled hands, errors of the '
    'input of 112 px taken to be in the same crop, for its AUC is nearly that of 224 px'
)
GOUIDIS_TEXT = (
    'Gouidis et al. 2019, section 4; the crops of the other two are about four times smaller'
)
KOURBANE = (
    'Kourbane and Genc 2021 (skeleton-aware multi-scale heatmaps), tables I and II; 12,760 '
    'pictures that are not named, boxes of their own'
)
KOURBANE_PRESENCE = (
    'Kourbane and Genc 2021 (skeleton-aware multi-scale heatmaps), section IV-B; their own set '
    'GTHD, pictures with and without a hand: not public, and so not these pictures'
)


def _mmpose(source: str, method: str, pck: float, auc: float, epe: float) -> Published:
    return Published(method, source, {PCK_ANNOTATION_BOX: pck, AUC_MMPOSE: auc, EPE: epe})


def _panoptic(method: str, pckh: float, auc: float, epe: float) -> Published:
    return Published(method, MMPOSE_OLD, {PCKH: pckh, AUC_MMPOSE: auc, EPE: epe})


NOT_GIVEN = (math.nan,) * 3

SRHANDNET_ROWS = (
    ('SRHandNet, cycle', 30, (0.94, 0.82, 0.52), (0.94, 0.84, 0.55), NOT_GIVEN),
    ('SRHandNet, one pass', 15, (0.86, 0.68, 0.33), (0.85, 0.70, 0.34), (0.898, 0.435, 0.2737)),
    ('Mask R-CNN', 140, (0.87, 0.78, 0.27), (0.82, 0.79, 0.25), (0.80, 0.3505, 0.1324)),
    ('OpenPose, trained', 70, (0.81, 0.64, 0.02), (0.76, 0.65, 0.02), NOT_GIVEN),
    ('OpenPose, downloaded', 70, (0.60, 0.59, 0.02), (0.58, 0.60, 0.02), NOT_GIVEN),
    ('Faster R-CNN', math.nan, NOT_GIVEN, NOT_GIVEN, (0.6771, 0.3384, 0.0679)),
)
"""Its tables 1 and 2: method; ms on a GTX 1080Ti; and on SH, DH and SMH each PCK@0.2 of the DIP
joints, PCK@0.2 of all joints, and box AP50."""


def _on_sh() -> tuple[Published, ...]:
    return tuple(
        Published(
            method, SRHANDNET_SH, {PCK_DIP: dip[0], PCK_KEYPOINT_BOX: mean[0], AP50: ap50[0]}
        )
        for method, _, dip, mean, ap50 in SRHANDNET_ROWS
    )


def _on_all_three(
    method: str, ms: float, dip: Sequence[float], mean: Sequence[float], ap50: Sequence[float]
) -> Published:
    values = {'ms (GTX 1080Ti)': ms}
    for measure, row in (('PCK@0.2', mean), ('PCK@0.2 DIP', dip), ('box AP50', ap50)):
        values |= {
            f'{measure} {name}': v for name, v in zip(('SH', 'DH', 'SMH'), row, strict=True)
        }
    return Published(method, SRHANDNET_SETS, values)


def _srhandnet(*pck: float) -> tuple[Published, ...]:
    methods = ('SRHandNet', 'Mask R-CNN', 'OpenPose', 'Zimmermann and Brox')
    return tuple(
        Published(method, SRHANDNET, {PCK_KEYPOINT_BOX: value})
        for method, value in zip(methods, pck, strict=True)
    )


def _masks(method: str, ap50: float, ap75: float, ap80: float) -> Published:
    return Published(method, MASK_POSE, {'mask AP50': ap50, 'mask AP75': ap75, 'mask AP80': ap80})


def _cropped(
    data_set: str, source: str, method: str, mean: float, median: float, auc: float | None = None
) -> Published:
    crop = CROPS[data_set]
    values = {EPE_CROP.format(crop): mean, MEDIAN_CROP.format(crop): median}
    return Published(method, source, values if auc is None else {AUC_HEAD: auc, **values})


def _lsmv(method: str, mean: float, iou: float | None = None) -> Published:
    values = {EPE_CROP.format(CROPS['lsmv']): mean}
    return Published(method, KOURBANE, values if iou is None else {**values, IOU: iou})


PUBLISHED: dict[str, tuple[Published, ...]] = {
    'onehand10k': (
        *_on_sh(),
        _masks('mask-pose', 0.769, 0.413, 0.300),
        _masks('without pose stage', 0.676, 0.333, 0.219),
        _mmpose(MMPOSE, 'HRNetV2-w18', 0.990, 0.567, 24.26),
        _mmpose(MMPOSE, 'ResNet-50', 0.989, 0.555, 25.16),
        _mmpose(MMPOSE, 'MobileNetV2', 0.986, 0.537, 28.56),
    ),
    'freihand': (_mmpose(MMPOSE, 'ResNet-50', 0.999, 0.868, 3.27),),
    'rhd': (
        *_srhandnet(0.46, 0.35, 0.26, 0.80),
        _mmpose(MMPOSE, 'HRNetV2-w18', 0.992, 0.902, 2.21),
        _mmpose(MMPOSE, 'ResNet-50', 0.991, 0.898, 2.32),
        _mmpose(MMPOSE, 'MobileNetV2', 0.985, 0.883, 2.79),
        _cropped('rhd', GOUIDIS_TEXT, 'Gouidis et al.', 5.03, 3.11),
        _cropped('rhd', GOUIDIS_TEXT, 'Iqbal et al.', 3.57, 2.20),
        _cropped('rhd', GOUIDIS_TEXT, 'Zimmermann and Brox', 9.14, 5.00),
    ),
    'cmu': (
        _cropped('cmu', GOUIDIS, 'MobileNetV2, CMU only', 10.88, 6.95, 0.919),
        _cropped('cmu', GOUIDIS, 'MobileNetV2, CMU only, 112 px', 11.75, 7.34, 0.917),
        _cropped('cmu', GOUIDIS, 'MobileNetV2, CMU and RHD', 13.60, 9.11, 0.901),
        _cropped('cmu', GOUIDIS, 'MobileNetV2, all sets', 10.40, 6.40, 0.924),
        _cropped('cmu', GOUIDIS, 'ResNet-50', 11.14, 6.54, 0.917),
        _panoptic('HRNetV2-w18', 0.999, 0.744, 7.79),
        _panoptic('ResNet-50', 0.999, 0.713, 9.00),
        _panoptic('MobileNetV2', 0.998, 0.694, 9.70),
    ),
    'stb': _srhandnet(0.53, 0.47, 0.37, 0.32),
    'lsmv': (
        _lsmv('Kourbane and Genc', 4.67, 0.917),
        _lsmv('without skeleton', 4.95),
        _lsmv('one scale', 5.87),
        _lsmv('Li and Chan', 8.05),
        _lsmv('Gomez-Donoso et al.', 10.00),
        Published('Faster R-CNN', KOURBANE, {IOU: 0.895}),
    ),
    'dexter_object': (),
    'interhand': (_mmpose(MMPOSE_OLD, 'ResNet-50, all', 0.979, 0.851, 4.46),),
    'coco_wholebody': (
        _mmpose(MMPOSE, 'RTMPose-m', 0.815, 0.837, 4.51),
        _mmpose(MMPOSE, 'HRNetV2-w18', 0.813, 0.840, 4.39),
        _mmpose(MMPOSE, 'ResNet-50', 0.800, 0.833, 4.64),
        _mmpose(MMPOSE, 'MobileNetV2', 0.795, 0.829, 4.77),
    ),
}

ON_OWN_SETS = tuple(_on_all_three(*row) for row in SRHANDNET_ROWS)
"""Of `hand-pose evaluate systems`, which has other pictures: never in one table with ours."""

PRESENCE = (
    Published(
        'Kourbane and Genc',
        KOURBANE_PRESENCE,
        {ROC_AUC: 0.99, ACCURACY: 0.99, PRECISION: 0.97, RECALL: 0.99, F1: 0.98},
    ),
)
