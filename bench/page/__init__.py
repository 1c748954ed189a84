"""The page: records → one folder that opens in a browser, from disk and offline. It shows what the board computes."""
