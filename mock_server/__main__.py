"""`mock-server`, and `python -m mock_server`."""

import gc
import sys


def main() -> None:
    """Run the command. The garbage collector is off until it is imported: modules are no garbage."""
    gc.disable()
    try:
        from mock_server.cli import main as run

        run()
    except KeyboardInterrupt:  # during the import; a command that runs has the same status
        sys.exit(130)


if __name__ == "__main__":
    main()
