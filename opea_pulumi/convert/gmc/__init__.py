"""GMConnector custom resources."""

from ._check import check_gmconnector
from ._facts import Dialect, crd
from ._read import from_gmc
from ._write import to_gmc

__all__ = ["Dialect", "check_gmconnector", "crd", "from_gmc", "to_gmc"]
