"""The web console: pages for the people who watch over settlements. Reads the store and the site; changes nothing."""
