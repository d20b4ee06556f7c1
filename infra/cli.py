"""The command line: one function a command, each a few lines around the module that does the work."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from anabranch.errors import AnabranchError
from infra import logs
from infra.children import end_by_signals, end_with_parent
from infra.errors import DiskError, ImportRunningError
from infra.settings import Settings

# Modules that load heavy libraries are imported inside the commands: `--help` and `up` must start fast.

main_app = typer.Typer(
    name="anabranch",
    help="A Lambda architecture that one person can run: post events, read exact views, prove them.",
    epilog="Settings are ANABRANCH_* variables or a .env file; options win over them. Try: anabranch demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
batch_app = typer.Typer(no_args_is_help=True, help="Run the batch layer once, and look at its runs.")
main_app.add_typer(batch_app, name="batch")

App = Annotated[
    str | None,
    typer.Argument(help="file.py or file.py:name; else ANABRANCH_APP.", metavar="APP", show_default=False),
]
Home = Annotated[
    Path | None,
    typer.Option("--home", help="Where everything is kept; else ANABRANCH_HOME, else ./anabranch-data.", metavar="DIR"),
]
Host = Annotated[
    str | None,
    typer.Option("--host", help="Address to listen on; another than loopback needs ANABRANCH_API_KEY."),
]
LogFormat = Annotated[
    str | None, typer.Option("--log-format", help="text or json, on stderr; else ANABRANCH_LOG_FORMAT, else text.")
]
Port = Annotated[int | None, typer.Option("--port", help="Port to listen on; 0 takes a free one.")]


@main_app.command()
def up(
    app: App = None,
    home: Home = None,
    host: Host = None,
    port: Port = None,
    log_format: LogFormat = None,
    access_log: Annotated[
        bool | None, typer.Option(help="Log every request; without it json does and text does not.", show_default=False)
    ] = None,
) -> None:
    """Serve everything in one process: ingest, the fold, the API.

    It listens on 127.0.0.1:8000 unless told otherwise, and stops cleanly on Ctrl-C or SIGTERM.

    Example: `anabranch up examples/bikes.py --port 8000`
    """
    from infra.up import up as serve

    serve(_settings(app, home, host=host, port=port, log_format=log_format, access_log=access_log))


@batch_app.command("run")
def batch_run(
    app: App = None,
    full: Annotated[bool, typer.Option("--full", help="Recompute everything from the raw log.")] = False,
    mend: Annotated[
        bool, typer.Option("--mend", help="Mend a damaged lake first, from the hot log and the lake's own files.")
    ] = False,
    dask: Annotated[
        str | None, typer.Option("--dask", help="A running Dask scheduler, like tcp://host:8786.", metavar="URL")
    ] = None,
    home: Home = None,
    log_format: LogFormat = None,
) -> None:
    """One batch run: archive the log, fold what is new, publish a generation. For cron.

    Safe to run twice, to kill, and to run again, beside a running `anabranch up` or without one.

    Exit codes: 0 published, 75 another run holds the lease, 1 failed.

    Example: `anabranch batch run examples/bikes.py`
    """
    from infra.batch_command import run_batch
    from infra.composition import opened

    settings = _settings(app, home, dask=dask, log_format=log_format)
    logs.set_up(settings.log_format)
    end_by_signals()
    with opened(settings) as process:
        raise typer.Exit(run_batch(process, full=full, mend=mend))


@batch_app.command("list")
def batch_list(
    home: Home = None,
    limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1)] = 20,
) -> None:
    """The newest batch runs."""
    from infra.batch_command import show_runs
    from infra.composition import opened

    with opened(_settings(None, home)) as process:
        show_runs(process, limit)


@batch_app.command("show")
def batch_show(
    run: Annotated[str, typer.Argument(help="Its id, as in batch list.", metavar="RUN")], home: Home = None
) -> None:
    """One batch run with its stages."""
    from infra.batch_command import show_run
    from infra.composition import opened

    with opened(_settings(None, home)) as process:
        show_run(process, run)


@main_app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="A .csv, .tsv, .ndjson or .jsonl file, or one of these in .gz, or .parquet.", metavar="FILE"
        ),
    ],
    stream: Annotated[str, typer.Option("--stream", "-s", help="The stream to append to.")],
    app: App = None,
    home: Home = None,
) -> None:
    """Bulk-load a file into a stream, with a progress bar; beside a running `anabranch up` or without one.

    A killed import goes on where it stopped when it is started again, without duplicates. Rows that are not valid
    events go to the dead letters, each with its line and the reasons.

    Exit codes: 0 every row is an event now, 1 some were rejected or the file cannot be read, 75 another process is
    importing it at this moment.

    Example: `anabranch import rentals.parquet --stream rentals examples/bikes.py`
    """
    from infra.composition import opened
    from infra.importing.file_import import import_file

    try:
        with opened(_settings(app, home)) as process:
            done = import_file(process, file, stream)
    except ImportRunningError as error:
        logs.fail(error)
        raise typer.Exit(75) from None
    if done.rejected:
        raise typer.Exit(1)


@main_app.command()
def retract(
    position: Annotated[
        str, typer.Argument(help="Partition and offset of the event, like 0:1234.", metavar="POSITION")
    ],
    app: App = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever reads the log.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it, only what would be done is shown.")] = False,
    home: Home = None,
) -> None:
    """Take an event out that should never have been taken, like one from a clock that was years ahead.

    From then on it is in no view, model, statement or batch run, also not when the log is read again from its
    beginning. It works beside a running `anabranch up` or without one. The log itself keeps the event, out of sight.

    Example: `anabranch retract 0:1234 examples/bikes.py --reason "clock was wrong" --yes`
    """
    from infra.composition import opened
    from infra.retract_command import retract_event

    with opened(_settings(app, home)) as process:
        retract_event(process, position, reason, yes=yes)


@main_app.command()
def verify(app: App = None, home: Home = None) -> None:
    """Recompute every view from the raw log by another road than the fold, and compare with what is served.

    It works beside a running `anabranch up` or without one. Exit code 1 if any answer differs by more than its stated
    error, or a file of the served generation is damaged.

    Example: `anabranch verify examples/bikes.py`
    """
    from infra.composition import opened
    from infra.verify.verification import verify as verify_all

    with opened(_settings(app, home)) as process:
        raise typer.Exit(0 if verify_all(process) else 1)


@main_app.command()
def restore(
    app: App = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it, only what would be done is shown.")] = False,
    home: Home = None,
) -> None:
    """Bring log and store together after one of them was put back from a backup; shows first what it will do.

    What was archived and the log lacks comes back into the log, at its own offsets; what the log took meanwhile at the
    same offsets is appended behind. No service may run on the home. Killed, it is asked again and goes on.

    Exit codes: 0 there is nothing to do, or it is done; 1 there is something to do and --yes is missing, or it cannot
    be done.

    Example: `anabranch restore examples/bikes.py --yes`
    """
    from infra.composition import opened
    from infra.restore_command import restore as restore_log

    with opened(_settings(app, home)) as process:
        raise typer.Exit(0 if restore_log(process, yes=yes) else 1)


@main_app.command()
def sql(
    statement: Annotated[str, typer.Argument(help='Like "SELECT * FROM view_usage"; - reads it from stdin.')],
    app: App = None,
    form: Annotated[str, typer.Option("--format", "-f", help="table, json, csv, arrow or parquet.")] = "table",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it there.", metavar="FILE")] = None,
    limit: Annotated[
        int | None, typer.Option(help="At most so many rows; a table has 1,000 unless told.", min=1)
    ] = None,
    home: Home = None,
) -> None:
    """Query everything up to this moment with DuckDB's SQL, beside a running `anabranch up` or without one.

    There are `events_<stream>`, `view_<view>`, `predictions` and more: SHOW TABLES lists them.

    Example: `anabranch sql "SELECT station, sum(rentals) FROM view_usage GROUP BY ALL" examples/bikes.py`
    """
    from infra.analytics.sql_command import run_sql
    from infra.composition import opened

    text = sys.stdin.read() if statement == "-" else statement
    with opened(_settings(app, home)) as process:
        run_sql(process, text, form, output, limit)


@main_app.command()
def status(
    app: App = None,
    home: Home = None,
    host: Host = None,
    port: Port = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it every two seconds, until Ctrl-C.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object; with --watch one a line.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Tell by the exit code whether the service is ready.")] = False,
) -> None:
    """How things stand: rates, lag, epochs, views, models, batch runs; of the running service, else of what is on disk.

    Without --host and --port the home tells where its service is.

    Exit codes: 0, or 1 if the service refuses the API key. With --check: 0 the service is ready, 1 it is not, 3 there
    is none.

    Example: `anabranch status --watch`
    """
    from infra.status.status import show_status

    raise typer.Exit(show_status(_settings(app, home, host=host, port=port), watch=watch, as_json=json, check=check))


@main_app.command()
def demo(
    example: Annotated[
        str, typer.Option("--example", "-e", help="bikes, flights (late labels) or votes (drift).", metavar="NAME")
    ] = "bikes",
    exit_: Annotated[bool, typer.Option("--exit", help="End after the last step, instead of serving on.")] = False,
    home: Home = None,
    port: Port = None,
) -> None:
    """A bundled example, end to end: history, batch runs beside live traffic, views, models, proof.

    Examples: `bikes` how long a rental lasts, `flights` labels that arrive hours later, `votes` concept drift.
    """
    from infra.demo.demo import run_demo, show_of
    from infra.home import OWNERS_ALONE, masked

    end_by_signals()
    with masked(OWNERS_ALONE):
        run_demo(_settings(None, home, port=port), show_of(example), stay=not exit_)


def _settings(app: str | None, home: Path | None, **given: Any) -> Settings:
    return Settings.load(app=app, home=home, **given)


def main() -> None:
    """Run a command; an error that a user can mend is one line, not a traceback."""
    end_with_parent()
    try:
        main_app()
    except AnabranchError as error:
        logs.fail(error)
        sys.exit(1)
    except OSError as error:  # a disk that is full, broken or read-only: no mistake of ours, and none of the file's
        logs.fail(DiskError(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
