"""The layers of a net as a table or JSON: shapes, parameters, receptive fields, multiply-adds and memory."""

import io

from rich.console import Console
from rich.table import Table

from search.terminal.numbers import describe_footprint, format_kib
from search.terminal.output import print_json, print_table
from space.architecture import ArchitectureSpec, num_params
from space.footprint import footprint
from space.summary import BYTES_PER_VALUE, all_activation_bytes, peak_activation_bytes, summarise


def print_layers(architecture: ArchitectureSpec, *, as_json: bool) -> None:
    if as_json:
        rows, taken = summarise(architecture), footprint(architecture)
        print_json(
            {
                "notation": str(architecture),
                "num_params": num_params(architecture),
                "num_macs": sum(row.num_macs for row in rows),
                **_memory(architecture),
                "flash_bytes": taken.flash_bytes,
                "ram_bytes": taken.ram_bytes,
                "layers": [row.to_json() for row in rows],
            }
        )
        return
    print_table(_layer_table(architecture))
    print(_memory_line(architecture))


def layers_text(architecture: ArchitectureSpec) -> str:
    """Return the table of `print_layers` as text for a file."""
    text = io.StringIO()
    Console(file=text, width=10_000, color_system=None).print(_layer_table(architecture))
    return f"{text.getvalue()}{_memory_line(architecture)}\n"


def _layer_table(architecture: ArchitectureSpec) -> Table:
    rows = summarise(architecture)
    total = num_params(architecture)
    table = Table(box=None, pad_edge=False)
    table.add_column("layer")
    for heading in ("output shape", "parameters", "share", "receptive field", "MACs"):
        table.add_column(heading, justify="right")
    for row in rows:
        share = f"{100 * row.share:.1f} %" if total else ""
        shape = "x".join(map(str, row.output_shape))
        field = f"{row.receptive_field}x{row.receptive_field}"
        table.add_row(row.layer.token, shape, f"{row.num_params:,}", share, field, f"{row.num_macs:,}")
    macs = sum(row.num_macs for row in rows)
    table.add_row("total", "", f"{total:,}", "100.0 %" if total else "", "", f"{macs:,}", style="bold")
    return table


def _memory(architecture: ArchitectureSpec) -> dict[str, int]:
    return {
        "weights_bytes": num_params(architecture) * BYTES_PER_VALUE,
        "inference_activation_bytes": peak_activation_bytes(architecture),
        "all_activation_bytes": all_activation_bytes(architecture),
    }


def _memory_line(architecture: ArchitectureSpec) -> str:
    weights, at_most, all_kept = (format_kib(num_bytes) for num_bytes in _memory(architecture).values())
    return (
        f"\nMemory for one image in fp32: weights {weights}, activations at most {at_most} at a time, {all_kept} in all"
        f"\nAs C with integers, without code and stack: {describe_footprint(footprint(architecture))}"
    )
