"""Draft a product from data that is there already: inputs, models, contract, tests and sample, as marked proposals."""
