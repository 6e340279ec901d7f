"""Starts hand_pose_node on a camera's topics, RealSense's by default, and RViz on request."""

from launch.actions import DeclareLaunchArgument, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
"""Fast DDS reads the first name up to Jazzy, the second one since."""

ARGUMENTS = (
    ('image', '/camera/camera/color/image_raw', 'RGB image topic'),
    ('depth', '/camera/camera/aligned_depth_to_color/image_raw', 'Depth topic, aligned with RGB'),
    ('camera_info', '/camera/camera/color/camera_info', 'Calibration topic of the RGB image'),
    ('namespace', 'hands', 'Namespace of the node and of its results'),
    ('use_sim_time', 'false', 'Take the time from /clock: simulation, or a bag with --clock'),
    ('rviz', 'false', 'Start RViz too'),
    (
        'large_images',
        'false',
        'Give Fast DDS a shared-memory segment that holds images; set '
        f'{" and ".join(PROFILE_VARIABLES)} to config/fastdds_large_images.xml for the camera too',
    ),
)


def generate_launch_description() -> LaunchDescription:
    """Returns the description; the node configures and activates itself."""
    config = PathJoinSubstitution([FindPackageShare('hand_pose_ros'), 'config'])
    namespace = LaunchConfiguration('namespace')
    use_sim_time = ParameterValue(LaunchConfiguration('use_sim_time'), value_type=bool)
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, default, text in ARGUMENTS
    ]
    params_file = DeclareLaunchArgument(
        'params_file',
        default_value=PathJoinSubstitution([config, 'hands.yaml']),
        description='Parameters of the node',
    )
    profiles = [
        SetEnvironmentVariable(
            name,
            PathJoinSubstitution([config, 'fastdds_large_images.xml']),
            condition=IfCondition(LaunchConfiguration('large_images')),
        )
        for name in PROFILE_VARIABLES
    ]
    hands = LifecycleNode(
        package='hand_pose_ros',
        executable='hand_pose_node',
        name='hand_pose_node',
        namespace=namespace,
        parameters=[LaunchConfiguration('params_file'), {'use_sim_time': use_sim_time}],
        remappings=[
            (each, LaunchConfiguration(each)) for each in ('image', 'depth', 'camera_info')
        ],
        output='screen',
        # A defect ends the process, and says so; the robot still needs its hands.
        respawn=True,
        respawn_delay=2.0,
    )
    rviz = Node(
        package='rviz2',
        executable='rviz2',
        arguments=['-d', PathJoinSubstitution([config, 'hands.rviz'])],
        parameters=[{'use_sim_time': use_sim_time}],
        # hands.rviz knows the default namespace only.
        remappings=[
            (f'/hands/{each}', [namespace, f'/{each}']) for each in ('markers', 'image_annotated')
        ],
        condition=IfCondition(LaunchConfiguration('rviz')),
    )
    return LaunchDescription([*arguments, params_file, *profiles, hands, rviz])
