"""The page catalog.md: the studies that ship."""

import tomllib
from collections.abc import Iterable

from studies.file.source import catalog, question


def catalog_page() -> Iterable[str]:
    """Paragraphs of the page: question, data and conditions of each study."""
    yield "# Studies that ship"
    yield (
        "`gan-study run NAME` runs one, `gan-study validate NAME` shows what it would train, `gan-study plan NAME` how "
        "long that takes here. Each is a file in `studies/catalog`, whose first lines state its question."
    )
    for name, file in sorted(catalog().items()):
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        conditions = ", ".join(f"`{condition['name']}`" for condition in table["conditions"])
        yield f"## `{name}`"
        yield "\n\n".join(question(name).splitlines())
        yield f"Data: `{table['data']['kind']}`. Conditions: {conditions}."
