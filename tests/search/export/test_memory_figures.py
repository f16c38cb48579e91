"""One figure for what a net takes on a device: of count, front, export, card and header, and of the linked file."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_core.checkpoint import Checkpoint, cpu_weights
from mnist_core.data import Dataset
from mnist_core.formats.c_model import HEADER_FILE, SOURCE_FILE
from mnist_core.model import build_model
from mnist_core.native.compiler import CompilerError, find_compiler
from search.export.card import render_model_card
from search.export.formats import describe_file, write_format
from search.export.subject import ExportSubject
from search.models.layers import print_layers
from search.reports.fronts import front_row
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec
from studies.pareto import FrontPoint
from tests.conftest import skip_or_fail

MAIN = f"""
#include "{HEADER_FILE}"
int main(void) {{
    static uint8_t pixels[MODEL_NUM_PIXELS * MODEL_NUM_CHANNELS];
    static int32_t logits[MODEL_NUM_CLASSES];
    return model_predict(pixels, logits);
}}
"""
CONSTANTS, VARIABLES = {"weights", "biases", "factors", "shifts", "layers"}, {"buffer", "sums"}

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    "notation",
    [
        "7s:brd0.01 9s:brd0.01 p 9s:brd0.01 9s:brd0.01 p 13v:brd0.01 19v:brd0.01 gap fc10+",
        "7s:br 9s:br ap sep9s:br sep8s:br sep11s:br ap sep18v:br sep24v:br gap fc10+",
        "8v:rb p 12k5s/2+:r p2 flat fc20+:r fc10+",
    ],
)
def test_they_agree_to_the_byte(
    notation: str, digits: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str], pytestconfig: pytest.Config
) -> None:
    architecture = ArchitectureSpec.from_text(notation)
    weights = cpu_weights(build_model(architecture, seed=3))
    checkpoint = Checkpoint(
        CandidateSpec(architecture), weights, digits.mean, digits.std, "digits", digits.sha256, 0.1, seed=1, trial=3
    )
    print_layers(architecture, as_json=True)
    counted = json.loads(capsys.readouterr().out)
    flash, ram, macs = counted["flash_bytes"], counted["ram_bytes"], counted["num_macs"]
    sizes = f"flash {flash:,} bytes, RAM {ram:,} bytes, {macs:,} MACs"
    print_layers(architecture, as_json=False)
    assert sizes in capsys.readouterr().out

    point = FrontPoint(3, checkpoint.candidate.num_params, 0.1, notation)
    row = front_row(point)
    assert (row["flash_bytes"], row["ram_bytes"], row["num_macs"]) == (flash, ram, macs)

    file = write_format("c-int8", tmp_path, checkpoint, digits, 0.1)
    assert (file.flash_bytes, file.ram_bytes) == (flash, ram)
    assert sizes in describe_file(file, checkpoint, 300)
    file = replace(file, included=False)  # as in a folder, which has the code that computes in floats
    card = render_model_card(ExportSubject(checkpoint, "digits-9000", [point]), [file], num_images=300)
    assert f"| integers | {flash:,} | {ram:,} |" in card
    assert f"an image takes {macs:,} multiply-accumulates" in card
    (linked,) = re.findall(r"the model takes ([\d,]+) bytes on a Cortex-M0", card)
    assert flash + 1_000 < int(linked.replace(",", "")) < flash + 2_500, "the code is stated apart"
    header = (tmp_path / HEADER_FILE).read_text()
    assert f"#define MODEL_FLASH_BYTES {flash}\n#define MODEL_RAM_BYTES {ram}\n" in header

    try:
        compiler = find_compiler().path
    except CompilerError as error:
        skip_or_fail(pytestconfig, str(error))
    if not shutil.which("nm"):
        skip_or_fail(pytestconfig, "there is no nm to look into linked files")
    (tmp_path / "main.c").write_text(MAIN)
    # Without optimisation nothing is left out or merged.
    command = [compiler, "-std=c99", "-O0", "-x", "c", "main.c", "-x", "c", SOURCE_FILE, "-o", "linked"]
    subprocess.run(command, cwd=tmp_path, check=True)
    listed = subprocess.run(["nm", "-S", "linked"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    symbols = {
        name: int(size, 16) for _, size, _, name in re.findall(r"^(\w+) (\w+) (\w) (\w+)$", listed, re.MULTILINE)
    }
    assert sum(symbols[name] for name in CONSTANTS) == flash
    assert sum(symbols[name] for name in VARIABLES) == ram
