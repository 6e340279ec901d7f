"""Tables that set what was measured here beside what others have published.

A published number is never ours: each carries its source.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """Numbers from somebody else's publication.

    Attributes:
        method: What the authors call it.
        source: Where the numbers stand.
        values: By the name of the measure, as in our tables.
    """

    method: str
    source: str
    values: Mapping[str, float]


def comparison(
    ours: Mapping[str, Mapping[str, float]],
    published: Sequence[Published],
    digits: int = 3,
    methods_down: bool = False,
) -> str:
    """Lays out a table of methods and measures, ours first, then the published ones.

    Args:
        ours: Values by measure, by the name of the method.
        published: Methods of others; their sources are cited as [1], [2] ... and written below.
        digits: Digits behind the point.
        methods_down: A row for each method instead of a column.

    Returns:
        Lines of text; `-` where there is no number.
    """
    sources = list(dict.fromkeys(each.source for each in published))
    methods: dict[str, Mapping[str, float]] = dict(ours)
    for each in published:
        methods[f'{each.method} [{sources.index(each.source) + 1}]'] = each.values
    measures = list(dict.fromkeys(measure for values in methods.values() for measure in values))
    cells = [['', *methods]]
    for measure in measures:
        cells.append([measure, *(_text(values, measure, digits) for values in methods.values())])
    if methods_down:
        cells = [list(row) for row in zip(*cells, strict=True)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rows = [
        '  '.join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    notes = [f'[{number}] as published: {source}' for number, source in enumerate(sources, 1)]
    return '\n'.join(rows + notes)


def paper_tables(
    ours: Mapping[str, Mapping[str, float]], published: Sequence[Published], digits: int = 3
) -> str:
    """Lays out our numbers, and then each paper's own table with our columns in it.

    Args:
        ours: Values by measure, by the name of the column.
        published: Methods of others; those of one source make one table.
        digits: Digits behind the point.

    Returns:
        Lines of text, an empty one between two tables.
    """
    tables = [comparison(ours, (), digits)]
    for source in dict.fromkeys(each.source for each in published):
        methods = [each for each in published if each.source == source]
        known = {measure for each in methods for measure in each.values}
        columns = {
            name: {measure: value for measure, value in values.items() if measure in known}
            for name, values in ours.items()
        }
        tables.append(comparison(columns, methods, digits))
    return '\n\n'.join(tables)


def _text(values: Mapping[str, float], measure: str, digits: int) -> str:
    value = values.get(measure, math.nan)
    return '-' if math.isnan(value) else f'{value:.{digits}f}'
