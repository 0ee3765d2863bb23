"""The command ``deepfake-webapp``."""

import argparse
import json

from deepfake_webapp.settings import Settings, variable_of


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="deepfake-webapp", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("openapi", help="print the OpenAPI document").set_defaults(
        run=print_openapi
    )
    commands.add_parser("settings", help="list all settings").set_defaults(run=print_settings)
    parser.parse_args().run()


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
