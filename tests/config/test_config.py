"""Settings: presets, overrides, round trip, refusals."""

import pytest

from wmlib.config import SCALES, Config
from wmlib.config.settings import key
from wmlib.errors import UserError
from wmlib.runs import digest

ACTOR = ["controller.world=dream", "controller.search=actor-critic"]


@pytest.mark.parametrize("scale", SCALES)
def test_preset_round_trip(scale):
    config = Config.preset(scale)
    assert Config.from_dict(config.to_dict()) == config
    assert config.scale == scale


def test_paper_scale_has_the_papers_numbers():
    paper = Config.preset("paper")
    assert (paper.collect.episodes, paper.collect.steps) == (10_000, 1000)
    assert (paper.controller.population, paper.controller.tracks, paper.controller.generations) == (64, 16, 1800)
    assert (paper.memory.hidden_size, paper.memory.mixtures) == (256, 5)


def test_override_changes_one_value_only():
    config = Config.preset("quick")
    changed = config.override(["memory.updates=77", "memory.trained=false", "controller.sigma=0.5"])
    assert (changed.memory.updates, changed.memory.trained, changed.controller.sigma) == (77, False, 0.5)
    assert changed.vae == config.vae and config.memory.updates != 77


@pytest.mark.parametrize(
    "text, part",
    [
        ("memory.update=5", "memory.update"),
        ("memory.updates=many", "int"),
        ("memory.updates=1.5", "int"),
        ("memory.trained=maybe", "true or false"),
        ("memory=5", "group"),
        ("seed.x=5", "no key"),
        ("memory.updates", "key=value"),
        ("vae.compute=float16", "float32"),
        ("vision=gan", "vae, vaegan, vaematched, vaedis"),
        ("vaegan.variant=mine", "recommended, paper"),
        ("vaegan.gamma=-1", "from 0 to"),
        ("vaegan.learning_rate=0", "positive"),
        ("seed=1000", "0 to 999"),
        ("controller.population=1", "at least"),
        ("controller.search=luck", "evolution, imitation"),
        ("teaching.rounds=0", "at least 1"),
        ("teaching.rate=0", "positive"),
        ("teaching.generations=50000", "teaching.generations times teaching.tracks is 400000: there are 100000 tracks"),
        ("teaching.episodes=500000", "teaching.rounds times teaching.episodes"),
    ],
)
def test_bad_overrides_name_the_key(text, part):
    with pytest.raises(UserError, match=part) as error:
        Config().override([text])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "together",
    [
        ACTOR,
        ["controller.sigma_limit=0.1", "controller.sigma_halves=3"],
        ["controller.dream_return=episode", "controller.caution=2"],
        ["controller.late_from=2", "memory.late_updates=5", "iterations=2"],
        ["task=takecover", "controller.tau=0.5"],
        ["vaegan.variant=paper", "vaegan.gamma=0.5"],
        ["rollout.executor=ray", "rollout.address=somewhere:1"],
    ],
)
def test_settings_that_need_each_other_come_in_any_order(together):
    assert Config().override(together) == Config().override(together[::-1]) != Config()


@pytest.mark.parametrize(
    "together, part",
    [
        (["controller.search=imitation", "task=takecover"], "real world"),
        (
            ["task=takecover", "controller.world=real", "controller.inputs=zh", "controller.search=imitation"],
            "no teacher for task=takecover",
        ),
        (["controller.search=imitation", "controller.world=dream"], "real world"),
        (["controller.search=imitation+evolution", "controller.world=dream"], "real world"),
        (["controller.search=actor-critic"], "world=dream"),
        (["controller.search=actor-critic", "controller.world=dream", "controller.hidden_units=4"], "linear"),
        (["controller.search=actor-critic", "task=takecover"], "z and h"),
        ([*ACTOR, "controller.dream_return=episode", "controller.caution=1.5"], "counts once"),
        ([*ACTOR, "controller.dream_return=episode", "controller.calibrated=true"], "counts once"),
        ([*ACTOR, "controller.late_from=2"], "counts once"),
        ([*ACTOR, "controller.offset=0.5"], "controller.offset"),
        (["controller.offset=0.5"], "controller.offset"),
        (["task=takecover", "controller.offset=0.5"], "controller.offset"),
    ],
)
def test_what_does_not_go_together_is_refused(together, part):
    with pytest.raises(UserError, match=part):
        Config().override(together)


def test_unknown_scale_and_foreign_dictionary():
    with pytest.raises(UserError, match="smoke, quick, full, long, paper"):
        Config.preset("huge")
    with pytest.raises(UserError, match="unknown key 'colour'"):
        Config.from_dict({"scale": "quick", "colour": 3})


