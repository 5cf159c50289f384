"""What the Procfile lists, run by honcho. A program of its own, so that it stops everything when the launcher dies."""

import sys
from pathlib import Path

from honcho.environ import parse_procfile
from honcho.manager import SYSTEM_PRINTER_NAME, Manager
from honcho.printer import Message, Printer

PROCFILE = Path(__file__).parents[2] / "Procfile"


class QuietPrinter(Printer):
    """Prints what the processes say; of honcho's own lines only the one that tells which process gave up."""

    expects_stops = False

    def write(self, message: Message) -> None:
        if message.name == SYSTEM_PRINTER_NAME:
            gave_up = " stopped (" in message.data and not self.expects_stops
            self.expects_stops |= gave_up or " received" in message.data
            if not gave_up:
                return
        super().write(message)


def main() -> int:
    manager = Manager(QuietPrinter(sys.stdout))
    for name, command in parse_procfile(PROCFILE.read_text()).processes.items():
        manager.add_process(name, command, cwd=str(PROCFILE.parent))
    manager.loop()
    return manager.returncode


if __name__ == "__main__":
    sys.exit(main())
