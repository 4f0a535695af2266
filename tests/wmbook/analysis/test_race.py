"""The film of two drivers: bars are as long as the pedals are deep, and a drive's notes are the drive."""

from argparse import Namespace

import numpy as np
import pytest

from wmbook.analysis import race
from wmbook.show.bends import drivers_by_kind
from wmlib.watch.film import CAPTION, GAP, SIZE


def test_bars_are_as_long_as_the_pedals_are_deep():
    frame = np.full((64, 64, 3), 90, np.uint8)
    view = race.picture([race.Moment(frame, 57.2, 1.0, 0.0), race.Moment(frame, 80.0, 0.25, 0.5)])
    assert view.shape == (CAPTION + SIZE + race.BARS, 2 * SIZE + GAP, 3)
    bars = view[CAPTION + SIZE :]
    gas, brake = bars[5, :, 0], bars[5 + race.BARS // 2, :, 0]
    assert (gas[46:SIZE] == race.GREY).sum() == SIZE - 50 and not (brake[46:SIZE] == race.BLACK).any()
    assert (brake[SIZE + GAP + 46 :] == race.BLACK).sum() == round(0.5 * (SIZE - 50))


def test_a_race_is_filmed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(race, "SHOWN", (4, 12))
    monkeypatch.setattr(race, "POSTER", 6)
    film = tmp_path / "race.mp4"
    race.race(Namespace(arms=["vae-zh", "vae-zh-untrained-m"], track=1_000_095_000, out=film))
    assert film.stat().st_size and film.with_suffix(".png").stat().st_size
    assert capsys.readouterr().out.count("frames on track 1000095000") == 2


def test_drivers_are_compared_on_the_same_v_and_m():
    class Records:
        bends = {"vae-zh": {"1": "a", "0": "b"}, "vae-zh-taught-evolved": {"0": "c"}}  # noqa: RUF012

    assert drivers_by_kind(Records) == {"evolved": "b", "taught, then evolved": "c"}
    Records.bends = {"vae-zh": {"1": "a"}, "vae-zh-taught-evolved": {"0": "c"}}
    assert drivers_by_kind(Records) == {}


@pytest.mark.parametrize("shown", [("speed", "brake"), ("speed", "gas", "brake")])
def test_panels_are_those_asked_for(shown):
    from wmbook.show.bends import approach

    way = {"tiles": [-1, 0, 1], "speed": [60, 57, 55], "gas": [1, 0, 0], "brake": [0, 0.4, 0]}
    figure = approach({"evolved": {"approach": way}}, shown)
    assert [axes.get_title(loc="left") or axes.get_title() for axes in figure.axes] == list(shown)
