"""One training in its own folder, resumable over any number of calls."""

import contextlib
import fcntl
import json
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mnist_core.augmentation import augment
from mnist_core.checkpoint import Checkpoint, cpu_weights, save_checkpoint
from mnist_core.data import Dataset
from mnist_core.engine import Engine
from mnist_core.files import write_whole
from mnist_core.model import build_model
from mnist_core.plan import plan_epoch
from mnist_core.training import DivergedError, TrainingState, is_over, train
from mnist_core.training_checkpoint import TrainingCheckpoint, load_training, save_training
from search.models.layers import layers_text
from search.terminal.numbers import format_accuracy, format_seconds
from search.training.log import TrainingLog, best_epoch
from search.workers.signals import ending_at_once
from space.candidate import CandidateSpec, TrainingConfig
from space.errors import FullDiskError, InputError, SearchFailedError, UnwritableFileError
from space.fields import stored_fields
from space.files import has_file
from space.recipes import Recipe
from space.results import EpochResult

STATE_FILE = "state.safetensors"
"""File with the complete state; it is written first, and every other file can be recreated from it."""
LAST_FILE, BEST_FILE = "last.safetensors", "best.safetensors"
CONFIG_FILE, LAYERS_FILE, SAMPLES_FILE = "config.json", "layers.txt", "samples.png"
NUM_SAMPLES = 40


