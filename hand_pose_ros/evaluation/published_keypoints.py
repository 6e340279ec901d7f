"""What others have published on the image data sets, by the names of our measures."""

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
SRHANDNET = 'SRHandNet (Wang et al. 2019), PCK@0.2 on other data sets, whole pictures'
MASK_POSE = 'mask-pose cascaded CNN (Wang et al. 2019), 1,703 pictures'
GOUIDIS = 'Gouidis et al. 2019 (MobileNetV2 hands), table 1; crops around labelled hands'
GOUIDIS_TEXT = (
    'Gouidis et al. 2019, section 4; the crops of the other two are about four times smaller'
)
KOURBANE = (
    'Kourbane and Genc 2021 (skeleton-aware multi-scale heatmaps), tables I and II; 12,760 '
    'pictures that are not named, boxes of their own'
)


def _mmpose(source: str, method: str, pck: float, auc: float, epe: float) -> Published:
    return Published(method, source, {PCK_ANNOTATION_BOX: pck, AUC_MMPOSE: auc, EPE: epe})


def _panoptic(method: str, pckh: float, auc: float, epe: float) -> Published:
    return Published(method, MMPOSE_OLD, {PCKH: pckh, AUC_MMPOSE: auc, EPE: epe})


def _sh(method: str, dip: float, mean: float, ap50: float | None = None) -> Published:
    values = {PCK_DIP: dip, PCK_KEYPOINT_BOX: mean}
    return Published(method, SRHANDNET_SH, values if ap50 is None else {**values, AP50: ap50})


def _srhandnet(ours: float, mask_rcnn: float, openpose: float) -> tuple[Published, ...]:
    values = {'SRHandNet': ours, 'Mask R-CNN': mask_rcnn, 'OpenPose': openpose}
    return tuple(
        Published(method, SRHANDNET, {PCK_KEYPOINT_BOX: value}) for method, value in values.items()
    )


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
        _sh('SRHandNet, cycle', 0.94, 0.94),
        _sh('SRHandNet, one pass', 0.86, 0.85, 0.898),
        _sh('Mask R-CNN', 0.87, 0.82, 0.80),
        _sh('OpenPose, trained', 0.81, 0.76),
        Published(
            'mask-pose', MASK_POSE, {'mask AP50': 0.769, 'mask AP75': 0.413, 'mask AP80': 0.300}
        ),
        _mmpose(MMPOSE, 'HRNetV2-w18', 0.990, 0.567, 24.26),
        _mmpose(MMPOSE, 'ResNet-50', 0.989, 0.555, 25.16),
        _mmpose(MMPOSE, 'MobileNetV2', 0.986, 0.537, 28.56),
    ),
    'freihand': (_mmpose(MMPOSE, 'ResNet-50', 0.999, 0.868, 3.27),),
    'rhd': (
        *_srhandnet(0.46, 0.35, 0.26),
        _mmpose(MMPOSE, 'HRNetV2-w18', 0.992, 0.902, 2.21),
        _mmpose(MMPOSE, 'ResNet-50', 0.991, 0.898, 2.32),
        _mmpose(MMPOSE, 'MobileNetV2', 0.985, 0.883, 2.79),
        _cropped('rhd', GOUIDIS_TEXT, 'Gouidis et al.', 5.03, 3.11),
        _cropped('rhd', GOUIDIS_TEXT, 'Iqbal et al.', 3.57, 2.20),
        _cropped('rhd', GOUIDIS_TEXT, 'Zimmermann and Brox', 9.14, 5.00),
    ),
    'cmu': (
        _cropped('cmu', GOUIDIS, 'MobileNetV2, CMU only', 10.88, 6.95, 0.919),
        _cropped('cmu', GOUIDIS, 'MobileNetV2, all sets', 10.40, 6.40, 0.924),
        _cropped('cmu', GOUIDIS, 'ResNet-50', 11.14, 6.54, 0.917),
        _panoptic('HRNetV2-w18', 0.999, 0.744, 7.79),
        _panoptic('ResNet-50', 0.999, 0.713, 9.00),
        _panoptic('MobileNetV2', 0.998, 0.694, 9.70),
    ),
    'stb': _srhandnet(0.53, 0.47, 0.37),
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
