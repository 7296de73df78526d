"""`make bench`: what the speed promises are measured with. Ratios, because machines differ."""
