"""One execution of a chapter: over the book's recorded run, or over a run of the reader's own, which it makes.

With ``-p run DIR`` a chapter executes the real stages up to its own through the library, resumes what was interrupted
and skips what is done, and shows that run beside the book's. Executing all chapters in order is the experiment.
"""

from __future__ import annotations

from pathlib import Path

from wmbook.press.notebooks import check_parameters
from wmlib.config import Config
from wmlib.errors import UserError
from wmlib.runs import stored_config
from wmlib.stages.agents import Agent, agent_of
from wmlib.stages.chain import Chain, run_all

RECORDED = ("vae-zh", 0)  # the book's run that the tutorial shows: arm and training seed
FOLDERS = {"carracing": "runs/quick", "takecover": "runs/doom"}  # a run is of one task


class Chapter:
    """What a chapter is executed for.

    Args:
        namespace: the notebook's ``globals()``, with ``scale``, ``run`` and ``seed``.
        last: the stage this chapter is about, by its command's name; empty if no run takes part in it.
        overrides: settings of this chapter's arm, as ``--set`` takes them, for example ``vision=vaegan``.
        task: what its run learns.
        makes: the scale at which a run of the reader's own is made for it.

    Raises:
        UserError: a parameter that does not exist, or a run folder made with another task, scale or seed.
    """

    def __init__(
        self,
        namespace: dict,
        last: str = "",
        overrides: tuple[str, ...] = (),
        task: str = "carracing",
        makes: str = "quick",
    ):
        check_parameters(namespace)
        self.task, self.makes = task, makes
        self.scale, self.seed, self.last = namespace["scale"], namespace["seed"], last
        self.folder = Path(namespace["run"]) if namespace["run"] else None
        self.chain: Chain | None = None
        if self.folder is not None:
            config = self._configuration(stored_config(self.folder)).override(list(overrides))
            self.chain = Chain(config, self.folder)

    def _configuration(self, stored: dict | None) -> Config:
        if stored is None:
            return Config.preset(self.scale).override([f"seed={self.seed}", f"task={self.task}"])
        config = Config.from_dict(stored)
        if config.task != self.task:
            raise UserError(f"{self.folder}: has learnt {config.task}; give this chapter a run of {self.task}: -p run")
        for name, wanted, have in (("scale", self.scale, config.scale), ("seed", self.seed, config.seed)):
            if wanted != have:
                raise UserError(f"{self.folder}: was made with {name}={have}; give -p {name} {have}, or another -p run")
        return config

    @property
    def usual(self) -> str:
        """The folder that a run of this chapter's is given in the book's examples."""
        return FOLDERS[self.task] if self.makes == "quick" else f"runs/{self.makes}"

    @property
    def shown(self) -> str:
        """The scale of the book's own run."""
        return "full" if self.makes == "quick" else self.makes

    @property
    def mine(self) -> bool:
        """Whether this is a run of the reader's own."""
        return self.chain is not None

    def arm(self, *overrides: str) -> Chain:
        """Another arm of the reader's run, by its settings: what both share is made once."""
        return Chain(self.chain.run_config.override(list(overrides)), self.folder)

    def run(self, *beside: str):
        """Do what is left to do up to this chapter's stage; returns the line that says whose run is on the page.

        Args:
            beside: settings of the other arms this chapter shows, one each, for example ``vision=vae``; made first.
        """
        from IPython.display import Markdown, clear_output

        if not self.last:
            return Markdown("*On this page: small networks that are trained here, with or without a run of your own.*")
        if not self.mine:
            return Markdown(
                f"*On this page: **the book's run**, scale `{self.shown}`, from the committed records and shipped "
                f"weights. For your own beside it, made here, execute the page with* `-p run {self.usual} "
                f"-p scale {self.makes}`."
            )
        for chain in (*map(self.arm, beside), self.chain):
            run_all(chain.run_config, self.folder, self.last)
        clear_output()  # of progress, a line every few seconds
        return Markdown(
            f"*On this page: **your run**, scale `{self.scale}`, seed {self.seed}; beside it the book's, scale "
            f"`{self.shown}`. Executed without `-p run`, it shows the book's alone.*"
        )

    def agent(self) -> Agent | None:
        """The reader's V, M and C, as far as they are made; None if this is the book's run."""
        return agent_of(self.chain) if self.mine else None
