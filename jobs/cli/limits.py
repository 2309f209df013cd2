"""Commands on limits: how many steps with a tag may run at the same time."""

from typing import Annotated

import typer

from jobs.cli.output import DONE, Json, open_home, print_json

app = typer.Typer(no_args_is_help=True, help="Limits: how many steps with a tag run at the same time.")
Tag = Annotated[str, typer.Argument(metavar="TAG", help="A tag of steps or pipelines.")]


@app.command("set")
def put(
    tag: Tag,
    most: Annotated[int, typer.Argument(metavar="N", help="How many at most; 0 lets none begin.")],
    as_json: Json = False,
) -> int:
    """Let at most N steps with a tag run at the same time."""
    open_home()
    from jobs.verbs import tag_limits

    tag_limits.put(tag, most)
    return list_(as_json)


@app.command()
def remove(tag: Tag, as_json: Json = False) -> int:
    """Take the limit of a tag away."""
    open_home()
    from jobs.verbs import tag_limits

    tag_limits.remove(tag)
    return list_(as_json)


@app.command("list")
def list_(as_json: Json = False) -> int:
    """List the limits, with how many steps run and how many wait."""
    open_home()
    from jobs.verbs import control_schemas
    from store import limits

    known = limits.listed()
    if as_json:
        return print_json([control_schemas.limit(each) for each in known])
    from jobs.cli.terminal import say, table

    if known:
        table(
            ("Tag", "At most", "Running", "Waiting"),
            [(each.tag, each.most, each.running, each.waiting) for each in known],
        )
    else:
        say("No tag has a limit.")
    return DONE
