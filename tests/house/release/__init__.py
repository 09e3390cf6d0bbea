"""What has to fit before a version may be released; `python -m tests.house.release` says whether it does."""
