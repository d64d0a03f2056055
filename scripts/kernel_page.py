#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes what the compiler makes of one kernel into docs/Kernels.md.

usage: scripts/kernel_page.py SPARSEK_OPT [--check]

Everything between `<!-- generated: NAME -->` and `<!-- end -->` is replaced; with
--check it is compared, and the exit status is 1 where it differs. The input is
that of a test, `INPUT`.
"""

from __future__ import annotations

import difflib
import functools
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "Kernels.md"
INPUT = ROOT / "test" / "Pipelines" / "sparsek-nvvm-pipeline.mlir"
SCHEDULE = "rows=128,keys=64"
SELECTION = """
func.func @f(%u: tensor<1x1x?xf32>, %x: tensor<?xi32>) -> (tensor<1x1x?xf32>, tensor<1x1x?xi32>) {
  %r:2 = sparsek.topk_mask %u topk(64) window(32) cu_seqlens(%x) : tensor<1x1x?xf32>, tensor<?xi32>
  return %r#0, %r#1 : tensor<1x1x?xf32>, tensor<1x1x?xi32>
}
"""
WIDTH = 150  # characters of a line; the rest is cut

TO_TILE = f"convert-sparsek-to-tile{{schedule={SCHEDULE}}}"
SCHEDULING = "tile-split-slots,tile-overlap,tile-ping-pong,cse,tile-allocate"
SCHEDULED = f"builtin.module(tile.kernel({SCHEDULING}))"
TO_FRAGMENTS = "convert-tile-to-fragments,gpu.module(canonicalize,cse)"
TO_NVVM = "gpu.module(convert-fragments-to-nvvm)"


class Compiler:
    """The IR after each stage, as lines."""

    def __init__(self, tool: str) -> None:
        self.tool = tool

    @functools.lru_cache(maxsize=None)  # noqa: B019
    def run(self, *passes: str) -> list[str]:
        option = f"--pass-pipeline=builtin.module({','.join(passes)})"
        return self.call(option)

    @functools.lru_cache(maxsize=None)  # noqa: B019
    def compiled(self) -> str:
        options = f"host=false format=ptx schedule={SCHEDULE}"
        return "\n".join(self.call(f"--sparsek-nvvm-pipeline={options}"))

    def call(self, option: str, text: str | None = None) -> list[str]:
        """For the input, or a text."""
        command = [self.tool, str(INPUT) if text is None else "-", option]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"error: {' '.join(command)}\n{done.stderr}")
        return done.stdout.splitlines()

    def ptx(self) -> list[str]:
        text = re.search(r'assembly = "((?:[^"\\]|\\.)*)"', self.compiled())[1]
        unescape = lambda m: "\\" if m[1] == "\\" else chr(int(m[1], 16))  # noqa: E731
        return re.sub(r"\\(\\|[0-9A-F]{2})", unescape, text).splitlines()


# --------------------------------------------------------------------------------------------------
# Excerpts
# --------------------------------------------------------------------------------------------------


def between(lines: list[str], first: str, last: str) -> list[str]:
    """From the first line that matches to the next one after it that matches `last`."""
    start = next(i for i, line in enumerate(lines) if re.search(first, line))
    end = next(i for i in range(start + 1, len(lines)) if re.search(last, lines[i]))
    return lines[start : end + 1]


def only(lines: Iterable[str], pattern: str) -> list[str]:
    """The lines that match, `...` for those in between."""
    result: list[str] = []
    for line in lines:
        if re.search(pattern, line):
            result.append(line)
        elif result and not result[-1].endswith("..."):
            result.append(re.match(r"\s*", line)[0] + "...")
    return result


def left(lines: Iterable[str]) -> list[str]:
    """The lines, moved to the left."""
    lines = [line.replace("\t", "  ").rstrip() for line in lines]
    indent = min(len(line) - len(line.lstrip()) for line in lines if line)
    return [line[indent:] for line in lines]


def block(language: str, lines: Iterable[str]) -> str:
    """A fenced block, moved to the left, long lines cut."""
    lines = left(lines)
    cut = [line if len(line) <= WIDTH else line[: WIDTH - 4] + " ..." for line in lines]
    return "\n".join([f"```{language}", *cut, "```"])


def source(_: Compiler) -> str:
    return block("mlir", between(INPUT.read_text().splitlines(), r"^func\.func", r"^}"))


def tile(compiler: Compiler) -> str:
    lines = compiler.run(TO_TILE)
    kernel = lines[next(i for i, line in enumerate(lines) if "tile.kernel @attention" in line) :]
    return block(
        "mlir",
        [
            *between(kernel, r"tile\.ring", r"tile\.rounds"),
            *between(kernel, r'tile\.role "list"', r"^      }"),
            *between(kernel, r'tile\.role "gather"', r"^      }"),
            "      ...",
            *between(kernel, r'tile\.role "attend"', r"^      }"),
        ],
    )


def schedule(compiler: Compiler) -> str:
    line = next(line for line in compiler.run(TO_TILE) if "tile.kernel @attention" in line)
    fields = re.search(r"#tile\.schedule<[^>]*>", line)[0]
    first, second = fields.split("producer_registers")
    row_map = re.search(r"#tile\.row_map<[^>]*>", line)[0]
    return block("mlir", [row_map, first.rstrip(), f"               producer_registers{second}"])


def scheduled(compiler: Compiler) -> str:
    lines = compiler.run(TO_TILE, SCHEDULED)
    attend = lines[next(i for i, line in enumerate(lines) if '"attend"' in line) :]
    loop = between(attend, r"\^bb0", r"scf\.yield .*i1$")
    rings = between(lines, r"tile\.ring", r"q_ring = ")
    return block("mlir", [*left(rings), "...", *left(loop)])


def attention_of(lines: list[str]) -> list[str]:
    return lines[next(i for i, line in enumerate(lines) if "llvm.func @attention" in line) :]


def fragments(compiler: Compiler) -> str:
    lines = attention_of(compiler.run(TO_TILE, SCHEDULED, TO_FRAGMENTS))
    body = lines[next(i for i, line in enumerate(lines) if "setmaxregister  increase" in line) :]
    loop = between(body, r"\^bb0\(.*vector<", r"scf\.yield .*vector<.*i1$")
    synchronising = r"\^bb0|try_wait|nvvm\.(fence|barrier|bar)"
    step = rf"{synchronising}|frag\.|math\.|scf\.(if|yield)|ballot|cmpi ult|^ *}}"
    return block("mlir", only(loop, step))


def nvvm(compiler: Compiler) -> str:
    lines = attention_of(compiler.run(TO_TILE, SCHEDULED, TO_FRAGMENTS, TO_NVVM))
    wait = next(line for line in lines if "wgmma.wait_group" in line)
    product = next(line for line in lines if "wgmma.mma_async" in line)
    return block("mlir", [product, wait])


def ptx(compiler: Compiler) -> str:
    lines = compiler.ptx()
    entry = lines[next(i for i, line in enumerate(lines) if ".entry attention" in line) :]
    kinds = (
        r"\.maxntid", r"mbarrier\.init", r"setmaxnreg", r"mbarrier\.try_wait", r"cp\.async\.cg",
        r"cp\.async\.mbarrier", r"wgmma\.mma_async", r"wgmma\.wait_group", r"ex2\.approx",
        r"st\.global",
    )  # fmt: skip
    found = [next(line.strip() for line in entry if re.search(kind, line)) for kind in kinds]
    return block("ptx", found)


def portable(compiler: Compiler) -> str:
    passes = (
        "convert-sparsek-to-tile{chip=sm_80}",
        SCHEDULED,
        TO_FRAGMENTS.replace("fragments,", "fragments{chip=sm_80},"),
    )
    lines = attention_of(compiler.run(*passes))
    products = [line for line in lines if "frag.mma_" in line]
    poll = between(lines, r"scf\.while :", r"^ *}$")
    lowered = attention_of(compiler.run(*passes, TO_NVVM))
    kinds = (r"ldmatrix.*layout = .*row", r"ldmatrix.*layout = .*col", r"nvvm\.mma\.sync")
    found = [next(line for line in lowered if re.search(kind, line)) for kind in kinds]
    return block("mlir", [*left(poll), "...", *left(products), "// becomes", *left(found)])


def record(compiler: Compiler) -> str:
    return kernel_table(compiler.compiled())


def selection(compiler: Compiler) -> str:
    return kernel_table("\n".join(compiler.call("--sparsek-nvvm-pipeline=host=false", SELECTION)))


def kernel_table(module: str) -> str:
    """The kernels of a compiled module's launch record."""
    text = re.search(r"sparsek\.launch_record = (.*?)\} *\[#gpu\.object", module)[1]
    rows = ["| kernel | threads | shared memory | grid | arguments |", "|---|---|---|---|---|"]
    for part in re.findall(r"\{arguments = \[.*?threads = \d+", text):
        kinds: dict[str, list[str]] = {}
        for name, kind in re.findall(r'\{name = "(\w+)", type = "(\w+)"\}', part):
            kinds.setdefault(kind, []).append(f"`{name}`")
        arguments = "; ".join(f"{kind}: {', '.join(group)}" for kind, group in kinds.items())
        rest = part[part.rindex("}]") :]
        fields = dict(re.findall(r'(\w+) = "?([\w ]+\w|\w)', rest))
        rows.append(
            f"| `{fields['name']}` | {fields['threads']} | {fields['shared_bytes']} bytes "
            f"| {fields['grid']} | {arguments} |"
        )
    return "\n".join(rows)


SECTIONS: dict[str, Callable[[Compiler], str]] = {
    function.__name__: function
    for function in (
        *(source, schedule, tile, scheduled, fragments, nvvm, ptx, portable, record),
        selection,
    )
}


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    compiler = Compiler(sys.argv[1])
    old = PAGE.read_text()
    found = re.findall(r"<!-- generated: (\w+) -->", old)
    if sorted(found) != sorted(SECTIONS):
        sys.exit(f"error: {PAGE} must have each of {', '.join(SECTIONS)} once")
    new = re.sub(
        r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)",
        lambda m: f"{m[1]}{SECTIONS[m[2]](compiler)}\n{m[3]}",
        old,
        flags=re.DOTALL,
    )
    if "--check" not in sys.argv:
        PAGE.write_text(new)
    elif new != old:
        lines = (old.splitlines(), new.splitlines())
        names = ("docs/Kernels.md", "generated")
        print("\n".join(difflib.unified_diff(*lines, *names, lineterm="")))
        sys.exit("error: docs/Kernels.md is out of date; run scripts/update-docs.sh")


if __name__ == "__main__":
    main()
