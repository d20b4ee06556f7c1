from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from anabranch import Cut
from eventlog import Append
from eventlog.log.placement import place

ids = st.none() | st.sampled_from("abcdef")


@given(
    st.lists(st.lists(ids, max_size=5), min_size=1, max_size=4),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 99)),
)
def test_arranging_is_the_same_as_going_event_by_event(wanted: list[list[str | None]], known: dict[str, int]) -> None:
    appends = [
        Append("s", own, own, [None] * len(own), [b'{"n":%d}' % (10 * n + i) for i in range(len(own))])
        for n, own in enumerate(wanted)
    ]
    offset_by_id, expected = dict(known), []
    log: list[tuple[str | None, bytes]] = []
    for append in appends:
        places = []
        accepted = 0
        for id_, event in zip(append.ids, append.data, strict=True):
            if id_ is None or id_ not in offset_by_id:
                places.append(100 + len(log))
                if id_ is not None:
                    offset_by_id[id_] = 100 + len(log)
                log.append((id_, event))
                accepted += 1
            else:
                places.append(offset_by_id[id_])
        position = max(places) + 1 if places else 100 + len(log)
        expected.append((accepted, len(places) - accepted, Cut((position,))))

    arranged = place(appends, known, partition=0, offset=100, now=7)

    assert [(result.accepted, result.duplicates, result.position) for result in arranged.results] == expected
    assert arranged.ids == [id_ for id_, _ in log]
    assert [event for segment in arranged.segments for event in segment.events()] == [event for _, event in log]
    assert [id_ for segment in arranged.segments for id_ in segment.ids()] == arranged.ids
    assert all(segment.count for segment in arranged.segments)
