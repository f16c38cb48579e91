"""Independent random streams for each purpose, all derived from one seed per trial.

Separate streams keep runs comparable: adding dropout to a net does not change its initial weights or the order of
images.
"""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    INITIALISATION = 0
    ORDER = 1
    AUGMENTATION = 2
    DROPOUT = 3
    STATISTICS = 4


def purpose_seed(seed: int, purpose: Purpose, epoch: int = 0) -> int:
    """Return a 63-bit seed for one purpose, independent of the others: numpy's SeedSequence mixes the numbers.

    Purposes that draw in every epoch have one seed per epoch, so that training can resume after an epoch without the
    state of any random stream.
    """
    state = np.random.SeedSequence([seed, int(purpose), epoch]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))
