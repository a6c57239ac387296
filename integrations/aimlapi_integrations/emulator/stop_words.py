"""Words that say little about what a text is about."""

from __future__ import annotations

_COMMON = """
a about all an and any are as at be by can do does for from get give given has have how i in input into is it its make
me my need of on one or output please return returns run set that the then there this to tool two use used useful using
value want was what when where which who why will with would you your
"""
_OPENING = """
add answer ask book buy calculate call check compare compute convert could create describe divide email explain extract
find generate hello hey hi if let list look multiply name no open order query question read record register reply save
search send show subtract sum tell test translate user weather what's write yes
"""

COMMON = frozenset(_COMMON.split())
# Words that are capitalised only because a sentence starts with them.
OPENERS = COMMON | frozenset(_OPENING.split())
