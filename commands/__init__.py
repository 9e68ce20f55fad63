"""The command line, a file for each group of commands; they alone know every folder."""
