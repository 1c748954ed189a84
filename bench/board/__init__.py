"""The board: records → statistics, time-to-match, LEADERBOARD.md. It reads records only and never imports torch."""
