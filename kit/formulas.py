"""What a spreadsheet would run as a formula. Names come from outside: none of them may become one."""

STARTS = ("=", "+", "-", "@", "\t", "\r")
