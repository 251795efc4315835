"""Components of the local target: an application as processes of this machine."""

from .application import LocalApplication, LocalApplicationArgs
from .process import LocalVolume, LocalVolumeArgs, Process, ProcessArgs

COMPONENTS = (LocalApplication,)
"""The components that the plugin serves to other languages; Process and LocalVolume it serves itself."""

__all__ = [
    "COMPONENTS",
    "LocalApplication",
    "LocalApplicationArgs",
    "LocalVolume",
    "LocalVolumeArgs",
    "Process",
    "ProcessArgs",
]
