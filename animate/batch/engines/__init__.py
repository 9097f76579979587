"""Who does the work: processes of this machine (local), or a Ray cluster (ray).

Contents
    Engine, Task, Event     what the batch and its engines say to each other     base
    LocalEngine             worker processes                                     local
    RayEngine               actors and tasks of a cluster; needs ray             ray
"""

from __future__ import annotations

from animate.batch.engines.base import Engine, Event, Task

__all__ = ["Engine", "Event", "Task"]
