"""The study store: what was tried, how it went and what is on the front. No torch in here."""
