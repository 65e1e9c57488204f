"""The web console: pages for the people who watch over settlements. Reads the store and the site; only the buttons of
Messages change anything, through the hands of the commands."""
