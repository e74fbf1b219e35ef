"""`mock-server`, and `python -m mock_server`."""

import gc


def main() -> None:
    """Run the command. The garbage collector waits until it is imported: modules are no garbage."""
    gc.disable()
    from mock_server.cli import main as run

    run()


if __name__ == "__main__":
    main()
