"""The one definition of each figure: positions, true forward, growth and cost, now and at any recorded date."""
