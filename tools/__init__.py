"""Tools of the workshop: what builds, generates and starts things for developers; never part of the program."""
