"""What the workers of the word count run."""

import json
import re
from collections import Counter
from pathlib import Path

from flexecutor_energy.workflow.context import StageContext


def count(context: StageContext) -> None:
    """Count the words of this worker's share of the text."""
    counts: Counter[str] = Counter()
    for path in context.get_input_paths("text"):
        with Path(path).open(encoding="utf-8") as lines:
            for line in lines:
                counts.update(re.findall(r"[^\W\d_]+", line.lower()))
    Path(context.next_output_path("wordcount/partial")).write_text(json.dumps(counts))


def merge(context: StageContext) -> None:
    """Add the counts of all workers up."""
    counts: Counter[str] = Counter()
    for path in context.get_input_paths("wordcount/partial"):
        counts.update(json.loads(Path(path).read_text()))
    answer = {
        "words": counts.total(),
        "distinct": len(counts),
        "counts": dict(sorted(counts.items())),
    }
    Path(context.next_output_path("wordcount/counts")).write_text(json.dumps(answer))
