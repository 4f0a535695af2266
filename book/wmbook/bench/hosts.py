"""Processes of their own for contenders: one's threads, memory and imports cannot disturb another's."""

from __future__ import annotations

import importlib
import importlib.util
import multiprocessing
import traceback
from contextlib import suppress

from wmbook.bench.measure import Contender
from wmlib.errors import UserError
from wmlib.runs import processor, quiet


def available(contender: Contender) -> bool:
    """Whether what the contender needs is installed, and the processor has one of its instructions."""
    if contender.instructions and not set(contender.instructions) & set(processor()["extensions"]):
        return False
    return contender.needs is None or importlib.util.find_spec(contender.needs) is not None


class Host:
    """A process that builds the contenders it is told to and measures them on request."""

    def __init__(self, name: str):
        self.name = name
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), name=f"bench {name}")
        self.process.start()
        theirs.close()

    def build(self, contender: Contender) -> None:
        """Create the contender there, which warms itself up."""
        self._ask("build", contender)

    def measure(self, key: str) -> dict[str, float]:
        """One repetition."""
        return self._ask("measure", key)

    def _ask(self, *request):
        self.pipe.send(request)
        try:
            done, answer = self.pipe.recv()
        except EOFError:
            raise UserError(f"bench: the process of {self.name!r} died; is there enough memory? (--only)") from None
        if not done:
            raise RuntimeError(f"contender of {self.name!r} failed:\n{answer}")
        return answer

    def close(self) -> None:
        """End the process; one that is still at work is stopped."""
        with suppress(OSError):
            self.pipe.send(("close", None))
        self.process.join(timeout=30)
        if self.process.is_alive():
            self.process.terminate()
            self.process.join()
        self.pipe.close()


class Hosts:
    """The processes of a group, closed together: ``with Hosts(contenders) as hosts``."""

    def __init__(self, contenders: list[Contender]):
        self.contenders = contenders
        self.hosts: dict[str, Host] = {}

    def __enter__(self):
        try:
            for contender in self.contenders:
                name = contender.host or contender.key
                if name not in self.hosts:
                    self.hosts[name] = Host(name)
                self.hosts[name].build(contender)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for host in self.hosts.values():
            host.close()

    def measures(self) -> dict:
        """Key to a function that makes one repetition, for :func:`wmbook.bench.measure.interleave`."""

        def measure_of(contender: Contender):
            return lambda: self.hosts[contender.host or contender.key].measure(contender.key)

        return {contender.key: measure_of(contender) for contender in self.contenders}


def _serve(pipe) -> None:
    """Answer requests until told to close or the other side is gone."""
    built = {}
    while True:
        try:
            request, argument = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            break
        if request == "close":
            break
        try:
            if request == "build":
                module, _, name = argument.factory.partition(":")
                with quiet():
                    built[argument.key] = getattr(importlib.import_module(module), name)(**argument.options)
                pipe.send((True, None))
            else:
                pipe.send((True, built[argument].measure()))
        except KeyboardInterrupt:
            break
        except Exception:
            pipe.send((False, traceback.format_exc()))
    for contender in built.values():
        if hasattr(contender, "close"):
            contender.close()
