"""Name the characters that begin a formula in a spreadsheet. No name from outside may become one."""

STARTS = ("=", "+", "-", "@", "\t", "\r")
