"""The catalogue: every rule in the order in which reports list them."""

from rules.catalog import (
    cloned_plate,
    daytime_not_whitelisted,
    no_entry,
    no_permit,
    off_route,
    outside_hours,
    overspeed,
    quiet_zone,
    signal_loss,
    unauthorised_dumping,
    uncovered_load,
    wrong_destination,
)
from rules.rule import Rule

RULES: tuple[Rule, ...] = (
    unauthorised_dumping.RULE,
    no_permit.RULE,
    wrong_destination.RULE,
    off_route.RULE,
    outside_hours.RULE,
    daytime_not_whitelisted.RULE,
    quiet_zone.RULE,
    no_entry.RULE,
    overspeed.RULE,
    uncovered_load.RULE,
    signal_loss.RULE,
    cloned_plate.RULE,
)

#: Every rule id ever used. Ids are plain names, never renamed and never used again for something else.
RULE_IDS = (
    "no_permit",
    "off_route",
    "wrong_destination",
    "outside_hours",
    "quiet_zone",
    "unauthorised_dumping",
    "daytime_not_whitelisted",
    "no_entry",
    "overspeed",
    "uncovered_load",
    "signal_loss",
    "cloned_plate",
)