@pytest.mark.parametrize(
    "overrides, arm",
    [
        ([], "vae-zh"),
        (["controller.inputs=z"], "vae-z"),
        (["controller.inputs=z", "controller.hidden_units=40"], "vae-z-hidden"),
        (["memory.trained=false"], "vae-zh-untrained-m"),
        (["vision=vaegan"], "vaegan-zh"),
        (["vision=vaedis"], "vaedis-zh"),
        (["controller.search=imitation"], "vae-zh-taught"),
        (["controller.search=imitation+evolution"], "vae-zh-taught-evolved"),
        (["controller.search=imitation", "controller.hidden_units=40"], "vae-zh-hidden-taught"),
        (["controller.world=dream"], "dream-cma"),
        (["controller.world=dream", "controller.tau=1.3", "controller.hidden_units=40"], "dream-tau-1.30-hidden"),
        (["controller.world=dream", "vision=vaegan"], "vaegan-dream-cma"),
        (["controller.world=dream", "controller.search=actor-critic"], "dream-ac"),
    ],
)
def test_arm_names(overrides, arm):
    assert Config().override(overrides).arm == arm


def test_a_variant_of_the_vaegan_sets_its_own_values_and_no_others():
    paper = Config.preset("quick").override(["vaegan.variant=paper", "vaegan.gamma=1e-5"]).vaegan
    assert (paper.gamma, paper.pixel_weight, paper.feature_layer, paper.updates) == (1e-5, 0, 4, 400)
    turned = Config.preset("quick").override(["vaegan.gamma=1e-5", "vaegan.variant=paper"])
    assert turned.vaegan == paper, "in any order"
    back = Config.preset("quick").override(["vaegan.variant=paper", "vaegan.variant=recommended"])
    assert back == Config.preset("quick")


def test_a_stored_tree_without_a_group_gets_that_of_its_scale():
    stored = Config.preset("quick").to_dict()
    del stored["vaegan"]
    assert Config.from_dict(stored) == Config.preset("quick")
    old = Config.preset("full").to_dict()
    del old["rehearsal"]
    assert Config.from_dict(old).rehearsal == "", "a single value it lacks is what it was when there was none"


@pytest.mark.parametrize("path", ["seed", "vae.updates", "controller.patience", "evaluate.tracks"])
def test_a_stored_tree_that_lacks_a_setting_is_refused(path):
    """The code's default would take its place, and the run would go on as another."""
    stored = Config.preset("smoke").to_dict()
    *group, name = path.split(".")
    del (stored[group[0]] if group else stored)[name]
    with pytest.raises(UserError, match=f"run/config.json: .*lacks '{name}'"):
        Config.from_dict(stored, "run/config.json")


def test_digest_ignores_key_order():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 2, "b": 1})


def test_a_task_is_a_preset_whatever_the_order():
    doom = Config.preset("full").override(["memory.updates=7", "task=takecover", "controller.tau=1.3"])
    assert (doom.memory.hidden_size, doom.controller.inputs, doom.controller.world) == (512, "zch", "dream")
    assert doom.memory.updates == 7 and doom.arm == "dream-tau-1.30" and doom.numbers.latent_size == 64
    assert doom.override(["task=takecover"]) == doom  # said twice, it takes nothing back
    assert Config.from_dict(doom.to_dict()) == doom


def test_a_setting_that_came_later_leaves_a_stages_identity_as_it_was():
    names = set(key(Config().controller))
    assert "tau" not in names and "sigma" in names
    assert "tau" in key(Config().override(["controller.tau=0.5"]).controller)


def test_iterations_of_take_cover_share_v_and_train_m_on():
    config = Config.preset("full").override(["task=takecover", "controller.tau=0.1"])
    first, second, last = (config.of_iteration(number) for number in (1, 2, config.iterations))
    assert first.memory.updates == config.memory.updates and first.memory.later_updates == 0
    assert second.memory.updates == config.memory.later_updates and second.memory.own_share == config.memory.own_share
    slow = config.override(["memory.later_rate=1e-4"])
    rates = [(c.learning_rate, c.final_learning_rate) for c in (slow.of_iteration(n).memory for n in (1, 2))]
    assert rates == [(config.memory.learning_rate, config.memory.final_learning_rate), (1e-4, 1e-4)]
    assert second.controller.generations == config.controller.early_generations < last.controller.generations
    assert [part.controller.tau for part in (first, second, last)] == [1.15, 1.15, 0.1]
    assert last.controller.generations == config.controller.generations
    with pytest.raises(UserError, match="keep_vision=true"):
        config.override(["vision=vaegan"])


def test_late_dreams_are_hotter_and_longer_and_leave_the_early_ones_as_they_were():
    plain = Config.preset("dream").override(["controller.late_from=0", "memory.late_updates=0"])
    late = Config.preset("dream").override(["controller.late_from=4", "controller.late_tau=1.7"])
    early, after = late.of_iteration(3).controller, late.of_iteration(4).controller
    assert early == plain.of_iteration(3).controller
    assert (after.tau, after.dream_steps) == (1.7, late.controller.late_steps)
    young, mature = late.of_iteration(3).memory, late.of_iteration(4).memory
    assert young == plain.of_iteration(3).memory and young.own_share and young.loss_share
    assert (mature.updates, mature.own_share, mature.loss_share) == (late.memory.late_updates, 0, 0)
    assert mature.final_learning_rate < mature.learning_rate < young.learning_rate
    assert {Config.preset("dream").of_iteration(i).arm for i in (1, 6, 7, 8)} == {"dream-cma"}
    assert late.of_iteration(4).arm == "dream-tau-1.70"
