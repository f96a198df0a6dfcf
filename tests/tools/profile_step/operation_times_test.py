"""Operations are found among the events of a profile."""

from tools.profile_step import operation_times


def test_operations_are_events_with_a_name_and_a_type():
    events = [{"name": "a:B"}, {"ph": "M", "name": "thread_name"}]
    for name, long_name, duration in (
        ("_MklMatMul", "model/dense/MatMul:_MklMatMul", 5500.0),
        ("Process", "ExecutorState::Process", 7000.0),
        ("EagerExecute", "EagerLocalExecute: MatMul", 6000.0),
        ("Mul", "model/norm/mul:Mul", 250.0),
    ):
        events.append(
            {
                "ph": "X",
                "name": name,
                "args": {"long_name": long_name},
                "dur": duration,
            }
        )
    for name in ("wrapped_broadcast", operation_times.COMPILED):
        events.append({"ph": "X", "name": name, "dur": 300.0})
    compiled = operation_times.COMPILED
    assert operation_times.operations_of(events) == [
        {"type": "_MklMatMul", "operation": "model/dense/MatMul", "ms": 5.5},
        {"type": "Mul", "operation": "model/norm/mul", "ms": 0.25},
        {"type": compiled, "operation": compiled, "ms": 0.3},
    ]
