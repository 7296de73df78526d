"""When a license runs out: exact where growth is, honest where it is not, unknown where there is too little."""

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licensing.mirror.forecast import FEWEST, Forecast, Unknown, exhaustion, first_gap, project

TODAY = date(2026, 6, 30)
QUICK = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@dataclass
class Day:
    day: date
    quantity: int
    in_use: int
    reserved: int = 0


def days(in_use: list[int], quantity: int = 100, last: date = TODAY, **more: int) -> list[Day]:
    """One sample a day, the last of them on `last`."""
    first = last - timedelta(days=len(in_use) - 1)
    return [Day(first + timedelta(days=place), quantity, used, **more) for place, used in enumerate(in_use)]


def forecast(*args: object, **options: object) -> Forecast:
    found = exhaustion(days(*args, **options), TODAY)  # type: ignore[arg-type]
    assert isinstance(found, Forecast)
    return found


def in_days(number: int) -> date:
    return TODAY + timedelta(days=number)


@pytest.mark.parametrize(
    ("in_use", "quantity", "expected"),
    [
        (list(range(30)), 39, in_days(11)),  # 29 today, one a day: 39 are all used on day 10, short on day 11
        (list(range(0, 60, 2)), 59, in_days(1)),
        ([place // 3 for place in range(90)], 30, in_days(4)),  # a third a day, from 29
        (list(range(30)), 29, in_days(1)),
        (list(range(30)), 5, TODAY),  # short already
    ],
)
def test_even_growth_runs_out_on_its_day(in_use: list[int], quantity: int, expected: date) -> None:
    found = forecast(in_use, quantity)

    assert found.date == expected
    assert found.samples == len(in_use)


def test_even_growth_leaves_no_doubt() -> None:
    found = forecast(list(range(40)), 60)

    assert (found.earliest, found.date, found.latest, found.pace) == (in_days(22), in_days(22), in_days(22), 1.0)


@pytest.mark.parametrize("in_use", [[50] * 30, list(range(60, 30, -1))])
def test_what_does_not_grow_does_not_run_out(in_use: list[int]) -> None:
    found = forecast(in_use)

    assert (found.date, found.possible) == (None, False)


def test_one_jump_makes_no_trend() -> None:
    """A cluster of 60 users came two weeks ago; one in the middle of the window may be a trend or may not."""
    assert forecast([10] * 46 + [70] * 14, 100).possible is False
    assert forecast([10] * 30 + [70] * 30, 100).latest is None


def test_a_step_is_no_slope_and_growth_that_ended_leaves_doubt() -> None:
    """One a day for 50 days, then a cluster of 150, and nothing since."""
    found = forecast([*range(50), *[199] * 38], 299)

    assert 0 < found.pace < 1
    assert found.earliest == in_days(101)  # at the pace from before
    assert found.date is not None
    assert found.latest is not None
    assert in_days(101) < found.date < found.latest


def test_growth_goes_on_beside_a_step() -> None:
    found = forecast([*range(30), *range(180, 210)], 219)

    assert (found.earliest, found.date, found.latest, found.pace) == (*[in_days(11)] * 3, 1.0)


def test_steps_that_come_again_are_growth() -> None:
    found = forecast([10 * (place // 10) for place in range(90)], 100)

    assert 0.8 < found.pace < 1.2


def test_a_day_that_sticks_out_makes_no_trend() -> None:
    assert forecast([10] * 20 + [90] + [10] * 20, 100).possible is False


def test_growth_that_wavers_has_a_range_around_it() -> None:
    wavering = [30 + place // 2 + place * 7 % 11 for place in range(60)]

    found = forecast(wavering, 120)

    assert found.earliest is not None
    assert found.date is not None
    assert found.latest is not None
    assert found.earliest < found.date < found.latest


def test_reserved_licenses_are_not_free() -> None:
    assert forecast(list(range(30)), 39, reserved=5).date == in_days(6)


def test_beyond_five_years_nothing_is_said() -> None:
    assert forecast([place // 20 for place in range(60)], 10_000).date is None


@pytest.mark.parametrize(
    ("samples", "why"),
    [
        ([], "Nothing is recorded"),
        (days([5]), "1 day is recorded"),
        (days([5] * (FEWEST - 1)), "13 days are recorded"),
        (days(list(range(FEWEST))), "14 days are recorded"),  # two weeks are no trend
        (days(list(range(30)), last=TODAY - timedelta(days=8)), "The last sample is 8 days old"),
        (days(list(range(30)), last=TODAY - timedelta(days=300)), "Nothing is recorded"),
    ],
)
def test_too_little_is_said_to_be_too_little(samples: list[Day], why: str) -> None:
    found = exhaustion(samples, TODAY)

    assert isinstance(found, Unknown)
    assert why in found.why


usages = st.lists(st.integers(0, 500), min_size=25, max_size=60)


@QUICK
@given(usages, st.integers(1, 12))
def test_pace_is_within_the_bound_by_which_alerts_choose(in_use: list[int], apart: int) -> None:
    days = sorted({place * (1 + place % apart) + 1 for place in range(len(in_use))})
    in_use = in_use[: len(days)]

    _, pace = project(days, in_use, 10, TODAY)

    assert pace <= (max(in_use) - min(in_use)) / ((len(in_use) + 1) // 2)


def order(found: Forecast) -> list[date]:
    return [day or date.max for day in (found.earliest, found.date, found.latest)]


@QUICK
@given(usages, st.integers(0, 1000))
def test_range_holds_the_date_and_nothing_lies_in_the_past(in_use: list[int], quantity: int) -> None:
    found = forecast(in_use, quantity)

    assert order(found) == sorted(order(found))
    assert all(day >= TODAY for day in order(found))


@QUICK
@given(usages, st.integers(0, 1000), st.integers(1, 200))
def test_more_licenses_never_run_out_earlier(in_use: list[int], quantity: int, more: int) -> None:
    fewer, many = order(forecast(in_use, quantity)), order(forecast(in_use, quantity + more))

    assert all(one <= other for one, other in zip(fewer, many, strict=True))


@QUICK
@given(usages, st.integers(0, 1000), st.randoms())
def test_order_of_samples_says_nothing(in_use: list[int], quantity: int, dice: object) -> None:
    samples = days(in_use, quantity)
    mixed = list(samples)
    dice.shuffle(mixed)  # type: ignore[attr-defined]

    assert exhaustion(mixed, TODAY) == exhaustion(samples, TODAY)


@QUICK
@given(st.integers(1, 9), st.integers(0, 300), st.integers(25, 60))
def test_even_growth_is_met_exactly_whatever_its_pace(pace: int, room: int, count: int) -> None:
    in_use = [place * pace for place in range(count)]

    assert forecast(in_use, in_use[-1] + room).date == in_days(room // pace + 1)


@pytest.mark.parametrize(
    ("in_use", "quantity", "endings", "expected"),
    [
        (50, 100, [(in_days(9), 40)], None),
        (50, 100, [(in_days(90), 40), (in_days(9), 20)], (in_days(90), 10)),
        (50, 100, [(in_days(9), 60)], (in_days(9), 10)),
        (0, 100, [(in_days(9), 100)], None),
        (50, 100, [], None),
    ],
)
def test_terms_that_are_not_renewed_leave_a_gap(
    in_use: int, quantity: int, endings: list[tuple[date, int]], expected: tuple[date, int] | None
) -> None:
    assert first_gap(in_use, quantity, endings) == expected
