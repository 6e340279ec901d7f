"""The node's states, asked for over its lifecycle services."""

import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.parameter import Parameter

NO_DEPTH = ('-p', 'input.use_depth:=false')


@pytest.fixture
def manage():
    """Asks a rig's node for a transition and returns (success, state afterwards)."""

    def _manage(rig, transition):
        change = rig.peer.create_client(ChangeState, 'hand_pose_node/change_state')
        get = rig.peer.create_client(GetState, 'hand_pose_node/get_state')
        rig.until(lambda: change.service_is_ready() and get.service_is_ready())
        answer = change.call_async(ChangeState.Request(transition=Transition(id=transition)))
        rig.until(answer.done)
        state = get.call_async(GetState.Request())
        rig.until(state.done)
        return answer.result().success, state.result().current_state.label

    return _manage


def test_without_autostart_the_node_waits_to_be_configured_and_activated(start, pipeline, manage):
    rig = start(*NO_DEPTH, '-p', 'autostart:=false')
    rig.until(lambda: rig.value('state') == 'unconfigured')
    assert rig.publishers['image'].get_subscription_count() == 0
    assert manage(rig, Transition.TRANSITION_CONFIGURE) == (True, 'inactive')
    assert manage(rig, Transition.TRANSITION_ACTIVATE) == (True, 'active')
    rig.until(lambda: rig.keypoints, repeat=rig.send_image)


def test_every_transition_and_the_way_back(start, pipeline, manage):
    rig = start(*NO_DEPTH)
    rig.until(lambda: rig.keypoints, repeat=rig.send_image)
    assert manage(rig, Transition.TRANSITION_DEACTIVATE) == (True, 'inactive')
    assert pipeline.resets == 1
    rig.until(lambda: rig.publishers['image'].get_subscription_count() == 0)
    assert manage(rig, Transition.TRANSITION_ACTIVATE) == (True, 'active')
    count = len(rig.keypoints)
    rig.until(lambda: len(rig.keypoints) > count, repeat=rig.send_image)
    assert manage(rig, Transition.TRANSITION_DEACTIVATE) == (True, 'inactive')
    assert manage(rig, Transition.TRANSITION_CLEANUP) == (True, 'unconfigured')
    rig.until(lambda: rig.value('runtime') == 'not open')
    assert rig.peer.count_publishers(f'/{rig.name}/keypoints') == 0
    assert manage(rig, Transition.TRANSITION_CONFIGURE) == (True, 'inactive')
    assert manage(rig, Transition.TRANSITION_ACTIVATE) == (True, 'active')
    count = len(rig.keypoints)
    rig.until(lambda: len(rig.keypoints) > count, repeat=rig.send_image)
    assert manage(rig, Transition.TRANSITION_ACTIVE_SHUTDOWN) == (True, 'finalized')


@pytest.mark.parametrize('error', [FileNotFoundError, ValueError])
def test_weights_that_cannot_be_opened_leave_a_node_that_says_so_and_can_try_again(
    start, pipeline, manage, error
):
    opened = []

    def open_pipeline(config):
        opened.append(config.model.detector)
        if config.model.detector == 'broken':
            raise error('expected weights at /broken, found none')
        return pipeline

    rig = start(*NO_DEPTH, '-p', 'model.detector:=broken', open_pipeline=open_pipeline)
    rig.until(lambda: rig.tells('expected weights at /broken'))
    assert rig.statuses[-1].level == b'\x02'
    assert manage(rig, Transition.TRANSITION_CONFIGURE) == (False, 'unconfigured')
    (result,) = rig.node.set_parameters([Parameter('model.detector', value='srhandnet_nano')])
    assert result.successful
    assert manage(rig, Transition.TRANSITION_CONFIGURE) == (True, 'inactive')
    assert opened == ['broken', 'broken', 'srhandnet_nano']
    rig.until(lambda: rig.statuses[-1].level == b'\x00')


def test_outputs_that_cannot_be_made_leave_no_open_pipeline(start, pipeline):
    wrong = 'qos_overrides./{}/keypoints.publisher.reliability:=sometimes'
    first = start(*NO_DEPTH, '-p', 'autostart:=false')
    number = int(first.name[1:]) + 1
    rig = start(*NO_DEPTH, '-p', wrong.format(f't{number}'))
    rig.until(lambda: rig.tells('cannot configure'))
    assert pipeline.closed
    assert rig.value('runtime') == 'not open'


def test_a_defect_while_opening_leaves_a_node_that_says_so(start, manage):
    rig = start(*NO_DEPTH, open_pipeline=lambda config: {}['key'])
    rig.until(lambda: rig.tells('defect'))
    rig.until(lambda: rig.value('state') == 'unconfigured')
    # As long as it has no hands to give.
    count = len(rig.statuses)
    rig.until(lambda: len(rig.statuses) > count + 3)
    assert rig.statuses[-1].level == b'\x02'


def test_a_defect_while_opening_is_forgotten_once_the_node_is_active(start, pipeline, manage):
    defects = [KeyError('key')]

    def open_pipeline(config):
        if defects:
            raise defects.pop()
        return pipeline

    rig = start(*NO_DEPTH, open_pipeline=open_pipeline)
    rig.until(lambda: rig.tells('defect'))
    assert manage(rig, Transition.TRANSITION_CONFIGURE) == (True, 'inactive')
    assert manage(rig, Transition.TRANSITION_ACTIVATE) == (True, 'active')
    rig.until(lambda: rig.statuses[-1].level == b'\x00', repeat=rig.send_image)


@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
def test_a_defect_in_a_frame_ends_the_node(start, pipeline):
    rig = start(*NO_DEPTH)
    pipeline.error = KeyError('defect')
    with pytest.raises(RuntimeError, match='defect'):
        rig.until(lambda: False, repeat=rig.send_image)
