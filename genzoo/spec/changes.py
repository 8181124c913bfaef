"""What earlier plugin interfaces called otherwise, for plugins that are still written for them."""

from __future__ import annotations

import re

__all__ = ["CHANGED", "advice"]

CHANGED = {
    1: "@verb to @verb(takes=…, gives=…), MetricSpec(family=…) to needs=(…), checked_data to the declared space, "
    "labels to columns, objectives to (model, batch), and declares latent_dim in Family.config"
}
"""What the author of a plugin for an older interface has to change."""

ARGUMENTS = {
    ("MetricSpec", "family"): "needs=('encode', …), the verbs that it uses",
    ("DatasetSpec", "classes"): "columns={'label': Column.of(names)}",
    ("Split", "labels"): "columns={'label': labels}",
}
_UNEXPECTED = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")


def advice(error: BaseException | None) -> str:
    """What to write in place of the argument that raised `error`; "" for any other error."""
    match = _UNEXPECTED.match(str(error)) if type(error) is TypeError else None
    if not match or match.groups() not in ARGUMENTS:
        return ""
    record, argument = match.groups()
    return f"since plugin API 2 {record} takes {ARGUMENTS[record, argument]} in place of {argument}"
