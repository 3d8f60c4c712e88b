"""How people come in: by invitation, by the company's provider and its groups, and what is on record of each sign-in."""
