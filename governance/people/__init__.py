"""How people come in: by invitation or by groups of the company's provider; and the record of each sign-in."""
