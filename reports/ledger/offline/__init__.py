"""What an evidence bundle takes along: the script that verifies it anywhere, and the words that explain it."""
