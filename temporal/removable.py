"""What is put into a model for a while, such as hooks, and taken out again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self


class Removable(ABC):
    """Acts from when it is made until `remove`, or to the end of a ``with``."""

    @abstractmethod
    def remove(self) -> None:
        """Leave the model as it was; may be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()
