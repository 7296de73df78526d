"""A figure that a part of the benchmark returns."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A measured value against its bound. `at_least`: the bound is a lower one."""

    name: str
    value: float
    bound: float
    unit: str = "×"
    at_least: bool = False
    note: str = ""

    @property
    def holds(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound
