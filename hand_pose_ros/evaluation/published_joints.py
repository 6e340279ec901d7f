"""Mean errors that others have published on the depth data sets."""

from hand_pose_ros.evaluation.joints_3d import MEAN
from hand_pose_ros.evaluation.tables import Published

COLLECTION = (
    'github.com/xinghaochen/awesome-hand-pose-estimation at e297a6ea, computed there from '
    "the authors' prediction files"
)
POSTER = (
    'poster of ICPR 2018; the method is given one joint of the label, so that its 12.36 probably '
    'belongs to the second column'
)
A2J = 'github.com/zhangboshen/A2J at 4c332f0e, named after it; the paper says 8.61'


def _collected(text: str) -> tuple[Published, ...]:
    rows = (row.rsplit(' ', 1) for row in text.strip().splitlines())
    return tuple(Published(name.strip(), COLLECTION, {MEAN: float(mean)}) for name, mean in rows)


NYU = (
    *_collected("""
        DeepPrior 20.750
        DeepPrior-Refine 19.726
        DeepModel 17.036
        Feedback 15.973
        Guo-Baseline 14.588
        Lie-X 14.507
        3DCNN 14.113
        REN-4x6x6 13.393
        REN-9x6x6 12.694
        DeepPrior++ 12.238
        Pose-REN 11.811
        HandPointNet 10.540
        DenseReg 10.214
        CrossInfoNet 10.078
        SRNet 9.173
        Point-to-Point 9.045
        V2V-PoseNet 8.419
        TriHorn-Net 7.68
        FeatureMapping 7.441"""),
    Published('local regression hourglass', POSTER, {MEAN: 12.36}),
    Published('A2J', A2J, {MEAN: 8.61}),
)
ICVL = _collected("""
    LRF 12.578
    DeepModel 11.561
    Guo-Baseline 8.358
    REN-4x6x6 7.628
    REN-9x6x6 7.305
    DenseReg 7.239
    HandPointNet 6.935
    Pose-REN 6.791
    CrossInfoNet 6.732
    Point-to-Point 6.328
    V2V-PoseNet 6.284
    SRNet 6.152
    TriHorn-Net 5.73""")
MSRA = _collected("""
    REN-9x6x6 9.792
    3DCNN 9.584
    Pose-REN 8.649
    HandPointNet 8.505
    SRNet 7.985
    CrossInfoNet 7.862
    Point-to-Point 7.707
    DenseReg 7.234
    TriHorn-Net 7.13""")

PUBLISHED = {'nyu': NYU, 'icvl': ICVL, 'msra': MSRA}
