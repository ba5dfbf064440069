"""The command `depthdesk`: options, what must exist before Qt, then the window. Nothing else."""

from __future__ import annotations

import gc
import os
import sys

from msgspec.structs import replace

from app.cli import EXIT_DATA, EXIT_DISPLAY, EXIT_LIBRARY, EXIT_USAGE, Options, parse


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["twin"]:
        from app.mirror import main_with_mirror as twin_main

        return twin_main(arguments[1:])
    if arguments[:1] == ["accounts"]:
        from app.accounts_command import main as accounts_main

        return accounts_main(arguments[1:])
    if arguments[:1] == ["fmz-serve"]:
        from app.fmz_command import main as fmz_main

        return fmz_main(arguments[1:])
    options = parse(arguments)
    return _run(options)


def _run(options: Options) -> int:
    from app.config import ConfigError, Paths, load_config
    from app.preflight import has_display, missing_packages
    from app.twin_process import TwinError, TwinProcess, read_twin_line

    try:
        twin_line = read_twin_line(options.twin) if options.twin else None
        config = load_config(Paths(options.profile).settings_file)
    except (TwinError, ConfigError) as error:
        return _say(str(error), EXIT_USAGE)
    offscreen = options.offscreen or os.environ.get("QT_QPA_PLATFORM") == "offscreen"
    if offscreen:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    elif not has_display():
        return _say("there is no display: start it on a desktop, or add --offscreen", EXIT_DISPLAY)
    if packages := missing_packages(x11=not offscreen):
        return _say(f"system libraries are missing: apt-get install {' '.join(packages)}", EXIT_LIBRARY)
    if not options.chosen:
        from app.account_desk import remembered_accounts

        if names := remembered_accounts(Paths(options.profile)):
            options = replace(options, paper=(), accounts=names)
    # Hardly anything of what start-up makes is garbage; the window begins to collect once it has settled.
    gc.disable()
    # The twin gets ready while Qt is being loaded.
    twins = {} if twin_line is not None else {name: TwinProcess(name) for name in options.paper}
    try:
        from app.ui.application import run

        return run(options, config, twins, twin_line)
    except TwinError as error:
        return _say(str(error), EXIT_DATA)
    finally:
        gc.enable()
        for twin in twins.values():
            twin.stop()


def _say(words: str, code: int) -> int:
    print(f"depthdesk: {words}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
