"""What Dagster loads in the campaign of kills: the whole platform under a fast clock.

Whether a process lives is a matter of real seconds, so suspicion keeps its own length.
"""

from erp_assets.defs.resources import Platform
from erp_assets.defs.whole import whole
from erp_assets.scheduling.settling import SUSPICION
from erp_assets.settings import load
from erp_assets_tests.acceptance import compressed

defs = whole(Platform(load(), now=compressed.now), suspicion=SUSPICION * compressed.pace())
