"""What every log must do. A backend is a subclass that says how to open one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from uuid import UUID

import orjson
import pytest

from anabranch import SYSTEM, Cut
from eventlog import Append, Log, Record, Segment
from eventlog.errors import KeyReusedError, LeaseLostError, LogUnavailableError, RecordsTrimmedError
from eventlog.lake import Lake
from eventlog.log import Appended, KeyedRequest
from eventlog.log.memory_log import MemoryLog
from eventlog.log.placement import MAX_SEGMENT_BYTES, MAX_SEGMENT_RECORDS
from eventlog.log.retraction import RETRACTED, Retraction
from eventlog.registry.leases import Leases, MemoryLeases
from eventlog.registry.letter_keeping import RefusedEvent

NOW = 1_700_000_000_000_000
START = Cut((0,))
Open = Callable[..., Log]


def numbered(count: int, first: int = 0, stream: str = "clicks", prefix: str = "id") -> Append:
    """Events that say their own number."""
    numbers = range(first, first + count)
    return Append(
        stream,
        [f"{prefix}-{number}" for number in numbers],
        [f"key-{number % 3}" for number in numbers],
        [number * 1000 for number in numbers],
        [orjson.dumps({"number": number}) for number in numbers],
    )


def anonymous(count: int, stream: str = "clicks") -> Append:
    """Events without id, key and time."""
    return Append(stream, [None] * count, [None] * count, [None] * count, [b'{"number":0}'] * count)


def keyed(append: Append, key: str, digest: str = "asked") -> Append:
    """The append of a request with a key, whose answer tells what became of it."""

    def answer(done: Appended) -> bytes:
        return f"{done.accepted} {done.duplicates} {done.position}".encode()

    return replace(append, request=KeyedRequest(key, digest, answer))


def read_all(log: Log, cut: Cut = START, limit: int = 10_000) -> list[Segment]:
    """Everything from `cut` on, in calls of `limit`."""
    found: list[Segment] = []
    while segments := log.read(cut, limit):
        found += segments
        cut = Cut((segments[-1].end,))
    return found


def records(segments: Iterable[Segment]) -> list[Record]:
    return [record for segment in segments for record in segment.records()]


class LogContract:
    """The contract. `open_log(lake=None, leases=None)` opens a log; a durable one: the same again."""

    @pytest.fixture
    def open_log(self) -> Iterable[Open]:
        raise NotImplementedError

    @pytest.fixture
    def leases(self) -> Leases | MemoryLeases:
        raise NotImplementedError

    @pytest.fixture
    def log(self, open_log: Open) -> Log:
        return open_log()

    def refused(self, log: Log) -> list[tuple[str, RefusedEvent]]:
        """(stream, event) of what was refused, in the order it came."""
        raise NotImplementedError

    def test_a_log_keeps_an_id_that_no_other_has(self, log: Log) -> None:
        before = log.id
        log.append(numbered(3))
        assert log.id == before
        assert before != MemoryLog().id
        assert UUID(before)

    # appending

    def test_an_empty_log_begins_and_ends_at_zero_and_reads_nothing(self, log: Log) -> None:
        assert (log.begin(), log.end(), log.read(START)) == (START, START, [])

    def test_records_come_back_in_order_at_dense_offsets(self, log: Log) -> None:
        for number in range(5):
            log.append(numbered(3, number * 3))
            log.append(numbered(2, number * 2, stream="views"))
        found = records(read_all(log))
        assert [record.offset for record in found] == list(range(25))
        assert [r.data["number"] for r in found if r.stream == "clicks"] == list(range(15))
        assert [r.data["number"] for r in found if r.stream == "views"] == list(range(10))
        assert log.end() == Cut((25,))

    def test_a_record_holds_what_was_appended(self, log: Log) -> None:
        log.append(Append("clicks", ["ä\n☃"], ["key"], [-5], [b'{ "a" :\n "\xc3\xa4" }']))
        (record,) = records(log.read(START))
        assert record == Record(0, 0, "clicks", -5, NOW, "key", "ä\n☃", {"a": "ä"})

    def test_an_event_without_a_time_happens_when_it_is_appended(self, log: Log) -> None:
        log.append(anonymous(1))
        (record,) = records(log.read(START))
        assert (record.time, record.appended, record.id, record.key) == (NOW, NOW, None, None)

    def test_the_position_is_just_after_the_append(self, log: Log) -> None:
        assert log.append(numbered(3)).position == Cut((3,))
        assert log.append(numbered(2, 3)).position == Cut((5,))

    def test_an_append_of_nothing_is_accepted(self, log: Log) -> None:
        log.append(numbered(3))
        appended = log.append(numbered(0))
        assert (appended.accepted, appended.duplicates, appended.position) == (0, 0, Cut((3,)))

    def test_a_large_append_becomes_segments_of_bounded_size(self, log: Log) -> None:
        log.append(numbered(MAX_SEGMENT_RECORDS + 5))
        large = [b'{"text":"%b"}' % (b"x" * (MAX_SEGMENT_BYTES // 2))] * 4
        log.append(Append("texts", [None] * 4, [None] * 4, [None] * 4, large))
        segments = read_all(log)
        assert [segment.count for segment in segments] == [MAX_SEGMENT_RECORDS, 5, 1, 1, 1, 1]
        assert [record.offset for record in records(segments)] == list(range(MAX_SEGMENT_RECORDS + 9))

    # duplicates

    def test_an_id_counts_once_whatever_the_body_says(self, log: Log) -> None:
        log.append(numbered(3))
        again = log.append(Append("clicks", ["id-1", "new"], [None] * 2, [None] * 2, [b'{"number":99}'] * 2))
        assert (again.accepted, again.duplicates) == (1, 1)
        assert [record.data["number"] for record in records(read_all(log))] == [0, 1, 2, 99]

    def test_an_id_counts_once_within_one_append(self, log: Log) -> None:
        appended = log.append(Append("clicks", ["a", "b", "a", ""], [None] * 4, [None] * 4, [b"{}"] * 4))
        assert (appended.accepted, appended.duplicates) == (3, 1)
        assert [record.id for record in records(read_all(log))] == ["a", "b", ""]
        assert log.append(Append("clicks", [""], [None], [None], [b"{}"])).duplicates == 1

    def test_the_position_of_duplicates_covers_their_originals_and_no_more(self, log: Log) -> None:
        log.append(numbered(10))
        assert log.append(numbered(2, 4)).position == Cut((6,))
        mixed = log.append(Append("clicks", ["new", "id-3"], [None] * 2, [None] * 2, [b"{}"] * 2))
        assert mixed.position == Cut((11,))

    def test_events_without_id_and_ids_of_other_streams_are_no_duplicates(self, log: Log) -> None:
        assert log.append(anonymous(2)).accepted == 2
        assert log.append(anonymous(2)).accepted == 2
        assert log.append(numbered(2)).accepted == 2
        assert log.append(numbered(2, stream="views")).accepted == 2

    def test_of_concurrent_appends_of_the_same_ids_one_wins_each(self, log: Log) -> None:
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda first: log.append(numbered(20, first)), [0, 5, 10, 15] * 8))
        assert sum(result.accepted for result in results) == 35
        assert sum(result.duplicates for result in results) == 32 * 20 - 35
        found = records(read_all(log))
        assert sorted(record.data["number"] for record in found) == list(range(35))
        assert [record.offset for record in found] == list(range(35))

    def test_what_was_refused_is_kept_with_the_append_it_came_with(self, log: Log) -> None:
        refused: list[RefusedEvent] = [(b"{", [{"field": "", "message": "not JSON"}]), (b"\xff", [])]
        append = numbered(2)
        assert log.append(replace(append, refused=refused)).accepted == 2
        another: RefusedEvent = (b"[", refused[0][1])
        assert log.append(replace(append, refused=[another])).duplicates == 2
        assert log.append(Append("views", [], [], [], [], refused=refused[1:])).position == Cut((2,))
        assert self.refused(log) == [("clicks", event) for event in (*refused, another)] + [("views", refused[1])]

    # taking events out

    def test_a_retracted_event_reads_as_one_of_no_stream_and_its_id_may_come_again(self, log: Log) -> None:
        log.append(numbered(5))
        decided = log.mark({"kind": "event_retracted"}, retracts=Retraction("clicks", 2, "id-2"))
        assert log.retracted() == {2: decided}
        assert [segment.stream for segment in log.read(START)] == ["clicks", RETRACTED, "clicks", SYSTEM]
        assert [record.offset for record in records(log.read(START))] == [*range(5), decided]
        assert [segment.stream for segment in log.read(Cut((2,)), 1)][:1] == [RETRACTED]
        assert log.append(numbered(5)).accepted == 1
        log.trim(Cut((5,)))
        assert log.append(numbered(3, 2)).duplicates == 1, "the id of what came again went with what was taken out"

    def test_a_retracted_event_that_is_archived_is_out_as_well(self, open_log: Open, tmp_path: Path) -> None:
        lake = Lake(tmp_path / "lake")
        log = open_log(lake)
        log.append(numbered(5))
        lake.archive("clicks", log.read(START), 5)
        log.trim(Cut((5,)))
        log.mark({"kind": "event_retracted"}, retracts=Retraction("clicks", 0, "id-0"))
        assert [(segment.stream, segment.count) for segment in log.read(START)] == [(RETRACTED, 1), ("clicks", 4)]

    # concurrency

    def test_many_threads_make_one_dense_order_that_keeps_each_threads_own(self, log: Log) -> None:
        def write(thread: int) -> list[int]:
            return [
                log.append(numbered(2, 2 * n, prefix=f"t{thread}", stream=f"s{thread % 2}")).position.offsets[0]
                for n in range(20)
            ]

        with ThreadPoolExecutor(8) as pool:
            positions = list(pool.map(write, range(8)))
        found = records(read_all(log))
        assert [record.offset for record in found] == list(range(8 * 40))
        for thread, own in enumerate(positions):
            assert own == sorted(own)
            mine = [record for record in found if record.id is not None and record.id.startswith(f"t{thread}-")]
            assert [record.data["number"] for record in mine] == list(range(40))
            assert [record.offset + 1 for record in mine[1::2]] == own

    def test_submitted_appends_keep_their_order(self, log: Log) -> None:
        futures = [log.submit(numbered(1, number)) for number in range(50)]
        assert [future.result().position for future in futures] == [Cut((number + 1,)) for number in range(50)]

    def test_waiting_ends_when_somebody_appends(self, log: Log) -> None:
        assert not log.wait(START, 0)
        waiting = Event()
        seen: list[bool] = []

        def wait() -> None:
            waiting.set()
            seen.append(log.wait(START, 30))

        thread = Thread(target=wait)
        thread.start()
        waiting.wait()
        log.append(numbered(1))
        thread.join()
        assert seen == [True]
        assert log.wait(START, 0)
        assert not log.wait(Cut((1,)), 0.01)

    def test_a_closed_log_takes_nothing_more(self, log: Log) -> None:
        log.append(numbered(1))
        log.close()
        with pytest.raises(LogUnavailableError):
            log.append(numbered(1, 1))
        with pytest.raises(LogUnavailableError):
            log.submit(numbered(1, 1)).result()

    # reading

    @pytest.mark.parametrize("start", range(12))
    def test_reading_begins_at_exactly_the_cut(self, log: Log, start: int) -> None:
        for first, count in ((0, 4), (4, 1), (5, 5)):
            log.append(numbered(count, first))
        found = records(log.read(Cut((start,))))
        assert [record.offset for record in found] == list(range(start, 10))
        assert [record.data["number"] for record in found] == list(range(start, 10))
        assert [record.time for record in found] == [n * 1000 for n in range(start, 10)]
        assert [(record.id, record.key) for record in found] == [(f"id-{n}", f"key-{n % 3}") for n in range(start, 10)]

    @pytest.mark.parametrize("limit", [0, 1, 2, 3, 7, 100])
    def test_any_limit_reads_all_in_the_end_and_something_each_time(self, log: Log, limit: int) -> None:
        for number in range(6):
            log.append(numbered(3, number * 3))
        assert sum(segment.count for segment in log.read(START, limit)) < limit + 3 or limit == 0
        assert [record.offset for record in records(read_all(log, START, limit))] == list(range(18))

    def test_tail_and_head_cut_a_segment_where_they_are_told(self, log: Log) -> None:
        log.append(numbered(5))
        (segment,) = log.read(START)
        whole = list(segment.records())
        for offset in range(7):
            assert list(segment.tail(offset).records()) == whole[offset:]
            assert list(segment.head(offset).records()) == whole[:offset]
        assert segment.tail(0) is segment
        assert segment.head(5) is segment

    # the system's events

    def test_a_marker_returns_its_offset(self, log: Log, leases: Leases | MemoryLeases) -> None:
        log.append(numbered(3))
        lease = leases.acquire("batch", "somebody", 60)
        assert log.mark({"kind": "batch_started"}) == 3
        assert log.mark({"kind": "batch_published"}, lease) == 4
        found = records(log.read(Cut((3,))))
        assert [(r.stream, r.data["kind"]) for r in found] == [(SYSTEM, "batch_started"), (SYSTEM, "batch_published")]

    def test_a_marker_of_a_lost_lease_is_refused_and_not_written(self, log: Log, leases: Leases | MemoryLeases) -> None:
        first = leases.acquire("batch", "somebody", 0)
        second = leases.acquire("batch", "somebody else", 60)
        assert first is not None
        assert second is not None
        with pytest.raises(LeaseLostError) as caught:
            log.mark({"kind": "batch_published"}, first)
        assert (caught.value.token, caught.value.current) == (first.token, second.token)
        assert log.end() == START
        assert log.mark({"kind": "batch_published"}, second) == 0
        leases.release(second)
        with pytest.raises(LeaseLostError):
            log.mark({"kind": "batch_published"}, second)

    # requests with a key

    def test_a_request_that_is_repeated_with_its_key_is_told_the_same_and_writes_nothing(self, log: Log) -> None:
        first = log.append(keyed(anonymous(3), "k"))
        assert (first.accepted, first.told) == (3, None)
        log.append(anonymous(1))
        again = log.append(keyed(anonymous(3), "k"))
        assert again.told is not None
        assert (again.accepted, again.duplicates, again.told.answer, again.position) == (0, 0, b"3 0 0:3", Cut((3,)))
        assert log.answered("k") == again.told
        assert log.answered("another") is None
        assert log.end() == Cut((4,))

    def test_another_request_with_a_key_is_refused_and_writes_nothing(self, log: Log) -> None:
        log.append(keyed(anonymous(3), "k"))
        with pytest.raises(KeyReusedError):
            log.append(keyed(anonymous(2), "k", "something else"))
        with pytest.raises(KeyReusedError):
            log.submit(keyed(anonymous(2), "k", "something else")).result()
        assert log.end() == Cut((3,))

    def test_a_request_without_events_has_an_answer_too(self, log: Log) -> None:
        log.append(anonymous(2))
        log.append(keyed(anonymous(0), "k"))
        log.append(anonymous(2))
        told = log.append(keyed(anonymous(0), "k")).told
        assert told is not None
        assert told.answer == b"0 0 0:2"

    def test_what_was_refused_of_a_repeated_request_is_not_kept_again(self, log: Log) -> None:
        append = replace(anonymous(1), refused=[(b"{", [{"field": "", "message": "not JSON"}])])
        for _ in range(3):
            log.append(keyed(append, "k"))
        assert len(self.refused(log)) == 1

    def test_requests_are_forgotten_with_the_records_of_their_time(self, log: Log) -> None:
        for number in range(3):
            log.append(keyed(anonymous(2), f"k{number}"))
        log.trim(Cut((4,)))
        assert log.answered("k0") is None
        assert log.answered("k1") is not None, "it is known at least as long as its records are hot"
        assert log.append(keyed(anonymous(2), "k0")).accepted == 2
        assert log.append(keyed(anonymous(2), "k2")).told is not None

    # trimming

    def test_trimming_drops_whole_segments_before_the_cut_and_forgets_their_ids(self, log: Log) -> None:
        for number in range(4):
            log.append(numbered(3, number * 3))
        assert log.trim(Cut((7,))) == 6
        assert (log.begin(), log.end()) == (Cut((6,)), Cut((12,)))
        assert [record.offset for record in records(read_all(log, Cut((6,))))] == list(range(6, 12))
        assert log.append(numbered(6)).accepted == 6
        assert log.append(numbered(6, 6)).duplicates == 6
        assert log.trim(Cut((7,))) == 0

    def test_trimmed_records_without_a_lake_are_said_to_be_gone(self, log: Log) -> None:
        log.append(numbered(3))
        log.append(numbered(3, 3))
        log.trim(Cut((3,)))
        with pytest.raises(RecordsTrimmedError) as caught:
            log.read(Cut((1,)))
        assert (caught.value.asked, caught.value.begin) == (Cut((1,)), Cut((3,)))

    def test_a_log_can_be_trimmed_to_its_very_end_and_grows_on(self, log: Log) -> None:
        log.append(numbered(3))
        log.trim(Cut((3,)))
        assert (log.begin(), log.end(), log.read(Cut((3,)))) == (Cut((3,)), Cut((3,)), [])
        assert log.append(numbered(1)).position == Cut((4,))

    def test_trimmed_records_are_read_from_the_lake_as_if_nothing_had_happened(
        self, open_log: Open, tmp_path: Path
    ) -> None:
        lake = Lake(tmp_path / "lake")
        log = open_log(lake=lake)
        for number in range(4):
            log.append(numbered(3, number * 3))
            log.append(numbered(2, number * 2, stream="views"))
            log.mark({"kind": "batch_started"})
        whole = read_all(log)
        for stream in ("clicks", "views", SYSTEM):
            lake.archive(stream, whole, 18)
        log.trim(Cut((16,)))
        assert log.begin() == Cut((15,))
        assert records(read_all(log)) == records(whole)
        for start in range(16):
            for limit in (1, 5, 100):
                found = records(read_all(log, Cut((start,)), limit))
                assert found == records(whole)[start:]

    # the system's own stream

    def test_the_system_s_records_are_read_alone_up_to_where_they_are_asked_for(self, log: Log) -> None:
        assert list(log.read_system()) == []
        for number in range(3):
            log.append(numbered(4, number * 4))
            log.mark({"number": number})
        log.append(numbered(2, stream=SYSTEM, prefix="alarm"))  # two records in one segment
        assert [record.offset for record in records(log.read_system())] == [4, 9, 14, 15, 16]
        assert [record.offset for record in records(log.read_system(Cut((16,))))] == [4, 9, 14, 15]
        assert [record.offset for record in records(log.read_system(Cut((9,))))] == [4]
        assert records(log.read_system(Cut((99,)))) == records(log.read_system())

    def test_the_system_s_records_are_read_from_the_lake_and_the_log_as_one(
        self, open_log: Open, tmp_path: Path
    ) -> None:
        lake = Lake(tmp_path / "lake")
        log = open_log(lake=lake)
        for number in range(6):
            log.append(numbered(3, number * 3))
            log.mark({"number": number})
        whole = records(log.read_system())
        assert [record.data["number"] for record in whole] == list(range(6))
        for upto in (8, 16):
            for stream in (SYSTEM, "clicks"):
                lake.archive(stream, read_all(log), upto)
        log.trim(Cut((12,)))
        assert log.begin() == Cut((12,))
        for stop in (0, 4, 8, 12, 13, 24):
            assert records(log.read_system(Cut((stop,)))) == [record for record in whole if record.offset < stop]
        assert records(log.read_system()) == whole

    def test_trimmed_records_of_the_system_without_a_lake_are_said_to_be_gone(self, log: Log) -> None:
        log.mark({"number": 0})
        log.append(numbered(2))
        log.mark({"number": 1})
        log.trim(Cut((2,)))
        with pytest.raises(RecordsTrimmedError):
            list(log.read_system())
