"""Charts of what a client measures of its machine: one of each quantity, with a line of each GPU, core or disk."""

import re
from collections.abc import Collection
from typing import NamedTuple

from web.runs.chart_subjects import Metric, Section, Subject, in_natural_order

# Of one chart.
MAX_LINES = 256
_PREFIX = "system."


class _Quantity(NamedTuple):
    """A quantity by a pattern of its keys, in which `instance` is what the line is called."""

    pattern: re.Pattern[str]
    section: str
    title: str
    unit: str


def _quantity(pattern: str, section: str, title: str, unit: str) -> _Quantity:
    escaped = re.escape(pattern).replace(r"\{N\}", r"(?P<instance>\d+)").replace(r"\{NAME\}", "(?P<instance>.+)")
    return _Quantity(re.compile(escaped), section, title, unit)


_GPU, _CPU, _MEMORY, _DISK, _NETWORK, _OWN = "GPU", "CPU", "Memory", "Disk", "Network", "Process"
_OTHER = "Other"
_SECTIONS = (_GPU, _CPU, _MEMORY, _DISK, _NETWORK, _OWN, _OTHER)
_QUANTITIES = (
    _quantity("gpu.process.{N}.gpu", _GPU, "GPU utilization by the process", "%"),
    _quantity("gpu.process.{N}.memory", _GPU, "GPU time accessing memory, by the process", "%"),
    _quantity("gpu.process.{N}.memoryAllocated", _GPU, "GPU memory allocated by the process", "%"),
    _quantity("gpu.process.{N}.memoryAllocatedBytes", _GPU, "GPU memory allocated by the process, in bytes", "B"),
    _quantity("gpu.process.{N}.powerWatts", _GPU, "GPU power, of the process", "W"),
    _quantity("gpu.process.{N}.powerPercent", _GPU, "GPU power, of the process, of the limit", "%"),
    _quantity("gpu.process.{N}.temp", _GPU, "GPU temperature, of the process", "°C"),
    _quantity("gpu.{N}.gpu", _GPU, "GPU utilization", "%"),
    _quantity("gpu.{N}.memory", _GPU, "GPU time accessing memory", "%"),
    _quantity("gpu.{N}.memoryAllocated", _GPU, "GPU memory allocated", "%"),
    _quantity("gpu.{N}.memoryAllocatedBytes", _GPU, "GPU memory allocated, in bytes", "B"),
    _quantity("gpu.{N}.memoryUsed", _GPU, "GPU memory used", "B"),
    _quantity("gpu.{N}.temp", _GPU, "GPU temperature", "°C"),
    _quantity("gpu.{N}.powerWatts", _GPU, "GPU power", "W"),
    _quantity("gpu.{N}.powerPercent", _GPU, "GPU power, of the limit", "%"),
    _quantity("gpu.{N}.enforcedPowerLimitWatts", _GPU, "GPU power limit", "W"),
    _quantity("gpu.{N}.fanSpeed", _GPU, "GPU fan speed", "%"),
    _quantity("gpu.{N}.smClock", _GPU, "GPU clock of the processors", "MHz"),
    _quantity("gpu.{N}.memoryClock", _GPU, "GPU clock of the memory", "MHz"),
    _quantity("gpu.{N}.graphicsClock", _GPU, "GPU clock of the graphics", "MHz"),
    _quantity("gpu.{N}.correctedMemoryErrors", _GPU, "GPU memory errors, corrected", "errors"),
    _quantity("gpu.{N}.uncorrectedMemoryErrors", _GPU, "GPU memory errors, not corrected", "errors"),
    _quantity("cpu", _CPU, "CPU utilization of the process", "%"),
    _quantity("cpu.{N}.cpu_percent", _CPU, "CPU utilization of each core", "%"),
    _quantity("cpu.ecpu_percent", _CPU, "CPU utilization of efficiency cores", "%"),
    _quantity("cpu.pcpu_percent", _CPU, "CPU utilization of performance cores", "%"),
    _quantity("cpu.avg_temp", _CPU, "CPU temperature", "°C"),
    _quantity("cpu.powerWatts", _CPU, "CPU power", "W"),
    _quantity("memory", _MEMORY, "Memory used", "%"),
    _quantity("memory_percent", _MEMORY, "Memory used", "%"),
    _quantity("memory.used_bytes", _MEMORY, "Memory used, in bytes", "B"),
    _quantity("swap.used_bytes", _MEMORY, "Swap used, in bytes", "B"),
    _quantity("disk.{NAME}.usagePercent", _DISK, "Disk used", "%"),
    _quantity("disk.{NAME}.usageGB", _DISK, "Disk used, in gigabytes", "GB"),
    _quantity("disk.in", _DISK, "Read from disk", "MB"),
    _quantity("disk.out", _DISK, "Written to disk", "MB"),
    _quantity("disk.{NAME}.in", _DISK, "Read from disk", "MB"),
    _quantity("disk.{NAME}.out", _DISK, "Written to disk", "MB"),
    _quantity("network.sent", _NETWORK, "Sent over the network", "B"),
    _quantity("network.recv", _NETWORK, "Received over the network", "B"),
    _quantity("network.tcpRetransmits", _NETWORK, "TCP segments sent again", "segments"),
    _quantity("proc.memory.rssMB", _OWN, "Memory of the process", "MB"),
    _quantity("proc.memory.percent", _OWN, "Memory of the process, of all", "%"),
    _quantity("proc.memory.availableMB", _OWN, "Memory available to the process", "MB"),
    _quantity("proc.cpu.threads", _OWN, "Threads of the process", "threads"),
    _quantity("powerWatts", _OTHER, "Power of the machine", "W"),
)


def sections(keys: Collection[str], query: str = "") -> list[Section]:
    """The charts of these metrics; those of which nothing is known are called by their keys, without a unit."""
    found: dict[str, dict[tuple[str, str], list[Metric]]] = {name: {} for name in _SECTIONS}
    for key in sorted(keys, key=in_natural_order):
        section, title, unit, instance = _describe(key)
        if query.lower() in title.lower() or query.lower() in key.lower():
            found[section].setdefault((title, unit), []).append(Metric(key, instance))
    return [
        Section(name, [_subject(title, unit, metrics) for (title, unit), metrics in subjects.items()])
        for name, subjects in found.items()
        if subjects
    ]


def _subject(title: str, unit: str, metrics: list[Metric]) -> Subject:
    shown = title if len(metrics) <= MAX_LINES else f"{title}, the first {MAX_LINES} of {len(metrics):,}"
    return Subject(title, shown, tuple(metrics[:MAX_LINES]), unit)


def _describe(key: str) -> tuple[str, str, str, str]:
    name = key.removeprefix(_PREFIX)
    for quantity in _QUANTITIES:
        if match := quantity.pattern.fullmatch(name):
            instance = match.groupdict().get("instance", "")
            prefix = {_GPU: "GPU ", _CPU: "Core "}.get(quantity.section, "") if instance else ""
            return quantity.section, quantity.title, quantity.unit, prefix + instance
    section = next((one for one in _SECTIONS if name.lower().startswith(one.lower())), _OTHER)
    return section, name, "", ""
