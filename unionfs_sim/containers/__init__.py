"""Docker's nouns over unions: hosts, engines, images, containers, volumes, networks."""
