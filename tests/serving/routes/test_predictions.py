"""Predictions over HTTP: their answers, what is wrong with a request, and looking them up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import orjson
import pytest

from anabranch import Cut
from eventlog.decisions import PREDICTIONS
from eventlog.intake.door import BodyLimits
from serving.http.request_memory import RequestMemory
from tests.serving.conftest import Home, rental
from tests.serving.trained import Constant, Raising, Shares, app, mail, publish_versions

JSON = {"content-type": "application/json"}
ASKED = {"station": "a", "started": "2023-11-01T12:00:00Z"}


@pytest.fixture
def home(make_home: Callable[..., Home]) -> Iterator[Home]:
    home = make_home(app=app)
    yield home
    home.service.recorder.close()


def ask(home: Home, body: Any, model: str = "duration", status: int = 200, **query: Any) -> Any:
    query = {"after": str(home.service.log.end()), **query}
    response = home.client.post(f"/v1/models/{model}/predict", json=body, params=query)
    assert response.status_code == status, response.text
    return response.json()


def recorded(home: Home) -> list[dict[str, Any]]:
    """Everything that is recorded, once it is."""
    home.service.recorder.close()
    home.service.recorder.start()
    segments = home.service.log.read(Cut(), 100_000)
    return [record.data for s in segments if s.stream == PREDICTIONS for record in s.records()]


def test_before_the_first_generation_the_speed_model_answers_alone(home: Home) -> None:
    home.post(*[rental(n, minutes=10.0) for n in range(20)])
    answer = ask(home, ASKED)

    assert answer["weights"] == {"speed": 1.0}
    assert list(answer["parts"]) == ["speed"]
    assert answer["prediction"] == pytest.approx(10.0), "within the range of labels, whatever the part is"
    assert answer["features"] == {"hour": 12, "station": "a", "recent": 10.0, "n": 20}
    assert (answer["generation"], answer["batch_cut"], answer["lag_seconds"]) == (None, "0:0", 0.0)
    assert int(answer["speed_cut"].split(":")[1]) >= 20
    assert "probabilities" not in answer


def test_the_champion_and_the_speed_model_answer_together(home: Home) -> None:
    home.post(*[rental(n, minutes=10.0) for n in range(20)])
    assert publish_versions(home, (1, Constant(12.0), True)) == 1
    answer = ask(home, ASKED)

    assert answer["parts"]["batch"] == 10.0  # it says 12, and the labels that were seen are 10
    assert sum(answer["weights"].values()) == pytest.approx(1.0)
    assert list(answer["weights"]) == list(answer["parts"]) == ["batch", "speed"]
    assert answer["prediction"] == pytest.approx(sum(answer["parts"][e] * w for e, w in answer["weights"].items()))
    published = home.service.speed.publication
    assert published is not None
    assert (answer["generation"], answer["batch_cut"]) == (1, str(published.cut))
    assert published.cut.offsets[0] >= 20  # samples of features may have come before the marker


def test_an_array_is_answered_by_an_array(home: Home) -> None:
    home.post(*[rental(n) for n in range(5)])
    publish_versions(home, (1, Constant(3.0), True))
    stations = ["a", "b"] * 20
    answer = ask(home, [{**ASKED, "station": station} for station in stations])

    assert list(answer) == ["predictions"]
    assert [one["features"]["station"] for one in answer["predictions"]] == stations
    assert {one["parts"]["batch"] for one in answer["predictions"]} == {10.0}  # 3, clipped to the labels seen
    assert len({one["prediction_id"] for one in answer["predictions"]}) == 40
    assert ask(home, []) == {"predictions": []}


def test_a_binary_model_answers_true_or_false_and_probabilities(home: Home) -> None:
    home.post(*[mail("x" * n, spam=n % 4 > 0) for n in range(20)], stream="mails")
    publish_versions(home, (1, Shares({False: 0.25, True: 0.75}), True), model="spam")
    answer = ask(home, {"text": "buy"}, "spam")

    assert answer["prediction"] is True
    assert set(answer["probabilities"]) == {"true", "false"}
    assert sum(answer["probabilities"].values()) == pytest.approx(1.0)
    assert answer["parts"]["batch"] == {"false": 0.25, "true": 0.75}


def test_a_multiclass_model_answers_the_most_probable_class(home: Home) -> None:
    nothing_learnt = ask(home, {"text": "x"}, "folder")
    home.post(*[mail(folder="inbox" if n % 3 else "work") for n in range(30)], stream="mails")
    answer = ask(home, {"text": "hello"}, "folder")

    assert (nothing_learnt["prediction"], nothing_learnt["probabilities"]) == (None, {})
    assert nothing_learnt["parts"] == {"speed": None}
    assert answer["prediction"] == "inbox"
    assert answer["probabilities"] == {"inbox": pytest.approx(2 / 3), "work": pytest.approx(1 / 3)}


def test_a_part_that_is_not_finite_is_null_and_has_no_weight(home: Home) -> None:
    home.post(*[rental(n) for n in range(5)])
    publish_versions(home, (1, Constant(float("nan")), True))
    answer = ask(home, ASKED)

    assert answer["parts"]["batch"] is None
    assert answer["weights"] == {"batch": 0.0, "speed": 1.0}
    assert answer["prediction"] == pytest.approx(10.0)


def test_a_champion_that_raises_leaves_the_answer_to_the_speed_model(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    home.post(*[rental(n) for n in range(5)])
    publish_versions(home, (1, Raising(), True))
    answer = ask(home, [ASKED, ASKED])["predictions"][1]

    assert answer["parts"]["batch"] is None
    assert answer["prediction"] == pytest.approx(10.0)
    assert "the champion, version 1, raised" in caplog.text


def test_the_label_of_a_request_is_not_looked_at(home: Home) -> None:
    assert ask(home, {**ASKED, "minutes": 77.0})["features"] == ask(home, ASKED)["features"]


def test_without_its_time_an_example_is_predicted_at_the_newest_time_of_its_stream(home: Home) -> None:
    home.post(rental(1, started="2023-11-01T10:20:00Z"), rental(2, started="2023-11-03T10:20:00Z"))
    late = ask(home, {"station": "a", "started": "2023-11-01T12:00:00Z"})

    assert late["features"]["n"] == 1
    assert ask(home, {"station": "abc"}, "simple")["features"] == {"length": 3}


# recorded predictions


def test_a_prediction_is_looked_up_before_and_after_it_is_in_the_log(home: Home) -> None:
    home.post(rental(1))
    publish_versions(home, (1, Constant(3.0), True))
    answer = ask(home, {**ASKED, "rental_id": "r7", "more": [1]})
    before = home.get(f"/v1/predictions/{answer['prediction_id']}")
    (kept,) = recorded(home)

    assert home.get(f"/v1/predictions/{answer['prediction_id']}") == before == kept
    for name in ("prediction_id", "prediction", "parts", "weights", "features", "generation", "speed_cut"):
        assert kept[name] == answer[name]
    assert (kept["model"], kept["time"], kept["versions"]) == ("duration", "2023-11-14T22:13:20Z", {"batch": 1})
    assert (kept["example"], kept["example_id"]) == ({**ASKED, "rental_id": "r7", "more": [1]}, "r7")
    assert kept["probabilities"] is None
    assert home.get("/v1/predictions/nothing", 404)["noun"] == "prediction"


def test_every_prediction_of_an_array_is_recorded(home: Home) -> None:
    answers = ask(home, [{"text": "a"}, {"text": "b"}], "spam")["predictions"]
    kept = recorded(home)

    assert [one["prediction_id"] for one in kept] == [one["prediction_id"] for one in answers]
    assert [one["example"] for one in kept] == [{"text": "a"}, {"text": "b"}]
    assert [one["versions"] for one in kept] == [{}, {}]


def test_without_recording_a_prediction_has_no_id(home: Home) -> None:
    home.service.recorder.recording = False
    assert ask(home, ASKED)["prediction_id"] is None
    assert recorded(home) == []


# record=true


def test_an_example_that_is_to_be_recorded_is_appended_behind_its_prediction(home: Home) -> None:
    home.post(rental(1))
    answer = ask(home, rental(2, started="2023-11-01T10:30:00Z"), record="true")

    assert answer["features"]["n"] == 1
    assert int(answer["position"].split(":")[1]) > int(answer["speed_cut"].split(":")[1])
    assert home.get("/v1/views/usage", after=answer["position"])["rows"][0]["rentals"] == 2
    many = ask(home, [rental(2), rental(3)], record="true")
    assert len(many["predictions"]) == 2
    assert home.get("/v1/views/usage", after=many["position"])["rows"][0]["rentals"] == 3


def test_an_example_that_is_no_event_is_neither_predicted_nor_recorded(home: Home) -> None:
    end = home.service.log.end()
    problem = ask(home, [rental(1), ASKED], status=422, record="true")

    assert problem["type"].endswith("invalid-example")
    assert [event["index"] for event in problem["rejected"]] == [1]
    assert {error["field"] for error in problem["rejected"][0]["errors"]} == {"rental_id", "minutes"}
    assert recorded(home) == []
    assert home.service.log.end() == end


# what is wrong with a request


def test_an_unknown_model_is_told_the_known_ones(home: Home) -> None:
    assert ask(home, ASKED, "length", 404)["known"] == ["duration", "folder", "leaking", "raising", "simple", "spam"]


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({**ASKED, "station": 5}, "station", "string"),
        ({"station": "a", "started": "2023-11-01T12:00:00"}, "started", "time zone"),
        ({**ASKED, "minutes": -1}, "minutes", "greater than or equal to 0"),
    ],
)
def test_a_wrong_field_is_named_with_what_would_be_right(
    home: Home, body: dict[str, Any], field: str, message: str
) -> None:
    problem = ask(home, [ASKED, body], status=422)

    assert problem["type"].endswith("invalid-example")
    assert (problem["rejected"][0]["index"], problem["rejected"][0]["errors"][0]["field"]) == (1, field)
    assert message in problem["rejected"][0]["errors"][0]["message"]
    assert field in problem["detail"]


def test_a_field_that_the_features_need_is_named(home: Home) -> None:
    problem = ask(home, {"started": "2023-11-01T12:00:00Z"}, status=422)

    assert problem["type"].endswith("no-features")
    assert problem["field"] == "station"
    assert "'station'" in problem["detail"]


def test_a_leak_is_named(home: Home) -> None:
    problem = ask(home, {**ASKED, "minutes": 5.0}, "leaking", 422)

    assert "'minutes', which is the label" in problem["detail"]
    assert "field" not in problem


def test_a_features_function_that_raises_is_told_with_its_last_line(home: Home) -> None:
    problem = ask(home, [{"text": "even"}, {"text": "odd"}], "folder", 422)

    assert problem["index"] == 1
    assert problem["reason"].startswith("ValueError: an odd text (trained.py:")
    assert recorded(home) == []


def send(home: Home, body: bytes, **headers: str) -> httpx.Response:
    return home.client.post(
        "/v1/models/duration/predict", content=body, headers={"content-type": "application/json", **headers}
    )


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "malformed-body"),
        (b"{", "malformed-body"),
        (b'[{"station": "a"},', "malformed-body"),
        (b"5", "malformed-body"),
        (b'"station"', "malformed-body"),
        (b"\xff", "malformed-body"),
        (b'{"station": "\xff"}', "malformed-body"),
        (b"[5]", "invalid-example"),
    ],
)
def test_a_body_that_is_no_example_is_refused(home: Home, body: bytes, kind: str) -> None:
    response = send(home, body)

    assert response.status_code == 422
    assert response.json()["type"].endswith(kind)


def test_other_content_types_and_large_bodies_are_refused(home: Home) -> None:
    assert send(home, b"{}", **{"content-type": "text/plain"}).status_code == 415
    assert send(home, b"{}", **{"content-type": "application/json; charset=latin-1"}).status_code == 415
    assert send(home, orjson.dumps(ASKED), **{"content-type": "Application/JSON; charset=utf-8"}).status_code == 200
    assert send(home, b" " * 100_001).status_code == 413
    assert send(home, orjson.dumps([ASKED] * 1_001)).json()["type"].endswith("too-many-events")


def test_a_wrong_parameter_is_named(home: Home) -> None:
    assert ask(home, ASKED, status=422, record="perhaps")["parameter"] == "record"
    assert ask(home, ASKED, status=422, recorded="true")["parameter"] == "recorded"
    assert ask(home, ASKED, status=504, after="0:99999", timeout_ms=1)["after"] == "0:99999"


def test_predictions_are_measured(home: Home) -> None:
    ask(home, ASKED)
    recorded(home)
    text = home.client.get("/metrics").text

    assert 'anabranch_predict_seconds_count{model="duration"} 1.0' in text
    assert "anabranch_predictions_recorded_total 1.0" in text
    assert "anabranch_predictions_dropped_total 0.0" in text


def test_examples_are_bounded_as_events_are_and_what_they_take_is_given_back(make_home: Callable[..., Home]) -> None:
    home = make_home(app=app, limits=BodyLimits(max_events=10_000, max_event_bytes=10_000), memory=RequestMemory(10**7))
    large = ask(home, [ASKED, {**ASKED, "more": "x" * 10_000}], status=422)["rejected"]
    assert [(event["index"], event["errors"][0]["type"]) for event in large] == [(1, "too_large")]
    assert ask(home, [{}] * 10_001, status=413)["type"] == "urn:anabranch:problem:too-many-events"
    assert len(ask(home, [{}] * 3_000, status=413)["detail"]) > 20  # their answers would take more than there is
    assert ask(home, [[[["deep"]]] * 3], status=422)["detail"]
    deep = home.client.post("/v1/models/duration/predict", content=b"[" * 700 + b"]" * 700, headers=JSON)
    assert deep.status_code == 422
    assert home.service.memory.taken == 0
    assert ask(home, ASKED)["features"]
