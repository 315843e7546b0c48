"""What Dagster loads: names the parts, decides nothing."""

from erp_assets.defs.resources import Platform
from erp_assets.defs.whole import whole
from erp_assets.settings import load

defs = whole(Platform(load()))