@dataclass(frozen=True, kw_only=True)
class Training:
    """A training and the folder that holds its files."""

    candidate: CandidateSpec
    recipe: Recipe | None
    """Recipe that the candidate came from; None if it was given in another way."""
    overrides: dict[str, Any]
    """Settings given by the user in place of the recipe's or the defaults."""
    data: Dataset
    """Dataset with the mean and standard deviation that the candidate is trained with."""
    seed: int
    device: str
    engine: Engine
    """Engine that trains this candidate."""
    folder: Path
    tensorboard: Path | None
    quiet: bool

    @property
    def name(self) -> str:
        return str(self.candidate.architecture) if self.recipe is None else self.recipe.title

    @property
    def configuration(self) -> dict[str, Any]:
        """Settings that must stay the same for the training to resume."""
        return {
            "model": str(self.candidate.architecture),
            **stored_fields(self.candidate.training),
            "seed": self.seed,
            "dataset": self.data.name,
            "dataset_sha256": self.data.sha256,
            "train_size": len(self.data.train),
        }

    def read(self) -> TrainingCheckpoint | None:
        """Read the state of the training; returns None if it has not started.

        Raises `InputError` if the folder holds another training, naming the differences, or anything else.
        """
        path = self.folder / STATE_FILE
        if not has_file(path, str(path)):
            # Hidden files are left over from killed writes.
            found = sorted(item.name for item in self.folder.glob("[!.]*"))
            if found:
                raise InputError(f"--out {self.folder} holds {found[0]} but no {STATE_FILE}: name another folder")
            return None
        saved = load_training(path)
        differences = [
            f"{name} was {_shortened(was)} and is now {_shortened(now)}"
            for name in dict.fromkeys([*self.configuration, *saved.configuration])
            if (was := _setting(saved.configuration, name)) != (now := _setting(self.configuration, name))
        ]
        if differences:
            raise InputError(
                f"--out {self.folder} holds another training: {', '.join(differences)}; use its settings, or "
                "name another folder"
            )
        return saved

    def run(self) -> list[EpochResult]:
        """Train to the end, resuming where an earlier call stopped, and print a line about it; returns all epochs.

        The folder is complete after each epoch. Raises `SearchFailedError` if the training diverges or a file can't be
        written. SIGINT and SIGTERM end the process immediately with exit code 130.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with _locked(self.folder):
                results, was_over = self._train()
        except DivergedError as error:
            raise SearchFailedError(f"{self.name}, seed {self.seed}: {error}; lower --max-lr") from None
        except (UnwritableFileError, FullDiskError) as error:
            raise SearchFailedError(f"{error}; once it can, the same command continues") from None
        except OSError as error:
            raise SearchFailedError(
                f"{error.filename or self.folder} can't be written: {error.strerror}; once it can, the same command "
                "continues"
            ) from None
        print(self._summarise(results) + ("; it was over already" if was_over else ""), flush=True)
        return results

    def _train(self) -> tuple[list[EpochResult], bool]:
        """Train; returns all epochs and whether there was nothing left to do."""
        model = build_model(self.candidate.architecture, seed=self.seed)
        saved = self.read()  # read again: another call may have trained here meanwhile
        if saved is None:
            saved = TrainingCheckpoint(self.configuration, cpu_weights(model), {}, TrainingState())
            save_training(self.folder / STATE_FILE, saved)
        model.load_state_dict(saved.weights)
        results = saved.state.results
        config = self.candidate.training
        with TrainingLog(self.folder, num_epochs=config.epochs, quiet=self.quiet, tensorboard=self.tensorboard) as log:
            was_over = is_over(config, results)
            if was_over and log.is_complete:
                return results, True
            with ending_at_once(lambda: log.interrupt(results)):
                self._describe()
                if results:
                    self._save_models(saved)
                log.start(self._headline(), results)
                try:
                    for result in train(
                        model,
                        self.data,
                        config,
                        seed=self.seed,
                        device=self.device,
                        engine=self.engine,
                        state=saved.state,
                    ):
                        saved.weights = cpu_weights(model)
                        if result is best_epoch(results):
                            saved.best_weights = saved.weights
                        save_training(self.folder / STATE_FILE, saved)
                        self._save_models(saved)
                        log.update(results)
                except DivergedError as error:
                    log.line(f"diverged: {error}")
                    raise
                log.finish(results)
        return results, was_over

    def _save_models(self, saved: TrainingCheckpoint) -> None:
        results = saved.state.results
        for file, weights, result in (
            (LAST_FILE, saved.weights, results[-1]),
            (BEST_FILE, saved.best_weights, best_epoch(results)),
        ):
            checkpoint = Checkpoint.trained_on(
                self.data, self.candidate, weights, val_accuracy=result.val_accuracy, seed=self.seed
            )
            save_checkpoint(self.folder / file, checkpoint)

    def _describe(self) -> None:
        """Write the files that are known before the first step, and remove leftovers of killed writes."""
        for left in self.folder.glob(".*.tmp"):
            left.unlink()
        described = {
            "model": self.name if self.recipe is None else self.recipe.name,
            "num_params": self.candidate.num_params,
            **self.candidate.to_json(),
            "overrides": self.overrides,
            "seed": self.seed,
            "dataset": self.data.name,
            "dataset_sha256": self.data.sha256,
            "num_train": len(self.data.train),
            "num_validation": len(self.data.validation),
            "mean": self.data.mean,
            "std": self.data.std,
            "engine": self.engine.name,
            "device": self.device,
            "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        }
        if self.recipe is not None:
            described |= {"assumed": self.recipe.assumed, "reconstruction": self.recipe.reconstruction}
        write_whole(self.folder / CONFIG_FILE, (json.dumps(described, indent=2) + "\n").encode())
        write_whole(self.folder / LAYERS_FILE, layers_text(self.candidate.architecture).encode())
        write_whole(self.folder / SAMPLES_FILE, self._draw_samples())

    def _draw_samples(self) -> bytes:
        """Draw the first images of the first epoch as the net sees them."""
        from search.training.samples import draw_samples

        split = self.data.train
        plan = plan_epoch(self.candidate.training, 1, len(split), [], self.seed, input_shape=self.data.input_shape)
        first = plan.order[:NUM_SAMPLES]
        augmentation = plan.augmentation.of(slice(NUM_SAMPLES))
        inputs = augment(torch.tensor(split.images[first]), augmentation, self.data.mean, self.data.std)
        pixels = inputs.permute(0, 2, 3, 1).numpy()
        names = [self.data.class_names[label] for label in split.labels[first]]
        return draw_samples(pixels, names, title=f"The first training images, {self.data.name}")

    def _headline(self) -> str:
        notation = "" if self.recipe is None else f": {self.candidate.architecture}"
        missing = f" (no native trainer: {self.engine.reason})" if self.engine.reason else ""
        return (
            f"{self.name}{notation}; {self.candidate.num_params:,} parameters, seed {self.seed}, "
            f"{len(self.data.train):,} training and {len(self.data.validation):,} validation images of "
            f"{self.data.name}, engine {self.engine.name} on {self.device}{missing}"
        )

    def _summarise(self, results: list[EpochResult]) -> str:
        best, num_epochs = best_epoch(results), self.candidate.training.epochs
        end = ", the last" if len(results) == num_epochs else f" of {num_epochs}, where it stopped early"
        return (
            f"{self.name}, seed {self.seed}: {format_accuracy(results[-1].val_accuracy)} of "
            f"{len(self.data.validation):,} validation images after epoch {len(results)}{end} "
            f"(best: {format_accuracy(best.val_accuracy)} after epoch {best.epoch}), "
            f"{self.candidate.num_params:,} parameters, {format_seconds(sum(result.seconds for result in results))} "
            f"of training: {self.folder / LAST_FILE}, {self.folder / BEST_FILE}"
        )


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a folder for training by this process alone; the kernel releases the lock however the process ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"--out {folder} is in use: another process is training into it") from None
        except OSError:  # a network file system may not support locking folders
            pass
        yield
    finally:
        os.close(descriptor)


def _setting(configuration: dict[str, Any], name: str) -> Any:
    """Return a setting, which is left out where it is at its default."""
    defaults = {item.name: item.default for item in fields(TrainingConfig)}
    return configuration.get(name, defaults.get(name))


def _shortened(value: object) -> str:
    text = str(value)
    return f"{text[:12]}..." if len(text) == 64 else text  # a SHA-256
