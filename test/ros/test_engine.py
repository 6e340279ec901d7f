"""What a robot's user hears of an engine that is being built."""


def test_progress_is_in_the_diagnostics_and_the_takeover_in_the_log(start, pipeline):
    pipeline.engine_progress = 'building 40%, 83 s, try 1'
    rig = start()
    rig.until(lambda: rig.value('engine') == 'building 40%, 83 s, try 1')
    assert rig.value('runtime') == 'a fake'
    rig.until(lambda: 'a fake' in rig.logs)
    rig.until(lambda: 'engine: building 40%, 83 s, try 1' in rig.logs)
    pipeline.engine_progress = 'ready'
    pipeline.runtime = 'a fake; now an engine'
    rig.until(lambda: rig.value('engine') == 'ready')
    assert rig.value('runtime') == 'a fake; now an engine'
    rig.until(lambda: 'a fake; now an engine' in rig.logs)
    statuses = len(rig.statuses)
    rig.until(lambda: len(rig.statuses) > statuses + 1)
    assert rig.logs.count('a fake; now an engine') == 1


def test_without_an_engine_there_is_none_in_the_diagnostics(start):
    rig = start()
    rig.until(lambda: rig.value('engine') == 'none')


def test_a_node_that_is_cleaned_up_ends_the_build(start, pipeline):
    rig = start()
    assert not pipeline.closed
    rig.node.trigger_deactivate()
    rig.node.trigger_cleanup()
    assert pipeline.closed
