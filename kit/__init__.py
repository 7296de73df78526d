"""The kit holds the parts that every app uses and that know no subject."""
