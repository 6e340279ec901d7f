"""Tiny made-up samples of published data sets, each written in the data set's true layout.

Every sample has the same open hand in every picture; a writer returns its keypoints in our order,
NaN where the data set has none, so that a joint or a side read wrongly shows.
"""

import json
import pickle

import cv2
import numpy as np
from oracle import open_hand

HAND_PX = open_hand((110, 112), 120)
OTHER_PX = open_hand((268, 112), 80)
"""A left hand beside the first one, in the data sets with two."""

DEPTH_M = 0.5
RHD_ORDER = [0, 4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13, 20, 19, 18, 17]


def write_picture(path, width, height):
    """Writes a picture whose red says the column and whose green says the row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[:height, :width]
    bgr = np.stack((np.zeros_like(x), y / 2.56, x / 2.56), axis=2).round().astype(np.uint8)
    cv2.imwrite(str(path), bgr)


def write_json(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def joints_of(points_px, fx, fy, cx, cy):
    """Joints of a flat hand DEPTH_M in front of a camera, (21, 3) metres."""
    xy = (points_px - (cx, cy)) / (fx, fy) * DEPTH_M
    return np.column_stack((xy, np.full(21, DEPTH_M))).astype(float)


def rows_of(points_px, seen=1):
    return [[*map(float, point), seen] for point in points_px]


def write_onehand10k(folder):
    hidden = HAND_PX.copy()
    hidden[4] = np.nan
    lines = []
    for name in ('9', '33'):
        write_picture(folder / f'Test/source/{name}.jpg', 320, 240)
        mask = np.zeros((240, 320), np.uint8)
        mask[40:181, 60:161] = 250
        (folder / 'Test/mask').mkdir(exist_ok=True)
        cv2.imwrite(str(folder / f'Test/mask/{name}.png'), mask)
        numbers = np.where(np.isnan(hidden), -1, hidden).ravel().tolist()
        lines.append(','.join(map(str, [f'{name}.jpg', 320, 240, 1, *numbers])))
    (folder / 'Test/label_joint.txt').write_text('\n'.join(lines) + '\n')
    return [hidden]


def write_freihand(folder):
    k = [[450.0, 0, 112], [0, 460.0, 110], [0, 0, 1]]
    joints = joints_of(HAND_PX, 450, 460, 112, 110).tolist()
    for index in range(2):
        write_picture(folder / f'evaluation/rgb/{index:08d}.jpg', 224, 224)
    write_json(folder / 'evaluation_xyz.json', [joints] * 2)
    write_json(folder / 'evaluation_K.json', [k] * 2)
    return [HAND_PX]


def write_rhd(folder):
    left, right = np.zeros((21, 3)), np.zeros((21, 3))
    left[RHD_ORDER], right[RHD_ORDER] = rows_of(OTHER_PX), rows_of(HAND_PX)
    entry = {
        'uv_vis': np.concatenate((left, right)),
        'xyz': np.zeros((42, 3), np.float32),
        'K': np.eye(3),
    }
    mask = np.zeros((320, 320), np.uint8)
    mask[40:181, 60:161] = 20
    mask[60:160, 230:300] = 4
    (folder / 'evaluation/mask').mkdir(parents=True)
    for index in range(2):
        write_picture(folder / f'evaluation/color/{index:05d}.png', 320, 320)
        cv2.imwrite(str(folder / f'evaluation/mask/{index:05d}.png'), mask)
    path = folder / 'evaluation/anno_evaluation.pickle'
    path.write_bytes(pickle.dumps({0: entry, 1: entry}, protocol=2))
    return [OTHER_PX, HAND_PX]


def write_cmu(folder):
    for name in ('000015774_01_l', '000017952_01_r'):
        path = folder / f'hand_labels/manual_test/{name}.jpg'
        write_picture(path, 300, 220)
        label = {'hand_pts': rows_of(HAND_PX), 'is_left': int(name.endswith('l'))}
        write_json(path.with_suffix('.json'), {**label, 'hand_box_center': [110, 112]})
    return [HAND_PX]


def write_stb(folder):
    from scipy.io import savemat

    rotation, _ = cv2.Rodrigues(np.array([0.00531, -0.01196, 0.00301]))
    joints = joints_of(HAND_PX, 607.92271, 607.88192, 314.78337, 236.42484) * 1000
    in_depth = joints @ rotation.T + [-24.0381, -0.4563, -1.2326]
    # Palm, then little, ring, middle, index and thumb, each from its base.
    order = [0, *range(17, 21), *range(13, 17), *range(9, 13), *range(5, 9), *range(1, 5)]
    (folder / 'labels').mkdir(parents=True)
    for sequence in ('B1Counting', 'B1Random'):
        hand = np.repeat(in_depth[order].T[..., None], 2, axis=2)
        savemat(folder / f'labels/{sequence}_SK.mat', {'handPara': hand})
        for frame in range(2):
            write_picture(folder / f'images/{sequence}/SK_color_{frame}.png', 640, 480)
    without_wrist = HAND_PX.copy()
    without_wrist[0] = np.nan
    return [without_wrist]


def write_lsmv(folder):
    names = {}
    for finger, base in (('F4', 5), ('F3', 9), ('F1', 17), ('F2', 13), ('TH', 1)):
        parts = ((0, 'KNU1_B'), (1, 'KNU1_A'), (2, 'KNU2_A'), (3, 'KNU3_A'))
        names.update({f'{finger}_{part}': base + joint for joint, part in parts})
    lines = [f'{name} {HAND_PX[i, 0]} {HAND_PX[i, 1]}' for name, i in names.items()]
    text = '\n'.join([*lines, 'PALM_POSITION 110 150'])
    for camera in (1, 2):
        write_picture(folder / f'annotated_frames/data_1/0_webcam_{camera}.jpg', 640, 480)
        for kind in ('projections_2d', 'bounding_boxes'):
            (folder / kind / 'data_1').mkdir(parents=True, exist_ok=True)
        (folder / f'projections_2d/data_1/0_jointsCam_{camera}.txt').write_text(text)
        box = 'TOP 40\nLEFT 60\nBOTTOM 180\nRIGHT 160\n'
        (folder / f'bounding_boxes/data_1/0_bbox_{camera}.txt').write_text(box)
    without_wrist = HAND_PX.copy()
    without_wrist[0] = np.nan
    return [without_wrist]


def write_dexter_object(folder):
    from_depth = np.array(
        [
            [0.9999, 0.0034, 0.0161, 19.0473],
            [-0.0033, 1.0000, -0.0079, -1.8514],
            [-0.0162, 0.0079, 0.9998, -4.7501],
        ]
    )
    color_mm = joints_of(HAND_PX, 587.45209, 600.67456, 325, 249)[4::4] * 1000
    optical_mm = (color_mm - from_depth[:, 3]) @ np.linalg.inv(from_depth[:, :3]).T
    tips_mm = optical_mm * (-1, -1, 1)
    tips_mm[1] = 32001
    line = ''.join(f'{x:.4f}, {y:.4f}, {z:.4f};' for x, y, z in tips_mm)
    for sequence in ('Grasp1', 'Grasp2', 'Occlusion', 'Rigid', 'Pinch', 'Rotate'):
        for frame in range(2):
            path = folder / f'data/{sequence}/color/image_{frame:05d}_color.png'
            write_picture(path, 640, 480)
        path = folder / f'data/{sequence}/annotations/{sequence}3D.txt'
        path.parent.mkdir()
        path.write_text(f'{line}\n{line}\n')
    tips = np.full((21, 2), np.nan, np.float32)
    tips[[4, 12, 16, 20]] = HAND_PX[[4, 12, 16, 20]]
    return [tips]


def write_interhand(folder):
    order = [*range(4, 0, -1), *range(8, 4, -1), *range(12, 8, -1)]
    order += [*range(16, 12, -1), *range(20, 16, -1), 0]
    position_mm, turn = np.array([100.0, -50, 900]), np.diag([-1.0, -1, 1])
    world_mm = [
        joints_of(points, 1200, 1210, 160, 256)[order] * 1000 @ turn + position_mm
        for points in (HAND_PX, OTHER_PX)
    ]
    images, annotations = [], []
    for number, valid in ((7, [1] * 42), (8, [1] * 21 + [0] * 21)):
        name = f'Capture0/ROM03_LT_No_Occlusion/cam400262/image{number}.jpg'
        write_picture(folder / 'images/test' / name, 334, 512)
        image = {'id': number, 'file_name': name, 'width': 334, 'height': 512, 'capture': 0}
        images.append({**image, 'camera': '400262', 'frame_idx': number})
        annotations.append({'id': number, 'image_id': number, 'joint_valid': valid})
    camera = {
        'campos': {'400262': position_mm.tolist()},
        'camrot': {'400262': turn.tolist()},
        'focal': {'400262': [1200, 1210]},
        'princpt': {'400262': [160, 256]},
    }
    joints = {str(n): {'world_coord': np.concatenate(world_mm).tolist()} for n in (7, 8)}
    stem = folder / 'annotations/test/InterHand2.6M_test'
    write_json(
        stem.with_name(f'{stem.name}_data.json'), {'images': images, 'annotations': annotations}
    )
    write_json(stem.with_name(f'{stem.name}_camera.json'), {'0': camera})
    write_json(stem.with_name(f'{stem.name}_joint_3d.json'), {'0': joints})
    return [HAND_PX, OTHER_PX]


def write_coco_wholebody(folder):
    person = {
        'image_id': 139,
        'iscrowd': 0,
        'lefthand_valid': True,
        'lefthand_kpts': np.ravel(rows_of(OTHER_PX)).tolist(),
        'lefthand_box': [230, 60, 70, 100],
        'righthand_valid': True,
        'righthand_kpts': np.ravel(rows_of(HAND_PX)).tolist(),
        'righthand_box': [60, 40, 100, 140],
    }
    other = {**person, 'image_id': 285}
    images = [
        {'id': n, 'file_name': f'{n:012d}.jpg', 'width': 300, 'height': 220} for n in (139, 285, 9)
    ]
    for image in images:
        write_picture(folder / 'val2017' / image['file_name'], 300, 220)
    document = {'images': images, 'annotations': [person, other]}
    write_json(folder / 'annotations/coco_wholebody_val_v1.0.json', document)
    return [OTHER_PX, HAND_PX]


WRITERS = {
    'onehand10k': write_onehand10k,
    'freihand': write_freihand,
    'rhd': write_rhd,
    'cmu': write_cmu,
    'stb': write_stb,
    'lsmv': write_lsmv,
    'dexter_object': write_dexter_object,
    'interhand': write_interhand,
    'coco_wholebody': write_coco_wholebody,
}
