"""The command ``deepfake-webapp``."""

import argparse
import json
import sys

from deepfake_webapp.settings import Settings, SettingsError, variable_of


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="deepfake-webapp", description="The web application.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, summary in (
        ("serve", run_server, "serve until Ctrl-C"),
        ("openapi", print_openapi, "print the OpenAPI document"),
        ("settings", print_settings, "list the environment variables"),
    ):
        commands.add_parser(name, help=summary).set_defaults(run=run)
    parser.parse_args().run()


def run_server() -> None:
    """Serve; a setting or an address that cannot be used ends in one sentence."""
    from deepfake_webapp.server import CannotStart, serve

    try:
        serve(Settings.read())
    except (SettingsError, CannotStart) as error:
        sys.exit(str(error))


def print_openapi() -> None:
    """Print the OpenAPI document; needs no model."""
    from deepfake_webapp.app import create_app

    print(json.dumps(create_app(Settings()).spec, indent=2, sort_keys=True, ensure_ascii=False))


def print_settings() -> None:
    """List the environment variables with their defaults."""
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        print(f"{variable_of(name)}={'' if default in (None, ()) else default}")
        print(f"    {field.description}")
